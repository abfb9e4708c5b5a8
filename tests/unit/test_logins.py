"""Logins: which password opens what, what is asked of whom, and what is remembered."""

from __future__ import annotations

import logging
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from freebusy import logins as logins_module
from freebusy.apppasswords import AppPasswords
from freebusy.errors import LoginError, LoginRefusedError, LoginSlowedError, LoginUnavailableError
from freebusy.logins import AccountLogins, LoginRules
from freebusy.passwords import hash_password
from freebusy.ports import Account, Scope
from freebusy.store import Store
from freebusy.throttle import Throttle, ThrottleRules
from tests.system.cli_case import until
from tests.unit.login_case import Clock, MailServer, outage

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE, THERE = "192.0.2.1", "198.51.100.7"
HANS = Account("hans", "hans", Scope.MAIL)
SHARED = Account("freebusy", None, Scope.SHARED)
PEOPLE = {"hans": "hans", "hans@example.com": "hans", "eva": "eva", "fritz": "fritz"}
LOGINS = {"hans": "hans@example.com", "eva": "eva-login"}
PASSWORDS = {"hans@example.com": "geheim", "eva-login": "auch geheim", "cyrus": "admin"}


class Case:
    """Logins over a store and a mail server of their own; failures do not slow unless asked to."""

    def __init__(self, store: Store, throttle: ThrottleRules | None = None, **rules: Any) -> None:
        self.clock = Clock()
        self.mail = MailServer(self.clock, dict(PASSWORDS))
        self.app_passwords = AppPasswords(store, self.clock.now)
        self.throttle = Throttle(
            store, throttle or ThrottleRules(0.0, 0.0), self.clock.now, self.clock
        )
        self.rules = replace(
            LoginRules(
                lambda user: PEOPLE.get(user.replace("%40", "@").lower()),
                LOGINS.get,
                self.mail,
                shared_password="für alle",
            ),
            **rules,
        )
        self.logins = AccountLogins(
            self.rules,
            self.app_passwords,
            self.throttle,
            clock=self.clock,
            sleep=self.clock.sleep,
        )

    def try_it(self, user: str, password: str, address: str = HERE) -> Account | str:
        """Log in as a server does; return the account or the kind of refusal."""
        try:
            account = self.logins.recall(user, password, address)
            if account is None:
                self.clock.sleep(self.logins.delay(user, address))
                account = self.logins.log_in(user, password, address)
        except LoginError as error:
            return _KINDS[type(error)]
        return account


_KINDS = {
    LoginRefusedError: "refused",
    LoginSlowedError: "slowed",
    LoginUnavailableError: "unavailable",
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "store.db")) as made:
        yield made


@pytest.fixture
def case(store: Store) -> Case:
    return Case(store)


# -- who is who


@pytest.mark.parametrize(
    ("user", "password", "expected"),
    [
        ("hans", "geheim", HANS),
        ("Hans", "geheim", HANS),
        ("hans@example.com", "geheim", HANS),
        ("hans%40example.com", "geheim", HANS),
        ("eva", "auch geheim", Account("eva", "eva", Scope.MAIL)),
        ("freebusy", "für alle", SHARED),
        ("FreeBusy", "für alle", SHARED),
        ("hans", "auch geheim", "refused"),
        ("hans", "Geheim", "refused"),
        ("hans", "für alle", "refused"),
        ("hans", "", "refused"),
        ("freebusy", "geheim", "refused"),
        ("freebusy", "", "refused"),
        ("fritz", "anything", "refused"),
        ("nobody", "geheim", "refused"),
        ("", "geheim", "refused"),
    ],
)
def test_who_gets_in(case: Case, user: str, password: str, expected: Account | str) -> None:
    """Each account has its password, whatever way its name is written."""
    assert expected == case.try_it(user, password)


def test_all_refusals_read_alike(case: Case) -> None:
    """No refusal says what was wrong."""
    case.app_passwords.add("hans", "a", Scope.READ)
    reasons = set()
    for user, password in [("hans", "x"), ("nobody", "x"), ("hans", "fbp-x"), ("freebusy", "")]:
        with pytest.raises(LoginRefusedError) as caught:
            case.logins.log_in(user, password, HERE)
        reasons.add(caught.value.reason)
    assert {"Login incorrect."} == reasons


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("nobody", "x"),
        ("cyrus", "admin"),
        ("hans*gateway", "x"),
        ("hans+Calendar", "x"),
        ("hans\r\n", "x"),
        ("fritz", "x"),
        ("hans", ""),
        ("hans", "a\0b"),
        ("hans", "a\r\nb"),
        ("hans", "x" * 1025),
        ("hans", "fbp-0000-0000-0000-0000-0000-0000"),
        ("hans", "FBP-mistyped"),
        ("freebusy", "geheim"),
    ],
)
def test_what_never_reaches_the_mail_server(case: Case, user: str, password: str) -> None:
    """Unknown and service accounts, what is no password, and what is meant as an app password."""
    assert "refused" == case.try_it(user, password)
    assert [] == case.mail.asked


