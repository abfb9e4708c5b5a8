"""What the engine's work leaves in the metrics."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from freebusy import gateway
from freebusy.config import load
from freebusy.errors import StoreError
from freebusy.metrics import Metrics
from freebusy.serving import Serving
from tests.system.agenda import event
from tests.unit.test_metrics import samples, value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from freebusy.config import Config
    from freebusy.gateway import Engine

CONFIGURATION = """\
persons = ["hans@example.com"]
[site]
state = "state"
timezone = "UTC"
[limits]
workers = 1
[sources.files]
type = "vdir"
root = "calendars"
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    calendar = tmp_path / "calendars" / "hans"
    calendar.mkdir(parents=True)
    (calendar / "1.ics").write_bytes(event("1", 3, 8))
    path = tmp_path / "freebusy.toml"
    path.write_text(CONFIGURATION, "utf-8")
    return load(path, {})


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def engine(config: Config, metrics: Metrics) -> Iterator[Engine]:
    with closing(gateway.engine(config, metrics)) as made:
        yield made


def work(engine: Engine) -> None:
    """Do what the regeneration does for one person."""
    person = engine.persons["hans"]
    engine.syncer.sync(person, engine.feeds["files"])
    engine.publisher.refresh(person)


def test_readings_and_files(engine: Engine, metrics: Metrics, tmp_path: Path) -> None:
    """Each calendar read is done or failed; each file was written or is as it was."""
    work(engine)
    work(engine)
    (tmp_path / "calendars").rename(tmp_path / "elsewhere")
    work(engine)
    assert (2, 1) == tuple(
        value(metrics, "syncs_total", source="files", outcome=how) for how in ("done", "failed")
    )
    assert (1, 2) == tuple(
        value(metrics, "refreshes_total", outcome=how) for how in ("written", "unchanged")
    )
    engine.publisher.withdraw("hans")
    assert 1 == value(metrics, "refreshes_total", outcome="withdrawn")


def test_a_file_that_cannot_be_written(engine: Engine, metrics: Metrics, tmp_path: Path) -> None:
    """A fault of the disk is a failed refresh."""
    locks = tmp_path / "state" / "locks"
    locks.rename(tmp_path / "elsewhere")
    with pytest.raises(StoreError):
        engine.publisher.refresh(engine.persons["hans"])
    assert 1 == value(metrics, "refreshes_total", outcome="failed")


def test_sources_are_followed(engine: Engine, metrics: Metrics) -> None:
    """From the start each configured source has an age, which a reading takes back to nothing."""
    before = value(metrics, "source_age_seconds", source="files")
    work(engine)
    assert 0 <= value(metrics, "source_age_seconds", source="files") < 10
    assert before >= 0


def test_without_metrics_nothing_is_counted(config: Config) -> None:
    """Commands that read and write by hand have none."""
    with closing(gateway.engine(config)) as made:
        work(made)


def test_a_server_counts_what_uploads_write(config: Config) -> None:
    """The process that serves counts the files that it makes, and follows no source."""
    with closing(Serving(config)) as serving:
        serving._publisher.refresh(gateway.persons(config)["hans"])
        assert 1 == value(serving.metrics, "refreshes_total", outcome="unknown")
        assert not [name for name, _ in samples(serving.metrics) if "source_age" in name]
