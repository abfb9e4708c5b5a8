"""curl as a client that nobody here wrote."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.wire.http_gateway import BODY, GREEN, HANS, MODIFIED, MemoryFiles, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.wire.http_gateway import Running

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


@pytest.fixture(scope="module")
def site() -> Iterator[Running]:
    with serving(MemoryFiles(HANS, GREEN), (("127.0.0.1", 0), ("::1", 0))) as running:
        yield running


def curl(*arguments: str) -> bytes:
    command = ["curl", "-qsS", "--noproxy", "*", "--max-time", "10", *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout


def url(site: Running, path: str) -> str:
    return f"http://127.0.0.1:{site.port}{path}"


@pytest.mark.parametrize("options", [[], ["-0"], ["--http1.1"], ["--compressed"], ["--raw"]])
def test_a_file_is_fetched(site: Running, options: list[str]) -> None:
    """HTTP/1.0 and HTTP/1.1, with an offer to compress or without."""
    assert curl(*options, url(site, "/pub/calendar/hans.vfb")) == BODY


def test_over_ipv6(site: Running) -> None:
    """The second address is served alike."""
    assert curl("-g", f"http://[::1]:{site.addresses[1][1]}/calendar/hans.vfb") == BODY


def test_several_files_over_one_connection(site: Running) -> None:
    """Two files, one connection."""
    path = url(site, "/calendar/hans.vfb")
    out = curl("-w", "%{num_connects} ", path, path)
    assert out == BODY + b"1 " + BODY + b"0 "


def test_head(site: Running) -> None:
    """-I shows the length of what was not sent."""
    assert b"content-length: %d\r\n" % len(BODY) in curl("-I", url(site, "/calendar/hans")).lower()


def test_only_when_newer(site: Running, tmp_path: Path) -> None:
    """-z with the file that -R dated fetches nothing again."""
    kept = tmp_path / "hans.vfb"
    curl("-R", "-o", str(kept), url(site, "/calendar/hans.vfb"))
    assert kept.stat().st_mtime == MODIFIED.timestamp()
    arguments = ["-w", "%{http_code}", "-o", str(tmp_path / "again")]
    assert curl(*arguments, "-z", str(kept), url(site, "/calendar/hans.vfb")) == b"304"
    assert curl(*arguments, "-z", "2020-01-01", url(site, "/calendar/hans.vfb")) == b"200"


def test_only_when_the_tag_differs(site: Running, tmp_path: Path) -> None:
    """--etag-compare with the tag that --etag-save kept fetches nothing again."""
    tag = tmp_path / "etag"
    fetched = curl("--etag-save", str(tag), url(site, "/calendar/hans.vfb"))
    again = curl("--etag-compare", str(tag), "-w", "%{http_code}", url(site, "/calendar/hans.vfb"))
    assert (fetched, again) == (BODY, b"304")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/calendar/gr%C3%BCn.vfb", b"200"),
        ("/calendar/../calendar/hans.vfb", b"404"),
        ("/calendar/%2e%2e/calendar/hans.vfb", b"404"),
        ("/calendar/hans.xfb", b"404"),
        ("/calendar/hans%00.vfb", b"404"),
    ],
)
def test_paths_as_written(site: Running, path: str, expected: bytes) -> None:
    """--path-as-is sends what a browser would tidy up."""
    out = curl("--path-as-is", "-o", "/dev/null", "-w", "%{http_code}", url(site, path))
    assert out == expected


def test_an_upload_is_refused(site: Running, tmp_path: Path) -> None:
    """PUT gets 405 whether the body is small, large or announced (Expect)."""
    body = tmp_path / "body"
    for size in (10, 3_000_000):
        body.write_bytes(b"x" * size)
        command = ["curl", "-qsS", "--max-time", "10", "-w", "%{http_code}", "-T", str(body)]
        out = subprocess.run(
            [*command, url(site, "/calendar/hans.vfb")], check=False, capture_output=True
        )
        assert out.stdout == b"Method not allowed\n405"
