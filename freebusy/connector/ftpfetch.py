"""Fetching an answer over FTP: anonymous, passive, and nothing but one RETR (RFC 959, RFC 2428).

The data connection goes to the address that the control connection goes to, whatever PASV
names: a server cannot make us connect to another (FTP bounce).  Blocks, in a thread that
:meth:`Download.abort` ends from outside.
"""

# ruff: noqa: S321  # nothing secret goes over it, and other sites serve free/busy by it

from __future__ import annotations

import contextlib
import ftplib
import socket
from typing import TYPE_CHECKING
from urllib.parse import unquote

from freebusy.errors import ElsewhereError

if TYPE_CHECKING:
    from freebusy.connector.limits import FetchLimits
    from freebusy.connector.targets import Target

_MAX_LINES = 200
"""Of all replies in a session: a reply may have any number of lines (RFC 959 §4.2)."""
_FIRST_PORT = 1024
"""Data connections go to no port below, where other services are."""
_CHUNK = 1 << 15
_ABSENT = ("550", "450", "553")
"""There is no such file, or it is not for us (RFC 959 §4.2.2)."""


class Download:
    """One file from one server."""

    def __init__(self, target: Target, address: str, limits: FetchLimits) -> None:
        """``address`` was checked; raises ElsewhereError for a path that FTP cannot say."""
        self._path = _path(target)
        self._place = address, target.port
        self._limits = limits
        self._session = _Session()
        self._session.timeout = limits.connect
        self._data: socket.socket | None = None
        self._is_aborted = False

    def run(self) -> bytes | None:
        """Return the file, or None where there is none; raises ElsewhereError."""
        try:
            with contextlib.closing(self._session):
                return self._fetch()
        except ftplib.error_perm as error:
            if str(error).startswith(_ABSENT):
                return None
            raise ElsewhereError("status") from None
        except ftplib.error_temp as error:
            if str(error).startswith(_ABSENT):
                return None
            raise ElsewhereError("status") from None
        except TimeoutError:
            raise ElsewhereError("timeout") from None
        except OSError:
            raise ElsewhereError("connection") from None
        except (ftplib.Error, EOFError, ValueError):
            raise ElsewhereError("protocol") from None

    def abort(self) -> None:
        """Make :meth:`run` end soon; from any thread."""
        self._is_aborted = True
        for connection in (self._session.sock, self._data):
            if connection is not None:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _fetch(self) -> bytes:
        session = self._session
        session.connect(*self._place)
        session.login()
        session.voidcmd("TYPE I")
        with session.transfercmd(f"RETR {self._path}") as self._data:
            body = self._read(self._data)
        session.voidresp()
        return body

    def _read(self, connection: socket.socket) -> bytes:
        body = bytearray()
        connection.settimeout(self._limits.timeout)
        while not self._is_aborted and (chunk := connection.recv(_CHUNK)):
            body += chunk
            if len(body) > self._limits.max_size:
                raise ElsewhereError("size")
        return bytes(body)


class _Session(ftplib.FTP):
    """ftplib's, with bounded replies and a data connection to nobody else."""

    def __init__(self) -> None:
        super().__init__()
        self._lines = 0

    def getline(self) -> str:
        self._lines += 1
        if self._lines > _MAX_LINES:
            raise ftplib.error_proto("too many lines")
        return super().getline()

    def makepasv(self) -> tuple[str, int]:
        """Return where the data connection goes: EPSV where it is known, else PASV."""
        if self.sock is None:
            raise EOFError
        peer = self.sock.getpeername()
        try:
            port = ftplib.parse229(self.sendcmd("EPSV"), peer)[1]
        except ftplib.error_perm:
            if self.af == socket.AF_INET6:
                raise
            port = ftplib.parse227(self.sendcmd("PASV"))[1]
        if not _FIRST_PORT <= port <= 65535:
            raise ftplib.error_proto("a port for data")
        return str(peer[0]), port


def _path(target: Target) -> str:
    """Return the path as FTP says it, from where the login leads to (RFC 1738 §3.2.2)."""
    try:
        path = unquote(target.path.removeprefix("/"), errors="strict")
    except UnicodeDecodeError:
        raise ElsewhereError("url") from None
    if not path or not path.isprintable():
        raise ElsewhereError("url")
    return path
