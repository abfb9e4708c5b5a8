"""What tests ask of a mail server, whichever it is.

The product never changes a mailbox, so everything that does is here, and goes
through another library (imaplib) than the product's.
"""

from __future__ import annotations

import imaplib
import itertools
import os
import re
import socket
import ssl
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from tests.servers.process import HOST, answers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.servers.certificate import Certificate

PASSWORD = "secret"
FOLDER_TYPE = "/shared/vendor/kolab/folder-type"

_numbers = itertools.count(1)


def _shifted(run: re.Match[str]) -> str:
    return "&" + run[0].encode("utf-7")[1:-1].decode("ascii").replace("/", ",") + "-"


def quoted(name: str) -> str:
    """Return a mailbox name as a quoted string in modified UTF-7 (RFC 3501 §5.1.3)."""
    encoded = re.sub(r"[^\x20-\x7e]+", _shifted, name.replace("&", "&-"))
    return '"' + encoded.replace("\\", "\\\\").replace('"', '\\"') + '"'


class MailServerError(RuntimeError):
    """The server refused what a test needs."""


def checked(answer: tuple[str, Sequence[object]]) -> list[bytes]:
    """Return the answer's lines, or raise where the server said no."""
    if answer[0] != "OK":
        raise MailServerError(str(answer))
    return [line for line in answer[1] if isinstance(line, bytes)]


