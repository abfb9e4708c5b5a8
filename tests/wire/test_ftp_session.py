"""What a FTP session looks like, as transcripts (RFC 959, RFC 2389, RFC 3659)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.wire.ftp_dialogue import BODY, HOSTS, IPV4, Place, serving, some_files

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE = len(BODY)


@pytest.fixture(params=HOSTS)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    with serving(host=request.param) as place:
        yield place


@pytest.fixture
def listed() -> Iterator[Place]:
    with serving(some_files(listed=True)) as place:
        yield place


def test_session_from_greeting_to_farewell(place: Place) -> None:
    """An anonymous client logs in, asks about a file by both prefixes, and leaves."""
    with place.dial() as client:
        client.follows(f"""
            S: 220 Free/busy server ready.
            C: USER anonymous
            S: 331 Username ok, send password.
            C: PASS me@example.com
            S: 230 Login successful.
            C: SYST
            S: 215 UNIX Type: L8
            C: PWD
            S: 257 "/" is the current directory.
            C: SIZE /pub/calendar/hans.vfb
            S: 213 {SIZE}
            C: TYPE I
            S: 200 Type set to: Binary.
            C: SIZE /calendar/hans.vfb
            S: 213 {SIZE}
            C: MDTM /calendar/hans.vfb
            S: 213 20260102030405
            C: MLST /calendar/hans.vfb
            S: 250-Listing follows
            S:  type=file;size={SIZE};modify=20260102030405;perm=r; /calendar/hans.vfb
            S: 250 End.
            C: NOOP
            S: 200 OK.
            C: QUIT
            S: 221 Goodbye.
        """)
        assert client.ended()


def test_walking_through_the_directories(place: Place) -> None:
    """CWD, CDUP and PWD know the four directories; the root's parent is the root."""
    with place.login() as client:
        client.follows("""
            C: CWD pub
            S: 250 "/pub" is the current directory.
            C: CWD calendar/
            S: 250 "/pub/calendar" is the current directory.
            C: XPWD
            S: 257 "/pub/calendar" is the current directory.
            C: CWD ../../calendar
            S: 250 "/calendar" is the current directory.
            C: CDUP
            S: 250 "/" is the current directory.
            C: CWD ..
            S: 250 "/" is the current directory.
            C: XCUP
            S: 250 "/" is the current directory.
            C: CWD /pub/calendar
            S: 250 "/pub/calendar" is the current directory.
            C: CWD
            S: 250 "/" is the current directory.
            C: CWD /home
            S: 550 No such file or directory.
            C: CWD /pub/calendar/hans.vfb
            S: 550 No such file or directory.
            C: PWD
            S: 257 "/" is the current directory.
        """)


@pytest.mark.parametrize("prefix", ["/pub/calendar/", "/calendar/"])
@pytest.mark.parametrize("name", ["hans.vfb", "hans.ifb", "hans", "зоя.vfb"])
def test_reading_a_file(place: Place, prefix: str, name: str) -> None:
    """RETR gives the file by both prefixes and by every form of its name."""
    with place.login() as client:
        assert client.fetches(f"RETR {prefix}{name}") == BODY


@pytest.mark.parametrize("kind", ["A", "I", "L 8"])
def test_exact_bytes_in_every_type(place: Place, kind: str) -> None:
    """ASCII and image transfers both give the exact bytes, bare line feeds too."""
    body = b"BEGIN\r\nbare\nline\rfeeds\r\n\r"
    place.files.files["hans"] = type(place.files.files["hans"])(
        "hans", body, '"x"', place.files.files["hans"].modified
    )
    with place.login() as client:
        client.asks(f"TYPE {kind}", "200")
        client.asks("SIZE /calendar/hans.vfb", f"213 {len(body)}")
        assert client.fetches("RETR /calendar/hans.vfb") == body


