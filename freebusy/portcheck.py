"""Whether the configured addresses can be listened on, or a gateway already does."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING, Literal, NamedTuple

from freebusy.wording import safe

if TYPE_CHECKING:
    from freebusy.config import Endpoint

PATIENCE = 3.0
"""Seconds that whoever holds a port may take to answer."""
_GREETING = 512

Level = Literal["ok", "warn", "FAIL"]

_ADVICE = {
    errno.EACCES: "needs a privilege below 1024: CAP_NET_BIND_SERVICE, or choose another port",
    errno.EPERM: "needs a privilege below 1024: CAP_NET_BIND_SERVICE, or choose another port",
    errno.EADDRNOTAVAIL: "is no address of this machine: choose one of its own",
    errno.EAFNOSUPPORT: "is of a family that this machine does not speak: leave it out",
}


class Held(NamedTuple):
    """What was found at an address: a level, and the end of a sentence about it."""

    level: Level
    text: str


def check_http(place: Endpoint, *, tls: bool = False) -> Held:
    """Try the address of the HTTP server; ask ``/healthz`` where somebody listens."""
    return _check(place) or _ask_http(place, tls=tls)


def check_ftp(place: Endpoint, *, tls: bool = False) -> Held:
    """Try the address of the FTP server; read the greeting where somebody listens."""
    return _check(place) or _ask_ftp(place, tls=tls)


def _check(place: Endpoint) -> Held | None:
    """Return None where somebody else listens."""
    if place.port == 0:
        return Held("ok", "any free port will be taken")
    try:
        found = socket.getaddrinfo(
            place.host or None, place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, kind, protocol, _, address in found:
            _bind(socket.socket(family, kind, protocol), address)
    except socket.gaierror:
        return Held("FAIL", "has a host that does not resolve: check its spelling")
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return None
        return Held("FAIL", _ADVICE.get(error.errno or 0, f"cannot be used ({error.strerror})"))
    return Held("ok", "free")


def _bind(trial: socket.socket, address: object) -> None:
    with closing(trial):
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if trial.family == socket.AF_INET6:
            trial.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        trial.bind(address)  # type: ignore[arg-type]  # whatever getaddrinfo gave
        trial.listen(1)


def _reachable(place: Endpoint) -> str:
    """Return a host at which a listener on every address answers."""
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(place.host, place.host)  # noqa: S104  # recognised, not bound


def _any_certificate() -> ssl.SSLContext:
    """Return a context that asks whoever is there: nothing is sent that must not be known."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _ask_http(place: Endpoint, *, tls: bool) -> Held:
    where = (_reachable(place), place.port)
    asked = (
        http.client.HTTPSConnection(*where, timeout=PATIENCE, context=_any_certificate())
        if tls
        else http.client.HTTPConnection(*where, timeout=PATIENCE)
    )
    try:
        with closing(asked):
            asked.request("GET", "/healthz")
            answer = asked.getresponse()
            text = answer.read(_GREETING).decode("ascii", "replace").strip()
    except (OSError, http.client.HTTPException):
        return _foreign()
    if answer.status == 200 and text == "ok":
        return Held("ok", "held by a running gateway, which is well")
    if answer.status == 503 and text.startswith("failing"):
        why = safe(", ".join(text.splitlines()[1:]) or "its log says why")
        return Held("FAIL", f"held by a running gateway, which is not well: {why}")
    return _foreign()


def _ask_ftp(place: Endpoint, *, tls: bool) -> Held:
    greeting = b""
    with suppress(OSError):
        where = (_reachable(place), place.port)
        with ExitStack() as stack:
            peer = stack.enter_context(socket.create_connection(where, PATIENCE))
            if tls:
                peer = stack.enter_context(_any_certificate().wrap_socket(peer))
            greeting = peer.recv(_GREETING)
    if greeting.startswith(b"220") and b"Free/busy" in greeting:
        return Held("ok", "held by a running gateway, which answers")
    return _foreign()


def _foreign() -> Held:
    return Held("FAIL", "held by another program: stop it, or choose another port")
