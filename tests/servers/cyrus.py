"""A real Cyrus IMAP server, from the packages that ``scripts/install-test-servers`` installs.

It runs as root (its parts then drop to the user ``cyrus``) or as anybody.
"""

from __future__ import annotations

import functools
import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tests.servers.certificate import make_certificate
from tests.servers.mailserver import PASSWORD, MailServer, checked, quoted
from tests.servers.process import Process, free_ports, make_directory, remove_directory

if TYPE_CHECKING:
    import imaplib
    from collections.abc import Mapping

PROGRAMS = Path("/usr/lib/cyrus/bin")
ADMIN = "cyrus"
PROXY = "proxy"
"""May act for anybody, and has no other right."""
SASLDB_PLUGIN = "libsasldb.so"


def _saslpasswd() -> str | None:
    return shutil.which("saslpasswd2", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@functools.cache
def available() -> str | None:
    """Return None where Cyrus can run, else why its tests are left out."""
    if not (PROGRAMS / "imapd").exists() or not (PROGRAMS / "idled").exists():
        return "Cyrus is not installed: run scripts/install-test-servers as root"
    if _saslpasswd() is None or not list(Path("/usr/lib").glob(f"*/sasl2/{SASLDB_PLUGIN}")):
        return "Cyrus has no password file (sasl2-bin): run scripts/install-test-servers as root"
    return None


def _user() -> str:
    return "cyrus" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


IMAPD_CONF = """\
cyrus_user: {user}
configdirectory: {directory}/conf
proc_path: {directory}/conf/proc
mboxname_lockpath: {directory}/conf/lock
defaultpartition: default
partition-default: {directory}/spool
sievedir: {directory}/sieve
admins: cyrus
proxyservers: {proxy}
altnamespace: no
unixhierarchysep: no
servername: localhost
virtdomains: off
umask: 077
allowplaintext: yes
allowanonymouslogin: no
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {directory}/sasldb2
sasl_mech_list: PLAIN LOGIN
tls_server_cert: {cert}
tls_server_key: {key}
tls_session_timeout: 0
annotation_definitions: {directory}/annotations.conf
annotation_allow_undefined: yes
expunge_mode: immediate
delete_mode: immediate
imapidlepoll: 60
idlesocket: {directory}/conf/socket/idle
notifysocket: {directory}/conf/socket/notify
lmtpsocket: {directory}/conf/socket/lmtp
syslog_prefix: fbtest
quota_db: quotalegacy
failedloginpause: 0
skiplist_unsafe: 1
"""

ANNOTATIONS = """\
/vendor/kolab/folder-type,mailbox,string,backend,value.priv value.shared,
/vendor/kolab/incidences-for,mailbox,string,backend,value.priv value.shared,
/vendor/kolab/pxfb-readable-for,mailbox,string,backend,value.priv value.shared,
"""

CYRUS_CONF = """\
START {{
  recover cmd="{programs}/ctl_cyrusdb -C {conf} -r"
}}
SERVICES {{
  imap cmd="{programs}/imapd -C {conf} -U 1000" listen="127.0.0.1:{port}" prefork=1 maxchild=300
  imaps cmd="{programs}/imapd -s -C {conf}" listen="127.0.0.1:{tls_port}" prefork=0 maxchild=300
}}
DAEMON {{
  idled cmd="{programs}/idled -C {conf}"
}}
"""


class Cyrus(MailServer):
    """One Cyrus with a directory and ports of its own."""

    kind: ClassVar[str] = "cyrus"

    def __init__(self) -> None:
        self.directory = make_directory("fb-cyrus-")
        self.port, self.tls_port = free_ports(2)
        self.certificate = make_certificate(self.directory)
        self._configure()
        self._set_password(ADMIN)
        self._set_password(PROXY)
        self._process = Process(self._command(), self.directory / "master.log", {})

    def _command(self) -> list[str]:
        master = shutil.which("cyrmaster", path="/usr/sbin") or str(PROGRAMS / "master")
        conf, services = self.directory / "imapd.conf", self.directory / "cyrus.conf"
        pid = self.directory / "master.pid"
        return [master, "-C", str(conf), "-M", str(services), "-D", "-p", str(pid)]

    def _configure(self) -> None:
        conf = self.directory / "imapd.conf"
        for each in ("db", "log", "msg", "proc", "lock", "socket", "ptclient"):
            (self.directory / "conf" / each).mkdir(parents=True)
        for each in ("spool", "sieve"):
            (self.directory / each).mkdir()
        values = {"directory": self.directory, "user": _user(), "conf": conf, "port": self.port}
        values |= {"proxy": PROXY}
        values |= {"cert": self.certificate.cert, "key": self.certificate.key}
        values |= {"programs": PROGRAMS, "tls_port": self.tls_port}
        conf.write_text(IMAPD_CONF.format(**values))
        (self.directory / "cyrus.conf").write_text(CYRUS_CONF.format(**values))
        (self.directory / "annotations.conf").write_text(ANNOTATIONS)
        self._give_away()

    def _give_away(self) -> None:
        if os.geteuid() == 0:
            for path in [self.directory, *self.directory.rglob("*")]:
                shutil.chown(path, "cyrus")

    def _set_password(self, name: str) -> None:
        database = self.directory / "sasldb2"
        subprocess.run(
            [str(_saslpasswd()), "-p", "-c", "-f", str(database), "-u", "localhost", name],
            input=PASSWORD.encode(),
            check=True,
            capture_output=True,
        )
        if os.geteuid() == 0:
            shutil.chown(database, "cyrus")

    def cyradm(self, commands: str) -> str:
        """Run commands as the administrator does and return what they say."""
        options = ["--user", ADMIN, "--password", PASSWORD, "--auth", "PLAIN", "--notls"]
        done = subprocess.run(
            ["cyradm", "--norc", *options, "--port", str(self.port), self.host],
            input=commands,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def start(self) -> None:
        self._process.start(self.port)

    def stop(self) -> None:
        self._process.stop()

    def close(self) -> None:
        self.stop()
        remove_directory(self.directory)

    def add_user(self, name: str) -> None:
        self._set_password(name)
        with self.session(ADMIN) as admin:
            checked(admin.create(quoted("user." + name.replace(".", "^"))))

    def folder(self, leaf: str) -> str:
        return f"INBOX.{leaf}"

    def shared_folder(self, user: str, leaf: str) -> str:
        return f"user.{user}.{leaf}"

    def create_shared(self, leaf: str, acl: Mapping[str, str]) -> str:
        with self.session(ADMIN) as admin:
            checked(admin.create(quoted(leaf)))
            for name in self._identifiers(admin, leaf):
                checked(admin.setacl(quoted(leaf), name, '""'))
            for name, rights in acl.items():
                checked(admin.setacl(quoted(leaf), name, rights))
        return leaf

    def annotate_shared(self, user: str, folder: str, **entries: str) -> None:
        """Set entries while the folder is one of ``user``'s.

        Cyrus 3.6.1 ends in an assertion where they are set on a folder that is nobody's.
        """
        own = f"user.{user}.{folder}"
        with self.session(ADMIN) as admin:
            checked(admin.rename(quoted(folder), quoted(own)))
            self.annotate(user, self.folder(folder), **entries)
            checked(admin.rename(quoted(own), quoted(folder)))

    @staticmethod
    def _identifiers(admin: imaplib.IMAP4, folder: str) -> list[str]:
        (line,) = checked(admin.getacl(quoted(folder)))
        return [word.decode() for word in line.split()[1::2]]
