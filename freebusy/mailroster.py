"""The use case of keeping the roster in step with the mail server's list of users.

The list is kept in a file (:mod:`freebusy.userlist`) that the configuration is read
with: so every process has the same roster, also while the mail server is away.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from freebusy import gateway, userlist
from freebusy.config import ImapSource
from freebusy.errors import SourceError

if TYPE_CHECKING:
    from freebusy.config import Config
    from freebusy.userlist import Comparison

log = logging.getLogger(__name__)

_SHOWN = 10
"""How many names the log has of those who came or went at once."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What came of asking the mail server who there is."""

    comparison: Comparison | None = None
    """None where its answer was not believed, or there was none."""
    problem: str = ""
    changed: bool = False
    """Whether the configuration has to be read again."""


def refresh(config: Config, *, believe: bool = False) -> Listed:
    """Ask the mail server who there is and keep it; what it lost suddenly is not believed.

    ``believe`` takes over whatever it says.  Raises StoreError.
    """
    name = config.roster.source
    source = None if name is None else config.sources[name]
    if name is None or not isinstance(source, ImapSource):
        return Listed()
    known = userlist.read(config.user_list, name)
    try:
        found = _users(source)
    except SourceError as error:
        log.warning("roster source=%s error=%s", name, error)
        return Listed(problem=str(error))
    lost = userlist.lost_too_many(known, found, config.roster.max_loss)
    if (lost or not found) and not believe:
        return _doubted(name, lost, len(known.users))
    steps = () if believe else config.schedule.confirm_after
    wait = steps[-1].total_seconds() if steps else 0.0
    seen = userlist.compare(known, found, int(gateway.now().timestamp()), wait)
    if seen.users != known:
        gateway.prepare_state(config.site.state)
        userlist.write(config.user_list, seen.users)
    for event, names in (("joined", seen.joined), ("left", seen.left)):
        if names:
            some = ",".join(names[:_SHOWN])
            log.info("roster source=%s event=%s users=%d names=%s", name, event, len(names), some)
    return Listed(seen, changed=bool(seen.joined or seen.left))


def _users(source: ImapSource) -> frozenset[str]:
    from calendar_sync.imap.people import users

    return users(gateway.imap_settings(source))


def _doubted(name: str, lost: int, known: int) -> Listed:
    problem = (
        f"the mail server's list lacks {lost} of {known} users, so nobody was taken out; "
        "freebusy roster --accept believes it"
        if lost
        else "the mail server listed nobody; may the login see other users' folders?"
    )
    log.error("roster source=%s error=%s", name, problem)
    return Listed(problem=problem)
