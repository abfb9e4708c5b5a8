"""``freebusy password``: what it prints, keeps and lets go, beside whoever has the store open."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from freebusy.apppasswords import MAX_EACH, AppPasswords
from freebusy.config import load
from freebusy.errors import ConfigurationError
from freebusy.gateway import now, prepare_state
from freebusy.passwordcommands import add, print_hash
from freebusy.passwords import verify
from freebusy.ports import Scope
from freebusy.store import Store
from tests.system.cli_case import CLI, ROOT, Site, freebusy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHAPE = re.compile(r"fbp(-[0-9a-z]{4}){6}\n")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@contextmanager
def opened(site: Site) -> Iterator[AppPasswords]:
    """Hold the site's store open, as a running service does."""
    prepare_state(site.state)
    with closing(Store(site.state / "store.db")) as store:
        yield AppPasswords(store, now)


# -- hash


def test_a_hash_of_one_line() -> None:
    """One line of input becomes one line that fits it; the password is shown nowhere."""
    password = "pässwörd mit Leer zeichen"
    done = freebusy("password", "hash", given=f"{password}\nanother line\n".encode())
    assert (0, True) == (done.code, verify(password, done.out.strip()))
    assert 1 == done.out.count("\n")
    assert password not in done.out + done.err


@pytest.mark.parametrize(
    "given", [b"", b"\n", b"a\0b\n", b"x" * 1025, b"\xff\xfe\n", b"a\tb"], ids=repr
)
def test_what_is_no_password(given: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing, control characters and far too much are refused, and nothing is printed."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given), encoding="utf-8"))
    with pytest.raises(ConfigurationError, match="password"):
        print_hash()


@pytest.mark.parametrize(("again", "code"), [("geheim", 0), ("gehiem", 2)])
def test_a_password_is_typed_twice(again: str, code: int) -> None:
    """In a terminal it is asked for twice, and not shown."""
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [*CLI, "password", "hash"],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            start_new_session=True,
        )
        for typed in ("geheim", again):
            assert process.stderr is not None
            _read_until(process.stderr.fileno(), b": ")
            os.write(ours, f"{typed}\n".encode())
        out, _ = process.communicate(timeout=20)
        os.set_blocking(ours, False)
        with pytest.raises(BlockingIOError):  # nothing was echoed
            os.read(ours, 1000)
    finally:
        os.close(theirs)
        os.close(ours)
    assert code == process.returncode
    assert (not code) == verify("geheim", out.decode().strip())


def _read_until(file: int, end: bytes) -> None:
    said = b""
    while not said.endswith(end):
        more = os.read(file, 100)
        assert more, said
        said += more


# -- app passwords


def test_the_life_of_an_app_password(site: Site) -> None:
    """Made, it opens the account in a process that runs; revoked, it does so no more."""
    made = site("password", "add", "anna@example.com", "--label", "outlook")
    assert 0 == made.code
    assert SHAPE.fullmatch(made.out)
    assert "client-setup anna" in made.err
    password = made.out.strip()
    with opened(site) as app_passwords:
        found = app_passwords.check("anna", password)
        assert found is not None
        assert ("anna", "outlook", Scope.PUBLISH) == found[1:4]
        app_passwords.note_use(found, "192.0.2.1")
        assert 0 == site("password", "revoke", "anna", "outlook").code
        assert None is app_passwords.check("anna", password)
    done = site("password", "revoke", "anna", "outlook")
    assert (1, "freebusy: anna has no app password 'outlook'\n") == (done.code, done.err)


def test_only_a_hash_is_kept(site: Site) -> None:
    """The state holds no app password."""
    password = site("password", "add", "anna", "--label", "outlook").out.strip()
    kept = b"".join(path.read_bytes() for path in site.state.glob("store.db*"))
    assert [False, True] == [text.encode() in kept for text in (password, "outlook")]


def test_the_list(site: Site) -> None:
    """People see what there is, what for, and when it was used; programs get JSON."""
    assert "There are no app passwords.\n" == site("password", "list").out
    assert not (site.state / "store.db").exists()
    password = site("password", "add", "anna", "--label", "old laptop", "--scope", "read").out
    with opened(site) as app_passwords:
        app_passwords.add("bernd", "outlook", Scope.PUBLISH)
        used = app_passwords.check("anna", password)
        assert used is not None
        app_passwords.note_use(used, "2001:db8::1")
    shown = site("password", "list").out
    lines = [re.split(r" {2,}", line.strip()) for line in shown.splitlines()]
    assert ["PERSON", "LABEL", "SCOPE", "CREATED", "LAST USED", "FROM"] == lines[0]
    assert [
        ["anna", "old laptop", "read", "2001:db8::1"],
        ["bernd", "outlook", "publish", "-"],
    ] == [line[:3] + line[-1:] for line in lines[1:]]
    assert password.strip() not in shown
    listed = json.loads(site("password", "list", "anna", "--json").out)
    (entry,) = listed["app_passwords"]
    assert 1 == listed["version"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", entry.pop("created"))
    assert entry.pop("last_used")
    assert {
        "name": "anna", "label": "old laptop", "scope": "read", "last_from": "2001:db8::1",
    } == entry  # fmt: skip


def test_who_has_left_can_be_shut_out(site: Site) -> None:
    """The app passwords of people out of the roster are listed and can be revoked."""
    with opened(site) as app_passwords:
        app_passwords.add("bernd", "outlook", Scope.PUBLISH)
    site.persons = ["anna@example.com"]
    site.write()
    assert "bernd (left)" in site("password", "list").out
    assert 0 == site("password", "revoke", "bernd", "outlook").code
    assert 2 == site("password", "add", "bernd", "--label", "outlook").code


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("add anna", "Missing option '--label'"),
        ("add anna --label x --scope shared", "Invalid value for '--scope'"),
        ("add ana --label x", "'ana' is nobody in the roster; did you mean anna?"),
    ],
)
def test_what_is_typed_wrongly(site: Site, arguments: str, said: str) -> None:
    """A slip ends with 2, says what is wrong, and prints nothing."""
    done = site("password", *arguments.split())
    assert (2, "", True) == (done.code, done.out, said in done.err)


@pytest.mark.parametrize(
    ("name", "label", "said"),
    [
        ("anna", "taken", "has an app password 'taken' already"),
        ("anna", "../x", "a label has"),
        ("anna", "", "a label has"),
        ("anna", "x" * 41, "a label has"),
        ("nobody", "x", "'nobody' is nobody in the roster"),
    ],
)
def test_what_cannot_be_made(site: Site, name: str, label: str, said: str) -> None:
    """A label that is taken or could not be shown, and somebody unknown, make nothing."""
    config = load(site.config, {})
    with opened(site) as app_passwords:
        app_passwords.add("anna", "taken", Scope.PUBLISH)
        with pytest.raises(ConfigurationError, match=re.escape(said)):
            add(config, name, label, Scope.PUBLISH)
        assert ["taken"] == [each.label for each in app_passwords.list()]


def test_nobody_has_too_many(site: Site) -> None:
    """The store holds a limited number for each person."""
    with opened(site) as app_passwords:
        for number in range(MAX_EACH):
            app_passwords.add("anna", f"label {number}", Scope.READ)
        with pytest.raises(ConfigurationError, match="revoke some"):
            app_passwords.add("anna", "one more", Scope.READ)
