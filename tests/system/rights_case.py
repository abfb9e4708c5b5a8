"""Three sites with people of every kind, and what a client can try there.

Clients come from addresses of their own in 127.0.0.0/8, as people do from their networks.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from ftplib import FTP, all_errors, error_perm, error_temp
from io import BytesIO
from typing import TYPE_CHECKING

from freebusy.apppasswords import AppPasswords
from freebusy.ports import Scope
from freebusy.store import Store
from freebusy.throttle import Attempt, Throttle, ThrottleRules
from tests.processes import until
from tests.servers.mailserver import PASSWORD
from tests.servers.process import HOST
from tests.system.publishing_case import (
    FREEBUSY,
    Answer,
    Busy,
    Login,
    Protocol,
    PublishingService,
    asked,
    by_mail,
    fetched,
    outlook_file,
    person,
    publishing_service,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from http.client import HTTPConnection
    from pathlib import Path

    from tests.servers.dovecot import Dovecot

PERSONS = [
    person("hans", aliases=["hw"], delegates=["rosi"]),
    person("otto", read="networks"),
    person("chef", read="accounts"),
    *map(person, ("rosi", "walter", "sven", "lena", "ilse", "ulla", "emil")),
]
EVERYBODY = "hans otto chef"
NAMES = (*EVERYBODY.split(), "nobody")
"""The own file, somebody else's, one that is hidden from many, and a name that nobody has."""
APP_PASSWORDS = [
    ("hans", Scope.PUBLISH),
    ("hans", Scope.READ),
    ("hans", Scope.CONNECTOR),
    ("rosi", Scope.PUBLISH),
]

OUTSIDE, INSIDE, TRUSTED, GUESSING = "127.0.0.30", "127.0.0.17", "127.0.0.40", "127.0.0.50"
ACCESS = f"""
networks = ["{HOST}", "127.0.0.16/29"]
scan_free = 100000
"""
ONCE_A_WHILE = 'first_delay = "0.001ms"\nmax_delay = "1h"\nsite_failures = 10000'
"""Some failures cost nothing to speak of, thirty of them more than anybody waits for."""
TRUST = f'trusted_networks = ["{TRUSTED}"]'
SITES = {
    "anyone": {"access": f'read = "anyone"\nlisting = true\n{ACCESS}'},
    "networks": {"access": f'read = "networks"\n{ACCESS}'},
    "accounts": {
        "access": f'read = "accounts"\nplain_logins = ["{INSIDE}"]\n{ACCESS}',
        "ftp": "require_tls = true",
    },
}
"""On the last one no account may log in without TLS, but over HTTP from one address."""


@dataclass
class Place:
    """A running site, and who logs in there."""

    site: str
    service: PublishingService
    logins: dict[str, Login | None]

    def watcher(self) -> HTTPConnection:
        """Return a connection over which every site takes logins."""
        return self.service.web(tls=False, address=INSIDE)


def restore(watcher: HTTPConnection, name: str) -> None:
    """Have somebody publish a file again; a busy machine's mail server may be slow to say yes."""
    body = outlook_file(Busy(1, NAMES.index(name)))
    path = f"/pub/calendar/{name}.vfb"

    def is_served() -> bool:
        return asked(watcher, "PUT", path, by_mail(name), body).status in {201, 204}

    until(is_served, f"{name} publishes")


def shown(watcher: HTTPConnection, name: str) -> bytes:
    """Return a file as the shared account reads it; empty where there is none."""
    answer = asked(watcher, "GET", f"/pub/calendar/{name}.vfb", FREEBUSY)
    return answer.body if answer.status == 200 else b""


# -- three services


def people(app: dict[str, Login]) -> dict[str, Login | None]:
    """Return what everybody in the tables logs in with."""
    wrong = "wrong-" + PASSWORD
    return {
        "anonymous outside": None,
        "anonymous inside": None,
        "trusted network": None,
        "freebusy": FREEBUSY,
        "owner": by_mail("hans"),
        "owner, by an alias": by_mail("HW"),
        "owner, by the address": by_mail("Hans@Example.com"),
        "owner, from a URL": by_mail("hans%40example.com"),
        "delegate": by_mail("rosi"),
        "other person": by_mail("otto"),
        "hidden person": by_mail("chef"),
        "publish": app["hans publish"],
        "publish, inside": app["hans publish"],
        "read": app["hans read"],
        "connector": app["hans connector"],
        "delegate's publish": app["rosi publish"],
        "wrong password": Login("walter", wrong),
        "wrong shared password": Login(FREEBUSY.user, wrong),
        "wrong app password": Login("ilse", app["hans publish"].password[:-1] + "0"),
        "somebody else's app password": Login("otto", app["hans publish"].password),
        "anonymous by name": Login("chef*hans", PASSWORD),
        "unknown": Login("nobody", PASSWORD),
        "no password": Login("lena", ""),
        "slowed": by_mail("sven"),
    }


@contextmanager
def running_site(site: str, directory: Path, dovecot: Dovecot) -> Iterator[Place]:
    """Run one of the sites during the block."""
    tables = {"login": ONCE_A_WHILE, "publish": TRUST} | SITES[site]
    with publishing_service(directory, dovecot, PERSONS, **tables) as service:
        place = Place(site, service, people(app_passwords(service)))
        guess(service, "sven", GUESSING)
        with closing(place.watcher()) as watcher:
            for name in EVERYBODY.split():
                restore(watcher, name)
        yield place


