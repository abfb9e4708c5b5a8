"""Folders, their sync modes, and what holds for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freebusy.connector import bodies
from freebusy.connector.roles import ordered, role_of
from freebusy.errors import NoFolderError
from freebusy.ports import SyncMode
from freebusy.web.connector.call import Reply, folder_id, path_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from freebusy.ports import CalendarFolder, FolderMode
    from freebusy.web.connector.call import Call
    from freebusy.web.connector.queries import DeleteQuery


def list_folders(call: Call, _: None) -> Reply:
    """Answer GET /folders."""
    folders = call.connector.folders.folders(call.whose())
    return Reply(
        200,
        bodies.Folders(
            default_mode=call.connector.modes.default(call.person).value,
            folders=_told(call, folders, folders),
        ),
    )


def get_folder(call: Call, _: None) -> Reply:
    """Answer GET /folders/{id}."""
    return Reply(200, folder_body(call, call.path))


def create_folder(call: Call, wanted: bodies.NewFolder) -> Reply:
    """Answer POST /folders."""
    parent = None if wanted.parent is None else path_of(wanted.parent)
    made = call.connector.folders.create(call.whose(), wanted.name, parent=parent)
    if wanted.mode is not None:
        call.connector.modes.choose(call.person, made.path, SyncMode(wanted.mode))
    body = folder_body(call, made.path)
    return Reply(201, body, location=f"/folders/{body.id}")


def change_folder(call: Call, wanted: bodies.FolderChange) -> Reply:
    """Answer PATCH /folders/{id}: the place first, since that is what may be refused."""
    path = call.path
    if wanted.name is not None or wanted.parent is not None:
        path = _move(call, path, wanted)
    if wanted.mode is not None or wanted.hands_down is not None:
        _choose(call, path, wanted)
    return Reply(200, folder_body(call, path))


def delete_folder(call: Call, query: DeleteQuery) -> Reply:
    """Answer DELETE /folders/{id}."""
    path = call.path
    call.connector.folders.delete(call.whose(), path, even_if_filled=query.even_if_filled)
    call.connector.modes.forget(call.person, path)
    return Reply(204)


def _move(call: Call, path: str, wanted: bodies.FolderChange) -> str:
    parent = path_of(wanted.parent) if wanted.parent else wanted.parent
    moved = call.connector.folders.move(call.whose(), path, name=wanted.name, parent=parent)
    if moved.path != path:
        call.connector.modes.moved(call.person, path, moved.path, moved.separator)
    return moved.path


def _choose(call: Call, path: str, wanted: bodies.FolderChange) -> None:
    folder = call.connector.folders.folder(call.whose(), path)
    now = call.connector.modes.modes(call.person, [folder])[path]
    mode = now.mode if now.origin == "own" else None
    if wanted.mode is not None:
        mode = None if wanted.mode == "inherited" else SyncMode(wanted.mode)
    hands_down = now.hands_down if wanted.hands_down is None else wanted.hands_down
    call.connector.modes.choose(call.person, path, mode, hands_down=hands_down)


# -- settings


def get_settings(call: Call, _: None) -> Reply:
    """Answer GET /settings."""
    mode = call.connector.modes.default(call.person)
    return Reply(200, bodies.Settings(default_mode=mode.value))


def change_settings(call: Call, wanted: bodies.SettingsChange) -> Reply:
    """Answer PATCH /settings."""
    mode = None if wanted.default_mode is None else SyncMode(wanted.default_mode)
    call.connector.modes.set_default(call.person, mode)
    return get_settings(call, None)


# -- a folder as JSON


def folder_body(call: Call, path: str) -> bodies.Folder:
    """Return one folder; raises NoFolderError.  All are asked for: its parent may be none."""
    folders = call.connector.folders.folders(call.whose())
    found = [folder for folder in folders if folder.path == path]
    if not found:
        raise NoFolderError("there is no such calendar folder")
    return _told(call, found, folders)[0]


def _told(
    call: Call, wanted: Sequence[CalendarFolder], folders: Sequence[CalendarFolder]
) -> list[bodies.Folder]:
    modes = call.connector.modes.modes(call.person, wanted)
    synced = call.connector.modes.last_syncs(call.person)
    paths = {folder.path for folder in folders}
    return [_body(folder, modes[folder.path], synced.get(folder.path), paths) for folder in wanted]


def _body(
    folder: CalendarFolder, mode: FolderMode, last_sync: datetime | None, paths: set[str]
) -> bodies.Folder:
    return bodies.Folder(
        id=folder_id(folder.path),
        path=folder.path,
        name=folder.name,
        parent=folder_id(folder.parent) if folder.parent in paths else None,
        kind=folder.kind,
        owner=folder.owner,
        rights=ordered(folder.rights),
        role=role_of(folder.rights),
        mode=mode.mode.value,
        mode_from=mode.origin,
        hands_down=mode.hands_down,
        items=None if folder.state is None else folder.state.messages,
        state=_state(folder),
        last_sync=last_sync,
        in_freebusy=folder.counts,
        is_default=folder.is_default,
    )


def _state(folder: CalendarFolder) -> str | None:
    """Return what changes whenever an item does (RFC 7162 §3.1.2).

    Without modification sequences nothing does: the numbers stay when ``\\Deleted`` is set.
    """
    known = folder.state
    if known is None or known.highestmodseq is None:
        return None
    return f"{known.uidvalidity}.{known.uidnext}.{known.messages}.{known.highestmodseq}"
