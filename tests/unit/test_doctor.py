"""What ``freebusy doctor`` finds, and that each finding says what to do."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections import namedtuple
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from freebusy import doctor, gateway, portcheck, sourcecheck
from freebusy.config import Endpoint, load
from freebusy.doctor import examine, findings
from freebusy.errors import (
    CalendarMissingError,
    ConfigurationError,
    SourceRefusedError,
    SourceUnavailableError,
)
from freebusy.period import to_seconds
from freebusy.ports import Calendar
from tests.unit.command_state import configured, item, opened, publish, read_calendar
from tests.unit.test_status import WINDOW

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from freebusy.config import Config
    from freebusy.expanding import Person
    from freebusy.ports import Owner, SyncPage, SyncToken

QUIET = '[http]\nlisten = ["127.0.0.1:0"]\n[ftp]\nlisten = ["127.0.0.1:0"]'
root = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


def said(config: Config, subject: str) -> list[str]:
    return [f"{f.level} {f.text}" for f in findings(config) if f.subject == subject]


@contextmanager
def listening(answer: bytes) -> Iterator[Endpoint]:
    """Listen, and send every client the same answer."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def serve() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with closing(peer):
                    peer.settimeout(5)
                    if answer.startswith(b"HTTP"):
                        peer.recv(4096)
                    peer.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Endpoint("127.0.0.1", listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def http(status: str, body: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


# -- all in all


def test_a_sound_installation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing is wrong every line is ok, and nothing is created."""
    config = configured(tmp_path, QUIET)
    for name in config.members:
        (tmp_path / "calendars" / name).mkdir()
    assert examine(lambda: config)
    out = capsys.readouterr().out
    assert "All is well." in out
    assert {"ok"} == {line.split()[0] for line in out.splitlines()[:-2] if line[0] != " "}
    assert not config.site.state.exists()


def test_a_broken_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every problem of the configuration is a line of its own, and the answer is no."""
    path = tmp_path / "bad.toml"
    path.write_text('[http]\nlistn = ":80"\n[sote]\n', encoding="utf-8")
    assert not examine(lambda: load(path, {}))
    out = capsys.readouterr().out
    assert "FAIL config   http.listn: unknown key; did you mean listen?" in out
    assert "did you mean site?" in out
    assert "2 failed, 0 to look at." in out


def test_long_findings_are_wrapped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A finding wraps below itself within 80 columns, and hostile text is escaped."""
    monkeypatch.setenv("COLUMNS", "80")

    def load() -> Config:
        raise ConfigurationError(["problem\x1b[31m " * 12])

    assert not examine(load)
    lines = capsys.readouterr().out.splitlines()
    assert 80 >= max(map(len, lines))
    assert lines[1].startswith(" " * 14 + "problem")
    assert "\x1b" not in "".join(lines)


# -- ports


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (http("200 OK", "ok\n"), ("ok", "held by a running gateway, which is well")),
        (
            http("503 No", "failing\nthe tree\x07 is gone\n"),
            ("FAIL", "held by a running gateway, which is not well: the tree\\x07 is gone"),
        ),
        (
            http("503 No", "failing\n"),
            ("FAIL", "held by a running gateway, which is not well: its log says why"),
        ),
        (http("404 No", ""), ("FAIL", "held by another program: stop it, or choose another port")),
        (b"SSH-2.0-x\r\n", ("FAIL", "held by another program: stop it, or choose another port")),
        (b"", ("FAIL", "held by another program: stop it, or choose another port")),
    ],
)
def test_who_holds_the_http_port(answer: bytes, expected: tuple[str, str]) -> None:
    """A running gateway is asked how it is; anything else is in the way."""
    with listening(answer) as place:
        assert expected == portcheck.check_http(place)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"220 Free/busy server ready.\r\n", "ok"),
        (b"220 vsFTPd\r\n", "FAIL"),
        (b"", "FAIL"),
    ],
)
def test_who_holds_the_ftp_port(answer: bytes, expected: str) -> None:
    """The gateway's own greeting tells it from another FTP server."""
    with listening(answer) as place:
        assert expected == portcheck.check_ftp(place).level


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Endpoint("127.0.0.1", 0), ("ok", "any free port will be taken")),
        (
            Endpoint("192.0.2.7", 8088),
            ("FAIL", "is no address of this machine: choose one of its own"),
        ),
        (
            Endpoint("no.such.invalid", 8088),
            ("FAIL", "has a host that does not resolve: check its spelling"),
        ),
    ],
)
def test_addresses_that_nobody_holds(place: Endpoint, expected: tuple[str, str]) -> None:
    """What cannot be listened on says why."""
    assert expected == portcheck.check_http(place)


