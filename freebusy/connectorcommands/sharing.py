"""``freebusy connector acl``: who may do what in a folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast, get_args

from rich.text import Text

from calendar_sync.connector.errors import ApiError
from freebusy.config.values import nearest
from freebusy.connector.bodies import Grant, dumped
from freebusy.connector.fields import Role
from freebusy.connectorcommands.folders import find
from freebusy.connectorcommands.opening import JSON_VERSION, client, console, table
from freebusy.errors import ConfigurationError
from freebusy.exits import say
from freebusy.wording import safe

if TYPE_CHECKING:
    from pathlib import Path

    from freebusy.connector.bodies import Entry

ROLES: tuple[str, ...] = get_args(Role)
LETTERS = frozenset("lrswipkxteacdn0123456789")
NONE = "none"


def print_acl(home: Path | None, folder: str, *, as_json: bool) -> None:
    """Print who has which rights in a folder."""
    with client(home) as asking:
        found = find(asking.folders().folders, folder)
        acl = asking.acl(found.id)
    if as_json:
        print(json.dumps({"version": JSON_VERSION, "path": found.path} | dumped(acl), indent=2))
        return
    listed = table("USER", "ROLE", "RIGHTS")
    for entry in acl.entries:
        shown = Text(safe(entry.shown, 80), style="italic" if entry.is_everyone else "")
        listed.add_row(shown, entry.role or "-", entry.rights or NONE)
    console().print(listed)
    print(f"You: {acl.mine or NONE}")


def change_acl(home: Path | None, folder: str, user: str, wanted: str, *, force: bool) -> None:
    """Give a user a role or rights by letters, or take them all; print what is in force then."""
    grant = None if wanted.casefold() == NONE else granted(wanted, force=force)
    with client(home) as asking:
        found = find(asking.folders().folders, folder)
        try:
            if grant is None:
                entry = asking.revoke(found.id, user, force=force)
            else:
                entry = asking.grant(found.id, user, grant)
        except ApiError as error:
            if error.problem.rights is not None:
                say(f"In force for {safe(user, 80)}: {error.problem.rights or NONE}")
            if error.status == 409 and not force:
                say("If that is meant: --force")
            raise
    print(_sentence(entry))


def _sentence(entry: Entry) -> str:
    role = f" ({entry.role})" if entry.role else ""
    return f"{safe(entry.shown, 80)}: {entry.rights or NONE}{role}"


def granted(wanted: str, *, force: bool) -> Grant:
    """Return what is to be granted; ConfigurationError for what is neither role nor letters."""
    role = wanted.casefold().replace("-", " ").replace("_", " ")
    if role in ROLES:
        return Grant(role=cast("Role", role), force=force)
    if wanted and set(wanted) <= LETTERS and len(wanted) <= 26:
        return Grant(rights=wanted, force=force)
    hint = nearest(role, ROLES) or f"; it is one of {', '.join(ROLES)}, {NONE}, or letters as lrs"
    raise ConfigurationError([f"{safe(wanted, 40)!r} is no role{hint}"])
