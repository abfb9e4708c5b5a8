"""Which local folder belongs to which folder on the server."""

from __future__ import annotations

from contextlib import closing

from calendar_sync.replica.mapping import Mapping
from calendar_sync.replica.status import Status
from freebusy.connector.bodies import Folder


def folder(name: str) -> Folder:
    return Folder(
        id=name.replace(" ", "_"),
        path=name,
        name=name,
        parent=None,
        kind="own",
        owner=None,
        rights="lrs",
        role=None,
        mode="manual",
        mode_from="default",
        hands_down=False,
        items=0,
        state=None,
        last_sync=None,
        in_freebusy=False,
        is_default=False,
    )


def test_a_name_that_is_given_again_each_year() -> None:
    """A folder that is put away under another name keeps its local one, and the next gets one."""
    with closing(Status(None)) as status, status.transaction():
        mapping = Mapping(status)
        for year in range(2023, 2028):
            mapping.move(mapping.add(folder("Work")), folder(f"Work {year}"))
        names = [each.directory for each in mapping.all()]

    assert ["Work", "-2", "-3", "-4"] == [names[0], *(name[-2:] for name in names[2:])]
    assert 5 == len({name.casefold() for name in names})
