"""People on other servers: what is asked, and what becomes of any answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.wire.other_servers import BUSY, FILE, NOW, asking, header, http, peer, server_at, shown

if TYPE_CHECKING:
    pass


def test_a_person_of_a_partner() -> None:
    """A person of a configured domain is asked for there, and times come out."""

    async def scenario() -> None:
        async with peer({"/hans.vfb": http()}) as there, asking(server_at(there.port)) as elsewhere:
            answer = await elsewhere.look_up("Hans@Partner.example")
            assert answer is not None
            assert BUSY == shown(answer)
            assert (NOW.replace(hour=11, minute=30), 30) == (
                answer.as_of,
                (answer.window.end - answer.window.start).days,
            )
            assert [f"partner.example:{there.port}"] == [
                header(head, "Host") for head in there.requests
            ]

    asyncio.run(scenario())
