"""curl as a client that nobody here wrote."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from freebusy.certificates import server_context
from tests.servers.certificate import make_certificate
from tests.wire.http_gateway import (
    BODY,
    GREEN,
    HANS,
    MODIFIED,
    MemoryFiles,
    MemoryLogins,
    MemoryPublications,
    serving,
)

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


@pytest.fixture
def open_site(tmp_path: Path) -> Iterator[Running]:
    """A site that takes publications, over both kinds of connection."""
    made = make_certificate(tmp_path)
    files = MemoryFiles(HANS)
    with serving(
        files,
        logins=MemoryLogins(),
        publications=MemoryPublications(files),
        tls=server_context(made.cert, made.key),
        tls_listen=(("127.0.0.1", 0),),
    ) as running:
        yield running


UPLOAD = ["-o", "/dev/null", "-w", "%{http_code}"]


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--anyauth"],
        ["-0"],
        ["-H", "Expect: 100-continue"],
        ["-H", "Transfer-Encoding: chunked"],
        ["-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue"],
        ["-H", "Content-Type: text/calendar", "-H", 'If-Match: "5eed"'],
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_publishing(open_site: Running, tmp_path: Path, scheme: str, options: list[str]) -> None:
    """-T uploads a file with a login, which is served afterwards."""
    body = BODY.replace(b"END:VFREEBUSY", b"COMMENT:other\r\nEND:VFREEBUSY")
    (tmp_path / "hans.vfb").write_bytes(body)
    port = open_site.port if scheme == "http" else open_site.server.tls_addresses[0][1]
    place = f"{scheme}://localhost:{port}/pub/calendar/hans.vfb"
    login = ["-4", "--cacert", str(tmp_path / "cert.pem"), "-u", "hans:wort"]
    assert b"204" == curl(*UPLOAD, *login, *options, "-T", str(tmp_path / "hans.vfb"), place)
    assert body == curl("-4", "--cacert", str(tmp_path / "cert.pem"), place)


@pytest.mark.parametrize("size", [2_000, 3_000_000])
@pytest.mark.parametrize(
    "option", ["Expect:", "Expect: 100-continue", "Transfer-Encoding: chunked"]
)
@pytest.mark.parametrize(
    ("login", "expected"),
    [("hans:wort", b"413"), ("anna:kennwort", b"403"), ("hans:wrong", b"401")],
)
def test_publishing_what_is_refused(
    open_site: Running, tmp_path: Path, size: int, option: str, login: str, expected: bytes
) -> None:
    """curl sees the refusal, however much it had to send."""
    (tmp_path / "large").write_bytes(b"x" * size)
    place = url(open_site, "/pub/calendar/hans.vfb")
    options = ["-u", login, "-H", option, "-T", str(tmp_path / "large")]
    assert expected == curl(*UPLOAD, *options, place)


def test_taking_back(open_site: Running) -> None:
    """-X DELETE drops the publication; -u in the address works as well."""
    place = f"http://hans:wort@127.0.0.1:{open_site.port}/pub/calendar/hans.vfb"
    codes = [curl(*UPLOAD, "-X", "DELETE", place) for _ in range(2)]
    assert [b"204", b"404"] == codes
