"""Real clients publish to the running service, and what is served then is read by others.

curl, lftp and cadaver are run; what Office, Outlook and KIO send is replayed.
"""

from __future__ import annotations

import shutil
import socket
from contextlib import closing
from ftplib import FTP, error_perm
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from tests.servers.process import HOST
from tests.system.agenda import event
from tests.system.publishing_case import (
    FREEBUSY,
    Busy,
    Login,
    PublishingService,
    by_mail,
    outlook_file,
    person,
    publishing_service,
    reading,
    run,
)
from tests.wire.dav_transcripts import OFFICE, TRANSCRIPTS, replay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.readers.fixtures import Reader
    from tests.servers.dovecot import Dovecot

pytestmark = [pytest.mark.dovecot, pytest.mark.readers]

HANS = "/pub/calendar/hans.vfb"
MEETING, TRIP = Busy(3, 9), Busy(5, 7, "BUSY-TENTATIVE")
BODY = outlook_file(MEETING, TRIP)

PERSONS = [
    person("hans", aliases=["hw"], delegates=["rosi"]),
    person("rosi"),
    person("berta"),
]
COMPUTED = Busy(2, 9)
"""What is in berta's calendar."""


@pytest.fixture(scope="module")
def service(
    dovecot: Dovecot, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PublishingService]:
    directory = tmp_path_factory.mktemp("clients")
    calendar = directory / "calendars" / "berta"
    calendar.mkdir(parents=True)
    (calendar / "1.ics").write_bytes(event("computed", COMPUTED.days, COMPUTED.hour))
    # Each test sees for itself that there is no file at first.
    with publishing_service(directory, dovecot, PERSONS, access="scan_free = 10000") as running:
        yield running


@pytest.fixture(scope="module")
def app(service: PublishingService) -> Login:
    """An app password of hans."""
    return service.app_password("hans", "outlook")


@pytest.fixture(autouse=True)
def afresh(service: PublishingService) -> None:
    """Nothing is published of hans."""
    assert service.ask("DELETE", HANS, by_mail("hans")).status in {204, 404}
    assert [None] * 4 == service.everywhere("hans")


@pytest.fixture
def login(request: pytest.FixtureRequest) -> Login:
    """The login that a row of a table names."""
    if request.param == "app":
        app: Login = request.getfixturevalue("app")
        return app
    return FREEBUSY if request.param == "shared" else by_mail(request.param)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "written.vfb"
    file.write_bytes(BODY)
    return file


@pytest.fixture
def read_everywhere(
    service: PublishingService, libical_reader: Reader, kcal_reader: Reader
) -> Callable[..., None]:
    """Check what both readers find in a file, by both protocols and prefixes."""

    def check(name: str, *busy: Busy) -> None:
        bodies = service.everywhere(name)
        assert [bodies[0]] * 4 == bodies
        assert bodies[0] is not None
        assert [reading(*busy)] * 2 == [libical_reader(bodies[0]), kcal_reader(bodies[0])]

    return check


# -- curl

CURL = [
    ("ftp", "shared", ()),
    ("ftp", "hans", ("--ftp-port", "-")),
    ("ftp", "app", ("--ftp-port", "-", "--disable-eprt")),
    ("ftp", "hans@example.com", ("--disable-epsv",)),
    ("ftp", "hans%40example.com", ("--ftp-method", "nocwd")),
    ("ftp", "hw", ("--ftp-method", "singlecwd", "--ftp-create-dirs")),
    ("ftp", "app", ("--use-ascii",)),
    ("ftp", "hans", ("--ssl-reqd",)),
    ("ftp", "shared", ("--ssl-reqd", "--tls-max", "1.2")),
    ("ftps", "app", ()),
    ("http", "hans", ()),
    ("http", "app", ("--anyauth",)),
    ("http", "shared", ("-H", "Expect: 100-continue")),
    ("http", "hans@example.com", ("-H", "Transfer-Encoding: chunked")),
    ("http", "app", ("--http1.0",)),
    ("https", "shared", ()),
    ("https", "app", ("--anyauth", "-H", "Expect: 100-continue")),
    ("https", "rosi", ("-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue")),
    ("https", "hans", ("--anyauth", "-H", "Transfer-Encoding: chunked")),
]


def curl(service: PublishingService, *options: str) -> str:
    command = ["curl", "-qsS", "--fail", "--noproxy", "*", "--max-time", "20"]
    return run([*command, "--cacert", str(service.certificate.cert), *options])


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize(
    ("protocol", "login", "options"),
    CURL,
    indirect=["login"],
    ids=[" ".join((protocol, user, *options)) for protocol, user, options in CURL],
)
def test_curl(
    protocol: str,
    login: Login,
    options: Sequence[str],
    service: PublishingService,
    file: Path,
    read_everywhere: Callable[..., None],
) -> None:
    """curl publishes by each way of sending, by each kind of account."""
    url = service.url(protocol, HANS)  # type: ignore[arg-type]  # rows of the table
    curl(service, "-T", str(file), "-u", ":".join(login), *options, url)
    read_everywhere("hans", MEETING, TRIP)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_login_in_the_address(
    service: PublishingService, app: Login, file: Path, read_everywhere: Callable[..., None]
) -> None:
    """As people type it in: user, @ as %40, and password in the address itself."""
    inside = f"hans%40example.com:{app.password}@"
    curl(service, "-T", str(file), service.url("ftp", "/calendar/hw.ifb", inside))
    read_everywhere("hans", MEETING, TRIP)


