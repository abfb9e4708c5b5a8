"""Real clients publish: curl, lftp and Python's ftplib, plain and over TLS."""

from __future__ import annotations

import ftplib
import io
import shutil
import ssl
import subprocess
from typing import TYPE_CHECKING

import pytest

from freebusy.certificates import server_context
from tests.servers.certificate import Certificate, make_certificate
from tests.wire.ftp_accounts import MemoryLogins, MemoryPublications, some_publications
from tests.wire.ftp_dialogue import BODY, HOSTS, IPV4, Place, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
needs_lftp = pytest.mark.skipif(shutil.which("lftp") is None, reason="lftp is not installed")

NEW = BODY.replace(b"20260105", b"20260206")
PARTIAL = BODY[:-40]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def publications() -> MemoryPublications:
    return some_publications()


@pytest.fixture(params=HOSTS)
def place(
    request: pytest.FixtureRequest, certificate: Certificate, publications: MemoryPublications
) -> Iterator[Place]:
    with serving(
        publications.tree,
        request.param,
        logins=MemoryLogins(),
        publications=publications,
        tls=server_context(certificate.cert, certificate.key),
        tls_listen=((request.param, 0),),
    ) as place:
        yield place


@pytest.fixture
def source(tmp_path: Path) -> Path:
    source = tmp_path / "hans.vfb"
    source.write_bytes(NEW)
    return source


def as_sent(place: Place) -> bytes:
    """Return what was stored; in ASCII mode clients send CR CR LF for the CR LF of a file."""
    return place.files.files["hans"].body.replace(b"\r\r\n", b"\r\n")


def implicit_port(place: Place) -> int:
    return place.server.tls_addresses[0][1]


def curl(place: Place, path: str, *options: str, scheme: str = "ftp") -> tuple[int, str]:
    """Return curl's exit code and what it has said about itself."""
    host = f"[{place.host}]" if ":" in place.host else place.host
    port = place.port if scheme == "ftp" else implicit_port(place)
    url = f"{scheme}://{host}:{port}{path}"
    command = ["curl", "-qsgv", "--noproxy", "*", "--max-time", "20", *options, url]
    done = subprocess.run(command, capture_output=True, check=False)
    return done.returncode, done.stderr.decode()


def lftp(place: Place, certificate: Certificate, commands: str, cwd: Path) -> str:
    settings = (
        "set net:max-retries 1; set net:timeout 10; set cmd:fail-exit yes;"
        f"set ssl:ca-file {certificate.cert}; set ssl:check-hostname no;"
    )
    script = f"{settings} {commands}"
    result = subprocess.run(
        ["lftp", "--norc", "-c", script], capture_output=True, check=False, cwd=cwd, timeout=60
    )
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout.decode()


def opened(place: Place, scheme: str = "ftp") -> str:
    host = f"[{place.host}]" if ":" in place.host else place.host
    port = place.port if scheme == "ftp" else implicit_port(place)
    return f"open -u hans,secret {scheme}://{host}:{port}/pub/calendar;"


CURL_WAYS = {
    "passive": ("--ftp-pasv",),
    "passive, PASV": ("--ftp-pasv", "--disable-epsv"),
    "active": ("--ftp-port", "-"),
    "active, PORT": ("--ftp-port", "-", "--disable-eprt"),
    "text": ("-B",),
    "no CWD": ("--ftp-method", "nocwd"),
    "directories": ("--ftp-create-dirs",),
}


@needs_curl
@pytest.mark.parametrize("way", CURL_WAYS.values(), ids=CURL_WAYS.keys())
@pytest.mark.parametrize("path", ["/pub/calendar/hans.vfb", "/calendar/hans.vfb"])
def test_curl_publishes(place: Place, source: Path, way: tuple[str, ...], path: str) -> None:
    """curl publishes in every way, with the password in its own option."""
    code, said = curl(place, path, "-T", str(source), "--user", "hans:secret", *way)
    assert (0, NEW) == (code, as_sent(place)), said


@needs_curl
@pytest.mark.parametrize("user", ["hans", "hans%40example.com", "freebusy"])
def test_curl_publishes_by_url(
    place: Place, publications: MemoryPublications, source: Path, user: str
) -> None:
    """A URL may hold the user and the password, the user with ``%40``."""
    logins = MemoryLogins()
    logins.accounts["hans@example.com"] = logins.accounts["hans"]
    with serving(publications.tree, logins=logins, publications=publications) as plain:
        command = ["curl", "-qsg", "--noproxy", "*", "--max-time", "20", "-T", str(source)]
        url = f"ftp://{user}:secret@{IPV4}:{plain.port}/pub/calendar/hans.vfb"
        assert 0 == subprocess.run([*command, url], check=False).returncode
    assert NEW == publications.tree.files["hans"].body


@needs_curl
@pytest.mark.parametrize(("body", "expected"), [(PARTIAL, "550"), (b"x" * 2_000_000, "552")])
def test_curl_is_told(place: Place, tmp_path: Path, body: bytes, expected: str) -> None:
    """curl fails where the upload was refused, and the file stays."""
    (tmp_path / "bad.vfb").write_bytes(body)
    options = ("-T", str(tmp_path / "bad.vfb"), "--user", "hans:secret")
    exit_code, said = curl(place, "/pub/calendar/hans.vfb", *options)
    assert exit_code != 0
    assert expected == last_reply(said)
    assert BODY == place.files.files["hans"].body


