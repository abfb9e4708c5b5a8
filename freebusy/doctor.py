"""``freebusy doctor``: what may be wrong with an installation, and what to do about it.

Only looks, like ``status``: it creates nothing, and runs beside a service.
"""

from __future__ import annotations

import os
import re
import shutil
import textwrap
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.text import Text

from freebusy import __version__, gateway, portcheck, sourcecheck
from freebusy.certificatecheck import check_certificate
from freebusy.config import CaldavSource, ImapSource, VdirSource
from freebusy.config.secret import WithPassword
from freebusy.connecting import describe
from freebusy.errors import ConfigurationError, FreeBusyError
from freebusy.period import from_seconds
from freebusy.standing import open_store
from freebusy.wording import counted, distance, duration, safe, some
from freebusy.zones import database_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from freebusy.config import Config, Source
    from freebusy.expanding import Person
    from freebusy.portcheck import Level
    from freebusy.sourcecheck import Probe
    from freebusy.store import Store

_MIB = 1 << 20
_DISK_FAILS, _DISK_WARNS = 50 * _MIB, 500 * _MIB
_LATE = timedelta(minutes=2)
"""How late a service's next run may be."""
_CLOCK_LEAD = timedelta(hours=1)
"""A file that is newer than this says that the clock was set back."""
_ZONES_OLD = timedelta(days=2 * 365)
_NAMED = 3
"""How many NAMEs a finding lists."""
_STYLES = {"ok": "green", "warn": "yellow", "FAIL": "bold red"}
_SUBJECT = 8


class Finding(NamedTuple):
    """One thing that was looked at."""

    level: Level
    subject: str
    text: str
    """What was found and, unless it is ok, what to do."""


Check = tuple[str, "Callable[[Config], Iterable[Finding]]"]


def examine(load: Callable[[], Config]) -> bool:
    """Look at everything and print each finding; False if anything failed."""
    report = Report(Console(highlight=False, emoji=False, markup=False))
    try:
        config = load()
    except ConfigurationError as error:
        for problem in error.problems:
            report.print(Finding("FAIL", "config", problem))
    else:
        for finding in findings(config):
            report.print(finding)
    return report.close()


def findings(config: Config) -> Iterator[Finding]:
    """Yield what there is to say of each subject; what a check raises is a finding, too."""
    for subject, check in CHECKS:
        try:
            yield from check(config)
        except FreeBusyError as error:
            yield Finding("FAIL", subject, str(error))
        except OSError as error:
            yield Finding("FAIL", subject, f"{error.filename}: {error.strerror}")


