"""The connector's setup.ini: what is wrong in it, and how the password gets out of it."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail
from keyring.errors import KeyringError, PasswordDeleteError

from calendar_sync.connector import account as accounts
from calendar_sync.connector.account import INI, default_home, open_account, read_account
from calendar_sync.connector.inifile import blanked, read_setup, with_value
from calendar_sync.connector.secrets import FILE, Secrets
from calendar_sync.connector.setup import SECTIONS, parsed
from freebusy.errors import ConfigurationError, FreeBusyError

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = Path(__file__).parents[1] / "data" / "connector"
PLACE = "https://freebusy.example.com:443"
PASSWORD = "geheim %(x)s ; # = MARKER"
GOOD = f"""\
; from the administrator
[server]
url = https://freebusy.example.com

[account]
login: hans@example.com
Password = {PASSWORD}
password_store = file

[sync]
folders = Calendar, Pro*
    Holidays
event = start
default_mode = on_start_and_exit

[freebusy]
name = hans
publish_url = http://freebusy.example.com/pub/calendar/%NAME%.vfb
"""


class RealBackend(KeyringBackend):
    """A keyring in memory, for want of the system's."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # keyring's own
        self.kept: dict[tuple[str, str], str] = {}
        self.is_locked = False

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.is_locked:
            raise KeyringError("locked")
        self.kept[service, username] = password

    def get_password(self, service: str, username: str) -> str | None:
        if self.is_locked:
            raise KeyringError("locked")
        return self.kept.get((service, username))

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("not there")


@pytest.fixture
def backend() -> Iterator[RealBackend]:
    """Give the system a keyring for the test."""
    before = keyring.get_keyring()
    made = RealBackend()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


@pytest.fixture
def no_keyring() -> Iterator[None]:
    """Take the system's keyring away for the test."""
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())  # type: ignore[no-untyped-call]  # keyring's own
    yield
    keyring.set_keyring(before)


def written(path: Path, text: str | bytes = GOOD, mode: int = 0o600) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# -- reading


def test_a_good_set_up() -> None:
    """Values stand as they are; what is not said has a default."""
    setup = parsed(GOOD.encode())
    assert PASSWORD == setup.account.password.get_secret_value()
    assert ("Calendar", "Pro*", "Holidays") == setup.sync.folders
    assert (PLACE, 60.0, True) == (setup.place, setup.server.timeout, setup.server.tls)
    assert "MARKER" not in repr(setup)


@pytest.mark.parametrize(
    ("server", "url", "place"),
    [
        ("url = https://h.example/fb/", "https://h.example/fb/", "https://h.example:443"),
        ("host = h.example", "https://h.example", "https://h.example:443"),
        ("host = h.example\nport = 8443", "https://h.example:8443", "https://h.example:8443"),
        ("host = ::1\nport = 8088\ntls = no", "http://[::1]:8088", "http://[::1]:8088"),
        ("host = localhost\ntls = off", "http://localhost", "http://localhost:80"),
    ],
)
def test_the_server(server: str, url: str, place: str) -> None:
    """The server is given by a URL, or by host, port and TLS."""
    setup = parsed(f"[server]\n{server}\n[account]\nlogin = a\n".encode())
    assert (url, place) == (setup.url, setup.place)


@pytest.mark.parametrize(
    ("folders", "included"),
    [
        ("", {"Calendar", "Work/Projects", "user/eva/Calendar"}),
        ("all", {"Calendar", "Work/Projects", "user/eva/Calendar"}),
        ("Calendar", {"Calendar", "user/eva/Calendar"}),
        ("Work/*, nothing", {"Work/Projects"}),
        ("user/*", {"user/eva/Calendar"}),
    ],
)
def test_which_folders(folders: str, included: set[str]) -> None:
    """Folders are meant by name, path or pattern; none means all."""
    text = f"[server]\nurl = https://h\n[account]\nlogin = a\n[sync]\nfolders = {folders}\n"
    setup = parsed(text.encode())
    paths = ("Calendar", "Work/Projects", "user/eva/Calendar")
    assert included == {path for path in paths if setup.includes(path, path.rpartition("/")[2])}


WRONG = [
    tuple(each.split("----\n"))
    for each in (DATA / "wrong-setups.txt").read_text("utf-8").split("====\n")[1:]
]


@pytest.mark.parametrize(("text", "problems"), WRONG)
def test_what_is_wrong(tmp_path: Path, text: str, problems: str) -> None:
    """Everything that is wrong is said at once, with the file, and no value is quoted."""
    path = written(tmp_path / "setup.ini", text)
    with pytest.raises(ConfigurationError) as raised:
        read_setup(path)
    assert [f"{path}: {line}" for line in problems.splitlines()] == list(raised.value.problems)
    assert "MARKER" not in str(raised.value)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"\xff\xfe[", "must be in UTF-8"),
        (b"[server]\xe4", "must be in UTF-8"),
        (b"#" * 70_000, "longer than 64 KiB"),
    ],
    ids=["UTF-16", "Latin-1", "long"],
)
def test_what_is_no_such_file(tmp_path: Path, body: bytes, problem: str) -> None:
    """A file in another encoding, or far too long, is refused before half of it is understood."""
    with pytest.raises(ConfigurationError, match=problem):
        read_setup(written(tmp_path / "setup.ini", body))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_password_that_others_can_read(tmp_path: Path, mode: int) -> None:
    """A file with a password that others can read is refused, with the command that mends it."""
    path = written(tmp_path / "setup.ini", mode=mode)
    with pytest.raises(ConfigurationError) as raised:
        read_setup(path)
    assert f"{path}: others can read the password in it: chmod 600 {path}" in str(raised.value)
    assert "MARKER" not in str(raised.value)
    written(path, GOOD.replace(PASSWORD, ""), mode)
    assert "" == read_setup(path)[0].account.password.get_secret_value()


def test_no_such_file(tmp_path: Path) -> None:
    """A file that is not there, or is none, is named."""
    for path, problem in ((tmp_path / "x", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigurationError, match=problem):
            read_setup(path)


# -- changing one line of it


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"[account]\npassword = x\n", b"[account]\npassword =\n"),
        (b"[account]\r\n  PassWord:x = y\t \r\n[s]\r\n", b"[account]\r\n  PassWord:\r\n[s]\r\n"),
        (b"\xef\xbb\xbf[account]\npassword=\xc3\xa4", b"\xef\xbb\xbf[account]\npassword="),
        (b"[a]\npassword=1\n[account]\npassword=2", b"[a]\npassword=1\n[account]\npassword="),
        (b"[account]\n# password = 1\npassword = 2\n", b"[account]\n# password = 1\npassword =\n"),
        (b"[account]\nlogin=a\npassword=2\nx=[1]\n", b"[account]\nlogin=a\npassword=\nx=[1]\n"),
    ],
)
def test_blanking(before: bytes, after: bytes) -> None:
    """The password's value goes, and every other octet stays."""
    assert after == blanked(before)
    assert after == blanked(after)


def test_blanking_what_is_not_written_plainly() -> None:
    """Where another line would be read otherwise afterwards, nothing is done."""
    with pytest.raises(FreeBusyError, match="change it by hand"):
        blanked(b"[account]\npassword = 1\n  2\n")


def test_other_values() -> None:
    """A value is replaced where it stands, else added to its section, else with its section."""
    body = b"[server]\nurl = https://a\n"
    body = with_value(body, "server", "url", "https://b")
    body = with_value(body, "server", "timeout", "5")
    body = with_value(body, "account", "login", "hans")
    assert b"[server]\ntimeout = 5\nurl = https://b\n\n[account]\nlogin = hans\n" == body


# -- where the password goes


def test_the_password_moves_to_a_file(tmp_path: Path) -> None:
    """At first use it moves to a file of mode 600; the set-up keeps all else, and its mode."""
    source, home = written(tmp_path / "setup.ini", mode=0o400), tmp_path / "home"
    made = read_account(source, home)
    assert (PASSWORD, False) == (made.password, made.is_settled)
    assert f"{home / FILE} (mode 600)" == made.settle()
    expected = GOOD.replace(f"Password = {PASSWORD}", "Password =").encode()
    assert [expected, expected] == [source.read_bytes(), (home / INI).read_bytes()]
    modes = (mode_of(source), mode_of(home), mode_of(home / FILE), mode_of(home / INI))
    assert (0o400, 0o700, 0o600, 0o600) == modes
    again = open_account(home)
    assert (PASSWORD, True) == (again.password, again.is_settled)
    assert "MARKER" not in repr(again)


def test_the_password_moves_to_the_keyring(tmp_path: Path, backend: RealBackend) -> None:
    """With a keyring it moves there, and a file that held an older one goes."""
    home = tmp_path / "home"
    home.mkdir()
    Secrets(home, "file").keep(PLACE, "hans@example.com", "old")
    text = GOOD.replace("= file", "= auto")
    made = read_account(written(tmp_path / "setup.ini", text), home)
    assert "the system's keyring" == made.settle()
    assert {(f"freebusy connector {PLACE}", "hans@example.com"): PASSWORD} == backend.kept
    assert not (home / FILE).exists()
    assert PASSWORD == open_account(home).password


def test_a_keyring_that_is_locked(tmp_path: Path, backend: RealBackend) -> None:
    """A keyring that cannot be used is as none; where it is wanted, that is an error."""
    backend.is_locked = True
    assert "mode 600" in Secrets(tmp_path).keep(PLACE, "hans", "x")
    assert "x" == Secrets(tmp_path).find(PLACE, "hans")
    with pytest.raises(FreeBusyError, match="no keyring can be used here: install"):
        Secrets(tmp_path, "keyring").keep(PLACE, "hans", "x")


