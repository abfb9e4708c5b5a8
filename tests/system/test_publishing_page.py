"""The commands of docs/publishing.md, run as they stand against a service with TLS."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.servers.certificate import make_certificate
from tests.servers.process import HOST, free_ports
from tests.system.cli_case import ROOT, Site, event, until

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (ROOT / "docs" / "publishing.md").read_text("utf-8")
PUBLISHED = """BEGIN:VCALENDAR
METHOD:PUBLISH
BEGIN:VFREEBUSY
DTSTART:{start}
DTEND:{end}
FREEBUSY:{when}/PT1H
END:VFREEBUSY
END:VCALENDAR
"""

pytestmark = pytest.mark.skipif(
    None in map(shutil.which, ("curl", "lftp", "cadaver", "openssl")),
    reason="needs curl, lftp, cadaver and openssl",
)


TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def on(day: int, hour: int = 8) -> str:
    """Return an hour of a day from today on, in UTC."""
    return f"{TODAY + timedelta(days=day, hours=hour):%Y%m%dT%H%M%SZ}"


def file(when: str) -> str:
    """Return a file with one busy hour, as a client sends it."""
    return PUBLISHED.format(start=on(0, 0), end=on(60, 0), when=when)


def section(title: str) -> str:
    found = re.search(rf"(?ms)^## {title}$(.*?)(?=^## )", PAGE)
    assert found is not None
    return found[1]


def commands(title: str) -> list[str]:
    """Return the shell commands of a section, continued lines joined."""
    (block,) = re.findall(r"(?s)```sh\n(.*?)```", section(title))
    return re.sub(r"(&&)\n\s+", r"\1 ", block).splitlines()


class TlsSite(Site):
    """A site with a certificate, and somebody who only publishes."""

    def write(self) -> None:
        self.https = free_ports(1)[0]
        made = make_certificate(self.folder)
        self.config.write_text(
            'persons = ["hans@example.com"]\n[site]\nhostname = "localhost"\n'
            f'[tls]\ncertificate = "{made.cert}"\nkey = "{made.key}"\n'
            f'[http]\nlisten = "{HOST}:{self.http}"\ntls_listen = "{HOST}:{self.https}"\n'
            f'[ftp]\nlisten = "{HOST}:{self.ftp}"\n',
            encoding="utf-8",
        )

    def prepare_home(self, password: str) -> None:
        """Give the clients a home in which they know the password and the certificate."""
        home = self.folder / "home"
        (home / "calendars").mkdir(parents=True)
        (home / "calendars" / "work.ics").write_text(event("1", on(15)))
        (home / ".lftprc").write_text(f"set ssl:ca-file {self.folder / 'cert.pem'}\n")
        (home / "bin").mkdir()
        program = home / "bin" / "freebusy"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m freebusy.cli "$@"\n')
        program.chmod(0o755)
        netrc = home / ".netrc"
        netrc.write_text(f"machine localhost login hans password {password}\n")
        netrc.chmod(0o600)
        self.password = password

    def run(self, command: str, given: str = "") -> str:
        """Run a command of the page with this site's host, ports and password."""
        for old, new in (
            ("https://fb.example.com/", f"https://localhost:{self.https}/"),
            ("ftp://fb.example.com/", f"ftp://localhost:{self.ftp}/"),
            (" fb.example.com", f" -p {self.ftp} localhost"),
            ("curl -u hans", f"curl -sSf -u hans:{self.password}"),
            ("lftp -u hans", f"lftp -u hans,{self.password}"),
        ):
            command = command.replace(old, new)
        home = self.folder / "home"
        done = subprocess.run(
            ["bash", "-c", command],
            input=given, capture_output=True, text=True, timeout=30, check=False, cwd=home,
            env={
                "HOME": str(home), "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
                "CURL_CA_BUNDLE": str(self.folder / "cert.pem"), "PYTHONPATH": str(ROOT),
                "LANG": "C",
            },
        )  # fmt: skip
        assert (0, "") == (done.returncode, done.stderr), done.stdout
        return done.stdout

    def compose(self, when: str) -> None:
        """Write the file that is published next."""
        (self.folder / "home" / "hans.vfb").write_text(file(when))

    def served(self) -> str:
        return self.get("hans") or ""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsSite]:
    site = TlsSite(tmp_path_factory.mktemp("page"))
    made = site("password", "add", "hans", "--label", "page")
    site.prepare_home(made.out.split()[-1])
    with site.service("run"):
        until(site.well, "the service answers")
        yield site


