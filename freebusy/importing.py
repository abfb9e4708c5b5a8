"""``freebusy import``: a folder of old files becomes publications, beside a running service.

Nobody has logged in as the person whose file it is.  So an old file counts as what the
shared account sends does: it only adds busy time, and whatever is published next, by
whomever, takes its place.  It is dated by its last change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from freebusy import gateway
from freebusy.errors import PreconditionFailedError
from freebusy.oldfiles import old_files
from freebusy.period import from_seconds
from freebusy.publications import Ledger, Received

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from freebusy.config import Config
    from freebusy.oldfiles import OldFile
    from freebusy.store import Store
    from freebusy.vfreebusy import FreeBusy

Outcome = Literal["taken", "waits", "known", "outdated", "refused", "nobody"]
"""``waits``: for the first reading of a calendar; ``known``: taken before; ``outdated``: a
newer one counts, or its time has passed; ``nobody``: the roster has no such NAME."""

PROTOCOL = "import"


def read_folder(config: Config, folder: Path) -> list[OldFile]:
    """Read a folder of old files as far as the site takes such files."""
    return old_files(
        folder,
        gateway.roster(config).canonical,
        now=gateway.now(),
        max_bytes=config.publish.max_upload,
        max_periods=config.publish.max_periods,
    )


def foresee(ledger: Ledger | None, file: OldFile) -> Outcome:
    """Say what would become of an old file; ``ledger`` is None where there is no store yet."""
    if file.name is None:
        return "nobody"
    if file.read is None:
        return "refused" if file.outdated is None else "outdated"
    entries = [] if ledger is None else ledger.history(file.name)
    for entry in entries:
        if ledger is not None and entry.in_force:
            if ledger.body(entry.id) == file.body:
                return "known"
            if from_seconds(entry.received) >= _whole(file.modified):
                return "outdated"
    return "taken"


class Intake:
    """Publishes old files through the use case that clients' uploads go through.

    ``own`` makes them count like what the people published themselves.
    """

    def __init__(self, config: Config, store: Store, *, own: bool = False) -> None:
        self._ledger = Ledger(store, keep_bytes=config.publish.keep_received_bytes)
        self._publisher = gateway.publisher(config, store, gateway.tree(config), self._ledger)
        self._persons = gateway.persons(config)
        self._own = own or config.publish.shared_account == "replaces"

    def take(self, file: OldFile) -> Outcome:
        """Publish one file, unless there is a reason against it; raises StoreError."""
        outcome = foresee(self._ledger, file)
        if outcome != "taken" or file.name is None or file.read is None:
            return outcome
        try:
            done = self._publisher.publish(
                self._persons[file.name],
                self._received(file, file.read),
                # Once more under the NAME's lock: a client may be faster.
                lambda _served: foresee(self._ledger, file) == "taken",
            )
        except PreconditionFailedError:
            return "outdated"
        return "taken" if done.served else "waits"

    def _received(self, file: OldFile, read: FreeBusy) -> Received:
        return Received(
            body=file.body,
            window=read.window,
            spans=[period.span for period in read.periods],
            moment=_whole(file.modified),
            is_own=self._own,
            account="",
            address="",
            protocol=PROTOCOL,
            client=file.file,
        )


def _whole(moment: datetime) -> datetime:
    """Return a moment as the ledger keeps it."""
    return moment.replace(microsecond=0)
