"""The command table (RFC 959 §5.3.1, RFC 2389, RFC 2428, RFC 3659)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Argument(Enum):
    """Whether a command takes an argument."""

    NONE = auto()
    OPTIONAL = auto()
    REQUIRED = auto()


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table."""

    method: str
    """Of the session; ``ftp_...`` are pyftpdlib's own."""
    argument: Argument = Argument.NONE
    permission: str = ""
    """pyftpdlib's letter; empty where a login alone is enough."""
    login: bool = True
    """Whether the command is for those only who have logged in."""
    path: bool = False
    """The argument is a path: one that is no text is refused like one that is not there."""


def _about_path(method: str, permission: str, argument: Argument = Argument.OPTIONAL) -> Command:
    return Command(method, argument, permission, path=True)


def _write(method: str, permission: str, argument: Argument = Argument.REQUIRED) -> Command:
    """Return a command that changes something: nobody has its permission so far."""
    return Command(method, argument, permission)


COMMANDS: dict[bytes, Command] = {
    # Access control
    b"USER": Command("ftp_USER", Argument.REQUIRED, login=False),
    b"PASS": Command("log_in", Argument.OPTIONAL, login=False),
    b"REIN": Command("ftp_REIN"),
    b"QUIT": Command("leave", login=False),
    b"CWD": _about_path("change_directory", "e"),
    b"XCWD": _about_path("change_directory", "e"),
    b"CDUP": Command("change_to_parent", permission="e"),
    b"XCUP": Command("change_to_parent", permission="e"),
    b"PWD": Command("ftp_PWD"),
    b"XPWD": Command("ftp_PWD"),
    # Transfer parameters
    b"TYPE": Command("ftp_TYPE", Argument.REQUIRED),
    b"MODE": Command("ftp_MODE", Argument.REQUIRED),
    b"STRU": Command("ftp_STRU", Argument.REQUIRED),
    b"PORT": Command("ftp_PORT", Argument.REQUIRED),
    b"EPRT": Command("ftp_EPRT", Argument.REQUIRED),
    b"PASV": Command("ftp_PASV"),
    b"EPSV": Command("ftp_EPSV", Argument.OPTIONAL),
    # Reading
    b"RETR": _about_path("retrieve", "r", Argument.REQUIRED),
    b"REST": Command("restart", Argument.REQUIRED),
    b"ABOR": Command("ftp_ABOR"),
    b"SIZE": _about_path("size", "l", Argument.REQUIRED),
    b"MDTM": _about_path("modification_time", "l", Argument.REQUIRED),
    b"LIST": _about_path("list_entries", "l"),
    b"NLST": _about_path("list_names", "l"),
    b"MLSD": _about_path("list_facts", "l"),
    b"MLST": _about_path("tell_facts", "l"),
    b"STAT": Command("status", Argument.OPTIONAL, login=False, path=True),
    # About the server
    b"SYST": Command("ftp_SYST", login=False),
    b"FEAT": Command("features", login=False),
    b"OPTS": Command("set_option", Argument.REQUIRED, login=False),
    b"HELP": Command("show_commands", Argument.OPTIONAL, login=False),
    b"NOOP": Command("do_nothing", login=False),
    b"ALLO": Command("ftp_ALLO", Argument.REQUIRED),
    # Writing
    b"STOR": _write("ftp_STOR", "w"),
    b"STOU": _write("ftp_STOU", "w", Argument.OPTIONAL),
    b"APPE": _write("ftp_APPE", "a"),
    b"DELE": _write("ftp_DELE", "d"),
    b"RNFR": _write("ftp_RNFR", "f"),
    b"RNTO": _write("ftp_RNTO", "f"),
    b"MKD": _write("ftp_MKD", "m"),
    b"XMKD": _write("ftp_MKD", "m"),
    b"RMD": _write("ftp_RMD", "d"),
    b"XRMD": _write("ftp_RMD", "d"),
    b"MFMT": _write("not_offered", "T"),
    b"MFCT": _write("not_offered", "T"),
    b"MFF": _write("not_offered", "T"),
    b"SITE": Command("not_offered", Argument.OPTIONAL),
    b"SMNT": Command("not_offered", Argument.OPTIONAL),
    b"ACCT": Command("not_offered", Argument.OPTIONAL),
    b"AUTH": Command("not_offered", Argument.OPTIONAL, login=False),
    b"PBSZ": Command("not_offered", Argument.OPTIONAL, login=False),
    b"PROT": Command("not_offered", Argument.OPTIONAL, login=False),
}
"""Every verb that is understood, in capitals."""

OFFERED = tuple(
    verb.decode() for verb, command in COMMANDS.items() if command.method != "not_offered"
)
"""What HELP shows."""
