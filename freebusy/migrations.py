"""The store's schema and how an older one becomes it.

``PRAGMA user_version`` holds the number of steps that were done.  A step is never
changed once released; a change of the schema is a new step at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from freebusy.connectortables import jobs, sync_modes
from freebusy.errors import StoreError
from freebusy.logintables import app_passwords, login_failures

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = sa.MetaData()

META = sa.Table(
    "meta",
    SCHEMA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
CALENDARS = sa.Table(
    "calendars",
    SCHEMA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("token", sa.Text),
    sa.Column("generation", sa.Text),
    sa.Column("run", sa.Integer, nullable=False, server_default="0"),
    sa.Column("basis", sa.Text),
    sa.Column("horizon_start", sa.Integer),
    sa.Column("horizon_end", sa.Integer),
    sa.Column("reader", sa.Integer),
    sa.Column("ever_held", sa.Boolean, nullable=False, server_default="0"),
    sa.Column("last_attempt", sa.Integer),
    sa.Column("last_success", sa.Integer),
    sa.Column("last_change", sa.Integer),
    sa.Column("error", sa.Text),
    sa.Column("doubted_since", sa.Integer),
    sa.Column("doubts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("is_own", sa.Boolean, nullable=False, server_default="1"),
    sa.Column("attendees_only", sa.Boolean, nullable=False, server_default="0"),
    sa.UniqueConstraint("person", "source", "key"),
)
ITEMS = sa.Table(
    "items",
    SCHEMA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("calendar", sa.ForeignKey("calendars.id", ondelete="CASCADE"), nullable=False),
    sa.Column("generation", sa.Text, nullable=False),
    sa.Column("href", sa.Text, nullable=False),
    sa.Column("order", sa.Integer, nullable=False),
    sa.Column("run", sa.Integer, nullable=False),
    sa.Column("records", sa.Text, nullable=False),
    sa.Column("skipped", sa.Text, nullable=False),
    sa.Column("notes", sa.Text, nullable=False),
    sa.UniqueConstraint("calendar", "generation", "href"),
)
ITEM_UIDS = sa.Table(
    "item_uids",
    SCHEMA,
    sa.Column("calendar", sa.ForeignKey("calendars.id", ondelete="CASCADE"), nullable=False),
    sa.Column("item", sa.ForeignKey("items.id", ondelete="CASCADE"), nullable=False),
    sa.Column("uid", sa.Text, nullable=False),
    sa.PrimaryKeyConstraint("calendar", "uid", "item"),
    sa.Index("item_uids_by_item", "item"),
    sqlite_with_rowid=False,
)
OBJECTS = sa.Table(
    "objects",
    SCHEMA,
    sa.Column("calendar", sa.ForeignKey("calendars.id", ondelete="CASCADE"), nullable=False),
    sa.Column("uid", sa.Text, nullable=False),
    sa.Column("first", sa.Integer),
    sa.Column("last", sa.Integer),
    sa.Column("upper", sa.Integer),
    sa.Column("spans", sa.LargeBinary, nullable=False),
    sa.Column("refused", sa.Text),
    sa.UniqueConstraint("calendar", "uid"),
    sa.Index("objects_in_time", "calendar", "last", "first"),
)
MERGED = sa.Table(
    "merged",
    SCHEMA,
    sa.Column("calendar", sa.ForeignKey("calendars.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("spans", sa.LargeBinary, nullable=False),
)

PUBLICATIONS = sa.Table(
    "publications",
    SCHEMA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("own", sa.Boolean, nullable=False),
    sa.Column("in_force", sa.Boolean, nullable=False),
    sa.Column("received", sa.Integer, nullable=False),
    sa.Column("first", sa.Integer, nullable=False),
    sa.Column("times", sa.Integer, nullable=False),
    sa.Column("changed", sa.Integer, nullable=False),
    sa.Column("ended", sa.Integer),
    sa.Column("ending", sa.Text),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("protocol", sa.Text, nullable=False),
    sa.Column("client", sa.Text, nullable=False),
    sa.Column("window_start", sa.Integer, nullable=False),
    sa.Column("window_end", sa.Integer, nullable=False),
    sa.Column("periods", sa.Integer, nullable=False),
    sa.Column("spans", sa.LargeBinary, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Index("publications_in_force", "person", "in_force"),
)
APP_PASSWORDS = app_passwords(SCHEMA)
LOGIN_FAILURES = login_failures(SCHEMA)
SYNC_MODES = sync_modes(SCHEMA)
JOBS = jobs(SCHEMA)


def _create(connection: sa.Connection) -> None:
    SCHEMA.create_all(connection, tables=[META, CALENDARS, ITEMS, ITEM_UIDS, OBJECTS])


def _add_merged(connection: sa.Connection) -> None:
    MERGED.create(connection, checkfirst=True)


def _add_publications(connection: sa.Connection) -> None:
    PUBLICATIONS.create(connection, checkfirst=True)


def _add_logins(connection: sa.Connection) -> None:
    SCHEMA.create_all(connection, tables=[APP_PASSWORDS, LOGIN_FAILURES])


def _add_kinds_of_calendars(connection: sa.Connection) -> None:
    known = {column["name"] for column in sa.inspect(connection).get_columns(CALENDARS.name)}
    for column in (CALENDARS.c.is_own, CALENDARS.c.attendees_only):
        if column.name not in known:  # the first step makes the table as it is now
            default = column.server_default.arg  # type: ignore[union-attr]  # both have one
            connection.exec_driver_sql(
                f"ALTER TABLE {CALENDARS.name} ADD COLUMN {column.name} BOOLEAN"
                f" NOT NULL DEFAULT {default}"
            )


def _add_connector(connection: sa.Connection) -> None:
    SCHEMA.create_all(connection, tables=[SYNC_MODES, JOBS])


STEPS: tuple[Callable[[sa.Connection], None], ...] = (
    _create,
    _add_merged,
    _add_publications,
    _add_logins,
    _add_kinds_of_calendars,
    _add_connector,
)


def _done(connection: sa.Connection) -> int:
    """Return how many steps were done; raises StoreError for more than are known."""
    done: int = connection.exec_driver_sql("PRAGMA user_version").scalar() or 0
    if done > len(STEPS):
        raise StoreError(
            f"the state was written by a newer release (schema {done}, known here: {len(STEPS)});"
            " install that release, or start with an empty state directory"
        )
    return done


def check(connection: sa.Connection) -> None:
    """Raise StoreError where the database has another schema than this release's."""
    done = _done(connection)
    if done < len(STEPS):
        raise StoreError(
            f"the state was written by an older release (schema {done}, here: {len(STEPS)});"
            " start or restart the service, which brings it up to date"
        )


def migrate(connection: sa.Connection) -> None:
    """Do the steps that are missing, inside the caller's transaction.

    Raises StoreError for a database that a newer release wrote.
    """
    done = _done(connection)
    for step in STEPS[done:]:
        step(connection)
    if done < len(STEPS):
        connection.exec_driver_sql(f"PRAGMA user_version = {len(STEPS)}")
