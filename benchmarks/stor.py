"""What a STOR session costs, as a ratio to bare pyftpdlib that writes the same bytes to disk.

    python benchmarks/stor.py [--rounds 12] [--uploads 160] [--at-once 4] [--limit RATIO]

A session is what a client does for one file: connect, USER, PASS, TYPE I, EPSV, STOR, QUIT.
The gateway runs as an operator starts it (``serve ftp``) and does all that it does for a
PUT.  The peer is pyftpdlib's asynchronous server with its own handlers, which closes a
file by fsync and rename.  The two are loaded in turns; what is compared is the CPU of the
server's process.
"""

from __future__ import annotations

import asyncio
import io
import logging
import os
import re
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import uploading
from benchmarks.retr import expect

if TYPE_CHECKING:
    from collections.abc import Iterator


class Replacing(io.FileIO):
    """A file that gets its name when it is whole and on disk."""

    def __init__(self, path: str) -> None:
        self._path = path
        super().__init__(f"{path}.{id(self)}.tmp", "wb")

    def close(self) -> None:
        if not self.closed:
            os.fsync(self.fileno())
            super().close()
            Path(str(self.name)).replace(self._path)


def serve_bare(root: Path, port: int) -> None:
    """Write whatever is stored, and nothing else."""
    warnings.simplefilter("ignore", DeprecationWarning)  # of asyncore
    logging.basicConfig(level=logging.ERROR)  # it logs every session otherwise, line by line
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.filesystems import AbstractedFS
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.servers import FTPServer

    class Files(AbstractedFS):  # type: ignore[misc]  # pyftpdlib has no types
        def open(self, filename: str, mode: str) -> object:
            return Replacing(filename) if "w" in mode else super().open(filename, mode)

    authorizer = DummyAuthorizer()
    authorizer.add_user(uploading.USER, uploading.PASSWORD, str(root), perm="elrw")
    FTPHandler.authorizer = authorizer
    FTPHandler.abstracted_fs = Files
    server = FTPServer((uploading.HOST, port), FTPHandler, backlog=256)
    server.max_cons = 4096
    server.serve_forever()


async def load(server: uploading.Server, uploads: Iterator[tuple[str, bytes]]) -> None:
    """Store one file after the other, each in a session of its own."""
    for path, body in uploads:
        await session(server, path, body)


async def session(server: uploading.Server, path: str, body: bytes) -> None:
    """Log in, store a file, say goodbye."""
    reader, writer = await asyncio.open_connection(uploading.HOST, server.port)
    try:
        await expect(reader, b"220")
        for line, code in (
            (f"USER {uploading.USER}", b"331"),
            (f"PASS {uploading.PASSWORD}", b"230"),
            ("TYPE I", b"200"),
        ):
            writer.write(f"{line}\r\n".encode())
            await expect(reader, code)
        await store(reader, writer, path, body)
        writer.write(b"QUIT\r\n")
        await expect(reader, b"221")
    finally:
        writer.close()


async def store(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, body: bytes
) -> None:
    """Send a file over a passive connection."""
    writer.write(b"EPSV\r\n")
    match = re.search(rb"\|\|\|(\d+)\|", await expect(reader, b"229"))
    if match is None:
        raise ConnectionError("no port in the reply to EPSV")
    _, data = await asyncio.open_connection(uploading.HOST, int(match[1]))
    writer.write(f"STOR {path}\r\n".encode())
    await expect(reader, b"1")
    data.write(body)
    data.close()
    await expect(reader, b"226")


def main() -> int:
    """Measure and print; return 1 above the limit."""
    options = uploading.parse("What a STOR session costs, as a ratio to bare pyftpdlib.")
    if options.serve:
        serve_bare(Path(options.serve[0]), int(options.serve[1]))
        return 0
    return uploading.run(options, load, part="ftp", script=__file__, peer="bare pyftpdlib")


if __name__ == "__main__":
    sys.exit(main())
