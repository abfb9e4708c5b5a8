"""What a configuration gives: defaults, people, sources, secrets, warnings and hints."""

from __future__ import annotations

import os
from datetime import time, timedelta
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from freebusy.config import Config, Endpoint, ImapSource, VdirSource, load, urls
from freebusy.config.system import system_zone
from freebusy.config.values import duration_text
from freebusy.period import FreeBusyType
from freebusy.roster import Roster
from tests.servers.certificate import make_certificate

if TYPE_CHECKING:
    from pathlib import Path

PEOPLE = """
persons = ["hans@example.com", "eva@example.com"]

[site]
timezone = "Europe/Berlin"
"""
FIVE_LINES = """
[sources.mail]
type = "imap"
host = "imap.example.com"
username = "freebusy"
password_file = "imap.password"
"""


def configured(folder: Path, text: str, **environ: str) -> Config:
    path = folder / "freebusy.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, environ)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    secret = tmp_path / "imap.password"
    secret.write_text("geheim\n", encoding="utf-8")
    secret.chmod(0o600)
    return tmp_path


# -- the short way


def test_five_lines_point_at_a_mail_server(folder: Path) -> None:
    """People and five lines are a whole configuration, without a warning."""
    config = configured(folder, PEOPLE + FIVE_LINES)
    mail = config.sources["mail"]
    assert isinstance(mail, ImapSource)
    assert ("imap.example.com", "freebusy", "geheim", "tls") == (
        mail.host, mail.username, mail.password, mail.security
    )  # fmt: skip
    assert ["hans", "eva"] == list(config.members)
    assert [("mail",)] * 2 == [member.sources for member in config.members.values()]
    assert () == config.warnings


def test_an_empty_file_is_a_configuration(folder: Path) -> None:
    """Everything has a default; what is missing is said as a warning."""
    config = configured(folder, "", TZ="Europe/Berlin")
    assert ("persons: there are none; no file will be served",) == config.warnings
    assert timedelta(minutes=15) == config.schedule.interval
    assert (Endpoint("127.0.0.1", 8088), Endpoint("::1", 8088)) == config.http.listen
    assert "Europe/Berlin" == config.timezone


def test_a_configuration_is_frozen(folder: Path) -> None:
    """Nobody changes a configuration behind another's back."""
    config = configured(folder, PEOPLE)
    with pytest.raises(ValidationError, match="frozen"):
        config.window.months = 3


# -- values


@pytest.mark.parametrize(
    ("written", "section", "key", "value"),
    [
        ('interval = "1h30m"', "schedule", "interval", timedelta(minutes=90)),
        ("interval = 90", "schedule", "interval", timedelta(seconds=90)),
        ('interval = "2 Hours"', "schedule", "interval", timedelta(hours=2)),
        ('forget_after = "2 weeks"', "schedule", "forget_after", timedelta(days=14)),
        ("debounce = 0.25", "schedule", "debounce", timedelta(milliseconds=250)),
        ('times = ["06:30", "18:00"]', "schedule", "times", (time(6, 30), time(18))),
        ("times = [06:30:00]", "schedule", "times", (time(6, 30),)),
        ('confirm_after = "5m"', "schedule", "confirm_after", (timedelta(minutes=5),)),
        ('max_item = "2MiB"', "limits", "max_item", 2 << 20),
        ("max_item = 300000", "limits", "max_item", 300_000),
        ('max_item = "300 kB"', "limits", "max_item", 300_000),
        ('timezone = "europe/berlin"', "site", "timezone", "Europe/Berlin"),
        ('default_domain = "Example.COM"', "site", "default_domain", "example.com"),
        ('listen = ":80"', "http", "listen", (Endpoint("", 80),)),
        ('listen = ["[::]:80"]', "http", "listen", (Endpoint("::", 80),)),
        ('passive_ports = "50000-50100"', "ftp", "passive_ports", range(50000, 50101)),
        ('passive_ports = ""', "ftp", "passive_ports", None),
        ('networks = ["192.0.2.7"]', "access", "networks", (ip_network("192.0.2.7/32"),)),
        ("months = 0", "window", "months", 0),
    ],
)  # fmt: skip
def test_values_are_read_as_people_write_them(
    folder: Path, written: str, section: str, key: str, value: object
) -> None:
    """Durations, sizes, times, addresses and networks have one text each, and some have several."""
    config = configured(folder, f"[{section}]\n{written}\n")
    assert value == getattr(getattr(config, section), key)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(days=30), "30d"),
        (timedelta(minutes=90), "90m"),
        (timedelta(milliseconds=500), "500ms"),
        (timedelta(), "0ms"),
    ],
)
def test_a_duration_is_written_shortly(duration: timedelta, text: str) -> None:
    """A duration is shown in the largest unit that it is whole in."""
    assert text == duration_text(duration)