def test_a_free_port_is_free_again() -> None:
    """Trying a port leaves it free, for each address family of the machine."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    for host in ("127.0.0.1", ""):
        for _ in range(2):
            assert ("ok", "free") == portcheck.check_ftp(Endpoint(host, port))


def test_a_server_that_is_off_is_not_looked_at(tmp_path: Path) -> None:
    """A part that is switched off is said to be."""
    config = configured(tmp_path, "[http]\nenabled = false")
    assert ["ok switched off"] == said(config, "http")


# -- state and store


def test_the_store_and_the_service(tmp_path: Path) -> None:
    """A store that others may open, calendars that fail and a service that is late are named."""
    config = configured(tmp_path, QUIET)
    store = opened(config)
    number = read_calendar(store, "hans", items=[item("1.ics")])
    store.note(number, error="refused")
    now = to_seconds(gateway.now())
    store.remember(**{"next-run:demo": str(now - 7200)})
    (config.site.state / "store.db").chmod(0o644)
    ok, *warnings = said(config, "store")
    assert ok.startswith("ok ")
    assert ": 1 calendar, " in ok
    assert [
        f"warn other users may open {config.site.state / 'store.db'}: chmod 600 it",
        "warn calendars of hans could not be read last time; see freebusy status",
    ] == warnings
    assert [
        (
            "warn source demo should have been read 2 h ago:"
            " start the service (freebusy run or sync), or see its log"
        )
    ] == said(config, "service")
    store.remember(**{"next-run:demo": str(now + 60)})
    store.close()
    assert ["ok source demo is followed"] == said(config, "service")


def test_a_store_that_is_none(tmp_path: Path) -> None:
    """A database that is broken fails, and the other checks go on."""
    config = configured(tmp_path, QUIET)
    config.site.state.mkdir()
    (config.site.state / "store.db").write_text("no database" * 100)
    [finding] = said(config, "store")
    assert finding.startswith("FAIL ")
    assert finding.endswith("file is not a database")
    assert said(config, "zones")


def test_a_state_directory_that_is_none(tmp_path: Path) -> None:
    """A file in the place of the state directory fails with what to do."""
    config = configured(tmp_path, QUIET)
    config.site.state.write_text("")
    [finding] = said(config, "state")
    assert finding.startswith("FAIL ")
    assert "is no directory: remove it, or set site.state" in finding


@root
def test_a_state_directory_that_may_not_be_written(tmp_path: Path) -> None:
    """Rights that are missing fail with whose they are."""
    config = configured(tmp_path, QUIET)
    config.site.state.mkdir(mode=0o500)
    assert "cannot be written by user" in said(config, "state")[0]


@pytest.mark.parametrize(("mebibytes", "level"), [(10, "FAIL"), (100, "warn"), (10_000, "ok")])
def test_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mebibytes: int, level: str
) -> None:
    """A disk that fills up is told before files can no longer be replaced."""
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(mebibytes << 20))
    config = configured(tmp_path, QUIET)
    assert [level] == [finding.split()[0] for finding in said(config, "disk")]


# -- people and secrets


def test_people(tmp_path: Path) -> None:
    """Files of strangers are named, and so are names that are nobody's."""
    config = configured(tmp_path, QUIET)
    publish(config, "stranger", [], WINDOW)
    [finding] = said(config, "people")
    assert finding.startswith("warn files of nobody in the roster: stranger;")


def test_people_without_a_source(tmp_path: Path) -> None:
    """They are right where they may publish, and have no file where nobody may."""
    path = tmp_path / "freebusy.toml"
    for publish_too, expected in (
        ("true", "ok no source for hans: their files hold what they publish"),
        ("false", "warn no source, so no file, for hans: give them one"),
    ):
        path.write_text(
            f'persons = ["hans@x.example"]\n{QUIET}\n[publish]\nenabled = {publish_too}\n',
            encoding="utf-8",
        )
        assert [expected] == said(load(path, {}), "people")


def test_ambiguous_names(tmp_path: Path) -> None:
    """What the configuration warns of is repeated."""
    path = tmp_path / "freebusy.toml"
    path.write_text(
        'persons = ["a@x.example", "a@y.example"]\n[sources.demo]\ntype = "vdir"\nroot = "."\n'
        f"{QUIET}\n",
        encoding="utf-8",
    )
    assert any("'a' names nobody" in finding for finding in said(load(path, {}), "config"))


def test_secrets(tmp_path: Path) -> None:
    """Password files are counted where they are closed, and warned of where they are open."""
    secret = tmp_path / "imap.password"
    secret.write_text("geheim\n", encoding="utf-8")
    path = tmp_path / "freebusy.toml"
    path.write_text(
        '[sources.mail]\ntype = "imap"\nhost = "127.0.0.1"\npassword_file = "imap.password"\n'
        f"{QUIET}\n",
        encoding="utf-8",
    )
    for mode, subject, expected in (
        (0o600, "secrets", "ok 1 password file"),
        (0o644, "config", "warn sources.mail.password_file"),
    ):
        secret.chmod(mode)
        assert any(f.startswith(expected) for f in said(load(path, {}), subject))
    assert not said(load(path, {}), "secrets")


