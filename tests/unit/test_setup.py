"""What ``freebusy client-setup`` tells people to enter, and its .reg file."""

from __future__ import annotations

import codecs
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from freebusy.clientsettings import Client, Doors, Settings, instructions
from freebusy.errors import ConfigurationError
from freebusy.officeregistry import registry_file
from freebusy.setup import doors, settings_for
from tests.unit.command_state import configured

if TYPE_CHECKING:
    from pathlib import Path

DOORS = Doors(
    https="https://fb.example.com",
    http="http://fb.example.com:8088",
    ftp="ftp://fb.example.com",
    ftps="ftps://fb.example.com",
    explicit_tls=True,
)
HANS = Settings(name="hans", address="hans@example.com", doors=DOORS)


def told(settings: Settings, client: Client = Client.ALL) -> str:
    return "\n".join(instructions(settings, client))


def test_outlook() -> None:
    """Outlook gets the FTP address with login and password inside, and HTTPS, which asks."""
    assert """\
Settings for hans (hans@example.com)

Login     hans (hans@example.com does as well)
Password  an app password, which stands below as APP-PASSWORD; it is made by
          freebusy password add hans --label outlook --scope publish

Outlook
  File > Options > Calendar > Free/Busy Options
  (with an Exchange account: Other Free/Busy; up to 2007:
  Tools > Options > Preferences > Calendar Options > Free/Busy Options)
  Publish at my location:
    ftp://hans:APP-PASSWORD@fb.example.com/pub/calendar/hans.vfb
  or, over HTTP:
    https://fb.example.com/pub/calendar/hans.vfb
    It asks for the login: hans, APP-PASSWORD
  Search location:
    https://fb.example.com/pub/calendar/%NAME%.vfb
  Outlook sends what changed every 15 minutes; Send/Receive > Free/Busy
  Information sends at once.""" == told(HANS, Client.OUTLOOK)


def test_korganizer() -> None:
    """KOrganizer gets the address without a login, which has fields of its own."""
    assert """\
KOrganizer
  Settings > Configure KOrganizer > Free/Busy
  Publish
    Server URL      https://fb.example.com/pub/calendar/hans.vfb
    Username        hans
    Password        APP-PASSWORD
  Retrieve
    Server URL      https://fb.example.com/pub/calendar/%NAME%.vfb""" in told(
        HANS, Client.KORGANIZER
    )


def test_evolution() -> None:
    """Evolution gets server, port and file apart, and its own signs in the template."""
    text = told(replace(HANS, doors=replace(DOORS, https="https://fb:8443")), Client.EVOLUTION)
    for line in (
        "    Service type    Secure WebDAV (HTTPS)",
        "    Server          fb",
        "    Port            8443",
        "    File            /pub/calendar/hans.vfb",
        "    Template        https://fb:8443/pub/calendar/%u@%d.vfb",
        "    of this person  https://fb:8443/pub/calendar/hans.vfb",
    ):
        assert line in text.splitlines()


def test_every_line_fits_a_terminal() -> None:
    """No line but an address is wider than 80 columns."""
    wide = [line for line in told(HANS).splitlines() if len(line) > 80]
    assert [] == [line for line in wide if "://" not in line]


def test_whom_a_password_publishes_for() -> None:
    """A delegate's password says for whom it is good, too."""
    settings = replace(HANS, password="fbp-x")
    assert "publishes for hans alone." in told(settings)
    assert "publishes for hans, eva alone." in told(replace(settings, delegate_of=["eva"]))


def test_thunderbird_has_nothing_to_enter() -> None:
    """Thunderbird's people are told why, and what works instead."""
    text = told(HANS, Client.THUNDERBIRD)
    assert "Nothing to enter" in text
    assert "http" not in text.partition("Thunderbird")[2]


def test_everything_at_once() -> None:
    """Without a choice each client has its part, in no more than 96 columns."""
    lines = instructions(HANS)
    titles = {"Outlook", "KOrganizer", "Evolution", "Thunderbird", "Browsers", "curl"}
    assert titles <= set(lines)
    assert 96 >= max(map(len, lines))


