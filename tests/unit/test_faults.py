"""Faults between here and a server, as people read them."""

from __future__ import annotations

import socket
import ssl

import pytest

from calendar_sync.faults import Server
from freebusy.errors import SourceRefusedError, SourceUnavailableError

SERVER = Server(
    endpoint="mail.example.com:993",
    host="mail.example.com",
    timeout=30.0,
    kind="mail server",
    host_key="host",
    port_key="the port",
    tls_advice="check port",
)
MARKER = "MARKER"


def tls_error(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, MARKER)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TimeoutError(MARKER), ("mail.example.com:993 did not answer within 30 s: is the mail "
         "server overloaded, or a firewall in between?")),
        (ConnectionRefusedError(MARKER), ("mail.example.com:993 refuses connections: is the mail "
         "server running, and the port right?")),
        (socket.gaierror(MARKER), "the name mail.example.com cannot be resolved: check host"),
        (ConnectionResetError(MARKER), "the connection to mail.example.com:993 was lost"),
        (EOFError(MARKER), "the connection to mail.example.com:993 was lost"),
    ],
)  # fmt: skip
def test_a_connection_that_is_lost(error: Exception, expected: str) -> None:
    """It is a passing fault, with what to look at, and without the system's own words."""
    found = SERVER.lost(error)
    assert (SourceUnavailableError, expected) == (type(found), str(found))


@pytest.mark.parametrize(
    ("reason", "kind", "expected"),
    [
        ("WRONG_VERSION_NUMBER", SourceRefusedError,
         "mail.example.com:993 does not speak TLS there: check port"),
        ("UNEXPECTED_EOF", SourceUnavailableError,
         "the TLS connection to mail.example.com:993 failed (UNEXPECTED_EOF)"),
    ],
)  # fmt: skip
def test_tls_that_fails(reason: str, kind: type[Exception], expected: str) -> None:
    """A server without TLS is the operator's to see to, a handshake that broke off is not."""
    found = SERVER.no_tls(tls_error(reason))
    assert (kind, expected) == (type(found), str(found))


def test_a_certificate_that_is_not_accepted() -> None:
    """It says why, and what to do."""
    error = ssl.SSLCertVerificationError(1, MARKER)
    error.verify_message = "self-signed certificate"
    found = SERVER.no_tls(error)
    assert isinstance(found, SourceRefusedError)
    assert str(found).startswith(
        "the certificate of mail.example.com:993 is not accepted (self-signed certificate): name"
    )
