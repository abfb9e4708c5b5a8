"""Limits: what an operator sets reaches the part that keeps it; what is fixed is written down."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from freebusy import (
    busytime,
    calendarobject,
    components,
    gateway,
    names,
    rule,
    vfreebusy,
    vtimezone,
)
from freebusy.config import Config, load
from freebusy.errors import ConfigurationError
from freebusy.listeners import ftp_server, http_server
from freebusy.ports import SourceItem
from freebusy.serving import Serving
from freebusy.values import DAY, MAX_SECONDS
from freebusy.worker import Expanding, Workers
from tests.unit.bad_items import extract

if TYPE_CHECKING:
    from calendar_sync.imap.source import ImapSource

PAGE = (Path(__file__).parents[2] / "docs/configuration.md").read_text("utf-8")
TASK = Expanding(busytime.CalendarOwner(), (0, 1), (0, 1))
IMAP = '[sources.x]\ntype = "imap"\nhost = "imap.example.com"\nusername = "x"\n'


def configured(folder: Path, text: str) -> Config:
    path = folder / "freebusy.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, {})


@pytest.mark.parametrize(
    ("section", "written", "value"),
    [
        ("http", 'answer_timeout = "90s"', timedelta(seconds=90)),
        ("http", 'max_line_size = "16KiB"', 16384),
        ("http", "max_headers = 100", 100),
        ("ftp", 'data_timeout = "1m"', timedelta(minutes=1)),
        ("ftp", "login_delay = 0", timedelta()),
        ("ftp", 'banner = "Wer ist wann beschäftigt?"', "Wer ist wann beschäftigt?"),
        ("limits", 'worker_memory = "512MiB"', 512 << 20),
    ],
)
def test_a_limit_can_be_set(tmp_path: Path, section: str, written: str, value: object) -> None:
    """Each limit has a key."""
    config = configured(tmp_path, f"[{section}]\n{written}\n")
    assert value == getattr(getattr(config, section), written.partition(" ")[0])


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('[ftp]\nbanner = ""', "one line of text, at most 200 characters"),
        ('[ftp]\nbanner = "a\\r\\n230 Logged in."', "one line of text, at most 200 characters"),
        ('[ftp]\nbanner = "\\u0007"', "one line of text, at most 200 characters"),
        ('[ftp]\nlogin_delay = "1h"', "a duration from 0ms to 1m"),
        ("[http]\nmax_line_size = 10", "expected at least 1024"),
        ('[limits]\nworker_memory = "1MiB"', "expected at least 268435456"),
        (f'{IMAP}idle = "30m"', "a duration from 1s to 29m"),
    ],
)
def test_a_limit_has_limits(tmp_path: Path, written: str, expected: str) -> None:
    """A value with which the service could not work is a problem, in words."""
    with pytest.raises(ConfigurationError, match=re.escape(expected)):
        configured(tmp_path, written + "\n")


def test_idle_reaches_the_mail_source(tmp_path: Path) -> None:
    """How often IDLE is sent again is the operator's."""
    config = configured(tmp_path, f'{IMAP}idle = "5m"\n')
    source: ImapSource = gateway.calendar_source(config, config.sources["x"])  # type: ignore[assignment]  # type = "imap"
    with closing(source):
        assert 300.0 == source._settings.idle_seconds


SERVERS = """
[http]
listen = "127.0.0.1:0"
answer_timeout = "90s"
max_line_size = "4KiB"
max_headers = 32
[ftp]
listen = "127.0.0.1:0"
data_timeout = "7s"
login_delay = "250ms"
banner = "Who is busy when?"
"""


async def healthy() -> tuple[bool, list[str]]:
    return True, []


def test_the_servers_are_told(tmp_path: Path) -> None:
    """What is configured for the servers is what they run with."""
    config = configured(tmp_path, SERVERS)
    serving = Serving(config)
    http = http_server(config, serving, healthy)._settings
    ftp = ftp_server(config, serving)._settings
    serving.close()
    assert (90, 4096, 32) == (http.answer_timeout, http.max_line_size, http.max_headers)
    assert (7, 0.25, "Who is busy when?") == (ftp.data_timeout, ftp.login_delay, ftp.banner)


def test_the_memory_of_a_worker_is_bounded_as_said(tmp_path: Path) -> None:
    """With the least that can be set a worker still reads; what wants more is skipped."""
    memory = configured(tmp_path, '[limits]\nworker_memory = "256MiB"\n').limits.worker_memory
    good = SourceItem("1.ics", 1, "text/calendar", b"BEGIN:VEVENT\nDTSTART:20260601\nEND:VEVENT\n")
    greedy = SourceItem("2.ics", 2, "text/calendar", b"MEMORY")
    with closing(Workers(extract, processes=1, memory=memory)) as workers:
        found = workers.read([good, greedy], TASK).items
    assert [(), (("", "a MemoryError while it was read"),)] == [one.skipped for one in found]


@pytest.mark.parametrize(
    ("limit", "what"),
    [
        (components.MAX_COMPONENTS, "components in one item"),
        (calendarobject.MAX_DATES, "dates in EXDATE and RDATE of one event"),
        (rule.MAX_STARTS_A_DAY, "starts of a rule on one day"),
        (rule.MAX_INTERVAL, "INTERVAL of a rule"),
        (rule.MAX_COUNT, "COUNT of a rule"),
        (busytime.MAX_INSTANCES, "instances of one series in a window"),
        (MAX_SECONDS // (366 * DAY), "a duration"),
        (vtimezone.MAX_OBSERVANCES, "parts of a VTIMEZONE"),
        (vfreebusy.MAX_PERIODS, "periods of a free/busy file that is read"),
        (names.MAX_NAME_BYTES, "bytes of a NAME"),
    ],
)
def test_the_page_has_the_fixed_limits(limit: int, what: str) -> None:
    """What nobody can set is written down with its number."""
    row = re.search(rf"(?m)^\| {what} \| ([\d,]+)", PAGE)
    assert row is not None
    assert f"{limit:,}" == row[1]
