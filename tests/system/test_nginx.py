"""A real nginx with the example configuration, in front of the gateway's HTTP side."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from freebusy.public import PublicDirectory
from tests.servers.process import free_ports
from tests.wire.http_gateway import Answer, MemoryFiles, Running, read_all, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from freebusy.ports import PublishedFile, Visitor

EXAMPLE = Path(__file__).parents[2] / "conf" / "nginx.conf.example"
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")

pytestmark = pytest.mark.skipif(NGINX is None, reason="needs nginx (Debian: nginx-light)")

MAIN = """daemon off;
master_process off;
pid {state}/nginx.pid;
events {{ worker_connections 128; }}
http {{
    access_log off;
    client_body_temp_path {state}/body;
    proxy_temp_path {state}/proxy;
    fastcgi_temp_path {state}/fastcgi;
    uwsgi_temp_path {state}/uwsgi;
    scgi_temp_path {state}/scgi;
    include {state}/site.conf;
}}
"""

HEALTH = b"GET /healthz HTTP/1.0\r\n\r\n"
BODY = b"BEGIN:VCALENDAR\r\nBEGIN:VFREEBUSY\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n"


class TreeFiles(MemoryFiles):
    """The gateway's look-up over the very tree that nginx serves."""

    def __init__(self, tree: PublicDirectory) -> None:
        super().__init__()
        self._tree = tree

    def find(self, path: str, visitor: Visitor) -> PublishedFile | None:
        self.files = {n: f for n in self._tree.names() if (f := self._tree.read(n)) is not None}
        return super().find(path, visitor)


@dataclass
class Front:
    """nginx, the gateway behind it, and the tree that both serve."""

    gateway: Running
    files: TreeFiles
    tree: PublicDirectory
    port: int
    state: Path

    def get(self, target: str, *lines: str, method: str = "GET") -> Answer:
        head = [f"{method} {target} HTTP/1.1", "Host: x", "Connection: close", *lines, "", ""]
        with self.gateway.connect(("127.0.0.1", self.port)) as client:
            client.sendall("\r\n".join(head).encode())
            return Answer.parse(read_all(client))

    def asked(self) -> list[str]:
        """Return the paths that came through to the gateway since the last question."""
        paths = [path for path, _ in self.files.asked]
        self.files.asked.clear()
        return paths


