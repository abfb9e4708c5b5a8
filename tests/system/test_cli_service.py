"""The service as an operator starts, asks, reloads and stops it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import socket
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest

from tests.servers.process import HOST
from tests.system.cli_case import STOPS_WITHIN, Site, until

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def busy(text: str | None) -> list[str]:
    return re.findall(r"^FREEBUSY.*:202\d(\d{4})", text or "", re.MULTILINE)


# -- refresh, by hand and from cron


def test_refresh_and_what_the_others_say_then(site: Site) -> None:
    """From nothing: refresh writes the files, status and show tell of them."""
    assert "The service has never run" in site("status").out
    done = site("show", "anna")
    assert (1, "") == (done.code, done.out)
    assert "freebusy: anna has no file: no calendar was ever read" in done.err
    assert not site.published.exists()
    done = site("refresh", "ANNA@example.com")
    assert (0, "", "") == (done.code, done.out, done.err)
    assert ["anna.vfb"] == [path.name for path in site.published.iterdir()]
    assert 0 == site("refresh", "--all").code
    status = site("status")
    assert (0, "") == (status.code, status.err)
    assert 80 >= max(map(len, status.out.splitlines()))
    assert re.search(r"^anna +1 busy +anna +1 +- ", status.out, re.MULTILINE)
    status = site("status", "--json")
    assert (0, "") == (status.code, status.err)
    assert ["anna", "bernd"] == [person["name"] for person in json.loads(status.out)["persons"]]
    shown = site("show", "bernd", "--days", "3")
    assert (0, 6) == (shown.code, len(shown.out.splitlines()))


def test_refreshing_again_changes_nothing(site: Site) -> None:
    """What is the same is not written again, so that validators stay honest."""
    assert 0 == site("refresh", "--all").code
    before = {path.name: path.stat().st_mtime_ns for path in site.published.iterdir()}
    assert 0 == site("refresh", "--all").code
    assert before == {path.name: path.stat().st_mtime_ns for path in site.published.iterdir()}
    site.add_event("anna", "2", "20260701T080000Z")
    assert 0 == site("refresh", "--all").code
    after = {path.name: path.stat().st_mtime_ns for path in site.published.iterdir()}
    assert ["anna.vfb"] == [name for name in after if after[name] != before[name]]


def test_one_person_who_cannot_be_read(site: Site) -> None:
    """Whoever has no calendar is named and makes the exit code 1; the others are refreshed."""
    site.persons.append("carla@example.com")
    site.write()
    done = site("refresh", "--all")
    assert 1 == done.code
    assert re.search(r"^carla: ", done.err, re.MULTILINE)
    assert "2 refreshed, 1 failed" in done.err
    assert ["anna.vfb", "bernd.vfb"] == sorted(path.name for path in site.published.iterdir())
    assert "carla has no file: source demo was never read" in " ".join(site("status").out.split())


def test_names_that_are_nobody(site: Site) -> None:
    """Unknown names end with 2 and the nearest that there is, before anything is done."""
    for command in (("refresh", "berdn", "anna"), ("status", "berdn"), ("show", "berdn")):
        done = site(*command)
        expected = "freebusy: 'berdn' is nobody in the roster; did you mean bernd?\n"
        assert (2, "", expected) == (done.code, done.out, done.err)
    assert not (site.state / "store.db").exists()


def test_progress_in_a_terminal(site: Site) -> None:
    """Whoever looks on sees how far it is; the sum stays on the screen."""
    leader, follower = pty.openpty()
    with (
        os.fdopen(leader, "rb", buffering=0) as screen,
        site.service("refresh", "--all", terminal=follower) as service,
    ):
        os.close(follower)
        shown = b""
        with contextlib.suppress(OSError):  # what Linux says when the other end is closed
            while piece := screen.read(4096):
                shown += piece
        assert 0 == service.process.wait(STOPS_WITHIN)
    assert "2 refreshed, 0 failed" in shown.decode()
    assert "2/2" in shown.decode()


# -- run


def test_run_from_start_to_stop(site: Site) -> None:
    """Files over both protocols, refresh and status and doctor beside it, and a clean stop."""
    with site.service("run") as service:
        until(lambda: site.get("anna") is not None and site.retrieve("bernd") is not None, "files")
        assert site.well()
        assert "The free/busy gateway runs. To try it:" in service.said
        assert f"curl http://{HOST}:{site.http}/pub/calendar/anna.vfb" in service.said
        assert 0 == site("refresh", "--all").code
        site.add_event("anna", "2", "20260701T080000Z")
        until(lambda: ["0601", "0701"] == busy(site.get("anna")), "the new event")
        assert busy(site.get("anna")) == busy(site.retrieve("anna"))
        until(lambda: "demo (vdir): last run" in site("status").out, "the service's own last run")
        examined = site("doctor")
        assert 0 == examined.code, examined.out
        assert f"{HOST}:{site.http} held by a running gateway, which is well" in examined.out
        assert f"{HOST}:{site.ftp} held by a running gateway, which answers" in examined.out
        assert "source demo is followed" in examined.out
        assert service.stop() < STOPS_WITHIN
    assert site.get("anna") is None


@pytest.mark.parametrize("moment", ["at once", "when it runs"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm(site: Site, number: signal.Signals, moment: str) -> None:
    """Both stop the service within seconds, while it starts as well as later."""
    with site.service("run") as service:
        if moment == "when it runs":
            until(lambda: site.get("anna") is not None, "a file")
        else:
            until(site.well, "the HTTP server")
        service.stop(number)


def test_an_open_session_does_not_hold_the_stop_up(site: Site) -> None:
    """Clients that are connected and idle are dropped."""
    with site.service("run") as service, ExitStack() as stack:
        until(lambda: site.get("anna") is not None, "a file")
        for port in (site.http, site.ftp):
            stack.enter_context(closing(socket.create_connection((HOST, port))))
        service.stop()


def test_sighup_rereads_the_configuration(site: Site) -> None:
    """A new person is served after SIGHUP; a broken configuration changes nothing."""
    with site.service("run") as service:
        until(lambda: site.get("anna") is not None, "a file")
        assert site.get("carla") is None
        site.config.write_text("[sote]\n", encoding="utf-8")
        service.process.send_signal(signal.SIGHUP)
        until(lambda: "reload refused problems=1" in service.said, "the refusal")
        assert "reload problem: sote: unknown key; did you mean site?" in service.said
        assert site.get("anna") is not None
        site.persons.append("carla@example.com")
        site.persons.remove("bernd@example.com")
        site.write()
        site.add_event("carla", "1", "20260601T080000Z")
        service.process.send_signal(signal.SIGHUP)
        until(lambda: site.get("carla") is not None, "the new person's file")
        assert site.get("bernd") is None
        assert site.well()
        site.add_event("carla", "2", "20260701T080000Z")
        until(lambda: ["0601", "0701"] == busy(site.get("carla")), "the new person's change")
        service.stop()


def test_sighup_many_times(site: Site) -> None:
    """Reloads that come faster than they are done leave a service that is well."""
    with site.service("run") as service:
        until(lambda: site.get("anna") is not None, "a file")
        for _ in range(5):
            service.process.send_signal(signal.SIGHUP)
            assert site.get("anna") is not None
        until(lambda: "reload persons=2 sources=1" in service.said, "a reload")
        until(site.well, "health")
        site.add_event("anna", "2", "20260701T080000Z")
        until(lambda: ["0601", "0701"] == busy(site.get("anna")), "the new event")
        service.stop()


def test_a_port_that_is_taken(site: Site) -> None:
    """Both ports that are taken are named at once, with what to do, and the exit code is 2."""
    with ExitStack() as stack:
        for port in (site.http, site.ftp):
            stack.enter_context(closing(socket.create_server((HOST, port))))
        done = site("run")
        assert 2 == done.code
        for port in (site.http, site.ftp):
            assert f"cannot listen on {HOST}:{port}" in done.err
        examined = site("doctor")
        assert (1, 2) == (examined.code, examined.out.count("held by another program"))


# -- apart


def test_three_processes_over_one_state(site: Site) -> None:
    """serve http, serve ftp and sync, started in any order, are together what run is."""
    with (
        site.service("serve", "http") as http,
        site.service("serve", "ftp") as ftp,
    ):
        until(site.well, "the HTTP server")
        assert site.get("anna") is None
        with site.service("sync") as sync:
            until(lambda: site.get("anna") is not None, "a file over HTTP")
            until(lambda: site.retrieve("anna") is not None, "a file over FTP")
            site.add_event("anna", "2", "20260701T080000Z")
            until(lambda: ["0601", "0701"] == busy(site.get("anna")), "the new event over HTTP")
            assert ["0601", "0701"] == busy(site.retrieve("anna"))
            assert 0 == site("refresh", "--all").code
            sync.stop()
        assert ["0601", "0701"] == busy(site.get("anna"))
        for server in (http, ftp):
            server.stop(signal.SIGINT)