@pytest.mark.parametrize(
    ("name", "password", "expected"),
    [
        ("hans", None, "ftp://hans:APP-PASSWORD@fb/pub/calendar/hans.vfb"),
        ("hans@example.com", "abc", "ftp://hans%40example.com:abc@fb/pub/calendar/hans@example.com.vfb"),
        ("h+k", "a:b@c/d%e", "ftp://h%2Bk:a%3Ab%40c%2Fd%25e@fb/pub/calendar/h+k.vfb"),
        ("jörg", "ä", "ftp://j%C3%B6rg:%C3%A4@fb/pub/calendar/j%C3%B6rg.vfb"),
    ],
)  # fmt: skip
def test_login_and_password_inside_an_address(
    name: str, password: str | None, expected: str
) -> None:
    """Whatever would end the login or the path is percent-encoded."""
    assert expected == replace(HANS, name=name, password=password).with_login("ftp://fb")


def test_a_new_password_is_shown() -> None:
    """A password that was just made stands where the placeholder would."""
    text = told(replace(HANS, password="xyzzy"))
    assert "APP-PASSWORD" not in text
    assert "ftp://hans:xyzzy@fb.example.com/pub/calendar/hans.vfb" in text
    assert "It is shown this once" in text


@pytest.mark.parametrize(
    ("changes", "said", "not_said"),
    [
        # Basic over plain HTTP is refused by the gateway, so it is not offered.
        ({"https": None}, "ftp://hans:", "It asks for the login"),
        ({"https": None, "plain_http_logins": True}, "or, over HTTP:\n    http://", "https"),
        ({"plain_ftp_logins": False}, "https://fb.example.com/pub/calendar/hans.vfb", "ftp://hans"),
        ({"https": None, "plain_ftp_logins": False}, "not possible", "Publish at my location"),
        ({"https": None, "http": None}, "ftp://fb.example.com/pub/calendar/%NAME%.vfb", "http:"),
        ({"several_domains": True}, "/pub/calendar/%SERVER%/%NAME%.vfb", "calendar/%NAME%"),
    ],
)
def test_only_ways_that_work_are_offered(
    changes: dict[str, object], said: str, not_said: str
) -> None:
    """What the site's settings shut is not told."""
    text = told(replace(HANS, doors=replace(DOORS, **changes)), Client.OUTLOOK)  # type: ignore[arg-type]  # a table of any fields
    assert [True, False] == [said in text, not_said in text]


def test_a_site_that_takes_nothing() -> None:
    """Where publishing is off there are reading addresses and no password."""
    text = told(replace(HANS, publishes=False))
    assert "takes no publications" in text
    assert "APP-PASSWORD" not in text
    assert "%NAME%" in text


def test_trusted_networks_and_readers_with_a_login() -> None:
    """Networks that need no login are named, and how to read where all need one."""
    text = told(replace(HANS, trusted=("192.0.2.0/24",)), Client.OUTLOOK)
    assert "or, without a login from 192.0.2.0/24:\n    http://fb.example.com:8088/pub" in text
    text = told(replace(HANS, reading_needs_login=True), Client.OUTLOOK)
    assert "ftp://hans:READ-PASSWORD@fb.example.com/pub/calendar/%NAME%.vfb" in text


# -- from the configuration


def test_the_addresses_of_a_configuration(tmp_path: Path) -> None:
    """Host, ports and schemes come from the configuration; usual ports are left out."""
    config = configured(
        tmp_path,
        'hostname = "fb.example.com"\n[http]\nlisten = ":80"\n[ftp]\nlisten = "[::]:2121"\n',
    )
    found = settings_for(config, "eva")
    assert ("eva", "eva@example.com", 6) == (found.name, found.address, found.months)
    assert Doors(http="http://fb.example.com", ftp="ftp://fb.example.com:2121") == found.doors


def test_addresses_without_a_hostname(tmp_path: Path) -> None:
    """Without site.hostname the address that is listened on stands in, brackets included."""
    config = configured(tmp_path, '[http]\nlisten = "[2001:db8::1]:80"\n[ftp]\nlisten = ":21"\n')
    found = doors(config)
    assert ("http://[2001:db8::1]", "ftp://localhost") == (found.http, found.ftp)


def test_a_proxy_in_front(tmp_path: Path) -> None:
    """--url replaces what the gateway itself listens on."""
    found = doors(configured(tmp_path), "https://fb.example.com/")
    assert ("https://fb.example.com", None) == (found.https, found.http)


@pytest.mark.parametrize("url", ["fb.example.com", "ftp://fb", "https://", "http://a:b@fb"])
def test_an_url_that_is_none(tmp_path: Path, url: str) -> None:
    """Anything but a base address of HTTP is refused."""
    with pytest.raises(ConfigurationError, match="--url"):
        doors(configured(tmp_path), url)


# -- the registry

