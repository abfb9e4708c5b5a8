"""How many commands a change costs on servers with QRESYNC, and that it is the right one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from calendar_sync.imap import extensions
from tests.contract.place import event
from tests.system.imap_case import HEADER, Case

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imapclient import IMAPClient

    from tests.servers.mailserver import MailServer


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every command that goes to the server."""
    sent: list[str] = []
    send = extensions.send

    def note(client: IMAPClient, command: bytes) -> bytes:
        words = command.split()
        sent.append(
            " ".join(word.decode() for word in words[:2] if word in VERBS or word == b"UID")
        )
        return send(client, command)

    monkeypatch.setattr(extensions, "send", note)
    return sent


VERBS = {b"EXAMINE", b"UID", b"FETCH", b"UNSELECT", b"STATUS", b"LIST"}


@pytest.fixture
def case(mail_server: MailServer) -> Iterator[Case]:
    case = Case(mail_server)
    case.append(HEADER + event("a"), HEADER + event("b"))
    case.sync()
    yield case
    case.source.close()


def run(case: Case, commands: list[str]) -> tuple[list[str], list[str]]:
    """Do a run on the calendar as it is known; return what there is and the commands."""
    calendar = case.calendar
    commands.clear()
    return case.replica.run(case.source, calendar).objects, list(commands)


def test_nothing_new_is_one_command(case: Case, commands: list[str]) -> None:
    """EXAMINE says all there is to say; UNSELECT gives the connection back."""
    assert (["a Meeting", "b Meeting"], ["EXAMINE", "UNSELECT"]) == run(case, commands)


def test_a_new_message_is_two(case: Case, commands: list[str]) -> None:
    """EXAMINE says that it is there, and a FETCH brings it with its size."""
    case.append(HEADER + event("c"))
    expected = ["EXAMINE", "UID FETCH", "UNSELECT"]
    assert (["a Meeting", "b Meeting", "c Meeting"], expected) == run(case, commands)


def test_what_is_gone_is_one(case: Case, commands: list[str]) -> None:
    """EXAMINE says what vanished, and which are flagged to."""
    uids = case.append(HEADER + event("c"), HEADER + event("d"))
    case.sync()
    case.delete(uids[0])
    case.flag("+FLAGS", r"\Deleted", uids[1])
    assert (["a Meeting", "b Meeting"], ["EXAMINE", "UNSELECT"]) == run(case, commands)


def test_a_large_message_comes_in_parts(case: Case, commands: list[str]) -> None:
    """What turns out to be larger than a small one is fetched as large ones are, beside others."""
    case.append(HEADER + event("c", padding=200_000), HEADER + event("d"))
    found, sent = run(case, commands)
    assert (["c Meeting", "d Meeting"], 4) == (found[2:], len(sent) - 1)


def test_many_new_messages_have_their_sizes_asked(case: Case, commands: list[str]) -> None:
    """Of more than a few, memory has to be bounded: sizes first, then bodies in batches."""
    case.append(*[HEADER + event(f"e{number:02}") for number in range(60)])
    found, sent = run(case, commands)
    assert (62, ["EXAMINE", "UID FETCH", "UID FETCH", "UNSELECT"]) == (len(found), sent)
