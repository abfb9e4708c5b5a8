"""Marker words in every text of every item, and none of them anywhere that anybody can look."""

from __future__ import annotations

import base64
import logging
import subprocess
import sys
from email.message import EmailMessage
from ftplib import FTP
from typing import TYPE_CHECKING

import pytest

from freebusy.logs import LineFormatter
from tests.processes import until
from tests.servers.mailserver import PASSWORD
from tests.servers.process import HOST
from tests.system.agenda import at, event, span
from tests.system.gateway_process import GatewayProcess, gateway_process, spans_of
from tests.system.test_end_to_end import IMAP, VDIR

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.dovecot import Dovecot

MARKER = "Zwetschgenknoedel"
FILE_MARKER = "Powidltascherl"
"""In file names: an item is known by its own, to the store and to the operator."""
RULE_MARKER = "Marillenfleck"
"""In a broken rule: no text of an event's; the store keeps rules as they are."""

TEXTS = (
    f"SUMMARY;LANGUAGE=de:{MARKER}",
    f'DESCRIPTION;ALTREP="cid:{MARKER}":{MARKER}\\n{MARKER}',
    f"LOCATION:{MARKER}",
    f"COMMENT:{MARKER}",
    f"CONTACT;CN={MARKER}:{MARKER}",
    f"CATEGORIES:{MARKER},{MARKER}",
    f"RESOURCES:{MARKER}",
    f"URL:http://example.com/{MARKER}",
    f"CONFERENCE:https://example.com/{MARKER}",
    f"STYLED-DESCRIPTION:<b>{MARKER}</b>",
    f"ORGANIZER;CN={MARKER};X-NOTE={MARKER}:mailto:boss@example.com",
    f"ATTENDEE;CN={MARKER};PARTSTAT=ACCEPTED:mailto:anna@example.com",
    f'ATTENDEE;CN="{MARKER}";PARTSTAT=DECLINED;DIR="ldap://{MARKER}":mailto:x@example.com',
    f"REQUEST-STATUS:2.0;{MARKER};{MARKER}",
    f"X-{MARKER}:{MARKER}",
    f"X-ALT-DESC;FMTTYPE=text/html:<p>{MARKER}",
    f"ATTACH;FMTTYPE=text/plain;X-FILENAME={MARKER}:data:{MARKER}",
    f"{MARKER} a line that is none",
    f"IANA-PROP;X-{MARKER}={MARKER}:{MARKER}",
    "BEGIN:VALARM",
    "ACTION:DISPLAY",
    f"DESCRIPTION:{MARKER}",
    f"SUMMARY:{MARKER}",
    "TRIGGER:-PT15M",
    "END:VALARM",
    f"BEGIN:{MARKER}",
    f"SUMMARY:{MARKER}",
    f"END:{MARKER}",
)
ZONE = f"""BEGIN:VTIMEZONE\r
TZID:home-made\r
COMMENT:{MARKER}\r
X-LIC-LOCATION:{MARKER}\r
BEGIN:STANDARD\r
DTSTART:19700101T000000\r
TZOFFSETFROM:+0100\r
TZOFFSETTO:+0100\r
TZNAME:{MARKER}\r
COMMENT:{MARKER}\r
END:STANDARD\r
END:VTIMEZONE\r
"""
BEGIN = b"BEGIN:VEVENT\r\n"


def zoned() -> bytes:
    """Return an event with all texts in a zone that only its own definition knows."""
    start = f"{at(5, 9):%Y%m%dT%H%M%S}"
    times = f"DTSTART;TZID=home-made:{start}\r\nDURATION:PT1H\r\n".encode()
    whole = event("zoned", 5, 8, *TEXTS).replace(BEGIN, ZONE.encode() + BEGIN)
    lines = whole.split(b"\r\n")
    kept = [line for line in lines if not line.startswith((b"DTSTART:2", b"DTEND:2"))]
    return b"\r\n".join(kept).replace(b"UID:zoned\r\n", b"UID:zoned\r\n" + times)


BROKEN = (
    event("b1", 1, 8, *TEXTS).replace(b"DTSTART:", f"DTSTART:{MARKER}".encode()),
    event("b2", 6, 8, *TEXTS).replace(b"DTEND:", f"DTEND:{MARKER}".encode()),
    event("b3", 7, 8, f"RRULE:FREQ={RULE_MARKER}", *TEXTS),
    event("b4", 8, 8, "RRULE:FREQ=SECONDLY", *TEXTS),
    event("b5", 9, 8, f"EXDATE:{MARKER}", f"RDATE:{MARKER}", f"DURATION:{MARKER}", *TEXTS),
    event("b6", 9, 10, *TEXTS).replace(b"UID:b6\r\n", b""),
    event("b7", 9, 12, *TEXTS).replace(b"DTSTART:", b'DTSTART;TZID="unclosed:'),
    f"{MARKER} is no calendar at all".encode(),
    (MARKER * 60_000).encode(),
    event("b8", 9, 14, *TEXTS)[:-200],
    f"BEGIN:VCALENDAR\r\nSUMMARY:{MARKER}\r\nBEGIN:VTODO\r\nSUMMARY:{MARKER}\r\n".encode(),
    event("b9", 9, 16, *(f"COMMENT:{MARKER}{n}" for n in range(40_000))),
    event("b10", 10, 8, *TEXTS).decode().encode("utf-16"),
)
WHOLE = (event("w1", 2, 9, *TEXTS), event("w2", 3, 9, "RRULE:FREQ=DAILY;COUNT=2", *TEXTS), zoned())


