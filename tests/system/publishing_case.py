"""A whole service to publish to: accounts of every kind, TLS, and clients of one's own."""

from __future__ import annotations

import base64
import os
import re
import signal
import ssl
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ftplib import FTP, FTP_TLS
from http.client import HTTPConnection, HTTPSConnection
from io import BytesIO
from typing import TYPE_CHECKING, Literal, NamedTuple

from freebusy.period import FreeBusyType, to_seconds
from tests.processes import until
from tests.readers import Reading
from tests.servers.certificate import Certificate, make_certificate
from tests.servers.mailserver import PASSWORD
from tests.servers.process import HOST, free_ports
from tests.system.agenda import at
from tests.system.gateway_process import GatewayProcess

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from email.message import Message
    from pathlib import Path

    from freebusy.period import Span
    from tests.servers.mailserver import MailServer

Protocol = Literal["http", "https", "ftp", "ftps"]

SHARED, SHARED_PASSWORD = "freebusy", "geteilt & bekannt"
PATIENCE = 10.0
"""Seconds that one request may take."""

CONFIGURATION = """\
persons = [
  {persons},
]
[site]
state = "state"
timezone = "Europe/Berlin"
[tls]
certificate = "tls/cert.pem"
key = "tls/key.pem"
[http]
listen = ["{host}:{http}"]
tls_listen = ["{host}:{https}"]
[ftp]
listen = ["{host}:{ftp}"]
tls_listen = ["{host}:{ftps}"]
login_delay = "0s"
{tables[ftp]}
[access]
{tables[access]}
[login]
username = "{{local}}"
{tables[login]}
[publish]
password_file = "shared-password"
{tables[publish]}
[sources.mail]
type = "imap"
host = "{host}"
port = {mail}
security = "plain"
username = "{{local}}"
password_file = "mail-password"
[sources.files]
type = "vdir"
root = "calendars"
[log]
level = "debug"
"""


def person(name: str, **keys: str | Sequence[str]) -> str:
    """Return a row of ``persons``; whoever has a directory in ``calendars`` has a calendar."""
    values = {"address": f"{name}@example.com", "source": "files"} | keys
    written = (f"{key} = {_toml(value)}" for key, value in values.items())
    return "{" + ", ".join(written) + "}"


def _toml(value: str | Sequence[str]) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return "[" + ", ".join(map(_toml, value)) + "]"


# -- what is published


def utc(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%SZ}"


FIRST, LAST = at(-7, 0), at(60, 0)
"""The window of what is published."""


class Busy(NamedTuple):
    """A busy hour: days from today, hour in UTC, and its type."""

    days: int
    hour: int
    kind: str = "BUSY"

    @property
    def start(self) -> datetime:
        return at(self.days, self.hour)

    @property
    def read(self) -> tuple[str, str, str]:
        """Return it as the independent readers do."""
        return self.kind, utc(self.start), utc(self.start + timedelta(hours=1))

    @property
    def span(self) -> Span:
        """Return it as the gateway does."""
        start = to_seconds(self.start)
        return start, start + 3600, FreeBusyType[self.kind.replace("-", "_")]


def outlook_file(*busy: Busy) -> bytes:
    """Return a file as Outlook 16 writes one: no UID, no mailto, a window from local midnight."""
    lines = [
        "BEGIN:VCALENDAR",
        "PRODID:-//Microsoft Corporation//Outlook 16.0 MIMEDIR//EN",
        "VERSION:2.0",
        "METHOD:PUBLISH",
        "BEGIN:VFREEBUSY",
        "ORGANIZER:hans@example.com",
        f"DTSTAMP:{utc(datetime.now(UTC))}",
        f"DTSTART:{utc(FIRST)}",
        f"DTEND:{utc(LAST)}",
        *(f"FREEBUSY;FBTYPE={each.kind}:{each.read[1]}/{each.read[2]}" for each in busy),
        "END:VFREEBUSY",
        "END:VCALENDAR",
        "",
    ]
    return "\r\n".join(lines).encode()


def reading(*busy: Busy) -> Reading:
    """Return what a reader should find where only that is published."""
    return Reading([each.read for each in sorted(busy)], (utc(FIRST), utc(LAST)))


# -- the service


class Login(NamedTuple):
    """What somebody logs in with."""

    user: str
    password: str

    @property
    def basic(self) -> str:
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


FREEBUSY = Login(SHARED, SHARED_PASSWORD)
"""The shared account."""


def by_mail(user: str) -> Login:
    """Return a login at the mail server, where all have one password."""
    return Login(user, PASSWORD)


class Answer(NamedTuple):
    """What came back over HTTP."""

    status: int
    headers: Message
    body: bytes


