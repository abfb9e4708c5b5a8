"""A real Dovecot 2.3, from the packages unpacked by ``scripts/install-test-servers``.

It runs beside an installed Cyrus (Debian lets one imap-server be installed), and
as root or as anybody.  Where it lies elsewhere than at its compiled-in paths,
``doveconf`` is started by its path, hands the settings over and becomes the
master process.
"""

from __future__ import annotations

import functools
import grp
import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tests.servers.certificate import make_certificate
from tests.servers.mailserver import PASSWORD, MailServer
from tests.servers.process import Process, free_ports, make_directory, remove_directory

if TYPE_CHECKING:
    from collections.abc import Mapping

CHECKOUT = Path(__file__).resolve().parents[2]
MASTER_USER = "gateway"
"""``hans*gateway`` with the usual password logs in as hans."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Where one Dovecot lies."""

    root: Path

    @property
    def libexec(self) -> Path:
        return self.root / "usr/lib/dovecot"

    @property
    def library_path(self) -> str:
        """Where the parts find one another's libraries (``auth`` needs the second)."""
        return f"{self.libexec}:{self.libexec}/modules/old-stats"

    @property
    def doveconf(self) -> Path:
        return self.root / "usr/bin/doveconf"

    @property
    def master(self) -> Path:
        return self.root / "usr/sbin/dovecot"


def _roots() -> list[Path]:
    unpacked = Path(os.environ.get("FREEBUSY_TEST_SERVERS") or CHECKOUT / ".test-servers")
    return [unpacked / "dovecot", Path("/")]


def installation() -> Installation | None:
    """Return the Dovecot to use: the unpacked one before an installed one."""
    found = (Installation(root) for root in _roots())
    return next((each for each in found if (each.libexec / "imap").exists()), None)


