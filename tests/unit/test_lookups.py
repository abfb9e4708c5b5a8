"""Many people looked up at once, in the published tree."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freebusy.accounts import PublishedFiles
from freebusy.connector.configured import limits_of, lookups, own_domains, reload, servers_of
from freebusy.connector.limits import FetchLimits
from freebusy.connector.lookups import Lookups
from freebusy.connector.servers import OtherServer
from freebusy.errors import StoreError
from freebusy.period import FreeBusyType, Period, TimeRange
from freebusy.ports import Account, PersonTimes, Scope, Visitor
from freebusy.public import PublicDirectory
from freebusy.rights import PersonRights
from freebusy.scanners import Scanners
from freebusy.tree import Tree
from freebusy.vfreebusy import FreeBusy, encode
from tests.servers.certificate import make_certificate
from tests.unit.test_accounts import rules
from tests.unit.test_config import configured
from tests.unit.test_rights import HANS, OTTO, Someone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from freebusy.ports import PublishedFile

START = datetime(2026, 6, 1, tzinfo=UTC)
WINDOW = TimeRange(START, START + timedelta(days=30))
INSIDE = Visitor("127.0.0.1")
EVA = Visitor("127.0.0.1", Account("eva", "eva", Scope.MAIL))
MODIFIED = datetime(2026, 6, 2, tzinfo=UTC)


def hour(day: int, at: int, kind: FreeBusyType = FreeBusyType.BUSY, *, hours: int = 1) -> Period:
    start = START + timedelta(days=day - 1, hours=at)
    return Period(start, start + timedelta(hours=hours), kind)


PERIODS = (hour(3, 8), hour(4, 9, FreeBusyType.BUSY_TENTATIVE), hour(5, 22, hours=4))


def file(name: str, *periods: Period, as_of: datetime | None = None) -> bytes:
    times = FreeBusy(f"{name}@example.com", "x", START, WINDOW, periods, as_of)
    return encode(times)


EVA_TOO = Someone(("eva@example.com", "e.muster@example.com"), aliases=("eva@old.example",))


class Files(PublishedFiles):
    """The published tree, with a clock that stands still and a count of what is refused."""

    def __init__(self, folder: Path, *, scan_free: int = 1_000_000, **options: Any) -> None:
        public, restricted = (PublicDirectory(folder / half) for half in ("public", "restricted"))
        public.replace("hans", file("hans", *PERIODS))
        public.replace("eva", file("eva", as_of=START + timedelta(hours=5)))
        persons = {"hans": PersonRights(read="accounts")} if options.pop("hide", False) else {}
        self.refused = 0
        super().__init__(
            Tree(public, restricted, lambda name: not name),
            rules(HANS, EVA_TOO, OTTO, persons=persons, site_read="anyone"),
            scanners=Scanners(scan_free, clock=lambda: 0.0),
            **options,
        )

    def hold_up(self, visitor: Visitor) -> float:
        self.refused += 1
        return super().hold_up(visitor)


def look_up(
    files: Any,
    *names: str,
    within: TimeRange | None = None,
    visitor: Visitor = INSIDE,
    **options: Any,
) -> Sequence[PersonTimes]:
    async def scenario() -> Sequence[PersonTimes]:
        made = Lookups(files, domains=("example.com",), **options)
        try:
            return await made.look_up(names, within, visitor)
        finally:
            await made.close()

    return asyncio.run(scenario())


def statuses(found: Sequence[PersonTimes]) -> list[str]:
    return [times.status for times in found]


@pytest.mark.parametrize("name", ["hans", "Hans", "CHEF", "hans@example.com"])
def test_a_person_of_ours(tmp_path: Path, name: str) -> None:
    """A NAME, an alias and an address give the times, what is known, and up to when."""
    (times,) = look_up(Files(tmp_path), name)
    assert (name, "known", PERIODS, WINDOW, False) == (
        times.name,
        times.status,
        times.periods,
        times.known,
        times.is_elsewhere,
    )


def test_how_old_it_is(tmp_path: Path) -> None:
    """A stale file is as old as it says, another one as its last change."""
    files = Files(tmp_path)
    before = datetime.now(UTC) - timedelta(minutes=5)
    hans, eva = look_up(files, "hans", "eva")
    assert hans.as_of is not None
    assert (True, START + timedelta(hours=5)) == (hans.as_of > before, eva.as_of)
    assert [False, True] == [hans.is_stale, eva.is_stale]


def test_the_order_is_kept(tmp_path: Path) -> None:
    """There is one answer for each name, in their order, also for one asked twice."""
    names = [
        "eva",
        "nobody",
        "hans",
        "eva",
        "nobody@example.com",
        "x@partner.example",
        "o'x@partner.example",
        "o'x@Example.com",
        "x@",
    ]
    found = look_up(Files(tmp_path), *names)
    assert names == [times.name for times in found]
    told = ["known", "unknown", "known", "known", "unknown", "not_allowed", "not_allowed"]
    assert [*told, "unknown", "unknown"] == statuses(found)


def test_times_are_cut(tmp_path: Path) -> None:
    """Only what was asked for comes out, and what is known of it is said."""
    within = TimeRange(START + timedelta(days=4, hours=23), START + timedelta(days=40))
    (times,) = look_up(Files(tmp_path), "hans", within=within)
    assert (hour(5, 23, hours=3),) == times.periods
    assert TimeRange(within.start, WINDOW.end) == times.known


def test_nothing_known_of_that_time(tmp_path: Path) -> None:
    """Who is not known of for that time is not said to be free in it."""
    within = TimeRange(WINDOW.end, WINDOW.end + timedelta(days=1))
    names = ("eva", "eva@example.com", "eva@old.example")
    assert [PersonTimes(name, "unknown") for name in names] == look_up(
        Files(tmp_path), *names, within=within
    )


def test_hidden_and_unknown_are_alike(tmp_path: Path) -> None:
    """Who may not read somebody's times is told the same as of nobody; who may is told."""
    files = Files(tmp_path, hide=True)
    names = ("hans", "hans@example.com", "nobody", "nobody@example.com", "otto")
    assert [PersonTimes(name, "unknown") for name in names] == look_up(files, *names)
    assert len(names) == files.refused
    assert "known" == look_up(files, "hans", visitor=EVA)[0].status


