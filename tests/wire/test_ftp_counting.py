"""What a server tells of its sessions and transfers to whoever counts them."""

from __future__ import annotations

from ftpsrv.counting import Counted
from tests.wire.ftp_accounts import MemoryLogins, some_publications
from tests.wire.ftp_dialogue import BODY, IPV4, MemoryFiles, published, serving, wait_until

HANS = "/pub/calendar/hans.vfb"
LARGE = b"x" * (16 << 20)


def counting(heard: list[str]) -> Counted:
    """Return what writes down all that it is told."""
    return Counted(
        lambda: heard.append("opened"),
        lambda: heard.append("closed"),
        lambda command, outcome: heard.append(f"{command} {outcome}"),
    )


def test_sessions_and_transfers() -> None:
    """Each session begins and ends once, and each transfer ends once, whole or not."""
    heard: list[str] = []
    kept = some_publications()
    serve = serving(kept.tree, logins=MemoryLogins(), publications=kept, counted=counting(heard))
    with serve as place:
        with place.login("hans", "secret") as client:
            assert BODY == client.fetches(f"RETR {HANS}")
            client.fetches("NLST")
            assert "226 Stored." == client.uploads(f"STOR {HANS}", BODY)
            client.asks("RETR /calendar/nobody.vfb", "550")
            client.asks("QUIT", "221")
        wait_until(lambda: "closed" in heard)
    whole = ["RETR completed", "NLST completed", "STOR completed"]
    assert ["opened", *whole, "closed"] == heard


def test_what_breaks_off() -> None:
    """A transfer in whose middle the client goes is an aborted one."""
    heard: list[str] = []
    files = MemoryFiles({"hans": published("hans", LARGE)})
    with serving(files, counted=counting(heard)) as place:
        with place.login() as client, client.passive():
            client.asks(f"RETR {HANS}", "1")
        wait_until(lambda: len(heard) == 3)
    assert ["RETR aborted", "closed", "opened"] == sorted(heard)


def test_who_is_turned_away_has_no_session() -> None:
    """One beyond the limit is not counted; whoever is still there at the stop ends with it."""
    heard: list[str] = []
    serve = serving(None, IPV4, max_connections_per_address=1, counted=counting(heard))
    with serve as place, place.login(), place.dial() as second:
        second.answers("421")
        assert second.ended()
        assert ["opened"] == heard
    assert ["opened", "closed"] == heard
