"""Answers that no real server at hand gives, as transcripts."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any

import pytest

from calendar_sync.imap import ImapSettings, ImapSource
from freebusy.errors import (
    CalendarMissingError,
    SourceError,
    SourceRefusedError,
    SourceUnavailableError,
)
from freebusy.ports import Calendar, Owner
from tests.servers.process import HOST
from tests.system.imap_script import scripted

OWNER = Owner("hans", "hans@example.com")
CALENDAR = Calendar("hans/Calendar", OWNER, "Calendar")
TYPE = b"/shared/vendor/kolab/folder-type"
EXAMINED = (
    b"* 2 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 9] x\r\nTAG OK [READ-ONLY] done\r\n"
)
MARK = b"MARK-OF-A-SECRET-MEETING"


def settings(port: int, **changes: Any) -> ImapSettings:
    """Return settings for a script."""
    usual: dict[str, Any] = {"username": "{name}", "password": "PW-MARK", "folder": ("Calendar",)}
    usual |= {"security": "plain", "port": port, "timeout": 1}
    return ImapSettings(HOST, **{**usual, **changes})


def error_of(port: int, **changes: Any) -> SourceError:
    """Do a run and return the error it ends in, which quotes nothing."""
    with closing(ImapSource(settings(port, **changes))) as source:
        with pytest.raises(SourceError) as caught:
            list(source.sync(CALENDAR, None))
        assert not any(mark in str(caught.value) for mark in ("PW-MARK", MARK.decode()))
        assert caught.value.__context__ is None or caught.value.__suppress_context__
        return caught.value


@pytest.mark.parametrize(
    ("greeting", "answers"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", {}),
        (b"\x00\xff" * 100, {}),
        (b"* BYE too many connections\r\n", {}),
        (b"", {}),
        (b"* OK " + b"x" * 2_000_000, {}),
        (b"* OK hello\r\n", {b"CAPABILITY": b"garbage\r\n"}),
        (b"* OK hello\r\n", {b"CAPABILITY": b"* CAPABILITY IMAP4rev1 {99999999}\r\n"}),
        (b"* OK hello\r\n", {b"LOGIN": b"* BYE go away\r\n"}),
        (b"* OK hello\r\n", {b"LOGIN": b"TAG NO [UNAVAILABLE] later\r\n"}),
        (b"* OK hello\r\n", {b"EXAMINE": b"TAG NO [INUSE] later\r\n"}),
        (b"* OK hello\r\n", {b"EXAMINE": b"TAG OK without anything\r\n"}),
        (b"* OK hello\r\n", {b"EXAMINE": EXAMINED, b"UID FETCH": b"TAG NO [SERVERBUG]\r\n"}),
        (b"* OK hello\r\n", {b"EXAMINE": EXAMINED, b"UID FETCH": b"* BYE\r\n"}),
        (b"* OK hello\r\n", {b"EXAMINE": EXAMINED, b"UID FETCH": MARK + b"\r\n"}),
        (b"* OK hello\r\n", {b"EXAMINE": EXAMINED, b"UID FETCH": b"* 1 FETCH {99}\r\n" + MARK}),
        (
            b"* OK hello\r\n",
            {b"EXAMINE": EXAMINED, b"UID FETCH": b"* 1 FETCH {9999999999}\r\n" + MARK},
        ),
        (b"* OK hello\r\n", {b"EXAMINE": EXAMINED, b"UID FETCH": b"* VANISHED 1:99999999999\r\n"}),
    ],
)
def test_what_cannot_be_understood_is_a_passing_fault(
    greeting: bytes, answers: dict[bytes, bytes]
) -> None:
    """Whatever answers, the error is ours, comes in time and quotes nothing."""
    start = time.monotonic()
    with scripted(answers, greeting=greeting) as script:
        assert isinstance(error_of(script.port), SourceUnavailableError)
    assert time.monotonic() - start < 8


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({b"LOGIN": b"TAG NO [AUTHENTICATIONFAILED] no\r\n"}, SourceRefusedError),
        ({b"LOGIN": b"TAG NO PW-MARK is wrong\r\n"}, SourceRefusedError),
        ({b"EXAMINE": b"TAG NO [NONEXISTENT] no\r\n"}, CalendarMissingError),
        ({b"EXAMINE": b"TAG NO [NOPERM] no\r\n"}, SourceRefusedError),
        (
            {b"EXAMINE": b"TAG NO no\r\n", b"LIST": b'* LIST () "/" Calendar\r\nTAG OK x\r\n'},
            SourceRefusedError,
        ),
        (
            {
                b"EXAMINE": b"TAG NO no\r\n",
                b"LIST": b'* LIST (\\Noselect) "/" Calendar\r\nTAG OK x\r\n',
            },
            CalendarMissingError,
        ),
        ({b"EXAMINE": b"TAG NO no\r\n", b"LIST": b"TAG NO x\r\n"}, CalendarMissingError),
    ],
)
def test_who_has_to_act(answers: dict[bytes, bytes], expected: type[SourceError]) -> None:
    """Refusals are the operator's, a folder that is not there is missing."""
    with scripted(answers) as script:
        assert expected is type(error_of(script.port))