def last_reply(said: str) -> str:
    """Return the code of the reply that came after 150 or 125."""
    replies = [line[2:5] for line in said.splitlines() if line.startswith("< ")]
    started = max(i for i, reply in enumerate(replies) if reply in {"125", "150"})
    return replies[started + 1]


@needs_curl
def test_curl_renames(place: Place, source: Path) -> None:
    """curl uploads under a temporary name and renames it."""
    quote = ("-Q", "-RNFR hans.vfb.part", "-Q", "-RNTO hans.vfb")
    options = ("-T", str(source), "--user", "hans:secret", *quote)
    code, said = curl(place, "/pub/calendar/hans.vfb.part", *options)
    assert (0, NEW) == (code, place.files.files["hans"].body), said


@needs_curl
@pytest.mark.parametrize("version", ["--tls-max 1.2", "--tlsv1.3"])
@pytest.mark.parametrize("scheme", ["ftp", "ftps"])
def test_curl_publishes_over_tls(
    place: Place, certificate: Certificate, source: Path, scheme: str, version: str
) -> None:
    """curl publishes over explicit and implicit TLS, passive (its active FTPS hangs)."""
    options = ("--ssl-reqd", *version.split(), "--cacert", str(certificate.cert))
    upload = ("-T", str(source), "--user", "hans:secret")
    path = "/pub/calendar/hans.vfb"
    code, said = curl(place, path, *options, *upload, scheme=scheme)
    assert (0, NEW) == (code, place.files.files["hans"].body), said
    copy = source.with_name("copy")
    fetch = ("-o", str(copy), "--user", "hans:secret")
    code, said = curl(place, path, *options, *fetch, scheme=scheme)
    assert (0, NEW) == (code, copy.read_bytes()), said


@needs_lftp
@pytest.mark.parametrize("passive", ["on", "off"])
@pytest.mark.parametrize("tls", ["off", "clear data", "explicit", "implicit"])
def test_lftp_publishes(
    place: Place, certificate: Certificate, source: Path, passive: str, tls: str
) -> None:
    """lftp puts, reads back and removes, passive and active, plain and over TLS of both kinds."""
    scheme = "ftps" if tls == "implicit" else "ftp"
    forced = "no" if tls == "off" else "yes"
    settings = (
        f"set ftp:passive-mode {passive}; set ftp:ssl-allow {forced}; set ftp:ssl-force {forced};"
        f"set ftp:ssl-protect-data {'no' if tls == 'clear data' else 'yes'};"
    )
    commands = f"{settings} {opened(place, scheme)} put hans.vfb; cat hans.vfb"
    assert NEW.decode().split() == lftp(place, certificate, commands, source.parent).split()
    assert NEW == place.files.files["hans"].body
    lftp(place, certificate, f"{settings} {opened(place, scheme)} rm hans.vfb", source.parent)
    assert "hans" not in place.files.files


@needs_lftp
@pytest.mark.parametrize(
    "how",
    [
        "set xfer:use-temp-file yes; set xfer:temp-file-name *.part; put hans.vfb",
        "put hans.vfb -o hans.vfb.tmp; mv hans.vfb.tmp hans.vfb",
        "set ftp:use-allo yes; set ftp:use-feat yes; put hans.vfb",
        "set ftp:use-feat no; put hans.vfb",
        "put -a hans.vfb",
    ],
)
def test_lftp_publishes_in_other_ways(
    place: Place, certificate: Certificate, source: Path, how: str
) -> None:
    """lftp's temporary names, its announcements and its text mode all work."""
    commands = f"set ftp:ssl-allow no; {opened(place)} {how}"
    lftp(place, certificate, commands, source.parent)
    assert NEW == as_sent(place)


@needs_lftp
def test_lftp_is_told(place: Place, certificate: Certificate, tmp_path: Path) -> None:
    """lftp repeats the reason of a refusal."""
    (tmp_path / "hans.vfb").write_bytes(PARTIAL)
    commands = f"set ftp:ssl-allow no; {opened(place)} put hans.vfb"
    with pytest.raises(AssertionError, match="END:VFREEBUSY"):
        lftp(place, certificate, commands, tmp_path)
    assert BODY == place.files.files["hans"].body


@pytest.mark.parametrize("passive", [True, False], ids=["passive", "active"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_ftplib_publishes(place: Place, certificate: Certificate, passive: bool, tls: bool) -> None:
    """Python's own client publishes, renames and removes."""
    context = ssl.create_default_context(cafile=str(certificate.cert))
    client = ftplib.FTP_TLS(timeout=20, context=context) if tls else ftplib.FTP(timeout=20)
    with client as ftp:
        ftp.connect(place.host, place.port)
        ftp.login("hans", "secret")
        if isinstance(ftp, ftplib.FTP_TLS):
            ftp.prot_p()
        ftp.set_pasv(passive)
        ftp.cwd("/pub/calendar")
        assert "226 Stored." == ftp.storbinary("STOR hans.vfb", io.BytesIO(NEW))
        ftp.storlines("STOR hans.vfb.part", io.BytesIO(BODY))
        ftp.rename("hans.vfb.part", "hans.vfb")
        assert BODY == place.files.files["hans"].body
        with pytest.raises(ftplib.error_perm, match="550"):
            ftp.storbinary("STOR berta.vfb", io.BytesIO(NEW))
        assert "250 Removed." == ftp.delete("hans.vfb")
