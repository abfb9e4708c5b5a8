"""What is refused, and that every refusal is the same plain one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.wire.ftp_dialogue import BODY, HOSTS, MemoryFiles, Place, serving, some_files

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_SUCH_FILE = "550 No such file or directory."

NASTY_PATHS: dict[str, str | bytes] = {
    "unknown name": "/pub/calendar/nobody.vfb",
    "unknown extension": "/pub/calendar/hans.xfb",
    "passwd": "/etc/passwd",
    "climbing from the root": "/../etc/passwd",
    "climbing back into the tree": "/../../pub/calendar/hans.vfb",
    "climbing from below": "/pub/calendar/../../../etc/passwd",
    "climbing relatively": "../../../../etc/passwd",
    "climbing out of what is not there": "/nowhere/../pub/calendar/hans.vfb",
    "climbing out of a file": "/pub/calendar/hans.vfb/../hans.vfb",
    "below a file": "/pub/calendar/hans.vfb/x",
    "a file with a slash": "/pub/calendar/hans.vfb/",
    "a file with a dot": "/pub/calendar/hans.vfb/.",
    "backslashes": "\\pub\\calendar\\hans.vfb",
    "climbing with backslashes": "/pub/calendar/..\\..\\..\\etc\\passwd",
    "drive letter": "C:\\pub\\calendar\\hans.vfb",
    "dot-file": "/pub/calendar/.hans.vfb",
    "temporary file": "/pub/calendar/.hans.vfb.x8c1.tmp",
    "other temporary file": "/pub/calendar/hans.vfb.tmp",
    "KIO's part file": "/pub/calendar/hans.vfb.part",
    "backup": "/pub/calendar/hans.vfb~",
    "percent-encoded": "/pub/calendar/%68ans.vfb",
    "percent-encoded climb": "/pub/calendar/%2e%2e/%2e%2e/etc/passwd",
    "double encoded": "/pub/calendar/%252e%252e/hans.vfb",
    "overlong UTF-8 slash": b"/pub/calendar/..\xc0\xaf..\xc0\xafetc/passwd",
    "overlong UTF-8 dot": b"/pub/calendar/\xc0\xae\xc0\xae/hans.vfb",
    "latin-1": b"/pub/calendar/m\xfcller.vfb",
    "UTF-16": "/pub/calendar/hans.vfb".encode("utf-16"),
    "surrogate": b"/pub/calendar/\xed\xa0\x80.vfb",
    "replacement character": "/pub/calendar/\N{REPLACEMENT CHARACTER}.vfb",
    "NUL at the end": b"/pub/calendar/hans.vfb\x00",
    "NUL before an extension": b"/pub/calendar/hans\x00.vfb",
    "NUL in the directory": b"/pub\x00/calendar/hans.vfb",
    "line feed": b"/pub/calendar/hans.vfb\n",
    "line feed and a command": b"/pub/calendar/x\nUSER root",
    "carriage return": b"/pub/calendar/\rhans.vfb",
    "escape": b"/pub/calendar/\x1b[2J.vfb",
    "delete": b"/pub/calendar/hans.vfb\x7f",
    "trailing blank": "/pub/calendar/hans.vfb ",
    "only blanks": "  ",
    "over-long name": "/pub/calendar/" + "a" * 300 + ".vfb",
    "over-long path": "/pub/calendar/" + "a" * 3000 + ".vfb",
    "over-long line": "/pub/calendar/" + "a" * 9000 + ".vfb",
    "many slashes": "/" * 3000 + "pub/calendar/hans.vfb",
    "many climbs": "/pub/calendar/" + "../" * 300 + "etc/passwd",
    "tilde": "~/pub/calendar/hans.vfb",
    "home": "~root",
    "wildcard": "/pub/calendar/*.vfb",
    "question mark": "/pub/calendar/han?.vfb",
    "upper-case directory": "/PUB/CALENDAR/hans.vfb",
    "neighbour": "/pub/calendar2/hans.vfb",
    "the other server's form": "/freebusy/hans.ifb",
    "device": "/dev/null",
    "process": "/proc/self/environ",
    "pipe": "|id",
    "URL": "ftp://localhost/pub/calendar/hans.vfb",
}

ASKING = ("RETR", "SIZE", "MDTM", "MLST", "LIST", "NLST", "MLSD", "STAT", "CWD")


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with serving(some_files(listed=True)) as place:
        yield place


@pytest.mark.parametrize("path", NASTY_PATHS.values(), ids=NASTY_PATHS.keys())
def test_every_bad_path_gets_the_same_refusal(place: Place, path: str | bytes) -> None:
    """Whatever is no published file is answered alike by every command, and nothing is told."""
    raw = path if isinstance(path, bytes) else path.encode()
    with place.login() as client:
        for command in ASKING:
            assert client.says(command.encode() + b" " + raw) == NO_SUCH_FILE
        client.asks("SIZE /pub/calendar/hans.vfb", f"213 {len(BODY)}")


@pytest.mark.parametrize("path", ["/", "/pub", "/pub/calendar", "/calendar", ".", "/pub/calendar/"])
def test_a_directory_is_no_file(place: Place, path: str) -> None:
    """RETR, SIZE and MDTM of a directory get the refusal of a file that is not there."""
    with place.login() as client:
        for command in ("RETR", "SIZE", "MDTM"):
            assert client.says(f"{command} {path}") == NO_SUCH_FILE


WRITES = (
    "STOR /pub/calendar/hans.vfb",
    "STOR new.vfb",
    "STOU",
    "STOU hans.vfb",
    "APPE /pub/calendar/hans.vfb",
    "DELE /pub/calendar/hans.vfb",
    "RNFR /pub/calendar/hans.vfb",
    "RNTO /pub/calendar/other.vfb",
    "MKD /pub/calendar/new",
    "XMKD new",
    "RMD /pub/calendar",
    "XRMD /pub",
    "MFMT 20200101000000 /pub/calendar/hans.vfb",
    "MFCT 20200101000000 /pub/calendar/hans.vfb",
    "MFF Modify=20200101000000; /pub/calendar/hans.vfb",
    "SITE CHMOD 777 /pub/calendar/hans.vfb",
    "SITE UTIME 20200101000000 /pub/calendar/hans.vfb",
    "SITE EXEC id",
    "SMNT /",
    "STOR /etc/passwd",
    "STOR ../../x",
    b"STOR \xff\x00",
)


@pytest.mark.parametrize("host", HOSTS)
def test_every_write_is_refused(host: str) -> None:
    """Every command that would change something is refused plainly, and nothing has changed."""
    with serving(host=host) as place, place.login() as client:
        before = dict(place.files.files)
        with client.passive() as data:
            for line in WRITES:
                assert client.says(line) in {
                    "550 Permission denied.",
                    "502 Command not implemented.",
                    "501 Argument not understood.",
                }
            data.sendall(b"ignored")
        assert place.files.files == before
        assert client.fetches("RETR /calendar/hans.vfb") == BODY


@pytest.mark.parametrize("line", [line for line in WRITES if not isinstance(line, bytes)])
def test_a_write_never_tells_what_is_there(place: Place, line: str) -> None:
    """A write is refused in the same words, whether or not its name exists."""
    verb, _, rest = line.partition(" ")
    with place.login() as client:
        other = f"{verb} {rest.replace('hans', 'nobody')}".strip()
        assert client.says(line) == client.says(other)


@pytest.mark.parametrize("user", ["hans", "root", "freebusy", "anonymous2", "", "\N{SNOWMAN}"])
def test_other_users_are_refused(place: Place, user: str) -> None:
    """Only anonymous users may log in, whatever the password."""
    with place.dial() as client:
        client.answers("220")
        client.asks(f"USER {user or 'x'}", "331")
        assert client.says("PASS secret") == "530 Login incorrect."
        client.asks("PWD", "530")


@pytest.mark.parametrize("user", ["anonymous", "ftp", "FTP", "Anonymous"])
@pytest.mark.parametrize("password", ["PASS", "PASS x", "PASS \N{SNOWMAN} y", "PASS ~!@#"])
def test_anonymous_by_any_password(place: Place, user: str, password: str) -> None:
    """Both anonymous names work in any case, with any password and with none."""
    with place.dial() as client:
        client.answers("220")
        client.asks(f"USER {user}", "331")
        client.asks(password, "230")


def test_three_refused_logins_end_the_session(place: Place) -> None:
    """The third refused login closes the connection."""
    with place.dial() as client:
        client.answers("220")
        for _ in range(3):
            client.asks("USER hans", "331")
            client.asks("PASS guess", "530")
        assert client.ended()


def test_refused_login_waits_and_delays_nobody() -> None:
    """A refused login is answered late; guesses sent in one go are dropped; others go on."""
    with serving(login_delay=1.0) as place, place.dial() as guesser, place.login() as other:
        guesser.answers("220")
        guesser.sends("USER a\r\nPASS 1\r\nUSER b\r\nPASS 2\r\nUSER c\r\nPASS 3")
        guesser.answers("331")
        began = time.monotonic()
        other.asks("SIZE /calendar/hans.vfb", "213")
        others_wait = time.monotonic() - began
        guesser.answers("530")
        assert others_wait < 0.9 <= time.monotonic() - began
        guesser.asks("NOOP", "200")


def test_who_leaves_during_the_delay_harms_nobody() -> None:
    """A client that is gone before its refusal is due leaves no trace."""
    with serving(login_delay=0.1) as place:
        with place.dial() as guesser:
            guesser.answers("220")
            guesser.asks("USER a", "331")
            guesser.sends("PASS 1")
        with place.dial() as second:
            second.answers("220")
            second.asks("USER a", "331")
            second.asks("PASS 1", "530")
        with place.login() as client:
            assert client.fetches("RETR /calendar/hans.vfb") == BODY


def test_who_is_not_admitted_cannot_log_in() -> None:
    """A visitor whom the site does not admit is refused at the login."""
    with serving(MemoryFiles(admitted=False)) as place, place.dial() as client:
        client.answers("220")
        client.asks("USER anonymous", "331")
        assert client.says("PASS x") == "530 Access denied."
        client.asks("RETR /calendar/hans.vfb", "530")


@pytest.mark.parametrize("host", HOSTS)
def test_the_visitor_is_the_peer(host: str) -> None:
    """The files are told the client's address, and that it has no account."""
    with serving(host=host) as place, place.login():
        assert [(visitor.address, visitor.account) for visitor in place.files.visitors] == [
            (host, None)
        ]
