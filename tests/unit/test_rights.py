"""Who may read, list and write whose file; how scanners are slowed."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from freebusy import rights, scanners
from freebusy.names import RequestedName
from freebusy.ports import Account, Scope, Visitor
from freebusy.rights import Networks, PersonRights, Rights
from freebusy.roster import Roster
from freebusy.scanners import Scanners

if TYPE_CHECKING:
    from collections.abc import Iterable

    from freebusy.rights import Audience

DEFAULTS = tuple(rights._KNOWN_NETWORKS)


@dataclass(frozen=True)
class Someone:
    addresses: tuple[str, ...]
    name: str | None = None
    aliases: tuple[str, ...] = ()


HANS = Someone(("hans@example.com",), aliases=("chef",))
EVA = Someone(("eva@example.com", "e.muster@example.com"))
OTTO = Someone(("otto@example.com",))
ROSTER = Roster([HANS, EVA, OTTO])

INSIDE = Visitor("127.0.0.1")
OUTSIDE = Visitor("203.0.113.9")
SHARED = Visitor("203.0.113.9", Account("freebusy", None, Scope.SHARED))


def login(person: str, scope: Scope = Scope.MAIL, address: str = "203.0.113.9") -> Visitor:
    return Visitor(address, Account(person, person, scope))


def some_rights(site_read: Audience = "networks", **options: object) -> Rights:
    defaults = {"networks": DEFAULTS, "publishing": True, "logins": True}
    return Rights(ROSTER, site_read=site_read, **(defaults | options))  # type: ignore[arg-type]  # options of many types


def read_by(visitor: Visitor, rules: Rights) -> list[str]:
    return [name for name in (*ROSTER.names, "nobody") if rules.reads(visitor, name)]


def written_by(visitor: Visitor, rules: Rights) -> list[str]:
    return [name for name in (*ROSTER.names, "nobody") if rules.writes(visitor, name)]


# -- the roster


def test_a_roster_knows_names_addresses_and_aliases() -> None:
    """Every way to name a person gives the canonical NAME."""
    roster = Roster([HANS, EVA])
    assert ("hans", "eva") == roster.names
    assert {"hans": HANS.addresses, "eva": EVA.addresses} == roster.addresses
    assert "hans" == roster.canonical(RequestedName("chef", "example.com"))
    assert "eva" == roster.canonical(RequestedName("e.muster"))
    assert roster.canonical(RequestedName("nobody")) is None
    assert [True, False] == ["hans" in roster, "chef" in roster]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/pub/calendar/hans.vfb", "hans"),
        ("/calendar/CHEF.ifb", "hans"),
        ("/freebusy/e.muster@example.com", "eva"),
        ("/calendar/hans.xfb", None),
        ("/calendar/nobody.vfb", None),
        ("/hans.vfb", None),
    ],
)
def test_a_path_names_a_person(path: str, name: str | None) -> None:
    """All served forms of a path lead to the canonical NAME, and nothing else does."""
    assert name == ROSTER.named_by(path)


@pytest.mark.parametrize(
    ("user", "name"),
    [
        ("hans", "hans"),
        ("HANS", "hans"),
        ("hans@example.com", "hans"),
        ("hans%40example.com", "hans"),
        ("Hans%40EXAMPLE.com", "hans"),
        ("chef", "hans"),
        ("e.muster@example.com", "eva"),
        ("e.muster", "eva"),
        ("anna+kalender", "anna"),
        ("hans@example.org", None),
        ("hans@example.com@example.com", None),
        ("hans%40example.com%40example.com", None),
        ("hans%2540example.com", None),
        ("hans*master", None),
        ("hans*", None),
        ("hans+kalender", None),
        ("hans+", None),
        ("hans/outlook", None),
        ("hans\0", None),
        ("hans\n", None),
        ("hans\r\nA LOGIN x y", None),
        (" hans", None),
        ("hans ", None),
        ("hans.vfb", None),
        ("freebusy/hans", None),
        ('"hans"', None),
        ("{4}", None),
        ("cyrus", None),
        ("admin", None),
        ("freebusy", None),
        ("", None),
        ("@", None),
        ("%40", None),
        ("@example.com", None),
        ("\udcff", None),
        ("h" * 1_000_000, None),
    ],
)
def test_a_login_names_a_person(user: str, name: str | None) -> None:
    """A login is a NAME, an alias or an address of the roster, or it is nobody's."""
    roster = Roster([HANS, EVA, Someone(("anna@example.com",), aliases=("anna+kalender",))])
    assert name == roster.person_of(user)


