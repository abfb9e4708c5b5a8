"""A CalDAV server that is found by its domain (RFC 6764), and what is said without the extra."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from calendar_sync.caldav import CaldavSettings, CaldavSource
from freebusy.errors import SourceError, SourceRefusedError, SourceUnavailableError
from freebusy.ports import Owner
from tests.servers.mailserver import PASSWORD
from tests.system.dns_server import name_server

if TYPE_CHECKING:
    from tests.servers.cyrusdav import CyrusDav

SERVICE = "_caldavs._tcp.localhost"


def names(owner: Owner, domain: str = "localhost", **changes: Any) -> list[str]:
    settings = CaldavSettings(domain, "{name}", PASSWORD, timeout=5, **changes)
    with closing(CaldavSource(settings)) as source:
        return [calendar.name for calendar in source.calendars(owner)]


@pytest.mark.cyrus
@pytest.mark.parametrize("path", [None, "path=/dav/calendars"])
def test_the_dns_names_server_port_and_path(cyrus_dav: CyrusDav, path: str | None) -> None:
    """SRV and TXT lead to the home of the login, over TLS that is verified."""
    user = cyrus_dav.new_user()
    records = {(SERVICE, "SRV"): f"0 1 {cyrus_dav.https_port} localhost."}
    if path is not None:
        records[SERVICE, "TXT"] = f'"{path}"'
    owner = Owner(user, f"{user}@localhost")
    with name_server(records):
        assert ["personal"] == names(owner, ca_file=str(cyrus_dav.certificate.cert))
        assert ["personal"] == names(owner, "{domain}", ca_file=str(cyrus_dav.certificate.cert))
        with pytest.raises(SourceRefusedError, match="ca_file"):
            names(owner)


@pytest.mark.parametrize(
    "records", [{}, {(SERVICE, "SRV"): "0 1 443 evil.example.com."}], ids=["none", "elsewhere"]
)
def test_a_domain_that_names_no_server_of_its_own_is_told(
    records: dict[tuple[str, str], str],
) -> None:
    """Nothing found, or a name outside the domain: the operator is to write the URL."""
    with name_server(records), pytest.raises(SourceUnavailableError, match="https:// URL"):
        names(Owner("hans", "hans@localhost"))


def test_without_the_extra_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And a whole URL needs no extra."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "caldav"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "caldav", None)
    with pytest.raises(SourceRefusedError, match=r"freebusy-gateway\[caldav\]"):
        names(Owner("hans", "hans@example.com"))
    with pytest.raises(SourceError, match="refuses connections"):
        names(Owner("hans", "hans@example.com"), "http://127.0.0.1:9/")


def test_nothing_of_the_extra_is_loaded_without_need() -> None:
    """The source itself is made of the standard library."""
    code = (
        "import sys; from calendar_sync.caldav import CaldavSettings, CaldavSource;"
        "CaldavSource(CaldavSettings('https://dav.example.com/', 'x', 'y'));"
        "print({'caldav', 'lxml', 'niquests', 'requests', 'dns'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "set()" == done.stdout.strip()
