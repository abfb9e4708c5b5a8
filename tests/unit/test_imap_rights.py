"""What a person may do with a folder, by its access control list.

``tests/system/test_imap_rights.py`` compares the same with what the servers themselves say.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_sync.imap.rights import Combination, Identity, normal_rights, rights_of, wire_rights

BERND = Identity(frozenset({"bernd", "bernd@example.com"}), frozenset({"team", "staff"}))
CYRUS, DOVECOT = Combination.UNION, Combination.MOST_SPECIFIC


@pytest.mark.parametrize(
    ("server", "acl", "expected"),
    [
        (CYRUS, "anna lrswipkxtecda", ""),
        (CYRUS, "bernd lr", "lr"),
        (CYRUS, "Bernd@Example.COM lr", "lr"),
        (CYRUS, "anyone lr", "lr"),
        (CYRUS, "anyone lr bernd l", "lr"),
        (CYRUS, "anyone lr bernd l -bernd r", "l"),
        (CYRUS, "-anyone r bernd lra", "la"),
        (CYRUS, "group:team lra -group:staff a", "lr"),
        (CYRUS, "group:board lra", ""),
        (CYRUS, "anonymous lra", ""),
        (CYRUS, "owner lra authenticated lra", ""),
        (CYRUS, "bernd lrc", "lrkx"),
        (CYRUS, "bernd lrd", "lrte"),
        (CYRUS, "berndt lra bern lra", ""),
        (DOVECOT, "anyone lr bernd l", "l"),
        (DOVECOT, "anyone lr bernd l -bernd r", "l"),
        (DOVECOT, "anyone lr -bernd r", "l"),
        (DOVECOT, "$team alr bernd l", "l"),
        (DOVECOT, "$team alr", "lra"),
        (DOVECOT, "$staff l $team lr", "lr"),
        (DOVECOT, "anyone l $staff r $team l", "lr"),
        (DOVECOT, "anyone l authenticated lrs", "lrs"),
        (DOVECOT, "!$team l bernd lra", "l"),
        (DOVECOT, "-$team a bernd alr", "lr"),
        (DOVECOT, "-anyone a bernd alr", "lr"),
        (DOVECOT, "anyone l $staff lr -$team l", "r"),
        (DOVECOT, "$team lr bernd alr -bernd r", "la"),
        (DOVECOT, "#anyone lr", "lr"),
        (DOVECOT, "#-anyone r bernd lr", "l"),
        (DOVECOT, "anna alr", ""),
    ],
)
def test_rights(server: Combination, acl: str, expected: str) -> None:
    """Entries for a person, the groups and everybody go together as the server's own do."""
    words = acl.split()
    entries = list(zip(words[::2], words[1::2], strict=True))
    assert frozenset(expected) == rights_of(entries, BERND, server)


@pytest.mark.parametrize("login", ["anonymous", "owner", "authenticated", "anyone"])
def test_reserved_identifiers_are_no_logins(login: str) -> None:
    """Whoever is called as a reserved identifier gets nothing by an entry for that."""
    expected = frozenset("lr") if login == "anyone" else frozenset()
    assert expected == rights_of([(login, "lr")], Identity(frozenset({login})), CYRUS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lr", "lr"),
        (" lrswipcda ", "lrswipkxtea"),
        ("", ""),
        ("0", "0"),
        ("ed", "e"),
        ("kc", "k"),
        ("xcd", "x"),
        ("cd", "kxte"),
        ("kcd", "kte"),
    ],
)
def test_obsolete_rights(text: str, expected: str) -> None:
    """The rights c and d of RFC 2086 are read as what stands for them (RFC 4314 §2.1.1)."""
    assert frozenset(expected) == normal_rights(text)


@pytest.mark.parametrize(
    ("rights", "expected"),
    [
        ("lr", "lr"),
        ("lrk", "lrc"),
        ("x", "c"),
        ("te", "d"),
        ("e", "d"),
        ("lrswipkxtea", "lrswipcda"),
    ],
)
def test_rights_as_old_servers_are_told_them(rights: str, expected: str) -> None:
    """A server that knows only RFC 2086 is told c and d; any other just what is meant."""
    told = [wire_rights(frozenset(rights), obsolete=obsolete) for obsolete in (True, False)]
    assert [frozenset(expected), frozenset(rights)] == told


ENTRIES = st.lists(st.tuples(st.sampled_from(["anna", "bernd", "anyone", "$team"]), st.text("lra")))


@given(ENTRIES, st.sampled_from(Combination))
def test_what_is_taken_is_never_given(
    entries: list[tuple[str, str]], combination: Combination
) -> None:
    """A negative entry for a person takes its rights, whatever else the list says."""
    taken = [*entries, ("-bernd", "r")]
    assert "r" not in rights_of(taken, BERND, combination)


@given(ENTRIES, st.sampled_from(Combination), st.randoms())
def test_the_order_of_entries_means_nothing(
    entries: list[tuple[str, str]],
    combination: Combination,
    random: object,
) -> None:
    """A list is a set of entries."""
    shuffled = sorted(entries, key=lambda _: random.random())  # type: ignore[attr-defined]  # a Random
    assert rights_of(entries, BERND, combination) == rights_of(shuffled, BERND, combination)
