"""docs/connectors.md: its examples run against a real service, its tables have every key."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from contextlib import redirect_stdout, suppress
from typing import TYPE_CHECKING

import pytest

from calendar_sync.connector.inifile import read_setup
from calendar_sync.connector.setup import SECTIONS, parsed
from tests.servers.certificate import make_certificate
from tests.servers.mailserver import PASSWORD
from tests.system import agenda
from tests.system.agenda import at, message, span
from tests.system.cli_case import ROOT, freebusy
from tests.system.test_connector_gateway import Office, office
from tests.wire.connector_gateway import event
from tests.wire.connector_script import answer, scripted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.dovecot import Dovecot

PAGE = (ROOT / "docs/connectors.md").read_text("utf-8")
EXAMPLE = ROOT / "conf/connector-setup.ini"
SMALL, ADD = re.findall(r"(?s)```python\n(.*?)```", PAGE)
(CURL,) = re.findall(r"(?s)```sh\n(API=.*?)```", PAGE)
VFB = """BEGIN:VFREEBUSY
DTSTART:20260601T000000Z
DTEND:20260701T000000Z
FREEBUSY:20260602T090000Z/20260602T100000Z
END:VFREEBUSY
"""


LOCALE = """
[locale]
local_timezone = UTC
default_timezone = UTC
timeformat = %H:%M
dateformat = %Y-%m-%d
longdateformat = %Y-%m-%d
datetimeformat = %Y-%m-%d %H:%M
longdatetimeformat = %Y-%m-%d %H:%M
[sqlite]
path = {database}
[default]
default_calendar = Calendar
"""


@pytest.fixture(scope="module")
def work(dovecot: Dovecot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Run a service over a real mail server."""
    with office(dovecot, tmp_path_factory.mktemp("gateway")) as made:
        yield made


def run(code: str, work: Office, *arguments: str | Path) -> str:
    """Run an example as a program, but for its start; return what it prints."""
    with redirect_stdout(io.StringIO()) as said, suppress(SystemExit):
        execute(code, f"http://127.0.0.1:{work.gateway.http_port}", *arguments)
    return said.getvalue()


def execute(code: str, url: str, *arguments: str | Path) -> None:
    """Run an example to its end; raises SystemExit where it ends itself."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("FREEBUSY_PASSWORD", PASSWORD)
        patched.setattr(sys, "argv", ["-", url, *map(str, arguments)])
        exec(compile(code, "docs/connectors.md", "exec"), {"__name__": "__main__"})


def texts(folder: Path) -> dict[str, str]:
    """Return the files of a small connector by the summaries in them."""
    found = {}
    for path in folder.glob("*.ics"):
        summary = re.search(r"SUMMARY:(\w+)", path.read_text())
        found[summary[1] if summary else ""] = path.name
    return found


@pytest.mark.dovecot
def test_the_small_connector(work: Office, tmp_path: Path) -> None:
    """The page's connector, run twice over, keeps two folders and the server's alike."""
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        assert "free/busy: done\n" == run(SMALL, work, work.anna, folder)
    before = texts(one).keys()
    assert (True, before) == (bool(before), texts(two).keys())
    (one / "new.ics").write_bytes(event("new", "First").encode())
    assert "put new done" in run(SMALL, work, work.anna, one)
    run(SMALL, work, work.anna, two)
    assert "First" in texts(two)
    (two / texts(two)["First"]).write_bytes(event("new", "Theirs").encode())
    (one / "new.ics").write_bytes(event("new", "Ours").encode())
    run(SMALL, work, work.anna, two)
    run(SMALL, work, work.anna, one)
    assert "Theirs" in texts(one)
    (lost,) = one.glob("*.lost-*")
    assert "SUMMARY:Ours" in lost.read_text()
    (one / texts(one)["Theirs"]).unlink()
    assert "delete new done" in run(SMALL, work, work.anna, one)
    run(SMALL, work, work.anna, two)
    assert (before, before) == (texts(one).keys(), texts(two).keys())


@pytest.mark.dovecot
def test_a_small_connector_that_lost_an_answer(work: Office, tmp_path: Path) -> None:
    """What was sent before it was cut off is sent again, and not doubled."""
    folder = tmp_path / "here"
    run(SMALL, work, work.anna, folder)
    (folder / "cut.ics").write_bytes(event("cut", "Cut").encode())
    cut_off = SMALL.replace(
        "    for change, result in zip(", "    sys.exit(0)\n    for change, result in zip("
    )
    run(cut_off, work, work.anna, folder)
    assert "put cut done" in run(SMALL, work, work.anna, folder)
    with work.client(work.anna) as client:
        default = next(each.id for each in client.folders().folders if each.is_default)
        assert 1 == [item.uid for item in client.changes(default).items].count("cut")


@pytest.mark.parametrize(("code", "more"), [(SMALL, ["here"]), (ADD, [])], ids=["small", "add"])
def test_who_has_no_calendar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, more: list[str]
) -> None:
    """An example says so in a sentence, as its exit."""
    monkeypatch.chdir(tmp_path)
    nothing = answer('{"default_mode": "manual", "folders": []}')
    with scripted([nothing]) as script, pytest.raises(SystemExit) as ended:
        execute(code, script.url, "hans", *more)
    assert (
        "you have no default calendar: make a folder called Calendar, and run this again"
        == ended.value.code
    )


@pytest.mark.dovecot
def test_the_standard_library_is_enough(work: Office) -> None:
    """The event is there, and everybody sees the time as busy."""
    before = work.gateway.busy(work.bernd) or []
    assert re.fullmatch(r"done \d+\nfree/busy: done\n", run(ADD, work, work.bernd))
    assert len(before) + 1 == len(work.gateway.busy(work.bernd) or [])


@pytest.mark.dovecot
@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_curl(work: Office, tmp_path: Path) -> None:
    """Every line of the shell's example does what it says."""
    (tmp_path / "trip.ics").write_bytes(event("trip@example.com").encode())
    (tmp_path / "me.vfb").write_text(VFB)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", CURL.replace("eva", work.bernd)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ
        | {
            "GATEWAY": f"http://127.0.0.1:{work.gateway.http_port}",
            "LOGIN": f"{work.anna}:{PASSWORD}",
            "ME": work.anna,
        },
        timeout=60,
    )
    assert (0, "") == (done.returncode, done.stderr), done.stdout
    assert '"status":"known"' in done.stdout.replace(" ", "").splitlines()[-1]
    assert "Everyone" in done.stdout
    assert span(1, 8) in (work.gateway.busy(work.anna) or [])


