"""NAMEs: what may be one, which paths ask for one, and who is meant."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freebusy.names import (
    MAX_NAME_BYTES,
    NameIndex,
    RequestedName,
    index_names,
    is_publishable,
    normalise_name,
    requested_name,
    split_address,
)


@dataclass(frozen=True)
class Someone:
    addresses: tuple[str, ...]
    name: str | None = None
    aliases: tuple[str, ...] = ()


HANS = RequestedName("hans")
HANS_THERE = RequestedName("hans", "example.com")

# -- what may be a NAME


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("hans", "hans"),
        ("HANS", "hans"),
        ("hans.meier", "hans.meier"),
        ("hans+cal_1-2", "hans+cal_1-2"),
        ("Hans@Example.COM", "hans@example.com"),
        ("Ju\u0308rgen", "j\u00fcrgen"),
        ("Straße", "strasse"),
        ("\u0130brahim", "i\u0307brahim"),
        ("山田", "山田"),
        ("a" * 200, "a" * 200),
        ("ü" * 100, "ü" * 100),
    ],
)
def test_a_name_is_composed_and_casefolded(text: str, name: str) -> None:
    """Letters, digits and . _ - + @ make a NAME, in NFC and casefolded."""
    assert name == normalise_name(text)


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "..", ".hans", "hans/eva", "hans\\eva", "hans eva", "hans\0", "hans\n", "~hans",
        "hans%", "a" * 201, "ü" * 101, "a@b@c", "@example.com", "hans@", "hans@.com", "\u0308hans",
        "hans\udcff", "hans\u200b", "hans*", "hans;x", "ha:ns", "𝟙,", "\uff0e\uff0e",
    ],
)  # fmt: skip
def test_whatever_else_is_no_name(text: str) -> None:
    """A leading dot, a separator, a control, an invisible or over-long text is no NAME."""
    assert normalise_name(text) is None


@given(st.text(max_size=220))
def test_a_name_is_its_own_normal_form(text: str) -> None:
    """Any text gives no NAME or one that is stable, composed, short enough and dotless."""
    name = normalise_name(text)
    if name is not None:
        assert name == normalise_name(name)
        assert name == unicodedata.normalize("NFC", name)
        assert len(name.encode()) <= MAX_NAME_BYTES
        assert not name.startswith(".")
        assert not {"/", "\\", "\0"} & set(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("hans", True), ("hans.meier", True), ("hans.vfb", False), ("hans.ifb", False),
     ("hans.xfb", False), ("hans.pfb", False)],
)  # fmt: skip
def test_a_canonical_name_has_no_extension_of_its_own(name: str, *, expected: bool) -> None:
    """A person cannot be called what the look-up would cut off or refuse."""
    assert expected is is_publishable(name)


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("Hans@Example.com", ("hans", "example.com")),
        ("hans", None),
        ("hans@", None),
        ("mailto:hans@example.com", None),
    ],
)
def test_an_address_is_split(address: str, parts: tuple[str, str] | None) -> None:
    """An address is a local part and a domain, both normalised."""
    assert parts == split_address(address)


# -- what a path asks for


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/pub/calendar/hans.vfb", HANS),
        ("/calendar/hans.vfb", HANS),
        ("/calendar/hans.ifb", HANS),
        ("/calendar/hans", HANS),
        ("/calendar/HANS.VFB", HANS),
        ("/freebusy/hans.ifb", HANS),
        ("/freebusy/hans@example.com.ifb", HANS_THERE),
        ("/pub/calendar/hans@example.com.vfb", HANS_THERE),
        ("/pub/calendar/hans@example.com", HANS_THERE),
        ("/pub/calendar/example.com/hans.vfb", HANS_THERE),
        ("/calendar/Example.COM/Hans.Ifb", HANS_THERE),
        ("/calendar/example.com/hans@example.com.vfb", HANS_THERE),
        ("/calendar/hans.meier", RequestedName("hans.meier")),
        ("/calendar/hans.meier.vfb", RequestedName("hans.meier")),
        ("/calendar/hans.vfb.vfb", RequestedName("hans.vfb")),
        ("/calendar/name=3Dhans@example.com", HANS_THERE),
        ("/calendar/name=hans@example.com.vfb", HANS_THERE),
        ("/calendar/=3Dhans.vfb", HANS),
        ("/calendar/hans=40example.com.vfb", HANS_THERE),
    ],
)
def test_every_served_form_names_a_person(path: str, wanted: RequestedName) -> None:
    """Both prefixes, Kolab's, each extension or none, domains, any case, mangled equals signs."""
    assert wanted == requested_name(path)


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "/pub", "/pub/calendar", "/pub/calendar/", "/calendar/", "hans.vfb",
        "calendar/hans.vfb", "/other/hans.vfb", "/calendar/hans.xfb", "/calendar/hans.XFB",
        "/freebusy/trigger/hans@example.com/Calendar.pfb", "/freebusy/example.com/hans.ifb",
        "/calendar/.vfb", "/calendar/.hans.vfb", "/calendar/..", "/calendar/../hans.vfb",
        "/calendar/./hans.vfb", "/calendar//hans.vfb", "/calendar/a/b/hans.vfb",
        "/calendar/.example/hans.vfb", "/calendar/a@b/hans.vfb", "/calendar/a.com/hans@b.com.vfb",
        "/calendar/hans.vfb/", "/calendar/hans.vfb\0", "/calendar/hans\udcff.vfb",
        "/calendar/" + "a" * 205 + ".vfb", "/calendar/" + "a/" * 10_000, "/calendar/@example.com",
        "/calendar/hans=.vfb", "/calendar/x=y=hans.vfb", "/calendar/%68ans.vfb",
        "/pub/calendar/.5e6f.tmp",
    ],
)  # fmt: skip
def test_whatever_else_names_nobody(path: str) -> None:
    """Other folders, extensions, dots, empty and over-long segments ask for nothing."""
    assert requested_name(path) is None