@pytest.mark.parametrize(
    ("security", "capability"), [("starttls", b""), ("plain", b" STARTTLS LOGINDISABLED")]
)
def test_without_encryption_no_password_is_sent(security: str, capability: bytes) -> None:
    """Where STARTTLS is wanted and not offered, or the server wants it, no login is tried."""
    offered = {b"CAPABILITY": b"* CAPABILITY IMAP4rev1" + capability + b"\r\nTAG OK done\r\n"}
    with scripted(offered) as script:
        assert isinstance(error_of(script.port, security=security), SourceRefusedError)
        assert {b"CAPABILITY", b"LOGOUT"} >= set(script.heard)


def test_a_greeting_that_logs_in_is_no_way_around_starttls() -> None:
    """A PREAUTH greeting, which makes STARTTLS impossible, ends the connection."""
    with scripted(greeting=b"* PREAUTH welcome\r\n") as script:
        assert isinstance(error_of(script.port, security="starttls"), SourceError)
        assert not any(b"PW-MARK" in command for command in script.heard)


def test_a_password_beyond_ascii_needs_authenticate() -> None:
    """Where there is only LOGIN, which takes ASCII, the operator is told so."""
    with scripted() as script:
        error = error_of(script.port, password="PW-MARK\u00fc")
    assert (SourceRefusedError, True) == (type(error), "ASCII" in str(error))


def test_folders_are_asked_one_by_one_without_patterns() -> None:
    """Where GETMETADATA takes no pattern, each folder is asked for its type."""
    found = b"* METADATA Termine (" + TYPE + b' "event")\r\nTAG OK done\r\n'
    answers = {
        b"LIST": b'* LIST () "/" Termine\r\n* LIST () "/" Post\r\nTAG OK done\r\n',
        b'GETMETADATA "*"': b"TAG NO no such mailbox\r\n",
        b'GETMETADATA "Termine"': found,
        b'GETMETADATA "Post"': b"* METADATA Post (" + TYPE + b" NIL)\r\nTAG OK done\r\n",
    }
    with (
        scripted(answers) as script,
        closing(ImapSource(settings(script.port, folder=()))) as source,
    ):
        assert ["Termine"] == [calendar.name for calendar in source.calendars(OWNER)]


@pytest.mark.parametrize(
    "answer",
    [
        b"* NAMESPACE garbage\r\nTAG OK done\r\n",
        b"* NAMESPACE ((((\r\nTAG OK done\r\n",
        b"* NAMESPACE " + b"(" * 3000 + b")" * 3000 + b"\r\nTAG OK done\r\n",
        b"TAG OK done\r\n",
    ],
)
def test_a_broken_namespace_is_a_source_error(answer: bytes) -> None:
    """What imapclient stumbles over comes out as a passing fault."""
    with (
        scripted({b"NAMESPACE": answer}) as script,
        closing(ImapSource(settings(script.port, folder=()))) as source,
        pytest.raises(SourceUnavailableError),
    ):
        source.calendars(OWNER)


def test_no_folders_of_others_without_a_namespace_for_them() -> None:
    """A service login needs a namespace of other users, or folders that are named."""
    with (
        scripted() as script,
        closing(ImapSource(settings(script.port, folder=(), username="reader"))) as source,
        pytest.raises(SourceRefusedError, match="name the folders"),
    ):
        source.calendars(OWNER)


def test_nothing_but_reading_is_ever_sent() -> None:
    """No command that could change a mailbox is in a run."""
    states = b"* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 9)\r\nTAG OK done\r\n"
    body = b"* 1 FETCH (UID 1 BODY[] {2}\r\nhi)\r\nTAG OK done\r\n"
    fetches = {b"UID FETCH 1:4": states, b"UID FETCH 1 (UID BODY.PEEK[])": body}
    closed = {b"CLOSE": b"TAG OK done\r\n"}
    with (
        scripted({b"EXAMINE": EXAMINED, **fetches, **closed}) as script,
        closing(ImapSource(settings(script.port))) as source,
    ):
        (page,) = source.sync(CALENDAR, None)
        assert [b"hi"] == [item.body for item in page.items]
    words = {command.split(b" ")[0] for command in script.heard}
    assert {b"CAPABILITY", b"LOGIN", b"EXAMINE", b"UID", b"CLOSE", b"LOGOUT"} == words
