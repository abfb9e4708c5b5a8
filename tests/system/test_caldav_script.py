"""What servers may say that real ones seldom do: cut-off reports, odd hrefs, hostile answers."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from calendar_sync.caldav import CaldavSettings, CaldavSource
from calendar_sync.pages import Limits
from freebusy.errors import (
    CalendarMissingError,
    SourceError,
    SourceRefusedError,
    SourceUnavailableError,
)
from freebusy.ports import Calendar, Owner, SyncToken
from tests.contract.place import Replica, event
from tests.system.caldav_script import (
    CALENDAR,
    HOME,
    WORK,
    Asked,
    Reply,
    Script,
    multistatus,
    response,
    work,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HANS = Owner("hans", "hans@example.com")
LIMITS = Limits(page_items=3, page_bytes=3_000, max_item=1_000, head_bytes=500)
CALENDAR_OF_HANS = Calendar(f"hans{WORK}", HANS, "work")


@pytest.fixture
def script() -> Iterator[Script]:
    with Script().running() as script:
        yield script


@pytest.fixture
def source(script: Script) -> Iterator[CaldavSource]:
    with closing(CaldavSource(settings(script))) as source:
        yield source


def settings(script: Script, **changes: Any) -> CaldavSettings:
    known = {"username": "{name}", "password": "geheim", "limits": LIMITS, "timeout": 2.0}
    return CaldavSettings(script.url, **{**known, **changes})


def data(uid: str, **values: Any) -> str:
    return f"<![CDATA[{event(uid, **values).decode()}]]>"


def bodies(*names: str) -> Any:
    """Return a multiget that gives a body for each href it knows and 404 for any other."""

    def answer(asked: Asked) -> Reply:
        if "calendar-multiget" not in asked.body:
            return Reply(501)
        said = [
            response(f"{WORK}{name}", C_calendar_data=data(name), getetag="x")
            if name in names
            else response(f"{WORK}{name}", status=404)
            for name in hrefs(asked)
        ]
        return multistatus(*said)

    return answer


def hrefs(asked: Asked) -> list[str]:
    parts = asked.body.split("<href>")[1:]
    return [part.partition("<")[0].removeprefix(WORK) for part in parts]


def reports(listing: Sequence[Reply], *names: str) -> Any:
    """Return an answer to REPORTs: the listings one after the other, and bodies."""
    left = list(listing)
    multiget = bodies(*names)

    def answer(asked: Asked) -> Reply:
        if "sync-collection" in asked.body:
            return left.pop(0)
        reply: Reply = multiget(asked)
        return reply

    return answer


def tag(name: str, value: str = "1", **more: Any) -> str:
    return response(f"{WORK}{name}", getetag=value, **more)


def run(source: CaldavSource, replica: Replica | None = None) -> Replica:
    return (replica or Replica()).run(source, CALENDAR_OF_HANS)


# -- RFC 6578


def test_a_report_that_is_cut_off_is_asked_for_to_its_end(
    script: Script, source: CaldavSource
) -> None:
    """507 for the collection means: go on with the token that came (RFC 6578 §3.6)."""
    parts = [
        multistatus(tag("a.ics"), tag("b.ics"), response(WORK, status=507), token="part"),
        multistatus(tag("c.ics"), response(f"{WORK}a.ics", status=404), token="end"),
    ]
    script.replies |= {
        f"PROPFIND {WORK}": work(),
        f"REPORT {WORK}": reports(parts, "b.ics", "c.ics"),
    }
    replica = run(source)
    assert ["b.ics Meeting", "c.ics Meeting"] == replica.objects
    assert '"sync":"end"' in str(replica.token)
    sent = [asked.body for asked in script.asked if "sync-collection" in asked.body]
    assert [True, True] == ["<sync-token></sync-token>" in sent[0], ">part</sync-token>" in sent[1]]


def test_a_report_that_never_ends_is_given_up(script: Script, source: CaldavSource) -> None:
    """A server that cuts off and gives the same token again is unavailable."""
    part = multistatus(tag("a.ics"), response(WORK, status=507), token="same")
    script.replies |= {f"PROPFIND {WORK}": work(), f"REPORT {WORK}": reports([part] * 9)}
    with pytest.raises(SourceUnavailableError, match="does not go on"):
        run(source)


@pytest.mark.parametrize("status", [403, 409, 412, 500, 507])
def test_a_refused_token_costs_only_what_changed(
    script: Script, source: CaldavSource, status: int
) -> None:
    """The members are listed again and compared: no fresh run, and what is gone is known."""
    first = multistatus(tag("a.ics"), tag("b.ics"), tag("c.ics"), token="t1")
    script.replies |= {
        f"PROPFIND {WORK}": work("t1"),
        f"REPORT {WORK}": reports([first], "a.ics", "b.ics", "c.ics"),
    }
    replica = run(source)
    again = multistatus(tag("a.ics"), tag("b.ics", "2"), tag("d.ics"), token="t2")
    script.replies |= {
        f"PROPFIND {WORK}": work("t2"),
        f"REPORT {WORK}": reports([Reply(status), again], "a.ics", "b.ics", "d.ics"),
    }
    run(source, replica)
    assert (["b.ics Meeting", "d.ics Meeting"], ["c.ics"]) == (replica.delivered, replica.gone)
    assert [False] == [page.fresh for page in replica.pages]


def test_a_refused_token_and_nothing_in_common_is_another_calendar(
    script: Script, source: CaldavSource
) -> None:
    """The run is fresh and of a new generation, also where nothing is there any more."""
    script.replies |= {
        f"PROPFIND {WORK}": work("t1"),
        f"REPORT {WORK}": reports([multistatus(tag("a.ics"), token="t1")], "a.ics"),
    }
    replica = run(source)
    before = replica.pages[-1].generation
    script.replies |= {
        f"PROPFIND {WORK}": work("t2"),
        f"REPORT {WORK}": reports([Reply(403), multistatus(token="t2")]),
    }
    run(source, replica)
    assert ([], [True], False) == (
        replica.objects,
        [page.fresh for page in replica.pages],
        before == replica.pages[-1].generation,
    )


def test_a_server_that_cannot_report_is_listed(script: Script, source: CaldavSource) -> None:
    """Where sync-collection is announced and refused, PROPFIND lists the members."""

    def propfind(asked: Asked) -> Reply:
        if asked.headers["Depth"] == "0":
            return work()
        members = [
            tag("a.ics"),
            tag("b.ics"),
            tag("sub/"),
            tag("x.vcf", getcontenttype="text/vcard"),
        ]
        return multistatus(response(WORK, resourcetype=CALENDAR), *members)

    script.replies |= {
        f"PROPFIND {WORK}": propfind,
        f"REPORT {WORK}": reports([Reply(507)] * 3, "a.ics", "b.ics"),
    }
    assert ["a.ics Meeting", "b.ics Meeting"] == run(source).objects


def test_an_unchanged_calendar_costs_one_request(script: Script, source: CaldavSource) -> None:
    """The token in the collection's own properties is enough."""
    script.replies |= {
        f"PROPFIND {WORK}": work("t1"),
        f"REPORT {WORK}": reports([multistatus(tag("a.ics"), token="t1")], "a.ics"),
    }
    replica = run(source)
    script.asked.clear()
    run(source, replica)
    assert [f"PROPFIND {WORK}"] == script.methods()