# -- sources


class Source:
    """A source whose answers are given."""

    def __init__(self, **answers: int | Exception | threading.Event) -> None:
        self.answers = answers

    def calendars(self, owner: Owner) -> Sequence[Calendar]:
        answer = self.answers[owner.name]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, threading.Event):
            answer.wait(60)
            return []
        return [Calendar(str(number), owner, "") for number in range(answer)]

    def sync(self, calendar: Calendar, token: SyncToken | None) -> Iterator[SyncPage]:
        raise NotImplementedError

    def close(self) -> None:
        pass


def people(config: Config) -> list[Person]:
    return list(gateway.persons(config).values())


def test_a_source_that_does_not_answer_holds_nobody_up(tmp_path: Path) -> None:
    """The answers in time count, the others are told as missing."""
    release = threading.Event()
    source = Source(hans=2, eva=release)
    found = sourcecheck.probe(source, people(configured(tmp_path)), patience=0.3)
    release.set()
    assert ({"hans": 2}, 1, 2) == (found.calendars, found.silent, found.asked)


def test_what_a_source_says_is_told_once(tmp_path: Path) -> None:
    """One fault for many people is one line; a person without a calendar is only a warning."""
    everybody = people(configured(tmp_path))
    refused = SourceRefusedError("LOGIN was refused: check username and password")
    down = SourceUnavailableError("mail:993 refuses connections: is it running?")
    for answers, expected in (
        (
            {"hans": refused, "eva": refused},
            ["FAIL x: LOGIN was refused: check username and password (for eva, hans)"],
        ),
        ({"hans": down, "eva": down}, [f"FAIL x: {down} (for eva, hans)"]),
        (
            {"hans": 2, "eva": CalendarMissingError("it is not there")},
            [
                (
                    "warn x (y): no calendar for eva (it is not there): check folders, path and the"
                    " rights of the login; who only publishes has source = []"
                ),
                "ok x (y): 2 calendars; asked for 2 persons",
            ],
        ),
    ):
        found = sourcecheck.probe(Source(**answers), everybody)
        for names in found.failed.values():
            names.sort()
        assert expected == [f"{f.level} {f.text}" for f in doctor._said("x", "y", found, 2)]


def test_only_some_of_a_large_site_are_asked_for(tmp_path: Path) -> None:
    """A site of hundreds is probed by its first twenty."""
    listed = ", ".join(f'"p{n}@example.com"' for n in range(50))
    (tmp_path / "freebusy.toml").write_text(
        f'persons = [{listed}]\n[sources.demo]\ntype = "vdir"\nroot = "."\n{QUIET}\n',
        encoding="utf-8",
    )
    for number in range(50):
        (tmp_path / f"p{number}").mkdir()
    [finding] = said(load(tmp_path / "freebusy.toml", {}), "source")
    assert finding.endswith("20 calendars; asked for 20 of 50")


def test_a_root_that_is_missing(tmp_path: Path) -> None:
    """A directory source without its root fails before anybody is asked for."""
    config = configured(tmp_path, QUIET)
    (tmp_path / "calendars").rmdir()
    assert [f"FAIL demo: there is no directory {tmp_path / 'calendars'}: set root"] == said(
        config, "source"
    )


def test_a_mail_server_that_is_not_there(tmp_path: Path) -> None:
    """A refused connection fails with what to look at, within a moment."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    secret = tmp_path / "secret"
    secret.write_text("geheim\n", encoding="utf-8")
    path = tmp_path / "freebusy.toml"
    path.write_text(
        'persons = ["hans@example.com"]\n[sources.mail]\ntype = "imap"\nhost = "127.0.0.1"\n'
        f'port = {port}\nsecurity = "plain"\npassword_file = "secret"\n{QUIET}\n',
        encoding="utf-8",
    )
    assert [
        (
            f"FAIL mail: 127.0.0.1:{port} refuses connections: is the mail server running,"
            " and the port right? (for hans)"
        )
    ] == said(load(path, {}), "source")


# -- clock and zones


def test_a_clock_that_was_set_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock behind the files that lie here is wrong."""
    config = configured(tmp_path, QUIET)
    assert said(config, "clock")[0].startswith("ok ")
    before = gateway.now() - timedelta(days=400)
    monkeypatch.setattr(gateway, "now", lambda: before)
    [finding] = said(config, "clock")
    assert finding.startswith("FAIL it says ")
    assert finding.endswith("files were written in 400 d: set the clock (timedatectl)")


def test_old_time_zones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time zone data of years ago is worth a warning."""
    config = configured(tmp_path, QUIET)
    for version, level in (("2020.1", "warn"), ("nightly", "warn"), ("2099.1", "ok")):
        monkeypatch.setattr(doctor, "database_version", lambda version=version: version)
        assert [level] == [finding.split()[0] for finding in said(config, "zones")]
