"""CalDAV beside other sources: one file per person, whatever becomes of one of them."""

from __future__ import annotations

from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from freebusy import gateway
from freebusy.config import load
from freebusy.vfreebusy import decode
from tests.servers.davclient import DavClient
from tests.servers.davserver import READER
from tests.servers.mailserver import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from freebusy.gateway import Engine
    from tests.servers.davserver import Radicale

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def event(uid: str, hour: int) -> bytes:
    """Return a meeting of an hour, tomorrow."""
    start = TODAY + timedelta(days=1, hours=hour)
    times = [f"{moment:%Y%m%dT%H%M%SZ}" for moment in (start, start + timedelta(hours=1))]
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//EN", "BEGIN:VEVENT", f"UID:{uid}"]
    lines += ["DTSTAMP:20260101T000000Z", f"DTSTART:{times[0]}", f"DTEND:{times[1]}"]
    return "\r\n".join([*lines, "SUMMARY:secret", "END:VEVENT", "END:VCALENDAR", ""]).encode()


@contextmanager
def engine(folder: Path, server: Radicale, name: str) -> Iterator[Engine]:
    """Give a gateway for one person with a directory and a CalDAV server."""
    (folder / "dav.password").write_text(PASSWORD)
    (folder / "files" / name).mkdir(parents=True)
    text = f"""
        persons = [{{ address = "{name}@example.com", source = ["files", "dav"] }}]
        [sources.files]
        type = "vdir"
        root = "files"
        [sources.dav]
        type = "caldav"
        url = "{server.home("{local}")}"
        username = "{READER}"
        password_file = "dav.password"
    """
    path = folder / "freebusy.toml"
    path.write_text(text)
    with closing(gateway.engine(load(path, {"TZ": "UTC"}))) as made:
        yield made


def busy(engine: Engine, name: str) -> list[int]:
    """Sync all sources, render, and return the hours of tomorrow at which meetings begin."""
    person = engine.persons[name]
    for source in person.sources:
        engine.syncer.sync(person, engine.feeds[source])
    engine.publisher.refresh(person)
    return hours(engine, name)


def hours(engine: Engine, name: str) -> list[int]:
    file = engine.tree.read(name)
    assert file is not None
    periods = decode(file.body, now=datetime.now(UTC)).periods
    return [datetime.fromtimestamp(period.span[0], UTC).hour for period in periods]


@pytest.fixture
def name(radicale: Radicale) -> str:
    name = radicale.new_user()
    client = DavClient(name)
    client.make_collection(radicale.home(name))
    client.make_calendar(f"{radicale.home(name)}work/")
    return name


def test_the_file_is_the_union_and_an_outage_keeps_its_part(
    tmp_path: Path, radicale: Radicale, name: str
) -> None:
    """While the server is away its last times count; the other source goes on."""
    client, work = DavClient(name), f"{radicale.home(name)}work/"
    with engine(tmp_path, radicale, name) as made:
        (tmp_path / "files" / name / "a.ics").write_bytes(event("a", 8))
        client.put(f"{work}b.ics", event("b", 10))
        assert [8, 10] == busy(made, name)
        radicale.stop()
        try:
            (tmp_path / "files" / name / "c.ics").write_bytes(event("c", 12))
            assert [8, 10, 12] == busy(made, name)
        finally:
            radicale.start()
        client.delete(f"{work}b.ics")
        client.put(f"{work}d.ics", event("d", 14))
        assert [8, 12, 14] == busy(made, name)


def test_a_deleted_calendar_counts_until_that_is_confirmed(
    tmp_path: Path, radicale: Radicale, name: str
) -> None:
    """A calendar that is no longer there may come back; made again, it is read anew."""
    client, work = DavClient(name), f"{radicale.home(name)}work/"
    with engine(tmp_path, radicale, name) as made:
        (tmp_path / "files" / name / "a.ics").write_bytes(event("a", 8))
        client.put(f"{work}b.ics", event("b", 10))
        assert [8, 10] == busy(made, name)
        client.delete(work)
        assert [8, 10] == busy(made, name)
        client.make_calendar(work)
        client.put(f"{work}new.ics", event("new", 16))
        assert [8, 16] == busy(made, name)