@given(st.text())
def test_any_path_gives_a_name_or_nothing(path: str) -> None:
    """No text below a prefix raises, and what comes out holds no separator."""
    wanted = requested_name("/pub/calendar/" + path)
    assert wanted is None or "/" not in str(wanted)


def test_a_requested_name_reads_as_an_address() -> None:
    """For logs: the local part, and the domain where there is one."""
    assert ["hans", "hans@example.com"] == [str(HANS), str(HANS_THERE)]


# -- who is meant


def who(index: NameIndex, *texts: str) -> list[str | None]:
    wanted = [requested_name(f"/calendar/{text}") for text in texts]
    return [None if one is None else index.canonical_name(one) for one in wanted]


def test_local_part_and_address_name_the_same_person() -> None:
    """Canonical is the local part; the full address works as well, another domain does not."""
    index = index_names([Someone(("hans@example.com", "h.meier@example.org"))])
    assert ("hans",) == index.canonical
    forms = (
        "hans.vfb",
        "hans@example.com",
        "example.com/hans.vfb",
        "h.meier",
        "example.org/h.meier",
    )
    assert ["hans"] * 5 == who(index, *forms)
    assert [None] * 3 == who(index, "hans@example.org", "eva", "example.net/hans")


def test_full_addresses_can_be_canonical() -> None:
    """Where the configuration says so the address is the NAME, and the local part finds it."""
    index = index_names([Someone(("hans@example.com",))], full_addresses=True)
    assert ("hans@example.com",) == index.canonical
    assert ["hans@example.com"] * 2 == who(index, "hans", "hans@example.com.vfb")


def test_a_shared_local_part_names_nobody() -> None:
    """Two people with one local part are known by their addresses only."""
    index = index_names([Someone(("hans@a.example",)), Someone(("hans@b.example",))])
    assert ("hans@a.example", "hans@b.example") == index.canonical
    assert [None, "hans@a.example", "hans@b.example"] == who(
        index, "hans", "hans@a.example", "b.example/hans"
    )
    assert {"hans": ("hans@a.example", "hans@b.example")} == index.ambiguous
    assert () == index.collisions


def test_a_secondary_address_counts_as_well() -> None:
    """Nobody is shown for another: any of the addresses makes a local part shared."""
    index = index_names(
        [Someone(("hans@a.example",)), Someone(("eva@a.example", "hans@b.example"))]
    )
    assert [None, "hans@a.example", "eva"] == who(index, "hans", "hans@a.example", "hans@b.example")


def test_the_default_domain_decides() -> None:
    """Of two people with one local part, the default domain's has the short NAME."""
    index = index_names(
        [Someone(("hans@a.example",)), Someone(("hans@b.example",))], default_domain="b.example"
    )
    assert ("hans@a.example", "hans") == index.canonical
    assert ["hans", "hans@a.example"] == who(index, "hans", "a.example/hans.vfb")
    assert {} == index.ambiguous


def test_a_given_name_wins_over_a_local_part() -> None:
    """What the configuration names outright is that person's, and the other has the address."""
    index = index_names(
        [Someone(("h.meier@a.example",), name="hans"), Someone(("hans@b.example",))]
    )
    assert ("hans", "hans@b.example") == index.canonical
    assert ["hans", "hans@b.example", "hans"] == who(index, "hans", "b.example/hans", "h.meier")


def test_aliases_are_accepted() -> None:
    """An alias works bare, with its owner's domain, and as a foreign address."""
    person = Someone(("eva@a.example",), aliases=("chef", "eva@old.example"))
    index = index_names([person])
    assert ["eva"] * 4 == who(
        index, "chef.vfb", "chef@a.example", "a.example/chef", "eva@old.example"
    )
    assert [None] == who(index, "chef@b.example")
    assert ("eva",) == index.canonical


@pytest.mark.parametrize(
    ("people", "collision"),
    [
        (
            [Someone(("a@x.example",), name="hans"), Someone(("b@x.example",), name="hans")],
            "the name 'hans' is given to 2 people",
        ),
        (
            [Someone(("hans@x.example",)), Someone(("eva@x.example",), aliases=("hans",))],
            "the alias 'hans' of 'eva' already belongs to 'hans'",
        ),
        (
            [
                Someone(("hans@x.example",), aliases=("x",)),
                Someone(("eva@x.example",), aliases=("x",)),
            ],
            "the alias 'x' of 'eva' already belongs to 'hans'",
        ),
        (
            [Someone(("hans@x.example",)), Someone(("eva@x.example", "hans@x.example"))],
            "the address 'hans@x.example' of 'eva' already belongs to 'hans@x.example'",
        ),
    ],
)
def test_what_two_people_claim_is_reported(people: list[Someone], collision: str) -> None:
    """One NAME, alias or address with two owners is a collision, said in one sentence."""
    assert collision in index_names(people).collisions
