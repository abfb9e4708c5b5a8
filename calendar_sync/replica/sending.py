"""What is done on the server: versions of ours sent, items removed.

Before a version is sent, ``status.db`` says so, with a name of its own that the service
keeps in the message.  Whenever a run ends, the next one finds by that name what came of it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from calendar_sync.connector.errors import ApiError
from calendar_sync.replica.agreements import Intent, Pair, Refusal
from calendar_sync.replica.errors import ChangedMeanwhileError
from calendar_sync.replica.objecttext import text_of
from calendar_sync.replica.plan import Action, given
from calendar_sync.replica.reconcile import Agreed, Step
from calendar_sync.replica.report import Lost
from freebusy.connector.bodies import Change, Item, Result, Results
from freebusy.errors import CalendarDataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from calendar_sync.replica.place import Place
    from calendar_sync.replica.remote import Message

TOO_LARGE = 413
_BETWEEN = "it was changed on the server while yours was on its way"


@dataclass(frozen=True, slots=True)
class _Sent:
    """A change on its way."""

    action: Action
    change: Change
    intent: Intent | None
    """None for a removal: that it is gone says all."""


class Sending:
    """Does steps on the server."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._again = False
        self._waiting = {
            (i.uid, i.digest, i.replaces): i.change for i in place.agreements.intents()
        }

    def run(self, actions: Sequence[Action]) -> bool:
        """Do them; return whether some have to be looked at again.

        What became of one request and what the next one will hold are noted together: a
        commit costs as much as several items.
        """
        sent: list[_Sent] = []
        results: Sequence[Result] = ()
        for group in chain(self._groups(self._prepared(actions)), [[]]):
            if sent or group:
                with self._place.status.transaction():
                    for each, result in zip(sent, results, strict=True):
                        self._record(each, result)
                    self._place.agreements.intend(i for i in (s.intent for s in group) if i)
            if group:
                sent, results = group, self._write([each.change for each in group])
        return self._again

    def _groups(self, prepared: Iterable[_Sent]) -> Iterator[list[_Sent]]:
        """Yield what goes into one request each."""
        bounds = self._place.bounds
        group: list[_Sent] = []
        octets = 0
        for sent in prepared:
            size = len(sent.change.calendar.encode())
            if group and (len(group) == bounds.batch or octets + size > bounds.batch_octets):
                yield group
                group, octets = [], 0
            group.append(sent)
            octets += size
        if group:
            yield group

    # -- before

    def _prepared(self, actions: Sequence[Action]) -> Iterator[_Sent]:
        for action in actions:
            try:
                yield self._prepare(action)
            except ChangedMeanwhileError:
                self._again = True
            except CalendarDataError as error:
                self._place.report.note(f"{action.name}: left alone: {error.reason}")
            except ValueError:  # of pydantic: no request can carry it
                self._refused(action, "its UID, or its messages, are too many for a request")

    def _prepare(self, action: Action) -> _Sent:
        hrefs = action.there.hrefs if action.there is not None else []
        if action.step is Step.REMOVE_THERE:
            change = Change(action="delete", uid=action.uid, replaces=hrefs)
            return _Sent(action, change, None)
        file = given(action.file)
        text = text_of(self._place.ours(file))
        intent = self._intent(action, text)
        change = Change(
            action="put", uid=action.uid, calendar=text, replaces=hrefs, change=intent.change
        )
        if action.step is Step.KEEP_OURS:
            theirs = self._place.theirs(given(action.there))
            self._place.keep(action, theirs.encode(), "server")
        return _Sent(action, change, intent)

    def _intent(self, action: Action, text: str) -> Intent:
        """Return the intent to send a version; the very same one is sent under the same name."""
        file = given(action.file)
        messages = action.there.messages if action.there is not None else ()
        replaces = frozenset(message.key for message in messages)
        name = self._waiting.get((action.uid, file.digest, replaces)) or secrets.token_hex(16)
        return Intent(name, action.uid, file.name, file.digest, text, replaces)

    # -- the request

    def _write(self, changes: Sequence[Change]) -> Sequence[Result]:
        """Send changes; where they are too large together, in halves."""
        try:
            return self._place.remote.write(self._place.folder.id, changes).results
        except ApiError as error:
            if error.status != TOO_LARGE:
                raise
            if len(changes) == 1:
                return [Result(status="refused", href=None, losses=[], problem=str(error))]
        middle = len(changes) // 2
        return [*self._write(changes[:middle]), *self._write(changes[middle:])]

    # -- after

    def _record(self, sent: _Sent, result: Result) -> None:
        """Keep what became of a change."""
        agreements = self._place.agreements
        if result.status == "done":
            self._done(sent, result)
            return
        if sent.intent is not None:
            agreements.drop(sent.intent.change)
        if result.status == "conflict":
            self._again = True
        else:
            self._refuse(sent.action, result.problem or "no reason given")

    def _done(self, sent: _Sent, result: Result) -> None:
        action, agreements = sent.action, self._place.agreements
        self._place.mirror.drop(sent.change.replaces)
        if sent.intent is None:
            agreements.forget(action.uid)
        else:
            key = self._place.mirror.sent(_item(sent.change, given(result.href)))
            agreed = Agreed(sent.intent.digest, frozenset([key]))
            agreements.agree(Pair(action.uid, sent.intent.name, agreed))
        if result.losses:
            self._place.report.lost.append(Lost(action.name, tuple(result.losses)))
        self._place.report.sent += 1
        self._place.did(action)

    def _refused(self, action: Action, reason: str) -> None:
        with self._place.status.transaction():
            self._refuse(action, reason)

    def _refuse(self, action: Action, reason: str) -> None:
        version = action.version or frozenset()
        refusal = Refusal(action.uid, action.digest or "", version, reason)
        self._place.agreements.refuse(refusal)
        self._place.report.refuse(action.name, reason)


