"""What the endpoints of the connector's interface do."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from freebusy.connector.parts import ConnectorLimits
from freebusy.ports import Owner, Scope
from freebusy.vfreebusy import decode
from freebusy.web.connector.call import folder_id
from tests.wire.connector_gateway import APP, EVA, HANS, connecting, event
from tests.wire.http_gateway import BODY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from freebusy.ports import CalendarFolder
    from tests.wire.connector_gateway import Api
    from tests.wire.http_gateway import Answer

CALENDAR = folder_id("Calendar")
OF_HANS = folder_id("user/hans/Calendar")
WHO_HANS = Owner("hans", "hans@example.com", password="wort")
CALENDAR_TEXT = "Content-Type: text/calendar"


@pytest.fixture
def api() -> Iterator[Api]:
    with connecting(ConnectorLimits(max_changes=3, max_names=4)) as api:
        yield api


def told(answer: Answer) -> Any:
    return json.loads(answer.body)


def put(uid: str, *replaces: str, change: str = "", summary: str = "Meeting") -> dict[str, Any]:
    text = event(uid, summary)
    return {
        "action": "put",
        "uid": uid,
        "calendar": text,
        "replaces": list(replaces),
        "change": change,
    }


def write(api: Api, *changes: dict[str, Any], folder: str = CALENDAR, login: str = HANS) -> Any:
    found = api.ask("POST", f"/folders/{folder}/changes", {"changes": changes}, login=login)
    return found["results"]


# -- folders


@pytest.mark.parametrize("condstore", [True, False])
def test_a_state_is_told_where_it_proves_something(api: Api, condstore: bool) -> None:
    """Without modification sequences an equal state would hide that a message is \\Deleted."""
    api.mail.condstore = condstore
    folder = api.ask("GET", "/folders")["folders"][0]
    assert condstore == (folder["state"] is not None)
    assert 0 == folder["items"]


def test_folders_are_told_with_their_parents(api: Api) -> None:
    """A folder below another names it; what lies below no folder of the list names none."""
    made = api.ask("POST", "/folders", {"name": "Trips", "parent": CALENDAR})
    api.mail.grant(WHO_HANS, "Calendar/Trips", "eva", frozenset("lrs"))
    seen = api.ask("GET", "/folders", login=EVA)["folders"]
    assert CALENDAR == made["parent"]
    assert [("own", None, None), ("other", None, "hans")] == [
        (each["kind"], each["parent"], each["owner"]) for each in seen
    ]
    assert [("lrswipkxtea", "administrator"), ("lrs", "guest")] == [
        (each["rights"], each["role"]) for each in seen
    ]


def test_a_new_folder_is_where_it_says(api: Api) -> None:
    """Location leads to the new folder."""
    answer = api.send("POST", "/folders", {"name": "Grüße & mehr"})
    assert 201 == answer.status
    path = answer.headers["location"].removeprefix("/connector/v1")
    assert told(answer) == api.ask("GET", path)
    assert "Grüße & mehr" == told(answer)["name"]


def test_modes_follow_a_move(api: Api) -> None:
    """What was chosen for a folder, and for those below it, goes along with a new name."""
    trips = api.ask("POST", "/folders", {"name": "Trips", "mode": "manual"})["id"]
    below = api.ask("POST", "/folders", {"name": "Old", "parent": trips})
    assert ("on_select", "default") == (below["mode"], below["mode_from"])
    api.ask("PATCH", f"/folders/{trips}", {"hands_down": True})
    moved = api.ask("PATCH", f"/folders/{trips}", {"name": "Travel", "parent": CALENDAR})
    assert ("Calendar/Travel", "manual", True) == (
        moved["path"], moved["mode"], moved["hands_down"],
    )  # fmt: skip
    old = api.ask("GET", f"/folders/{folder_id('Calendar/Travel/Old')}")
    assert ("manual", "parent") == (old["mode"], old["mode_from"])
    assert 404 == api.send("GET", f"/folders/{trips}").status


def test_a_mode_is_chosen_and_taken_back(api: Api) -> None:
    """One's own mode goes before the default; "inherited" gives it up."""
    modes = [
        api.ask("PATCH", f"/folders/{CALENDAR}", wanted)
        for wanted in ({"mode": "manual"}, {"hands_down": True}, {"mode": "inherited"}, {})
    ]
    assert [("manual", False), ("manual", True), ("on_select", True), ("on_select", True)] == [
        (each["mode"], each["hands_down"]) for each in modes
    ]
    assert ["on_start_and_exit", "on_select"] == [
        api.ask("PATCH", "/settings", {"default_mode": mode})["default_mode"]
        for mode in ("on_start_and_exit", None)
    ]


