"""What docs/mail-servers.md says is tried as it is written."""

from __future__ import annotations

import re
import shlex
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from freebusy.config import load
from freebusy.gateway import calendar_source
from freebusy.ports import Owner
from tests.contract.place import Replica, event
from tests.servers.mailserver import PASSWORD
from tests.system.imap_case import HEADER

if TYPE_CHECKING:
    from freebusy.config import Config
    from tests.servers.cyrus import Cyrus
    from tests.servers.dovecot import Dovecot
    from tests.servers.mailserver import MailServer

PAGE = Path(__file__).parents[2] / "docs" / "mail-servers.md"
BLOCK = re.compile(r"<!-- tried: ([a-z ]+) -->\s*```\w*\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def blocks() -> dict[str, str]:
    """Give the page's examples by their names."""
    return {name: re.sub(r"(?m)^  ", "", text) for name, text in BLOCK.findall(PAGE.read_text())}


@pytest.fixture(scope="module")
def reader(cyrus: Cyrus) -> Cyrus:
    """Give a Cyrus with the page's login."""
    cyrus.add_user("freebusy")
    return cyrus


def configured(server: MailServer, toml: str, directory: Path, user: str) -> Config:
    """Load the example for this server and user."""
    here = f'host = "127.0.0.1"\nport = {server.port}\nsecurity = "plain"'
    text = toml.replace('host = "imap.example.com"', here).replace("hans@", f"{user}@")
    path = directory / "freebusy.toml"
    path.write_text(text)
    secret = directory / "imap.password"
    secret.write_text(PASSWORD + "\n")
    secret.chmod(0o600)
    return load(path, {})


def both(server: MailServer, toml: str, directory: Path, *users: str) -> list[list[str]]:
    """Load the example, with no folders named, and return what it lists for each user."""
    config = configured(server, re.sub("folders.*", "", toml), directory, users[0])
    with closing(calendar_source(config, config.sources["mail"])) as source:
        owners = [Owner(user, f"{user}@example.com") for user in users]
        return [[calendar.name for calendar in source.calendars(owner)] for owner in owners]


def read(server: MailServer, toml: str, directory: Path, user: str) -> list[str]:
    """Load the example, for this server and user, and read the calendar it names."""
    config = configured(server, toml, directory, user)
    with closing(calendar_source(config, config.sources["mail"])) as source:
        (calendar,) = source.calendars(Owner(user, f"{user}@example.com"))
        return Replica().run(source, calendar).objects


def person(server: MailServer) -> str:
    """Make a user with a calendar of one event."""
    user = server.new_user()
    folder = server.folder("Calendar")
    server.create_folder(user, folder)
    server.append(user, folder, HEADER + event("a"))
    return user


@pytest.mark.dovecot
def test_dovecot_with_one_login(dovecot: Dovecot, blocks: dict[str, str], tmp_path: Path) -> None:
    """With the rights that the page gives, one login reads a person's calendar."""
    user = person(dovecot)
    for command in ("dovecot acl", "dovecot type"):
        dovecot.doveadm(*shlex.split(blocks[command].replace("hans", user))[1:])
    assert ["a Meeting"] == read(dovecot, blocks["dovecot service"], tmp_path, user)
    found = re.sub("folders.*", "", blocks["dovecot service"])
    assert ["a Meeting"] == read(dovecot, found, tmp_path, user)


@pytest.mark.dovecot
def test_dovecot_with_a_master(dovecot: Dovecot, blocks: dict[str, str], tmp_path: Path) -> None:
    """A master user reads a person's calendar."""
    user = person(dovecot)
    assert ["a Meeting"] == read(dovecot, blocks["dovecot master"], tmp_path, user)


@pytest.mark.cyrus
def test_cyrus_with_one_login(reader: Cyrus, blocks: dict[str, str], tmp_path: Path) -> None:
    """With the rights that the page gives, one login reads a person's calendar."""
    user = person(reader)
    said = reader.cyradm(blocks["cyrus acl"])
    assert f"user.{user}.Calendar...OK" in said
    assert ["a Meeting"] == read(reader, blocks["cyrus service"], tmp_path, user)


@pytest.mark.dovecot
def test_dovecot_with_a_shared_calendar(
    dovecot: Dovecot, blocks: dict[str, str], tmp_path: Path
) -> None:
    """With the rights and the annotation of the page a calendar counts for somebody else, too."""
    hans, eva = person(dovecot), person(dovecot)
    for user in (hans, eva):
        for command in ("dovecot acl", "dovecot type"):
            dovecot.doveadm(*shlex.split(blocks[command].replace("hans", user))[1:])
    for command in blocks["dovecot shared"].strip().split("\n"):
        words = command.replace("hans", hans).replace("=eva", f"={eva}")
        dovecot.doveadm(*shlex.split(words)[1:])
    seen = [dovecot.shared_folder(user, "Calendar") for user in (hans, eva)]
    expected = [[seen[0]], sorted(seen)]
    assert expected == both(dovecot, blocks["dovecot service"], tmp_path, hans, eva)


@pytest.mark.dovecot
def test_dovecot_acting_for_each(dovecot: Dovecot, blocks: dict[str, str], tmp_path: Path) -> None:
    """A master user acts for a person without a separator in the login."""
    user = person(dovecot)
    assert ["a Meeting"] == read(dovecot, blocks["dovecot authorization"], tmp_path, user)


@pytest.mark.cyrus
def test_cyrus_with_a_shared_calendar(
    reader: Cyrus, blocks: dict[str, str], tmp_path: Path
) -> None:
    """With the rights and the annotation of the page a calendar counts for somebody else, too."""
    hans, eva = person(reader), person(reader)
    reader.cyradm(blocks["cyrus acl"])
    shared = blocks["cyrus shared"].replace("hans", hans).replace(" eva ", f" {eva} ")
    reader.cyradm(shared)
    seen = [reader.shared_folder(user, "Calendar") for user in (hans, eva)]
    expected = [[seen[0]], sorted(seen)]
    assert expected == both(reader, blocks["cyrus service"], tmp_path, hans, eva)


@pytest.mark.cyrus
@pytest.mark.parametrize("example", ["cyrus authorization", "cyrus administrator"])
def test_cyrus_acting_for_each(
    cyrus: Cyrus, blocks: dict[str, str], tmp_path: Path, example: str
) -> None:
    """A proxy, and an administrator, read a person's calendar as that person."""
    user = person(cyrus)
    assert ["a Meeting"] == read(cyrus, blocks[example], tmp_path, user)
