"""Real clients: curl, lftp and Python's ftplib."""

from __future__ import annotations

import ftplib
import io
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.wire.ftp_dialogue import BODY, HOSTS, IPV4, Place, serving, some_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
needs_lftp = pytest.mark.skipif(shutil.which("lftp") is None, reason="lftp is not installed")

FILE_NOT_FOUND = 78
"""curl's exit code CURLE_REMOTE_FILE_NOT_FOUND."""


@pytest.fixture(params=HOSTS)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    with serving(host=request.param) as place:
        yield place


@pytest.fixture(params=[False, True], ids=["unlisted", "listed"])
def listing(request: pytest.FixtureRequest) -> Iterator[Place]:
    with serving(some_files(listed=request.param)) as place:
        yield place


def curl(place: Place, path: str, *options: str) -> subprocess.CompletedProcess[bytes]:
    command = ["curl", "-qsg", "--noproxy", "*", "--max-time", "20", *options, place.url + path]
    return subprocess.run(command, capture_output=True, check=False)


def lftp(place: Place, commands: str, cwd: Path | None = None) -> str:
    settings = "set net:max-retries 1; set net:timeout 10; set cmd:fail-exit yes;"
    script = f"{settings} open {place.url}; {commands}"
    result = subprocess.run(
        ["lftp", "--norc", "-c", script], capture_output=True, check=False, cwd=cwd, timeout=60
    )
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout.decode()


