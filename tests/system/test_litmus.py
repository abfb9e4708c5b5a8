"""litmus, the protocol's own test programs, over the DAV module and a collection in memory.

The published tree refuses MKCOL and COPY, without which litmus does not begin; here it
is the module that is tried.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.system.dav_server import dav_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.dav_server import DavServer

PROGRAMS = Path("/usr/libexec/litmus")
HTDOCS = Path("/usr/share/litmus/htdocs")

pytestmark = pytest.mark.skipif(not PROGRAMS.is_dir(), reason="litmus is not installed")

NOT_KEPT = "PROPPATCH answers that all went well and keeps only the four properties of Windows"

GROUPS: dict[str, tuple[int, dict[str, str]]] = {
    "http": (4, {}),
    "basic": (16, {}),
    "locks": (41, {}),
    "copymove": (13, {}),
    "props": (
        30,
        {
            "7 propget": NOT_KEPT,
            "10 propget": NOT_KEPT,
            "12 propget": NOT_KEPT,
            "14 propget": NOT_KEPT,
            "16 propget": NOT_KEPT,
            "18 propget": NOT_KEPT,
            "20 propget": NOT_KEPT,
            "27 propget": NOT_KEPT,
        },
    ),
}
"""Group -> how many tests ran, and each that did not pass with the reason."""

_RESULT = re.compile(r"^ ?(\d+)\. (\w+)\.* (pass|FAIL|SKIPPED|WARNING)", re.MULTILINE)
_SUMMARY = re.compile(r"summary for `\w+': of (\d+) tests run")


@pytest.fixture(scope="module")
def server() -> Iterator[DavServer]:
    with dav_server() as running:
        yield running


@pytest.mark.parametrize("group", GROUPS)
def test_litmus_finds_nothing_but_what_is_meant(
    server: DavServer, group: str, tmp_path: Path
) -> None:
    """Every test of a group passes without a warning, but for those named with their reason."""
    ran, misses = GROUPS[group]
    url = f"http://127.0.0.1:{server.port}/{group}/"
    server.tree.make(f"/{group}")
    done = subprocess.run(
        [PROGRAMS / group, "--htdocs", HTDOCS, url, "hans", "any"],
        cwd=tmp_path,  # it writes debug.log there
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = done.stdout.replace("\r", "\n")
    results = {f"{number} {name}": result for number, name, result in _RESULT.findall(said)}
    assert [str(ran)] == _SUMMARY.findall(said), said + done.stderr
    assert ran == len(results)
    assert sorted(misses) == sorted(name for name, result in results.items() if result != "pass")
    assert "WARNING" not in said
