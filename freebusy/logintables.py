"""The store's tables of logins: app passwords, and what failed lately."""

from __future__ import annotations

import sqlalchemy as sa


def app_passwords(schema: sa.MetaData) -> sa.Table:
    """Return the table of app passwords; all times are UTC seconds."""
    return sa.Table(
        "app_passwords",
        schema,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("created", sa.Integer, nullable=False),
        sa.Column("last_used", sa.Integer),
        sa.Column("last_from", sa.Text),
        sa.UniqueConstraint("person", "label"),
    )


def login_failures(schema: sa.MetaData) -> sa.Table:
    """Return the table of failed logins; ``subject`` is an address, an account or a moment."""
    return sa.Table(
        "login_failures",
        schema,
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last", sa.Float, nullable=False),
        sa.Index("login_failures_by_age", "last"),
        sqlite_with_rowid=False,
    )
