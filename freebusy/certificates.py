"""The server's side of TLS: a context from the files of a certificate and its key."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from freebusy.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return a context for TLS 1.2 and later; ConfigurationError where the files do not serve.

    ``certificate`` holds the server's own first, then those that lead to its authority.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    try:
        # An encrypted key must fail: the default is to ask for its password at the terminal.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ValueError) as error:
        raise ConfigurationError([_problem(error)]) from error
    return context


def _problem(error: OSError | ValueError) -> str:
    """Say what is wrong with certificate files; OpenSSL's own words tell an operator little."""
    reason = "no certificate with its key"
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
        reason = error.strerror or reason
    return (
        f"tls: certificate and key cannot be used ({reason}): both must be PEM, readable,"
        " without a password, and belong together"
    )
