"""What is to be done in a folder: each item of either side, and the step for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from calendar_sync.replica.compare import are_equal, how_new
from calendar_sync.replica.errors import ChangedMeanwhileError, EmptySideError
from calendar_sync.replica.objecttext import text_of, uid_of, whole
from calendar_sync.replica.reconcile import Rights, Step, decide, settle
from freebusy.errors import CalendarDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from calendar_sync.replica.agreements import Intent, Pair, Refusal
    from calendar_sync.replica.collection import LocalFile
    from calendar_sync.replica.reconcile import Agreed, Version
    from calendar_sync.replica.remote import There
    from calendar_sync.replica.report import FolderReport

_T = TypeVar("_T")

SENDS = frozenset({Step.PUT, Step.KEEP_OURS, Step.REMOVE_THERE})
"""What is done on the server; all else is done here."""
_BOTH = "it was changed here and on the server"
_WHY = {
    Step.KEEP_OURS: f"{_BOTH}: the version of the server was older",
    Step.KEEP_THEIRS: f"{_BOTH}: the local version was not newer",
}
_RIGHTS = "the rights on the folder do not allow this change on the server"


@dataclass(frozen=True, slots=True)
class Action:
    """One item, and what to do with it."""

    step: Step
    uid: str
    file: LocalFile | None = None
    there: There | None = None
    pair: Pair | None = None
    why: str = ""

    @property
    def name(self) -> str:
        """Return what people call it: the file's name, or the UID."""
        if self.file is not None:
            return self.file.name
        return self.pair.name if self.pair is not None else f"UID {self.uid}"

    @property
    def digest(self) -> str | None:
        """Return what is here."""
        return None if self.file is None else self.file.digest

    @property
    def version(self) -> Version | None:
        """Return what is on the server."""
        return None if self.there is None else self.there.version

    @property
    def is_renamed(self) -> bool:
        """Whether the file has another name than it had."""
        return self.file is not None and self.pair is not None and self.pair.name != self.file.name

    def __str__(self) -> str:
        return f"{self.step.value}: {self.name}" + (f" ({self.why})" if self.why else "")


@dataclass(frozen=True, slots=True)
class View:
    """A folder as both sides and the status have it."""

    files: Mapping[str, LocalFile]
    pairs: Mapping[str, Pair]
    there: Mapping[str, There]
    refusals: Mapping[str, Refusal]
    intents: Sequence[Intent]
    unreadable: int = 0
    """Messages of which not even the UID is known."""

    def check(self, folder: str) -> None:
        """Raise EmptySideError where one side had items and has none at all any more."""
        there = bool(self.there) or self.unreadable > 0
        if self.pairs and not self.files and there:
            raise EmptySideError(folder, "local", len(self.pairs))
        if self.pairs and not there and self.files:
            raise EmptySideError(folder, "server", len(self.pairs))


class Planner:
    """Decides on every item of a view."""

    def __init__(
        self,
        view: View,
        rights: Rights,
        *,
        ours: Callable[[LocalFile], bytes],
        theirs: Callable[[There], str],
        report: FolderReport,
    ) -> None:
        """``ours`` and ``theirs`` read the two versions of an item."""
        self._view = view
        self._rights = rights
        self._ours = ours
        self._theirs = theirs
        self._report = report
        self._note = report.note
        self.again = False
        """Whether an item could not be decided on: it is changing at the moment."""

    def actions(self) -> Iterator[Action]:
        """Yield what is to be done."""
        here = self._here()
        view, held = self._view, self._held(here)
        intended = {intent.uid for intent in view.intents}
        for uid in sorted({*here, *view.pairs, *view.there, *intended} - held):
            action = self._action(uid, here.get(uid))
            if action.step is not Step.NOTHING and not self._is_refused(action):
                yield action

    def _here(self) -> dict[str, LocalFile]:
        """Return the files by UID; of two with the same one that is known already."""
        found: dict[str, LocalFile] = {}
        for name, file in sorted(self._view.files.items()):
            if file.uid is None:
                self._note(f"{_shown(name)}: left alone: {file.problem}")
                continue
            pair = self._view.pairs.get(file.uid)
            if file.uid in found and (pair is None or pair.name != name):
                self._note(f"{_shown(name)}: left alone: {found[file.uid].name} has the same UID")
                continue
            if file.uid in found:
                self._note(f"{found[file.uid].name}: left alone: {name} has the same UID")
            found[file.uid] = file
        return found

    def _held(self, here: Mapping[str, LocalFile]) -> set[str]:
        """Return items that one side has but cannot read: that is no removal."""
        view = self._view
        held = {
            uid
            for uid, pair in view.pairs.items()
            if uid not in here and pair.name in view.files and view.files[pair.name].uid is None
        }
        for uid, there in view.there.items():
            if there.problem is not None:
                self._note(f"UID {_shown(uid)}: left alone: on the server, {there.problem}")
                held.add(uid)
        return held

    def _action(self, uid: str, file: LocalFile | None) -> Action:
        action = Action(
            Step.NOTHING, uid, file, self._view.there.get(uid), self._view.pairs.get(uid)
        )
        agreed = None if action.pair is None else action.pair.agreed
        step = decide(agreed, action.digest, action.version, self._rights)
        if step is Step.KEEP_THEIRS:
            return replace(action, step=step, why=_RIGHTS)
        if step is Step.GET and file is None and agreed is not None:
            return self._coming_back(replace(action, step=step), agreed)
        if step is Step.NOTHING and action.is_renamed:
            return replace(action, step=Step.LINK)
        if step is Step.COMPARE:
            return self._compared(action)
        return replace(action, step=step)

    def _coming_back(self, action: Action, agreed: Agreed) -> Action:
        """Say why an item comes back that was removed here."""
        if action.version != agreed.version:
            return action  # it was changed on the server: that is the reason
        self._note(f"{action.name}: it comes back: {_RIGHTS}")
        return replace(action, why=_RIGHTS)

    def _compared(self, action: Action) -> Action:
        try:
            ours = text_of(self._ours(given(action.file)))
            theirs = self._theirs(given(action.there))
        except ChangedMeanwhileError:
            self.again = True
            return action
        except CalendarDataError as error:
            self._note(f"{action.name}: left alone: on the server, {error.reason}")
            return action
        step = settle(
            equal=are_equal(ours, theirs),
            here=how_new(ours),
            there=how_new(theirs),
            rights=self._rights,
        )
        return replace(action, step=step, why=_WHY.get(step, ""))

    def _is_refused(self, action: Action) -> bool:
        """Whether the server has refused just this before."""
        refusal = self._view.refusals.get(action.uid)
        if refusal is None or action.step not in SENDS:
            return False
        if (refusal.digest, refusal.version) != (
            action.digest or "",
            action.version or frozenset(),
        ):
            return False
        self._report.refuse(action.name, refusal.reason)
        return True


def checked(uid: str, calendars: Sequence[str]) -> str:
    """Return one object out of what the server has of an item.

    Raises CalendarDataError where a file of it would not be read as that item.
    """
    text = whole(calendars)
    if uid_of(text.encode()) != uid:
        raise CalendarDataError("its text has another UID")
    return text


def given(value: _T | None) -> _T:
    """Return what a step needs, and the decision for it has found."""
    if value is None:
        raise LookupError("a step without what it needs")
    return value


def _shown(text: str) -> str:
    return text if text.isprintable() else ascii(text)