def test_a_filled_folder_is_not_deleted_by_chance(api: Api) -> None:
    """409 says how many items there are, and how to delete them as well."""
    write(api, put("a"), put("b"))
    refused = api.send("DELETE", f"/folders/{CALENDAR}")
    assert (409, True, True) == (
        refused.status, "2 items" in told(refused)["detail"],
        "even_if_filled=true" in told(refused)["detail"],
    )  # fmt: skip
    assert 409 == api.send("DELETE", f"/folders/{CALENDAR}?even_if_filled=false").status
    assert 204 == api.send("DELETE", f"/folders/{CALENDAR}?even_if_filled=true").status
    assert 404 == api.send("DELETE", f"/folders/{CALENDAR}").status


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/folders", {"name": "Calendar"}, 409),
        ("POST", "/folders", {"name": "a/b"}, 422),
        ("POST", "/folders", {"name": "a\r\nDELETE INBOX"}, 422),
        ("POST", "/folders", {"name": "N", "parent": "AAAA"}, 404),
        ("POST", "/folders", {"name": "N", "parent": folder_id("Nothing")}, 404),
        ("PATCH", f"/folders/{CALENDAR}", {"parent": CALENDAR}, 422),
        ("GET", f"/folders/{folder_id('user/eva/Calendar')}", None, 404),
        ("GET", "/folders/Q2FsZW5kYXI=", None, 404),
        ("GET", "/folders/Q2FsZW5kYXJ", None, 404),
        ("GET", f"/folders/{folder_id('x')}A", None, 404),
        ("GET", "/folders/DQo", None, 404),
        ("GET", "/folders/_w", None, 404),
        ("GET", "/folders/%C3%BC", None, 404),
        ("DELETE", f"/folders/{CALENDAR}?even_if_filled=1", None, 422),
        ("DELETE", f"/folders/{CALENDAR}?force=true", None, 422),
        ("GET", "/folders/AA", None, 404),
        ("GET", "/sync/nothing", None, 404),
    ],
)
def test_what_is_refused(api: Api, method: str, path: str, body: object, status: int) -> None:
    """Each has its status, and an id is taken in one spelling alone."""
    assert status == api.send(method, path, body).status


def test_a_bug_of_ours(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """It is a problem that tells nothing of the inside, and is in the log."""

    def broken(who: Owner) -> Sequence[CalendarFolder]:
        raise KeyError("inside")

    api.mail.folders = broken  # type: ignore[method-assign]  # nothing real does that
    answer = api.send("GET", "/folders")
    assert (500, "application/problem+json") == (answer.status, answer.headers["content-type"])
    assert "inside" not in answer.body.decode()
    assert "KeyError" in caplog.text


# -- sync


def test_sync(api: Api) -> None:
    """The job has the folders that the modes say, for the person who began it."""
    other = api.ask("POST", "/folders", {"name": "Trips", "mode": "on_start_and_exit"})["id"]
    jobs = [
        api.ask("POST", "/sync", wanted)
        for wanted in (
            {"event": "start"},
            {"event": "select", "folder": CALENDAR},
            {"event": "select", "folder": other},
            {"event": "manual"},
        )
    ]
    assert [[other], [CALENDAR], [], [CALENDAR, other]] == [each["folders"] for each in jobs]
    path = f"/sync/{jobs[0]['id']}"
    assert [200, 404] == [api.send("GET", path, login=login).status for login in (HANS, EVA)]


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"event": "select"}, 422),
        ({"event": "manual", "folder": folder_id("Nothing")}, 404),
        ({"event": "manual", "folder": OF_HANS}, 404),
        ({"event": "now"}, 422),
    ],
)
def test_sync_of_what_is_not_there(api: Api, wanted: object, status: int) -> None:
    """A folder has to be given where one was selected, and to be there."""
    assert status == api.send("POST", "/sync", wanted).status
    assert {} == api.jobs.kept


# -- items


