"""The session: what a client reads, asks and lists."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ftpsrv.commands import OFFERED, OFFERED_WITH_TLS
from ftpsrv.listing import FACTS, facts, time_value, unix_line
from ftpsrv.publishing import PublishingConnection
from ftpsrv.transfers import Outgoing

if TYPE_CHECKING:
    import socket


class Session(PublishingConnection):
    """One client; a server makes its own subclass, because options are class attributes."""

    def __init__(self, conn: socket.socket, server: Any, ioloop: Any = None) -> None:
        super().__init__(conn, server, ioloop=ioloop)
        self._current_facts = list(FACTS)

    def leave(self, _: str) -> None:
        """QUIT: say farewell, after the transfer that is under way, if any."""
        self.ac_in_buffer = b""
        self._shutdown_connecting_dtp()
        if not self.is_occupied and self.data_channel is not None:
            self.data_channel.close()
        self.push("221 Goodbye.\r\n")
        if self.is_occupied:
            self._quit_pending = True
            self.pause()
        else:
            self.close_when_done()

    # -- directories

    def change_directory(self, path: str) -> None:
        """CWD; the root's parent is the root, as everywhere."""
        if path == "..":
            self.change_to_parent("")
            return
        self.fs.chdir(path or "/")
        self.respond(f'250 "{self.fs.cwd}" is the current directory.')

    def change_to_parent(self, _: str) -> None:
        """CDUP."""
        self.change_directory(self.fs.cwd.rpartition("/")[0])

    # -- files

    def retrieve(self, path: str) -> None:
        """RETR: send a file's bytes, in ASCII too: its lines end in CRLF as they must."""
        offset, self._restart_position = self._restart_position, 0
        file = self.fs.open(path, "rb")
        if offset:
            file.seek(offset)
        self.transfer(Outgoing("RETR", file.read(), file))

    def restart(self, argument: str) -> None:
        """REST: note where the next RETR starts (RFC 3659 §5)."""
        if not (argument.isascii() and argument.isdigit() and len(argument) < 19):
            self.push("501 The marker is a number of bytes.\r\n")
            return
        self._restart_position = int(argument)
        self.respond(f"350 Restarting at {self._restart_position}.")

    def size(self, path: str) -> None:
        """SIZE: the bytes that RETR sends, which are the same in every TYPE (RFC 3659 §4)."""
        _, published = self.fs.find(path)
        self.respond(f"213 {len(published.body)}")

    def modification_time(self, path: str) -> None:
        """MDTM (RFC 3659 §3)."""
        _, published = self.fs.find(path)
        self.respond(f"213 {time_value(published.modified)}")

    # -- listings

    def list_entries(self, argument: str) -> None:
        """LIST, in the format of ``ls -l``."""
        self._send_text("LIST", self._unix_listing(_without_options(argument)))

    def list_names(self, argument: str) -> None:
        """NLST."""
        entries = self.fs.entries(_without_options(argument))
        self._send_text("NLST", "".join(f"{entry.name}\r\n" for entry in entries))

    def list_facts(self, path: str) -> None:
        """MLSD; a file is no directory (RFC 3659 §7.2)."""
        entries = self.fs.entries(self.fs.directory(path))
        lines = [f"{facts(entry, self._current_facts)} {entry.name}\r\n" for entry in entries]
        self._send_text("MLSD", "".join(lines))

    def _send_text(self, command: str, text: str) -> None:
        self.transfer(Outgoing(command, text.encode()))

    def tell_facts(self, argument: str) -> None:
        """MLST, with the absolute path (RFC 3659 §7.2)."""
        path, entry = self.fs.entry(argument)
        line = f" {facts(entry, self._current_facts)} {path}\r\n"
        self.push(f"250-Listing follows\r\n{line}250 End.\r\n")

    def _unix_listing(self, path: str) -> str:
        now = datetime.now(UTC)
        return "".join(unix_line(entry, now) for entry in self.fs.entries(path))

    # -- about the server

    def status(self, path: str) -> None:
        """STAT: of the session, or with a path its listing over the control connection."""
        if not path:
            kind = "ASCII" if self._current_type == "a" else "Binary"
            self.push(f"211-Status\r\n TYPE: {kind}; STRU: File; MODE: Stream\r\n211 End.\r\n")
        elif not self.authenticated:
            self.push("530 Log in with USER and PASS first.\r\n")
        else:
            # A name that begins with digits must not look like the last line (RFC 959 §4.2).
            self.push(f"213-Status\r\n{self._unix_listing(_without_options(path))}213 End.\r\n")

    def features(self, _: str) -> None:
        """FEAT (RFC 2389 §3)."""
        known = "".join(f"{fact}{'*' * (fact in self._current_facts)};" for fact in FACTS)
        lines = ["EPRT", "EPSV", "MDTM", f"MLST {known}", "REST STREAM", "SIZE", "TVFS", "UTF8"]
        if self.tls.context is not None:
            lines += ["AUTH TLS", "PBSZ", "PROT"]
        if self.publications is not None:
            lines += ["CLNT", "MFMT"]
        text = "".join(f" {line}\r\n" for line in sorted(lines))
        self.push(f"211-Features:\r\n{text}211 End.\r\n")

    def set_option(self, argument: str) -> None:
        """OPTS for UTF8 and MLST (RFC 2389 §4, RFC 3659 §7.9)."""
        name, _, option = argument.partition(" ")
        if name.upper() in {"UTF8", "UTF-8"}:
            self.push("200 Always UTF-8.\r\n")
        elif name.upper() == "MLST":
            wanted = option.lower().split(";")
            self._current_facts = [fact for fact in FACTS if fact in wanted]
            chosen = "".join(f"{fact};" for fact in self._current_facts)
            self.respond(f"200 MLST OPTS {chosen}".rstrip())
        else:
            self.push("501 There is no such option.\r\n")

    def show_commands(self, _: str) -> None:
        """HELP."""
        offered = OFFERED if self.tls.context is None else sorted({*OFFERED, *OFFERED_WITH_TLS})
        self.push(f"214-Commands:\r\n {' '.join(offered)}\r\n214 End.\r\n")

    def do_nothing(self, _: str) -> None:
        """NOOP."""
        self.push("200 OK.\r\n")


def _without_options(argument: str) -> str:
    """Drop what clients write for ``ls``, as in ``LIST -la /pub``."""
    while argument.startswith("-"):
        argument = argument.partition(" ")[2]
    return argument
