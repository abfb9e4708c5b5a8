"""``freebusy connector setup``: from a setup.ini, or by asking."""

from __future__ import annotations

import sys
from dataclasses import replace
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from calendar_sync.connector.account import INI, ConnectorAccount, read_account
from calendar_sync.connector.errors import ApiError, NotTrustedError
from calendar_sync.connector.inifile import read_setup, with_value
from calendar_sync.connector.line import service_at
from calendar_sync.connector.setup import parsed
from freebusy.connector.bodies import SettingsChange
from freebusy.connectorcommands.opening import client_of, home_or_default
from freebusy.connectorcommands.pinging import print_way, walk
from freebusy.errors import ConfigurationError, FreeBusyError
from freebusy.exits import say

if TYPE_CHECKING:
    from freebusy.connectorcommands.pinging import Way

_NEW = b"""\
# The connector's set-up; docs/connectors.md says what else can stand here.
# The password is kept in the system's keyring, or beside this file.
[server]
url =

[account]
login =
password =
"""

MAX_PASSWORDS = 3
"""Refused ones after which the set-up ends: services and mail servers lock who goes on."""
NOTHING_SAVED = "nothing was saved"
INPUT_ENDED = f"{NOTHING_SAVED}: the input ended before all was answered"


def set_up(file: Path | None, home: Path | None, *, unattended: bool) -> None:
    """Set a home up from a file or by asking, after the gateway has let the login in."""
    place = home_or_default(home)
    if file is not None:
        account = _given(read_account(file, place), unattended=unattended)
    elif unattended or not sys.stdin.isatty():
        raise ConfigurationError(
            ["nobody can be asked here: give a setup.ini, as conf/connector-setup.ini shows it"]
        )
    else:
        account = _asked(place)
    _tell_default(account)
    where = account.settle()
    say(f"{account.home / INI} is written; the password is in {where}.")
    if not unattended:
        say("Next: freebusy connector folders, then freebusy connector sync")


def _given(account: ConnectorAccount, *, unattended: bool) -> ConnectorAccount:
    """Return a file's account once it is let in."""
    way = _walked(account)
    if not unattended or way.error is not None:
        print_way(way)
    if way.error is not None:
        raise FreeBusyError("nothing was saved: mend what failed, and run this again")
    return account


def _walked(account: ConnectorAccount) -> Way:
    with client_of(account) as asking:
        return walk(asking)


def _tell_default(account: ConnectorAccount) -> None:
    mode = account.setup.sync.default_mode
    if mode is not None:
        with client_of(account) as asking:
            asking.change_settings(SettingsChange(default_mode=mode))


# -- by asking


def _asked(home: Path) -> ConnectorAccount:
    """Ask until somebody is let in; what was answered before is proposed."""
    answers = _Answers(home)
    while True:
        try:
            account = answers.complete()
            way = _walked(account)
            if isinstance(way.error, NotTrustedError):
                say(str(way.error))
                account = answers.trusting(account)
                way = _walked(account)
        except ConfigurationError as error:
            for problem in error.problems:
                say(problem)
            continue
        print_way(way)
        if way.error is None:
            return account
        answers.note(way.error)


class _Answers:
    """What was answered so far, as a set-up that the next round of questions proposes."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._body, self._url, self._login = _NEW, "", ""
        self._refused = 0
        """Passwords."""
        self._is_reached = False
        if (home / INI).exists():
            setup, self._body = read_setup(home / INI)
            self._url, self._login = setup.url, setup.account.login

    def complete(self) -> ConnectorAccount:
        """Ask for what is needed; ConfigurationError where an answer is none."""
        if not self._is_reached:
            self._ask_url()
        body = with_value(self._body, "account", "login", _answer("Login", self._login))
        setup = parsed(body)
        self._body, self._login = body, setup.account.login
        password = _password()
        return ConnectorAccount(self._home, setup, password, None, body)

    def trusting(self, account: ConnectorAccount) -> ConnectorAccount:
        """Ask for certificates where the gateway's is not accepted."""
        file = _answer("File of its authority's certificate (PEM); none: stop", "")
        if not file:
            raise FreeBusyError(NOTHING_SAVED)
        body = with_value(account.body, "server", "ca_file", str(Path(file).absolute()))
        account = replace(account, setup=parsed(body), body=body)
        self._body = body
        return account

    def note(self, error: FreeBusyError) -> None:
        """Note why nobody was let in: only a refused login leaves the URL as it is."""
        self._is_reached = isinstance(error, ApiError) and error.status == 401
        self._refused += self._is_reached
        if self._refused >= MAX_PASSWORDS:
            raise FreeBusyError(f"{NOTHING_SAVED}: {MAX_PASSWORDS} logins were refused")
        say("Once more, please; Ctrl-C ends without saving anything.")

    def _ask_url(self) -> None:
        url = _answer("URL of the gateway", self._url)
        if url != self._url:
            url = url if "://" in url else f"https://{url}"
            service_at(url)
            self._body = with_value(self._body, "server", "url", url)
            self._url = url


def _password() -> str:
    try:
        password = getpass("Password: ")
    except EOFError:
        raise FreeBusyError(INPUT_ENDED) from None
    if not password or not password.isprintable():
        raise ConfigurationError(["a password is not empty, and has no control characters"])
    return password


def _answer(question: str, known: str) -> str:
    proposed = f" [{known}]" if known else ""
    sys.stderr.write(f"{question}{proposed}: ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        sys.stderr.write("\n")
        raise FreeBusyError(INPUT_ENDED)
    return answer.strip() or known