def test_items_go_both_ways(api: Api) -> None:
    """What one writes the next reads; a change that is sent again is not done twice."""
    first = write(api, put("a", change="laptop-1"))
    again = write(api, put("a", change="laptop-1"))
    assert [("done", "1"), ("done", "1")] == [
        (each["status"], each["href"]) for each in (*first, *again)
    ]
    page = api.ask("GET", f"/folders/{CALENDAR}/changes")
    assert [(event("a"), "laptop-1")] == [(e["calendar"], e["change"]) for e in page["items"]]
    write(api, put("a", "1", summary="Later"))
    later = api.ask("GET", f"/folders/{CALENDAR}/changes?since={page['token']}")
    assert (["2"], ["1"], False, None) == (
        [each["href"] for each in later["items"]],
        later["gone"],
        later["is_fresh"],
        later["folder"],
    )


def test_a_conflict_shows_both_versions(api: Api) -> None:
    """Nothing is done, and the one who asked can choose."""
    write(api, put("a", summary="Theirs"))
    (result,) = write(api, put("a", summary="Mine"))
    assert ("conflict", None, event("a", "Mine"), [event("a", "Theirs")]) == (
        result["status"],
        result["href"],
        result["yours"],
        [each["calendar"] for each in result["theirs"]],
    )
    assert ["a"] == [each.uid for each in api.mail.items(WHO_HANS, "Calendar")]


def test_each_change_has_its_own_result(api: Api) -> None:
    """One that is refused keeps the others from nothing."""
    broken = put("b") | {"calendar": "no calendar"}
    results = write(api, put("a"), broken, put("c"))
    assert ["done", "refused", "done"] == [each["status"] for each in results]
    assert (
        413 == api.send("POST", f"/folders/{CALENDAR}/changes", {"changes": [put("x")] * 4}).status
    )


def test_pages(api: Api) -> None:
    """A limit of the service holds beside that of the client; the end is noted as a sync."""
    for number in range(4):
        write(api, put(f"u{number}"))
    pages, synced, token = [], [], ""
    for _ in range(2):
        page = api.ask("GET", f"/folders/{CALENDAR}/changes?limit=500&since={token}")
        token = page["token"]
        pages.append((len(page["items"]), page["more"], page["is_fresh"]))
        synced.append(api.ask("GET", "/folders")["folders"][0]["last_sync"] is not None)
    assert [(3, True, True), (1, False, True)] == pages
    assert [False, True] == synced


def test_changed_rights_come_with_the_items(api: Api) -> None:
    """The folder is told where one's rights changed, and that the list is another."""
    for letters in ("lr", "lrs"):
        api.ask("PUT", f"/folders/{CALENDAR}/acl/eva", {"rights": letters})
        if letters == "lr":
            token = api.ask("GET", f"/folders/{OF_HANS}/changes", login=EVA)["token"]
    page = api.ask("GET", f"/folders/{OF_HANS}/changes?since={token}", login=EVA)
    assert ("lrs", True) == (page["folder"]["rights"], page["acl_changed"])


def test_reading_needs_rights(api: Api) -> None:
    """Who sees a folder and may not read it is told so; who does not see it learns nothing."""
    path = f"/folders/{OF_HANS}/changes"
    assert 404 == api.send("GET", path, login=EVA).status
    api.ask("PUT", f"/folders/{CALENDAR}/acl/eva", {"rights": "l"})
    assert 403 == api.send("GET", path, login=EVA).status
    assert 403 == api.send("POST", path, {"changes": [put("a")]}, login=EVA).status


# -- sharing


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"role": "guest"}, ("lrs", "guest")),
        ({"role": "user"}, ("lrswip", "user")),
        ({"role": "power user"}, ("lrswipkxte", "power user")),
        ({"role": "administrator"}, ("lrswipkxtea", "administrator")),
        ({"rights": "lrsd"}, ("lrste", None)),
        ({"rights": "c"}, ("kx", None)),
        ({"rights": ""}, ("", None)),
    ],
)
def test_rights_by_letters_and_roles(api: Api, wanted: object, expected: Any) -> None:
    """The answer has the rights in force, without the letters of RFC 2086."""
    entry = api.ask("PUT", f"/folders/{CALENDAR}/acl/eva", wanted)
    assert expected == (entry["rights"], entry["role"])
    assert entry == api.ask("GET", f"/folders/{CALENDAR}/acl/eva")