# -- networks


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("10.1.2.3", True),
        ("172.31.255.255", True),
        ("172.32.0.1", False),
        ("192.168.0.1", True),
        ("169.254.1.1", True),
        ("fe80::1%eth0", True),
        ("fd00::1", True),
        ("::ffff:10.0.0.1", True),
        ("::ffff:203.0.113.9", False),
        ("203.0.113.9", False),
        ("2001:db8::1", False),
        ("0.0.0.0", False),
        ("", False),
        ("localhost", False),
        ("10.0.0.1, 203.0.113.9", False),
    ],
)
def test_only_the_named_networks_may_read(address: str, *, inside: bool) -> None:
    """IPv4, IPv6, mapped and zoned addresses are matched; what is no address is refused."""
    rules = some_rights()
    assert [inside, inside] == [rules.admits(Visitor(address)) for _ in range(2)]


def test_remembered_addresses_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many addresses come, memory stays bounded and answers right."""
    monkeypatch.setattr(rights, "MAX_REMEMBERED", 10)
    networks = Networks(DEFAULTS)
    assert [True] * 100 == [f"10.0.0.{n}" in networks for n in range(100)]
    assert len(networks._known) <= 10


@pytest.mark.parametrize(
    ("site_read", "options", "sentence"),
    [
        ("anyone", {}, "anyone who reaches the gateway may read"),
        (
            "networks",
            {"logins": False},
            "loopback, private and link-local addresses may read",
        ),
        (
            "networks",
            {},
            "loopback, private and link-local addresses and whoever has logged in may read",
        ),
        ("networks", {"networks": (ip_network("192.0.2.0/24"),), "logins": False},
         "192.0.2.0/24 addresses may read"),
        ("networks", {"networks": (), "logins": False}, "no addresses may read"),
        ("accounts", {}, "whoever has logged in may read"),
        ("accounts", {"logins": False}, "nobody may read"),
    ],
)  # fmt: skip
def test_start_up_can_say_who_reads(
    site_read: Audience, options: dict[str, object], sentence: str
) -> None:
    """The well-known networks are said by what they are, others as they are."""
    assert sentence == some_rights(site_read, **options).describe()


# -- reading

EVERYBODY = ["hans", "eva", "otto"]
NARROWER = {"eva": PersonRights(read="accounts"), "otto": PersonRights(read="networks")}
WIDER = {"eva": PersonRights(read="anyone")}


@pytest.mark.parametrize(
    ("site_read", "persons", "inside", "outside"),
    [
        ("anyone", {}, EVERYBODY, EVERYBODY),
        ("networks", {}, EVERYBODY, []),
        ("accounts", {}, [], []),
        ("anyone", NARROWER, ["hans", "otto"], ["hans"]),
        ("networks", NARROWER, ["hans", "otto"], []),
        ("accounts", NARROWER, ["otto"], []),
        ("networks", WIDER, EVERYBODY, ["eva"]),
        ("accounts", WIDER, ["eva"], ["eva"]),
    ],
)
def test_anonymous_visitors_read_what_is_open_to_them(
    site_read: Audience, persons: dict[str, PersonRights], inside: list[str], outside: list[str]
) -> None:
    """The person's own rule wins over the site's; nobody is nobody."""
    rules = some_rights(site_read, persons=persons)
    assert [inside, outside] == [read_by(INSIDE, rules), read_by(OUTSIDE, rules)]


@pytest.mark.parametrize("site_read", ["anyone", "networks", "accounts"])
def test_whoever_has_logged_in_reads_everybody(site_read: Audience) -> None:
    """The shared account, mail accounts and reading app passwords see all files."""
    rules = some_rights(site_read, persons=NARROWER)
    visitors = [SHARED, *(login("hans", s) for s in (Scope.MAIL, Scope.READ, Scope.CONNECTOR))]
    assert [EVERYBODY] * 4 == [read_by(visitor, rules) for visitor in visitors]
    assert [frozenset(EVERYBODY)] * 4 == [rules.listed(visitor) for visitor in visitors]
    assert [(True, True, False)] * 4 == [
        (rules.admits(visitor), rules.lists(visitor), rules.needs_login(visitor))
        for visitor in visitors
    ]


def test_a_publishing_password_reads_its_own_files_and_what_is_open() -> None:
    """It opens the person's file and delegated ones, beside what strangers see anyway."""
    persons = NARROWER | {"hans": PersonRights(read="accounts")}
    persons["eva"] = PersonRights(read="accounts", delegates=("hans",))
    rules = some_rights(persons=persons)
    assert ["hans", "eva"] == read_by(login("hans", Scope.PUBLISH), rules)
    inside = login("hans", Scope.PUBLISH, "10.0.0.1")
    assert EVERYBODY == read_by(inside, rules)
    assert {"hans", "eva"} == rules.listed(inside)
    assert ["otto"] == read_by(login("otto", Scope.PUBLISH), rules)
    assert {"otto", "hans", "eva"} - {"hans", "eva"} == rules.listed(login("otto", Scope.PUBLISH))


