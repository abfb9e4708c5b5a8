"""The control connection (RFC 959 §2.3): lines in, replies out, and its life and limits."""

from __future__ import annotations

import re
from logging import INFO
from typing import TYPE_CHECKING, Any, ClassVar

from pyftpdlib.exceptions import FilesystemError
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.ioloop import AsyncChat

from ftpsrv.commands import COMMANDS, NOT_PERMITTED, Argument, Command
from ftpsrv.log import log_exception, logger, value

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from concurrent.futures import Future

    from ftpsrv.data import DataConnection
    from ftpsrv.errands import Errands

    Call = Callable[[], Any]
    Then = Callable[[Future[Any]], None]

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
    errands: Errands
    _is_mute = False
    """Whether nothing may be sent, because TLS is on its way."""
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
    _out_dtp_queue: None = None
    _in_dtp_queue: None = None
    _restart_position: int
    _idler: Any
    _wanted_io_events: int

    def __init__(self, conn: socket.socket, server: Any, ioloop: Any = None) -> None:
        self.permissions = ""
        self._paused = False
        self._waiting_for_errand = False
        self._held: list[bytes] = []
        """Lines that came in one go with the one for which the session is paused."""
        super().__init__(conn, server, ioloop=ioloop)

    def __repr__(self) -> str:
        # pyftpdlib formats this for debug lines that nobody reads, at each close.
        return "<Session>"

    @property
    def user_label(self) -> str:
        """Return who is logged in, as logs name it."""
        return "anonymous"

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
            self._held.clear()
            super().close()

    @property
    def is_occupied(self) -> bool:
        """Whether a transfer or an errand is under way, whose reply is still to come."""
        transfer = self.data_channel is not None and self.data_channel.cmd is not None
        return transfer or self._waiting_for_errand

    def retire(self) -> None:
        """End the session, after the transfer that is under way, if any; no login is awaited."""
        if self.is_occupied and self.authenticated:
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
        if self._paused:
            self._held.append(line)
            return
        if self._idler is not None and not self._idler.cancelled:
            self._idler.reset()
        self._obey(line)

    def _obey(self, line: bytes) -> None:
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
            self.refuse(NOT_PERMITTED)
            return False
        return True

    def _carry_out(self, command: Command, argument: bytes) -> None:
        # No name has control characters, and no reply must repeat them.
        if len(argument) > LONGEST_LINE - 8 or _CONTROL.search(argument):
            self.refuse(command.refusal)
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
            self.miss(command, argument, f"550 {refusal}")

    def miss(self, command: Command, argument: str, refusal: str) -> None:  # noqa: ARG002  # for those who know where else to look
        """Answer a command whose path names nothing, or nothing that it may touch."""
        self.refuse(refusal)

    def refuse(self, reply: str) -> None:
        """Answer a command that is not carried out, at once or after a pause."""
        if self._paused:
            self.resume(reply)
        else:
            self.respond(reply)

    # -- pauses: a client is not read from while its command takes time

    def pause(self) -> None:
        """Read nothing from the client until :meth:`resume`; its idle time does not count."""
        self._paused = True
        if self._idler is not None and not self._idler.cancelled:
            self._idler.cancel()
        self._watch()

    def resume(self, reply: str = "") -> None:
        """Answer, if anything, and go on with what the client has sent meanwhile."""
        if self._closed:
            return
        self._paused = False
        if reply:
            self.respond(reply)
        if self._quit_pending and not self.is_occupied:
            self.close_when_done()
            return
        # One by one: each may pause again, or throw the others away.
        while self._held and not (self._paused or self._closed):
            self._obey(self._held.pop(0))
        self._begin_idle_time()
        self._watch()

    def _begin_idle_time(self) -> None:
        if self._closed or self._paused or self.data_channel is not None:
            return
        if self._idler is None or self._idler.cancelled:
            self._idler = self.ioloop.call_later(
                self.timeout, self.handle_timeout, _errback=self.handle_error
            )

    def initiate_send(self) -> None:
        """Send what waits, and watch for what comes next."""
        super(AsyncChat, self).initiate_send()
        if self.producer_fifo or self._wanted_io_events != self.ioloop.READ:
            self._watch()

    def _watch(self) -> None:
        """Tell the loop what to wait for; of a paused client only its end."""
        if self._closed:
            return
        events = 0 if self._paused else self.ioloop.READ
        if self.producer_fifo:
            events |= self.ioloop.WRITE
        if events != self._wanted_io_events:
            self.ioloop.modify(self._fileno, events)
            self._wanted_io_events = events

    def run_errand(self, run: Callable[[Call, Then], None], call: Call, then: Then) -> None:
        """Make a blocking call while the client waits; ``then`` hears of it, and resumes.

        ``then`` is called even when the client has gone meanwhile.
        """
        self._waiting_for_errand = True
        self.pause()
        run(call, lambda outcome: self._come_back(then, outcome))

    def _come_back(self, then: Then, outcome: Future[Any]) -> None:
        self._waiting_for_errand = False
        try:
            then(outcome)
        except Exception:  # noqa: BLE001  # a bug of ours ends this session, as one in the loop does
            self.handle_error()

    def _on_dtp_close(self) -> None:
        """Forget the data connection; end the session if only its transfer kept it."""
        self.data_channel = None
        if self._closed:
            return
        if self._quit_pending and not self._waiting_for_errand:
            self.close_when_done()
        else:
            self._begin_idle_time()

    def push(self, data: str) -> None:
        """Send a reply, or cut off a client that reads none."""
        if self._closed or self._is_mute:
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
                value(self.user_label),
                value(filename),
                bytes,
                elapsed,
                "yes" if completed else "no",
            )
