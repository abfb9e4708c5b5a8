"""``freebusy roster``: ask the mail server who there is, by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freebusy import logs, mailroster
from freebusy.errors import ConfigurationError
from freebusy.exits import say
from freebusy.wording import counted, safe, some

if TYPE_CHECKING:
    from collections.abc import Sequence

    from freebusy.config import Config

_SHOWN = 20


def print_roster(config: Config, *, believe: bool) -> bool:
    """Ask now, keep the answer and say what it changes; return whether it is believed.

    Raises ConfigurationError where no mail server is to be asked, and StoreError.
    """
    if config.roster.source is None:
        raise ConfigurationError(["roster.source: is not set; people come from elsewhere"])
    logs.configure("critical")
    listed = mailroster.refresh(config, believe=believe)
    seen = listed.comparison
    if seen is None:
        say(f"freebusy: {listed.problem}")
        return False
    missing = [user for user, since in seen.users.users.items() if since]
    users = counted(len(seen.users.users) - len(missing), "user")
    print(f"sources.{config.roster.source} lists {users}.")
    for title, names in (("new", seen.joined), ("missing", missing), ("gone", seen.left)):
        _print_names(title, names)
    return True


def _print_names(title: str, names: Sequence[str]) -> None:
    if names:
        print(f"{title}: {counted(len(names), 'user')}")
        for line in some(names, _SHOWN, ""):
            print(f"  {safe(line)}")
