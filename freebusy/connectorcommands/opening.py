"""A connector's home, opened for a command, and how its tables look."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from calendar_sync.connector.account import ConnectorAccount, default_home, open_account
from freebusy.exits import say

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from calendar_sync.connector.client import ConnectorClient

JSON_VERSION = 1
"""Grows when a program that reads the JSON would have to change."""
_LOCALE = re.compile(r"([a-z]{2,3})(?:_([A-Z]{2}))?(?:[.@]|$)")


def home_or_default(home: Path | None) -> Path:
    """Return where a connector's home is."""
    return (home or default_home(os.environ)).expanduser().absolute()


def opened(home: Path | None) -> ConnectorAccount:
    """Open a home; a password that stands in its ``connector.ini`` moves out of it."""
    account = open_account(home_or_default(home))
    if not account.is_settled:
        say(f"The password moved from {account.source} to {account.settle()}.")
    return account


def client_of(account: ConnectorAccount) -> ConnectorClient:
    """Return a client that speaks the user's language."""
    return account.client(language(os.environ))


def client(home: Path | None) -> ConnectorClient:
    """Return a client for a home."""
    return client_of(opened(home))


def language(environ: Mapping[str, str]) -> str:
    """Return the user's language as Accept-Language has it; empty where none is set."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environ.get(name):
            found = _LOCALE.match(value)
            return "" if found is None else "-".join(part for part in found.groups() if part)
    return ""


def console() -> Console:
    """Return where tables go."""
    return Console(highlight=False, emoji=False, markup=False)


def table(*titles: str, foldable: int = 1) -> Table:
    """Return an empty table as all commands have it; its first columns may be folded."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for number, title in enumerate(titles):
        made.add_column(title, overflow="fold", no_wrap=number >= foldable)
    return made