# -- bodies


def test_a_server_without_multiget_is_asked_one_by_one(
    script: Script, source: CaldavSource
) -> None:
    """Each resource then comes by GET."""
    listing = multistatus(tag("a.ics"), tag("b.ics"), token="t")
    script.replies |= {
        f"PROPFIND {WORK}": work(),
        f"REPORT {WORK}": lambda asked: listing if "sync-coll" in asked.body else Reply(400),
        f"GET {WORK}a.ics": Reply(200, event("a")),
        f"GET {WORK}b.ics": Reply(200, event("b")),
    }
    assert ["a Meeting", "b Meeting"] == run(source).objects


def test_a_resource_that_is_not_given_holds_no_other_up(
    script: Script, source: CaldavSource
) -> None:
    """It comes without a body, to be counted; what is gone in the meantime does not come."""
    listing = multistatus(tag("a.ics"), tag("private.ics"), tag("gone.ics"), token="t")
    script.replies |= {
        f"PROPFIND {WORK}": work(),
        f"REPORT {WORK}": lambda asked: (
            listing
            if "sync-coll" in asked.body
            else multistatus(response(f"{WORK}a.ics", C_calendar_data=data("a")))
        ),
        f"GET {WORK}private.ics": Reply(403),
    }
    items = [item for page in run(source).pages for item in page.items]
    assert [("a.ics", False, True), ("private.ics", True, False)] == [
        (item.href, item.truncated, bool(item.body)) for item in items
    ]