def app_passwords(service: PublishingService) -> dict[str, Login]:
    """Make app passwords of each scope beside the service, as the command does."""
    with closing(Store(service.state / "store.db")) as store:
        make = AppPasswords(store, lambda: datetime.now(UTC)).add
        return {
            f"{name} {scope.value}": Login(name, make(name, scope.value, scope))
            for name, scope in APP_PASSWORDS
        }


def guess(service: PublishingService, account: str, address: str) -> None:
    """Have logins fail in another process that uses the same store."""
    rules = ThrottleRules(first_delay=1e-6, max_delay=3600)
    with closing(Store(service.state / "store.db")) as store:
        throttle = Throttle(store, rules, lambda: datetime.now(UTC))
        for _ in range(30):
            throttle.failed(Attempt(account, address), at_mail=False)


# -- what somebody can do, by a protocol

Seen = dict[str, object]
"""What was tried -> what came of it."""
MARK = Busy(9, 9)


class Somebody(ABC):
    """A client that tells in numbers what came of something."""

    @abstractmethod
    def __init__(self, place: Place, protocol: Protocol, who: str, address: str) -> None: ...

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def read(self, name: str) -> int: ...

    @abstractmethod
    def write(self, name: str) -> int: ...

    @abstractmethod
    def delete(self, name: str) -> int: ...

    @abstractmethod
    def list(self) -> int | str:
        """Return the NAMEs that are listed."""


class ByWeb(Somebody):
    """Somebody over HTTP or HTTPS."""

    def __init__(self, place: Place, protocol: Protocol, who: str, address: str) -> None:
        self._login = place.logins[who]
        self._connection = place.service.web(tls=protocol == "https", address=address)

    def close(self) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, body: bytes | None = None, **fields: str) -> Answer:
        return asked(self._connection, method, path, self._login, body, **fields)

    def read(self, name: str) -> int:
        return self.ask("GET", f"/pub/calendar/{name}.vfb").status

    def write(self, name: str) -> int:
        return self.ask("PUT", f"/calendar/{name}.vfb", outlook_file(MARK)).status

    def delete(self, name: str) -> int:
        return self.ask("DELETE", f"/pub/calendar/{name}.ifb").status

    def list(self) -> int | str:
        answer = self.ask("PROPFIND", "/pub/calendar/", Depth="1")
        return _names(answer.body.decode()) if answer.status == 207 else answer.status


class ByFtp(Somebody):
    """Somebody over FTP or FTPS."""

    def __init__(self, place: Place, protocol: Protocol, who: str, address: str) -> None:
        login = place.logins[who]
        self._client: FTP | None = None
        self._refusal = 0
        try:
            tls = protocol == "ftps"
            self._client = place.service.session(login, tls=tls, address=address)
        except all_errors as error:
            self._refusal = int(str(error)[:3])

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def _said(self, act: Callable[[FTP], str]) -> int:
        if self._client is None:
            return self._refusal
        try:
            return int(act(self._client)[:3])
        except (error_perm, error_temp) as error:
            return int(str(error)[:3])

    def read(self, name: str) -> int:
        def retrieve(client: FTP) -> str:
            fetched(client, f"/pub/calendar/{name}.vfb")
            return "226"

        return self._said(retrieve)

    def write(self, name: str) -> int:
        body = BytesIO(outlook_file(MARK))
        return self._said(lambda client: client.storbinary(f"STOR /calendar/{name}.vfb", body))

    def delete(self, name: str) -> int:
        return self._said(lambda client: client.delete(f"/pub/calendar/{name}.ifb"))

    def list(self) -> int | str:
        if self._client is None:
            return self._refusal
        return _names("\n".join(self._client.nlst("/pub/calendar")))


def _names(text: str) -> str:
    found = set(re.findall(r"(\w+)\.vfb\b", text))
    return " ".join(name for name in NAMES if name in found)


BY: dict[Protocol, type[Somebody]] = {"http": ByWeb, "https": ByWeb, "ftp": ByFtp, "ftps": ByFtp}
DONE = {"http": 204, "https": 204, "ftp": 226, "ftps": 226}
GONE = {"http": 204, "https": 204, "ftp": 250, "ftps": 250}
READ = {"http": 200, "https": 200, "ftp": 226, "ftps": 226}


def seen(place: Place, protocol: Protocol, who: str, address: str) -> Seen:
    """Try everything on every name, and tell what came of it and whether files changed."""
    found: Seen = {}
    with (
        closing(place.watcher()) as watcher,
        closing(BY[protocol](place, protocol, who, address)) as somebody,
    ):
        found["list"] = somebody.list()
        for name in NAMES:
            before = shown(watcher, name)
            found[f"read {name}"] = somebody.read(name)
            found[f"write {name}"] = somebody.write(name)
            found[f"{name} holds it"] = marked(shown(watcher, name))
            found[f"delete {name}"] = somebody.delete(name)
            after = shown(watcher, name)
            if _times(before) != _times(after):
                found[f"{name} is as before"] = False
                restore(watcher, name)
    return found


def _times(body: bytes) -> list[bytes]:
    return [line for line in body.split(b"\r\n") if not line.startswith(b"DTSTAMP")]


def marked(body: bytes) -> bool:
    return MARK.read[1].encode() in body
