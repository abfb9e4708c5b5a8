"""``freebusy connector ping``: the way to the mail server, each step with its time."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from rich.text import Text

from calendar_sync.connector.errors import ApiError, ConnectorDownError
from freebusy.connector.bodies import dumped
from freebusy.connectorcommands.opening import JSON_VERSION, client, console, table
from freebusy.errors import FreeBusyError
from freebusy.wording import counted, safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from calendar_sync.connector.client import ConnectorClient
    from freebusy.connector.bodies import Namespace, Ping

MailStep = Literal["name", "connection", "tls", "login"]
_LINE = {"name": "name", "connection": "connection", "tls": "TLS", "answer": "answer"}
_MAIL: Sequence[tuple[MailStep, str]] = (
    ("name", "name"), ("connection", "connection"), ("tls", "TLS"), ("login", "login"),
)  # fmt: skip
_SECURITY = {"tls": "", "starttls": ", by STARTTLS", "plain": "none: the network is trusted"}
_MATTERING = (
    "ACL", "CONDSTORE", "QRESYNC", "UIDPLUS", "METADATA", "NAMESPACE", "MOVE", "MULTIAPPEND",
    "LIST-STATUS", "IDLE", "NOTIFY",
)  # fmt: skip
"""What of a mail server the gateway makes use of; docs/mail-servers.md says for what."""
_STYLES = {"ok": "green", "FAIL": "bold red"}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way."""

    state: Literal["ok", "FAIL"]
    place: Literal["gateway", "mail server"]
    name: str
    milliseconds: float | None = None
    what: str = ""


@dataclass(slots=True)
class Way:
    """The way to the mail server, as far as one got."""

    steps: list[Step] = field(default_factory=list)
    ping: Ping | None = None
    error: FreeBusyError | None = None


def walk(asking: ConnectorClient) -> Way:
    """Go the whole way, or as far as one gets."""
    way = Way()
    started = time.perf_counter()
    try:
        way.ping = asking.ping()
    except FreeBusyError as error:
        way.error = error
    took = (time.perf_counter() - started) * 1000
    way.steps += _to_gateway(asking, way.error, took)
    if way.ping is not None:
        way.steps += _to_mail(way.ping)
    elif isinstance(way.error, ApiError):
        way.steps += _failed_mail(way.error)
    return way


def _to_gateway(asking: ConnectorClient, error: FreeBusyError | None, took: float) -> list[Step]:
    steps = asking.steps
    listed = [Step("ok", "gateway", _LINE[name], steps[name]) for name in steps]
    if isinstance(error, ConnectorDownError):
        return [*listed, Step("FAIL", "gateway", _LINE[error.step])]
    refused = error is not None and not (isinstance(error, ApiError) and error.problem.step)
    answer = Step("FAIL" if refused else "ok", "gateway", "answer", took - sum(steps.values()))
    return [*listed, answer]


def _to_mail(ping: Ping) -> Iterator[Step]:
    what: dict[MailStep, str] = {
        "name": safe(ping.host, 60),
        "connection": f"port {ping.port}",
        "tls": (ping.tls_version or "") + _SECURITY[ping.security],
        "login": safe(ping.login, 60) + (", by the gateway's own login" if ping.proxied else ""),
    }
    for key, name in _MAIL:
        if key in ping.steps or key == "tls":
            yield Step("ok", "mail server", name, ping.steps.get(key), what[key])
    yield Step("ok", "mail server", "round trip", ping.latency)


def _failed_mail(error: ApiError) -> Iterator[Step]:
    keys = [key for key, _ in _MAIL]
    passed = keys.index(error.problem.step) if error.problem.step else -1
    for number, (_, name) in enumerate(_MAIL[: passed + 1]):
        yield Step("ok" if number < passed else "FAIL", "mail server", name)


# -- printing


def print_ping(home: Path | None, *, as_json: bool, verbose: bool = False) -> bool:
    """Print the way to the mail server; return whether it leads there."""
    with client(home) as asking:
        way = walk(asking)
    if as_json:
        _print_json(way)
    else:
        print_way(way, verbose=verbose)
    return way.error is None


def print_way(way: Way, *, verbose: bool = False) -> None:
    """Print the steps, and what is there or what failed."""
    out = console()
    listed = table("", "", "", "TIME", "")
    listed.columns[3].justify = "right"
    listed.show_header = False
    place = ""
    for step in way.steps:
        shown = "" if step.place == place else step.place
        place = step.place
        style = _STYLES[step.state]
        listed.add_row(
            Text(step.state, style=style), shown, step.name, _time(step.milliseconds), step.what
        )
    out.print(listed)
    if way.ping is not None:
        for line in _about(way.ping, verbose=verbose):
            out.print(line)
    elif way.error is not None:
        out.print(Text(str(way.error), style="red"))


def _time(milliseconds: float | None) -> str:
    if milliseconds is None:
        return ""
    return f"{milliseconds:,.1f} ms" if milliseconds < 10 else f"{milliseconds:,.0f} ms"


def _about(ping: Ping, *, verbose: bool) -> Iterator[str]:
    server = " ".join(safe(each, 60) for each in (ping.software, ping.version) if each)
    yield f"{server or 'A mail server'}, free/busy gateway {safe(ping.gateway, 30)}"
    spaces = ", ".join(f"{each.kind} {_prefix(each)}" for each in ping.namespaces)
    if spaces:
        yield f"Folders: {spaces}"
    yield from _all_of(ping.capabilities) if verbose else _mattering(ping.capabilities)


def _all_of(capabilities: Sequence[str]) -> Iterator[str]:
    yield f"Capabilities: {' '.join(safe(each, 40) for each in capabilities)}"


def _mattering(capabilities: Sequence[str]) -> Iterator[str]:
    """Yield what is there and what is missing of that which matters, and count the others."""
    offered = {each.upper() for each in capabilities}
    there = [each for each in _MATTERING if each in offered]
    others = len(offered.difference(_MATTERING))
    more = f"; and {counted(others, 'other')} (--verbose)" if others else ""
    yield f"Capabilities: {' '.join(there) or 'none that matters'}{more}"
    if len(there) < len(_MATTERING):
        yield f"Without: {' '.join(each for each in _MATTERING if each not in offered)}"


def _prefix(space: Namespace) -> str:
    """Return how folders of a namespace begin, for people."""
    prefix = safe(space.prefix, 60)
    return f"below {prefix}" if prefix else f"at the top, with {safe(space.separator, 2)} between"


def _print_json(way: Way) -> None:
    problem = way.error.problem if isinstance(way.error, ApiError) else None
    failed = next((step for step in way.steps if step.state == "FAIL"), None)
    said = {
        "version": JSON_VERSION,
        "ok": way.error is None,
        "steps": [
            {"ok": step.state == "ok", "place": step.place, "step": step.name,
             "milliseconds": step.milliseconds}
            for step in way.steps
        ],
        "failed": None if failed is None else f"{failed.place}: {failed.name}",
        "error": None if way.error is None else str(way.error),
        "status": None if problem is None else problem.status,
        "mail_server": None if way.ping is None else dumped(way.ping),
    }  # fmt: skip
    print(json.dumps(said, indent=2))
