"""``freebusy connector folders`` and ``mode``: what there is, and when it is synced."""

from __future__ import annotations

import json
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast, get_args

from rich.text import Text

from calendar_sync.replica import HomeBusyError
from calendar_sync.replica.home import LOCK, STATUS
from calendar_sync.replica.lock import only_one
from calendar_sync.replica.mapping import Mapping as FolderMapping
from calendar_sync.replica.status import Status
from freebusy.config.values import nearest
from freebusy.connector.bodies import FolderChange, NewFolder, SettingsChange, dumped
from freebusy.connector.fields import Mode
from freebusy.connectorcommands.opening import JSON_VERSION, client, console, home_or_default, table
from freebusy.errors import ConfigurationError, FreeBusyError
from freebusy.exits import say
from freebusy.wording import counted, duration, safe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from calendar_sync.connector.client import ConnectorClient
    from freebusy.connector.bodies import Folder, Folders

INHERITED = "inherited"
MODES: tuple[str, ...] = get_args(Mode)
_SHOWN = {"on_select": "on select", "manual": "manual", "on_start_and_exit": "start and exit"}
_ORIGIN = {"own": "own", "parent": "from above", "default": "default"}
_OWNER = 14
"""Characters of an owner: the path has the whole name."""
_BRIEF = {"on_select": "select", "manual": "manual", "on_start_and_exit": "start/exit"}
_SHORT = {
    "select": "on_select",
    "start": "on_start_and_exit",
    "exit": "on_start_and_exit",
    "start/exit": "on_start_and_exit",
    "start_and_exit": "on_start_and_exit",
}


def find(folders: Sequence[Folder], wanted: str) -> Folder:
    """Return the folder of a path, an id or a name that only one has.

    Raises ConfigurationError with the nearest where there is none.
    """
    for key in ("path", "id", "name"):
        found = [each for each in folders if getattr(each, key) == wanted]
        if len(found) == 1:
            return found[0]
        if found:
            paths = ", ".join(safe(each.path, 80) for each in found)
            raise ConfigurationError([f"{safe(wanted, 80)!r} could be {paths}: give the path"])
    hint = nearest(wanted, [each.path for each in folders] + [each.name for each in folders])
    hint = hint or "; freebusy connector folders lists them"
    raise ConfigurationError([f"there is no calendar folder {safe(wanted, 80)!r}{hint}"])


# -- the table


def print_folders(home: Path | None, *, as_json: bool) -> None:
    """Print all calendar folders that the person sees."""
    with client(home) as asking:
        found = asking.folders()
    if as_json:
        print(json.dumps({"version": JSON_VERSION} | dumped(found), indent=2))
    elif found.folders:
        _print_table(found, datetime.now(UTC))
    else:
        print("There is no calendar folder; make one: freebusy connector folders --create NAME")


def _print_table(found: Folders, now: datetime) -> None:
    titles = ("FOLDER", "OWNER", "ROLE", "MODE", "ITEMS", "SYNCED", "BUSY")
    listed = table(*titles, foldable=1)
    listed.columns[4].justify = "right"
    for each in found.folders:
        listed.add_row(*_row(each, now))
    console().print(listed)
    marks = "".join(_brief(each) for each in found.folders)
    known = (("*", "its own"), ("^", "from above"), ("+", "handed down"))
    told = [f"{mark} {meaning}" for mark, meaning in known if mark in marks]
    print("; ".join([f"default mode: {_SHOWN[found.default_mode]}", *told]))


def _row(folder: Folder, now: datetime) -> list[Text | str]:
    name = Text(safe(folder.path, 120), style="bold" if folder.is_default else "")
    return [
        name,
        Text(_owner(folder)),
        Text(folder.role or folder.rights or "none"),
        _brief(folder),
        "?" if folder.items is None else f"{folder.items:,}",
        "never" if folder.last_sync is None else _ago((now - folder.last_sync).total_seconds()),
        "yes" if folder.in_freebusy else "-",
    ]


def _brief(folder: Folder) -> str:
    """Return a folder's mode, with marks for where it comes from and whether it is handed down."""
    star = "*" if folder.mode_from == "own" else ""
    above = "^" if folder.mode_from == "parent" else ""
    return _BRIEF[folder.mode] + star + above + ("+" if folder.hands_down else "")


def _owner(folder: Folder) -> str:
    if folder.kind == "own":
        return "you"
    name = safe(folder.owner.partition("@")[0], 40) if folder.owner else folder.kind
    return name if len(name) <= _OWNER else name[: _OWNER - 1] + "…"


def _ago(seconds: float) -> str:
    return "now" if seconds < 1 else duration(seconds)


# -- changing them


