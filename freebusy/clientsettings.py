"""What a person enters into a client: addresses, login, and where the fields are (pure)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PLACEHOLDER = "APP-PASSWORD"
FOLDER = "/pub/calendar/"


class Client(Enum):
    """Whose settings are wanted."""

    OUTLOOK = "outlook"
    KORGANIZER = "korganizer"
    EVOLUTION = "evolution"
    THUNDERBIRD = "thunderbird"
    BROWSER = "browser"
    CURL = "curl"
    CONNECTOR = "connector"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """How clients reach the gateway: base URLs such as ``https://fb.example.com``."""

    https: str | None = None
    http: str | None = None
    ftp: str | None = None
    """For FTP in the clear, and for TLS that a session asks for (RFC 4217)."""
    ftps: str | None = None
    """For TLS from the first byte."""
    explicit_tls: bool = False
    """Whether the server at ``ftp`` speaks TLS when asked."""
    plain_ftp_logins: bool = True
    plain_http_logins: bool = False
    """Whether a password may come over plain HTTP from elsewhere than this machine."""
    several_domains: bool = False
    """Whether the part before the @ is not enough to say who is meant."""

    @property
    def reading(self) -> str | None:
        """Return the base for reading: HTTP with TLS where there is a choice."""
        return self.https or self.http or self.ftp

    @property
    def web_publishing(self) -> str | None:
        """Return the base for PUT with a login."""
        return self.https or (self.http if self.plain_http_logins else None)

    @property
    def ftp_publishing(self) -> str | None:
        """Return the base for STOR by clients that know no TLS."""
        return self.ftp if self.plain_ftp_logins else None

    def template(self, name: str, server: str) -> str | None:
        """Return the address of anybody's file; the arguments are what the client fills in."""
        return None if self.reading is None else self.reading + self.template_path(name, server)

    def template_path(self, name: str, server: str) -> str:
        """Return the path of anybody's file."""
        return FOLDER + (f"{server}/{name}.vfb" if self.several_domains else f"{name}.vfb")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One person's values."""

    name: str
    address: str
    doors: Doors
    password: str | None = None
    """A new app password; None leaves a place for one."""
    delegate_of: Sequence[str] = ()
    """NAMEs of the people for whom this person publishes, too."""
    publishes: bool = True
    """Whether the site takes publications."""
    months: int = 6
    """How far ahead the site's files reach."""
    trusted: Sequence[str] = ()
    """Networks from which a publication needs no login."""
    reading_needs_login: bool = False
    """Whether others' files are for accounts only."""
    connects: Literal["no", "mail", "app"] = "no"
    """Whether connectors are served: with mail accounts only, or with app passwords too."""

    @property
    def path(self) -> str:
        """Return the path of the person's file, as a URL has it."""
        return f"{FOLDER}{quote(self.name, safe='@+')}.vfb"

    @property
    def secret(self) -> str:
        """Return the password, or what stands for one."""
        return self.password or PLACEHOLDER

    def with_login(self, base: str) -> str:
        """Return the file's address with login and password inside (RFC 3986 §3.2.1)."""
        scheme, _, place = base.partition("://")
        user, secret = (quote(part, safe="") for part in (self.name, self.secret))
        return f"{scheme}://{user}:{secret}@{place}{self.path}"


# -- what is said for each client

_FIELD = 16


def _field(title: str, value: str) -> str:
    return f"  {title:<{_FIELD}}{value}"


def _under(title: str, value: str) -> list[str]:
    """Return a field whose value is too long to stand beside its title."""
    return [f"  {title}", f"    {value}"]


def outlook(settings: Settings) -> Iterator[str]:
    """Yield the two fields of Internet Free/Busy, and where they are."""
    doors = settings.doors
    yield "  File > Options > Calendar > Free/Busy Options"
    yield "  (with an Exchange account: Other Free/Busy; up to 2007:"
    yield "  Tools > Options > Preferences > Calendar Options > Free/Busy Options)"
    if settings.publishes:
        yield from outlook_publishes(settings)
    search = doors.template("%NAME%", "%SERVER%")
    if search is not None:
        yield from _under("Search location:", search)
    if settings.publishes:
        yield "  Outlook sends what changed every 15 minutes; Send/Receive > Free/Busy"
        yield "  Information sends at once."


