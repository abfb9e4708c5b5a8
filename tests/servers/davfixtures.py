"""The CalDAV servers as fixtures: one of each kind for a whole test session (and worker)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers import cyrusdav
from tests.servers.cyrusdav import CyrusDav
from tests.servers.davserver import Radicale, Xandikos

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def radicale() -> Iterator[Radicale]:
    """Give a running Radicale."""
    server = Radicale()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def xandikos() -> Iterator[Xandikos]:
    """Give a running Xandikos."""
    server = Xandikos()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def cyrus_dav() -> Iterator[CyrusDav]:
    """Give a running Cyrus with CalDAV."""
    reason = cyrusdav.available()
    if reason is not None:
        pytest.skip(reason)
    server = CyrusDav()
    try:
        server.start()
        yield server
    finally:
        server.close()