# -- lftp

ACTIVE, PASSIVE = "set ftp:passive-mode off", "set ftp:passive-mode on"
CLEAR, TLS = "set ftp:ssl-allow off", "set ftp:ssl-force on; set ftp:ssl-protect-data on"
TEMPORARY = "set xfer:use-temp-file on; set xfer:temp-file-name {}"
LFTP = [
    ("ftp", "hans", (ACTIVE, CLEAR)),
    ("ftp", "shared", (PASSIVE, CLEAR)),
    ("ftp", "app", (PASSIVE, CLEAR, "set ftp:prefer-epsv off")),
    ("ftp", "app", (ACTIVE, TLS)),
    ("ftp", "hans@example.com", (PASSIVE, TLS)),
    ("ftps", "hw", (PASSIVE, TLS)),
    ("ftps", "shared", (ACTIVE, TLS)),
    ("ftp", "hans", (PASSIVE, CLEAR, TEMPORARY.format(".in.*."))),
    ("ftp", "app", (ACTIVE, TLS, TEMPORARY.format("*.part"))),
    ("ftp", "shared", (PASSIVE, CLEAR, TEMPORARY.format("*.tmp"))),
    ("ftp", "rosi", (PASSIVE, TLS, "set ftp:use-allo on; set ftp:use-mdtm-overloaded on")),
]


def lftp(service: PublishingService, protocol: str, login: Login, *commands: str) -> str:
    port = service.ftp_port if protocol == "ftp" else service.ftps_port
    settings = [
        "set net:max-retries 1",
        "set net:timeout 10",
        "set cmd:fail-exit yes",
        f"set ssl:ca-file {service.certificate.cert}",
    ]
    opened = f"open -u '{login.user}','{login.password}' {protocol}://{HOST}:{port}"
    *before, last = commands
    return run(["lftp", "--norc", "-c", "; ".join([*settings, *before, opened, last])])


@pytest.mark.skipif(shutil.which("lftp") is None, reason="lftp is not installed")
@pytest.mark.parametrize(
    ("protocol", "login", "settings"),
    LFTP,
    indirect=["login"],
    ids=[" ".join((protocol, user, *settings)) for protocol, user, settings in LFTP],
)
def test_lftp(
    protocol: str,
    login: Login,
    settings: Sequence[str],
    service: PublishingService,
    file: Path,
    read_everywhere: Callable[..., None],
) -> None:
    """lftp publishes actively and passively, with TLS and without, by way of temporary names."""
    lftp(service, protocol, login, *settings, f"put {file} -o {HANS}")
    read_everywhere("hans", MEETING, TRIP)
    assert [] == [path.name for path in (service.state / "uploads").rglob("*.vfb*")]


# -- cadaver


@pytest.mark.skipif(shutil.which("cadaver") is None, reason="cadaver is not installed")
@pytest.mark.parametrize("login", ["app", "hans", "shared"], indirect=True)
def test_cadaver(
    login: Login,
    service: PublishingService,
    file: Path,
    tmp_path: Path,
    read_everywhere: Callable[..., None],
) -> None:
    """cadaver finds the folder, puts the file there, and deletes it."""
    netrc = tmp_path / ".netrc"
    netrc.write_text(f'machine {HOST} login {login.user} password "{login.password}"\n')

    def typed(*commands: str) -> str:
        command = ["cadaver", "-r", "/dev/null", service.url("http", "/pub/calendar/")]
        return run(command, "\n".join([*commands, "quit", ""]), HOME=str(tmp_path))

    said = typed(f"put {file} hans.vfb", "ls")
    assert "succeeded" in said
    assert "hans.vfb  " in said, "who has logged in sees the names"
    read_everywhere("hans", MEETING, TRIP)
    assert "succeeded" in typed("delete hans.vfb")
    assert [None] * 4 == service.everywhere("hans")


# -- Office, Outlook and KIO


@pytest.mark.parametrize("login", ["app", "hans@example.com", "shared"], indirect=True)
@pytest.mark.parametrize("client", TRANSCRIPTS)
def test_office_and_kio(
    client: str, login: Login, service: PublishingService, read_everywhere: Callable[..., None]
) -> None:
    """Each sequence of WebDAV requests publishes, onto no file and onto one that is there."""
    for body, busy in ((outlook_file(Busy(1, 1)), [Busy(1, 1)]), (BODY, [MEETING, TRIP])):
        with socket.create_connection((HOST, service.http_port), 10) as connection:
            replay(
                connection,
                TRANSCRIPTS[client],
                path=HANS,
                body=body,
                host=f"{HOST}:{service.http_port}",
                authorization=login.basic,
            )
        read_everywhere("hans", *busy)


