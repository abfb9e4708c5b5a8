"""Commands that are under way together, each with an answer of its own (RFC 3501 §5.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from imapclient.exceptions import IMAPClientAbortError, ProtocolError

from calendar_sync.imap import extensions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imapclient import IMAPClient

    from calendar_sync.imap.extensions import CommandRefused, Response

PASSING = {"UNAVAILABLE", "INUSE", "SERVERBUG", "CONTACTADMIN"}
"""Response codes (RFC 5530) that say nothing of the folder, but: not now."""


class Command(NamedTuple):
    """One command; ``name`` stands for it in errors."""

    name: str
    text: bytes
    """Without tag and CRLF; literals are non-synchronizing (RFC 7888)."""


class Outcome(NamedTuple):
    """How a command ended."""

    line: bytes
    """The tagged response."""
    refusal: CommandRefused | None
    """What NO and BAD say."""


class Together(NamedTuple):
    """The answers to some commands."""

    outcomes: list[Outcome]
    """One for each command, in their order."""
    untagged: list[Response]
    """All of them, in the order in which they came."""


def outcome(name: str, line: bytes) -> Outcome:
    """Read a tagged response."""
    _, _, said = line.partition(b" ")
    if said[:2].upper() == b"OK":
        return Outcome(line, None)
    return Outcome(line, extensions.refused(name, said.decode("ascii", "replace")))


def together(client: IMAPClient, commands: Iterable[Command]) -> Together:
    """Send all commands at once and read their answers; what is refused is no error here.

    Raises CommandRefused where a server cannot tell now, IMAPClientAbortError at a BYE.
    """
    sent = {extensions.send(client, each.text): each.name for each in commands}
    return answers(client, sent)


def answers(client: IMAPClient, sent: dict[bytes, str]) -> Together:
    """Read until each of the commands has ended; ``sent``: their names by tag."""
    ended: dict[bytes, Outcome] = {}
    untagged: list[Response] = []
    while len(ended) < len(sent):
        response = extensions.read_response(client._imap)  # noqa: SLF001  # imapclient's raw side
        tag = response[0].partition(b" ")[0]
        if tag in sent:
            ended[tag] = outcome(sent[tag], response[0])
        elif tag == b"*":
            untagged.append(_checked(response))
        else:
            raise ProtocolError("an answer to no command of ours")
    return Together([ended[tag] for tag in sent], untagged)


def _checked(response: Response) -> Response:
    if response[0][:5].upper() == b"* BYE":
        raise IMAPClientAbortError("the server said BYE")
    return response


def first_passing(outcomes: Sequence[Outcome]) -> CommandRefused | None:
    """Return a refusal that says nothing but: not now."""
    refusals = (each.refusal for each in outcomes)
    return next((each for each in refusals if each and each.code in PASSING), None)