def found_in(where: str, data: bytes, *words: str) -> list[str]:
    """Return the words that are in some bytes, in any case or as base64, each with the place."""
    folded = data.lower()
    return [
        f"{word} in {where}"
        for word in words
        if word.lower().encode() in folded or any(code in data for code in _base64(word))
    ]


def _base64(word: str) -> list[bytes]:
    """Return what base64 makes of a word at each of three alignments, without the edges."""
    codes = [base64.b64encode(b"\0" * shift + word.encode())[4:-4] for shift in range(3)]
    return [code for code in codes if len(code) >= 8]  # shorter ones are anywhere by chance


def looked_at(gateway: GatewayProcess, *names: str) -> dict[str, bytes]:
    """Return all that clients are shown, whatever they ask, by what was asked."""
    paths = ["/", "/pub/calendar/", "/calendar/", "/healthz", "/%00", "/pub/calendar/no-one.vfb"]
    paths += [
        f"{prefix}/{name}{suffix}"
        for name in names
        for prefix in ("/pub/calendar", "/calendar", "/freebusy", "/pub/calendar/example.com")
        for suffix in (".vfb", ".ifb", ".xfb", "")
    ]
    shown = {}
    for path in paths:
        status, headers, body = gateway.get(path)
        shown[f"GET {path}"] = f"{status}\n{headers}".encode() + body
    with FTP(timeout=10) as client:
        shown["FTP greeting"] = client.connect(HOST, gateway.ftp_port).encode()
        client.login()
        for command in ("LIST /pub/calendar", "NLST /calendar", "MLSD /pub/calendar"):
            lines: list[str] = []
            client.retrlines(command, lines.append)
            shown[command] = "\n".join(lines).encode()
        for command in ("STAT", "HELP", "FEAT", "SYST", "PWD"):
            shown[command] = client.sendcmd(command).encode()
    for name in names:
        shown[f"RETR {name}"] = gateway.retr(f"/pub/calendar/{name}.vfb") or b""
    return shown


def said(gateway: GatewayProcess, *names: str) -> dict[str, bytes]:
    """Return all that the operator is told."""
    commands = [["status"], ["status", "--json"], ["refresh", "--all"], ["config", "check"]]
    commands += [["show", name] for name in names] + [["status", name] for name in names]
    told = {"the log": gateway.log.encode()}
    for command in commands:
        done = gateway.command(*command)
        told[" ".join(command)] = done.stdout + done.stderr
    assert gateway.process is not None
    told["the command line"] = b" ".join(map(str.encode, map(str, gateway.process.args)))  # type: ignore[arg-type]  # a list of texts
    return told


def kept(gateway: GatewayProcess) -> dict[str, bytes]:
    """Return all files that the service made."""
    files = (path for path in gateway.state.rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in files}


def leaks(shown: dict[str, bytes], *words: str) -> list[str]:
    return [leak for where, data in shown.items() for leak in found_in(where, data, *words)]


def test_texts_of_files_are_nowhere(tmp_path: Path) -> None:
    """Whole and broken .ics files: not served, not told, not logged, not even stored."""
    root = tmp_path / "calendars"
    (root / "anna").mkdir(parents=True)
    for number, body in enumerate(WHOLE + BROKEN):
        (root / "anna" / f"{FILE_MARKER}-{number}.ics").write_bytes(body)
    with gateway_process(tmp_path, ["anna@example.com"], VDIR.format(root=root)) as gateway:
        until_read(gateway, "anna")
        assert [] == leaks(looked_at(gateway, "anna"), MARKER, FILE_MARKER, RULE_MARKER)
        assert [] == leaks(said(gateway, "anna"), MARKER, RULE_MARKER)
        assert [] == leaks({"the log": gateway.log.encode()}, FILE_MARKER)
        assert gateway.stop() == 0
        assert [] == leaks(kept(gateway), MARKER)


def until_read(gateway: GatewayProcess, name: str) -> None:
    """Wait until the whole items show, and look that the broken ones were seen, too."""
    expected = {span(2, 9), span(3, 9), span(4, 9), span(5, 8)}

    def shown() -> bool:
        return expected <= set(gateway.busy(name) or ())

    until(shown, f"{expected} show")
    assert b"b1" in gateway.command("status", "--json").stdout