def _item(change: Change, href: str) -> Item:
    """Return a message as it was sent."""
    return Item(
        href=href,
        uid=change.uid,
        calendar=change.calendar,
        dialect="icalendar",
        change=change.change,
    )


# -- after an interruption


def recover(place: Place) -> None:
    """Find out what came of what was being sent when a run ended."""
    messages = {message.key: message for message in place.mirror.messages()}
    arrived = {each.change: each for each in messages.values() if each.change}
    for intent in place.agreements.intents():
        found = arrived.get(intent.change)
        if found is None or found.uid != intent.uid:
            continue
        between = [each for each in messages.values() if _came_between(each, found, intent)]
        _keep(place, intent.uid, between)
        replaced = [messages[key] for key in sorted(intent.replaces) if key in messages]
        if left := [str(each.href) for each in (*replaced, *between)]:
            _finish(place, intent, left)
        agreed = Agreed(intent.digest, frozenset([found.key]))
        with place.status.transaction():
            place.agreements.agree(Pair(intent.uid, intent.name, agreed))


def _came_between(message: Message, ours: Message, intent: Intent) -> bool:
    """Whether somebody else put the same item between our look and our message.

    The service sees that and takes our message out again, unless it was interrupted.  By
    now ours, the newest, is what everybody takes for the item.
    """
    is_older = message.href < ours.href and message.key not in intent.replaces
    return is_older and message.uid == intent.uid and not message.is_partial


def _keep(place: Place, uid: str, messages: Sequence[Message]) -> None:
    """Keep versions that our message hides."""
    for message, text in zip(messages, place.mirror.calendars(messages), strict=True):
        if message.problem is None:
            place.keep(Action(Step.KEEP_OURS, uid, why=_BETWEEN), text.encode(), "server")


def _finish(place: Place, intent: Intent, left: Sequence[str]) -> None:
    """Have what our version replaces removed: the same change again is not done twice."""
    change = Change(
        action="put",
        uid=intent.uid,
        calendar=intent.calendar,
        replaces=list(left),
        change=intent.change,
    )
    results: Results = place.remote.write(place.folder.id, [change])
    if results.results[0].status == "done":
        with place.status.transaction():
            place.mirror.drop(left)
