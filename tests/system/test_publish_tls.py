"""TLS on all three ports: renewed certificates, and what a reload changes for logins."""

from __future__ import annotations

import socket
import ssl
import subprocess
from contextlib import closing
from ftplib import error_perm
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from tests.processes import until
from tests.servers.process import HOST
from tests.system.publishing_case import (
    FREEBUSY,
    Busy,
    PublishingService,
    by_mail,
    fetched,
    outlook_file,
    person,
    publishing_service,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.dovecot import Dovecot

pytestmark = pytest.mark.dovecot

HANS = "/pub/calendar/hans.vfb"
BODY = outlook_file(Busy(3, 9))


PERSONS = [person("hans"), person("rosi")]


@pytest.fixture(scope="module")
def service(
    dovecot: Dovecot, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PublishingService]:
    with publishing_service(tmp_path_factory.mktemp("tls"), dovecot, PERSONS) as running:
        yield running


def shown(service: PublishingService) -> list[bytes]:
    """Return the certificates that HTTPS, implicit FTPS and AUTH TLS show."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    found = []
    for port in (service.https_port, service.ftps_port, service.ftp_port):
        plain = socket.create_connection((HOST, port), 10)
        if port == service.ftp_port:
            with plain.makefile("rb") as lines:
                plain.sendall(b"AUTH TLS\r\n")
                assert [b"220", b"234"] == [lines.readline()[:3] for _ in range(2)]
        with closing(context.wrap_socket(plain)) as connection:
            found.append(connection.getpeercert(binary_form=True) or b"")
    return found


def current(service: PublishingService) -> list[bytes]:
    """Return what they should show: the certificate in the file."""
    text = service.certificate.cert.read_text("ascii")
    return [ssl.PEM_cert_to_DER_cert(text)] * 3


def test_the_start_says_where_it_listens(service: PublishingService) -> None:
    """The log has a line for each address, and what to try has one with and without TLS."""
    ports = (service.http_port, service.https_port, service.ftp_port, service.ftps_port)
    protocols, tls = ("http", "https", "ftp", "ftps"), ("no", "yes", "offered", "yes")
    for protocol, port, has in zip(protocols, ports, tls, strict=True):
        assert f"listen protocol={protocol} address={HOST} port={port} tls={has}\n" in service.said
        assert f" {protocol}://{HOST}:{port}/" in service.said


def test_a_renewed_certificate_is_shown(service: PublishingService) -> None:
    """After SIGHUP, and a few seconds after the files have changed; a broken one changes nothing.

    A session that began before goes on, and a session that begins then publishes.
    """
    assert current(service) == shown(service)
    with service.session(by_mail("hans"), tls=True) as earlier:
        service.renew_certificate()
        service.reload()
        service.reload()
        renewed = current(service)
        assert renewed == shown(service)
        assert 1 == service.said.count("tls event=certificate_taken"), "the second time as well"
        assert "257" == earlier.sendcmd("PWD")[:3]
    assert service.ask("PUT", HANS, by_mail("hans"), BODY).status in {201, 204}
    service.certificate.cert.write_text("no certificate", "ascii")
    service.reload("refused")
    assert renewed == shown(service)
    service.renew_certificate()
    until(lambda: current(service) == shown(service), "the files are looked at")
    assert service.shown("hans") is not None


def test_a_reload_counts_at_once(dovecot: Dovecot, tmp_path: Path) -> None:
    """SIGHUP: who has left, publishing that was ended and a closed site count at once."""
    with publishing_service(tmp_path, dovecot, PERSONS) as service:
        assert 201 == service.ask("PUT", HANS, FREEBUSY, BODY).status
        assert 201 == service.ask("PUT", "/pub/calendar/rosi.vfb", by_mail("rosi"), BODY).status
        with service.session(FREEBUSY) as shared, service.session(by_mail("rosi")) as left:
            assert BODY != fetched(left, HANS)
            service.persons = PERSONS[:1]
            service.tables = {"access": 'read = "accounts"', "publish": "enabled = false"}
            service.write_configuration()
            service.reload()
            with pytest.raises(error_perm, match="550"):
                shared.storbinary(f"STOR {HANS}", BytesIO(BODY))
            with pytest.raises(error_perm, match="550"):
                fetched(left, HANS)
        assert 401 == service.ask("GET", HANS).status
        assert 401 == service.ask("GET", HANS, by_mail("rosi")).status
        assert 200 == service.ask("GET", HANS, by_mail("hans")).status
        assert 404 == service.ask("GET", "/pub/calendar/rosi.vfb", by_mail("hans")).status


def test_old_versions_are_refused(service: PublishingService) -> None:
    """Nothing below TLS 1.2 is spoken on any port, 1.2 and 1.3 are."""

    def shakes_hands(port: int, version: str) -> bool:
        command = ["openssl", "s_client", "-connect", f"{HOST}:{port}", f"-{version}"]
        command += ["-cipher", "ALL:@SECLEVEL=0"]
        command += ["-starttls", "ftp"] if port == service.ftp_port else []
        done = subprocess.run(command, input=b"", capture_output=True, timeout=20, check=False)
        return b"BEGIN CERTIFICATE" in done.stdout

    versions = ("tls1", "tls1_1", "tls1_2", "tls1_3")
    for port in (service.https_port, service.ftps_port, service.ftp_port):
        spoken = [shakes_hands(port, each) for each in versions]
        assert [False, False, True, True] == spoken
