"""What is wrong with a configuration: every problem at once, in sentences, without secrets."""

from __future__ import annotations

import traceback
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freebusy.config import load
from freebusy.config.reading import read_tables
from freebusy.errors import ConfigurationError

MAIL = '[sources.mail]\ntype = "imap"\nhost = "imap.example.com"\n'


def problems(folder: Path, text: str | bytes, **environ: str) -> tuple[str, ...]:
    path = folder / "freebusy.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as raised:
        load(path, environ)
    return raised.value.problems


CASES = [
    tuple(case.strip().split("\n=> "))
    for case in (Path(__file__).parent.parent / "data/config/problems.txt")
    .read_text()
    .split("\n\n")
    if "\n=> " in case
]


@pytest.mark.parametrize(("text", "problem"), CASES)
def test_a_problem_names_key_value_and_what_was_expected(
    tmp_path: Path, text: str, problem: str
) -> None:
    """One sentence per problem tells the operator what to change."""
    assert problem in problems(tmp_path, text)


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    """Nobody mends a configuration one start at a time."""
    found = problems(
        tmp_path,
        'persons = ["hans", 3]\n[window]\nmonths = 99\npast_days = -1\n[log]\nlevl = "info"\n'
        '[sources.x]\ntype = "vdir"\n',
    )
    assert [
        "window.past_days", "window.months", "log.levl", "sources.x.root",
        "persons[1].address", "persons[2]",
    ] == [problem.partition(": ")[0] for problem in found]  # fmt: skip


def test_a_wrong_site_blames_nobody_else(tmp_path: Path) -> None:
    """While [site] cannot be read, people without a domain are not reported."""
    text = 'persons = ["hans"]\n[site]\ndefault_domain = "example.com"\nnames = "x"\n'
    assert ['site.names: "x": expected "local" or "address"'] == list(problems(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"[site", "Expected ']' at the end of a table declaration (at end of document)"),
        (b"a = 1\na = 2\n", "Cannot overwrite a value (at line 2, column 6)"),
        (b"# \xff\n", "not a text in UTF-8"),
    ],
)
def test_what_is_no_toml_is_said_with_its_place(tmp_path: Path, text: bytes, problem: str) -> None:
    """A syntax error names the file, the line and the column."""
    assert (f"{tmp_path / 'freebusy.toml'}: {problem}",) == problems(tmp_path, text)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    """A configuration that is not there is a problem with a name."""
    path = tmp_path / "nowhere.toml"
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml: No such file or directory"):
        load(path, {})


@pytest.mark.parametrize(
    "text",
    [
        MAIL + 'password = "hunter2"',
        MAIL + 'password_file = "hunter2"',
        MAIL + 'password_env = "hunter2"',
        MAIL + 'passwrd = "hunter2"',
        MAIL + 'host = "user:hunter2@imap.example.com"'.replace("host", "ca_file"),
        'persons = [{address = "a@example.com", password = "hunter2"}]',
        'persons = [{address = "a@example.com", password_env = "hunter2"}]',
        '[sources.x]\ntype = "imapp"\npassword = "hunter2"',
        '[sources.x]\ntype = "imap"\nhost = "u:hunter2@imap.example.com"',
        'sources = ["hunter2"]',
        '[publish]\npassword = "hunter2"',
        '[publish]\npassword_file = "hunter2"',
        '[publish]\npassword_env = "hunter2"',
        '[publish]\npassword_hash = "hunter2"',
        '[publish]\npassword_hash = "$scrypt$hunter2\\n"',
        '[publish]\npassword_hash = ["hunter2"]',
        '[publish]\nmsg_conf = "hunter2"',
        '[publish]\nmsg_conf = "~hunter2/msg.conf"',
        '[publish]\nmsg_conf = ["hunter2"]',
        '[publish]\npassword_hash = "$scrypt$hunter2"\npassword_env = "HOME"',
    ],
)
def test_no_problem_shows_a_secret(tmp_path: Path, text: str) -> None:
    """Neither the sentences nor the traceback hold what may be a password."""
    path = tmp_path / "freebusy.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as raised:
        load(path, {})
    shown = "".join(traceback.format_exception(raised.value))
    assert "hunter2" not in str(raised.value) + shown


def test_a_password_in_the_file_is_refused(tmp_path: Path) -> None:
    """The sentence says where a password goes instead."""
    assert (
        "sources.mail.password: a password does not belong in this file; "
        "put it in a file and name that as password_file, or use password_env"
    ) in problems(tmp_path, MAIL + 'password = "hunter2"')


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "expected a file with one line, the password"),
        (b"one\ntwo\n", "expected a file with one line, the password"),
        (b"x" * 5000, "expected a file with one line, the password"),
        (b"\xff\xfe", "expected a file with a password in UTF-8"),
    ],
)
def test_a_password_file_holds_one_line(tmp_path: Path, content: bytes, expected: str) -> None:
    """An empty, long or binary file is no password."""
    (tmp_path / "pw").write_bytes(content)
    text = MAIL + 'password_file = "pw"'
    assert (f"sources.mail.password_file: {expected}",) == problems(tmp_path, text)


def test_two_passwords_are_one_too_many(tmp_path: Path) -> None:
    """File or environment, not both."""
    (tmp_path / "pw").write_text("x", encoding="utf-8")
    text = MAIL + 'password_file = "pw"\npassword_env = "PW"'
    assert (
        "sources.mail: expected one of password_file and password_env, not several",
    ) == problems(tmp_path, text, PW="y")


TOML_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.datetimes()
    | st.times(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["site", "window", "http", "ftp", "access", "schedule", "limits", "log", "sources", "persons",
     "type", "listen", "timezone", "interval", "times", "networks", "passive_ports", "head", "root",
     "host", "username", "folders", "address", "addresses", "name", "source", "read", "months",
     "publish", "login", "tls", "msg_conf", "password_hash", "password_file", "mail", "delegates",
     "combine", "hosts", "tls_listen", "certificate", "key", "shared_user", "trusted_networks",
     "max_upload", "temporary_bytes", "require_tls", "enabled"]
)  # fmt: skip
TABLES = st.dictionaries(
    KEYS, TOML_VALUES | st.dictionaries(KEYS, TOML_VALUES | st.just("imap"), max_size=4), max_size=4
)


@given(tables=TABLES)
def test_any_tables_are_a_configuration_or_problems(
    tables: dict[str, object],
) -> None:
    """Whatever TOML says, the answer is a configuration or our error, never another exception."""
    with suppress(ConfigurationError):
        read_tables(tables, Path("/etc/freebusy/freebusy.toml"), {})