def mails() -> list[bytes]:
    """Return messages with marker words in their headers, bodies and attachments."""
    made = []
    for number, body in enumerate(WHOLE + BROKEN):
        mail = EmailMessage()
        mail["From"] = f"{MARKER} <anna@example.com>"
        mail["To"] = f'"{MARKER}" <{MARKER}@example.com>'
        mail["Subject"] = mail["Comments"] = mail["Keywords"] = MARKER
        mail[f"X-{MARKER}"] = MARKER
        mail["Message-ID"] = f"<{MARKER}.{number}@example.com>"
        if number % 2:
            mail.set_content(body, "text", "calendar", cte="base64")
        else:
            mail.set_content(f"{MARKER} is in the text as well\n")
            mail.add_attachment(body, "text", "calendar", filename=f"{MARKER}.ics")
            mail.add_attachment(MARKER.encode(), "image", "png", filename=f"{MARKER}.png")
        made.append(mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    made.append(f"Subject: {MARKER}\r\n\r\nno event, but {MARKER}\r\n".encode())
    made.append(f"Content-Type: multipart/{MARKER}; boundary=\r\n\r\n{MARKER}\r\n".encode())
    return made


@pytest.mark.dovecot
def test_texts_of_mail_are_nowhere(dovecot: Dovecot, tmp_path: Path) -> None:
    """Messages with marker words in headers, texts and attachments: as with files."""
    user = dovecot.new_user()
    dovecot.create_folder(user, "Calendar")
    dovecot.append_all(user, "Calendar", mails())
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    values = {"host": HOST, "port": dovecot.port, "password": password, "folder": "Calendar"}
    with gateway_process(tmp_path, [f"{user}@example.com"], IMAP.format(**values)) as gateway:
        until_read(gateway, user)
        shown = looked_at(gateway, user)
        with dovecot.outage():
            gateway.command("refresh", "--all")
        assert [] == leaks(shown, MARKER, RULE_MARKER, PASSWORD)
        assert [] == leaks(said(gateway, user), MARKER, RULE_MARKER, PASSWORD)
        assert gateway.stop() == 0
        assert [] == leaks(kept(gateway), MARKER, PASSWORD)


# -- without the service


def test_convert_tells_no_text(tmp_path: Path) -> None:
    """The filter's output and its complaints about broken files hold none."""
    for number, body in enumerate(WHOLE + BROKEN):
        (tmp_path / f"{number}.ics").write_bytes(body)
    done = filtered("convert", str(tmp_path))
    assert 0 == done.returncode
    assert {span(2, 9), span(3, 9), span(5, 8)} <= set(spans_of(done.stdout))
    assert b"b1" in done.stderr
    assert [] == leaks({"stdout": done.stdout, "stderr": done.stderr}, MARKER, RULE_MARKER)


PUBLISHED = f"""BEGIN:VCALENDAR\r
X-WR-CALNAME:{MARKER}\r
BEGIN:VFREEBUSY\r
UID:{MARKER}\r
ORGANIZER;CN={MARKER}:mailto:anna@example.com\r
COMMENT:{MARKER}\r
CONTACT:{MARKER}\r
DTSTART:20260101T000000Z\r
DTEND:20260201T000000Z\r
FREEBUSY;X-SUMMARY={MARKER};X-UID={MARKER}:20260105T090000Z/PT1H\r
FREEBUSY:{MARKER}\r
END:VFREEBUSY\r
END:VCALENDAR\r
"""


@pytest.mark.parametrize(
    "text", [PUBLISHED, f"<html>{MARKER}</html>", PUBLISHED[:-60], f"BEGIN:{MARKER}\r\n"]
)
def test_parse_tells_no_text(text: str, tmp_path: Path) -> None:
    """What others published comes out without their comments, and is refused without a quote."""
    file = tmp_path / "file.vfb"
    file.write_text(text, newline="")
    done = filtered("parse", str(file))
    assert [] == leaks({"stdout": done.stdout, "stderr": done.stderr}, MARKER, RULE_MARKER)
    assert b"Traceback" not in done.stderr


def filtered(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "freebusy", *arguments]
    return subprocess.run(command, capture_output=True, timeout=60, check=False)


def test_a_traceback_tells_no_text() -> None:
    """What an exception says may quote an item; the log has places and types, of its causes too."""
    try:
        try:
            raise ValueError(MARKER)
        except ValueError as error:
            raise LookupError(f"{MARKER}: {error}") from error
    except LookupError:
        record = logging.LogRecord("x", 40, "x.py", 1, "event=bug", None, sys.exc_info())
    line = LineFormatter().format(record)
    assert [] == found_in("the log", line.encode(), MARKER)
    assert "ValueError" in line
    assert "LookupError" in line
    assert "test_privacy.py" in line
