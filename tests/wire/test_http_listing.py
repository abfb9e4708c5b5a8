"""The directory page: only where the site lists, and nothing in it can do harm."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace

import pytest

from tests.wire.http_gateway import GREEN, HANS, STALE, MemoryFiles, serving


@pytest.mark.parametrize("path", ["/pub/calendar/", "/calendar/"])
def test_a_listing_links_to_every_file(path: str) -> None:
    """Each file stands there with its link, time and age; the links work."""
    with serving(MemoryFiles(HANS, STALE, GREEN), listing=True) as running:
        page = running.get(path)
        links = re.findall(r'href="([^"]+)"', page.body.decode())
        assert links == [f"{path}{name}.vfb" for name in ("anna", "gr%C3%BCn", "hans")]
        assert [200] * 3 == [running.get(link).status for link in links]
    text = page.body.decode()
    assert text.count("2026-06-01 12:30:15") == 3
    assert text.count("calendars last read 2026-06-01 09:00") == 1
    assert "grün.vfb</a>" in text


def test_a_page_cannot_run_anything() -> None:
    """No scripts, a strict policy that allows the one style sheet, and every name escaped."""
    evil = replace(HANS, name='"><script>alert(1)</script>&')
    with serving(MemoryFiles(evil), listing=True) as running:
        page = running.get("/calendar/")
    text = page.body.decode()
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    style = re.search(r"<style>(.*)</style>", text)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = page.headers["content-security-policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; ")
    assert "style=" not in text


def test_a_directory_without_its_slash_leads_to_the_page() -> None:
    """The links need no slash, people do not type one."""
    with serving(MemoryFiles(HANS), listing=True) as running:
        answer = running.get("/pub/calendar")
    assert (answer.status, answer.headers["location"]) == (308, "/pub/calendar/")


def test_without_listing_nobody_is_named() -> None:
    """The directory is as unknown as any other name, also in the index."""
    with serving(MemoryFiles(HANS)) as running:
        unknown = running.get("/calendar/nobody").without_date()
        for path in ("/pub/calendar/", "/calendar/", "/pub/calendar"):
            assert running.get(path).without_date() == unknown
        assert b"href" not in running.get("/").body