def outlook_publishes(settings: Settings) -> Iterator[str]:
    """Yield the publish addresses; only FTP takes a password inside the address."""
    ftp, web = settings.doors.ftp_publishing, settings.doors.web_publishing
    if ftp is not None:
        yield from _under("Publish at my location:", settings.with_login(ftp))
    if web is not None:
        title = "Publish at my location:" if ftp is None else "or, over HTTP:"
        yield from _under(title, web + settings.path)
        yield f"    It asks for the login: {settings.name}, {settings.secret}"
    if settings.doors.http is not None and settings.trusted:
        yield from _under(
            f"or, without a login from {', '.join(settings.trusted)}:",
            settings.doors.http + settings.path,
        )
    if ftp is None and web is None:
        yield from _no_door()


def _no_door() -> Iterator[str]:
    yield "  Publishing: not possible with this client here. It needs HTTP with TLS"
    yield "  (tls_listen of [http]), or FTP without (require_tls of [ftp])."


def korganizer(settings: Settings) -> Iterator[str]:
    """Yield the fields of the two tabs that KOrganizer has for free/busy times."""
    yield "  Settings > Configure KOrganizer > Free/Busy"
    base = settings.doors.web_publishing or settings.doors.ftp_publishing
    if settings.publishes and base is not None:
        yield "  Publish"
        yield f"  {_field('Server URL', base + settings.path)}"
        yield f"  {_field('Username', settings.name)}"
        yield f"  {_field('Password', settings.secret)}"
    elif settings.publishes:
        yield from _no_door()
    address = settings.doors.template("%NAME%", "%SERVER%")
    if address is not None:
        yield "  Retrieve"
        yield f"  {_field('Server URL', address)}"


def evolution(settings: Settings) -> Iterator[str]:
    """Yield Evolution's publishing dialogue and its template for reading."""
    if settings.publishes:
        yield "  Edit > Preferences > Calendar and Tasks > Calendar Publishing > Add"
        yield from _evolution_publishes(settings)
    if settings.doors.reading is not None:
        yield "  To see everybody: Edit > Preferences > Calendar and Tasks, free/busy server"
        yield f"  {_field('Template', f'{settings.doors.reading}{FOLDER}%u@%d.vfb')}"
        yield "  One contact: Contacts > Personal Information > Web Addresses > Free/Busy"
        yield f"  {_field('of this person', settings.doors.reading + settings.path)}"


def _evolution_publishes(settings: Settings) -> Iterator[str]:
    web, ftp = settings.doors.web_publishing, settings.doors.ftp_publishing
    base = web or ftp
    if base is None:
        yield from _no_door()
        return
    scheme, _, place = base.partition("://")
    host, port = _host_and_port(place)
    services = {
        "https": "Secure WebDAV (HTTPS)",
        "http": "WebDAV (HTTP)",
        "ftp": "FTP (with login)",
    }
    for title, value in (
        ("Publish as", "Free/Busy"),
        ("Service type", services[scheme]),
        ("Server", host),
        ("Port", port),
        ("File", settings.path),
        ("Username", settings.name),
        ("Password", settings.secret),
    ):
        if value:
            yield f"  {_field(title, value)}"


def _host_and_port(place: str) -> tuple[str, str]:
    host, colon, port = place.rpartition(":")
    return (host, port) if colon and not port.endswith("]") else (place, "")


def thunderbird(_settings: Settings) -> Iterator[str]:
    """Yield why there is nothing to enter."""
    yield "  Nothing to enter: Thunderbird asks only CalDAV servers for free/busy times"
    yield "  and has no field for an address. Its Publish Calendar sends whole events,"
    yield "  which the gateway refuses. A calendar that lies on the mail server or on a"
    yield "  CalDAV server can be read by the gateway itself; then nothing has to be"
    yield "  published."


def browser(settings: Settings) -> Iterator[str]:
    """Yield what to open."""
    base = settings.doors.https or settings.doors.http
    if base is None:
        yield "  [http] is switched off; a browser has nothing to open."
    else:
        yield f"  {base}{settings.path}"


