"""``freebusy password``: the shared account's hash, and people's app passwords.

Safe beside a running service, which sees new and revoked passwords at once.  The JSON is
described in docs/commands.md; times in it are ISO 8601 in UTC.
"""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from getpass import getpass
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from freebusy import gateway
from freebusy.apppasswords import AppPasswords
from freebusy.errors import ConfigurationError, FreeBusyError
from freebusy.exits import say
from freebusy.passwords import MAX_PASSWORD, hash_password
from freebusy.period import from_seconds
from freebusy.ports import Scope
from freebusy.standing import open_store
from freebusy.store import Store
from freebusy.wording import brief, distance, safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from freebusy.apppasswords import AppPassword
    from freebusy.config import Config

JSON_VERSION = 1
"""Grows when a program that reads the JSON would have to change."""

_GOOD_FOR = {
    Scope.PUBLISH: "publishes {}'s file, and reads it",
    Scope.READ: "reads what {} may read",
    Scope.CONNECTOR: "is for the connector, and reads what {} may read",
}


# -- hash


def print_hash() -> None:
    """Print what to store in the place of a password that is typed, or one line of input."""
    hashed = hash_password(_typed() if sys.stdin.isatty() else _piped())
    print(hashed)
    say("Write it into the configuration, below [publish]: password_hash = '...'")


def _typed() -> str:
    password = _checked(getpass("Password: "))
    if getpass("Again: ") != password:
        raise ConfigurationError(["the two are not the same"])
    return password


def _piped() -> str:
    try:
        return _checked(sys.stdin.readline().rstrip("\r\n"))
    except UnicodeDecodeError:
        raise ConfigurationError(["the password must be in UTF-8"]) from None


def _checked(password: str) -> str:
    if not password or len(password) > MAX_PASSWORD or not password.isprintable():
        raise ConfigurationError(
            [f"a password has 1 to {MAX_PASSWORD} characters, and no control characters"]
        )
    return password


# -- app passwords


def add(config: Config, name: str, label: str, scope: Scope) -> None:
    """Make an app password and print it, this once."""
    (person,) = gateway.wanted(config, [name])
    with _app_passwords(config) as app_passwords:
        password = app_passwords.add(person, label, scope)
    print(password)
    say(f"This is shown once. With {person} as the user it {_GOOD_FOR[scope].format(person)}.")
    others = [name for name, member in config.members.items() if person in member.delegates]
    if others and scope is Scope.PUBLISH:
        say(f"It does the same for {', '.join(others)}, whose delegate {person} is.")
    say(f"For what to enter where: freebusy client-setup {person}")


def revoke(config: Config, name: str, label: str) -> None:
    """Make an app password worthless; raises FreeBusyError where there is none."""
    with _app_passwords(config) as app_passwords:
        person = _owner(config, app_passwords.list(), name)
        if not app_passwords.revoke(person, label):
            raise FreeBusyError(f"{person} has no app password {safe(label)!r}")
    say(f"{person}'s app password {safe(label)!r} is revoked.")


def print_list(config: Config, name: str | None, *, as_json: bool) -> None:
    """Print the app passwords of a person, or of everybody; raises StoreError."""
    known = _known(config)
    if name is not None:
        person = _owner(config, known, name)
        known = [each for each in known if each.person == person]
    if as_json:
        listed = [_json(each) for each in known]
        print(json.dumps({"version": JSON_VERSION, "app_passwords": listed}, indent=2))
    elif known:
        Console(highlight=False, emoji=False, markup=False).print(_table(config, known))
    else:
        print("There are no app passwords.")


def _owner(config: Config, known: Sequence[AppPassword], name: str) -> str:
    """Return whose app passwords are meant: also of somebody who has left the roster."""
    if name not in config.members and any(each.person == name for each in known):
        return name
    return gateway.wanted(config, [name])[0]


@contextmanager
def _app_passwords(config: Config) -> Iterator[AppPasswords]:
    gateway.prepare_state(config.site.state)
    store = Store(config.site.state / "store.db")
    try:
        yield AppPasswords(store, gateway.now)
    finally:
        store.close()


def _known(config: Config) -> Sequence[AppPassword]:
    """Return all app passwords; creates nothing."""
    store = open_store(config)
    if store is None:
        return ()
    try:
        return AppPasswords(store, gateway.now).list()
    finally:
        store.close()


def _json(known: AppPassword) -> dict[str, Any]:
    return {
        "name": known.person,
        "label": known.label,
        "scope": known.scope.value,
        "created": _iso(known.created),
        "last_used": None if known.last_used is None else _iso(known.last_used),
        "last_from": known.last_from,
    }


def _iso(seconds: int) -> str:
    return from_seconds(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def _table(config: Config, known: Sequence[AppPassword]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("PERSON", "LABEL", "SCOPE", "CREATED", "LAST USED", "FROM"):
        table.add_column(title, overflow="fold")
    for each in known:
        left = "" if each.person in config.members else " (left)"
        table.add_row(
            Text(each.person + left),
            Text(each.label),
            each.scope.value,
            brief(from_seconds(each.created), gateway.now(), config.timezone),
            _ago(each.last_used),
            Text(each.last_from or "-"),
        )
    return table


def _ago(seconds: int | None) -> str:
    return "never" if seconds is None else distance(from_seconds(seconds), gateway.now())