# -- the commands, with khal


class Desk:
    """A person's machine: a connector's home, and khal as the page sets it up."""

    def __init__(self, work: Office, folder: Path) -> None:
        self.data = folder / "data"
        self.home = self.data / "freebusy-connector"
        self._config = folder / "khal.conf"
        (section,) = re.findall(r"(?s)```ini\n(\[calendars\].*?)```", PAGE)
        local = section.replace("~/.local/share", str(self.data))
        self._config.write_text(local + LOCALE.format(database=folder / "khal.db"))
        ini = folder / "setup.ini"
        ini.write_text(
            f"[server]\nurl = http://127.0.0.1:{work.gateway.http_port}\n"
            f"[account]\nlogin = {work.anna}\npassword = {PASSWORD}\npassword_store = file\n"
        )
        ini.chmod(0o600)
        self.freebusy("setup", ini, "--unattended")

    def freebusy(self, *arguments: str | Path) -> str:
        done = freebusy("connector", *arguments, XDG_DATA_HOME=str(self.data))
        assert 0 == done.code, done.err
        return done.out

    def khal(self, *arguments: str) -> str:
        """Run khal as somebody at this machine does."""
        command = [sys.executable, "-m", "khal", "-c", str(self._config), *arguments]
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"HOME": str(self.data), "XDG_DATA_HOME": str(self.data)},
            timeout=60,
        ).stdout


@pytest.mark.dovecot
def test_khal_reads_and_writes_what_is_synced(work: Office, tmp_path: Path) -> None:
    """khal shows what is on the server; what it adds gets there, and into the .vfb."""
    folder = work.server.folder("Calendar")
    work.server.append(
        work.anna, folder, message(agenda.event("m", 2, 12, "SUMMARY:From the server"))
    )
    desk = Desk(work, tmp_path)
    desk.freebusy("sync")
    (directory,) = (desk.home / "calendars").iterdir()
    day = f"{at(2, 0):%Y-%m-%d}"
    assert "12:00-13:00 From the server" in desk.khal("list", day)
    desk.khal("new", "-a", directory.name, day, "15:00", "16:00", "Added with khal")
    assert directory.name in desk.freebusy("sync")
    busy = work.gateway.busy(work.anna) or []
    assert {span(1, 8), span(2, 12), span(2, 15)} <= set(busy)


# -- the set-up


@pytest.mark.parametrize(
    ("section", "key"),
    [(name, key) for name, each in SECTIONS.items() for key in each.model_fields],
)
def test_every_key_is_written_down(section: str, key: str) -> None:
    """A key that the page or the annotated example does not have, in its section, fails here."""
    table = re.search(rf"(?s)\| `\[{section}\]` \|.*?(?=\n\| `\[|\n\n)", PAGE)
    assert table is not None
    assert re.search(rf"(?m)^\| (`\w+`, )*`{key}`", table[0])
    example = re.search(rf"(?ms)^\[{section}\]$(.*?)(?=^\[|\Z)", EXAMPLE.read_text("utf-8"))
    assert example is not None
    assert re.search(rf"(?m)^(# )?{key} =", example[1])


def test_the_example_is_a_set_up() -> None:
    """It can be read as it stands, and has the defaults that it says it has."""
    setup, _ = read_setup(EXAMPLE)
    bare = parsed(
        b"[server]\nurl = https://freebusy.example.com\n[account]\nlogin = hans@example.com\n"
    )
    assert bare == setup


def test_every_line_of_the_example_is_a_setting_that_works(tmp_path: Path) -> None:
    """With each comment mark before a setting taken away it still can be read."""
    text = re.sub(r"(?m)^# (\w+ = )", r"\1", EXAMPLE.read_text("utf-8"))
    text = re.sub(r"(?m)^(host|port|tls) = .*\n", "", text)
    certificate = make_certificate(tmp_path).cert
    text = text.replace("/etc/ssl/certs/example-ca.pem", str(certificate))
    setup = parsed(text.encode())
    assert set(SECTIONS) == set(ini(text).sections())
    assert ("on_start_and_exit", certificate) == (setup.sync.default_mode, setup.server.ca_file)


def ini(text: str) -> ConfigParser:
    reader = ConfigParser(interpolation=None)
    reader.read_string(text)
    return reader
