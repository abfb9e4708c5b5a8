"""``freebusy explain --folders``: which folders count for somebody, and why."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from calendar_sync.imap import ImapSource
from freebusy.folderverdicts import lines, verdicts
from tests.system.imap_case import settings
from tests.system.test_connector_folders import a_case

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.mailserver import MailServer
    from tests.system.folders_case import FoldersCase


@pytest.fixture
def case(mail_server: MailServer) -> Iterator[FoldersCase]:
    with a_case(mail_server) as case:
        yield case


def said(case: FoldersCase, **changes: object) -> list[str]:
    """Return what is printed for the second person."""
    with closing(ImapSource(settings(case.server, **{"folder": ()} | changes))) as source:
        return list(lines("mail", verdicts(source, case.other)))


def test_each_folder_has_its_reason(case: FoldersCase) -> None:
    """Own folders, those of others, excluded ones, and those that have a name only."""
    mine = [case.folders.create(case.other, name).path for name in ("Calendar", "Work")]
    case.server.create_folder(case.other.name, case.top + "Agenda")
    theirs = [case.folders.create(case.who, name).path for name in ("One", "Two")]
    for path in theirs:
        case.access.grant(case.who, path, case.other.name, frozenset("lr"))
    case.server.annotate(case.who.name, theirs[0], incidences_for="readers")
    one, two = map(case.seen_by_other, theirs)
    case.server.annotate(case.other.name, mine[0], pxfb_readable_for="boss@example.com")
    assert [
        f"mail: {mine[0]} counts: it is the person's own (details for: boss@example.com)",
        f"mail: {one} counts: the person has the right on it that incidences-for asks for",
        (
            f"mail: {case.top}Agenda does not count: it has no folder type, and another calendar "
            "of the person has one"
        ),
        f"mail: {mine[1]} does not count: the configuration leaves it out (exclude)",
        (
            f"mail: {two} does not count: it is somebody else's, and incidences-for does not say "
            "that it counts"
        ),
    ] == said(case, exclude=(mine[1],))


def test_named_folders(case: FoldersCase) -> None:
    """Where the configuration names folders, it is told, and no other counts."""
    mine = [case.folders.create(case.other, name).path for name in ("Calendar", "Work")]
    plain = case.top + "Lists"
    case.server.create_folder(case.other.name, plain)
    assert [
        f"mail: {plain} counts: the configuration names it (folders)",
        f"mail: {mine[0]} does not count: the configuration names other folders (folders)",
        f"mail: {mine[1]} does not count: the configuration names other folders (folders)",
    ] == said(case, folder=(plain,))


def test_nothing_is_said_too(case: FoldersCase) -> None:
    """Who has no calendar is told so."""
    assert ["mail: no folder is seen there"] == said(case)
