"""``freebusy connector setup``: from a setup.ini, or by asking."""

from __future__ import annotations

import sys
from dataclasses import replace
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from calendar_sync.connector.account import INI, ConnectorAccount, read_account
from calendar_sync.connector.errors import NotTrustedError
from calendar_sync.connector.inifile import read_setup, with_value
from calendar_sync.connector.line import service_at
from calendar_sync.connector.setup import parsed
from freebusy.connector.bodies import SettingsChange
from freebusy.connectorcommands.opening import client_of, home_or_default
from freebusy.connectorcommands.pinging import print_way, walk
from freebusy.errors import ConfigurationError, FreeBusyError
from freebusy.exits import say

if TYPE_CHECKING:
    from calendar_sync.connector.client import ConnectorClient

_NEW = b"""\
# The connector's set-up; docs/connectors.md says what else can stand here.
# The password is kept in the system's keyring, or beside this file.
[server]
url =

[account]
login =
password =
"""


def set_up(file: Path | None, home: Path | None, *, unattended: bool) -> None:
    """Set a home up from a file or by asking, after the gateway has let the login in."""
    place = home_or_default(home)
    account = _asked(place, unattended) if file is None else read_account(file, place)
    account = _trusting(account) if file is None else account
    with client_of(account) as asking:
        way = walk(asking)
        if not unattended or way.error is not None:
            print_way(way)
        if way.error is not None:
            raise FreeBusyError("nothing was saved: mend what failed, and run this again")
        _tell_default(account, asking)
    where = account.settle()
    say(f"{account.home / INI} is written; the password is in {where}.")
    if not unattended:
        say("Next: freebusy connector folders, then freebusy connector sync")


def _trusting(account: ConnectorAccount) -> ConnectorAccount:
    """Ask for certificates where the gateway's is not accepted."""
    try:
        with client_of(account) as asking:
            asking.settings()
    except NotTrustedError as error:
        say(str(error))
        file = _answer("File of its authority's certificate (PEM); none: stop", "")
        if not file:
            raise FreeBusyError("nothing was saved") from None
        body = with_value(account.body, "server", "ca_file", str(Path(file).absolute()))
        return replace(account, setup=parsed(body), body=body)
    except FreeBusyError:
        pass  # the next step says it better
    return account


def _tell_default(account: ConnectorAccount, asking: ConnectorClient) -> None:
    mode = account.setup.sync.default_mode
    if mode is not None:
        asking.change_settings(SettingsChange(default_mode=mode))


def _asked(home: Path, unattended: bool) -> ConnectorAccount:  # noqa: FBT001 - as it was typed
    """Ask for what is needed; what a home has already is proposed."""
    if unattended or not sys.stdin.isatty():
        raise ConfigurationError(
            ["nobody can be asked here: give a setup.ini, as conf/connector-setup.ini shows it"]
        )
    body, url, login = _NEW, "", ""
    if (home / INI).exists():
        setup, body = read_setup(home / INI)
        url, login = setup.url, setup.account.login
    body = _with_url(body, url)
    body = with_value(body, "account", "login", _answer("Login", login))
    setup = parsed(body)
    password = getpass("Password: ")
    if not password or not password.isprintable():
        raise ConfigurationError(["a password is not empty, and has no control characters"])
    return ConnectorAccount(home, setup, password, None, body)


def _with_url(body: bytes, known: str) -> bytes:
    url = _answer("URL of the gateway", known)
    if url == known:
        return body
    url = url if "://" in url else f"https://{url}"
    service_at(url)
    return with_value(body, "server", "url", url)


def _answer(question: str, known: str) -> str:
    proposed = f" [{known}]" if known else ""
    sys.stderr.write(f"{question}{proposed}: ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        raise KeyboardInterrupt
    return answer.strip() or known