def test_of_a_large_resource_no_more_is_read_than_needed(
    script: Script, source: CaldavSource
) -> None:
    """Where its size is listed it is asked for by Range; its end is not waited for."""
    large = event("large", padding=50_000)
    script.replies |= {
        f"PROPFIND {WORK}": work(),
        f"REPORT {WORK}": reports(
            [multistatus(tag("large.ics", getcontentlength=str(len(large))), token="t")]
        ),
        # it does not heed Range, and breaks off after 2,000 bytes
        f"GET {WORK}large.ics": Reply(200, large[:2_000], announced=len(large)),
    }
    (item,) = run(source).pages[0].items
    assert (True, large[:500]) == (item.truncated, item.body)
    assert "bytes=0-1000" == script.asked[-1].headers["Range"]


def test_a_large_text_in_a_report_is_cut_off_while_it_is_read(
    script: Script, source: CaldavSource
) -> None:
    """Where no size was listed, too."""
    script.replies |= {
        f"PROPFIND {WORK}": work(),
        f"REPORT {WORK}": lambda asked: (
            multistatus(tag("large.ics"), token="t")
            if "sync-coll" in asked.body
            else multistatus(
                response(f"{WORK}large.ics", C_calendar_data=data("large", padding=50_000))
            )
        ),
    }
    (item,) = run(source).pages[0].items
    assert (True, 500) == (item.truncated, len(item.body))


def test_a_body_that_breaks_off_is_an_outage(script: Script, source: CaldavSource) -> None:
    """Half a body is not taken for a whole one."""
    body = event("a")
    script.replies |= {
        f"PROPFIND {WORK}": work(),
        f"REPORT {WORK}": lambda asked: (
            multistatus(tag("a.ics"), token="t") if "sync-coll" in asked.body else Reply(400)
        ),
        f"GET {WORK}a.ics": Reply(200, body[:100], announced=len(body)),
    }
    with pytest.raises(SourceUnavailableError):
        run(source)


# -- hrefs


@pytest.mark.parametrize(
    ("written", "asked_for"),
    [
        ("a%2Fb.ics", "a%2Fb.ics"),
        ("a%2fb.ics", "a%2Fb.ics"),
        ("caf%C3%A9%25.ics", "caf%C3%A9%25.ics"),
        ("x@y.ics", "x@y.ics"),
        ("x%40y.ics", "x@y.ics"),
        ("q%3F%23.ics", "q%3F%23.ics"),
        ("a&amp;b.ics", "a&b.ics"),
    ],
)
@pytest.mark.parametrize("absolute", [False, True])
def test_hrefs_have_one_spelling(
    script: Script, source: CaldavSource, written: str, asked_for: str, *, absolute: bool
) -> None:
    """However the server spells it, an href is stable and asks for the right resource."""
    prefix = f"http://127.0.0.1{WORK}" if absolute else WORK
    script.replies |= {
        f"PROPFIND {WORK}": work(),
        f"REPORT {WORK}": lambda asked: (
            multistatus(response(f"{prefix}{written}", getetag="1"), token="t")
            if "sync-coll" in asked.body
            else Reply(400)
        ),
        f"GET {WORK}{asked_for}": Reply(200, event("a")),
    }
    assert [asked_for] == list(run(source).items)


# -- other hosts


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_followed_by_its_path_only(script: Script, status: int) -> None:
    """Scheme and port stay those of the configuration, also where Location has others."""
    there = Reply(status, headers={"Location": f"http://127.0.0.1:1{WORK}"})
    script.replies |= {f"PROPFIND {HOME}": there, f"PROPFIND {WORK}": work()}
    with closing(CaldavSource(settings(script))) as source:
        assert [f"hans{WORK}"] == [calendar.key for calendar in source.calendars(HANS)]


