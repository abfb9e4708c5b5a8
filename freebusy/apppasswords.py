"""App passwords: for one person and one purpose each, so that no mail password is in a URL.

They are looked up in the store each time, so that a revoked one ends at once, in every
process.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from freebusy.errors import ConfigurationError
from freebusy.migrations import APP_PASSWORDS
from freebusy.passwords import app_password_hash, new_password
from freebusy.ports import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from freebusy.store import Store

SCOPES = (Scope.PUBLISH, Scope.READ, Scope.CONNECTOR)
"""What an app password can be for; the first is the usual one."""
MAX_EACH = 50
"""App passwords of one person."""
NOTED_EVERY = 60
"""Seconds between two notes of a password's use."""

_LABEL = re.compile(r"\w[\w .+-]{0,39}")


class AppPassword(NamedTuple):
    """What is known of an app password; all times are UTC seconds."""

    id: int
    person: str
    label: str
    scope: Scope
    created: int
    last_used: int | None = None
    last_from: str | None = None
    """The address of the client that used it last."""


_COLUMNS = [APP_PASSWORDS.c[name] for name in AppPassword._fields]
# Made once: to make the query costs three times as much as to ask it, which every request does.
_BY_HASH = sa.select(*_COLUMNS).where(
    APP_PASSWORDS.c.hash == sa.bindparam("hash"), APP_PASSWORDS.c.person == sa.bindparam("person")
)


class AppPasswords:
    """The app passwords of everybody, in the store; safe from any thread and process.

    Every method raises StoreError where the store cannot be used.
    """

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def add(self, person: str, label: str, scope: Scope) -> str:
        """Make an app password and return it, this once; only its hash is kept.

        Raises ConfigurationError for a label that is taken or cannot be one.
        """
        if not _LABEL.fullmatch(label):
            raise ConfigurationError(
                ["a label has 1 to 40 letters, digits, spaces and . _ + -, a letter or digit first"]
            )
        password = new_password()
        row = {
            "person": person,
            "label": label,
            "scope": scope.value,
            "hash": app_password_hash(person, password),
            "created": self._seconds(),
        }
        with self._store.writing(durable=True) as connection:
            _check_room(connection, person, label)
            connection.execute(sa.insert(APP_PASSWORDS).values(row))
        return password

    def list(self, person: str | None = None) -> Sequence[AppPassword]:
        """Return the app passwords of a person, or of everybody, by person and label."""
        query = sa.select(*_COLUMNS).order_by(APP_PASSWORDS.c.person, APP_PASSWORDS.c.label)
        if person is not None:
            query = query.where(APP_PASSWORDS.c.person == person)
        with self._store.reading() as connection:
            return [_app_password(row) for row in connection.execute(query)]

    def revoke(self, person: str, label: str) -> bool:
        """Make an app password worthless from now on; False where there is none."""
        where = (APP_PASSWORDS.c.person == person) & (APP_PASSWORDS.c.label == label)
        return self._remove(where)

    def forget(self, person: str) -> bool:
        """Remove all app passwords of somebody who left."""
        return self._remove(APP_PASSWORDS.c.person == person)

    def _remove(self, where: sa.ColumnElement[bool]) -> bool:
        with self._store.writing(durable=True) as connection:
            return connection.execute(sa.delete(APP_PASSWORDS).where(where)).rowcount > 0

    def check(self, person: str, password: str) -> AppPassword | None:
        """Return the person's app password that this is, or None; only reads."""
        wanted = {"hash": app_password_hash(person, password), "person": person}
        with self._store.reading() as connection:
            row = connection.execute(_BY_HASH, wanted).first()
        return None if row is None else _app_password(row)

    def is_noted(self, password: AppPassword) -> bool:
        """Whether a use of it now needs no further note: the last is not a minute old."""
        return (
            password.last_used is not None
            and 0 <= self._seconds() - password.last_used < NOTED_EVERY
        )

    def note_use(self, password: AppPassword, address: str) -> None:
        """Note that it was used, and from where; at most once a minute."""
        if self.is_noted(password):
            return
        noted = {"last_used": self._seconds(), "last_from": address}
        with self._store.writing() as connection:
            connection.execute(
                sa.update(APP_PASSWORDS).where(APP_PASSWORDS.c.id == password.id).values(noted)
            )

    def _seconds(self) -> int:
        return int(self._now().timestamp())


def _check_room(connection: sa.Connection, person: str, label: str) -> None:
    query = sa.select(APP_PASSWORDS.c.label).where(APP_PASSWORDS.c.person == person)
    taken = set(connection.scalars(query))
    if label in taken:
        raise ConfigurationError(
            [f"{person} has an app password {label!r} already: revoke it, or take another label"]
        )
    if len(taken) >= MAX_EACH:
        raise ConfigurationError([f"{person} has {MAX_EACH} app passwords: revoke some first"])


def _app_password(row: sa.Row[tuple[object, ...]]) -> AppPassword:
    known = AppPassword._make(row)
    return known._replace(scope=Scope(known.scope))