def test_states_have_a_type(folder: Path) -> None:
    """The words for a state stand for a free/busy type."""
    site = configured(folder, '[site]\nneeds_action = "unavailable"\nnames = "address"\n').site
    assert FreeBusyType.BUSY_UNAVAILABLE == site.needs_action_type
    assert FreeBusyType.FREE == site.working_elsewhere_type
    assert site.full_addresses


def test_workers_default_to_the_cores(folder: Path) -> None:
    """0 workers means one per core, at most four."""
    assert 1 <= configured(folder, "").limits.worker_count <= 4
    assert 7 == configured(folder, "[limits]\nworkers = 7\n").limits.worker_count


def test_relative_paths_start_at_the_configuration(folder: Path) -> None:
    """State, calendars and password files are found from wherever the command runs."""
    config = configured(folder, '[sources.files]\ntype = "vdir"\nroot = "calendars"\n')
    files = config.sources["files"]
    assert isinstance(files, VdirSource)
    assert (folder / "state", folder / "calendars") == (config.site.state, files.root)


def test_the_environment_wins_over_the_file(folder: Path) -> None:
    """Three settings can be given by the environment, for containers and the start script."""
    config = configured(
        folder,
        '[http]\nlisten = ":80"\n',
        FREEBUSY_HTTP_LISTEN="127.0.0.1:8000, [::1]:8000",
        FREEBUSY_FTP_LISTEN="127.0.0.1:0",
        FREEBUSY_STATE="/var/lib/freebusy",
    )
    assert (Endpoint("127.0.0.1", 8000), Endpoint("::1", 8000)) == config.http.listen
    assert (Endpoint("127.0.0.1", 0),) == config.ftp.listen
    assert "/var/lib/freebusy" == str(config.site.state)


def test_a_byte_order_mark_is_no_problem(folder: Path) -> None:
    """Editors on Windows put one in front."""
    assert 3 == configured(folder, "\ufeff[window]\nmonths = 3\n").window.months


# -- people


def test_a_person_can_say_more(folder: Path) -> None:
    """A table has names, addresses, zone, folders and login beside the address."""
    config = configured(
        folder,
        """
        [[persons]]
        name = "Chef"
        addresses = ["Eva.Muster@example.com", "eva@example.org"]
        aliases = ["boss", "eva@old.example"]
        timezone = "America/New_York"
        folders = ["INBOX.Kalender"]
        login = "emuster"
        password_env = "EVA"
        """
        + FIVE_LINES,
        EVA="streng geheim",
    )
    eva = config.members["chef"]
    assert ("eva.muster@example.com", "eva@example.org") == eva.addresses
    assert "America/New_York" == eva.timezone
    assert ("chef", "eva.muster@example.com", "emuster", "streng geheim", ("INBOX.Kalender",)) == (
        eva.owner.name, eva.owner.address, eva.owner.login, eva.owner.password, eva.owner.folders
    )  # fmt: skip


def test_the_default_domain_completes_addresses(folder: Path) -> None:
    """Where one domain is the site's, a local part is address enough."""
    config = configured(folder, 'persons = ["Hans"]\n[site]\ndefault_domain = "example.com"\n')
    assert "hans@example.com" == config.members["hans"].owner.address


def test_a_roster_is_made_of_the_persons(folder: Path) -> None:
    """What the configuration calls people is what the roster calls them."""
    config = configured(folder, PEOPLE)
    roster = Roster(config.persons, default_domain=config.site.default_domain)
    assert tuple(config.members) == roster.names


def test_people_choose_among_several_sources(folder: Path) -> None:
    """With more than one source each person says which, and may say several."""
    config = configured(
        folder,
        """
        persons = [
          { address = "hans@example.com", source = "a" },
          { address = "eva@example.com", source = ["a", "b"] },
        ]
        [sources.a]
        type = "vdir"
        root = "a"
        interval = "1m"
        [sources.b]
        type = "vdir"
        root = "b"
        """,
    )
    assert [("a",), ("a", "b")] == [member.sources for member in config.members.values()]
    assert [60, 900] == [config.interval_of(name).total_seconds() for name in ("a", "b")]


@pytest.mark.parametrize("source", ["", FIVE_LINES])
def test_who_only_publishes_has_no_source(folder: Path, source: str) -> None:
    """An explicit empty list means none, also where everybody else has the only one."""
    config = configured(
        folder,
        'persons = ["eva@example.com", { address = "hans@example.com", source = [] }]\n' + source,
    )
    assert {"eva": tuple(config.sources), "hans": ()} == {
        name: member.sources for name, member in config.members.items()
    }