def site(root: Path, port: int, gateway_port: int) -> str:
    """Return the example with its addresses and its root replaced, each of them exactly once."""
    text = EXAMPLE.read_text()
    for old, new in (
        ("    server 127.0.0.1:8088;", f"    server 127.0.0.1:{gateway_port};"),
        ("    listen 80;", f"    listen 127.0.0.1:{port};"),
        ("    listen [::]:80;", f"    listen [::1]:{port};"),
        ("    root /var/lib/freebusy/public;", f"    root {root};"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    state = tmp_path_factory.mktemp("nginx")
    tree = PublicDirectory(state / "public")
    tree.replace("hans", BODY)
    files = TreeFiles(tree)
    with serving(files, trusted_proxies=("127.0.0.1",)) as gateway:
        port, process = start(state, gateway)
        yield Front(gateway, files, tree, port, state)
        process.terminate()
        process.wait(10)


def start(state: Path, gateway: Running) -> tuple[int, subprocess.Popen[bytes]]:
    """Start nginx on a free port, on another one where somebody was faster."""
    for _ in range(5):
        [port] = free_ports(1)
        (state / "site.conf").write_text(site(state / "public", port, gateway.port))
        (state / "nginx.conf").write_text(MAIN.format(state=state))
        process = subprocess.Popen(
            [NGINX or "nginx", "-e", str(state / "error.log"), "-c", str(state / "nginx.conf")],
            stderr=subprocess.DEVNULL,
        )
        if is_listening(gateway, port, process):
            return port, process
    raise RuntimeError((state / "error.log").read_text())


def is_listening(gateway: Running, port: int, process: subprocess.Popen[bytes]) -> bool:
    """Wait until nginx answers, or has given up."""
    deadline = time.monotonic() + 15
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if gateway.exchange(HEALTH, ("127.0.0.1", port)).endswith(b"\r\n\r\nok\n"):
                return True
        time.sleep(0.02)
    process.kill()
    process.wait()
    return False


@pytest.mark.parametrize("path", ["/pub/calendar/hans.vfb", "/calendar/hans.vfb"])
def test_nginx_serves_the_tree_itself(front: Front, path: str) -> None:
    """A canonical name comes from nginx, under both prefixes, with the gateway's headers."""
    front.asked()
    answer = front.get(path)
    assert (answer.status, answer.body, front.asked()) == (200, BODY, [])
    direct = front.gateway.get(path)
    assert {name: answer.headers[name] for name in SAME} == {n: direct.headers[n] for n in SAME}


SAME = (
    "content-type",
    "content-length",
    "cache-control",
    "last-modified",
    "x-content-type-options",
)


@pytest.mark.parametrize(
    "path",
    [
        "/calendar/hans",
        "/calendar/hans.ifb",
        "/freebusy/hans@x.example.ifb",
        "/pub/calendar/x.example/hans.vfb",
        "/pub/calendar/hans@x.example.vfb",
    ],
)
def test_the_gateway_is_asked_for_the_rest(front: Front, path: str) -> None:
    """What is no file of the tree is looked up by the gateway."""
    front.asked()
    answer = front.get(path)
    assert (answer.status, answer.body, front.asked()) == (200, BODY, [path])
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"


@pytest.mark.parametrize(
    "path",
    [
        "/calendar/nobody.vfb",
        "/calendar/hans.xfb",
        "/calendar/.hans.vfb",
        "/pub/calendar/.hidden.vfb",
        "/pub/calendar/.0.tmp",
        "/pub/calendar/link.vfb",
        "/pub/calendar/",
        "/pub/",
        "/site.conf",
        "/../site.conf",
        "/calendar/..%2f..%2fsite.conf",
        "/calendar/hans.vfb%00",
    ],
)
def test_nothing_else_is_served(front: Front, path: str) -> None:
    """Unknown, hidden, half-written and outside files are refused, whoever answers."""
    (front.tree.directory / ".hidden.vfb").write_bytes(BODY)
    (front.tree.directory / ".0.tmp").write_bytes(BODY)
    link = front.tree.directory / "link.vfb"
    link.unlink(missing_ok=True)
    link.symlink_to(front.state / "site.conf")
    answer = front.get(path)
    assert answer.status in {400, 403, 404}
    assert BODY not in answer.body
    assert b"upstream" not in answer.body


def test_a_replaced_file_is_seen_at_once(front: Front) -> None:
    """A new version has a new tag and date, also within the same second."""
    front.tree.replace("anna", b"one")
    before = front.get("/calendar/anna.vfb")
    front.tree.replace("anna", b"two")
    lines = (
        f"If-None-Match: {before.headers['etag']}",
        f"If-Modified-Since: {before.headers['last-modified']}",
    )
    assert [front.get("/calendar/anna.vfb", line).body for line in lines] == [b"two", b"two"]
    after = front.get("/calendar/anna.vfb")
    assert front.get("/calendar/anna.vfb", f"If-None-Match: {after.headers['etag']}").status == 304


def test_the_gateway_learns_who_asks(front: Front) -> None:
    """It sees the visitor's address, not nginx's, and not what the visitor claims."""
    front.files.asked.clear()
    front.get("/calendar/hans", "X-Forwarded-For: 203.0.113.9")
    assert [visitor.address for _, visitor in front.files.asked] == ["127.0.0.1"]
    front.files.refused.add("203.0.113.9")
    assert front.get("/calendar/hans", "X-Forwarded-For: 203.0.113.9").status == 200


@pytest.mark.parametrize("method", ["PUT", "OPTIONS", "PROPFIND", "DELETE"])
def test_other_methods_are_the_gateways(front: Front, method: str) -> None:
    """nginx neither answers nor changes them."""
    answer = front.get("/calendar/hans.vfb", "Content-Length: 0", method=method)
    assert (answer.status, answer.headers.get("allow")) == (405, "GET, HEAD")


def test_health_comes_through(front: Front) -> None:
    """The health check is reached through nginx as well."""
    assert front.get("/healthz").body == b"ok\n"
