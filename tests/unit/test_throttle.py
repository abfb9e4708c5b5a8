"""Slowing those who guess: who waits how long, after what, and who never does."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from freebusy import throttle as throttle_module
from freebusy.errors import LoginSlowedError
from freebusy.store import Store
from freebusy.throttle import GOOD_FOR, Attempt, Throttle, ThrottleRules, network
from tests.unit.login_case import Clock, seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RULES = ThrottleRules(first_delay=1.0, max_delay=30.0, forget=900.0, site_failures=60)
HERE, THERE = "192.0.2.1", "198.51.100.7"
HANS, EVA = Attempt("hans", HERE), Attempt("eva", HERE)
HANS_ELSEWHERE = Attempt("hans", THERE)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "store.db")) as made:
        yield made


@pytest.fixture
def throttle(store: Store, clock: Clock) -> Throttle:
    return another(store, clock)


def another(store: Store, clock: Clock, rules: ThrottleRules = RULES) -> Throttle:
    """Return the throttle of another process over the same store."""
    return Throttle(store, rules, clock.now, clock)


def fail(throttle: Throttle, attempt: Attempt, times: int = 1, *, at_mail: bool = False) -> None:
    for _ in range(times):
        throttle.failed(attempt, at_mail=at_mail)


def rows(store: Store) -> list[tuple[str, int]]:
    with store.reading() as connection:
        query = "SELECT subject, failures FROM login_failures ORDER BY subject"
        return [(subject, times) for subject, times in connection.exec_driver_sql(query)]


# -- addresses


@pytest.mark.parametrize(
    ("failures", "expected"), [(0, 0), (1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (60, 30)]
)
def test_the_pause_doubles(throttle: Throttle, failures: int, expected: float) -> None:
    """Each failure of an address doubles its pause, up to the longest."""
    fail(throttle, HANS, failures)
    assert expected == throttle.delay(EVA)


def test_nobody_waits_who_has_not_failed(throttle: Throttle, store: Store) -> None:
    """Without failures there is no delay, however many come at once, and nothing is written."""
    assert [0.0] * 50 == [throttle.delay(HANS) for _ in range(50)]
    throttle.require(HANS)
    throttle.succeeded(HANS)
    assert [] == rows(store)


def test_the_pause_runs_from_the_last_failure(throttle: Throttle, clock: Clock) -> None:
    """Who comes back after the pause does not wait again; after ``forget`` all is forgotten."""
    fail(throttle, HANS, 3)
    clock.sleep(3)
    assert 1.0 == throttle.delay(EVA)
    clock.sleep(60)
    assert 0.0 == throttle.delay(EVA)
    clock.sleep(RULES.forget)
    assert 0.0 == throttle.delay(HANS)
    fail(throttle, HANS)
    assert 1.0 == throttle.delay(EVA)


def test_attempts_of_one_address_queue(throttle: Throttle, clock: Clock) -> None:
    """Several at once come one after the other; past half a minute waiting is no use."""
    fail(throttle, HANS, 4)
    assert [8.0, 16.0, 24.0] == [throttle.delay(EVA) for _ in range(3)]
    with pytest.raises(LoginSlowedError) as caught:
        throttle.delay(EVA)
    assert 32.0 == caught.value.seconds
    clock.sleep(8)
    assert 24.0 == throttle.delay(EVA)


def test_one_client_is_one_network(throttle: Throttle) -> None:
    """All addresses of an IPv6 /64 count as one, other networks do not."""
    fail(throttle, Attempt("hans", "2001:db8:0:1::1"), 2)
    waits = [throttle.delay(Attempt("eva", f"2001:db8:0:{net}::2")) for net in (1, 2)]
    assert [2.0, 0.0] == waits


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", "-"),
        ("nonsense", "-"),
    ],
)
def test_networks(address: str, expected: str) -> None:
    """What counts as one client."""
    assert expected == network(address)


# -- accounts


def test_strangers_slow_an_account_and_never_lock_it(throttle: Throttle) -> None:
    """Failures elsewhere make everybody wait for this account, but in no queue."""
    for number in range(100):
        fail(throttle, Attempt("hans", f"203.0.113.{number}"))
    assert [30.0] * 40 == [throttle.delay(Attempt("hans", f"192.0.2.{n}")) for n in range(40)]
    assert 0.0 == throttle.delay(EVA)
    throttle.require(HANS)


def test_where_an_account_is_at_home_strangers_do_not_slow_it(throttle: Throttle) -> None:
    """An address from which it logged in lately waits for its own failures alone."""
    throttle.succeeded(HANS)
    for number in range(20):
        fail(throttle, Attempt("hans", f"203.0.113.{number}"))
    fail(throttle, EVA, 20)
    assert (0.0, 30.0) == (throttle.delay(HANS), throttle.delay(EVA))
    fail(throttle, HANS, 2)
    assert 2.0 == throttle.delay(HANS)


def test_home_is_forgotten(throttle: Throttle, clock: Clock) -> None:
    """After a month without a login the address is one like any other."""
    throttle.succeeded(HANS)
    assert throttle.is_good(HANS)
    assert not throttle.is_good(HANS_ELSEWHERE)
    clock.sleep(GOOD_FOR + 1)
    assert not throttle.is_good(HANS)


def test_the_same_wrong_password_again_counts_once(throttle: Throttle, clock: Clock) -> None:
    """A client that repeats an old password waits each time, and not more and more."""
    fail(throttle, HANS, 2)
    for _ in range(20):
        clock.sleep(10)
        throttle.failed(HANS, at_mail=False, again=True)
    assert 2.0 == throttle.delay(EVA)
    assert 2.0 == throttle.delay(HANS_ELSEWHERE)
    throttle.failed(Attempt("eva", THERE), at_mail=False, again=True)
    assert 1.0 == throttle.delay(Attempt("eva", THERE))


# -- after waiting


def test_who_waited_in_vain(throttle: Throttle, clock: Clock) -> None:
    """Where another attempt of the address failed meanwhile, one that waited is turned away."""
    fail(throttle, HANS)
    clock.sleep(throttle.delay(HANS))
    throttle.require(HANS)
    fail(throttle, HANS)
    with pytest.raises(LoginSlowedError) as caught:
        throttle.require(HANS)
    assert 2.0 == caught.value.seconds
    throttle.require(HANS_ELSEWHERE)
    clock.sleep(2)
    throttle.require(HANS)


# -- the whole site


def test_the_site_is_slowed_as_a_whole(throttle: Throttle, clock: Clock) -> None:
    """Past so many refusals a minute at the mail server, unknown ones come one a second."""
    throttle.succeeded(HANS)
    for number in range(RULES.site_failures):
        fail(throttle, Attempt(f"p{number}", f"203.0.113.{number}"), at_mail=True)
    others = [Attempt("eva", f"198.51.100.{number}") for number in range(40)]
    assert [float(n) for n in range(31)] == [throttle.delay(each) for each in others[:31]]
    assert "slowed" == seconds_of(lambda: throttle.delay(others[31]))
    assert 0.0 == throttle.delay(HANS)
    assert 0.0 == throttle.delay(Attempt("freebusy", "198.51.100.99", asks_mail=False))
    clock.sleep(70)
    assert 0.0 == throttle.delay(others[32])


def test_what_the_mail_server_did_not_refuse_does_not_count(throttle: Throttle) -> None:
    """Unknown names and app passwords never reach the mail server, and do not slow the site."""
    for number in range(100):
        fail(throttle, Attempt(f"?{number}", f"203.0.113.{number}"))
    assert 0.0 == throttle.delay(Attempt("eva", THERE))


def test_repeats_at_the_mail_server_count_there(throttle: Throttle, store: Store) -> None:
    """The mail server does not know that a wrong password is the same once more."""
    throttle.failed(HANS, at_mail=True, again=True)
    assert ["address", "site"] == [subject.split()[0] for subject, _ in rows(store)]


# -- the table


def test_processes_see_one_another(throttle: Throttle, store: Store, clock: Clock) -> None:
    """What failed over FTP slows HTTP, also where they are two processes."""
    fail(throttle, HANS, 3)
    assert 4.0 == another(store, clock).delay(HANS)


def test_old_rows_go(throttle: Throttle, store: Store, clock: Clock) -> None:
    """What is forgotten leaves the table at the next failure."""
    fail(throttle, HANS, at_mail=True)
    assert 3 == len(rows(store))
    clock.sleep(RULES.forget + 1)
    fail(throttle, HANS_ELSEWHERE)
    assert [(f"account {'hans'}", 1), (f"address {THERE}", 1)] == rows(store)


def test_the_table_is_bounded(
    throttle: Throttle, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flood from everywhere keeps the newest rows."""
    monkeypatch.setattr(throttle_module, "_TRIM_EVERY", 1)
    monkeypatch.setattr(throttle_module, "MAX_ROWS", 20)
    for number in range(100):
        clock.sleep(0.1)
        fail(throttle, Attempt(f"p{number}", f"203.0.113.{number}"))
    assert 20 <= len(rows(store)) <= 22
    assert ("address 203.0.113.99", 1) in rows(store)