def curl(settings: Settings) -> Iterator[str]:
    """Yield commands that publish and read; the password is asked for, not shown to `ps`."""
    doors = settings.doors
    if settings.publishes:
        user = f"-u {_shell(settings.name)}"
        if doors.web_publishing is not None:
            yield f"  curl {user} -T my.vfb {doors.web_publishing}{settings.path}"
        if doors.ftp is not None:
            secured = "--ssl-reqd " if doors.explicit_tls else ""
            yield f"  curl {secured}{user} -T my.vfb {doors.ftp}{settings.path}"
        if doors.ftps is not None:
            yield f"  curl {user} -T my.vfb {doors.ftps}{settings.path}"
    if doors.reading is not None:
        yield f"  curl {doors.reading}{settings.path}"


def connector(settings: Settings) -> Iterator[str]:
    """Yield a set-up file for ``freebusy connector``, or why there is none."""
    base = settings.doors.https or settings.doors.http
    if settings.connects == "no" or base is None:
        yield "  This site serves no connectors ([connector], [login])."
        return
    if settings.doors.https is None:
        yield "  Only on the gateway's own machine: others need TLS (tls_listen of [http])."
    yield "  Save these lines as setup.ini, and chmod 600 it:"
    yield "[server]"
    yield f"url = {base}"
    yield "[account]"
    yield f"login = {settings.name}"
    yield f"password = {settings.password or ''}".rstrip()
    yield "  Then: freebusy connector setup setup.ini && freebusy connector sync"


def _connector_password(settings: Settings) -> Iterator[str]:
    yield f"Login     {settings.name} ({settings.address} does as well)"
    if settings.password is not None:
        yield "Password  stands below, this once; it opens the calendar folders to connectors."
    else:
        yield "Password  the mail account's: the connector asks for it where the file has none"
    if settings.password is None and settings.connects == "app":
        yield "          or an app password:"
        yield f"          freebusy password add {settings.name} --label laptop --scope connector"


def _shell(name: str) -> str:
    return name if name.isascii() else f"'{name}'"


SECTIONS: dict[Client, tuple[str, Callable[[Settings], Iterator[str]]]] = {
    Client.OUTLOOK: ("Outlook", outlook),
    Client.KORGANIZER: ("KOrganizer", korganizer),
    Client.EVOLUTION: ("Evolution", evolution),
    Client.THUNDERBIRD: ("Thunderbird", thunderbird),
    Client.BROWSER: ("Browsers", browser),
    Client.CURL: ("curl", curl),
    Client.CONNECTOR: ("freebusy connector", connector),
}


def instructions(settings: Settings, client: Client = Client.ALL) -> list[str]:
    """Return what to enter, line by line."""
    lines = [f"Settings for {settings.name} ({settings.address})", ""]
    if client is Client.CONNECTOR:
        lines += [*_connector_password(settings), ""]
    elif settings.publishes:
        lines += [*_password(settings), ""]
    else:
        lines += ["This site takes no publications ([publish] enabled = false).", ""]
    if settings.reading_needs_login and client is not Client.CONNECTOR:
        lines += [*_reading_login(settings), ""]
    for each, (title, section) in SECTIONS.items():
        wanted = each is not Client.CONNECTOR or settings.connects != "no"
        if client is each or (client is Client.ALL and wanted):
            lines += [title, *section(settings), ""]
    return lines[:-1]


def _password(settings: Settings) -> Iterator[str]:
    yield f"Login     {settings.name} ({settings.address} does as well)"
    if settings.password is not None:
        yield f"Password  {settings.password}"
        whom = ", ".join((settings.name, *settings.delegate_of))
        yield f"          It is shown this once, and publishes for {whom} alone."
    else:
        yield f"Password  an app password, which stands below as {PLACEHOLDER}; it is made by"
        yield f"          freebusy password add {settings.name} --label outlook --scope publish"


def _reading_login(settings: Settings) -> Iterator[str]:
    """Yield how to read where others' files are for accounts only."""
    yield "Here others' times are for those who log in. Give the client that asks a login"
    yield f"with a password of its own: freebusy password add {settings.name} --label search"
    yield "--scope read. Outlook takes it inside the address, over FTP:"
    if settings.doors.ftp_publishing is not None:
        reader = replace(settings, password="READ-PASSWORD")  # noqa: S106  # stands for one
        base = reader.with_login(settings.doors.ftp_publishing).removesuffix(reader.path)
        yield f"  {base}{settings.doors.template_path('%NAME%', '%SERVER%')}"