def create(home: Path | None, name: str, below: str | None) -> None:
    """Make a calendar folder."""
    with client(home) as asking:
        parent = None if below is None else find(asking.folders().folders, below).id
        made = asking.create_folder(NewFolder(name=name, parent=parent))
    say(f"{safe(made.path, 200)} is made.")


def rename(home: Path | None, folder: str, name: str) -> None:
    """Give a folder another name."""
    _change(home, folder, FolderChange(name=name))


def move(home: Path | None, folder: str, below: str | None) -> None:
    """Put a folder below another one, or at the top of one's own."""
    with client(home) as asking:
        folders = asking.folders().folders
        parent = "" if below is None else find(folders, below).id
        found = find(folders, folder)
        changed = asking.change_folder(found.id, FolderChange(parent=parent))
        _follow(home, asking, found, changed)


def delete(home: Path | None, folder: str, *, even_if_filled: bool) -> None:
    """Delete a folder on the mail server."""
    with client(home) as asking:
        found = find(asking.folders().folders, folder)
        if found.items and not even_if_filled:
            raise FreeBusyError(
                f"{safe(found.path, 80)} holds {counted(found.items, 'item')}:"
                " --even-if-filled deletes what is in it, too"
            )
        asking.delete_folder(found.id, even_if_filled=even_if_filled)
    say(f"{safe(found.path, 200)} is deleted.")


def _change(home: Path | None, folder: str, change: FolderChange) -> Folder:
    with client(home) as asking:
        found = find(asking.folders().folders, folder)
        changed = asking.change_folder(found.id, change)
        _follow(home, asking, found, changed)
    return changed


def _follow(home: Path | None, asking: ConnectorClient, before: Folder, after: Folder) -> None:
    """Let the local folders follow one that moved, and those that moved with it."""
    if after.path == before.path:
        return
    moved = {each.path: each for each in asking.folders().folders}
    follow(home_or_default(home), before.path, after.path, moved)
    say(f"{safe(before.path, 200)} is now {safe(after.path, 200)}.")


def follow(home: Path, old: str, new: str, folders: Mapping[str, Folder]) -> None:
    """Tell the status of a home that folders have other paths and ids now.

    While a sync runs nothing is told: it finds out by itself, by what is in the folders.
    """
    if not (home / STATUS).exists():
        return
    with (
        suppress(HomeBusyError),
        only_one(home / LOCK),
        closing(Status(home / STATUS)) as status,
        status.transaction(),
    ):
        mapping = FolderMapping(status)
        for mapped in mapping.all():
            folder = folders.get(new + mapped.path.removeprefix(old))
            is_gone = mapped.path.startswith(old) and mapped.path not in folders
            if is_gone and folder is not None:
                mapping.move(mapped, folder)


# -- modes


def set_mode(home: Path | None, folder: str, mode: str | None, *, children: bool | None) -> None:
    """Give a folder a mode of its own or let it inherit one; None: only hand it down, or not."""
    wanted = {} if mode is None else {"mode": _mode(mode, (*MODES, INHERITED))}
    change = FolderChange.model_validate(
        wanted | ({} if children is None else {"hands_down": children})
    )
    changed = _change(home, folder, change)
    below = "; folders below inherit it" if changed.hands_down else ""
    say(f"{safe(changed.path, 200)} is synced: {_words(changed)}{below}.")


def set_default(home: Path | None, mode: str) -> None:
    """Set the mode of all folders that have none of their own."""
    wanted = _mode(mode, (*MODES, "site"))
    chosen = None if wanted == "site" else cast("Mode", wanted)
    with client(home) as asking:
        settings = asking.change_settings(SettingsChange(default_mode=chosen))
    say(f"Folders without a mode of their own are synced: {_SHOWN[settings.default_mode]}.")


def print_mode(home: Path | None, folder: str | None) -> None:
    """Print the default, or one folder's mode and where it comes from."""
    with client(home) as asking:
        if folder is None:
            print(f"{_SHOWN[asking.settings().default_mode]} (default)")
        else:
            print(_words(find(asking.folders().folders, folder)))


def _words(folder: Folder) -> str:
    return f"{_SHOWN[folder.mode]} ({_ORIGIN[folder.mode_from]})"


def _mode(text: str, known: Sequence[str]) -> str:
    """Return a mode as the API has it: however its words are joined."""
    mode = text.casefold().replace("-", "_").replace(" ", "_")
    mode = _SHORT.get(mode, mode)
    if mode not in known:
        hint = nearest(mode, known) or f"; it is one of {', '.join(known)}"
        raise ConfigurationError([f"{safe(text, 40)!r} is no mode{hint}"])
    return mode