def test_office_over_tls(
    service: PublishingService, app: Login, read_everywhere: Callable[..., None]
) -> None:
    """Office publishes over HTTPS with an app password, by the other prefix and an alias."""
    plain = socket.create_connection((HOST, service.https_port), 10)
    with closing(service.trust.wrap_socket(plain, server_hostname=HOST)) as connection:
        host = f"{HOST}:{service.https_port}"
        path = "/calendar/hw.vfb"
        replay(connection, OFFICE, path=path, body=BODY, host=host, authorization=app.basic)
    read_everywhere("hans", MEETING, TRIP)


def _outlook(client: FTP, body: bytes, kind: str) -> list[str]:
    """Publish as Outlook does: active, straight onto the name."""
    client.set_pasv(False)
    client.voidcmd(f"TYPE {kind}")
    with client.transfercmd(f"STOR {HANS}") as data:
        data.sendall(body)
    return [client.voidresp()]


def _kio(client: FTP, body: bytes, kind: str) -> list[str]:
    """Publish as KIO does: look, write a temporary name, rename; here also onto a file."""
    with pytest.raises(error_perm):
        client.size(f"{HANS}.part")
    client.voidcmd(f"TYPE {kind}")
    with client.transfercmd(f"STOR {HANS}.part") as data:
        data.sendall(body)
    said = [client.voidresp()]
    if kind == "I":
        assert len(body) == client.size(f"{HANS}.part")
    return [*said, client.rename(f"{HANS}.part", HANS)]


@pytest.mark.parametrize("login", ["app", "hans%40example.com", "shared"], indirect=True)
@pytest.mark.parametrize("kind", ["I", "A"])
@pytest.mark.parametrize(
    ("publish", "replies"), [(_outlook, ["226"]), (_kio, ["226", "250"])], ids=["outlook", "kio"]
)
def test_outlook_and_kio_over_ftp(
    publish: Callable[[FTP, bytes, str], list[str]],
    replies: list[str],
    kind: str,
    login: Login,
    service: PublishingService,
    read_everywhere: Callable[..., None],
) -> None:
    """Both publish in either type, onto no file and onto one that is there."""
    for body, busy in ((outlook_file(Busy(1, 1)), [Busy(1, 1)]), (BODY, [MEETING, TRIP])):
        with service.session(login) as client:
            assert replies == [said[:3] for said in publish(client, body, kind)]
            size, when = client.size(HANS), client.sendcmd(f"MDTM {HANS}") if kind == "I" else ""
        read_everywhere("hans", *busy)
        if kind == "I":
            assert size == len(service.shown("hans") or b"")
            assert when.startswith("213 ")


# -- together with a calendar


def _delete(service: PublishingService, login: Login) -> None:
    assert service.ask("DELETE", "/pub/calendar/berta.vfb", login).status == 204


def _dele(service: PublishingService, login: Login) -> None:
    with service.session(login, tls=True) as client:
        client.delete("/calendar/berta.ifb")


@pytest.mark.parametrize("remove", [_delete, _dele], ids=["DELETE", "DELE"])
@pytest.mark.parametrize("login", ["berta", "shared"], indirect=True)
def test_busy_if_either_says_so(
    login: Login, remove: Callable[[PublishingService, Login], None], service: PublishingService
) -> None:
    """Beside a calendar a publication adds busy time; removed, what is computed is back."""
    computed = [COMPUTED.span]
    service.wait_for("berta", computed)
    before = service.shown("berta", login)
    away = COMPUTED._replace(kind="BUSY-UNAVAILABLE")
    with service.session(login) as client:
        client.storbinary("STOR /pub/calendar/berta.vfb", BytesIO(outlook_file(MEETING, away)))
    assert [away.span, MEETING.span] == service.busy("berta")
    remove(service, login)
    assert computed == service.busy("berta")
    assert _times(before) == _times(service.shown("berta", login))


def _times(body: bytes | None) -> list[bytes]:
    return [line for line in (body or b"").split(b"\r\n") if not line.startswith(b"DTSTAMP")]


# -- what ends a login


def test_a_revoked_app_password(service: PublishingService) -> None:
    """A revoked app password opens nothing from that moment on, without a reload."""
    login = service.app_password("hans", "stolen")
    assert 201 == service.ask("PUT", HANS, login, BODY).status
    assert service.command("password", "revoke", "hans", "stolen").returncode == 0
    assert 401 == service.ask("PUT", HANS, login, BODY).status
    with pytest.raises(error_perm, match="530"), service.session(login):
        pass


def test_a_new_shared_password(service: PublishingService) -> None:
    """SIGHUP: the old password stops working at once, in spite of what is remembered."""
    assert 201 == service.ask("PUT", HANS, FREEBUSY, BODY).status
    renewed = Login(FREEBUSY.user, "erneuert")
    service.write_secret("shared-password", renewed.password)
    try:
        service.reload()
        tried = [service.ask("PUT", HANS, each, BODY).status for each in (FREEBUSY, renewed)]
        assert [401, 204] == tried
    finally:
        service.write_secret("shared-password", FREEBUSY.password)
        service.reload()
    assert 204 == service.ask("DELETE", HANS, FREEBUSY).status