def test_back_to_a_file(tmp_path: Path, backend: RealBackend) -> None:
    """A password is kept in one place: when the keyring stops working the file has it alone."""
    Secrets(tmp_path).keep(PLACE, "hans", "old")
    backend.is_locked = True
    Secrets(tmp_path).keep(PLACE, "hans", "new")
    assert {} == backend.kept
    assert "new" == Secrets(tmp_path).find(PLACE, "hans")


@pytest.mark.usefixtures("no_keyring")
def test_no_keyring_at_all(tmp_path: Path) -> None:
    """Without a backend that keeps anything the file does."""
    assert None is Secrets(tmp_path).find(PLACE, "hans")
    assert "mode 600" in Secrets(tmp_path).keep(PLACE, "hans", "x")


def test_a_password_is_for_one_server(tmp_path: Path) -> None:
    """A changed URL or login gets no password that was meant for another."""
    secrets = Secrets(tmp_path, "file")
    secrets.keep(PLACE, "hans", "x")
    for place, login in (("https://evil.example:443", "hans"), (PLACE, "eva")):
        assert None is secrets.find(place, login)
    home = tmp_path / "home"
    read_account(written(tmp_path / "setup.ini"), home).settle()
    changed = (home / INI).read_text().replace("freebusy.example.com\n", "evil.example\n")
    (home / INI).write_text(changed)
    with pytest.raises(ConfigurationError, match="no password is kept for hans"):
        open_account(home)


@pytest.mark.parametrize(
    ("body", "mode", "problem"),
    [
        (b'{"server": "x"}', 0o644, "others can read the password in it: chmod 600"),
        (b'{"server": ', 0o600, "is damaged: remove it, and run freebusy connector setup"),
    ],
)
def test_a_password_file_that_cannot_be_used(
    tmp_path: Path, body: bytes, mode: int, problem: str
) -> None:
    """A file of the password's that others can read, or that is no such file, is not used."""
    written(tmp_path / FILE, body, mode)
    with pytest.raises(ConfigurationError, match=problem):
        Secrets(tmp_path, "file").find(PLACE, "hans")


@pytest.mark.parametrize("step", ["make_home", "blank_password", "replace"])
def test_an_interrupted_set_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Cut off anywhere, the password is kept, and doing it again ends with one copy of it."""
    source, home = written(tmp_path / "setup.ini"), tmp_path / "home"

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(accounts, step, cut_off)
        with pytest.raises(KeyboardInterrupt):
            read_account(source, home).settle()
    again = read_account(source, home)
    assert PASSWORD == again.password
    again.settle()
    holders = [
        path for path in tmp_path.rglob("*") if path.is_file() and b"MARKER" in path.read_bytes()
    ]
    assert [home / FILE] == holders
    assert PASSWORD == open_account(home).password


def test_a_file_that_changes_meanwhile(tmp_path: Path) -> None:
    """What somebody writes while the password moves is not overwritten."""
    source = written(tmp_path / "setup.ini")
    made = read_account(source, tmp_path / "home")
    source.write_text(GOOD + "# new\n")
    with pytest.raises(FreeBusyError, match="somebody else just changed it"):
        made.settle()
    assert GOOD + "# new\n" == source.read_text()
    assert [] == list(tmp_path.glob(".setup.ini*"))


def test_a_set_up_that_is_dropped_into_the_home(tmp_path: Path) -> None:
    """A connector.ini with a password in it gives it up at first use, in its place."""
    home = tmp_path / "home"
    home.mkdir()
    written(home / INI)
    made = open_account(home)
    assert not made.is_settled
    made.settle()
    assert GOOD.replace(f"Password = {PASSWORD}", "Password =") == (home / INI).read_text()
    assert open_account(home).is_settled


def test_a_link_stays_one(tmp_path: Path) -> None:
    """A set-up that is a symbolic link is blanked where it lies."""
    real, link = written(tmp_path / "real.ini"), tmp_path / "setup.ini"
    link.symlink_to(real)
    read_account(link, tmp_path / "home").settle()
    assert (True, False) == (link.is_symlink(), "MARKER" in real.read_text())


def test_the_usual_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The home is where XDG's Base Directory Specification has data of programs."""
    monkeypatch.setenv("HOME", str(tmp_path))
    usual = tmp_path / ".local" / "share" / "freebusy-connector"
    assert [usual, usual] == [default_home({}), default_home({"XDG_DATA_HOME": "relative"})]
    assert tmp_path / "freebusy-connector" == default_home({"XDG_DATA_HOME": str(tmp_path)})


def test_every_key_is_in_one_section() -> None:
    """A key says by itself where it belongs."""
    keys = [key for section in SECTIONS.values() for key in section.model_fields]
    assert len(keys) == len(set(keys))
