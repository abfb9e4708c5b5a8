"""What a client tells of, and how far the reading is that follows from it; and the ping."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freebusy import __version__
from freebusy.connector import bodies
from freebusy.connector.events import included
from freebusy.errors import NoFolderError, UnreachableError
from freebusy.ports import SyncEvent
from freebusy.web.connector.call import Reply, folder_id, path_of
from freebusy.web.connector.problems import ProblemError, unauthorized

if TYPE_CHECKING:
    from collections.abc import Sequence

    from freebusy.ports import CalendarFolder, SyncJob
    from freebusy.web.connector.call import Call


def ping(call: Call, _: None) -> Reply:
    """Answer GET /ping."""
    who = call.whose()
    try:
        server = call.connector.check.ping(who)
    except UnreachableError as error:
        if error.step == "login" and who.password is not None:
            raise unauthorized(step="login") from None  # it was right a short while ago
        raise
    spaces = [
        bodies.Namespace(kind=each.kind, prefix=each.prefix, separator=each.separator)
        for each in server.namespaces
    ]
    return Reply(
        200,
        bodies.Ping(
            host=server.host,
            port=server.port,
            security=server.security,
            tls_version=server.tls_version,
            software=server.software,
            version=server.version,
            login=server.login,
            proxied=who.password is None,
            namespaces=spaces,
            capabilities=list(server.capabilities),
            steps=dict(server.steps),
            latency=server.latency,
            gateway=__version__,
        ),
    )


def start_sync(call: Call, wanted: bodies.Sync) -> Reply:
    """Answer POST /sync."""
    event = SyncEvent(wanted.event)
    folder = None if wanted.folder is None else path_of(wanted.folder)
    if event is SyncEvent.SELECT and folder is None:
        raise ProblemError(422, "Say which folder was selected.", errors=["folder: is missing"])
    folders = call.connector.folders.folders(call.whose())
    _check_there(folder, folders)
    modes = call.connector.modes.modes(call.person, folders)
    paths = included(event, folder, folders, modes)
    job = call.connector.jobs.start(call.person, event, paths)
    return Reply(202, _body(job), location=f"/sync/{job.id}")


def _check_there(folder: str | None, folders: Sequence[CalendarFolder]) -> None:
    if folder is not None and all(each.path != folder for each in folders):
        raise NoFolderError("there is no such calendar folder")


def get_job(call: Call, _: None) -> Reply:
    """Answer GET /sync/{job}."""
    job = call.connector.jobs.job(call.person, call.arguments["job"])
    if job is None:
        raise ProblemError(404, "There is no such job, or it is long done: start another one.")
    return Reply(200, _body(job))


def _body(job: SyncJob) -> bodies.Job:
    return bodies.Job(
        id=job.id,
        event=job.event.value,
        folders=[folder_id(path) for path in job.folders],
        state=job.state,
        done=job.done,
        total=job.total,
        started=job.started,
        finished=job.finished,
        problem=job.problem,
    )