@needs_curl
@pytest.mark.parametrize(
    "options",
    [
        ("--ftp-pasv",),
        ("--ftp-pasv", "--disable-epsv"),
        ("--ftp-port", "-"),
        ("--ftp-port", "-", "--disable-eprt"),
        ("--ftp-method", "nocwd"),
        ("--ftp-method", "singlecwd"),
        ("--user", "ftp:x"),
        ("--ssl",),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("prefix", ["/pub/calendar", "/calendar"])
def test_curl_fetches(place: Place, prefix: str, options: tuple[str, ...]) -> None:
    """curl fetches a file by both prefixes, passive and active, over both families."""
    result = curl(place, f"{prefix}/hans.vfb", *options)
    assert (result.returncode, result.stdout) == (0, BODY)


@needs_curl
def test_curl_fetches_text(place: Place) -> None:
    """In ASCII mode curl gets whole lines and turns their ends into its own."""
    assert curl(place, "/calendar/hans.vfb", "-B").stdout == BODY.replace(b"\r\n", b"\n")


@needs_curl
def test_curl_below_a_domain(place: Place) -> None:
    """curl enters the directory of a domain on its way to a file."""
    assert curl(place, "/pub/calendar/example.com/hans.vfb").stdout == BODY


@needs_curl
def test_curl_asks_for_a_head(place: Place) -> None:
    """curl -I shows size and time."""
    text = curl(place, "/calendar/hans.vfb", "-I").stdout.decode()
    assert "Last-Modified: Fri, 02 Jan 2026 03:04:05 GMT" in text
    assert f"Content-Length: {len(BODY)}" in text


@needs_curl
def test_curl_resumes(place: Place) -> None:
    """curl -C continues a download."""
    assert curl(place, "/calendar/hans.vfb", "-C", "20").stdout == BODY[20:]


@needs_curl
@pytest.mark.parametrize("path", ["/calendar/nobody.vfb", "/pub/calendar/hans.xfb"])
def test_curl_does_not_find(place: Place, path: str) -> None:
    """curl says that a file is not there."""
    assert curl(place, path).returncode == FILE_NOT_FOUND


@needs_curl
def test_curl_lists(listing: Place) -> None:
    """curl -l shows the names where the site wants it, and else none, without an error."""
    result = curl(listing, "/pub/calendar/", "-l")
    expected = ["berta.vfb", "hans.vfb", "зоя.vfb"] if listing.files.listed else []
    assert (result.returncode, result.stdout.decode().split()) == (0, expected)
    assert curl(listing, "/", "-l").stdout.split() == [b"calendar", b"pub"]


@needs_curl
def test_curl_cannot_upload(place: Place, tmp_path: Path) -> None:
    """curl's upload is refused."""
    source = tmp_path / "new.vfb"
    source.write_bytes(b"x")
    assert curl(place, "/pub/calendar/new.vfb", "-T", str(source)).returncode != 0
    assert "new" not in place.files.files


@needs_lftp
@pytest.mark.parametrize("passive", ["on", "off"])
def test_lftp_gets(place: Place, tmp_path: Path, passive: str) -> None:
    """lftp gets a known name, listed or not, and keeps its time, passive and active."""
    lftp(place, f"set ftp:passive-mode {passive}; get /pub/calendar/hans.vfb", tmp_path)
    copy = tmp_path / "hans.vfb"
    assert copy.read_bytes() == BODY
    assert int(copy.stat().st_mtime) == int(place.files.files["hans"].modified.timestamp())


@needs_lftp
@pytest.mark.parametrize("facts", ["on", "off"])
def test_lftp_lists(listing: Place, facts: str) -> None:
    """lftp's cls shows names only where the site wants it, by MLSD and by LIST."""
    text = lftp(listing, f"set ftp:use-mlsd {facts}; cls -1 /calendar")
    shown = {line.rpartition("/")[2] for line in text.split()}
    assert shown == ({"berta.vfb", "hans.vfb", "зоя.vfb"} if listing.files.listed else set())


@needs_lftp
@pytest.mark.parametrize("facts", ["on", "off"])
def test_lftp_mirrors(listing: Place, tmp_path: Path, facts: str) -> None:
    """lftp's mirror copies what is listed, whole."""
    lftp(listing, f"set ftp:use-mlsd {facts}; mirror /pub/calendar copy", tmp_path)
    copies = {path.name: path.read_bytes() for path in (tmp_path / "copy").iterdir()}
    names = ("berta.vfb", "hans.vfb", "зоя.vfb") if listing.files.listed else ()
    assert copies == dict.fromkeys(names, BODY)


@needs_lftp
def test_lftp_cannot_write(place: Place, tmp_path: Path) -> None:
    """lftp can neither put, remove, rename nor make a directory."""
    (tmp_path / "new.vfb").write_bytes(b"x")
    before = dict(place.files.files)
    for command in ("put new.vfb", "rm hans.vfb", "mv hans.vfb x.vfb", "mkdir x", "chmod 777 x"):
        with pytest.raises(AssertionError, match=r"denied|failed|implemented"):
            lftp(place, f"cd /pub/calendar; {command}", tmp_path)
    assert place.files.files == before


@pytest.mark.parametrize("passive", [True, False], ids=["passive", "active"])
def test_ftplib(place: Place, passive: bool) -> None:
    """Python's own client reads, lists and is refused."""
    with ftplib.FTP(timeout=20, encoding="utf-8") as ftp:
        ftp.connect(place.host, place.port)
        ftp.login()
        ftp.set_pasv(passive)
        ftp.cwd("/pub/calendar")
        body = io.BytesIO()
        ftp.retrbinary("RETR зоя.vfb", body.write)
        assert body.getvalue() == BODY
        lines: list[str] = []
        ftp.retrlines("RETR hans.vfb", lines.append)
        assert lines == BODY.decode().splitlines()
        assert ftp.size("hans.vfb") == len(BODY)
        assert [name for name, _ in ftp.mlsd("/")] == ["calendar", "pub"]
        with pytest.raises(ftplib.error_perm, match="550"):
            ftp.storbinary("STOR x.vfb", io.BytesIO(b"x"))
        with pytest.raises(ftplib.error_perm, match="550"):
            ftp.delete("hans.vfb")


def test_ftplib_tls_is_refused_plainly() -> None:
    """A client that asks for TLS learns that there is none."""
    with serving() as place, ftplib.FTP_TLS(timeout=20) as ftp:
        ftp.connect(IPV4, place.port)
        with pytest.raises(ftplib.error_perm, match="502"):
            ftp.auth()