def test_an_account_whose_person_left_is_a_stranger() -> None:
    """A session that outlives its person's membership reads, lists and writes no more."""
    rules = some_rights("accounts", persons={"eva": PersonRights(delegates=("left",))})
    for scope in (Scope.MAIL, Scope.PUBLISH, Scope.READ, Scope.CONNECTOR):
        visitor = login("left", scope)
        assert [[], []] == [read_by(visitor, rules), written_by(visitor, rules)]
        assert [False] * 3 == [
            rules.admits(visitor), rules.lists(visitor), rules.publishes(visitor)
        ]  # fmt: skip


def test_anonymous_visitors_are_listed_what_they_may_read_where_the_site_lists() -> None:
    """Names are shown to strangers only if the site says so, and never hidden ones."""
    silent, open_ = (some_rights(persons=NARROWER, listing=listing) for listing in (False, True))
    assert [False, frozenset()] == [silent.lists(INSIDE), silent.listed(INSIDE)]
    assert [True, {"hans", "otto"}] == [open_.lists(INSIDE), open_.listed(INSIDE)]
    assert [False, frozenset()] == [open_.lists(OUTSIDE), open_.listed(OUTSIDE)]


@pytest.mark.parametrize(
    ("site_read", "options", "inside", "outside"),
    [
        # (may read anything, is asked for a login)
        ("anyone", {}, (True, False), (True, False)),
        ("networks", {}, (True, False), (False, True)),
        ("networks", {"logins": False}, (True, False), (False, False)),
        ("accounts", {}, (False, True), (False, True)),
        ("accounts", {"logins": False}, (False, False), (False, False)),
        ("networks", {"persons": WIDER}, (True, False), (True, True)),
        ("networks", {"persons": NARROWER}, (True, False), (False, True)),
    ],
)
def test_who_could_read_after_a_login_is_asked_for_one(
    site_read: Audience,
    options: dict[str, object],
    inside: tuple[bool, bool],
    outside: tuple[bool, bool],
) -> None:
    """Outside the site's audience a login is asked for, if there is any."""
    rules = some_rights(site_read, **options)
    found = [(rules.admits(v), rules.needs_login(v)) for v in (INSIDE, OUTSIDE)]
    assert [inside, outside] == found


@pytest.mark.parametrize(
    ("site_read", "persons", "restricted"),
    [
        ("anyone", {}, []),
        ("networks", {}, []),
        ("accounts", {}, EVERYBODY),
        ("accounts", WIDER, EVERYBODY),
        ("networks", WIDER, []),
        ("networks", NARROWER, ["eva"]),
        ("anyone", NARROWER, ["eva", "otto"]),
    ],
)
def test_narrower_files_are_kept_from_the_public_tree(
    site_read: Audience, persons: dict[str, PersonRights], restricted: list[str]
) -> None:
    """What fewer may read than the site lets in is restricted, and whoever is not in the roster."""
    rules = some_rights(site_read, persons=persons)
    found = [name for name in (*ROSTER.names, "nobody") if rules.is_restricted(name)]
    assert [*restricted, "nobody"] == found


@pytest.mark.parametrize("site_read", ["anyone", "networks", "accounts"])
def test_the_public_tree_holds_what_everybody_there_may_read(site_read: Audience) -> None:
    """Whatever the persons say, no visitor of the site is refused a file of the public tree."""
    audiences: Iterable[Audience | None] = ("anyone", "networks", "accounts", None)
    for reads in itertools.product(audiences, repeat=3):
        persons = {n: PersonRights(read=r) for n, r in zip(ROSTER.names, reads, strict=True)}
        rules = some_rights(site_read, persons=persons)
        public = {name for name in ROSTER.names if not rules.is_restricted(name)}
        for visitor in (INSIDE, OUTSIDE):
            if some_rights(site_read).admits(visitor):
                assert public <= set(read_by(visitor, rules))