def test_a_redirect_to_another_host_is_refused(script: Script, source: CaldavSource) -> None:
    """The password is for the host in url only."""
    there = Reply(301, headers={"Location": f"http://other.example.com:{script.port}{HOME}"})
    script.replies |= {f"PROPFIND {HOME}": there}
    with pytest.raises(SourceRefusedError, match=r"other\.example\.com"):
        source.calendars(HANS)


def test_a_home_on_another_host_is_refused(script: Script, source: CaldavSource) -> None:
    """An href may not lead away either."""
    home = "<href>https://other.example.com/home/</href>"
    script.replies |= {f"PROPFIND {HOME}": multistatus(response(HOME, C_calendar__home__set=home))}
    with pytest.raises(SourceRefusedError, match=r"other\.example\.com"):
        source.calendars(HANS)


def test_redirects_end(script: Script, source: CaldavSource) -> None:
    """A circle is left."""
    script.replies |= {f"PROPFIND {HOME}": Reply(301, headers={"Location": HOME})}
    with pytest.raises(SourceRefusedError, match="without end"):
        source.calendars(HANS)
    assert 5 == len(script.asked)


# -- hostile and broken answers

DOCTYPE = (
    b'<!DOCTYPE x [<!ENTITY e "aaaa"><!ENTITY f "&e;&e;&e;&e;">]><multistatus>&f;</multistatus>'
)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(207, DOCTYPE), SourceUnavailableError),
        (Reply(207, b"<html>Willkommen"), SourceUnavailableError),
        (Reply(207, b"\xff\xfe\x00"), SourceUnavailableError),
        (Reply(207, b"<a>" * 100_000), SourceUnavailableError),
        (Reply(207, b""), SourceUnavailableError),
        (Reply(207, work().body[:100], announced=500), SourceUnavailableError),
        (Reply(200, b"ok"), SourceUnavailableError),
        (Reply(401), SourceRefusedError),
        (Reply(403), SourceRefusedError),
        (Reply(404), CalendarMissingError),
        (Reply(410), CalendarMissingError),
        (Reply(429), SourceUnavailableError),
        (Reply(500), SourceUnavailableError),
        (Reply(503), SourceUnavailableError),
        (Reply(304), SourceRefusedError),
        (multistatus(response(WORK, status=404)), CalendarMissingError),
        (multistatus(response("no path", resourcetype="")), SourceError),
        (multistatus(response("http://[/", resourcetype="")), SourceUnavailableError),
    ],
    ids=range(18),
)
def test_any_other_answer_is_a_source_error(
    script: Script, source: CaldavSource, reply: Reply, error: type[SourceError]
) -> None:
    """And nothing of what the server said, or of the password, is in it."""
    script.replies |= {f"PROPFIND {WORK}": reply, f"PROPFIND {HOME}": reply}
    with pytest.raises(error) as raised:
        run(source)
    assert not {"geheim", "Willkommen", "aaaa"} & set(str(raised.value).split())


def test_an_answer_without_end_is_given_up(
    script: Script, source: CaldavSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is longer than any calendar needs is not read to its end."""
    monkeypatch.setattr("calendar_sync.caldav.connection.MAX_ANSWER", 1000)
    long = multistatus(response(WORK, resourcetype=CALENDAR, displayname="x" * 5000))
    script.replies |= {f"PROPFIND {WORK}": long}
    with pytest.raises(SourceUnavailableError, match="too long"):
        run(source)


def test_a_password_does_not_cross_the_network_unencrypted() -> None:
    """Over http:// it goes to this machine only."""
    plain = CaldavSettings("http://dav.example.com/", "hans", "geheim")
    with (
        closing(CaldavSource(plain)) as source,
        pytest.raises(SourceRefusedError, match="allow_plain"),
    ):
        source.calendars(HANS)


def test_a_token_of_a_server_may_hold_anything(script: Script, source: CaldavSource) -> None:
    """It is sent back as it came, whatever is in it."""
    odd = "data:,&amp;&lt;x&gt; 'ü'"
    listing = [multistatus(tag("a.ics"), token=odd), multistatus(token="t2")]
    script.replies |= {f"PROPFIND {WORK}": work("t0"), f"REPORT {WORK}": reports(listing, "a.ics")}
    replica = run(source)
    run(source, replica)
    assert "<sync-token>data:,&amp;&lt;x&gt; 'ü'</sync-token>" in script.asked[-1].body
    assert SyncToken(str(replica.token)) == replica.token
