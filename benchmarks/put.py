"""What a PUT costs, as a ratio to a bare aiohttp handler that writes the same bytes to disk.

    python benchmarks/put.py [--rounds 12] [--uploads 160] [--at-once 4] [--limit RATIO]

The gateway runs as an operator starts it (``serve http``): it checks the login, reads the
text, keeps it in its ledger, combines and renders, and both are on disk before it answers.
The peer writes what comes to a temporary file, calls fsync, and renames it.  The two are
loaded in turns; what is compared is the CPU of the server's process.
"""

from __future__ import annotations

import asyncio
import base64
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from aiohttp import web

from benchmarks import uploading

if TYPE_CHECKING:
    from collections.abc import Iterator

CREDENTIALS = base64.b64encode(f"{uploading.USER}:{uploading.PASSWORD}".encode()).decode()


async def serve_bare(root: Path, port: int) -> None:
    """Write whatever is put, and nothing else."""

    async def handler(request: web.Request) -> web.Response:
        uploading.write(root / request.path[1:], await request.read())
        return web.Response(status=204)

    application = web.Application()
    application.router.add_put("/pub/calendar/{name}", handler)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, uploading.HOST, port).start()
    await asyncio.Event().wait()


async def load(server: uploading.Server, uploads: Iterator[tuple[str, bytes]]) -> None:
    """Put one file after the other over one connection."""
    reader, writer = await asyncio.open_connection(uploading.HOST, server.port)
    for path, body in uploads:
        head = (
            f"PUT {path} HTTP/1.1\r\nHost: {uploading.HOST}:{server.port}\r\n"
            f"Authorization: Basic {CREDENTIALS}\r\nContent-Type: text/calendar\r\n"
            f"User-Agent: Microsoft Office/16.0\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        if answer.split(b" ", 2)[1] not in {b"201", b"204"}:
            raise ConnectionError(f"not stored: {answer[:60]!r}")
    writer.close()


def main() -> int:
    """Measure and print; return 1 above the limit."""
    options = uploading.parse("What a PUT costs, as a ratio to a bare aiohttp handler.")
    if options.serve:
        asyncio.run(serve_bare(Path(options.serve[0]), int(options.serve[1])))
        return 0
    return uploading.run(options, load, part="http", script=__file__, peer="bare aiohttp")


if __name__ == "__main__":
    sys.exit(main())
