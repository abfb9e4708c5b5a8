"""``freebusy connector`` in a terminal: what it asks, what it hides, how it is stopped."""

from __future__ import annotations

import json
import os
import pty
import signal
import ssl
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.processes import until
from tests.servers.certificate import make_certificate
from tests.servers.process import free_ports
from tests.system.cli_case import CLI, ROOT
from tests.system.connector_case import Person
from tests.wire.connector_gateway import connecting
from tests.wire.connector_script import SILENCE, answer, scripted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.wire.connector_gateway import Api


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with connecting() as made:
        yield made


class Terminal:
    """A command in a terminal of 80 columns."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [*CLI, "connector", *arguments, "--home", str(home)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "80", "TERM": "xterm"},
            start_new_session=True,
        )
        os.close(theirs)
        self.said = ""

    def wait_for(self, text: str) -> None:
        """Read until something is said."""
        deadline = time.monotonic() + 20
        while text not in self.said:
            assert time.monotonic() < deadline, self.said
            self._read()

    def _read(self) -> bool:
        try:
            piece = os.read(self._ours, 65536)
        except OSError:  # the other side is closed
            return False
        self.said += piece.decode()
        return bool(piece)

    def answer(self, question: str, text: str) -> None:
        """Wait for a question that comes after what was answered before, and answer it."""
        self.wait_for(question)
        self.said = self.said.partition(question)[2]
        self.type(text)

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode() + b"\n")

    def end(self) -> int:
        """Read what is left, and return the exit code."""
        while self._read():
            pass
        code = self.process.wait(20)
        os.close(self._ours)
        return code


@contextmanager
def terminal(home: Path, *arguments: str) -> Iterator[Terminal]:
    made = Terminal(home, *arguments)
    try:
        yield made
    finally:
        if made.process.poll() is None:
            made.process.kill()
            made.process.wait()


def test_setting_up_by_asking(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """URL, login and password are asked for, the last unseen; a second time they are proposed."""
    home = tmp_path / "home"
    url = f"http://127.0.0.1:{api.running.port}"
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    with terminal(home, "setup") as asking:
        for question, typed in (("URL", url), ("Login", "hans"), ("Password", "wort")):
            asking.wait_for(question)
            asking.wait_for(": ")
            assert "wort" not in Path(f"/proc/{asking.process.pid}/cmdline").read_text()
            asking.type(typed)
        assert (0, False) == (asking.end(), "wort" in asking.said)
    kept = (home / "connector.ini").read_text()
    assert f"url = {url}\n" in kept
    assert "login = hans\npassword =\n" in kept
    with terminal(home, "setup") as asking:
        for question in (f"URL of the gateway [{url}]: ", "Login [hans]: "):
            asking.wait_for(question)
            asking.type("")
        asking.answer("Password: ", "gehiem")
        for typed in ("gehemi", "gheim"):
            asking.answer("Login [hans]: ", "")
            asking.answer("Password: ", typed)
        assert (1, True) == (asking.end(), "nothing was saved: 3 logins were" in asking.said)
    assert kept == (home / "connector.ini").read_text()


def test_setting_up_with_slips(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong is said, and asked for again, with the other answers proposed."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    url, nobody = f"http://127.0.0.1:{api.running.port}", f"http://127.0.0.1:{free_ports(1)[0]}"
    with terminal(tmp_path / "home", "setup") as asking:
        asking.answer("URL of the gateway: ", "http://freebusy.example.com")
        asking.wait_for("url: is http://")
        asking.answer("URL of the gateway: ", nobody)
        asking.answer("Login: ", "han:s")
        asking.wait_for("a login without a colon")
        asking.answer(f"URL of the gateway [{nobody}]: ", "")
        asking.answer("Login: ", "hans")
        asking.answer("Password: ", "wort")
        asking.wait_for("refuses connections")
        asking.answer(f"URL of the gateway [{nobody}]: ", url)
        asking.answer("Login [hans]: ", "eva")
        asking.answer("Password: ", "falsch")
        asking.wait_for("Login and password are missing or not right")
        asking.answer("Login [eva]: ", "hans")
        asking.answer("Password: ", "wort")
        assert 0 == asking.end()
    kept = (tmp_path / "home" / "connector.ini").read_text()
    assert [True, True] == [each in kept for each in (f"url = {url}\n", "login = hans\n")]


@pytest.mark.parametrize("answered", [0, 1, 2])
def test_an_input_that_ends(tmp_path: Path, answered: int) -> None:
    """At whatever question: it is said that nothing was saved, and the exit code is 1."""
    questions = ("URL of the gateway: ", "Login: ", "Password: ")
    with terminal(tmp_path / "home", "setup") as asking:
        for question in questions[:answered]:
            asking.answer(question, "localhost")
        asking.answer(questions[answered], "\x04")
        assert (1, True) == (asking.end(), "nothing was saved: the input ended" in asking.said)
    assert not (tmp_path / "home").exists()


PING = {
    "host": "imap.example.com", "port": 993, "security": "tls", "tls_version": "TLSv1.3",
    "software": None, "version": None, "login": "hans", "proxied": False, "namespaces": [],
    "capabilities": [], "steps": {"name": 1.0}, "latency": 0.1, "gateway": "1",
}  # fmt: skip


def test_an_authority_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the certificate is not accepted, the set-up asks whom to trust, and remembers it."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    made = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.cert, made.key)
    home = tmp_path / "home"
    with (
        scripted([], [answer(json.dumps(PING))], context=context) as script,
        terminal(home, "setup") as asking,
    ):
        for question, typed in (
            ("URL", script.url),
            ("Login", "hans"),
            ("Password", "wort"),
            ("File of its authority", str(made.cert)),
        ):
            asking.wait_for(question)
            asking.wait_for(": ")
            asking.type(typed)
        assert 0 == asking.end(), asking.said
    assert f"ca_file = {made.cert}\n" in (home / "connector.ini").read_text()


def test_a_certificate_that_is_not_accepted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No later run mends it, so a sync says 1; a terminal gets its lines broken between words."""
    made = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.cert, made.key)
    with scripted([], [], context=context) as script:
        hans = Person(tmp_path, script.url, capsys, monkeypatch)
        hans.home.mkdir()
        (hans.home / "connector.ini").touch(0o600)
        (hans.home / "connector.ini").write_bytes(hans.write_setup().read_bytes())
        with terminal(hans.home, "sync") as running:
            assert 1 == running.end()
    told = running.said.partition("freebusy: ")[2].splitlines()
    assert (3, True) == (len(told), max(map(len, told)) <= 80)
    assert "name its authority in ca_file, or use the host name" in " ".join(told)


