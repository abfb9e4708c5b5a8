"""A real Cyrus that also serves calendars over CalDAV, with its httpd."""

from __future__ import annotations

import functools

from tests.servers import cyrus
from tests.servers.cyrus import PROGRAMS, Cyrus
from tests.servers.process import free_ports


@functools.cache
def available() -> str | None:
    """Return None where it can run, else why its tests are left out."""
    if not (PROGRAMS / "httpd").exists():
        return "Cyrus serves no CalDAV (cyrus-caldav): run scripts/install-test-servers as root"
    return cyrus.available()


class CyrusDav(Cyrus):
    """One Cyrus with IMAP and CalDAV."""

    def _configure(self) -> None:
        (self.http_port, self.https_port) = free_ports(2)
        super()._configure()
        conf, services = self.directory / "imapd.conf", self.directory / "cyrus.conf"
        program = f"{PROGRAMS}/httpd -C {conf}"
        listening = (
            f'  http cmd="{program} -U 1000" listen="127.0.0.1:{self.http_port}" prefork=1\n'
            f'  https cmd="{program} -s" listen="127.0.0.1:{self.https_port}" prefork=0\n'
        )
        text = services.read_text()
        services.write_text(text.replace("}\nDAEMON", listening + "}\nDAEMON"))
        # where what is deleted goes at once, every deletion makes older sync tokens stale
        text = conf.read_text().replace("expunge_mode: immediate", "expunge_mode: delayed")
        conf.write_text(text + "httpmodules: caldav\n")
        self._give_away()

    @property
    def url(self) -> str:
        """The root of CalDAV."""
        return f"http://{self.host}:{self.http_port}/dav/calendars"

    def home(self, user: str) -> str:
        return f"{self.url}/user/{user}/"