class MailServer(ABC):
    """A running mail server; every user's password is :data:`PASSWORD`."""

    kind: ClassVar[str]
    host: ClassVar[str] = HOST
    port: int
    """Plain IMAP with STARTTLS."""
    tls_port: int
    """IMAP over TLS."""
    certificate: Certificate
    directory: Path
    """Everything of this server, its mail included."""

    @property
    def is_stopped(self) -> bool:
        """Whether nobody answers on the port."""
        return not answers(self.port)

    @abstractmethod
    def start(self) -> None:
        """Start, or start again with the same ports, users and mail."""

    @abstractmethod
    def stop(self) -> None:
        """Stop answering; mail and users stay."""

    @abstractmethod
    def close(self) -> None:
        """Stop and remove everything."""

    @abstractmethod
    def add_user(self, name: str) -> None:
        """Make a user with an INBOX and the usual password."""

    @abstractmethod
    def folder(self, leaf: str) -> str:
        """Return a folder's name as its owner sees it."""

    @abstractmethod
    def shared_folder(self, user: str, leaf: str) -> str:
        """Return a user's folder as others see it; ``user`` may be a template field."""

    @abstractmethod
    def create_shared(self, leaf: str, acl: Mapping[str, str]) -> str:
        """Make a folder that belongs to nobody and return its name; ``acl`` is all its rights."""

    def annotate_shared(self, user: str, folder: str, **entries: str) -> None:
        """Set Kolab's entries on a folder that belongs to nobody, so that ``user`` sees them."""
        self.annotate(user, folder, **entries)

    def new_user(self) -> str:
        """Make a user whom no other test knows."""
        name = f"u{os.getpid()}n{next(_numbers)}"
        self.add_user(name)
        return name

    def login(self, user: str, password: str = PASSWORD) -> imaplib.IMAP4:
        """Return a raw connection, logged in."""
        client = imaplib.IMAP4(HOST, self.port, timeout=20)
        # imaplib sends a literal and its CRLF apart and would wait 40 ms for an ACK in between
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            client.login(user, password)
        except client.error:
            client.shutdown()
            raise
        return client

    def tls_login(self, user: str) -> imaplib.IMAP4:
        """Return a raw connection over TLS, logged in."""
        context = ssl.create_default_context(cafile=str(self.certificate.cert))
        client = imaplib.IMAP4_SSL(HOST, self.tls_port, ssl_context=context, timeout=20)
        client.login(user, PASSWORD)
        return client

    @contextmanager
    def session(self, user: str, folder: str | None = None) -> Iterator[imaplib.IMAP4]:
        """Log in, SELECT the folder where one is given, and log out at the end."""
        client = self.login(user)
        try:
            if folder is not None:
                checked(client.select(quoted(folder)))
            yield client
        finally:
            client.logout()

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Be stopped for the length of the block."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def create_folder(self, user: str, folder: str, *, folder_type: str | None = None) -> None:
        """Create a folder, with a Kolab folder type where one is given."""
        with self.session(user) as client:
            checked(client.create(quoted(folder)))
            if folder_type is not None:
                value = f'({FOLDER_TYPE} "{folder_type}")'
                checked(client.xatom("SETMETADATA", quoted(folder), value))

    def delete_folder(self, user: str, folder: str) -> None:
        with self.session(user) as client:
            checked(client.delete(quoted(folder)))

    def annotate(self, user: str, folder: str, **entries: str) -> None:
        """Set Kolab's shared entries, ``incidences_for="readers"`` for instance."""
        with self.session(user) as client:
            for name, value in entries.items():
                entry = f'/shared/vendor/kolab/{name.replace("_", "-")} "{value}"'
                checked(client.xatom("SETMETADATA", quoted(folder), f"({entry})"))

    def grant(self, user: str, folder: str, reader: str, rights: str = "lr") -> None:
        """Give another user rights on a folder (RFC 4314); ``""`` takes them away."""
        with self.session(user) as client:
            checked(client.setacl(quoted(folder), reader, rights or '""'))

    def append(self, user: str, folder: str, message: bytes, flags: str = "") -> int:
        """Append one message and return its UID."""
        return self.append_all(user, folder, [message], flags)[0]

    def append_all(
        self, user: str, folder: str, messages: Sequence[bytes], flags: str = ""
    ) -> list[int]:
        """Append messages in order and return their UIDs (RFC 3502, RFC 4315)."""
        uids: list[int] = []
        with self.session(user) as client:
            for at in range(0, len(messages), 100):
                uids += _append(client, folder, messages[at : at + 100], flags)
        return uids

    def store(self, user: str, folder: str, uids: Sequence[int], change: str, flag: str) -> None:
        """Change a flag, for example ``+FLAGS \\Deleted``."""
        with self.session(user, folder) as client:
            checked(client.uid("STORE", ",".join(map(str, uids)), f"{change}.SILENT", f"({flag})"))

    def delete(self, user: str, folder: str, *uids: int) -> None:
        """Delete messages and expunge them."""
        with self.session(user, folder) as client:
            checked(client.uid("STORE", ",".join(map(str, uids)), "+FLAGS.SILENT", r"(\Deleted)"))
            checked(client.expunge())

    def flags(self, user: str, folder: str) -> dict[int, str]:
        """Return the flags of every message by its UID, without changing any."""
        with self.session(user) as client:
            checked(client.select(quoted(folder), readonly=True))
            lines = checked(client.fetch("1:*", "(UID FLAGS)"))
        found = (re.search(rb"UID (\d+)", line) for line in lines)
        return {
            int(uid[1]): re.sub(rb".*FLAGS \(([^)]*)\).*", rb"\1", uid.string).decode()
            for uid in found
            if uid
        }


def _append(
    client: imaplib.IMAP4, folder: str, messages: Sequence[bytes], flags: str
) -> Iterator[int]:
    """APPEND several messages by one command with LITERAL+ (RFC 3502, RFC 7888)."""
    flag_list = f"({flags}) " if flags else ""
    parts = [f" {flag_list}{{{len(m)}+}}\r\n".encode() + m for m in messages]
    tag = client._new_tag()  # imaplib sends one literal a command
    client.send(tag + f" APPEND {quoted(folder)}".encode() + b"".join(parts) + b"\r\n")
    lines = checked(client._command_complete("APPEND", tag))
    said = re.search(rb"\[APPENDUID \d+ ([\d:,]+)\]", lines[0])
    if said is None:
        raise MailServerError(str(lines))
    for part in said[1].split(b","):
        first, _, last = part.partition(b":")
        yield from range(int(first), int(last or first) + 1)