@pytest.mark.parametrize(
    "wanted",
    [{}, {"force": True}, {"rights": "lr", "role": "guest"}, {"rights": "lrz"}, {"role": "king"}],
)
def test_rights_that_are_none(api: Api, wanted: object) -> None:
    """Letters or a role, one of the two, and of those that there are."""
    assert 422 == api.send("PUT", f"/folders/{CALENDAR}/acl/eva", wanted).status


@pytest.mark.parametrize("word", ["everyone", "Alle", "TOUS", "tutti", "Todos", "anyone"])
def test_everyone(api: Api, word: str) -> None:
    """Everyone has a name in each language, and is one user."""
    entry = api.ask("PUT", f"/folders/{CALENDAR}/acl/{word}", {"role": "guest"})
    assert ("anyone", "Everyone", True) == (entry["user"], entry["shown"], entry["is_everyone"])
    assert [OF_HANS] == [each["id"] for each in api.ask("GET", "/folders", login=EVA)["folders"]][
        1:
    ]


def test_somebody_who_is_called_everyone() -> None:
    """Rights go to nobody else by mistake: a word that is a name of the roster, or one in the
    folder's list, means that person."""
    with connecting(more_users=("alle",)) as api:
        grant = {"role": "guest"}
        path = f"/folders/{CALENDAR}/acl"
        assert "Alle" == api.ask("PUT", f"{path}/Alle", grant)["user"]
        api.mail.grant(Owner("hans", "", password="wort"), "Calendar", "tutti", frozenset("l"))
        assert ("Tutti", "lrs") == tuple(
            api.ask("PUT", f"{path}/Tutti", grant)[key] for key in ("user", "rights")
        )
        assert {"alle", "hans", "tutti"} == {
            each["user"].casefold() for each in api.ask("GET", path)["entries"]
        }
        assert "anyone" == api.ask("PUT", f"{path}/Tous", grant)["user"]


def test_everyone_in_the_readers_language(api: Api) -> None:
    """The word comes in the language that the client asks for."""
    api.ask("PUT", f"/folders/{CALENDAR}/acl/anyone", {"role": "guest"})
    answer = api.send("GET", f"/folders/{CALENDAR}/acl", None, "Accept-Language: de-AT, en;q=0.5")
    assert ["Alle", "hans"] == [each["shown"] for each in told(answer)["entries"]]
    assert "lrswipkxtea" == told(answer)["mine"]


def test_the_owner_keeps_some_rights(api: Api) -> None:
    """Without force nothing is taken, with it 409 says what the server keeps."""
    for force in (False, True):
        answer = api.send("PUT", f"/folders/{CALENDAR}/acl/hans", {"rights": "lr", "force": force})
        assert (409, True) == (answer.status, set("lkxa") <= set(told(answer)["rights"]))
    assert 409 == api.send("DELETE", f"/folders/{CALENDAR}/acl/hans").status
    assert 409 == api.send("DELETE", f"/folders/{CALENDAR}/acl/hans?force=true").status


def test_users_with_odd_names(api: Api) -> None:
    """A user is one part of the path, whatever stands in it but control characters."""
    odd = "%24group%2Fn%C3%A4me%20x"
    assert (
        "$group/näme x"
        == api.ask("PUT", f"/folders/{CALENDAR}/acl/{odd}", {"role": "guest"})["user"]
    )
    for bad in ("%0D%0ADELETE", "a%00b", "x" * 300):
        assert 422 == api.send("GET", f"/folders/{CALENDAR}/acl/{bad}").status


# -- free/busy

AWAY = "BUSY-UNAVAILABLE"
UPLOAD: dict[str, Any] = {
    "start": "2026-03-01T00:00:00Z",
    "end": "2026-03-08T01:00:00+01:00",
    "periods": [
        {"start": "2026-03-02T10:00:00Z", "end": "2026-03-02T11:00:00Z"},
        {"start": "2026-03-02T10:30:00Z", "end": "2026-03-02T12:00:00Z", "type": AWAY},
        {"start": "2026-04-01T10:00:00Z", "end": "2026-04-02T10:00:00Z"},
    ],
}  # fmt: skip


