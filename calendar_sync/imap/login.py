"""Is this password right?  Asked of the mail server, by logging in and out again.

By AUTHENTICATE PLAIN where it is offered (RFC 9051 §6.2.2, RFC 4616), which takes any
character, else by LOGIN (RFC 9051 §6.2.3).  Only a clear refusal is a "no": a server that
is down, overloaded or cannot ask its own directory does not make a password wrong.
"""

from __future__ import annotations

import threading
import time
from base64 import b64encode
from typing import TYPE_CHECKING

from imapclient.exceptions import IMAPClientAbortError, ProtocolError

from calendar_sync.imap import extensions
from calendar_sync.imap.connection import PASSING, logout, opened, tls_context
from freebusy.errors import SourceRefusedError, SourceUnavailableError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from imapclient import IMAPClient

    from calendar_sync.imap.settings import ImapSettings

_MAX_RESPONSES = 100
"""Responses to one command of a login; a server that says more is not listened to."""
_FAULTS = (
    b"generic failure",
    b"unavailable",
    b"no memory",
    b"transient failure",
    b"temporary",
    b"internal error",
)
"""What a refusal without a response code says where the server cannot tell: Cyrus passes on the
words of its SASL library, when saslauthd is down for one."""


class ImapLoginCheck:
    """Asks one mail server: ports.LoginCheck; safe from any thread.

    ``settings.timeout`` is for a whole check; its user name and password are not used.
    """

    def __init__(self, settings: ImapSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None

    def check(self, login: str, password: str) -> bool:
        """Return whether the server lets this login in.

        Raises SourceUnavailableError where the server cannot be asked, or gives no clear
        answer, and SourceRefusedError where the operator must see to it.
        """
        try:
            name, secret = login.encode(), password.encode()
        except UnicodeEncodeError:  # a lone surrogate: what a client sent was no text
            return False
        if not name or not secret or any(octet in name + secret for octet in b"\0\r\n"):
            return False
        deadline = time.monotonic() + self._settings.timeout
        with opened(self._settings, self._tls()) as client:
            answer = _ask(client, self._settings, name, secret, deadline)
            is_right = _is_right(self._settings, answer)
        logout(client)
        return is_right

    def _tls(self) -> ssl.SSLContext | None:
        """Return the context, made once: to read the system's certificates takes 20 ms."""
        with self._lock:
            if self._context is None and self._settings.security != "plain":
                self._context = tls_context(self._settings)
            return self._context


def _ask(
    client: IMAPClient, settings: ImapSettings, name: bytes, secret: bytes, deadline: float
) -> bytes:
    """Log in and return the server's last word: ``OK ...``, ``NO ...``, ``BAD ...``."""
    _limit(client, deadline)
    if client.has_capability("AUTH=PLAIN"):
        plain = b64encode(b"\0" + name + b"\0" + secret)
        return _converse(client, b"AUTHENTICATE PLAIN", [plain], deadline)
    if client.has_capability("LOGINDISABLED"):
        raise SourceRefusedError(
            f"{settings.endpoint} takes no login unencrypted: set security to tls or starttls"
        )
    command, *literals = _login_command(name, secret)
    return _converse(client, command, literals, deadline)


def _login_command(name: bytes, secret: bytes) -> list[bytes]:
    """Return LOGIN as what is sent at once, and after each request to go on.

    Beyond ASCII a string must be a literal (RFC 3501 §4.3).
    """
    if all(0x20 <= octet < 0x7F for octet in name + secret):
        return [b"LOGIN " + _quoted(name) + b" " + _quoted(secret)]
    return [b"LOGIN {%d}" % len(name), name + b" {%d}" % len(secret), secret]


def _quoted(text: bytes) -> bytes:
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _converse(client: IMAPClient, command: bytes, parts: Sequence[bytes], deadline: float) -> bytes:
    """Send a command, a part at each request to go on, and return the tagged answer."""
    imap = client._imap  # noqa: SLF001  # imapclient has no LOGIN with literals, and hides answers
    _limit(client, deadline)
    tag = extensions.send(client, command)
    left = list(parts)
    for _ in range(_MAX_RESPONSES):
        _limit(client, deadline)
        line = extensions.read_response(imap)[0]
        if line.startswith(b"+") and left:
            imap.send(left.pop(0) + b"\r\n")
        elif line[:5].upper() == b"* BYE":
            raise IMAPClientAbortError("the server said BYE")
        elif line.startswith(tag + b" "):
            return line[len(tag) + 1 :].rstrip(b"\r\n")
        elif not line.startswith(b"* "):
            break
    raise ProtocolError("no answer to the login")


def _limit(client: IMAPClient, deadline: float) -> None:
    """Let the next step take no longer than what is left; raises TimeoutError."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    client.socket().settimeout(left)


def _is_right(settings: ImapSettings, answer: bytes) -> bool:
    """Return what the server said; raises SourceError where it is neither yes nor no."""
    status, _, text = answer.partition(b" ")
    if status.upper() == b"OK":
        return True
    code = extensions.refused("LOGIN", text.decode("ascii", "replace")).code
    shown = f" [{code}]" if code else ""
    if code == "PRIVACYREQUIRED":
        raise SourceRefusedError(
            f"{settings.endpoint} takes no login unencrypted: set security to tls or starttls"
        )
    is_fault = code in PASSING or (not code and any(word in text.lower() for word in _FAULTS))
    if status.upper() != b"NO" or is_fault:
        raise SourceUnavailableError(f"{settings.endpoint} cannot check a login now{shown}")
    return False
