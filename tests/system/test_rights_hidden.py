"""What nobody can tell from refusals, by addresses, or from how long others failed."""

from __future__ import annotations

from contextlib import closing
from ftplib import FTP, error_perm, error_temp
from typing import TYPE_CHECKING

import pytest

from tests.system.publishing_case import Answer, Login, by_mail, outlook_file
from tests.system.rights_case import (
    INSIDE,
    MARK,
    OUTSIDE,
    TRUSTED,
    Place,
    guess,
    marked,
    running_site,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.dovecot import Dovecot

pytestmark = pytest.mark.dovecot


@pytest.fixture(scope="module", params=["networks", "accounts"])
def place(
    request: pytest.FixtureRequest, dovecot: Dovecot, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    directory = tmp_path_factory.mktemp(request.param)
    with running_site(request.param, directory, dovecot) as place:
        yield place


# -- what does not show


@pytest.mark.parametrize("who", ["anonymous outside", "anonymous inside", "publish"])
def test_unknown_and_hidden_are_one(place: Place, who: str) -> None:
    """Somebody hidden, a name that nobody has and a malformed one get the same octets."""
    login = place.logins[who]
    address = INSIDE if who.endswith("inside") else OUTSIDE

    def answers(method: str, *names: str) -> list[Told]:
        body = outlook_file(MARK) if method == "PUT" else None
        paths = (f"/pub/calendar/{name}.vfb" for name in names)
        told = [
            place.service.ask(method, path, login, body, address=address, Depth="0")
            for path in paths
        ]
        return [_told(each) for each in told]

    for method in ("GET", "HEAD", "PUT", "DELETE", "PROPFIND", "PROPPATCH", "LOCK", "UNLOCK"):
        is_dav = method in {"PROPPATCH", "LOCK", "UNLOCK"}
        first, *others = answers(method, "chef", "nobody", "chef*", *(() if is_dav else ("%00",)))
        assert first[0] >= 400
        assert [first] * len(others) == others, method


Told = tuple[int, list[tuple[str, str]], bytes]


def _told(answer: Answer) -> Told:
    """Return all of an answer but what time it is."""
    fields = [field for field in answer.headers.items() if field[0] != "Date"]
    return answer.status, fields, answer.body


@pytest.mark.parametrize("who", ["anonymous inside", "publish"])
def test_unknown_and_hidden_are_one_over_ftp(place: Place, who: str) -> None:
    """So it is over FTP, whatever is asked."""
    verbs = ["RETR", "SIZE", "MDTM", "MLST", "DELE", "RNFR", "STOR", "CWD", "STAT"]
    address = INSIDE if who.endswith("inside") else OUTSIDE
    with place.service.session(place.logins[who], tls=True, address=address) as client:
        client.voidcmd("TYPE I")
        for verb in verbs:
            replies = [
                _reply(client, f"{verb} /calendar/{name}.vfb") for name in ("chef", "nobody")
            ]
            assert replies[0][:1] in {"4", "5"}, verb
            assert replies[0] == replies[1].replace("nobody", "chef"), verb


def _reply(client: FTP, line: str) -> str:
    client.putline(line)
    return client.getmultiline()


# -- addresses


@pytest.mark.parametrize(
    "fields",
    [
        {"X_Forwarded_For": TRUSTED},
        {"X_Forwarded_For": ""},
        {"Forwarded": f"for={TRUSTED}"},
        {"Via": "1.1 somewhere"},
        {"Host": "evil.example"},
        {"Origin": "http://evil.example"},
    ],
    ids=str,
)
def test_a_trusted_network_is_not_spoken_for(place: Place, fields: dict[str, str]) -> None:
    """An unknown proxy, or a page in somebody's browser, does not publish for the network."""
    body, path = outlook_file(MARK), "/pub/calendar/hans.vfb"
    told = place.service.ask("PUT", path, None, body, tls=False, address=TRUSTED, **fields)
    assert 401 == told.status
    with closing(place.watcher()) as watcher:
        assert not marked(shown(watcher, "hans"))


def test_strangers_do_not_lock_anybody_out(place: Place) -> None:
    """Who has logged in from an address goes on there, however often others fail elsewhere."""
    login, path = by_mail("ulla"), "/pub/calendar/ulla.vfb"
    assert 404 == place.service.ask("GET", path, login, address=INSIDE).status
    guess(place.service, "ulla", "127.0.0.51")
    assert 429 == place.service.ask("GET", path, login, address=OUTSIDE).status
    wrong = Login("ulla", "a new guess")
    assert 401 == place.service.ask("GET", path, wrong, address=INSIDE).status
    assert 404 == place.service.ask("GET", path, login, address=INSIDE).status
    with pytest.raises(error_perm, match="530 Too many"):
        place.service.session(login, tls=True, address=OUTSIDE)


def test_a_dead_mail_server_makes_no_password_wrong(place: Place, dovecot: Dovecot) -> None:
    """503 and 421 while it is down, for the right password and for wrong ones; then all is well."""
    path = "/pub/calendar/hans.vfb"
    with dovecot.outage():
        for login in (by_mail("emil"), Login("emil", "wrong"), by_mail("nobody")):
            assert 503 == place.service.ask("GET", path, login, address=INSIDE).status
            with pytest.raises(error_temp, match="421"):
                place.service.session(login, tls=True, address=INSIDE)
        others = place.logins["freebusy"], place.logins["read"]
        assert [200, 200] == [place.service.ask("GET", path, each).status for each in others]
    assert 200 == place.service.ask("GET", path, by_mail("emil"), address=INSIDE).status
    assert 401 == place.service.ask("GET", path, Login("emil", "wrong"), address=INSIDE).status