@pytest.mark.parametrize(
    ("offset", "expected"), [("0", BODY), ("5", BODY[5:]), (str(SIZE), b""), ("999999", b"")]
)
def test_restart(place: Place, offset: str, expected: bytes) -> None:
    """REST lets RETR begin later, once, in ASCII too."""
    with place.login() as client:
        client.asks(f"REST {offset}", f"350 Restarting at {offset}.")
        assert client.fetches("RETR /calendar/hans.vfb") == expected
        assert client.fetches("RETR /calendar/hans.vfb") == BODY


@pytest.mark.parametrize("marker", ["-1", "x", "1.5", "9" * 30, "\N{ARABIC-INDIC DIGIT ONE}"])
def test_restart_marker_that_is_no_number(place: Place, marker: str) -> None:
    """REST takes a plain number of bytes only."""
    with place.login() as client:
        client.asks(f"REST {marker}", "501")


def test_reading_below_a_domain(place: Place) -> None:
    """A template with %SERVER% works: its directory is entered by its form, and is empty."""
    with place.login() as client:
        client.follows("""
            C: CWD /pub/calendar
            S: 250 "/pub/calendar" is the current directory.
            C: CWD example.com
            S: 250 "/pub/calendar/example.com" is the current directory.
        """)
        assert client.fetches("NLST") == b""
        assert client.fetches("RETR hans.vfb") == BODY
        client.asks("CWD ../unknown.example", "250")
        client.asks("RETR hans.vfb", "550")


EMPTY = b""
DIRECTORY_LINE = rb"dr-xr-xr-x   2 ftp      ftp             0 \w{3} \d\d (\d\d:\d\d| \d{4}) "


@pytest.mark.parametrize("command", ["NLST", "LIST", "MLSD", "NLST -l", "LIST -la"])
@pytest.mark.parametrize("path", ["/pub/calendar", "/calendar"])
def test_listing_names_nobody(place: Place, command: str, path: str) -> None:
    """A listing shows no names unless the site wants it."""
    with place.login() as client:
        assert client.fetches(f"{command} {path}") == EMPTY


@pytest.mark.parametrize(
    ("path", "expected"), [("/", b"calendar\r\npub\r\n"), ("/pub", b"calendar\r\n")]
)
def test_listing_of_directories(place: Place, path: str, expected: bytes) -> None:
    """The directories are listed."""
    with place.login() as client:
        assert client.fetches(f"NLST {path}") == expected


def test_listing_of_names(listed: Place) -> None:
    """Where the site wants it, every kind of listing shows the canonical names, in UTF-8."""
    with listed.login() as client:
        client.asks("CWD /calendar", "250")
        names = "berta.vfb\r\nhans.vfb\r\nзоя.vfb\r\n".encode()
        assert client.fetches("NLST") == names
        lines = client.fetches("LIST").split(b"\r\n")
        date = b"Jan 02  2026" if b" 2026 " in lines[0] else b"Jan 02 03:04"
        expected = b"-r--r--r--   1 ftp      ftp      %8d %s berta.vfb" % (SIZE, date)
        assert lines[0] == expected
        expected = b"type=file;size=%d;modify=20260102030405;perm=r; berta.vfb" % SIZE
        assert client.fetches("MLSD").split(b"\r\n")[0] == expected


def test_listing_of_one_file(place: Place) -> None:
    """LIST, NLST and STAT of a known name show that one file, listed or not."""
    with place.login() as client:
        assert client.fetches("NLST /calendar/hans.vfb") == b"hans.vfb\r\n"
        assert client.fetches("LIST /calendar/hans.vfb").endswith(b" hans.vfb\r\n")
        assert client.says("STAT /calendar/hans.vfb").splitlines()[1].endswith(" hans.vfb")
        client.asks("MLSD /calendar/hans.vfb", "550")