@pytest.mark.parametrize(("typed", "code", "left"), [("n", 3, 2), ("y", 0, 0)])
def test_a_side_that_is_suddenly_empty_is_asked_about(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    code: int,
    left: int,
) -> None:
    """Who can answer is asked whether the other side is to be emptied, too."""
    with connecting() as api:
        hans = Person(tmp_path, f"http://127.0.0.1:{api.running.port}", capsys, monkeypatch)
        hans.set_up()
        hans("sync")
        hans.write("one", "two")
        hans("sync")
        for name in hans.names():
            (hans.directory() / name).unlink()
        with terminal(hans.home, "sync") as asking:
            asking.wait_for("Delete 2 items of Calendar on the server too? [y/N] ")
            asking.type(typed)
            assert code == asking.end()
        assert left == len(api.ask("GET", "/folders/Q2FsZW5kYXI/changes")["items"])


def test_the_bars_of_a_sync(
    api: Api, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said how far a folder is, and where there is only to wait, that too."""
    hans = Person(tmp_path, f"http://127.0.0.1:{api.running.port}", capsys, monkeypatch)
    hans.set_up()
    hans("sync")
    hans.write("one", "two")
    with terminal(hans.home, "sync") as running:
        assert 0 == running.end()
    assert [True, True] == [each in running.said for each in ("waiting for the gateway", "2/2")]


def test_stopping_a_sync(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C ends it at once with 130, and says that nothing is lost."""
    with scripted([SILENCE]) as script:
        hans = Person(tmp_path, script.url, capsys, monkeypatch)
        hans.home.mkdir()
        (hans.home / "connector.ini").touch(0o600)
        (hans.home / "connector.ini").write_bytes(hans.write_setup().read_bytes())
        with terminal(hans.home, "sync") as running:
            until(lambda: script.asked, "the service is asked")
            running.process.send_signal(signal.SIGINT)
            assert 130 == running.end()
    assert "Stopped; the next sync goes on from here." in running.said
    assert "Traceback" not in running.said