@functools.cache
def available() -> str | None:
    """Return None where Dovecot can run, else why its tests are left out."""
    here = installation()
    if here is None:
        return "Dovecot is not installed: run scripts/install-test-servers as root"
    asked = subprocess.run(
        [str(here.master), "--version"],
        env={**os.environ, "LD_LIBRARY_PATH": here.library_path},
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode != 0:
        return "Dovecot does not run here (a library is missing): run scripts/install-test-servers"
    version = asked.stdout.split(" ")[0]
    if not version.startswith("2.3."):
        return f"the tests know how to configure Dovecot 2.3, not {version.strip()}"
    return None


def _users() -> dict[str, str]:
    """Return the system users that Dovecot's parts run as; it wants them to differ for root."""
    if os.geteuid() == 0:
        return {"internal": "daemon", "login": "nobody", "mail": "mail"}
    me = pwd.getpwuid(os.geteuid()).pw_name
    return {"internal": me, "login": me, "mail": me}


CONFIGURATION = """\
base_dir = {run}
state_dir = {state}
libexec_dir = {libexec}
mail_plugin_dir = {libexec}/modules
import_environment = TZ LD_LIBRARY_PATH
log_path = {directory}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{cert}
ssl_key = <{key}
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
auth_master_user_separator = *
auth_cache_size = 0
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
mail_location = maildir:{mail_directory}/%u/Maildir{location}
mail_attribute_dict = file:{mail_directory}/%u/dovecot-attributes
mail_plugins = acl notify{quota_plugin}
first_valid_uid = 1
last_valid_uid = 0
first_valid_gid = 1
maildir_stat_dirs = no
mail_fsync = never
mailbox_idle_check_interval = 1 secs
service imap-login {{
  chroot =
  process_min_avail = 1
  service_count = 0
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
service imap {{
  process_limit = 300
  service_count = 100
}}
passdb {{
  driver = passwd-file
  master = yes
  args = scheme=PLAIN username_format=%u {directory}/masters
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={mail} gid={mail_group} home={mail_directory}/%u master_user=%u{groups}
}}
namespace inbox {{
  type = private
  inbox = yes
  separator = /
  prefix =
}}
namespace shared {{
  type = shared
  separator = /
  prefix = user/%%u/
  location = maildir:{mail_directory}/%%u/Maildir:INDEXPVT={mail_directory}/%u/shared/%%u
  subscriptions = no
  list = yes
}}
namespace public {{
  type = public
  separator = /
  prefix = Public/
  location = maildir:{public}:INDEXPVT={mail_directory}/%u/public
  subscriptions = no
  list = children
}}
protocol imap {{
  mail_plugins = acl notify imap_acl{quota_plugin}
  imap_metadata = yes
  mail_max_userip_connections = {max_connections}
  {imap}
}}
plugin {{
  acl = vfile::cache_secs={acl_seconds}
  {acl}
  {quota}
  acl_shared_dict = file:{mail_directory}/shared-mailboxes
}}
"""


def _group(user: str) -> str:
    return grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name


class Dovecot(MailServer):
    """One Dovecot with a directory and ports of its own.

    ``capability`` replaces what it says it can do; ``volatile_indexes`` keeps
    indexes in memory, so that its mailboxes have no modification sequences; ``groups``
    are those of every user; with ``acl_anyone`` everyone may be in access control lists;
    ``acl_seconds`` is for how long a session does not look for changed lists;
    ``max_connections`` is how many one login may have; ``quota`` is what each user's mail
    may take, ``8k`` for instance.
    """

    kind: ClassVar[str] = "dovecot"

    def __init__(
        self,
        *,
        capability: str = "",
        volatile_indexes: bool = False,
        groups: str = "",
        acl_anyone: bool = True,
        acl_seconds: int = 30,
        max_connections: int = 200,
        quota: str = "",
    ) -> None:
        here = installation()
        if here is None:
            raise RuntimeError(available())
        self.directory = make_directory("fb-dovecot-")
        self.port, self.tls_port = free_ports(2)
        self.certificate = make_certificate(self.directory)
        self._here = here
        location = ":INDEX=MEMORY" if volatile_indexes else ""
        anyone = "acl_anyone = allow" if acl_anyone else ""
        self._configure(capability, location, groups, anyone, acl_seconds, max_connections, quota)
        self._process = Process(
            self._command(), self.directory / "start.log", {"LD_LIBRARY_PATH": here.library_path}
        )

    def _command(self) -> list[str]:
        conf = str(self.directory / "dovecot.conf")
        hand_over = [str(self._here.doveconf), "-f", "service=master", "-c", conf, "-m", "master"]
        return [*hand_over, "-e", str(self._here.master), "-F", "-c", conf]

    def _configure(
        self,
        capability: str,
        location: str,
        groups: str,
        anyone: str,
        acl_seconds: int,
        max_connections: int,
        quota: str,
    ) -> None:
        users = _users()
        mail = self.directory / "mail"
        for each in ("run", "state", "mail", "public"):
            (self.directory / each).mkdir()
        if os.geteuid() == 0:
            owner = pwd.getpwnam(users["mail"])
            for place in (mail, self.directory / "public"):
                os.chown(place, owner.pw_uid, owner.pw_gid)
        (self.directory / "run/modules").symlink_to(self._here.libexec / "modules")
        (self.directory / "masters").write_text(f"{MASTER_USER}:{PASSWORD}\n")
        text = CONFIGURATION.format(
            **users,
            group=_group(users["internal"]),
            mail_group=_group(users["mail"]),
            run=self.directory / "run",
            state=self.directory / "state",
            directory=self.directory,
            mail_directory=mail,
            libexec=self._here.libexec,
            cert=self.certificate.cert,
            key=self.certificate.key,
            port=self.port,
            tls_port=self.tls_port,
            password=PASSWORD,
            location=location,
            imap=f"imap_capability = {capability}" if capability else "",
            public=self.directory / "public",
            max_connections=max_connections,
            groups=f" acl_groups={groups}" if groups else "",
            acl=anyone,
            acl_seconds=acl_seconds,
            quota_plugin=" quota" if quota else "",
            quota=f"quota = count:all\n  quota_vsizes = yes\n  quota_rule = *:storage={quota}"
            if quota
            else "",
        )
        (self.directory / "dovecot.conf").write_text(text)

    def doveadm(self, *arguments: str) -> None:
        """Run a command as the administrator does; raises CalledProcessError."""
        conf = str(self.directory / "dovecot.conf")
        hand_over = [str(self._here.doveconf), "-f", "service=doveadm", "-c", conf, "-m", "doveadm"]
        subprocess.run(
            [*hand_over, "-e", str(self._here.root / "usr/bin/doveadm"), "-c", conf, *arguments],
            cwd=self.directory / "run",
            env={**os.environ, "LD_LIBRARY_PATH": self._here.library_path},
            check=True,
            capture_output=True,
        )

    def start(self) -> None:
        self._process.start(self.port)

    def stop(self) -> None:
        self._process.stop()

    def close(self) -> None:
        self.stop()
        remove_directory(self.directory)

    def add_user(self, name: str) -> None:
        """Do nothing: Dovecot takes every name and makes the mail directory at the first login."""

    def folder(self, leaf: str) -> str:
        return leaf

    def shared_folder(self, user: str, leaf: str) -> str:
        return f"user/{user}/{leaf}"

    def create_shared(self, leaf: str, acl: Mapping[str, str]) -> str:
        path = self.directory / "public" / f".{leaf}"
        for each in (path, *(path / part for part in ("cur", "new", "tmp"))):
            each.mkdir()
        lines = [f"{_in_file(name)} {rights}\n" for name, rights in acl.items()]
        (path / "dovecot-acl").write_text("".join(lines))
        self._give_to_mail(path)
        return f"Public/{leaf}"

    def _give_to_mail(self, path: Path) -> None:
        if os.geteuid() == 0:
            owner = pwd.getpwnam(_users()["mail"])
            for each in (path, *path.rglob("*")):
                os.chown(each, owner.pw_uid, owner.pw_gid)


def _in_file(identifier: str) -> str:
    """Return an identifier of GETACL as Dovecot's file writes it."""
    sign = "-" if identifier.startswith("-") else ""
    name = identifier.removeprefix("-")
    for prefix, kind in (("!$", "group-override="), ("$", "group=")):
        if name.startswith(prefix):
            return f"{sign}{kind}{name.removeprefix(prefix)}"
    return sign + (name if name in {"anyone", "authenticated", "owner"} else f"user={name}")
