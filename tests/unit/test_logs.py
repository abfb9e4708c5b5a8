"""Logs: one line a record, and never what an exception says."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator

import pytest

from freebusy.errors import CalendarDataError
from freebusy.logs import ACCESS_LOG, LineFormatter, configure, places

SECRET = "Zwetschgenknödel"


Written = Callable[[], str]


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Iterator[Written]:
    """Give what was written to standard error, and put the loggers back as they were."""
    root = logging.getLogger()
    names = ("", "asyncio", "watchfiles", "imapclient")
    handlers, levels = root.handlers[:], {name: logging.getLogger(name).level for name in names}
    yield lambda: capsys.readouterr().err
    root.handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def test_a_record_is_one_line(written: Written) -> None:
    """UTC time with milliseconds, level, message; line breaks in it are escaped."""
    configure("info")
    logging.getLogger("test").info("event=%s name=%s", "x", "a\r\nb\nlevel=ERROR")
    expected = (
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=INFO event=x name=a\\r\\nb\\nlevel=ERROR\n"
    )
    assert re.fullmatch(expected, written())


def test_the_time_is_utc() -> None:
    """Wherever the machine stands, a log line is in UTC."""
    record = logging.makeLogRecord({"msg": "x", "created": 0.25, "msecs": 250.0})
    assert "1970-01-01T00:00:00.250Z level=" == LineFormatter().format(record)[:31]


@pytest.mark.parametrize(
    ("level", "expected"),
    [("debug", "dIwe"), ("info", "Iwe"), ("warning", "we"), ("error", "e")],
)
def test_levels(written: Written, level: str, expected: str) -> None:
    """What is below the configured level is not said."""
    configure(level)
    logger = logging.getLogger("test")
    for say, word in (
        (logger.debug, "d"),
        (logger.info, "I"),
        (logger.warning, "w"),
        (logger.error, "e"),
    ):
        say("said=%s", word)
    assert expected == "".join(re.findall(r"said=(\w)", written()))


def test_libraries_say_less(written: Written) -> None:
    """asyncio, imapclient and watchfiles are heard from warnings on, also while debugging."""
    configure("debug")
    for name in ("asyncio", "imapclient", "watchfiles"):
        logging.getLogger(name).info("noise")
        logging.getLogger(name).warning("worth hearing")
    text = written()
    assert (0, 3) == (text.count("noise"), text.count("worth"))


def test_configuring_again_does_not_double(written: Written) -> None:
    """After a reload every record is still written once."""
    configure("info")
    configure("warning")
    logging.getLogger("test").warning("once")
    assert 1 == written().count("once")


def _fail() -> None:
    try:
        int(SECRET)
    except ValueError as error:
        raise CalendarDataError(f"cannot read {SECRET}") from error


def test_a_traceback_names_places_and_types_only(written: Written) -> None:
    """The text of an exception may quote a calendar: it is not in the log, nor its cause's."""
    configure("info")
    try:
        _fail()
    except CalendarDataError:
        logging.getLogger("test").exception("event=bug")
    text = written()
    assert SECRET not in text
    assert "level=ERROR event=bug\n  freebusy.errors.CalendarDataError\n" in text
    assert "\n  builtins.ValueError\n" in text
    assert f"{__file__}:" in text
    assert " in _fail" in text


def test_places_follow_what_led_to_an_error() -> None:
    """The error first, then its cause, or what was being handled when it came."""

    def chained() -> Exception:
        try:
            try:
                raise KeyError(SECRET)
            except KeyError:
                raise ValueError(SECRET)  # noqa: B904 - the context is what is tested
        except ValueError as error:
            return error

    kinds = [line.strip() for line in places(chained()) if line.startswith("  b")]
    assert ["builtins.ValueError", "builtins.KeyError"] == kinds
    assert SECRET not in "".join(places(chained()))


def test_gathered_access_lines_stay_lines() -> None:
    """What HTTP gathered is several complete lines, written as they are."""
    record = logging.makeLogRecord({"name": ACCESS_LOG, "msg": "one\ntwo"})
    assert "one\ntwo" == LineFormatter().format(record)


def test_an_exception_without_one_is_nothing(written: Written) -> None:
    """exc_info outside of any except writes no traceback and is no error."""
    configure("info")
    logging.getLogger("test").info("event=x", exc_info=True)  # noqa: LOG014 - that is what is tested
    assert written().endswith("event=x\n")