def test_the_login_comes_from_the_configuration(case: Case) -> None:
    """The mail server is asked for the configured login, whatever the client wrote."""
    case.try_it("HANS%40example.com", "geheim")
    case.try_it("eva", "x")
    assert [("hans@example.com", "geheim"), ("eva-login", "x")] == case.mail.asked


@pytest.mark.parametrize("login", ["cyrus", "hans*gateway", None])
def test_a_service_account_is_nobody(store: Store, login: str | None) -> None:
    """Nobody guesses a service account's password, nor a master user's, by a person's name."""
    case = Case(store, login_of=lambda _: login, service_logins={"cyrus"})
    assert "refused" == case.try_it("hans", "admin")
    assert [] == case.mail.asked


# -- the shared account


def test_the_shared_account_by_its_hash(store: Store) -> None:
    """A hash in the configuration does what the password does."""
    case = Case(store, shared_password=None, shared_hash=hash_password("für alle"))
    assert [SHARED, "refused"] == [case.try_it("freebusy", p) for p in ("für alle", "geheim")]


def test_no_shared_account(store: Store) -> None:
    """Without a password there is none, and its name is like any other."""
    case = Case(store, shared_password=None)
    assert ["refused"] * 2 == [case.try_it("freebusy", password) for password in ("", "None")]


def test_another_name_for_the_shared_account(store: Store) -> None:
    """The configuration names it; the usual name is then nobody."""
    case = Case(store, shared_user="kalender")
    found = [case.try_it(user, "für alle") for user in ("kalender", "freebusy")]
    assert [Account("kalender", None, Scope.SHARED), "refused"] == found


# -- app passwords


@pytest.mark.parametrize("scope", [Scope.PUBLISH, Scope.READ, Scope.CONNECTOR])
def test_an_app_password(case: Case, scope: Scope) -> None:
    """It opens the person's account for its purpose, without the mail server."""
    password = case.app_passwords.add("hans", "outlook", scope)
    assert Account("hans/outlook", "hans", scope) == case.try_it("hans@example.com", password)
    assert "refused" == case.try_it("eva", password)
    assert [] == case.mail.asked


def test_a_revoked_app_password_ends_at_once(case: Case, store: Store) -> None:
    """Also where it was used a moment before, and revoked by another process."""
    password = case.app_passwords.add("hans", "outlook", Scope.PUBLISH)
    assert isinstance(case.try_it("hans", password), Account)
    assert case.logins.recall("hans", password, HERE)
    AppPasswords(store, case.clock.now).revoke("hans", "outlook")
    assert None is case.logins.recall("hans", password, HERE)
    assert "refused" == case.try_it("hans", password)
    assert [] == case.mail.asked


def test_use_of_an_app_password_is_noted(case: Case) -> None:
    """At most once a minute, and by log_in alone: recall must not write."""
    password = case.app_passwords.add("hans", "outlook", Scope.PUBLISH)
    assert None is case.logins.recall("hans", password, HERE)
    case.logins.log_in("hans", password, HERE)
    for address in (HERE, THERE):
        assert case.logins.recall("hans", password, address)
    case.clock.sleep(61)
    assert None is case.logins.recall("hans", password, THERE)
    case.logins.log_in("hans", password, THERE)
    (known,) = case.app_passwords.list()
    assert THERE == known.last_from


# -- what is remembered


def test_a_success_is_remembered(case: Case) -> None:
    """For the configured time the mail server is not asked again."""
    assert [HANS, HANS] == [case.try_it("hans", "geheim") for _ in range(2)]
    assert HANS == case.logins.recall("hans@example.com", "geheim", HERE)
    assert 1 == len(case.mail.asked)
    case.clock.sleep(600)
    assert None is case.logins.recall("hans", "geheim", HERE)
    assert HANS == case.try_it("hans", "geheim")
    assert 2 == len(case.mail.asked)


@pytest.mark.parametrize(
    ("user", "password", "address"),
    [("hans", "Geheim", HERE), ("eva", "geheim", HERE), ("hans", "geheim", THERE)],
)
def test_only_this_very_login_is_remembered(
    case: Case, user: str, password: str, address: str
) -> None:
    """Not another password, nor another person, nor the same from elsewhere."""
    case.try_it("hans", "geheim")
    assert None is case.logins.recall(user, password, address)


