"""Binding the sockets that clients connect to, with errors that an operator can act on."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING

from freebusy.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

BACKLOG = 256

_REMEDIES = {
    errno.EADDRINUSE: "stop the other server there, or choose another port",
    errno.EACCES: "allow the service to bind ports below 1024, or choose a higher port",
    errno.EADDRNOTAVAIL: "this machine has no such address; choose its own, or an empty host",
}
_NO_SUCH_FAMILY = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
"""What a name's IPv6 address gives on a machine without IPv6."""


def bind_all(addresses: Iterable[tuple[str, int]]) -> list[socket.socket]:
    """Return listening sockets for all addresses; ConfigurationError with every problem."""
    sockets: list[socket.socket] = []
    problems: list[str] = []
    for host, port in addresses:
        try:
            sockets += _bind_name(host, port)
        except OSError as error:
            problems.append(_problem(host, port, error))
    if problems:
        close_all(sockets)
        raise ConfigurationError(problems)
    return sockets


def _problem(host: str, port: int, error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        reason, remedy = "the name has no address", "write the host as an IP address"
    else:
        reason = os.strerror(error.errno or 0)
        remedy = _REMEDIES.get(error.errno or 0, "choose another address")
    place = f"[{host}]:{port}" if ":" in host else f"{host or '*'}:{port}"
    return f"ftp: cannot listen on {place}: {reason}; {remedy}"


def _bind_name(host: str, port: int) -> list[socket.socket]:
    """Bind every address that a name stands for, except for a family that is not there."""
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    absent: OSError | None = None
    for family, _, _, _, address in found:
        try:
            sockets.append(_bind(family, address))
        except OSError as error:
            if error.errno not in _NO_SUCH_FAMILY:
                close_all(sockets)
                raise
            absent = error
    if not sockets and absent is not None:
        raise absent
    return sockets


def close_all(sockets: Iterable[socket.socket]) -> None:
    """Close all of them."""
    for sock in sockets:
        sock.close()


def _bind(family: int, address: tuple[object, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # Each family has its own socket, whatever the system's default is: "::" and
            # "0.0.0.0" may then stand side by side.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock
