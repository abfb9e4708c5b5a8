"""The sync of one folder: look at both sides, decide, do; again while something moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calendar_sync.replica.fetching import Fetching, note_arrivals
from calendar_sync.replica.plan import SENDS, Planner
from calendar_sync.replica.reconcile import Rights, Step
from calendar_sync.replica.remote import pull
from calendar_sync.replica.sending import Sending, recover
from freebusy.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from calendar_sync.replica.place import Place
    from calendar_sync.replica.plan import Action

_UNNOTICED = frozenset({Step.FORGET, Step.LINK})


class FolderSync:
    """Syncs one folder."""

    def __init__(self, place: Place, *, accept_empty: bool) -> None:
        self._place = place
        self._accept_empty = accept_empty
        self._state = place.folder.state

    def run(self) -> None:
        """Bring both sides together.

        Raises EmptySideError before anything is done, ApiError, ConnectorDownError and
        StoreError; whatever it raises, the next run goes on from there.
        """
        for number in range(self._place.bounds.rounds):
            if number or self._is_due():
                self._pull()
            if not self._round():
                return
        self._place.report.note("it goes on changing: the rest is left to the next sync")

    def plan(self) -> None:
        """Report what a run would do first, and do nothing of it."""
        if self._is_due():
            self._pull()
        actions, _ = self._plan()
        for action in actions:
            self._place.report.steps[action.step] += 1
            if action.step not in _UNNOTICED:
                self._place.report.lines.append(str(action))

    def _is_due(self) -> bool:
        """Whether the server may have something to tell.

        Not where the folder's state is still the one that was read before the token was
        given, unless a change of ours was on its way.
        """
        before = self._place.mirror.state()
        is_same = before is not None and before == self._state
        return not is_same or bool(self._place.agreements.intents())

    def _pull(self) -> None:
        place = self._place
        place.folder = pull(
            place.remote,
            place.status,
            place.folder,
            place.key,
            state=self._state,
            limit=place.bounds.page,
        )

    def _round(self) -> bool:
        """Do what is to be done now; return whether something has to be looked at again."""
        place = self._place
        note_arrivals(place)
        recover(place)
        actions, again = self._plan()
        place.done, place.total = 0, len(actions)
        place.progress(place.report.folder, 0, place.total)
        try:
            place.collection.create()
            fetching = Fetching(place).run([each for each in actions if each.step not in SENDS])
            sending = Sending(place).run([each for each in actions if each.step in SENDS])
        except OSError as error:
            raise StoreError(f"the local folder cannot be written: {error.strerror}") from error
        return again or fetching or sending

    def _plan(self) -> tuple[Sequence[Action], bool]:
        place = self._place
        view = place.look()
        if not self._accept_empty:
            view.check(place.report.folder)
        planner = Planner(
            view,
            Rights.of(place.folder.rights),
            ours=place.ours,
            theirs=place.theirs,
            report=place.report,
        )
        return list(planner.actions()), planner.again
