"""The page of the connector's interface in a browser."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from freebusy.connector.bodies import PREFIX
from tests.wire.connector_gateway import connecting

if TYPE_CHECKING:
    from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PNG = b"\x89PNG\r\n\x1a\n"


def width_and_height(png: bytes) -> tuple[int, int]:
    return int.from_bytes(png[16:20]), int.from_bytes(png[20:24])


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_a_browser_shows_the_page(tmp_path: Path) -> None:
    """It is drawn with its style, and nothing in it breaks its own policy."""
    picture = tmp_path / "page.png"
    with connecting() as api:
        done = subprocess.run(
            [
                CHROMIUM or "",
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--enable-logging=stderr",
                f"--user-data-dir={tmp_path / 'profile'}",
                "--window-size=900,700",
                f"--screenshot={picture}",
                f"http://127.0.0.1:{api.running.port}{PREFIX}/",
            ],
            capture_output=True,
            text=True,
            timeout=90,
            check=True,
        )
    drawn = picture.read_bytes()
    assert (PNG, (900, 700)) == (drawn[:8], width_and_height(drawn))
    assert len(drawn) > 20_000  # an empty page has less than half of it
    assert [] == [line for line in done.stderr.splitlines() if "CONSOLE" in line]