def test_memory_is_bounded(
    throttle: Throttle, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither homes nor turns grow without end."""
    monkeypatch.setattr(throttle_module, "MAX_ROWS", 20)
    for number in range(100):
        attempt = Attempt(f"p{number}", f"203.0.113.{number}")
        throttle.succeeded(attempt)
        fail(throttle, attempt)
        throttle.delay(attempt)
    assert (20, 20) == (len(throttle._good), len(throttle._turns))


def test_a_clock_that_is_set_back(throttle: Throttle, clock: Clock) -> None:
    """A failure that seems to lie ahead makes nobody wait longer than its pause."""
    fail(throttle, HANS, 4)
    clock.set_back = 600
    assert 8.0 == throttle.delay(EVA)
    clock.set_back = 86400
    assert 0.0 == throttle.delay(Attempt("eva", THERE))


def test_a_store_that_fails_lets_nobody_guess_faster(
    throttle: Throttle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where failures cannot be counted, who failed waits as long as anybody."""
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        connection.execute("DROP TABLE login_failures")
    fail(throttle, HANS)
    assert 30.0 == throttle.delay(HANS)
    assert 0.0 == throttle.delay(Attempt("eva", THERE))
    assert "store cannot be used" in caplog.text


def test_other_rules_count_what_was(throttle: Throttle) -> None:
    """After a reload the new delays hold for old failures."""
    fail(throttle, HANS, 2)
    throttle.reload(replace(RULES, first_delay=5.0))
    assert (10.0, RULES.forget) == (throttle.delay(EVA), throttle.forget)


def test_no_delay_at_all(store: Store, clock: Clock) -> None:
    """An operator may switch the pauses off."""
    throttle = another(store, clock, replace(RULES, first_delay=0.0, max_delay=0.0))
    fail(throttle, HANS, 10)
    assert [0.0, 0.0] == [throttle.delay(HANS), throttle.delay(HANS)]


def test_many_threads(throttle: Throttle, store: Store) -> None:
    """No failure is lost where many fail at once."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: fail(throttle, Attempt(f"p{n % 4}", HERE)), range(80)))
    assert ("address 192.0.2.1", 80) in rows(store)
