"""``/metrics``: counts for Prometheus, by address."""

from __future__ import annotations

import pytest

from tests.wire.connector_gateway import connecting
from tests.wire.http_gateway import HANS, HANS_LOGIN, MemoryFiles, MemoryLogins, serving

TEXT = b"# TYPE freebusy_logins_total counter\nfreebusy_logins_total 1.0\n"


@pytest.mark.parametrize(
    ("settings", "lines", "expected"),
    [
        ({}, (), 200),
        ({}, (HANS_LOGIN,), 200),
        ({"metrics": None}, (), 404),
        ({"metrics_networks": ("192.0.2.0/24",)}, (), 404),
        ({}, ("X-Forwarded-For: 127.0.0.1",), 404),
        ({}, ("Via: 1.1 x",), 404),
        ({"trusted_proxies": ("127.0.0.1",)}, ("X-Forwarded-For: 192.0.2.1",), 404),
        ({"trusted_proxies": ("127.0.0.1",)}, ("X-Forwarded-For: 127.0.0.9",), 200),
    ],
)
def test_who_may_read_them(
    settings: dict[str, object], lines: tuple[str, ...], expected: int
) -> None:
    """Addresses that the operator named, asking for themselves; for others there is nothing."""
    files, logins = MemoryFiles(HANS), MemoryLogins()
    files.wants_login = True
    with serving(files, logins=logins, **{"metrics": lambda: TEXT, **settings}) as running:  # type: ignore[arg-type]  # a table of settings
        answer = running.get("/metrics", *lines)
        nothing = running.get("/_vti_inf.html").without_date()
    assert expected == answer.status
    if expected == 200:
        assert (TEXT, "text/plain; version=0.0.4; charset=utf-8") == (
            answer.body,
            answer.headers["content-type"],
        )
    else:
        assert nothing == answer.without_date()
    assert [] == logins.asked


def test_every_answer_is_counted() -> None:
    """By its status, refusals and broken requests included."""
    statuses: list[int] = []
    with serving(MemoryFiles(HANS), counted=statuses.append) as running:
        running.get("/calendar/hans")
        running.get("/calendar/nobody")
        running.get("/calendar/hans", method="PUT")
        running.exchange(b"rubbish\r\n\r\n")
    assert [200, 404, 405, 400] == statuses


def test_requests_of_connectors_are_counted() -> None:
    """By the template of the path, the method and the status: no id, no name, no query."""
    told: list[tuple[str, str, int]] = []
    with connecting(connector_counted=lambda *said: told.append(said)) as api:
        for method, path in (
            ("GET", "/folders"),
            ("GET", "/folders/U2VjcmV0"),
            ("PUT", "/folders/U2VjcmV0"),
            ("GET", "/freebusy/secret?start=2026-01-01T00:00:00Z&end=2026-01-02T00:00:00Z"),
            ("GET", "/secret"),
            ("HEAD", "/openapi.json"),
            ("GET", "/"),
        ):
            api.send(method, path)
        api.send("GET", "/folders", login=None)
        api.running.get("/calendar/hans")
    assert [
        ("/folders", "GET", 200),
        ("/folders/{id}", "GET", 404),
        ("/folders/{id}", "PUT", 405),
        ("/freebusy/{name}", "GET", 200),
        ("other", "GET", 404),
        ("/openapi.json", "HEAD", 200),
        ("/", "GET", 200),
        ("/folders", "GET", 401),
    ] == told
