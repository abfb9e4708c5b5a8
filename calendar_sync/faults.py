"""What goes wrong between here and a server, as errors that say what to do.

The words of the system, of OpenSSL and of the server are left out, but for why a
certificate is not accepted.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass

from freebusy.errors import SourceError, SourceRefusedError, SourceUnavailableError

_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"})
"""What OpenSSL says of a server that answers in the clear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server as messages name it, and where the configuration says which one it is."""

    endpoint: str
    host: str
    timeout: float
    """Seconds."""
    kind: str = "server"
    host_key: str
    """What to check where the name is wrong."""
    port_key: str
    """What to check where another program listens there."""
    tls_advice: str
    """What to do where the server speaks no TLS there."""

    def lost(self, error: BaseException) -> SourceError:
        """Return the error for a connection that did not come about, or has broken off."""
        if isinstance(error, TimeoutError):
            return SourceUnavailableError(
                f"{self.endpoint} did not answer within {self.timeout:g} s: is the {self.kind} "
                "overloaded, or a firewall in between?"
            )
        if isinstance(error, ConnectionRefusedError):
            return SourceUnavailableError(
                f"{self.endpoint} refuses connections: is the {self.kind} running, and "
                f"{self.port_key} right?"
            )
        if isinstance(error, socket.gaierror):
            return SourceUnavailableError(
                f"the name {self.host} cannot be resolved: check {self.host_key}"
            )
        return SourceUnavailableError(f"the connection to {self.endpoint} was lost")

    def no_tls(self, error: ssl.SSLError) -> SourceError:
        """Return the error for a connection that is not, or not safely, protected."""
        if isinstance(error, ssl.SSLCertVerificationError):
            return SourceRefusedError(
                f"the certificate of {self.endpoint} is not accepted ({error.verify_message}): "
                "name its authority in ca_file, or use the host name that the certificate is for"
            )
        if error.reason in _NOT_TLS:
            return SourceRefusedError(
                f"{self.endpoint} does not speak TLS there: {self.tls_advice}"
            )
        return SourceUnavailableError(
            f"the TLS connection to {self.endpoint} failed ({error.reason})"
        )
