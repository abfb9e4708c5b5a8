"""Names under which nothing is published, though they look like somebody's."""

from __future__ import annotations

import pytest

from tests.wire.connector_gateway import connecting

UPLOAD = {"start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z", "periods": []}
LOOK_ALIKES = ["hans.vfb", "hans.ifb", "hans.vfb.tmp", ".hans", "~hans", ".in.hans", "%23hans"]


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_no_temporary_files(name: str) -> None:
    """What would be kept for minutes as a temporary file, and never count, is refused."""
    with connecting() as api:
        assert [404, 404] == [
            api.send(method, f"/freebusy/{name}", body).status
            for method, body in (("PUT", UPLOAD), ("DELETE", None))
        ]
        assert not api.kept.temporaries