def test_a_file_that_claims_nothing_is_nobodys(tmp_path: Path) -> None:
    """Where the site says "no information" of nobody, nobody is still unknown."""
    files = Files(tmp_path, no_information=True)
    assert [PersonTimes("nobody", "unknown")] == look_up(files, "nobody")


def test_any_names(tmp_path: Path) -> None:
    """Whatever is asked for has a status."""
    files = Files(tmp_path)

    @given(st.lists(st.text(), max_size=5))
    @settings(deadline=None)
    def check(names: list[str]) -> None:
        found = look_up(files, *names)
        assert [(name, True) for name in names] == [
            (times.name, times.status in {"known", "unknown", "not_allowed"}) for times in found
        ]

    check()


def test_what_cannot_be_read_for_now(tmp_path: Path) -> None:
    """A fault of the disk and a broken file are no reason to fail for all."""

    class Faulty(Files):
        def find(self, path: str, visitor: Visitor) -> PublishedFile | None:
            if "eva" in path:
                raise StoreError("SECRET")
            return super().find(path, visitor)

    assert ["known", "unreachable"] == statuses(look_up(Faulty(tmp_path), "hans", "eva"))


# -- scanners


def test_a_thousand_names_at_once_are_a_thousand_requests(tmp_path: Path) -> None:
    """Refused names wait as long as one after the other; the rest is not answered at all."""
    files = Files(tmp_path, scan_free=60)
    names = [f"name{number}" for number in range(999)]
    found = look_up(files, *names, "hans", patience=0.5)
    # 60 are free, the next ones wait 0.25 s and 0.5 s: the second of them would be too long.
    assert ["unknown"] * 61 + ["unreachable"] * 939 == statuses(found)
    assert 62 == files.refused


def test_refusals_wait(tmp_path: Path) -> None:
    """An answer with refusals goes out after as long as they would have waited in turn."""
    files = Files(tmp_path, scan_free=1)

    async def scenario() -> float:
        made = Lookups(files)
        began = asyncio.get_running_loop().time()
        await made.look_up(["a", "b", "c"], None, INSIDE)  # 0, 0.25 and 0.5 s
        lasted = asyncio.get_running_loop().time() - began
        await made.close()
        return lasted

    assert 0.7 < asyncio.run(scenario()) < 2


def test_who_finds_does_not_wait(tmp_path: Path) -> None:
    """Known people cost nobody anything, however many are asked for."""
    files = Files(tmp_path, scan_free=1)
    assert ["known"] * 500 == statuses(look_up(files, *["hans", "eva"] * 250))
    assert 0 == files.refused


# -- how much


def test_periods_of_one_look_up_are_bounded(tmp_path: Path) -> None:
    """Of a person all periods are shown or none, and beyond the bound nobody's are."""
    files = Files(tmp_path)
    names = ("hans", "chef", "hans@example.com", "eva")
    found = look_up(files, *names, max_periods=7)
    assert ["known", "known", "unreachable", "unreachable"] == statuses(found)
    assert () == found[2].periods


