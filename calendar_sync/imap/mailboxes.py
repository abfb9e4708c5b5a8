"""The calendar folders of a person, found and changed: ports.CalendarFolders over IMAP.

A calendar is a folder whose type says so (METADATA, Kolab's ``folder-type``) or, where it
has none, whose name does.  What is made here gets the type ``event``; one's first calendar
``event.default``.  Typed calendars push those out that have a name only, so that these get
their types first: nobody who is busy may become free because of a second calendar.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from calendar_sync.imap import extensions, mailboxcommands, mailboxnames, moving, sight
from calendar_sync.imap.extensions import CommandRefused
from calendar_sync.imap.folderrefusals import must_be_deletable, must_be_free, not_deleted, not_made
from calendar_sync.imap.foldertypes import UNTYPED, type_of_new, types_of_names
from freebusy.errors import BadFolderError, CalendarMissingError, NoFolderError, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from calendar_sync.imap.behalf import Behalf
    from calendar_sync.imap.connection import Connection
    from calendar_sync.imap.namespaces import Namespaces
    from calendar_sync.imap.sight import Sight
    from freebusy.ports import CalendarFolder, Owner

    Counting = Callable[[Owner, Namespaces], Collection[str]]

log = logging.getLogger(__name__)


def counts_nothing(_who: Owner, _own: Namespaces) -> Collection[str]:
    """Where the gateway reads no folders of this mail server, none counts."""
    return ()


class ImapFolders:
    """Each person's calendar folders on one mail server; safe from any thread."""

    def __init__(self, behalf: Behalf, counting: Counting = counts_nothing) -> None:
        """``counting`` tells which folders count for a person, as that person names them.

        It is given the person's namespaces (:meth:`calendar_sync.imap.ImapSource.counted`).
        """
        self._behalf = behalf
        self._counting = counting

    # -- which there are

    def folders(self, who: Owner) -> Sequence[CalendarFolder]:
        """Return all of them, own ones first, sorted."""
        with self._behalf.use(who, sight.seen) as (connection, seen):
            found = sight.looks(connection, seen.names)
        counted = self._counted(who, seen)
        further = counted - seen.names
        if further:  # named in the configuration: neither its type nor its name says so
            with self._behalf.use(who, lambda c: sight.looks(c, further)) as (_, more):
                found |= more
        return sight.calendar_folders(seen.survey, found, counted)

    def _counted(self, who: Owner, seen: Sight) -> frozenset[str]:
        try:
            counted = frozenset(self._counting(who, seen.survey.spaces))
        except CalendarMissingError:
            return frozenset()
        except SourceError as error:
            log.warning("connector person=%r event=counting-unknown error=%s", who.name, error)
            return frozenset()
        return counted & frozenset(seen.survey.names)

    def folder(self, who: Owner, path: str) -> CalendarFolder:
        """Return one; raises NoFolderError also for a folder that is no calendar."""
        for folder in self.folders(who):
            if folder.path == path:
                return folder
        raise NoFolderError(sight.NO_FOLDER)

    # -- making one

    def create(self, who: Owner, name: str, *, parent: str | None = None) -> CalendarFolder:
        """Make a calendar folder, give it its type, and subscribe to it.

        Raises FolderExistsError, BadFolderError, NotPermittedError and NoFolderError.
        """
        with self._behalf.use(who, sight.seen) as (connection, seen):
            path = mailboxnames.child(seen.survey, parent, name)
            must_be_free(seen, path)
            typed = connection.can("METADATA")
            if not sight.is_known(seen, path, typed=typed):
                raise BadFolderError(UNTYPED)
            if typed:
                mailboxcommands.set_types(connection.client, types_of_names(seen))
            try:
                mailboxcommands.create(connection.client, path)
            except CommandRefused as refusal:
                raise not_made(connection, refusal, path, parent) from None
        if typed:
            self._set_type(who, seen, path)
        with self._behalf.use(who, _alive) as (connection, _):
            mailboxcommands.subscribe(connection.client, path)
        return self.folder(who, path)

    def _set_type(self, who: Owner, seen: Sight, path: str) -> None:
        """Give a new folder its type; where the server cannot, its name must say it.

        Cyrus 3.6.1 ends the connection where the folder is nobody's.
        """
        kind = type_of_new(seen, path)
        try:
            with self._behalf.use(who, _alive) as (connection, _):
                mailboxcommands.set_types(connection.client, {path: kind})
        except SourceError:
            if sight.is_known(seen, path, typed=False):
                return
            self._remove(who, path)
            raise BadFolderError(UNTYPED) from None

    def _remove(self, who: Owner, path: str) -> None:
        """Delete a folder that was made just now."""
        with self._behalf.use(who, _alive) as (connection, _):
            mailboxcommands.delete(connection.client, path)

    # -- moving one

    def move(
        self, who: Owner, path: str, *, name: str | None = None, parent: str | None = None
    ) -> CalendarFolder:
        """Rename a folder, or put it below another; nothing in it is lost.

        Where the server does not rename to there, the items are copied, compared, and the
        old folder is deleted last.  Raises as :meth:`create`.
        """
        with self._behalf.use(who, sight.seen) as (connection, seen):
            sight.required(seen, path)
            target = moving.target_of(seen, path, name, parent)
            if target != path:
                wanted = moving.Move(path, target, parent)
                moving.move(connection, seen, wanted, lambda made: self._remove(who, made))
        return self.folder(who, target)

    # -- deleting one

    def delete(self, who: Owner, path: str, *, even_if_filled: bool = False) -> None:
        """Delete a folder and what is in it; raises FolderFilledError unless told to.

        Raises FolderError for one with folders below it: they are never deleted with it.
        """
        with self._behalf.use(who, sight.seen) as (connection, seen):
            sight.required(seen, path)
            must_be_deletable(connection, seen, path, even_if_filled=even_if_filled)
            separator = mailboxnames.separator_at(seen.survey.spaces, path)
            names = mailboxcommands.subscribed(connection.client, path, separator)
            try:
                mailboxcommands.delete(connection.client, path)
            except CommandRefused as refusal:
                raise not_deleted(connection, refusal, path) from None
            for each in names:
                mailboxcommands.unsubscribe(connection.client, each)


def _alive(connection: Connection) -> None:
    """Find out whether a kept connection still is one."""
    extensions.run(connection.client, b"NOOP", name="NOOP")
