"""The mail server's users: who joins, who leaves and when that is believed."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from freebusy.config import load
from freebusy.errors import ConfigurationError, StoreError
from freebusy.userlist import UserList, compare, lost_too_many, read, write

if TYPE_CHECKING:
    from pathlib import Path

    from freebusy.config import Config

NOW = 1_800_000_000
CONFIGURATION = """\
{persons}
[site]
timezone = "Europe/Berlin"
default_domain = "example.com"
[sources.mail]
type = "imap"
host = "imap.example.com"
username = "service"
password_file = "password"
[roster]
source = "mail"
{more}
"""


def configured(
    folder: Path, *users: str, persons: str = "", more: str = "", missing: int = 0
) -> Config:
    (folder / "password").write_text("geheim", "utf-8")
    (folder / "password").chmod(0o600)
    if users:
        (folder / "state").mkdir(exist_ok=True)
        write(folder / "state" / "roster.json", UserList("mail", dict.fromkeys(users, missing)))
    path = folder / "freebusy.toml"
    path.write_text(CONFIGURATION.format(persons=persons, more=more), "utf-8")
    return load(path, {})


# -- one list after another


def test_who_is_new_counts_at_once() -> None:
    """A new mailbox is a new person."""
    seen = compare(UserList("mail", {"hans": 0}), {"hans", "eva"}, NOW, 600)
    assert (UserList("mail", {"hans": 0, "eva": 0}), ("eva",), ()) == (
        seen.users, seen.joined, seen.left
    )  # fmt: skip


def test_who_is_missing_leaves_when_that_is_confirmed() -> None:
    """One short list takes nobody out."""
    seen = compare(UserList("mail", {"hans": 0, "eva": 0}), {"hans"}, NOW, 600)
    assert {"hans": 0, "eva": NOW} == seen.users.users
    seen = compare(seen.users, {"hans"}, NOW + 599, 600)
    assert {"hans": 0, "eva": NOW} == seen.users.users
    seen = compare(seen.users, {"hans"}, NOW + 600, 600)
    assert ({"hans": 0}, ("eva",)) == (seen.users.users, seen.left)


def test_who_is_back_was_never_gone() -> None:
    """The time starts anew with the next absence."""
    seen = compare(UserList("mail", {"hans": NOW - 500}), {"hans"}, NOW, 600)
    assert ({"hans": 0}, 0) == (seen.users.users, seen.users.missing)


def test_one_look_suffices_where_nothing_is_to_be_confirmed() -> None:
    """An operator who believes the list has it at once."""
    assert ("eva",) == compare(UserList("mail", {"eva": 0}), {"hans"}, NOW, 0).left


@pytest.mark.parametrize(
    ("known", "found", "lost"),
    [
        (100, 80, 0),
        (100, 79, 21),
        (100, 0, 100),
        (4, 1, 0),
        (4, 0, 4),
        (0, 0, 0),
        (10_000, 8000, 0),
    ],
)
def test_a_list_that_lacks_many_is_not_believed(known: int, found: int, lost: int) -> None:
    """A fifth of the people does not leave in an hour; of a handful three may."""
    users = UserList("mail", {str(n): 0 for n in range(known)})
    assert lost == lost_too_many(users, {str(n) for n in range(found)}, 20)


def test_who_is_known_to_be_missing_is_not_lost_again() -> None:
    """The next list is held against who was there."""
    users = UserList("mail", {str(n): NOW * (n < 50) for n in range(100)})
    assert 0 == lost_too_many(users, {str(n) for n in range(50, 100)}, 20)


# -- the file


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    """Names come back as they were, and are nobody else's to read or to change."""
    users = UserList("mail", {"hans": 0, "jürgen müller": NOW})
    before = os.umask(0)
    try:
        write(tmp_path / "roster.json", users)
    finally:
        os.umask(before)
    assert 0o600 == stat.S_IMODE((tmp_path / "roster.json").stat().st_mode)
    assert users == read(tmp_path / "roster.json", "mail")
    assert ["roster.json"] == [path.name for path in tmp_path.iterdir()]


def test_users_of_another_source_are_nobody(tmp_path: Path) -> None:
    """Another mail server has other people."""
    write(tmp_path / "roster.json", UserList("old", {"hans": 0}))
    assert UserList("mail") == read(tmp_path / "roster.json", "mail")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2}', '{"version": 1, "users": []}'])