def test_published_as_json(api: Api) -> None:
    """Periods become a free/busy file, merged and cut to the window."""
    answers = [api.send("PUT", "/freebusy/hans", UPLOAD) for _ in range(2)]
    assert [201, 200] == [answer.status for answer in answers]
    file = decode(api.kept.uploads[0].body, now=datetime.now(UTC))
    assert ["BUSY 10:00", "BUSY-UNAVAILABLE 10:30"] == [
        f"{each.type.fbtype} {each.start:%H:%M}" for each in file.periods
    ]
    assert ("2026-03-01 00:00", "2026-03-08 00:00") == (
        f"{file.window.start:%Y-%m-%d %H:%M}",
        f"{file.window.end:%Y-%m-%d %H:%M}",
    )


def test_fractions_of_seconds(api: Api) -> None:
    """Files know whole seconds: a fraction makes busy time longer and what is known shorter."""
    body = {
        "start": "2027-01-01T00:00:00.25Z",
        "end": "2027-02-01T00:00:00.75Z",
        "periods": [
            {"start": "2027-01-01T00:00:00.1Z", "end": "2027-01-01T01:00:00.001Z"},
            {"start": "2027-01-04T09:00:00.9Z", "end": "2027-01-04T10:00:00Z"},
        ],
    }
    assert 201 == api.send("PUT", "/freebusy/hans", body).status
    file = decode(api.kept.uploads[0].body, now=datetime.now(UTC))
    window = file.window
    assert "01-01 00:00:01 02-01 00:00:00" == f"{window.start:%m-%d %T} {window.end:%m-%d %T}"
    assert ["01-01 00:00:01 01:00:01", "01-04 09:00:00 10:00:00"] == [
        f"{each.start:%m-%d %T} {each.end:%T}" for each in file.periods
    ]


def test_published_as_it_is(api: Api) -> None:
    """A free/busy file is passed on as it came, with what the client calls itself."""
    lines = ("User-Agent: Connector/1",)
    answer = api.send("PUT", "/freebusy/hans", BODY, *lines, media=CALENDAR_TEXT)
    assert 201 == answer.status
    upload = api.kept.uploads[0]
    assert (BODY, "http", "Connector/1") == (upload.body, upload.protocol, upload.client)


def test_an_app_password_publishes_for_its_person(api: Api) -> None:
    """It does so as one for publishing, and for nobody else."""
    for name, status in (("hans", 201), ("anna", 403), ("nobody", 403)):
        assert status == api.send("PUT", f"/freebusy/{name}", UPLOAD, login=APP).status
    assert 403 == api.send("DELETE", "/freebusy/anna", login=APP).status
    assert 204 == api.send("DELETE", "/freebusy/hans", login=APP).status
    assert [] == api.owners


def test_what_waits_for_a_reading(api: Api) -> None:
    """202 while the calendars were never read."""
    api.kept.served = False
    answer = api.send("PUT", "/freebusy/hans", UPLOAD)
    assert (202, {"name": "hans", "served": False}) == (answer.status, told(answer))


@pytest.mark.parametrize(
    ("body", "media", "status"),
    [
        (b"<html>", CALENDAR_TEXT, 422),
        (b"x" * 1001, CALENDAR_TEXT, 413),
        (BODY, "Content-Type: text/html", 415),
        (BODY, "Content-Type: application/octet-stream", 415),
        (UPLOAD | {"end": UPLOAD["start"]}, None, 422),
        (UPLOAD | {"end": "2026-03-01T00:00:00.9Z"}, None, 422),
        (UPLOAD | {"start": "2026-03-01T00:00:00"}, None, 422),
        (UPLOAD | {"start": "0001-01-01T00:00:00+14:00"}, None, 422),
        (UPLOAD | {"start": 5}, None, 422),
        (UPLOAD | {"periods": [{"start": UPLOAD["end"], "end": UPLOAD["start"]}]}, None, 422),
        (UPLOAD | {"periods": [UPLOAD["periods"][0] | {"type": "FREE"}]}, None, 422),
    ],
)
def test_what_is_not_published(api: Api, body: object, media: str | None, status: int) -> None:
    """What is no free/busy is refused, and nothing is published."""
    given = {} if media is None else {"media": media}
    assert status == api.send("PUT", "/freebusy/hans", body, **given).status
    assert {} == api.kept.files.files


def test_where_nobody_publishes() -> None:
    """A service that takes no publications says so."""
    with connecting(publishes=False) as closed:
        for method, body in (("PUT", UPLOAD), ("DELETE", None)):
            assert 403 == closed.send(method, "/freebusy/hans", body).status