_KEY = re.compile(r"\[(HKEY_[A-Z_]+(?:\\[^\\\[\]]+)+)\]")
_TEXT = re.compile(r'"((?:[^"\\]|\\.)+)"="((?:[^"\\]|\\.)*)"')
_NUMBER = re.compile(r'"((?:[^"\\]|\\.)+)"=dword:([0-9a-f]{8})')


def read_registry(file: bytes) -> dict[str, dict[str, str | int]]:
    """Read a .reg file as regedit does: keys, texts and numbers; anything else is an error."""
    assert file.startswith(codecs.BOM_UTF16_LE)
    head, *lines = file[2:].decode("utf-16-le").split("\r\n")
    assert "Windows Registry Editor Version 5.00" == head
    assert ["", ""] == [lines[0], lines[-1]]
    keys: dict[str, dict[str, str | int]] = {}
    values: dict[str, str | int] = {}
    for line in lines:
        assert "\n" not in line
        if key := _KEY.fullmatch(line):
            assert key[1] not in keys
            values = keys[key[1]] = {}
        elif text := _TEXT.fullmatch(line):
            values[text[1]] = re.sub(r"\\(.)", r"\1", text[2])
        elif number := _NUMBER.fullmatch(line):
            values[number[1]] = int(number[2], 16)
        else:
            assert "" == line or line.startswith(";")
    return keys


def test_the_registry_file_holds_what_is_known_for_every_version() -> None:
    """Each Office version has the proven values and nothing else."""
    root = r"HKEY_CURRENT_USER\Software\Microsoft\Office"
    search = "https://fb.example.com/pub/calendar/%NAME%.vfb"
    expected: dict[str, dict[str, str | int]] = {}
    for version in ("8.5", "9.0", "10.0", "11.0", "12.0", "14.0", "15.0", "16.0"):
        outlook = rf"{root}\{version}\Outlook"
        expected[rf"{outlook}\Options\Calendar\Internet Free/Busy"] = {"Read URL": search}
        expected[rf"{outlook}\Options\Calendar"] = {"FreeBusySearchPath": search}
        expected[rf"{outlook}\Preferences"] = {"FBPublishRange": 6, "FBUpdateSecs": 900}
    assert expected == read_registry(registry_file(HANS))


def test_the_publish_address_is_a_comment() -> None:
    """It is shown to be pasted and written to no value, and no password is in the file."""
    text = registry_file(replace(HANS, password="xyzzy")).decode("utf-16")
    assert "xyzzy" not in text
    lines = [line for line in text.splitlines() if "hans.vfb" in line]
    assert [";   ftp://hans:APP-PASSWORD@fb.example.com/pub/calendar/hans.vfb"] == lines[:1]
    assert all(line.startswith(";") for line in lines)


def test_what_the_registry_would_misread_is_escaped() -> None:
    """Quotes and backslashes in a value survive."""
    odd = 'https://fb/a"b\\c'
    keys = read_registry(registry_file(replace(HANS, doors=Doors(https=odd), months=36)))
    assert {f"{odd}/pub/calendar/%NAME%.vfb"} == {
        value for values in keys.values() for value in values.values() if isinstance(value, str)
    }
    assert {12} == {v["FBPublishRange"] for v in keys.values() if "FBPublishRange" in v}


def test_connector() -> None:
    """The connector gets its set-up file, and an app password where such a one will do."""
    assert """\
Settings for hans (hans@example.com)

Login     hans (hans@example.com does as well)
Password  the mail account's: the connector asks for it where the file has none
          or an app password:
          freebusy password add hans --label laptop --scope connector

freebusy connector
  Save these lines as setup.ini, and chmod 600 it:
[server]
url = https://fb.example.com
[account]
login = hans
password =
  Then: freebusy connector setup setup.ini && freebusy connector sync""" == told(
        replace(HANS, connects="app"), Client.CONNECTOR
    )


def test_connector_with_a_new_password() -> None:
    """A new password stands in the set-up file; without TLS it is for the same machine alone."""
    found = told(
        replace(HANS, connects="app", password="fbp-x", doors=Doors(http="http://localhost:8088")),
        Client.CONNECTOR,
    )
    assert "\npassword = fbp-x\n" in found
    assert "  Only on the gateway's own machine: others need TLS" in found


def test_no_connector() -> None:
    """Where no connectors are served nothing is said of them, unless somebody asks."""
    assert "connector" not in told(HANS)
    assert "  This site serves no connectors ([connector], [login])." in told(
        HANS, Client.CONNECTOR
    )