def test_who_only_publishes_needs_no_password(folder: Path) -> None:
    """Nothing is missing or to be warned of where a source does not concern somebody."""
    mail = FIVE_LINES.replace('password_file = "imap.password"', "")
    config = configured(
        folder,
        """
        persons = [
          { address = "eva@example.com", password_file = "imap.password" },
          { address = "hans@example.com", source = [] },
        ]
        site.timezone = "Europe/Berlin"
        """
        + mail,
    )
    assert () == config.warnings
    assert ("mail",) == config.members["eva"].sources


# -- secrets


def test_a_password_is_in_no_representation(folder: Path) -> None:
    """Logging a configuration by mistake shows no password."""
    config = configured(
        folder,
        'persons = [{ address = "eva@example.com", password_env = "EVA" }]\n' + FIVE_LINES,
        EVA="streng-vertraulich",
    )
    shown = repr(config) + str(config.sources) + str(config.members)
    assert [False, False] == ["geheim" in shown, "streng-vertraulich" in shown]


def test_a_new_password_is_another_configuration(folder: Path) -> None:
    """A reload sees that only the password has changed."""
    before = configured(folder, PEOPLE + FIVE_LINES).sources
    assert before == configured(folder, PEOPLE + FIVE_LINES).sources
    (folder / "imap.password").write_text("neu\n", encoding="utf-8")
    assert before != configured(folder, PEOPLE + FIVE_LINES).sources


def test_an_exposed_password_file_is_told(folder: Path) -> None:
    """A password that every user of the machine may read is a warning."""
    (folder / "imap.password").chmod(0o644)
    warnings = configured(folder, PEOPLE + FIVE_LINES).warnings
    assert (
        "sources.mail.password_file: every user of this machine may read it; chmod o= it",
    ) == warnings


def test_a_plain_connection_to_this_machine_needs_no_leave(folder: Path) -> None:
    """Over loopback nobody listens in."""
    text = FIVE_LINES.replace("imap.example.com", "127.0.0.1") + 'security = "plain"\n'
    mail = configured(folder, PEOPLE + text).sources["mail"]
    assert isinstance(mail, ImapSource)
    assert "plain" == mail.security


# -- warnings


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (
            'persons = ["hans@a.example", "hans@b.example"]',
            (
                "persons: 'hans' names nobody, because hans@a.example and hans@b.example share it; "
                "give one of them a name, or set site.default_domain"
            ),
        ),
        ('persons = ["hans@a.example"]', ("sources: there are none; no calendar will be read, "
         "files hold only what clients publish")),
        ('persons = ["hans@a.example"]\n[publish]\nenabled = false',
         "sources: there are none; no calendar will be read"),
        ("[http]\nenabled = false\n[ftp]\nenabled = false",
         "http.enabled, ftp.enabled: both are false; files are written and not served"),
        ('[access]\nread = "anyone"\nnetworks = "10.0.0.0/8"',
         'access.networks: counts only while read = "networks"'),
        ('[sources.a]\ntype = "vdir"\nroot = "a"\ninterval = "2h"',
         ("schedule.stale_after: 1h is shorter than the interval of sources.a; "
         "its files would always look stale")),
        (('persons = [{address = "h@a.example", source = "b"}]\n'
         '[sources.a]\ntype = "vdir"\nroot = "a"\n[sources.b]\ntype = "vdir"\nroot = "b"'),
         "sources.a: no person has it"),
        ('[connector]\ndefault_mode = "on_select"',
         ("connector.enabled: it is off, because nobody can log in with a mail account; "
          'name an IMAP source in login.mail, or say "enabled = false"')),
        (FIVE_LINES + "[http]\nenabled = false\n[connector]\nenabled = true",
         "connector.enabled: it is off, because http.enabled is false"),
    ],
)  # fmt: skip
def test_what_is_hardly_meant_is_a_warning(folder: Path, text: str, warning: str) -> None:
    """What works but surprises is said in one sentence."""
    assert warning in configured(folder, text, TZ="Europe/Berlin").warnings


def test_a_machine_on_utc_is_told(folder: Path) -> None:
    """Whole days in UTC are wrong for most people, so nobody gets them unknowingly."""
    config = configured(folder, "", TZ="Etc/UTC")
    assert "Etc/UTC" == config.timezone
    assert any(warning.startswith("site.timezone: not set") for warning in config.warnings)


