"""Items: what changed in a folder, and what is to be changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freebusy.connector import bodies
from freebusy.ports import ItemChange, SyncToken
from freebusy.web.connector.call import Reply
from freebusy.web.connector.folders import folder_body
from freebusy.web.connector.problems import ProblemError

if TYPE_CHECKING:
    from freebusy.ports import ChangeResult, FolderItem
    from freebusy.web.connector.call import Call
    from freebusy.web.connector.queries import ChangesQuery


def read_changes(call: Call, query: ChangesQuery) -> Reply:
    """Answer GET /folders/{id}/changes: one round trip where nothing changed."""
    path = call.path
    most = call.connector.limits.max_changes
    page = call.connector.items.changes(
        call.whose(),
        path,
        SyncToken(query.since) if query.since else None,
        limit=min(query.limit or most, most),
    )
    if not page.more:
        call.connector.modes.synced(call.person, path, call.now)
    return Reply(
        200,
        bodies.Changes(
            token=page.token,
            more=page.more,
            is_fresh=page.is_fresh,
            items=[_item(item) for item in page.items],
            gone=list(page.gone),
            folder=None if page.rights is None else folder_body(call, path),
            acl_changed=page.acl_changed,
        ),
    )


def write_changes(call: Call, wanted: bodies.ChangeList) -> Reply:
    """Answer POST /folders/{id}/changes."""
    most = call.connector.limits.max_changes
    if len(wanted.changes) > most:
        raise ProblemError(413, f"Send at most {most} changes at a time.")
    changes = [_change(change) for change in wanted.changes]
    results = call.connector.items.write(call.whose(), call.path, changes)
    told = [_result(result, change) for result, change in zip(results, changes, strict=True)]
    return Reply(200, bodies.Results(results=told))


def _change(change: bodies.Change) -> ItemChange:
    return ItemChange(
        change.action, change.uid, change.calendar, tuple(change.replaces), change.change
    )


def _result(result: ChangeResult, change: ItemChange) -> bodies.Result:
    """Return a result; at a conflict with both versions."""
    return bodies.Result(
        status=result.status,
        href=result.href,
        losses=list(result.losses),
        yours=change.calendar if result.status == "conflict" else None,
        theirs=[_item(item) for item in result.theirs],
        problem=result.problem,
    )


def _item(item: FolderItem) -> bodies.Item:
    return bodies.Item(
        href=item.href,
        uid=item.uid,
        calendar=item.calendar,
        dialect=item.dialect,
        is_partial=item.is_partial,
        change=item.change,
        problem=item.problem,
    )
