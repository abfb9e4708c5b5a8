"""The command table (RFC 959 §5.3.1, RFC 2228, RFC 2389, RFC 2428, RFC 3659, RFC 4217)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from ftpsrv.filesystem import NO_SUCH_FILE, PERMISSION_DENIED

NOT_UNDERSTOOD = "501 Argument not understood."
NOT_FOUND = "550 " + NO_SUCH_FILE
NOT_PERMITTED = "550 " + PERMISSION_DENIED


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
    """pyftpdlib's letter; empty where a login alone is enough, or the path decides."""
    login: bool = True
    """Whether the command is for those only who have logged in."""
    refusal: str = NOT_UNDERSTOOD
    """The reply to an argument that is no text: a path is refused like one that is not there."""


def _about_path(method: str, permission: str, argument: Argument = Argument.OPTIONAL) -> Command:
    return Command(method, argument, permission, refusal=NOT_FOUND)


def _write(method: str) -> Command:
    """Return a command that changes something: its path decides who may."""
    return Command(method, Argument.REQUIRED, refusal=NOT_PERMITTED)


def _never(argument: Argument = Argument.REQUIRED) -> Command:
    """Return a command that nobody may use."""
    return Command("refuse_write", argument, refusal=NOT_PERMITTED)


_NOT_OFFERED = Command("not_offered", Argument.OPTIONAL)

COMMANDS: dict[bytes, Command] = {
    # Access control
    b"USER": Command("name_user", Argument.REQUIRED, login=False),
    b"PASS": Command("log_in", Argument.OPTIONAL, login=False),
    b"REIN": Command("ftp_REIN"),
    b"QUIT": Command("leave", login=False),
    b"CWD": _about_path("change_directory", "e"),
    b"XCWD": _about_path("change_directory", "e"),
    b"CDUP": Command("change_to_parent", permission="e"),
    b"XCUP": Command("change_to_parent", permission="e"),
    b"PWD": Command("ftp_PWD"),
    b"XPWD": Command("ftp_PWD"),
    # Protection
    b"AUTH": Command("protect_control", Argument.OPTIONAL, login=False),
    b"PBSZ": Command("set_buffer_size", Argument.OPTIONAL, login=False),
    b"PROT": Command("protect_data", Argument.OPTIONAL, login=False),
    b"CCC": Command("stay_protected", Argument.OPTIONAL, login=False),
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
    b"ABOR": Command("abort_transfer"),
    b"SIZE": _about_path("size", "l", Argument.REQUIRED),
    b"MDTM": _about_path("modification_time", "l", Argument.REQUIRED),
    b"LIST": _about_path("list_entries", "l"),
    b"NLST": _about_path("list_names", "l"),
    b"MLSD": _about_path("list_facts", "l"),
    b"MLST": _about_path("tell_facts", "l"),
    b"STAT": Command("status", Argument.OPTIONAL, login=False, refusal=NOT_FOUND),
    # About the server and the client
    b"SYST": Command("ftp_SYST", login=False),
    b"FEAT": Command("features", login=False),
    b"OPTS": Command("set_option", Argument.REQUIRED, login=False),
    b"HELP": Command("show_commands", Argument.OPTIONAL, login=False),
    b"NOOP": Command("do_nothing", login=False),
    b"CLNT": Command("name_client", Argument.REQUIRED, login=False),
    # Writing
    b"ALLO": Command("allocate", Argument.REQUIRED),
    b"STOR": _write("store"),
    b"DELE": _write("remove"),
    b"RNFR": _write("rename_from"),
    b"RNTO": _write("rename_to"),
    b"MFMT": _write("set_time"),
    b"MFCT": _never(),
    b"MFF": _never(),
    b"STOU": _never(Argument.OPTIONAL),
    b"APPE": _never(),
    b"MKD": _never(),
    b"XMKD": _never(),
    b"RMD": _never(),
    b"XRMD": _never(),
    b"SITE": _NOT_OFFERED,
    b"SMNT": _NOT_OFFERED,
    b"ACCT": _NOT_OFFERED,
}
"""Every verb that is understood, in capitals."""

OFFERED_WITH_TLS = ("AUTH", "PBSZ", "PROT")

_REFUSALS = frozenset({"not_offered", "refuse_write", "stay_protected"})

OFFERED = tuple(
    verb.decode()
    for verb, command in COMMANDS.items()
    if command.method not in _REFUSALS and verb.decode() not in OFFERED_WITH_TLS
)
"""What HELP shows, beside what needs a certificate."""