@pytest.mark.parametrize(
    ("environ", "link", "text", "zone"),
    [
        ({"TZ": ":Europe/Berlin"}, "/usr/share/zoneinfo/Asia/Tokyo", None, "Europe/Berlin"),
        ({"TZ": "CET-1CEST"}, "../usr/share/zoneinfo/Asia/Tokyo", None, "Asia/Tokyo"),
        ({}, None, "America/Lima\n", "America/Lima"),
        ({}, "/somewhere/else", "nonsense", None),
        ({}, None, None, None),
    ],
)
def test_the_machine_says_its_zone(
    tmp_path: Path, environ: dict[str, str], link: str | None, text: str | None, zone: str | None
) -> None:
    """TZ, the link /etc/localtime and /etc/timezone are asked in this order."""
    if link is not None:
        (tmp_path / "localtime").symlink_to(link)
    if text is not None:
        (tmp_path / "timezone").write_text(text, encoding="ascii")
    assert zone == system_zone(environ, tmp_path)


# -- what to try


@pytest.mark.parametrize(
    ("text", "arguments", "hints"),
    [
        (PEOPLE, {}, [
            ("curl", "curl http://127.0.0.1:8088/pub/calendar/hans.vfb"),
            ("Outlook", "http://127.0.0.1:8088/calendar/%NAME%.vfb"),
            ("curl", "curl ftp://127.0.0.1:2121/pub/calendar/hans.vfb"),
            ("lftp", "lftp -c 'open ftp://127.0.0.1:2121; cat /pub/calendar/hans.vfb'"),
            ("Outlook", "ftp://127.0.0.1:2121/pub/calendar/%NAME%.vfb"),
        ]),
        ('[site]\nhostname = "fb.example"\n[http]\nlisten = ":80"\n[ftp]\nenabled = false', {}, [
            ("curl", "curl http://fb.example/pub/calendar/NAME.vfb"),
            ("Outlook", "http://fb.example/calendar/%NAME%.vfb"),
        ]),
        ('[http]\nlisten = "[::]:0"\n[ftp]\nenabled = false', {"http": [("::", 4711)]}, [
            ("curl", "curl http://localhost:4711/pub/calendar/NAME.vfb"),
            ("Outlook", "http://localhost:4711/calendar/%NAME%.vfb"),
        ]),
        ('[http]\nlisten = "[::1]:81"\n[ftp]\nenabled = false', {}, [
            ("curl", "curl http://[::1]:81/pub/calendar/NAME.vfb"),
            ("Outlook", "http://[::1]:81/calendar/%NAME%.vfb"),
        ]),
        (('[http]\nlisten = []\ntls_listen = ":443"\n[ftp]\nlisten = []\ntls_listen = ":9990"\n'
         '[tls]\ncertificate = "cert.pem"\nkey = "key.pem"'), {}, [
            ("curl", "curl https://localhost/pub/calendar/NAME.vfb"),
            ("Outlook", "https://localhost/calendar/%NAME%.vfb"),
            ("curl", "curl ftps://localhost:9990/pub/calendar/NAME.vfb"),
            ("lftp", "lftp -c 'open ftps://localhost:9990; cat /pub/calendar/NAME.vfb'"),
        ]),
        (('[http]\nlisten = ":80"\ntls_listen = ":0"\n[ftp]\nlisten = ":21"\ntls_listen = ":990"\n'
         '[tls]\ncertificate = "cert.pem"\nkey = "key.pem"'), {"https": [("::", 4443)]}, [
            ("curl", "curl http://localhost/pub/calendar/NAME.vfb"),
            ("Outlook", "http://localhost/calendar/%NAME%.vfb"),
            ("curl", "curl https://localhost:4443/pub/calendar/NAME.vfb"),
            ("Outlook", "https://localhost:4443/calendar/%NAME%.vfb"),
            ("curl", "curl ftp://localhost/pub/calendar/NAME.vfb"),
            ("lftp", "lftp -c 'open ftp://localhost; cat /pub/calendar/NAME.vfb'"),
            ("Outlook", "ftp://localhost/pub/calendar/%NAME%.vfb"),
            ("curl", "curl ftps://localhost/pub/calendar/NAME.vfb"),
            ("lftp", "lftp -c 'open ftps://localhost; cat /pub/calendar/NAME.vfb'"),
        ]),
    ],
)  # fmt: skip
def test_start_up_says_what_to_try(
    folder: Path, text: str, arguments: dict[str, Any], hints: list[tuple[str, str]]
) -> None:
    """Each protocol that is on has a line for curl, lftp and Outlook, with the real port."""
    if "[tls]" in text:
        make_certificate(folder)
    assert hints == urls(configured(folder, text), **arguments)


def test_loading_leaves_the_environment_alone(folder: Path) -> None:
    """Only what is passed in counts, not what the process happens to have."""
    os.environ["FREEBUSY_STATE"] = "/nowhere"
    try:
        assert folder / "state" == configured(folder, "").site.state
    finally:
        del os.environ["FREEBUSY_STATE"]
