"""The control connection (RFC 959 §2.3): lines in, replies out, and its life and limits."""

from __future__ import annotations

import re
from logging import INFO
from typing import TYPE_CHECKING, Any, ClassVar

from pyftpdlib.exceptions import FilesystemError
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.ioloop import AsyncChat

from ftpsrv.commands import COMMANDS, Argument, Command
from ftpsrv.filesystem import NO_SUCH_FILE, PERMISSION_DENIED
from ftpsrv.log import log_exception, logger, value

if TYPE_CHECKING:
    import socket

    from ftpsrv.data import DataConnection
    from ftpsrv.filesystem import OpenFile

LONGEST_LINE = 4096
"""In bytes, of what a client sends; Linux paths are no longer."""

MOST_UNREAD_REPLIES = 256
"""A client that lets more replies than these pile up in our memory is cut off."""

_TELNET = bytes(range(0xF0, 0x100))
"""What clients send before an ABOR (RFC 959 §4.1.3, RFC 854)."""

_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")

_IPV4_MAPPED = "::ffff:"


def unmapped(address: str) -> str:
    """Return an IPv4-mapped IPv6 address as the IPv4 address that it is (RFC 4291 §2.5.5.2)."""
    if address.startswith(_IPV4_MAPPED) and "." in address:
        return address[len(_IPV4_MAPPED) :]
    return address


class ControlConnection(FTPHandler):  # type: ignore[misc]  # pyftpdlib has no types
    """One client's connection; its commands are the methods that the command table names."""

    sessions: ClassVar[set[ControlConnection]] = set()
    """All that are open; each server has its own."""
    greeting = "220 Ready.\r\n"

    proto_cmds: ClassVar[dict[str, Any]] = {}
    use_sendfile = False
    # A small bite at a time, so that one client's flood of commands delays nobody much.
    ac_in_buffer_size = 2048

    # What pyftpdlib keeps in a session.  It deletes the queues and the channel when it
    # closes one, and may still look at them: hence the values.
    username: str
    authenticated: bool
    data_channel: DataConnection | None = None
    _out_dtp_queue: tuple[bytes, bool, OpenFile | None, str] | None = None
    """The transfer that waits for its data connection."""
    _in_dtp_queue: tuple[Any, str] | None = None
    _restart_position: int

    def __init__(self, conn: socket.socket, server: Any, ioloop: Any = None) -> None:
        self.permissions = ""
        super().__init__(conn, server, ioloop=ioloop)

    def __repr__(self) -> str:
        # pyftpdlib formats this for debug lines that nobody reads, at each close.
        return "<Session>"

    @property
    def peer(self) -> str:
        """Return the client's IP address."""
        return unmapped(self.remote_ip)

    # -- the life of a session

    def handle(self) -> None:
        """Greet the client."""
        self.sessions.add(self)
        self.push(self.greeting)

    def close(self) -> None:
        """End the session at once."""
        if not self._closed:
            self.sessions.discard(self)
            self.ac_in_buffer = b""
            super().close()

    def retire(self) -> None:
        """End the session, after the transfer that is under way, if any."""
        if self.data_channel is not None and self.data_channel.cmd is not None:
            self._quit_pending = True
            return
        self.push("421 Service is shutting down.\r\n")
        self.close_when_done()

    def handle_max_cons(self) -> None:
        """Turn a client away: too many in all."""
        self._turn_away("421 Too many connections.\r\n", "connections")

    def handle_max_cons_per_ip(self) -> None:
        """Turn a client away: too many from its address."""
        self._turn_away("421 Too many connections from your address.\r\n", "address")

    def _turn_away(self, reply: str, limit: str) -> None:
        logger.info("event=ftp_turned_away peer=%s limit=%s", value(self.peer), limit)
        self.push(reply)
        self.close()

    def handle_timeout(self) -> None:
        """End an idle session."""
        self.push("421 Control connection timed out.\r\n")
        self.close_when_done()

    # -- commands in, replies out

    def collect_incoming_data(self, data: bytes) -> None:
        """Keep a part of a line, but no more of a line than the longest one."""
        if self._in_buffer_len <= LONGEST_LINE:
            self._in_buffer.append(data)
            self._in_buffer_len += len(data)

    def found_terminator(self) -> None:
        """Carry out one line."""
        line = b"".join(self._in_buffer)
        self._in_buffer.clear()
        self._in_buffer_len = 0
        if self._idler is not None and not self._idler.cancelled:
            self._idler.reset()
        verb, _, argument = line.lstrip(_TELNET).partition(b" ")
        command = COMMANDS.get(verb.upper())
        if command is None:
            self.push("500 Command not understood.\r\n")
        elif self._may(command):
            self._carry_out(command, argument)

    def _may(self, command: Command) -> bool:
        if command.login and not self.authenticated:
            self.push("530 Log in with USER and PASS first.\r\n")
            return False
        if command.permission and command.permission not in self.permissions:
            self.respond("550 " + PERMISSION_DENIED)
            return False
        return True

    def _carry_out(self, command: Command, argument: bytes) -> None:
        # No name has control characters, and no reply must repeat them.
        if len(argument) > LONGEST_LINE - 8 or _CONTROL.search(argument):
            self.respond("550 " + NO_SUCH_FILE if command.path else "501 Argument not understood.")
        elif command.argument is Argument.REQUIRED and not argument:
            self.push("501 The command needs an argument.\r\n")
        elif command.argument is Argument.NONE and argument:
            self.push("501 The command takes no argument.\r\n")
        else:
            self._call(command, argument.decode("utf-8", "replace"))

    def _call(self, command: Command, argument: str) -> None:
        try:
            getattr(self, command.method)(argument)
        except FilesystemError as refusal:
            self.respond(f"550 {refusal}")

    def push(self, data: str) -> None:
        """Send a reply, or cut off a client that reads none."""
        if self._closed:
            return
        if len(self.producer_fifo) >= MOST_UNREAD_REPLIES:
            logger.info("event=ftp_cut_off peer=%s reason=unread_replies", value(self.peer))
            self.close()
            return
        AsyncChat.push(self, data.encode())

    def respond(self, resp: str, logfun: object = None) -> None:  # noqa: ARG002  # pyftpdlib's signature
        """Send the last line of a reply; replies are not logged."""
        self.push(resp + "\r\n")

    # -- what pyftpdlib would log, line by line

    def log(self, msg: str, logfun: object = None) -> None:
        """Do nothing: what matters is logged where it happens."""

    logline = logerror = log

    def log_cmd(self, cmd: str, arg: str, respcode: int, respstr: str) -> None:
        """Do nothing, as above."""

    def log_exception(self, instance: object) -> None:  # noqa: ARG002  # pyftpdlib's signature
        """Log a bug of ours; the session ends, the others go on."""
        log_exception("ftp_session_error", self.peer)

    def log_transfer(
        self,
        cmd: str,
        filename: str,
        receive: bool,  # noqa: ARG002, FBT001  # pyftpdlib's signature
        completed: bool,  # noqa: FBT001  # pyftpdlib's signature
        elapsed: float,
        bytes: int,  # noqa: A002  # pyftpdlib's signature
    ) -> None:
        """Log a file transfer."""
        if logger.isEnabledFor(INFO):
            logger.info(
                "event=ftp_transfer command=%s peer=%s user=%s path=%s bytes=%d seconds=%.3f"
                " completed=%s",
                cmd,
                value(self.peer),
                value(self.username),
                value(filename),
                bytes,
                elapsed,
                "yes" if completed else "no",
            )
