"""Who may do what: everybody, by every protocol, on three sites, against one table each.

Clients come from addresses of their own in 127.0.0.0/8, as people do from their networks.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import pytest

from tests.system.publishing_case import (
    FREEBUSY,
    Protocol,
)
from tests.system.rights_case import (
    BY,
    DONE,
    EVERYBODY,
    GONE,
    GUESSING,
    INSIDE,
    NAMES,
    OUTSIDE,
    READ,
    SITES,
    TRUSTED,
    Place,
    Seen,
    Somebody,
    marked,
    running_site,
    seen,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers.dovecot import Dovecot

pytestmark = pytest.mark.dovecot


@pytest.fixture(scope="module", params=SITES)
def place(
    request: pytest.FixtureRequest, dovecot: Dovecot, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    directory = tmp_path_factory.mktemp(request.param)
    with running_site(request.param, directory, dovecot) as place:
        yield place


@dataclass(frozen=True)
class Row:
    """Somebody, and what is expected; NAMEs of files, separated by spaces."""

    who: str
    writes: str
    anyone: str | None
    """What is read where anyone may read; None: not even admitted."""
    networks: str | None
    accounts: str | None
    address: str = OUTSIDE
    anyone_lists: str | None = None
    """What is listed there, if something else than what is read."""
    networks_lists: str | None = None
    accounts_lists: str | None = None


ALL = (EVERYBODY, EVERYBODY, EVERYBODY)
NO_NAMES = {"networks_lists": "", "accounts_lists": ""}
"""These sites list nothing to anonymous visitors."""
OWN_NAME = {"networks_lists": "hans", "accounts_lists": "hans"}
TABLE = [
    #   who                 writes     | reads where the site says
    #                                  | anyone       networks     accounts
    Row("anonymous outside", "", "hans", None, None),
    Row("anonymous inside", "", "hans otto", "hans otto", "otto", INSIDE, **NO_NAMES),
    Row("trusted network", EVERYBODY, "hans", None, None, TRUSTED),
    Row("freebusy", EVERYBODY, *ALL),
    Row("owner", "hans", *ALL),
    Row("owner, by an alias", "hans", *ALL),
    Row("owner, by the address", "hans", *ALL),
    Row("owner, from a URL", "hans", *ALL),
    Row("delegate", "hans", *ALL),
    Row("other person", "otto", *ALL),
    Row("hidden person", "chef", *ALL),
    Row("publish", "hans", "hans", "hans", "hans"),
    Row("publish, inside", "hans", "hans otto", "hans otto", "hans otto", INSIDE, **OWN_NAME),
    Row("read", "", *ALL),
    Row("connector", "", *ALL),
    Row("delegate's publish", "hans", "hans", "hans", "hans"),
]
SHUT_OUT = {
    "wrong password": (401, 530),
    "wrong shared password": (401, 530),
    "wrong app password": (401, 530),
    "somebody else's app password": (401, 530),
    "anonymous by name": (401, 530),
    "unknown": (401, 530),
    "no password": (401, 530),
    "slowed": (429, 530),
}
"""Who gets nowhere: the status of everything over HTTP, the reply to PASS."""


# -- what is expected


def expected(row: Row, place: Place, protocol: Protocol) -> Seen:
    """Write a row of the table out."""
    login = place.logins[row.who]
    door = _door(row, place, protocol)
    if door is not None:
        return _nothing(door)
    reads: str | None = getattr(row, place.site)
    listed: str | None = getattr(row, f"{place.site}_lists")
    is_web = protocol in {"http", "https"}
    not_read = (401 if _might_log_in(row, place) else 404) if is_web else 550
    not_written = (401 if login is None else 403) if is_web else 550
    said: Seen = {"list": 401 if reads is None else reads if listed is None else listed}
    for name in NAMES:
        writes = name in row.writes.split()
        said |= {
            f"read {name}": READ[protocol] if name in (reads or "").split() else not_read,
            f"write {name}": DONE[protocol] if writes else not_written,
            f"{name} holds it": writes,
            f"delete {name}": GONE[protocol] if writes else not_written,
        }
        if writes and login is not None and login != FREEBUSY:
            said[f"{name} is as before"] = False
    return said


def _might_log_in(row: Row, place: Place) -> bool:
    """Whether what is refused to an anonymous visitor might be for somebody who logs in."""
    inside = place.site == "networks" and row.address == INSIDE
    return place.logins[row.who] is None and place.site != "anyone" and not inside


def _door(row: Row, place: Place, protocol: Protocol) -> int | None:
    """Return with what a client is stopped before it can ask for anything."""
    is_strict, login = place.site == "accounts", place.logins[row.who]
    if login is None:
        admitted = getattr(row, place.site) is not None
        return 530 if protocol in {"ftp", "ftps"} and not admitted else None
    if is_strict and protocol == "ftp":
        return 530
    if is_strict and protocol == "http" and row.address != INSIDE:
        return 403
    return None


def _nothing(status: int) -> Seen:
    said: Seen = {"list": status}
    for name in NAMES:
        said |= {f"{act} {name}": status for act in ("read", "write", "delete")}
        said[f"{name} holds it"] = False
    return said


# -- the matrix


@pytest.mark.parametrize("protocol", get_args(Protocol))
@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.who)
def test_rights(place: Place, row: Row, protocol: Protocol) -> None:
    """Everybody reads, writes, deletes and lists what the table says, and nothing else."""
    assert expected(row, place, protocol) == seen(place, protocol, row.who, row.address)


@pytest.mark.parametrize("place", ["anyone", "accounts"], indirect=True)
@pytest.mark.parametrize("who", SHUT_OUT)
def test_who_is_shut_out(place: Place, who: str) -> None:
    """A login that does not come about opens nothing, not even what anonymous visitors read."""
    tried = [(protocol, act) for protocol in get_args(Protocol) for act in ACTS]

    def attempt(number: int) -> int | str:
        """Try from an address of its own: one that fails slows those beside it."""
        protocol, act = tried[number]
        address = GUESSING if who == "slowed" else f"127.{_number(place, who)}.1.{number + 1}"
        with closing(BY[protocol](place, protocol, who, address)) as somebody:
            return act(somebody)

    with ThreadPoolExecutor(len(tried)) as together:
        found = dict(zip(tried, together.map(attempt, range(len(tried))), strict=True))
    assert {one: _shut(place, who, one[0]) for one in tried} == found
    with closing(place.watcher()) as watcher:
        assert not marked(shown(watcher, "hans"))


ACTS: list[Callable[[Somebody], int | str]] = [
    lambda somebody: somebody.list(),
    lambda somebody: somebody.read("hans"),
    lambda somebody: somebody.write("hans"),
    lambda somebody: somebody.delete("hans"),
]


def _number(place: Place, who: str) -> int:
    return list(SHUT_OUT).index(who) + 1


def _shut(place: Place, who: str, protocol: Protocol) -> int:
    if protocol == "http" and place.site == "accounts":
        return 403
    return SHUT_OUT[who][protocol in {"ftp", "ftps"}]