def test_a_failure_is_not_remembered(case: Case) -> None:
    """A password that becomes right opens the account at once."""
    assert "refused" == case.try_it("hans", "neu")
    case.mail.passwords["hans@example.com"] = "neu"
    assert HANS == case.try_it("hans", "neu")


@pytest.mark.parametrize("forget", ["forget", "reload"])
def test_forgotten(case: Case, forget: str) -> None:
    """Everybody is asked anew after a reload."""
    case.try_it("hans", "geheim")
    case.try_it("freebusy", "für alle")
    case.logins.forget() if forget == "forget" else case.logins.reload(case.rules)
    recalled = [case.logins.recall(*each, HERE) for each in [("hans", "geheim"), ("freebusy", "x")]]
    assert [None, None] == recalled


def test_a_check_that_ends_after_a_reload_is_not_remembered(case: Case) -> None:
    """What was asked under the old rules is not remembered under the new ones."""
    case.mail.gate = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        login = pool.submit(case.logins.log_in, "hans", "geheim", HERE)
        until(lambda: bool(case.mail.asked), "the mail server is asked")
        case.logins.reload(case.rules)
        case.mail.gate.set()
        assert HANS == login.result()
    assert None is case.logins.recall("hans", "geheim", HERE)


def test_other_rules(case: Case) -> None:
    """A reload takes another shared password and another roster."""
    rules = replace(case.rules, shared_password="neu", person_of=lambda _: None)
    case.logins.reload(rules)
    tries = [("freebusy", "für alle"), ("freebusy", "neu"), ("hans", "geheim")]
    assert ["refused", SHARED, "refused"] == [case.try_it(*each) for each in tries]


def test_nothing_is_remembered(store: Store) -> None:
    """With ``cache = 0`` every login is asked for."""
    case = Case(store, cache=0.0)
    assert [HANS] * 3 == [case.try_it("hans", "geheim") for _ in range(3)]
    assert 3 == len(case.mail.asked)


# -- the mail server


def test_an_outage_is_not_a_wrong_password(case: Case) -> None:
    """While the mail server cannot be asked nobody is refused; others get in meanwhile."""
    app_password = case.app_passwords.add("hans", "outlook", Scope.READ)
    case.try_it("eva", "auch geheim")
    case.mail.error = outage()
    assert "unavailable" == case.try_it("hans", "geheim")
    assert "unavailable" == case.try_it("hans", "wrong")
    assert SHARED == case.try_it("freebusy", "für alle")
    assert isinstance(case.try_it("hans", app_password), Account)
    assert isinstance(case.try_it("eva", "auch geheim"), Account)
    case.mail.error = None
    assert HANS == case.try_it("hans", "geheim")


def test_no_mail_logins(store: Store) -> None:
    """Where the site has none, mail passwords are wrong and app passwords work."""
    case = Case(store, check=None)
    password = case.app_passwords.add("hans", "outlook", Scope.READ)
    found = [case.try_it("hans", each) for each in ("geheim", password)]
    assert ["refused", Account("hans/outlook", "hans", Scope.READ)] == found


