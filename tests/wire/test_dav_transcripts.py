"""Office and KIO publish over WebDAV: every answer is one that the client goes on with."""

from __future__ import annotations

import base64
import socket

import pytest

from tests.system.dav_server import MemoryTree, dav_server
from tests.wire.dav_transcripts import TRANSCRIPTS, replay

BODY = b"BEGIN:VFREEBUSY\r\nEND:VFREEBUSY\r\n"
PATH = "/pub/calendar/hans.vfb"
PUBLISHED = ("OPTIONS", "PROPFIND", "PROPPATCH", "LOCK", "UNLOCK", "MOVE")
"""What the published tree allows of WebDAV."""


@pytest.mark.parametrize("first", [True, False], ids=["first", "again"])
@pytest.mark.parametrize("client", TRANSCRIPTS)
def test_clients_publish(client: str, first: bool) -> None:
    """Each sequence runs to its end, for a new file and for one that is there."""
    tree = MemoryTree(methods=PUBLISHED)
    for folder in ("/pub", "/pub/calendar"):
        tree.make(folder)
    if not first:
        tree.store(PATH, b"old")
    login = "Basic " + base64.b64encode(b"hans:any").decode()
    with (
        dav_server(tree) as server,
        socket.create_connection(("127.0.0.1", server.port), 10) as connection,
    ):
        host = f"127.0.0.1:{server.port}"
        replay(
            connection, TRANSCRIPTS[client], path=PATH, body=BODY, host=host, authorization=login
        )
    assert BODY == tree.read(PATH)
    assert ["", "/pub", "/pub/calendar", PATH] == tree.paths