def test_options_for_facts(listed: Place) -> None:
    """OPTS MLST chooses the facts, and FEAT says which are chosen (RFC 3659 §7.9)."""
    with listed.login() as client:
        client.follows("""
            C: OPTS MLST size;Type;unknown;
            S: 200 MLST OPTS type;size;
            C: FEAT
            S: 211-Features:
            S:  EPRT
            S:  EPSV
            S:  MDTM
            S:  MLST type*;size*;modify;perm;
            S:  REST STREAM
            S:  SIZE
            S:  TVFS
            S:  UTF8
            S: 211 End.
            C: OPTS UTF8 ON
            S: 200 Always UTF-8.
            C: OPTS MLST
            S: 200 MLST OPTS
            C: OPTS RETR fast
            S: 501 There is no such option.
        """)
        client.asks("OPTS MLST perm;", "200")
        assert client.fetches("MLSD /").split(b"\r\n")[0] == b"perm=el; calendar"


def test_before_login() -> None:
    """Before the login only what is about the login and the server is answered."""
    with serving() as place, place.dial() as client:
        client.answers("220")
        for line in (
            "PWD",
            "RETR /calendar/hans.vfb",
            "STOR x",
            "PASV",
            "STAT /",
            "SIZE /",
            "REIN",
        ):
            assert client.says(line) == "530 Log in with USER and PASS first."
        for line, code in (("FEAT", "211"), ("STAT", "211"), ("SYST", "215"), ("HELP", "214")):
            client.asks(line, code)
        client.asks("PASS x", "503")


def test_logging_in_again() -> None:
    """USER and REIN forget who logged in."""
    with serving() as place, place.login() as client:
        client.asks("USER ftp", "331")
        client.asks("PWD", "530")
        client.asks("PASS x", "230")
        client.asks("REIN", "230")
        client.asks("SIZE /calendar/hans.vfb", "530")


def test_replies_disclose_nothing_about_the_server() -> None:
    """Neither the software nor its version nor an address of ours is in any reply."""
    with serving() as place, place.dial() as client:
        replies = [client.reply()]
        lines = ("USER ftp", "PASS x", "STAT", "HELP", "SYST", "FEAT", "HELP RETR", "SITE HELP")
        replies += [client.says(line) for line in (*lines, "NONSENSE", "QUIT")]
        text = "\n".join(replies).lower()
        for word in ("pyftpdlib", "python", "2.2", IPV4, "linux"):
            assert word not in text


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("TYPE E", "504"),
        ("MODE B", "504"),
        ("MODE S", "200"),
        ("STRU F", "200"),
        ("STRU R", "504"),
        ("ALLO 10", "202"),
        ("ABOR", "225"),
        (b"\xff\xf4\xff\xf2ABOR", "225"),
        ("NOOP x", "501"),
        ("RETR", "501"),
        ("USER", "501"),
        ("AUTH TLS", "502"),
        ("PBSZ 0", "502"),
        ("PROT P", "502"),
        ("CCC", "502"),
        ("SITE CHMOD 777 /", "502"),
        ("", "500"),
        ("GET / HTTP/1.1", "500"),
        ("stra\N{LATIN SMALL LETTER SHARP S}e x", "500"),
        (b"\x80\x81", "500"),
        ("noop", "200"),
    ],
)
def test_codes(line: str | bytes, code: str) -> None:
    """The odd ends of the protocol get their codes."""
    with serving() as place, place.login() as client:
        client.asks(line, code + " ")


def test_pipelined_commands() -> None:
    """Commands sent in one go are answered in order."""
    with serving() as place, place.login() as client:
        client.sends("NOOP\r\nPWD\r\nSIZE /calendar/hans.vfb\r\nTYPE I")
        assert [client.reply()[:3] for _ in range(4)] == ["200", "257", "213", "200"]


def test_one_byte_at_a_time() -> None:
    """A command may arrive byte by byte."""
    with serving() as place, place.login() as client:
        for byte in b"SIZE /calendar/hans.vfb\r\n":
            client.socket.sendall(bytes([byte]))
        client.answers(f"213 {SIZE}")