def test_so_many_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mail server is asked at most ``max_checks`` times at a time; the rest is told to wait."""
    monkeypatch.setattr(logins_module, "SLOT_PATIENCE", 0.2)
    case = Case(store, max_checks=4)
    case.mail.gate = threading.Event()
    with ThreadPoolExecutor(6) as pool:
        found = [pool.submit(case.try_it, "hans", f"wrong {n}") for n in range(6)]
        until(lambda: sum(each.done() for each in found) == 3, "three were told to wait")
        case.mail.gate.set()
        said = sorted(str(each.result()) for each in found)
    assert ["refused"] * 3 + ["unavailable"] * 3 == said
    assert 3 == case.mail.most_at_once  # the fourth is for those who are known


def test_the_same_at_once_is_asked_once(case: Case) -> None:
    """A client that opens several connections costs one question."""
    case.mail.gate = threading.Event()
    with ThreadPoolExecutor(6) as pool:
        found = [pool.submit(case.try_it, "hans", "geheim") for _ in range(6)]
        until(lambda: bool(case.mail.asked), "the mail server is asked")
        case.mail.gate.set()
        assert [HANS] * 6 == [each.result() for each in found]
    assert 1 == len(case.mail.asked)


# -- who guesses


SLOW = ThrottleRules()


def test_guesses_are_slowed(store: Store) -> None:
    """Each wrong password makes the next try wait longer."""
    case = Case(store, SLOW)
    started = []
    for number in range(7):
        assert "refused" == case.try_it("hans", f"guess {number}")
        started.append(case.clock.passed)
    assert [0, 1, 3, 7, 15, 31, 61] == started


def test_an_old_saved_password_is_not_slowed_ever_more(store: Store) -> None:
    """Outlook repeats an old password every 15 minutes: its owner waits a second at most."""
    case = Case(store, SLOW)
    for _ in range(20):
        case.try_it("hans", "old")
        case.clock.sleep(300)
    case.try_it("hans", "old")
    assert 1.0 == case.logins.delay("hans", HERE)
    assert 0.0 == case.logins.delay("eva", THERE)
    assert HANS == case.logins.log_in("hans", "geheim", THERE)


def test_recalling_is_no_way_to_guess(store: Store) -> None:
    """Who guesses where the owner logs in cannot tell the right password by its being quick."""
    case = Case(store, SLOW)
    assert HANS == case.try_it("hans", "geheim")
    said = {case.try_it("hans", f"guess {number}") for number in range(3)}
    assert HANS == case.try_it("hans", "geheim")
    for number in range(40):
        if case.logins.recall("hans", f"more {number}", HERE) is None:
            with pytest.raises(LoginError):
                case.logins.log_in("hans", f"more {number}", HERE)
    assert None is case.logins.recall("hans", "geheim", HERE)
    assert {"refused"} == said
    case.clock.sleep(90)
    assert HANS == case.logins.recall("hans", "geheim", HERE)


def test_unknown_names_are_slowed_as_known_ones(store: Store) -> None:
    """Delays tell nobody who has an account: not at the same address, nor at another."""
    delays = {}
    for user in ("hans", "nobody"):
        with closing(Store(store_path(store, user))) as own:
            case = Case(own, SLOW)
            for number in range(4):
                case.try_it(user, f"guess {number}")
            delays[user] = [case.logins.delay(user, place) for place in (HERE, THERE)]
    assert delays["hans"] == delays["nobody"] == [8.0, 8.0]


def store_path(store: Store, name: str) -> Path:
    return Path(str(store._engine.url.database)).with_name(f"{name}.db")


def test_unknown_names_take_as_long_as_known_ones(case: Case) -> None:
    """Nobody in the roster is refused after the time that the mail server takes to refuse."""
    case.mail.takes = 2.5
    for user in ("hans", "nobody", "fritz", "someone else"):
        before = case.clock.passed
        assert "refused" == case.try_it(user, "x")
        assert 2.5 == case.clock.passed - before


def test_unknown_names_in_an_outage(case: Case) -> None:
    """While the mail server does not answer, that is what unknown names are told, as late."""
    case.mail.takes, case.mail.error = 15.0, outage()
    for user in ("hans", "nobody"):
        before = case.clock.passed
        assert "unavailable" == case.try_it(user, "x")
        assert 15.0 == case.clock.passed - before
    case.mail.error = None
    assert ["refused", "refused"] == [case.try_it(user, "y") for user in ("hans", "nobody")]


def test_where_nobody_was_refused_the_table_stays_empty(case: Case, store: Store) -> None:
    """A login that succeeds writes nothing."""
    case.try_it("hans", "geheim")
    case.try_it("freebusy", "für alle")
    with store.reading() as connection:
        assert 0 == connection.exec_driver_sql("SELECT count(*) FROM login_failures").scalar()


# -- logs


def test_the_log(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """A refusal is logged with peer and NAME, never with a password, nor an unknown user's text."""
    caplog.set_level(logging.DEBUG)
    case = Case(store)
    case.try_it("hans@example.com", "PW-MARK one")
    case.try_it("PW-MARK two", "hans")
    case.try_it("freebusy", "PW-MARK three")
    case.mail.error = outage()
    case.try_it("eva", "PW-MARK four")
    assert [
        "login outcome=refused account=hans peer=192.0.2.1",
        "login outcome=refused account=unknown peer=192.0.2.1",
        "login outcome=refused account=freebusy peer=192.0.2.1",
        f"login outcome=unavailable account=eva peer=192.0.2.1 error={case.mail.error}",
    ] == [record.getMessage() for record in caplog.records if record.name == "freebusy.logins"]
    assert "PW-MARK" not in caplog.text
    assert "für alle" not in repr(case.rules)


def test_a_store_that_fails(case: Case, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where the store cannot be used app passwords cannot be checked; others get in."""
    password = case.app_passwords.add("hans", "outlook", Scope.READ)
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        connection.execute("DROP TABLE app_passwords")
    tries = [("hans", password), ("hans", "geheim"), ("freebusy", "für alle")]
    assert ["unavailable", HANS, SHARED] == [case.try_it(*each) for each in tries]
    told = "login outcome=unavailable account=hans peer=192.0.2.1 error=the store cannot be used"
    assert told in caplog.text
    assert password not in caplog.text
