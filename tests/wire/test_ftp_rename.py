"""DELE, RNFR and RNTO, and temporary uploads as their own account sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from freebusy.errors import NotAllowedError, StoreError
from tests.wire.ftp_accounts import MemoryLogins, MemoryPublications, some_publications
from tests.wire.ftp_dialogue import BODY, Client, Place, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

NEW = BODY.replace(b"20260105", b"20260206")
HANS = "/pub/calendar/hans.vfb"
PART = HANS + ".part"
DENIED = "550 Permission denied."
NOT_FOUND = "550 No such file or directory."


@pytest.fixture
def publications() -> MemoryPublications:
    return some_publications()


@pytest.fixture
def place(publications: MemoryPublications) -> Iterator[Place]:
    with serving(publications.tree, logins=MemoryLogins(), publications=publications) as place:
        yield place


@pytest.fixture
def client(place: Place) -> Iterator[Client]:
    with place.login("hans", "secret") as client:
        yield client


def test_upload_under_a_temporary_name(place: Place, client: Client) -> None:
    """A client uploads under a temporary name, looks at it, and renames it onto the file."""
    reply = client.uploads(f"STOR {PART}", NEW)
    assert "226 Stored; served once it is renamed to its final name." == reply
    assert BODY == place.files.files["hans"].body
    client.asks(f"SIZE {PART}", f"213 {len(NEW)}")
    client.asks(f"MDTM {PART}", "213 2026")
    assert "perm=dfrw;" in client.says(f"MLST {PART}")
    assert NEW == client.fetches(f"RETR {PART}")
    client.follows(f"""
        C: RNFR {PART}
        S: 350 Send RNTO with its final name.
        C: RNTO {HANS}
        S: 250 Renamed.
        C: SIZE {PART}
        S: {NOT_FOUND}
    """)
    assert NEW == client.fetches(f"RETR {HANS}")


def test_a_temporary_upload_is_private(place: Place, client: Client) -> None:
    """Nobody else sees a temporary upload, neither another account nor anonymous clients."""
    client.uploads(f"STOR {PART}", NEW)
    for user, password in (("anonymous", "x"), ("freebusy", "secret")):
        with place.login(user, password) as other:
            for command in ("SIZE", "MDTM", "MLST", "RETR", "LIST", "STAT"):
                assert NOT_FOUND == other.says(f"{command} {PART}")


def test_a_served_file_is_not_renamed(client: Client) -> None:
    """RNFR of a served file is refused, and RNTO then, too."""
    client.asks(f"RNFR {HANS}", "550 Only a temporary upload")
    client.asks(f"RNTO {HANS}", "503")


def test_refused_rename(client: Client) -> None:
    """What is no free/busy file is refused at the rename, and the upload is still there."""
    tree = client.uploads(f"STOR {PART}", NEW)
    assert tree.startswith("226")
    client.asks(f"RNFR {PART}", "350")
    assert DENIED == client.says("RNTO /pub/calendar/berta.vfb")
    client.asks(f"RNTO {HANS}", "503")
    client.asks(f"RNFR {PART}", "350")
    client.asks(f"RNTO {HANS}", "250")
    client.asks(f"RNFR {PART}", "550")


def test_remove(place: Place, client: Client) -> None:
    """DELE removes what was published, once."""
    assert "250 Removed." == client.says(f"DELE {HANS}")
    assert "hans" not in place.files.files
    assert "550 There is nothing to remove." == client.says(f"DELE {HANS}")
    client.uploads(f"STOR {PART}", NEW)
    assert "250 Removed." == client.says(f"DELE {PART}")
    assert NOT_FOUND == client.says(f"SIZE {PART}")


def test_pipelined_removals(client: Client) -> None:
    """Commands that wait for the disk and come in one go are answered in order."""
    client.sends(f"DELE {HANS}\r\nDELE {HANS}\r\nNOOP")
    assert ["250", "550", "200"] == [client.reply()[:3] for _ in range(3)]


@pytest.mark.parametrize(
    ("error", "reply"),
    [
        (StoreError("/var/lib/secret is broken"), "451 Nothing can be stored at the moment"),
        (StoreError("/var/lib/secret", is_full=True), "452 No room is left; try again later."),
        (NotAllowedError("it is berta's"), DENIED),
    ],
)
def test_errors(
    publications: MemoryPublications, client: Client, error: Exception, reply: str
) -> None:
    """A disk that fails is a passing fault, and no reply says more than it must."""
    publications.error = error
    assert client.says(f"DELE {HANS}").startswith(reply)
    assert client.says(f"RNFR {HANS}.part").startswith(reply)
    assert client.uploads(f"STOR {HANS}", NEW).startswith(reply)


WRITES = ("STOR {}", "DELE {}", "RNFR {}", "RNTO {}", "MFMT 20260101000000 {}")
FOREIGN = (
    "/pub/calendar/berta.vfb",
    "/pub/calendar/nobody.vfb",
    "/hans.vfb",
    "/pub/hans.vfb",
    "/pub/calendar",
    "/pub/calendar/",
    "/",
    "/etc/passwd",
    "/../hans.vfb",
    "/pub/calendar/x/../../hans.vfb",
    b"/pub/calendar/\xff.vfb",
    b"/pub/calendar/hans\x00.vfb",
    "/pub/calendar/" + "x" * 2000,
)


@pytest.mark.parametrize("command", WRITES)
@pytest.mark.parametrize("user", ["hans", "anonymous"])
def test_every_foreign_path_is_refused_alike(place: Place, command: str, user: str) -> None:
    """Somebody else's name, nobody's, and what is no name get one refusal, before any data."""
    with place.login(user, "secret") as client:
        for path in FOREIGN:
            raw = path if isinstance(path, bytes) else path.encode()
            verb, argument = command.encode().split(b" ", 1)
            assert DENIED == client.says(verb + b" " + argument.replace(b"{}", raw))


@pytest.mark.parametrize(
    "line", ["APPE {}", "STOU {}", "MKD {}", "RMD {}", "MFF Modify=20260101000000; {}", "STOU"]
)
def test_what_nobody_may(client: Client, line: str) -> None:
    """Appending, unique names and directories are refused on the own file, too."""
    assert DENIED == client.says(line.format(HANS))


def test_listings_say_what_may_be_written(place: Place, client: Client) -> None:
    """A file that this session may write has another mode and other facts than the rest."""
    place.files.listed = True
    lines = client.fetches("LIST /calendar").decode().splitlines()
    assert {"hans.vfb"} == {line.split()[-1] for line in lines if line.startswith("-rw-r--r-- ")}
    assert {"-r--r--r--"} == {line.split()[0] for line in lines if "hans" not in line}
    client.asks("OPTS MLST perm;", "200")
    lines = client.fetches("MLSD /pub/calendar").decode().splitlines()
    assert ["perm=r; berta.vfb", "perm=drw; hans.vfb"] == lines[:2]
    with place.login() as anonymous:
        assert b"-rw-" not in anonymous.fetches("LIST /calendar")


def test_continued_upload(client: Client) -> None:
    """An upload does not continue an earlier one; the position holds for one command only."""
    client.asks("REST 10", "350")
    assert client.says(f"STOR {HANS}").startswith("554")
    assert "226 Stored." == client.uploads(f"STOR {HANS}", NEW)
    client.asks("REST 0", "350")
    assert "226 Stored." == client.uploads(f"STOR {HANS}", NEW)


def test_announced_size(client: Client) -> None:
    """ALLO refuses what is too large before it is sent."""
    client.follows("""
        C: ALLO 1048576
        S: 202 No storage allocation necessary.
        C: ALLO 1048577
        S: 552 More than 1048576 octets; nothing is stored.
        C: ALLO 1000 R 80
        S: 202 No storage allocation necessary.
        C: ALLO many
        S: 501 The size is a number of octets.
    """)


def test_time_of_change(place: Place, client: Client) -> None:
    """MFMT is answered and changes nothing."""
    client.follows(f"""
        C: MFMT 20200101000000 {HANS}
        S: 213 Modify=20200101000000; {HANS}
        C: MFMT now {HANS}
        S: 501 The time is YYYYMMDDHHMMSS.
        C: MDTM {HANS}
        S: 213 20260102030405
    """)


def test_features_of_publishing(client: Client) -> None:
    """FEAT names what only publishing needs, and no TLS where there is none."""
    features = client.says("FEAT")
    assert " MFMT\n" in features
    assert " CLNT\n" in features
    assert "TLS" not in features


def test_who_published(publications: MemoryPublications, place: Place) -> None:
    """A publication knows its account, address, protocol and client."""
    with place.login("freebusy", "secret") as client:
        client.asks("CLNT Outlook/16.0", "200")
        client.uploads(f"STOR {HANS}", NEW)
    ((path, upload, visitor),) = publications.uploads
    assert (HANS, NEW, "ftp", "Outlook/16.0") == (
        path,
        upload.body,
        upload.protocol,
        upload.client,
    )
    assert visitor.account is not None
    assert ("freebusy", "127.0.0.1") == (visitor.account.label, visitor.address)


def test_trusted_anonymous_upload(publications: MemoryPublications, place: Place) -> None:
    """Where the site trusts the network an anonymous client publishes, too."""
    publications.trusts_anonymous = True
    with place.login() as client:
        assert "226 Stored." == client.uploads(f"STOR {HANS}", NEW)
        assert DENIED == client.says("STOR /pub/calendar/nobody.vfb")