# -- the configuration


def test_from_the_configuration(tmp_path: Path) -> None:
    """What the configuration says of look-ups is what they do."""
    config = configured(
        tmp_path,
        'persons = [{address = "hans@example.com", aliases = ["chef", "h@old.example"]}, '
        '"eva@sub.example.com"]\n'
        '[site]\ndefault_domain = "x.example"\n'
        '[lookup]\ncache = 0\n[lookup.servers.partner]\ndomains = "partner.example"\n'
        'urls = "http://127.0.0.1/%NAME%.vfb"\n',
    )

    async def scenario() -> Sequence[PersonTimes]:
        made = lookups(config, Files(tmp_path), lambda: MODIFIED)
        names = ["hans", "a@partner.example", "b@x.example", "c@other.example"]
        found = await made.look_up(names, None, INSIDE)
        await made.close()
        return found

    domains = {"example.com", "old.example", "sub.example.com", "x.example"}
    assert domains == own_domains(config)
    # 127.0.0.1 is inside, and private = true is not said.
    assert ["known", "unreachable", "unknown", "not_allowed"] == statuses(asyncio.run(scenario()))


PARTNER = '[lookup.servers.partner]\ndomains = "partner.example"\n'
URLS = 'urls = "http://127.0.0.1/%NAME%.vfb"\n'


def test_a_change_of_the_configuration(tmp_path: Path) -> None:
    """Other domains count at once; what asks other servers stays while they are the same."""
    one, two = (f'persons = ["hans@{domain}"]\n' for domain in ("one.example", "two.example"))
    texts = {
        "the same": two + PARTNER + URLS,
        "another server": two + PARTNER + URLS + "at_once = 2\n",
        "another limit": two + "[lookup]\nat_once = 2\n" + PARTNER + URLS,
        "none": two,
    }

    async def scenario() -> dict[str, tuple[bool, list[str]]]:
        seen = {}
        for what, text in texts.items():
            made = lookups(
                configured(tmp_path, one + PARTNER + URLS), Files(tmp_path), lambda: MODIFIED
            )
            before = made.elsewhere
            await reload(made, configured(tmp_path, text), lambda: MODIFIED)
            found = await made.look_up(["x@one.example", "x@two.example"], None, INSIDE)
            seen[what] = made.elsewhere is before, statuses(found)
            await made.close()
        return seen

    told = ["not_allowed", "unknown"]
    assert {what: (what == "the same", told) for what in texts} == asyncio.run(scenario())


def test_the_page_shows_what_works(tmp_path: Path) -> None:
    """The example of docs/lookups.md is a configuration without a warning of its own."""
    page = (Path(__file__).parents[2] / "docs/lookups.md").read_text("utf-8")
    (example,) = re.findall(r"(?s)```toml\n(.*?)```", page)
    config = configured(tmp_path, 'persons = ["hans@example.com"]\n' + example)
    partner = config.lookup_servers["partner"]
    assert (("partner.example", "*.partner.example"), 2) == (partner.domains, len(partner.urls))
    assert [] == [warning for warning in config.warnings if "lookup" in warning]


def test_every_limit_of_the_configuration_arrives(tmp_path: Path) -> None:
    """No key of [lookup] and of its servers is left without an effect."""
    authority = make_certificate(tmp_path).cert
    config = configured(
        tmp_path,
        """
        [lookup]
        max_names = 11
        patience = "12s"
        timeout = "13s"
        connect_timeout = "14s"
        max_size = 15000
        max_redirects = 6
        at_once = 17
        cache = "18s"
        cache_misses = "19s"
        cache_size = 20
        [lookup.servers.partner]
        domains = ["Partner.example", "münchen.example"]
        ports = [8443]
        urls = ["https://%server%:8443/%Name%"]
        redirect_hosts = "CDN.example"
        private = true
        ca_file = "cert.pem"
        at_once = 3
        timezone = "europe/berlin"
        """,
    )
    assert FetchLimits(13, 14, 15000, 6, 17, 18, 19, 20) == limits_of(config.lookup)
    assert (11, 12) == (config.lookup.max_names, config.lookup.patience.total_seconds())
    (server,) = servers_of(config)
    assert (
        OtherServer(
            "partner",
            ("partner.example", "xn--mnchen-3ya.example"),
            ("https://%server%:8443/%Name%",),
            private=True,
            ports=frozenset({8443}),
            redirect_hosts=frozenset({"cdn.example"}),
            ca_file=str(authority),
            at_once=3,
            timezone="Europe/Berlin",
        )
        == server
    )