@pytest.mark.parametrize("name", ["a%2Fb", "a%5Cb", "%00", "a%0Ab", "x" * 300])
def test_names_that_nobody_has(api: Api, name: str) -> None:
    """What cannot be a name is as unknown as any other."""
    for method, body in (("GET", None), ("PUT", UPLOAD), ("DELETE", None)):
        assert 404 == api.send(method, f"/freebusy/{name}", body).status


def test_many_people(api: Api) -> None:
    """One entry for each name, in their order, the same by GET and by POST."""
    api.ask("PUT", "/freebusy/hans", UPLOAD)
    got = api.ask("GET", "/freebusy?names=nobody,hans&names=eva%40example.com")
    posted = api.ask("POST", "/freebusy", {"names": ["nobody", "hans", "eva@example.com"]})
    assert [("nobody", "unknown"), ("hans", "known"), ("eva@example.com", "unknown")] == [
        (each["name"], each["status"]) for each in got["people"]
    ]
    assert [each["periods"] for each in posted["people"]] == [e["periods"] for e in got["people"]]
    assert 0 == got["people"][1]["age"]
    _, within, visitor = api.lookups.asked[0]
    assert (None, Scope.MAIL) == (within, visitor.account.scope if visitor.account else None)


def test_a_part_of_the_time(api: Api) -> None:
    """Periods are those of the time asked for."""
    api.ask("PUT", "/freebusy/hans", UPLOAD)
    query = "start=2026-03-02T10:45:00Z&end=2026-03-02T12:00:00%2B01:00"
    person = api.ask("GET", f"/freebusy/hans?{query}")
    assert ["BUSY-UNAVAILABLE"] == [each["type"] for each in person["periods"]]


@pytest.mark.parametrize(
    "query",
    [
        "names=a,b,c&names=d,e",
        "names=",
        "names=a,,b",
        "names=a%0Ab",
        "names=" + "a" * 255,
        "",
        "start=2026-03-02T10:45:00Z&end=2026-03-02T12:00:00Z",
        "names=a&start=2026-03-02T10:45:00Z",
        "names=a&start=2026-03-02T10:45:00Z&end=2026-03-02T10:45:00Z",
        "names=a&start=2026-03-02T10:45:00&end=2026-03-03T10:45:00Z",
        "names=a&start=0&end=1",
        "names=a&start=0001-01-01T00:00:00%2B14:00&end=2026-03-03T10:45:00Z",
        "names=a&start=2026-03-02T10:45:00Z&start=2026-03-02T10:45:00Z",
        "names=a&more=b",
    ],
)
def test_look_ups_that_make_no_sense(api: Api, query: str) -> None:
    """Each is refused, and names what is wrong with it."""
    answer = api.send("GET", f"/freebusy?{query}")
    assert (422, True) == (answer.status, bool(told(answer)["errors"]))
    assert [] == api.lookups.asked


def test_an_offset_in_a_query(api: Api) -> None:
    """A + stands for a space there: who forgot that is told how to write it."""
    answer = api.send("GET", "/freebusy?names=eva&start=2026-03-01T00:00:00+01:00")
    assert (422, True) == (answer.status, "%2B" in told(answer)["errors"][0])
    span = "start=2026-03-01T00:00:00%2B01:00&end=2026-03-02T00:00:00%2B01:00"
    assert 200 == api.send("GET", f"/freebusy?names=eva&{span}").status


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/folders/{CALENDAR}/changes?limit=0", 422),
        (f"/folders/{CALENDAR}/changes?limit=501", 422),
        (f"/folders/{CALENDAR}/changes?limit=1e1", 422),
        (f"/folders/{CALENDAR}/changes?limit=%D9%A1", 422),
        (f"/folders/{CALENDAR}/changes?since=a%0Ab", 422),
        (f"/folders/{CALENDAR}/changes?since=" + "a" * 4001, 422),
        (f"/folders/{CALENDAR}/changes?since=nonsense", 200),
        (f"/folders/{CALENDAR}/changes?since=%FF", 400),
        (f"/folders/{CALENDAR}/changes?" + "a=b&" * 1101, 400),
        ("/folders?x=y", 422),
        ("/folders?", 200),
    ],
)
def test_queries(api: Api, path: str, status: int) -> None:
    """What stands after the question mark is checked as strictly as a body."""
    assert status == api.send("GET", path).status