def test_a_damaged_file_is_no_empty_roster(tmp_path: Path, text: str) -> None:
    """Nobody is taken out because a file is broken."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "roster.json").write_text(text, "utf-8")
    with pytest.raises(StoreError, match="remove it"):
        read(tmp_path / "state" / "roster.json", "mail")
    with pytest.raises(ConfigurationError, match="remove it"):
        configured(tmp_path)


# -- in the configuration


def test_listed_users_are_people(tmp_path: Path) -> None:
    """Also those who are missing, until that is believed; not the service login."""
    config = configured(tmp_path, "hans", "eva@example.org", "service", "freebusy")
    assert ["hans", "eva"] == list(config.members)
    assert ["hans@example.com", "eva@example.org"] == [
        member.owner.address for member in config.members.values()
    ]
    assert [("mail",), ("mail",)] == [member.sources for member in config.members.values()]
    assert list(config.members) == list(configured(tmp_path, "hans", "eva", missing=NOW).members)


def test_addresses_are_made_as_the_operator_says(tmp_path: Path) -> None:
    """The template wins over the default domain."""
    config = configured(tmp_path, "Hans.M", more='address = "{local}@example.org"')
    assert "hans.m@example.org" == config.members["hans.m"].owner.address


def test_excluded_users_are_no_people(tmp_path: Path) -> None:
    """Mailboxes of programs and rooms can be left out by patterns."""
    config = configured(tmp_path, "hans", "test1", "Spam", more='exclude = ["test*", "spam"]')
    assert ["hans"] == list(config.members)


def test_the_configuration_wins_over_the_list(tmp_path: Path) -> None:
    """Who has more to say of stands in persons, by any address, NAME or alias."""
    config = configured(
        tmp_path,
        "hans", "chef", "eva",
        persons='persons = [{address = "hans@example.com", name = "h", aliases = ["chef"]}]',
    )  # fmt: skip
    assert ["h", "eva"] == list(config.members)
    assert ("persons[1]", "roster.source") == config.places


def test_a_mailbox_that_cannot_be_a_name_is_left_out(tmp_path: Path) -> None:
    """One odd name of the mail server is no reason to refuse all others."""
    config = configured(tmp_path, "hans", "no name")
    assert ["hans"] == list(config.members)
    assert ("roster.source: 'no name' cannot be a NAME; left out",) == config.warnings


def test_a_delegate_may_be_listed_later(tmp_path: Path) -> None:
    """Before the first list nobody is known, and the service starts all the same."""
    persons = 'persons = [{address = "hans", delegates = ["eva"]}]'
    assert ("persons: 'hans' has delegate 'eva', who is nobody here",) == configured(
        tmp_path, persons=persons
    ).warnings
    assert ("eva",) == configured(tmp_path, "eva", persons=persons).members["hans"].delegates


def test_nobody_is_warned_of_before_the_first_list(tmp_path: Path) -> None:
    """It is said that people are yet to come."""
    assert ("persons: there are none until the mail server's users have been listed",) == (
        configured(tmp_path).warnings
    )


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ('source = "mial"', "roster.source: 'mial' is no source; did you mean mail?"),
        ('source = "dir"', "roster.source: sources.dir is no mail server"),
        ('source = "own"', "roster.source: sources.own has no login of its own"),
        ('source = "mail"', 'roster.address: is missing; set "{local}@example.com"'),
    ],
)
def test_who_cannot_be_asked_is_named(tmp_path: Path, keys: str, problem: str) -> None:
    """Only a mail server with a service login lists its users."""
    (tmp_path / "password").write_text("geheim", "utf-8")
    path = tmp_path / "freebusy.toml"
    path.write_text(
        f'[roster]\n{keys}\n[sources.dir]\ntype = "vdir"\nroot = "."\n'
        '[sources.mail]\ntype = "imap"\nhost = "a"\nusername = "s"\npassword_file = "password"\n'
        '[sources.own]\ntype = "imap"\nhost = "a"\nusername = "{local}"\n'
        'password_file = "password"\n',
        "utf-8",
    )
    with pytest.raises(ConfigurationError) as raised:
        load(path, {})
    assert any(found.startswith(problem) for found in raised.value.problems)
