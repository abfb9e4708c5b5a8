"""What clients will find in the certificate: for whom it is, and until when (RFC 5280 §4.1)."""

from __future__ import annotations

import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from freebusy.certificates import server_context
from freebusy.portcheck import Held
from freebusy.wording import some

if TYPE_CHECKING:
    from pathlib import Path

RENEWED_BY = timedelta(days=14)
"""A certificate that ends within this time should have been renewed."""
_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME, which Python has no name for: one that has ended is read, too."""
_FLIGHTS = 8
"""More than a handshake has (RFC 8446 §2, RFC 5246 §7.3)."""
_NAMED = 4


def check_certificate(certificate: Path, key: Path, *, host: str | None, now: datetime) -> Held:
    """Return what is to be said of a certificate; ``host`` is what clients call this machine.

    Raises ConfigurationError where the files cannot be used at all.
    """
    try:
        read = _shown(certificate, key)
    except ssl.SSLCertVerificationError as error:
        return Held("FAIL", f"clients will refuse it: {error.verify_message}")
    begins, ends = (_moment(read[each]) for each in ("notBefore", "notAfter"))
    names = [value for _, value in read.get("subjectAltName", ())]
    if now >= ends:
        return Held("FAIL", f"it ended on {ends:%Y-%m-%d}, and clients refuse it: renew it")
    if now < begins:
        return Held("FAIL", f"it begins on {begins:%Y-%m-%d %H:%M} UTC: is the clock right?")
    if ends - now < RENEWED_BY:
        return Held("warn", f"it ends on {ends:%Y-%m-%d}: renew it")
    if host is not None and not any(_is_for(name, host) for name in names):
        return Held("warn", f"it is for {_told(names)}, and clients call this machine {host}")
    return Held("ok", f"for {_told(names)}, until {ends:%Y-%m-%d}")


def _told(names: list[str]) -> str:
    return ", ".join(some(names, _NAMED, "")) or "nobody (subjectAltName)"


def _is_for(name: str, host: str) -> bool:
    """Whether a name of a certificate means a host (RFC 9525 §6.3)."""
    name, host = name.lower(), host.lower()
    return name == host or (name.startswith("*.") and name[2:] == host.partition(".")[2])


def _moment(text: Any) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(text)), UTC)


def _shown(certificate: Path, key: Path) -> dict[str, Any]:
    """Return what a client reads, which trusts this very certificate: a handshake in memory.

    The standard library decodes only a peer's certificate that was verified.
    """
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    serving = server_context(certificate, key)
    trusting.load_verify_locations(certificate)
    trusting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(to_client, to_server)
    server = serving.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(_FLIGHTS):
        for side in (client, server):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    return dict(client.getpeercert() or {})
