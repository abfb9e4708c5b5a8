"""``freebusy connector``: what each command does, says and ends with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from calendar_sync.replica import FolderReport, HomeReport, Lost
from freebusy.connector.parts import ConnectorLimits
from freebusy.connectorcommands.syncing import print_left
from tests.system.connector_case import EVENTS, Person, rows
from tests.wire.connector_gateway import connecting, event
from tests.wire.connector_script import PROBLEM, answer, scripted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.wire.connector_gateway import Api


@pytest.fixture(scope="module")
def service() -> Iterator[Api]:
    """Run one service for the tests that look at folders of their own."""
    with connecting() as api:
        yield api


@pytest.fixture
def api() -> Iterator[Api]:
    """Run a service of the test's own."""
    with connecting() as api:
        yield api


def url_of(api: Api) -> str:
    return f"http://127.0.0.1:{api.running.port}"


@pytest.fixture
def hans(
    api: Api, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Person:
    person = Person(tmp_path, url_of(api), capsys, monkeypatch)
    person.set_up()
    return person


# -- setup and ping


def test_setting_up(
    service: Api,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It pings, says where the password is, blanks it in the file, and tells the gateway."""
    hans = Person(tmp_path, url_of(service), capsys, monkeypatch)
    done = hans("setup", hans.write_setup("[sync]\ndefault_mode = manual"))
    assert 0 == done.code
    assert ["ok", "gateway", "name"] == rows(done.out)[0][:3]
    assert f"{hans.home}/connector.ini is written; the password is in" in done.err
    kept = (hans.home / "connector.ini").read_text()
    assert (kept, "password =\n" in kept) == (hans.file.read_text(), True)
    assert "manual (default)\n" == hans("mode").out


def test_setting_up_with_a_wrong_password(
    service: Api,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A login that is refused saves nothing, and says what failed."""
    hans = Person(tmp_path, url_of(service), capsys, monkeypatch, password="gehiem")
    done = hans("setup", hans.write_setup(), "--unattended")
    assert (1, False) == (done.code, hans.home.exists())
    assert ["FAIL", "login"] == rows(done.out)[6]
    assert "nothing was saved: mend what failed, and run this again" in done.err
    assert "gehiem" in hans.file.read_text()


@pytest.mark.parametrize("command", ["ping", "folders", "sync", "publish", "fetch eva"])
def test_nothing_is_set_up(
    command: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A command without a home says how to get one."""
    done = Person(tmp_path, "http://127.0.0.1:1", capsys, monkeypatch)(*command.split())
    assert (2, "") == (done.code, done.out)
    assert "no connector is set up in " in done.err
    assert "run freebusy connector setup" in done.err


def test_setting_up_unattended_without_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody can be asked, a file is asked for."""
    done = Person(tmp_path, "", capsys, monkeypatch)("setup", "--unattended")
    assert (2, True) == (done.code, "give a setup.ini" in done.err)


def test_a_set_up_dropped_into_the_home(hans: Person) -> None:
    """A password in connector.ini moves out of it with the first command."""
    (hans.home / "password.json").unlink()
    ini = hans.home / "connector.ini"
    ini.write_text(ini.read_text().replace("password =\n", f"password = {hans.password}\n"))
    done = hans("mode")
    assert (0, True) == (done.code, "The password moved from" in done.err)
    assert (True, "") == ("password =\n" in ini.read_text(), hans("mode").err)


def test_ping(hans: Person) -> None:
    """Each step has its time; then what is there."""
    done = hans("ping")
    assert [
        ["ok", "gateway", "name"], ["ok", "connection"], ["ok", "answer"],
        ["ok", "mail server", "name"], ["ok", "connection"], ["ok", "TLS"], ["ok", "login"],
        ["ok", "round trip"],
    ] == [[cell for cell in row[:3] if " ms" not in cell and cell not in (
        "port 993", "TLSv1.3", "hans")] for row in rows(done.out)[:8]]  # fmt: skip
    assert "Memory 1.0, free/busy gateway" in done.out
    told = json.loads(hans("ping", "--json").out)
    assert (1, True, None) == (told["version"], told["ok"], told["failed"])
    assert "imap.example.com" == told["mail_server"]["host"]


def test_the_capabilities_that_matter(hans: Person) -> None:
    """Those are named that are there and that are missing; on demand all, in lines that fit."""
    assert [
        "Capabilities: ACL CONDSTORE UIDPLUS; and 1 other (--verbose)",
        "Without: QRESYNC METADATA NAMESPACE MOVE MULTIAPPEND LIST-STATUS IDLE NOTIFY",
    ] == hans("ping").out.splitlines()[-2:]
    last = "Capabilities: ACL CONDSTORE IMAP4rev1 UIDPLUS"
    assert last == hans("ping", "--verbose").out.splitlines()[-1]


def test_a_mail_server_that_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The steps before are ok, the one that failed is named, with what to do."""
    body = '{"title":"T","status":502,"detail":"imap speaks no TLS: check it","step":"tls"}'
    said = answer(body, PROBLEM, "502 Bad Gateway")
    with scripted([said], [said]) as script:
        hans = Person(tmp_path, script.url, capsys, monkeypatch)
        hans.home.mkdir()
        (hans.home / "connector.ini").write_bytes(hans.write_setup().read_bytes())
        (hans.home / "connector.ini").chmod(0o600)
        done = hans("ping")
        assert 1 == done.code
        assert [
            ["ok", "mail server", "name"], ["ok", "connection"], ["FAIL", "TLS"],
            ["imap speaks no TLS: check it"],
        ] == rows(done.out)[3:]  # fmt: skip
        told = json.loads(hans("ping", "--json").out)
    assert ("mail server: TLS", 502) == (told["failed"], told["status"])


# -- folders and modes


def test_folders_made_renamed_moved_and_deleted(hans: Person) -> None:
    """Folders are found by name or path, and the table shows what there is."""
    assert "Work is made.\n" == hans("folders", "--create", "Work").err
    assert "Work/Trips is made.\n" == hans("folders", "--create", "Trips", "--below", "Work").err
    assert "Work/Trips is now Work/Tours.\n" == hans("folders", "--rename", "Trips", "Tours").err
    assert "Work/Tours is now Tours.\n" == hans("folders", "--move", "Tours").err
    shown = rows(hans("folders").out)
    assert ["FOLDER", "OWNER", "ROLE", "MODE", "ITEMS", "SYNCED", "BUSY"] == shown[0]
    assert ["Calendar", "Tours", "Work"] == [row[0] for row in shown[1:-1]]
    assert ["default mode: on select"] == shown[-1]
    assert "Tours is deleted.\n" == hans("folders", "--delete", "Tours").err
    listed = json.loads(hans("folders", "--json").out)
    assert (1, ["Calendar", "Work"]) == (listed["version"], [f["path"] for f in listed["folders"]])


def test_a_folder_with_items_is_not_deleted_by_mistake(hans: Person) -> None:
    """What is in a folder goes only where that is said."""
    hans("folders", "--create", "Work")
    hans("sync")
    hans.write("one", folder="Work")
    hans("sync")
    done = hans("folders", "--delete", "Work")
    said = "Work holds 1 item: --even-if-filled deletes what is in it, too"
    assert (1, f"freebusy: {said}\n") == (done.code, done.err)
    assert 0 == hans("folders", "--delete", "Work", "--even-if-filled").code


def test_local_folders_follow_a_rename(hans: Person) -> None:
    """After a rename the same local folder is synced with it, also an empty one."""
    hans("folders", "--create", "Work")
    hans("folders", "--create", "Trips", "--below", "Work")
    hans("sync")
    hans("folders", "--rename", "Work", "Job")
    done = hans("sync")
    assert (0, "") == (done.code, done.err)
    hans.write("one", folder="Trips")
    assert ["Job/Trips", "1"] == rows(hans("sync").out)[1][:2]
    assert {"Calendar", "Work", "Trips"} == {p.name for p in (hans.home / "calendars").iterdir()}


def test_modes(hans: Person) -> None:
    """A mode is chosen for one folder, for those below it, and for all others."""
    hans("folders", "--create", "Work")
    hans("folders", "--create", "Trips", "--below", "Work")
    done = hans("mode", "Work", "manual", "--children")
    assert "Work is synced: manual (own); folders below inherit it.\n" == done.err
    assert "manual (from above)\n" == hans("mode", "Trips").out
    done = hans("mode", "--default", "start-and-exit")
    assert "Folders without a mode of their own are synced: start and exit.\n" == done.err
    shown = rows(hans("folders").out)
    assert ["start/exit", "manual*+", "manual^"] == [row[3] for row in shown[1:4]]
    assert ["default mode: start and exit; * its own; ^ from above; + handed down"] == shown[4]
    assert "Work is synced: manual (own).\n" == hans("mode", "Work", "--no-children").err
    assert "start and exit (default)\n" == hans("mode", "Trips").out
    assert 0 == hans("mode", "Work", "--children").code
    assert "manual (from above)\n" == hans("mode", "Trips").out
    assert 0 == hans("mode", "Work", "inherited", "--no-children").code
    assert "start and exit (default)\n" == hans("mode", "Trips").out


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("mode Calendr manual", "no calendar folder 'Calendr'; did you mean Calendar?"),
        ("mode Calendar manuall", "'manuall' is no mode; did you mean manual?"),
        ("mode Calendar never", "'never' is no mode; it is one of on_select, manual"),
        ("mode Calendar --default manual", "--default MODE is for no single folder"),
        ("mode --default manual --children", "--children and --no-children are for a folder"),
        ("mode --children", "say which folder hands its mode down"),
        ("folders --below Calendar", "--below is for --create and --move"),
        ("folders --even-if-filled", "--even-if-filled is for --delete"),
        ("folders --create a --delete b", "give one of --create, --rename, --move and --delete"),
        ("acl Calendar eva", "say which rights the user is to have"),
        ("acl Calendar eva gust", "'gust' is no role; did you mean guest?"),
        ("acl Nothing eva guest", "no calendar folder 'Nothing'"),
        ("sync Nothing", "no calendar folder 'Nothing'"),
        ("sync --event select", "the event select is of one folder: say which"),
        ("sync --event stop", "Invalid value for '--event'"),
        ("fetch eva --from then", "'then' is no time"),
        ("publish hans nothing.vfb", "nothing.vfb: No such file or directory"),
    ],
)
def test_what_is_typed_wrongly(hans: Person, typed: str, said: str) -> None:
    """A slip ends with 2, says what is wrong, and changes nothing."""
    done = hans(*typed.split())
    assert (2, "") == (done.code, done.out)
    assert said in done.err


# -- sharing


def test_sharing(hans: Person) -> None:
    """Rights are given by role or letters, shown with the word for everyone, and taken back."""
    assert "eva: lrswipkxte (power user)\n" == hans("acl", "Calendar", "eva", "power-user").out
    assert "Alle: lrs (guest)\n" == hans("acl", "Calendar", "everyone", "lrs").out
    assert [
        ["USER", "ROLE", "RIGHTS"],
        ["Alle", "guest", "lrs"],
        ["eva", "power user", "lrswipkxte"],
        ["hans", "administrator", "lrswipkxtea"],
        ["You: lrswipkxtea"],
    ] == rows(hans("acl", "Calendar").out)
    assert "eva: none\n" == hans("acl", "Calendar", "eva", "none").out
    told = json.loads(hans("acl", "Calendar", "--json").out)
    assert ("Calendar", ["anyone", "hans"]) == (
        told["path"], sorted(entry["user"] for entry in told["entries"]),
    )  # fmt: skip


def test_locking_oneself_out_takes_force(hans: Person) -> None:
    """It is refused with the rights in force, and done where it is meant."""
    hans("folders", "--create", "Work")
    done = hans("acl", "Work", "hans", "guest")
    assert (1, "") == (done.code, done.out)
    assert "In force for hans: lrswipkxtea" in done.err
    assert "If that is meant: --force" in done.err


# -- sync


def test_a_sync_and_its_summary(hans: Person) -> None:
    """What moved is counted for each folder; what did not is one line."""
    hans("folders", "--create", "Work")
    first = hans("sync")
    assert (0, "2 folders unchanged.\nFree/busy is up to date.\n") == (first.code, first.out)
    hans.write(*EVENTS)
    dry = hans("sync", "--dry-run")
    assert 0 == dry.code
    assert "3 steps would be done, and nothing was." == dry.out.splitlines()[-1]
    assert "Calendar: send: one.ics" in dry.out
    done = hans("sync")
    assert [
        ["FOLDER", "UP", "DOWN", "DELETED THERE", "DELETED HERE", "CONFLICTS"],
        ["Calendar", "3", "0", "0", "0", "0"],
        ["1 folder unchanged otherwise."],
    ] == rows(done.out)[:3]
    assert "Nothing would be done.\n" == hans("sync", "--dry-run").out
    hans.write("four")
    assert (0, "", "") == tuple(vars(hans("sync", "--quiet")).values())


def test_a_sync_of_somebody_without_a_file(
    api: Api, hans: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is said to be up to date that is not there."""
    monkeypatch.setattr(api.jobs, "problem", "there is no file of yours")
    done = hans("sync")
    assert (0, "Free/busy: there is no file of yours.") == (done.code, done.out.splitlines()[-1])


def test_a_conflict_is_named_with_what_was_kept(api: Api, hans: Person) -> None:
    """Both sides changed: which won is said, and where the other is."""
    hans("sync")
    hans.write("one")
    hans("sync")
    there = api.ask("GET", "/folders/Q2FsZW5kYXI/changes")["items"][0]
    change = {"action": "put", "uid": "one", "replaces": [there["href"]],
              "calendar": event("one", "Theirs"), "change": "c1"}  # fmt: skip
    api.ask("POST", "/folders/Q2FsZW5kYXI/changes", {"changes": [change]})
    hans.write("one", summary="Ours")
    done = hans("sync")
    assert (0, ["Calendar", "0", "0", "0", "0", "1"]) == (done.code, rows(done.out)[1])
    assert "kept as" in done.err
    assert f"Versions that lost are kept in {hans.home}/conflicts\n" in done.err


def test_a_side_that_is_suddenly_empty(hans: Person) -> None:
    """Nothing is done, with an exit code of its own, until that is said to be meant."""
    hans("sync")
    hans.write(*EVENTS)
    hans("sync")
    for name in hans.names():
        (hans.directory() / name).unlink()
    done = hans("sync", "--unattended")
    assert 3 == done.code
    assert "Calendar: the folder is suddenly empty here, where 3 items had been" in done.err
    assert 3 == hans("sync", "--unattended", "--dry-run").code
    done = hans("sync", "--accept-empty")
    assert (0, ["Calendar", "0", "0", "3", "0", "0"]) == (done.code, rows(done.out)[1])


def test_only_some_folders(hans: Person) -> None:
    """Folders are named on the command line, or by the set-up, and the others left alone."""
    hans("folders", "--create", "Work")
    hans("folders", "--create", "Home")
    hans("sync", "Work")
    assert ["Work"] == sorted(path.name for path in (hans.home / "calendars").iterdir())
    ini = hans.home / "connector.ini"
    ini.write_text(ini.read_text() + "[sync]\nfolders = Ho*, Work\n")
    hans("sync")
    assert ["Home", "Work"] == sorted(path.name for path in (hans.home / "calendars").iterdir())
    ini.write_text(ini.read_text().replace("Ho*, Work", "Hobby"))
    done = hans("sync")
    assert (0, True) == (done.code, "no calendar folder is one of those" in done.err)


def test_what_the_server_refuses_is_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each sync, with the reason and an exit code of 1, until it is mended."""
    with connecting(ConnectorLimits(max_body=20_000)) as api:
        hans = Person(tmp_path, url_of(api), capsys, monkeypatch)
        hans.set_up()
        hans("sync")
        hans.write("one")
        hans.write("long", summary="x" * 30_000)
        for _ in range(2):
            done = hans("sync", "--quiet")
            assert (1, "") == (done.code, done.out)
            told = rows(done.err)
            assert ["The server refused 1 item, kept here only:"] == told[0]
            assert [["FOLDER", "FILE", "REASON"], ["Calendar", "long.ics"]] == [
                told[1], told[2][:2]
            ]  # fmt: skip
        hans.write("long")
        done = hans("sync", "--quiet")
        assert (0, "") == (done.code, done.err)


def test_a_long_uid(api: Api, hans: Person) -> None:
    """UIDs go up as long as a folder can hold them, which is longer than a name."""
    hans("sync")
    uid = "040000008200E00074C5B7101A82E008" + "0" * 900
    (hans.directory() / "outlook.ics").write_text(event(uid), encoding="utf-8")
    assert 0 == hans("sync").code
    assert [uid] == [
        each["uid"] for each in api.ask("GET", "/folders/Q2FsZW5kYXI/changes")["items"]
    ]


def test_what_was_lost_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """The first items are in a table, and the others are counted."""
    lost = [Lost(f"{number}.ics", ("ATTACH", "GEO")) for number in range(25)]
    print_left(HomeReport([FolderReport("Calendar", "Calendar", lost=lost)]))
    told = rows(capsys.readouterr().err)
    assert ["The server's folders cannot hold all of 25 items:"] == told[0]
    assert [["FOLDER", "FILE", "WITHOUT"], ["Calendar", "0.ics", "ATTACH, GEO"]] == told[1:3]
    assert (23, ["... and 5 items more"]) == (len(told), told[-1])


def test_an_event_that_concerns_no_folder(hans: Person) -> None:
    """The modes decide; the event may come from the set-up."""
    ini = hans.home / "connector.ini"
    ini.write_text(ini.read_text() + "[sync]\nevent = start\n")
    done = hans("sync")
    assert (
        "Nothing is synced at this event (start): the modes say so.\n"
        == done.out.splitlines(True)[0]
    )
    assert "1 folder unchanged." in hans("sync", "Calendar", "--event", "select").out


def test_nobody_answers(hans: Person, api: Api) -> None:
    """A gateway that is down, or that cannot answer now, is an exit code to try again on."""
    busy = answer('{"title":"T","status":503,"detail":"come again"}', PROBLEM, "503 X")
    with scripted([busy]) as script:
        ini = hans.home / "connector.ini"
        ini.write_text(
            ini.read_text().replace(url_of(api), script.url).replace(
                "password =\n", f"password = {hans.password}\n")
        )  # fmt: skip
        done = hans("sync", "--unattended")
        assert (4, True) == (done.code, done.err.endswith("freebusy: come again\n"))
    done = hans("sync", "--unattended")
    assert (4, True) == (done.code, "refuses connections: is the gateway running" in done.err)


# -- free/busy


def test_publishing_what_the_local_calendars_say(api: Api, hans: Person) -> None:
    """Without a file the times come from the folders that count, once they are synced."""
    done = hans("publish")
    assert (1, True) == (done.code, "run freebusy connector sync" in done.err)
    hans("sync")
    hans.write("one")
    done = hans("publish")
    assert (0, "The times of hans are published.\n") == (done.code, done.err)
    body = api.lookups.files.files["hans"].body
    assert b"DTSTART" in body
    assert b"Meeting" not in body


def test_publishing_calendars_without_events(api: Api, hans: Person) -> None:
    """A folder that never held an event is passed by; with nothing else, or one that lost
    all it had, nobody is shown as free."""
    hans("folders", "--create", "Empty")
    hans("sync")
    done = hans("publish")
    assert (1, True) == (done.code, "hold no event yet" in done.err)
    hans.write("one")
    assert (0, "The times of hans are published.\n") == (hans("publish").code, hans("publish").err)
    hans("sync")
    (hans.directory() / "one.ics").unlink()
    done = hans("publish")
    said = "Calendar: the folder is suddenly empty here: run freebusy connector sync first"
    assert (1, f"freebusy: {said}\n") == (done.code, done.err)
    assert b"FREEBUSY" in api.lookups.files.files["hans"].body


def test_publishing_a_file(api: Api, hans: Person, tmp_path: Path) -> None:
    """A file is sent as it is; one that is none is refused before."""
    file = tmp_path / "hans.vfb"
    file.write_text(VFB)
    assert 0 == hans("publish", file).code
    assert b"20260310T090000Z" in api.lookups.files.files["hans"].body
    assert 0 == hans("publish", "hans", file).code
    file.write_text("<html>")
    done = hans("publish", file)
    assert (1, True) == (done.code, done.err.startswith(f"freebusy: {file}: "))


def test_fetching_times(hans: Person, tmp_path: Path) -> None:
    """Whose times are known is drawn, or printed, or written down; who is not is named."""
    (tmp_path / "hans.vfb").write_text(VFB)
    hans("publish", tmp_path / "hans.vfb")
    span = ("--from", "2026-03-09", "--to", "2026-03-10")
    done = hans("fetch", "hans", "nobody", *span)
    assert [
        "hans, times of Europe/Berlin",
        "           06  08  10  12  14  16  18  20",
        "Mon 09 Mar ································",
        "Tue 10 Mar ········██······················  10:00-11:00",
    ] == done.out.splitlines()[:4]
    assert (1, "nobody: nobody of that name is known, or nothing is known of them\n") == (
        done.code, done.err,
    )  # fmt: skip
    assert 1 == hans("fetch", "hans", "hans@example.com", *span).out.count("busy   ")
    told = json.loads(hans("fetch", "hans", *span, "--json").out)
    assert [{"start": "2026-03-10T09:00:00Z", "end": "2026-03-10T10:00:00Z", "type": "BUSY"}] == (
        told["people"][0]["periods"]
    )
    done = hans("fetch", "hans", *span, "--write", tmp_path / "out")
    assert (0, "") == (done.code, done.out)
    assert b"FREEBUSY;FBTYPE=BUSY:20260310T090000Z/20260310T100000Z" in (
        (tmp_path / "out" / "hans.vfb").read_bytes()
    )


@pytest.mark.parametrize("stale", [False, True])
def test_times_that_are_old(hans: Person, api: Api, stale: bool) -> None:
    """How old they are is said; that something failed only where the service says so."""
    person = {
        "name": "eva", "status": "known", "elsewhere": True, "periods": [], "age": 7200,
        "start": "2026-03-01T00:00:00Z", "end": "2026-04-01T00:00:00Z",
        "as_of": "2026-03-01T10:00:00Z", "stale": stale,
    }  # fmt: skip
    with scripted([answer(json.dumps({"people": [person]}))]) as script:
        ini = hans.home / "connector.ini"
        ini.write_text(
            ini.read_text().replace(url_of(api), script.url).replace(
                "password =\n", f"password = {hans.password}\n")
        )  # fmt: skip
        done = hans("fetch", "eva", "--from", "2026-03-09", "--to", "2026-03-10")
    said = done.out.splitlines()[1]
    expected = ("Stale: as of " if stale else "As of ") + "Sun 01 Mar 2026 11:00 "
    assert (0, True) == (done.code, said.startswith(expected)), done


@pytest.mark.parametrize(
    ("status", "elsewhere", "said"),
    [
        ("unreachable", True, "the server that knows cannot be reached now: ask again later"),
        ("unreachable", False, "too much was asked for at once: ask again, or for fewer people"),
        ("not_allowed", True, "the gateway asks no server for people of that domain"),
    ],
)
def test_times_that_are_not_known(
    hans: Person, api: Api, status: str, elsewhere: bool, said: str
) -> None:
    """Whose times are not known is named, with the reason and what to do."""
    person = {
        "name": "eva",
        "status": status,
        "elsewhere": elsewhere,
        "periods": [],
    } | dict.fromkeys(("start", "end", "as_of", "age"))
    with scripted([answer(json.dumps({"people": [person]}))]) as script:
        ini = hans.home / "connector.ini"
        ini.write_text(
            ini.read_text().replace(url_of(api), script.url).replace(
                "password =\n", f"password = {hans.password}\n")
        )  # fmt: skip
        done = hans("fetch", "eva")
        assert (1, True) == (done.code, done.err.endswith(f"eva: {said}\n")), done.err


VFB = """\
BEGIN:VCALENDAR
BEGIN:VFREEBUSY
DTSTART:20260301T000000Z
DTEND:20260401T000000Z
FREEBUSY:20260310T090000Z/20260310T100000Z
END:VFREEBUSY
END:VCALENDAR
"""


def test_urls_of_their_own(hans: Person, api: Api, tmp_path: Path) -> None:
    """Where the set-up says so, files are published and looked for at URLs, as before an API."""
    found = answer(VFB, "text/calendar")
    with scripted([answer(status="201 Created")], [found], [answer(status="404 X")]) as script:
        ini = hans.home / "connector.ini"
        ini.write_text(
            ini.read_text()
            + f"[freebusy]\nname = hans@example.com\npublish_url = {script.url}/pub/%NAME%.vfb\n"
            f"search_url = {script.url}/%SERVER%/%NAME%.vfb\n"
        )
        (tmp_path / "hans.vfb").write_text(VFB)
        assert 0 == hans("publish", tmp_path / "hans.vfb").code
        done = hans("fetch", "eva@example.com", "--from", "2026-03-10")
        assert (0, True) == (done.code, "10:00-11:00" in done.out)
        assert 1 == hans("fetch", "x/../y").code
    assert [
        "PUT /pub/hans.vfb HTTP/1.1",
        "GET /example.com/eva.vfb HTTP/1.1",
        "GET /127.0.0.1/x%2F..%2Fy.vfb HTTP/1.1",
    ] == script.lines
    assert not [asked for asked in script.asked if b"Authorization" in asked]
