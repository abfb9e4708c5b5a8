"""The store's tables of the connector: how folders are synced, and readings asked for."""

from __future__ import annotations

import sqlalchemy as sa


def sync_modes(schema: sa.MetaData) -> sa.Table:
    """Return the table of sync modes; the row with an empty path is a person's default."""
    return sa.Table(
        "sync_modes",
        schema,
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("mode", sa.Text),
        sa.Column("hands_down", sa.Boolean, nullable=False, server_default="0"),
        sa.Column("last_sync", sa.Integer),
        sa.PrimaryKeyConstraint("person", "path"),
        sqlite_with_rowid=False,
    )


def jobs(schema: sa.MetaData) -> sa.Table:
    """Return the table of jobs; all times are UTC seconds, ``folders`` is a list in JSON."""
    return sa.Table(
        "jobs",
        schema,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("folders", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("done", sa.Integer, nullable=False, server_default="0"),
        sa.Column("total", sa.Integer),
        sa.Column("started", sa.Float, nullable=False),
        sa.Column("seen", sa.Float, nullable=False),
        sa.Column("finished", sa.Float),
        sa.Column("problem", sa.Text),
        sa.Index("jobs_by_person", "person", "started"),
        sqlite_with_rowid=False,
    )