@dataclass
class PublishingService(GatewayProcess):
    """A service with TLS, a mail server for logins, and the shared account."""

    mail_port: int = 0
    tables: Mapping[str, str] = field(default_factory=dict)
    """Further lines of ``[ftp]``, ``[access]``, ``[login]`` and ``[publish]``."""
    https_port: int = 0
    ftps_port: int = 0
    certificate: Certificate = field(init=False)
    trust: ssl.SSLContext = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.https_port, self.ftps_port = free_ports(2)
        (self.directory / "tls").mkdir()
        self.renew_certificate()
        self.write_secret("shared-password", SHARED_PASSWORD)
        self.write_secret("mail-password", PASSWORD)
        super().__post_init__()

    def write_configuration(self, more: str | None = None) -> None:
        nothing = dict.fromkeys(("ftp", "access", "login", "publish"), "")
        text = CONFIGURATION.format(
            persons=",\n  ".join(self.persons),
            host=HOST,
            http=self.http_port,
            https=self.https_port,
            ftp=self.ftp_port,
            ftps=self.ftps_port,
            mail=self.mail_port,
            tables=nothing | dict(self.tables),
        )
        self.config.write_text(text, "utf-8")

    def write_secret(self, name: str, secret: str) -> None:
        file = self.directory / name
        file.touch(0o600)
        file.write_text(secret, "utf-8")

    def renew_certificate(self) -> None:
        """Put another certificate in place, as whoever renews them does: by renaming."""
        fresh = self.directory / "fresh"
        fresh.mkdir(exist_ok=True)
        made = make_certificate(fresh)
        self.certificate = Certificate(
            made.cert.rename(self.directory / "tls" / "cert.pem"),
            made.key.rename(self.directory / "tls" / "key.pem"),
        )
        self.trust = ssl.create_default_context(cafile=str(self.certificate.cert))

    def reload(self, outcome: str = "persons=") -> None:
        """Send SIGHUP, and return when the log says what came of it."""
        before = self.log.count(f"reload {outcome}")
        os.kill(self.pid, signal.SIGHUP)
        until(lambda: self.log.count(f"reload {outcome}") > before, f"reload {outcome}")

    def app_password(self, name: str, label: str, scope: str = "publish") -> Login:
        """Make an app password by command, and return it as a login."""
        done = self.command("password", "add", name, "--label", label, "--scope", scope)
        assert done.returncode == 0, done.stderr.decode()
        return Login(name, done.stdout.decode().strip())

    def url(self, protocol: Protocol, path: str, login: str = "") -> str:
        port = getattr(self, f"{protocol}_port")
        return f"{protocol}://{login}{HOST}:{port}{path}"

    # -- its clients

    def web(self, *, tls: bool, address: str) -> HTTPConnection:
        """Return a connection from an address of this machine."""
        own = (address, 0)
        if not tls:
            return HTTPConnection(HOST, self.http_port, timeout=PATIENCE, source_address=own)
        return HTTPSConnection(
            HOST, self.https_port, timeout=PATIENCE, source_address=own, context=self.trust
        )

    def ask(
        self,
        method: str,
        path: str,
        login: Login | None = None,
        body: bytes | None = None,
        *,
        tls: bool = True,
        address: str = HOST,
        **fields: str,
    ) -> Answer:
        """Send one request; header fields are named with underscores."""
        connection = self.web(tls=tls, address=address)
        try:
            return asked(connection, method, path, login, body, **fields)
        finally:
            connection.close()

    def session(self, login: Login | None = None, *, tls: bool = False, address: str = HOST) -> FTP:
        """Log in over FTP, or FTPS with protected data; ftplib's errors where that fails."""
        own = (address, 0)
        client = FTP(timeout=PATIENCE, source_address=own)
        if tls:
            client = FTP_TLS(timeout=PATIENCE, source_address=own, context=self.trust)
        try:
            client.connect(HOST, self.ftp_port)
            client.login(*(login or ()))
            if isinstance(client, FTP_TLS):
                client.prot_p()
        except BaseException:
            client.close()
            raise
        return client

    def shown(self, name: str, login: Login = FREEBUSY) -> bytes | None:
        """Return a served file as an account reads it, None where there is none."""
        answer = self.ask("GET", f"/pub/calendar/{name}.vfb", login)
        assert answer.status in {200, 404}, answer
        return answer.body if answer.status == 200 else None

    def everywhere(self, name: str) -> list[bytes | None]:
        """Return a file as anybody reads it: by HTTP and FTP, by both prefixes."""
        paths = [f"{prefix}/{name}.vfb" for prefix in ("/pub/calendar", "/calendar")]
        by_web = [self.get(path) for path in paths]
        return [body if status == 200 else None for status, _, body in by_web] + [
            self.retr(path) for path in paths
        ]


def asked(
    connection: HTTPConnection,
    method: str,
    path: str,
    login: Login | None = None,
    body: bytes | None = None,
    **fields: str,
) -> Answer:
    """Send one request over a connection and return the answer."""
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    if login is not None:
        headers["Authorization"] = login.basic
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return Answer(response.status, response.headers, response.read())


def fetched(client: FTP, path: str) -> bytes:
    """RETR a path in a session."""
    body = BytesIO()
    client.retrbinary(f"RETR {path}", body.write)
    return body.getvalue()


_PASSWORDS = rf"{re.escape(SHARED_PASSWORD)}|\b{PASSWORD}\b|\bfbp-\w+-\w+|Basic \w+"


@contextmanager
def publishing_service(
    directory: Path, mail: MailServer, persons: Sequence[str], **tables: str
) -> Iterator[PublishingService]:
    """Run the service during the block; its log, at its most talkative, has no password in it."""
    service = PublishingService(directory, persons, "", mail_port=mail.port, tables=tables)
    (directory / "calendars").mkdir(exist_ok=True)
    try:
        service.start()
        yield service
        assert [] == re.findall(_PASSWORDS, service.log)
    finally:
        service.kill()


def run(command: Sequence[str], given: str = "", **environment: str) -> str:
    """Run a client and return what it says; it has to succeed."""
    done = subprocess.run(
        command,
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "LC_ALL": "C", **environment},
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, f"{command[0]} {done.returncode}: {said}"
    return said