# -- writing

TRUSTED = Visitor("192.0.2.7")
DELEGATING = {"eva": PersonRights(delegates=("chef", "nobody@example.com"))}


@pytest.mark.parametrize(
    ("visitor", "written", "own"),
    [
        (INSIDE, [], []),
        (OUTSIDE, [], []),
        (TRUSTED, EVERYBODY, []),
        (Visitor("192.0.2.7", is_vouched=False), [], []),
        (Visitor("192.0.3.7"), [], []),
        (SHARED, EVERYBODY, []),
        (login("hans"), ["hans", "eva"], ["hans", "eva"]),
        (login("hans", Scope.PUBLISH), ["hans", "eva"], ["hans", "eva"]),
        (login("eva"), ["eva"], ["eva"]),
        (login("otto", Scope.PUBLISH), ["otto"], ["otto"]),
        (login("otto", Scope.PUBLISH, TRUSTED.address), ["otto"], ["otto"]),
        (login("hans", Scope.READ), [], []),
        (login("hans", Scope.CONNECTOR), [], []),
        (login("hans", Scope.READ, TRUSTED.address), [], []),
    ],
)
def test_who_writes_what(visitor: Visitor, written: list[str], own: list[str]) -> None:
    """The shared account and trusted networks write everybody's, persons their own."""
    rules = some_rights(persons=DELEGATING, trusted_networks=(ip_network("192.0.2.0/24"),))
    assert written == written_by(visitor, rules)
    assert own == [name for name in (*ROSTER.names, "nobody") if rules.is_own(visitor, name)]
    assert bool(written) == rules.publishes(visitor)


def test_nobody_writes_where_publishing_is_off() -> None:
    """The switch turns all writing off, whoever comes."""
    rules = some_rights(publishing=False, trusted_networks=(ip_network("192.0.2.0/24"),))
    for visitor in (TRUSTED, SHARED, login("hans"), login("hans", Scope.PUBLISH)):
        assert [] == written_by(visitor, rules)
        assert not rules.publishes(visitor)
        assert not rules.is_own(visitor, "hans")


def test_no_network_is_trusted_by_default() -> None:
    """Not even loopback publishes without a login."""
    assert [] == written_by(INSIDE, some_rights("anyone"))


# -- scanners


@dataclass
class Seconds:
    """A clock that a test sets."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_first_refusals_of_a_minute_go_out_at_once() -> None:
    """Beyond the free ones each refusal waits a step longer, up to the longest."""
    counted = Scanners(3, clock=Seconds())
    waits = [counted.refuse("203.0.113.9") for _ in range(20)]
    assert [0, 0, 0, 0.25, 0.5, 0.75] == waits[:6]
    assert scanners.LONGEST == max(waits)


def test_a_minute_of_silence_ends_the_waiting() -> None:
    """However many were refused, who stops is answered at once a minute later."""
    clock = Seconds()
    counted = Scanners(60, clock=clock)
    for _ in range(1000):
        counted.refuse("203.0.113.9")
    clock.now += 61
    assert [0.0] == [counted.refuse("203.0.113.9")]


def test_a_steady_client_below_the_limit_never_waits() -> None:
    """Sixty a minute, evenly, for an hour: no answer is held up."""
    clock = Seconds()
    counted = Scanners(60, clock=clock)
    waits = set()
    for _ in range(3600):
        clock.now += 1
        waits.add(counted.refuse("203.0.113.9"))
    assert {0.0} == waits


@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("::", "::"),
        ("nonsense:", "nonsense:"),
        ("", ""),
    ],
)
def test_a_customer_is_counted_once(address: str, block: str) -> None:
    """All addresses of an IPv6 /64 count together, IPv4 addresses one by one."""
    assert block == scanners.block_of(address)


def test_one_scanner_does_not_slow_others() -> None:
    """Refusals are counted by address, and the oldest are forgotten first."""
    counted = Scanners(1, clock=Seconds(), max_addresses=2)
    waits = [counted.refuse(address) for address in ("a", "a", "b", "c", "c", "a")]
    assert [0.0, 0.25, 0.0, 0.0, 0.25, 0.0] == waits
    assert 2 == len(counted._levels)
