"""Kolab's trigger on a running service: a calendar is read although nothing else is due."""

from __future__ import annotations

import base64
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.servers.process import HOST
from tests.system.cli_case import Site, until

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    (tmp_path / "shared").write_text("geheim", "utf-8")
    (tmp_path / "shared").chmod(0o600)
    made.extra = 'watch = false\ninterval = "7d"\n[publish]\npassword_file = "shared"\n'
    made.write()
    return made


def trigger(site: Site, name: str, password: str = "geheim") -> int:
    """Ask as the shared account does; return the status."""
    request = urllib.request.Request(
        f"http://{HOST}:{site.http}/freebusy/trigger/{name}@example.com/Calendar.pfb"
    )
    token = base64.b64encode(f"freebusy:{password}".encode()).decode()
    request.add_header("Authorization", f"Basic {token}")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_a_change_is_read_when_it_is_told(site: Site) -> None:
    """In one process."""
    with site.service("run") as service:
        until(lambda: site.get("anna") is not None, "a file")
        site.add_event("anna", "2", "20260701T080000Z")
        assert "20260701T080000Z" not in (site.get("anna") or "")
        assert [404, 401] == [trigger(site, "nobody"), trigger(site, "anna", "wrong")]
        assert 200 == trigger(site, "anna")
        until(lambda: "20260701T080000Z" in (site.get("anna") or ""), "the new event")
        service.stop()
    assert not site.well()


def test_a_change_is_told_to_another_process(site: Site) -> None:
    """Where serving and syncing are apart; and honestly refused where nobody syncs."""
    with site.service("serve", "http") as http:
        until(site.well, "the server")
        assert 503 == trigger(site, "anna")
        with site.service("sync") as sync:
            until(lambda: site.get("anna") is not None, "a file")
            site.add_event("anna", "2", "20260701T080000Z")
            assert 200 == trigger(site, "anna")
            until(lambda: "20260701T080000Z" in (site.get("anna") or ""), "the new event")
            sync.stop()
        # Within a second of the last one it is only noted, and still answered with 200.
        until(lambda: trigger(site, "anna") == 503, "the refusal")
        http.stop()
