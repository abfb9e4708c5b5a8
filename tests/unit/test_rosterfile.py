"""People in a CSV or TOML file of their own: what such a file gives, and what is wrong in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freebusy.config import load
from freebusy.config.people import LISTS, Person
from freebusy.config.rosterfile import entries
from freebusy.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from freebusy.config import Config

SITE = '[site]\ntimezone = "Europe/Berlin"\ndefault_domain = "example.com"\n'


def configured(folder: Path, people: bytes, *, name: str = "people.csv", main: str = "") -> Config:
    (folder / name).write_bytes(people)
    path = folder / "freebusy.toml"
    path.write_text(f'{main}{SITE}[roster]\nfile = "{name}"\n', "utf-8")
    return load(path, {})


def problems(folder: Path, people: bytes, **more: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as raised:
        configured(folder, people, **more)
    return raised.value.problems


WAYS = [
    b"name,address,aliases\nchef,hans@example.com,boss h.m\n,eva@example.com,\n",
    b"\xef\xbb\xbfname;address;aliases\r\nchef;hans@example.com;boss h.m\r\n;eva@example.com;\r\n",
    b"name\taddress\taliases\nchef\thans\tboss h.m\n\teva@example.com\n",
    b'"Address", "Name", "Aliases"\n"hans@example.com", "chef", "boss; h.m"\n\n# x,y,z,a\neva\n',
    b"name,address,aliases\rchef,hans,boss;h.m\r,eva,\r",
]


@pytest.mark.parametrize("people", WAYS)
def test_a_csv_file_gives_people(tmp_path: Path, people: bytes) -> None:
    """However a spreadsheet or a person writes it, it says the same."""
    config = configured(tmp_path, people)
    assert ["chef", "eva"] == list(config.members)
    assert ["hans@example.com", "eva@example.com"] == [
        member.owner.address for member in config.members.values()
    ]
    assert [("boss", "h.m"), ()] == [person.aliases for person in config.persons]


def test_a_csv_file_gives_everything_a_person_has(tmp_path: Path) -> None:
    """Each key of a person is a column; only names of folders may hold spaces."""
    config = configured(
        tmp_path,
        b"address,addresses,timezone,folders,login,read,combine,delegates\n"
        b"hans,h.m@example.com hm@example.org,europe/london,INBOX/My dates;Other,h,"
        b"accounts,newest,\n"
        b"eva,,,,,,,hans; chef\n"
        b"chef,,,,,,,\n",
    )
    hans = config.members["hans"]
    assert ("hans@example.com", "h.m@example.com", "hm@example.org") == hans.addresses
    assert ("Europe/London", "accounts", "newest") == (hans.timezone, hans.read, hans.combine)
    assert (("INBOX/My dates", "Other"), "h") == (hans.owner.folders, hans.owner.login)
    assert ("hans", "chef") == config.members["eva"].delegates


def test_a_hyphen_as_source_means_none(tmp_path: Path) -> None:
    """An empty value, or one of delimiters alone, is not set; a hyphen says who only publishes."""
    config = configured(
        tmp_path,
        b'address,source\nhans,\neva,-\nchef,"; "\n',
        main='[sources.a]\ntype = "vdir"\nroot = "."\n',
    )
    assert [("a",), (), ("a",)] == [member.sources for member in config.members.values()]


@pytest.mark.parametrize(
    "people",
    [
        b'persons = ["hans", {address = "eva", aliases = ["e"]}]\n',
        b'[[persons]]\naddress = "hans"\n\n[[persons]]\naddress = "eva"\naliases = "e"\n',
    ],
)
def test_a_toml_file_gives_people(tmp_path: Path, people: bytes) -> None:
    """They are written as in the configuration itself."""
    config = configured(tmp_path, people, name="people.toml")
    assert ["hans", "eva"] == list(config.members)
    assert (config.roster.file,) == config.roster_files


def test_the_configuration_wins_over_the_file(tmp_path: Path) -> None:
    """Who stands in both counts as the configuration says, by whichever address."""
    config = configured(
        tmp_path,
        b"name,address,addresses\nx,hans@example.com,\n,eva,\n",
        main='persons = [{name = "h", addresses = ["a@example.com", "hans@example.com"]}]\n',
    )
    assert ["h", "eva"] == list(config.members)
    assert ("persons[1]", "people.csv:3") == config.places


WRONG = [
    (b"", "people.csv: expected a header such as: name,address,aliases"),
    (b"hans@example.com\neva@example.com\n", "people.csv:1: unknown column 'hans@example.com'"),
    (b"name,adress\n", "people.csv:1: unknown column 'adress'; did you mean address?"),
    (b"name,address,name\n", "people.csv:1: the column 'name' stands there twice"),
    (b"address\nhans,eva\n", "people.csv:2: has 2 values, and the header only 1 columns"),
    (b'address,name\n"hans\n', "people.csv:2: unexpected end of data"),
    (
        b"address,timezone\nhans,\n\nhans.m,Europe/Berln\n",
        'people.csv:4: timezone: "Europe/Berln": expected the name of a time zone',
    ),
    (b"address,name\n,hans\n", "people.csv:2: expected an address"),
    (b"address,aliases\nhans,\neva,a b/c\n", 'people.csv:3: aliases[2]: "b/c": expected a name'),
    (
        b'address,name\n"hans\n",a\neva,a\n',
        "persons: the name 'a' is given to 2 people (people.csv:2, people.csv:4)",
    ),
    (b"address,source\nhans,mail\n", "people.csv:2: 'hans' has source 'mail', which is none"),
    (b"address,delegates\nhans,evi\n", "people.csv:2: 'hans' has delegate 'evi', who is nobody"),
    (
        "address\nhans\njürgen\n".encode("latin-1"),
        "people.csv:3: not a text in UTF-8; save it as UTF-8",
    ),
]


@pytest.mark.parametrize(("people", "problem"), WRONG)
def test_a_problem_of_a_csv_file_has_its_line(tmp_path: Path, people: bytes, problem: str) -> None:
    """The operator finds the line in a file of thousands."""
    assert [True] == [problem in found for found in problems(tmp_path, people)]


WRONG_TOML = [
    (b"persons = [\n", "people.toml: "),
    (b"[site]\n", "people.toml: site: unknown key; a roster has only persons"),
    (b"persons = 1\n", 'people.toml: persons: expected a list such as ["hans@example.com"]'),
    (b'persons = ["a", 3]\n', "people.toml: persons[2]: 3: expected a table"),
    (
        b'[[persons]]\naddress = "a"\n[[persons]]\nadress = "b"\n',
        "people.toml:3: adress: unknown key; did you mean address?",
    ),
]


@pytest.mark.parametrize(("people", "problem"), WRONG_TOML)
def test_a_problem_of_a_toml_file_says_where(tmp_path: Path, people: bytes, problem: str) -> None:
    """Where each person has a table of its own, that is a line."""
    assert any(
        found.startswith(problem) for found in problems(tmp_path, people, name="people.toml")
    )


def test_problems_of_both_files_come_at_once(tmp_path: Path) -> None:
    """Nobody mends a roster one line at a time."""
    found = problems(tmp_path, b"address,read\nhans,x\neva,y\n", main="persons = [3]\n")
    assert ["persons[1]", "people.csv:2", "people.csv:3"] == [
        problem.partition(": ")[0] for problem in found
    ]


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ('file = "people.xls"', 'roster.file: "people.xls": expected a file that ends in .csv'),
        ('file = "nobody.csv"', 'roster.file: "nobody.csv": expected a file that is there'),
        ('address = "{name}@example.com"', "roster.address: "),
        ('address = "hans@example.com"', "roster.address: "),
        ('address = "{local}"', "roster.address: "),
        ("max_loss = 101", "roster.max_loss: 101: expected at most 100"),
    ],
)
def test_wrong_keys_of_the_roster_are_named(tmp_path: Path, keys: str, problem: str) -> None:
    """What cannot be a roster is said before anybody is lost."""
    (tmp_path / "people.xls").write_bytes(b"")
    path = tmp_path / "freebusy.toml"
    path.write_text(f"[roster]\n{keys}\n", "utf-8")
    with pytest.raises(ConfigurationError) as raised:
        load(path, {})
    assert any(problem in found for found in raised.value.problems)


@given(st.binary(max_size=200))
def test_any_octets_are_people_or_a_problem(
    tmp_path_factory: pytest.TempPathFactory, octets: bytes
) -> None:
    """No file makes the reader fail in another way."""
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(b"address,name\n" + octets)
    try:
        found = entries(path, tuple(Person.model_fields), LISTS)
    except ConfigurationError:
        return
    assert all(set(entry.table) <= {"address", "name"} for entry in found)
