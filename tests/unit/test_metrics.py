"""What a process counts, as Prometheus reads it."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from freebusy.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(metrics: Metrics) -> Samples:
    """Return what Prometheus's own parser makes of the page."""
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return samples(metrics)[f"freebusy_{name}", tuple(sorted(labels.items()))]


@pytest.mark.parametrize(
    ("count", "name", "labels"),
    [
        (lambda m: m.login("ftp", "refused"), "logins", {"protocol": "ftp", "outcome": "refused"}),
        (lambda m: m.login_delayed(0.5), "login_delays", {}),
        (
            lambda m: m.publication("https", "too_large"), "publications",
            {"protocol": "https", "outcome": "too_large"},
        ),
        (lambda m: m.name_refused("http"), "names_refused", {"protocol": "http"}),
        (lambda m: m.scan_slowed(), "scans_slowed", {}),
        (lambda m: m.response(404), "http_responses", {"status": "4xx"}),
        (
            lambda m: m.connector_request("/folders/{id}", "PATCH", 409), "connector_requests",
            {"endpoint": "/folders/{id}", "method": "PATCH", "status": "409"},
        ),
        (
            lambda m: m.connector_request("/ping", "X-SECRET", 405), "connector_requests",
            {"endpoint": "/ping", "method": "other", "status": "405"},
        ),
        (lambda m: m.session_opened(), "ftp_sessions", {}),
        (
            lambda m: m.transfer("STOR", "completed"), "ftp_transfers",
            {"command": "STOR", "outcome": "completed"},
        ),
        (lambda m: m.refresh("written"), "refreshes", {"outcome": "written"}),
        (
            lambda m: m.lookup("partner", "failed"), "lookups_elsewhere",
            {"server": "partner", "outcome": "failed"},
        ),
        (lambda m: m.sync("mail", "failed"), "syncs", {"source": "mail", "outcome": "failed"}),
    ],
)  # fmt: skip
def test_each_event_is_counted(
    count: Callable[[Metrics], None], name: str, labels: dict[str, str]
) -> None:
    """One call adds one to the counter of its outcome."""
    metrics = Metrics()
    count(metrics)
    count(metrics)
    assert 2 == value(metrics, f"{name}_total", **labels)


def test_the_time_that_logins_wait() -> None:
    """Waits are added up, and a login that need not wait is no delay."""
    metrics = Metrics()
    for seconds in (0.0, 1.5, 2.0):
        metrics.login_delayed(seconds)
    assert 2 == value(metrics, "login_delays_total")
    assert 3.5 == value(metrics, "login_delay_seconds_total")


@pytest.mark.parametrize(
    ("status", "expected"),
    [(100, "1xx"), (207, "2xx"), (304, "3xx"), (503, "5xx"), (0, "1xx"), (999, "5xx")],
)
def test_any_status_has_a_class(status: int, expected: str) -> None:
    """A status out of range opens no label of its own."""
    metrics = Metrics()
    metrics.response(status)
    assert 1 == value(metrics, "http_responses_total", status=expected)


def test_open_sessions_go_up_and_down() -> None:
    """The gauge tells the sessions that are open now."""
    metrics = Metrics()
    for step in (metrics.session_opened, metrics.session_opened, metrics.session_closed):
        step()
    assert 1 == value(metrics, "ftp_sessions_open")
    assert 2 == value(metrics, "ftp_sessions_total")


def test_a_command_of_the_wire_opens_no_label() -> None:
    """Whatever is passed for a transfer's command, the labels are a short list."""
    metrics = Metrics()
    metrics.transfer("hans@example.com", "aborted")
    assert 1 == value(metrics, "ftp_transfers_total", command="other", outcome="aborted")


def test_the_age_of_a_source() -> None:
    """A source's age grows until it delivers, and a failure does not make it younger."""
    now = 1000.0
    metrics = Metrics(clock=lambda: now)
    metrics.follow(["mail", "old"])
    now = 1060.0
    metrics.sync("mail", "failed")
    assert 60 == value(metrics, "source_age_seconds", source="mail")
    metrics.sync("mail", "done")
    now = 1063.0
    assert 3 == value(metrics, "source_age_seconds", source="mail")
    assert 63 == value(metrics, "source_age_seconds", source="old")


def test_sources_that_come_and_go() -> None:
    """After a change of the configuration the old source is gone and the kept one not younger."""
    now = 0.0
    metrics = Metrics(clock=lambda: now)
    metrics.follow(["mail", "old"])
    now = 10.0
    metrics.follow(["mail", "new"])
    ages = {key: age for key, age in samples(metrics).items() if "source_age" in key[0]}
    assert {"mail": 10, "new": 0} == {labels[0][1]: age for (_, labels), age in ages.items()}


def test_the_number_of_files_is_asked_when_it_is_told() -> None:
    """The gauge of published files is as fresh as the page."""
    metrics = Metrics()
    files = ["hans"]
    metrics.count_files(lambda: len(files))
    assert 1 == value(metrics, "files")
    files.append("eva")
    assert 2 == value(metrics, "files")


def test_two_in_one_process_count_apart() -> None:
    """Each has a registry of its own, so that services beside one another do not mix."""
    one, other = Metrics(), Metrics()
    one.scan_slowed()
    assert [1, 0] == [value(one, "scans_slowed_total"), value(other, "scans_slowed_total")]


def test_threads_lose_no_count() -> None:
    """Servers count from their own threads."""
    metrics = Metrics()

    def count() -> None:
        for _ in range(2000):
            metrics.response(200)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 8000 == value(metrics, "http_responses_total", status="2xx")


def test_the_page_says_what_runs_and_nothing_of_births() -> None:
    """The release and the process's own figures are there; gauges of creation times are not."""
    names = {name for name, _ in samples(Metrics())}
    assert {"freebusy_build_info", "process_cpu_seconds_total", "process_open_fds"} <= names
    assert set() == {name for name in names if name.endswith("_created")}


def test_every_metric_is_written_down() -> None:
    """docs/metrics.md has each metric, and no other."""
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text("utf-8")
    described = re.findall(r"(?m)^# TYPE (freebusy_\w+)", Metrics().render().decode())
    assert set(described) == set(re.findall(r"(?m)^\| `(freebusy_\w+)` \|", page))
