"""A name server on loopback that knows a few records."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dns.message
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def _answer(query: bytes, records: Mapping[tuple[str, str], str]) -> bytes:
    asked = dns.message.from_wire(query)
    answer = dns.message.make_response(asked)
    (question,) = asked.question
    kind = dns.rdatatype.to_text(question.rdtype)
    value = records.get((str(question.name).rstrip("."), kind))
    if value is None:
        answer.set_rcode(dns.rcode.NXDOMAIN)
    else:
        answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, value))
    return answer.to_wire()


def _serve(peer: socket.socket, records: Mapping[tuple[str, str], str]) -> None:
    while True:
        try:
            query, address = peer.recvfrom(4096)
        except OSError:
            return
        if not query:
            return
        peer.sendto(_answer(query, records), address)


@contextmanager
def name_server(records: Mapping[tuple[str, str], str]) -> Iterator[None]:
    """Answer by (name, type) for the length of the block, and be what dnspython asks."""
    before = dns.resolver.default_resolver
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], peer.getsockname()[1]
        dns.resolver.default_resolver = resolver
        thread = threading.Thread(target=_serve, args=(peer, records))
        thread.start()
        try:
            yield
        finally:
            dns.resolver.default_resolver = before
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bell:
                bell.sendto(b"", peer.getsockname())
            thread.join()