class Report:
    """Prints findings line by line, and their sum."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._counts = {"ok": 0, "warn": 0, "FAIL": 0}

    def print(self, finding: Finding) -> None:
        """Print one finding, wrapped below its text."""
        self._counts[finding.level] += 1
        margin = 5 + _SUBJECT + 1
        lines = textwrap.wrap(
            safe(finding.text, 1000),
            width=max(30, self._console.width - margin - 1),
            break_on_hyphens=False,
            break_long_words=False,
        )
        text = Text(f"{finding.level:<5}", style=_STYLES[finding.level])
        text.append(f"{finding.subject:<{_SUBJECT}} ", style="bold")
        text.append(("\n" + " " * margin).join(lines), style="default not bold")
        self._console.print(text, soft_wrap=True)

    def close(self) -> bool:
        """Print the sum; return whether nothing failed."""
        failed, warned = self._counts["FAIL"], self._counts["warn"]
        if failed:
            text = f"{failed} failed, {warned} to look at."
        else:
            text = f"Nothing failed; {warned} to look at." if warned else "All is well."
        self._console.print(f"\n{text}", style="bold")
        return not failed


# -- configuration and people


def _configuration(config: Config) -> Iterator[Finding]:
    yield Finding(
        "ok",
        "config",
        f"{config.path}: {counted(len(config.members), 'person')},"
        f" {counted(len(config.sources), 'source')} (freebusy {__version__})",
    )
    for warning in config.warnings:
        yield Finding("warn", "config", warning)


def _people(config: Config) -> Iterator[Finding]:
    homeless = [name for name, member in config.members.items() if not member.sources]
    if homeless and config.publish.enabled:
        yield Finding(
            "ok", "people", f"no source for {_names(homeless)}: their files hold what they publish"
        )
    elif homeless:
        yield Finding(
            "warn", "people", f"no source, so no file, for {_names(homeless)}: give them one"
        )
    strangers = [name for name in gateway.tree(config).names() if name not in config.members]
    if strangers:
        yield Finding(
            "warn",
            "people",
            f"files of nobody in the roster: {_names(strangers)}; they are not served, and the"
            " service removes them in time",
        )
    if not homeless and not strangers:
        yield Finding("ok", "people", f"{len(config.members)}, each with a source")


def _names(names: Sequence[str]) -> str:
    return ", ".join(some(names, _NAMED, ""))


def _secrets(config: Config) -> Iterator[Finding]:
    holders: list[object] = [*config.sources.values(), config.publish, *config.persons]
    files = [
        holder
        for holder in holders
        if isinstance(holder, WithPassword) and holder.password_file is not None
    ]
    exposed = sum(holder.is_exposed for holder in files)
    if files and not exposed:  # the configuration's warnings name those that are
        yield Finding(
            "ok", "secrets", f"{counted(len(files), 'password file')}, none open to every user"
        )


# -- state


def _state(config: Config) -> Iterator[Finding]:
    state = config.site.state
    present = next((path for path in (state, *state.parents) if path.exists()), Path("/"))
    if present == state and not state.is_dir():
        yield Finding("FAIL", "state", f"{state} is no directory: remove it, or set site.state")
        return
    if not os.access(present, os.W_OK | os.X_OK):
        yield Finding(
            "FAIL",
            "state",
            f"{present} cannot be written by {_user()}: run as the gateway's user, give that"
            " user the right to write there, or set site.state",
        )
    elif present == state:
        yield Finding("ok", "state", f"{state} can be written by {_user()}")
    else:
        yield Finding("ok", "state", f"{state} is not there yet; the service makes it")
    yield _disk(present)


def _user() -> str:
    return f"user {os.geteuid()}" if os.geteuid() else "root"


def _disk(path: Path) -> Finding:
    free = shutil.disk_usage(path).free
    text = f"{free // _MIB:,} MiB free at {path}"
    if free < _DISK_FAILS:
        return Finding("FAIL", "disk", f"{text}: make room; files can no longer be replaced")
    if free < _DISK_WARNS:
        return Finding("warn", "disk", f"{text}: make room before it runs out")
    return Finding("ok", "disk", text)


def _store(config: Config) -> Iterator[Finding]:
    store = open_store(config)
    if store is None:
        yield Finding("ok", "store", "nothing there yet: the service has never run")
        return
    with closing(store):
        path = config.site.state / "store.db"
        states = store.calendars()
        size = path.stat().st_size // 1024
        yield Finding("ok", "store", f"{path}: {counted(len(states), 'calendar')}, {size:,} KiB")
        if path.stat().st_mode & 0o077:
            yield Finding("warn", "store", f"other users may open {path}: chmod 600 it")
        yield from _service(config, store)
        failing = sorted({state.person for state in states if state.error is not None})
        if failing:
            yield Finding(
                "warn",
                "store",
                f"calendars of {_names(failing)} could not be read last time; see freebusy status",
            )


def _service(config: Config, store: Store) -> Iterator[Finding]:
    for name in config.sources:
        due = store.meta(f"next-run:{name}")
        if not due or not due.isdecimal():
            continue
        late = gateway.now() - from_seconds(int(due))
        if late > _LATE:
            yield Finding(
                "warn",
                "service",
                f"source {name} should have been read {duration(late.total_seconds())} ago:"
                " start the service (freebusy run or sync), or see its log",
            )
        else:
            yield Finding("ok", "service", f"source {name} is followed")


# -- ports


def _ports(config: Config) -> Iterator[Finding]:
    for subject, server, check in (
        ("http", config.http, portcheck.check_http),
        ("ftp", config.ftp, portcheck.check_ftp),
    ):
        if not server.enabled:
            yield Finding("ok", subject, "switched off")
            continue
        for tls, places in ((False, server.listen), (True, server.tls_listen)):
            for place in places:
                level, text = check(place, tls=tls)
                yield Finding(level, f"{subject}s" if tls else subject, f"{place} {text}")


def _certificate(config: Config) -> Iterator[Finding]:
    certificate, key = config.tls.certificate, config.tls.key
    if certificate is not None and key is not None:
        host, now = config.site.hostname, gateway.now()
        level, text = check_certificate(certificate, key, host=host, now=now)
        yield Finding(level, "tls", f"{certificate}: {text}")


# -- sources


def _sources(config: Config) -> Iterator[Finding]:
    everybody = gateway.persons(config)
    for name, source in config.sources.items():
        if isinstance(source, VdirSource) and not source.root.is_dir():
            yield Finding(
                "FAIL", "source", f"{name}: there is no directory {source.root}: set root"
            )
            continue
        people = [person for person in everybody.values() if name in person.sources]
        yield from _source(config, name, source, people)


def _source(
    config: Config, name: str, source: Source, people: Sequence[Person]
) -> Iterator[Finding]:
    if not people:
        yield Finding("warn", "source", f"{name}: nobody has it: give it people, or remove it")
        return
    reader = gateway.calendar_source(config, source)
    with closing(reader):
        probed = sourcecheck.probe(reader, people)
    yield from _said(name, _place(source), probed, len(people))


def _place(source: Source) -> str:
    if isinstance(source, CaldavSource):
        return source.url
    if isinstance(source, ImapSource):
        port = source.port or (993 if source.security == "tls" else 143)
        return f"{source.host}:{port}, {source.security}"
    return str(source.root)


def _said(name: str, place: str, probed: Probe, people: int) -> Iterator[Finding]:
    where = f"{name} ({place})"
    whom = (
        counted(probed.asked, "person") if probed.asked == people else f"{probed.asked} of {people}"
    )
    for why, names in probed.failed.items():
        yield Finding("FAIL", "source", f"{name}: {why} (for {_names(names)})")
    if probed.silent:
        yield Finding(
            "FAIL",
            "source",
            f"{where}: no answer for {probed.silent} of {whom} within"
            f" {sourcecheck.PATIENCE:.0f} s: is it overloaded?",
        )
    if probed.missing:
        level: Level = "warn" if probed.calendars else "FAIL"
        why = next(iter(probed.missing.values()))
        yield Finding(
            level,
            "source",
            f"{where}: no calendar for {_names(list(probed.missing))} ({why}): check folders,"
            " path and the rights of the login; who only publishes has source = []",
        )
    if probed.calendars:
        count = sum(probed.calendars.values())
        yield Finding("ok", "source", f"{where}: {counted(count, 'calendar')}; asked for {whom}")


# -- clock and zones


def _clock(config: Config) -> Iterator[Finding]:
    now = gateway.now()
    newest = max(_changed(path) for path in _dated(config))
    if newest > now + _CLOCK_LEAD:
        yield Finding(
            "FAIL",
            "clock",
            f"it says {now:%Y-%m-%d %H:%M} UTC, but files were written {distance(newest, now)}:"
            " set the clock (timedatectl)",
        )
    else:
        yield Finding("ok", "clock", f"{now:%Y-%m-%d %H:%M} UTC; site zone {config.timezone}")


def _dated(config: Config) -> Iterator[Path]:
    yield Path(__file__)
    yield config.path
    yield from (p for p in (config.site.state / "store.db",) if p.exists())


def _changed(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _zones(_config: Config) -> Iterator[Finding]:
    version = database_version()
    found = re.match(r"(\d{4})\.", version)
    text = f"tzdata {version}"
    if found is None:
        yield Finding("warn", "zones", f"{text} is no version that is known here: reinstall it")
    elif gateway.now() - datetime(int(found[1]), 12, 31, tzinfo=UTC) > _ZONES_OLD:
        yield Finding(
            "warn", "zones", f"{text} is years old: upgrade it (pip install --upgrade tzdata)"
        )
    else:
        yield Finding("ok", "zones", text)


def _connector(config: Config) -> Iterator[Finding]:
    yield Finding("ok", "connect", f"the interface for connectors is {describe(config)}")


CHECKS: tuple[Check, ...] = (
    ("config", _configuration),
    ("people", _people),
    ("secrets", _secrets),
    ("state", _state),
    ("store", _store),
    ("http", _ports),
    ("tls", _certificate),
    ("source", _sources),
    ("connect", _connector),
    ("clock", _clock),
    ("zones", _zones),
)