@pytest.mark.parametrize(
    ("number", "command"), list(enumerate(commands("curl")[:3] + commands("lftp"), start=1))
)
def test_curl_and_lftp_publish(site: TlsSite, number: int, command: str) -> None:
    """Each command as it stands puts the file in place."""
    site.compose(on(number))
    site.run(command)
    assert f"{on(number)}/{on(number, 9)}" in site.served()


def test_curl_deletes(site: TlsSite) -> None:
    """The last of curl's commands takes away what was published, and the file with it."""
    site.compose(on(7))
    put, *_, delete = commands("curl")
    site.run(put)
    assert "" != site.served()
    site.run(delete)
    assert "" == site.served()


def test_cadaver_publishes_and_deletes(site: TlsSite) -> None:
    """What the page types into cadaver works there."""
    typed = re.findall(r"(?m)^dav:\S*> (\w+) (\S+)$", section("cadaver"))
    assert ["open", "put", "delete"] == [verb for verb, _ in typed]
    site.compose(on(8))
    url = f"http://localhost:{site.http}/pub/calendar/"  # its own TLS wants to be asked
    told = site.run(f"cadaver -r /dev/null {url}", "put hans.vfb\nquit\n")
    assert "succeeded" in told
    assert on(8) in site.served()
    assert "succeeded" in site.run(f"cadaver -r /dev/null {url}", "delete hans.vfb\nquit\n")
    assert "" == site.served()


def test_the_script_publishes(site: TlsSite) -> None:
    """convert and curl together publish a folder of calendars."""
    (script,) = commands("Scripts")
    site.run(script)
    assert f"{on(15)}/{on(15, 9)}" in site.served()


def test_what_client_setup_prints_is_what_works(site: TlsSite) -> None:
    """The address with login and password inside publishes; the one to search reads it."""
    told = site("client-setup", "hans", "--for", "outlook", "--new-password", "outlook").out
    (address,) = re.findall(r"ftp://hans:\S+", told)
    (search,) = re.findall(r"https://\S+%NAME%\.vfb", told)
    site.compose(on(9))
    site.run(f"curl -sSf -T hans.vfb '{address}'")
    found = site.run(f"curl -sSf '{search.replace('%NAME%', 'hans')}'")
    assert on(9) in found
    assert found.splitlines() == site.served().splitlines()


def test_what_is_published_is_counted(site: TlsSite) -> None:
    """The metrics tell how many came by which protocol, and nobody's name."""
    counter = 'freebusy_publications_total{outcome="stored",protocol="https"}'

    def count() -> float:
        page = site.run(f"curl -sSf http://localhost:{site.http}/metrics")
        assert "hans" not in page
        return float(dict(line.rsplit(" ", 1) for line in page.splitlines()).get(counter, 0))

    before = count()
    site.compose(on(10))
    site.run(commands("curl")[0])
    assert before + 1 == count()


def test_what_is_fetched_over_ftp_is_counted(site: TlsSite) -> None:
    """Sessions and transfers by FTP, and the files that were made, are in the same metrics."""
    site.compose(on(11))
    put, *_ = commands("curl")
    site.run(put)
    site.run(f"curl -sSf ftp://localhost:{site.ftp}/pub/calendar/hans.vfb")
    page = site.run(f"curl -sSf http://localhost:{site.http}/metrics")
    counts = dict(line.rsplit(" ", 1) for line in page.splitlines() if line[:1] != "#")
    for name in (
        'freebusy_ftp_transfers_total{command="RETR",outcome="completed"}',
        "freebusy_ftp_sessions_total",
        'freebusy_refreshes_total{outcome="written"}',
    ):
        assert float(counts[name]) >= 1, name


def test_an_import_beside_the_service(site: TlsSite) -> None:
    """Old files are served at once, are listed as received, and nobody is freer."""
    put, *_, delete = commands("curl")
    site.compose(on(19))
    site.run(put)
    site.run(delete)  # nothing of another test is in force now
    old = site.folder / "old"
    old.mkdir()
    body = file(on(20))
    (old / "hans.vfb").write_text(body)
    assert 0 == site("import", old).code
    assert on(20) in site.served()
    listed = site("publications", "hans").out
    assert "shared, in force" in listed
    assert body == site("publications", "hans", "--body", listed.split()[0]).out
    done = site("compare", old)
    assert (0, "") == (done.code, done.out)
