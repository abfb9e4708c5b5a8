"""Writing: STOR, DELE, RNFR and RNTO (RFC 959 §4.1.3), by the rights of ports.Publications.

A reply tells the truth: 226 comes when the file is stored, and not before.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from pyftpdlib.exceptions import FilesystemError

from freebusy.errors import (
    NotAllowedError,
    NotFreeBusyError,
    PublicationError,
    StoreError,
    TooLargeError,
)
from freebusy.ports import Upload
from ftpsrv.commands import COMMANDS, NOT_FOUND, NOT_PERMITTED
from ftpsrv.filesystem import BELOW, PERMISSION_DENIED, resolve
from ftpsrv.log import logger, one_line, value
from ftpsrv.login import LoginConnection
from ftpsrv.uploads import TOO_MANY, IncomingFile, UploadRoom, too_large

if TYPE_CHECKING:
    from concurrent.futures import Future

    from freebusy.ports import Publications, Published, PublishedFile, Visitor
    from ftpsrv.commands import Command

LONGEST_CLIENT_NAME = 100
NO_SPACE = "452 No room is left; try again later."
STORE_FAILS = "451 Nothing can be stored at the moment; try again later."

_REFUSALS = (PublicationError, NotFreeBusyError, StoreError)
_TIME = re.compile(r"\d{14}(\.\d{1,9})?", re.ASCII)
"""As in RFC 3659 §2.3."""


class PublishingConnection(LoginConnection):
    """A session in which a client may publish where it has the right to."""

    upload_room: ClassVar[UploadRoom]
    max_discard = 16 << 20
    client_name = ""
    _rename_source: str | None = None

    def _writable(self, ftp_path: str) -> tuple[Publications, str, Visitor]:
        """Return what it takes to write at a path; FilesystemError, alike for all others."""
        publications, visitor = self.publications, self.visitor
        path = resolve(self.fs.cwd, ftp_path)
        if (
            publications is None
            or visitor is None
            or path is None
            or not path.startswith(BELOW)
            or not publications.may_write(path, visitor)
        ):
            raise FilesystemError(PERMISSION_DENIED)
        return publications, path, visitor

    # -- uploads

    def store(self, ftp_path: str) -> None:
        """STOR: receive a file, and publish it once it is whole."""
        restart, self._restart_position = self._restart_position, 0
        publications, path, visitor = self._writable(ftp_path)
        if restart:
            self.respond("554 An upload cannot be continued; send all of it.")
        elif not self.upload_room.enter(visitor.address):
            self.respond(TOO_MANY)
        else:
            limit = publications.max_upload
            limits = {"max_octets": limit, "max_discard": self.max_discard}
            self.transfer(IncomingFile(path, visitor, self.upload_room, **limits))

    def take_over(self, upload: IncomingFile) -> str | None:
        """Publish a whole upload, or return the reply that refuses it."""
        publications = self.publications
        if upload.refusal is not None or publications is None:
            reply = upload.refusal or NOT_PERMITTED
            self._log_upload(upload, reply)
            upload.close()
            return reply
        sent = Upload(upload.body, self.protocol, self.client_name)
        self.run_errand(
            self.errands.store,
            partial(_publish, publications, upload, sent),
            partial(self._hear_of_upload, upload),
        )
        return None

    def _hear_of_upload(
        self, upload: IncomingFile, outcome: Future[tuple[Published, bool]]
    ) -> None:
        name = None
        try:
            published, is_temporary = outcome.result()
        except _REFUSALS as error:
            reply = refusal_reply(error)
        else:
            name, reply = published.name, _stored_reply(published, is_temporary=is_temporary)
        finally:
            upload.close()
        self._log_upload(upload, reply, name)
        self.resume(reply)

    def give_up(self, upload: IncomingFile) -> None:
        """Forget an upload whose end never came."""
        self._log_upload(upload, "426 Broken off.")
        upload.close()

    def _log_upload(self, upload: IncomingFile, reply: str, name: str | None = None) -> None:
        account = upload.visitor.account
        logger.info(
            "event=ftp_upload peer=%s user=%s protocol=%s name=%s bytes=%d seconds=%.3f reply=%s"
            " reason=%s",
            value(self.peer),
            value("anonymous" if account is None else account.label),
            self.protocol,
            value(name or self._served_name(upload.path, upload.visitor) or "unknown"),
            upload.received,
            upload.seconds,
            reply[:3],
            value(reply[4:]),
        )

    def _log_refused(self, command: Command, ftp_path: str) -> None:
        """Log what this session may not write: its user sees a 550, and asks the operator."""
        path, visitor = resolve(self.fs.cwd, ftp_path), self.visitor
        if visitor is None:
            return
        logger.info(
            "event=ftp_write_refused peer=%s user=%s protocol=%s command=%s name=%s",
            value(self.peer),
            value("anonymous" if visitor.account is None else visitor.account.label),
            self.protocol,
            next(verb.decode() for verb, each in COMMANDS.items() if each is command),
            value((path and self._served_name(path, visitor)) or "unknown"),
        )

    def _served_name(self, path: str, visitor: Visitor) -> str | None:
        """Return the canonical NAME that a path means; the path itself is the client's text."""
        file = self.files.find(path, visitor)
        return None if file is None else file.name

    def allocate(self, argument: str) -> None:
        """ALLO: say at once that so much will not be taken."""
        octets = argument.partition(" ")[0]
        if not (octets.isascii() and octets.isdigit() and len(octets) < 19):
            self.push("501 The size is a number of octets.\r\n")
        elif self.publications is not None and int(octets) > self.publications.max_upload:
            self.respond(too_large(self.publications.max_upload))
        else:
            self.push("202 No storage allocation necessary.\r\n")

    # -- removing and renaming

    def remove(self, ftp_path: str) -> None:
        """DELE: remove what was published; what is computed stays."""
        publications, path, visitor = self._writable(ftp_path)
        drop = partial(publications.drop, path, visitor, protocol=self.protocol)
        self.run_errand(self.errands.store, drop, partial(self._hear_of, "250 Removed."))

    def rename_from(self, ftp_path: str) -> None:
        """RNFR: a temporary upload of this visitor's, and nothing else."""
        publications, path, visitor = self._writable(ftp_path)
        look = partial(publications.temporary, path, visitor)
        self.run_errand(self.errands.store, look, partial(self._hear_of_source, path))

    def _hear_of_source(self, path: str, outcome: Future[PublishedFile | None]) -> None:
        self._rename_source = None
        try:
            found = outcome.result()
        except _REFUSALS as error:
            self.resume(refusal_reply(error))
            return
        if found is None:
            self.resume("550 Only a temporary upload of yours can be renamed.")
        else:
            self._rename_source = path
            self.resume("350 Send RNTO with its final name.")

    def rename_to(self, ftp_path: str) -> None:
        """RNTO: publish a temporary upload under its final name."""
        source, self._rename_source = self._rename_source, None
        publications, path, visitor = self._writable(ftp_path)
        if source is None:
            self.push("503 Send RNFR first.\r\n")
            return
        sent = Upload(b"", self.protocol, self.client_name)
        rename = partial(publications.rename, source, path, sent, visitor)
        self.run_errand(self.errands.store, rename, partial(self._hear_of, "250 Renamed."))

    def _hear_of(self, reply: str, outcome: Future[object]) -> None:
        try:
            outcome.result()
        except _REFUSALS as error:
            reply = refusal_reply(error)
        self.resume(reply)

    def refuse_write(self, _: str) -> None:
        """Refuse what nobody may do, and log it like what this session may not."""
        raise FilesystemError(PERMISSION_DENIED)

    def set_time(self, argument: str) -> None:
        """MFMT: clients send it after an upload; the time stays when the content changed."""
        moment, _, ftp_path = argument.partition(" ")
        _, path, _ = self._writable(ftp_path)
        if _TIME.fullmatch(moment):
            self.respond(f"213 Modify={moment}; {path}")
        else:
            self.push("501 The time is YYYYMMDDHHMMSS.\r\n")

    def name_client(self, name: str) -> None:
        """CLNT: what the client calls itself."""
        self.client_name = name[:LONGEST_CLIENT_NAME]
        self.push("200 Noted.\r\n")

    # -- temporary uploads, seen by their own account

    def miss(self, command: Command, argument: str, refusal: str) -> None:
        """Look for a temporary upload of that name, where this visitor could have made one."""
        if command.refusal is not NOT_FOUND:
            self._log_refused(command, argument)
            self.refuse(refusal)
            return
        try:
            publications, path, visitor = self._writable(argument)
        except FilesystemError:
            self.refuse(refusal)
            return
        look = partial(publications.temporary, path, visitor)
        then = partial(self._answer_again, command, argument, path, refusal)
        self.run_errand(self.errands.store, look, then)

    def _answer_again(
        self,
        command: Command,
        argument: str,
        path: str,
        refusal: str,
        outcome: Future[PublishedFile | None],
    ) -> None:
        if self._closed:
            return
        found = None if outcome.exception() is not None else outcome.result()
        self.fs.temporary = {} if found is None else {path: found}
        try:
            getattr(self, command.method)(argument)
        except FilesystemError:
            self.refuse(refusal)
        else:
            self.resume()
        finally:
            self.fs.temporary = {}


def _publish(
    publications: Publications, upload: IncomingFile, sent: Upload
) -> tuple[Published, bool]:
    """Publish, and say whether the file now waits for its final name; called in a thread."""
    published = publications.publish(upload.path, sent, upload.visitor)
    if published.served:
        return published, False
    return published, publications.temporary(upload.path, upload.visitor) is not None


def _stored_reply(published: Published, *, is_temporary: bool) -> str:
    if published.served:
        return "226 Stored."
    if is_temporary:
        return "226 Stored; served once it is renamed to its final name."
    return "226 Stored; served when the calendar has been read for the first time."


def refusal_reply(error: PublicationError | NotFreeBusyError | StoreError) -> str:
    """Return the reply for what was not done."""
    if isinstance(error, StoreError):
        return NO_SPACE if error.is_full else STORE_FAILS
    if isinstance(error, NotAllowedError):
        return NOT_PERMITTED
    reason = f"{one_line(error.reason[:1].upper() + error.reason[1:])}."
    if isinstance(error, TooLargeError):
        return "552 " + reason
    return "550 " + reason
