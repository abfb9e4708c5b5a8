"""Who asks."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from freebusy.errors import ConfigurationError
from freebusy.ports import Visitor
from freebusy.web.visitors import (
    TrustedProxies,
    forwarded_for,
    forwarded_visitor,
    is_passed_on,
    is_spoken_for,
    peer_address,
)


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        (("192.0.2.1", 5), "192.0.2.1"),
        (("::1", 5, 0, 0), "::1"),
        (("::ffff:192.0.2.1", 5, 0, 0), "192.0.2.1"),
        (("fe80::1%eth0", 5, 0, 2), "fe80::1"),
        (("2001:DB8::0001", 5, 0, 0), "2001:db8::1"),
        (("", 5), "::"),
        ("/run/socket", "::"),
        (None, "::"),
    ],
)
def test_the_address_of_a_peer(peer: object, expected: str) -> None:
    """IPv4-mapped addresses are IPv4, zones are dropped, what is none is the unspecified one."""
    assert peer_address(peer) == expected


def test_who_is_trusted() -> None:
    """Addresses and networks of both families."""
    proxies = TrustedProxies(("127.0.0.1", "2001:db8::/32"))
    table = {"127.0.0.1": True, "127.0.0.2": False, "2001:db8::5": True, "::1": False}
    assert {address: address in proxies for address in table} == table


def test_all_wrong_proxies_are_named() -> None:
    """Every entry that is no address is a problem of its own."""
    with pytest.raises(ConfigurationError) as caught:
        TrustedProxies(("one", "127.0.0.1", "10.0.0.0/99"))
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("lines", "field", "is_one"),
    [
        ([], None, False),
        (["192.0.2.1"], "192.0.2.1", True),
        (["192.0.2.1, 10.0.0.1"], "192.0.2.1, 10.0.0.1", False),
        (["192.0.2.1", "10.0.0.1"], "192.0.2.1,10.0.0.1", False),
    ],
)
def test_lines_of_a_proxy(lines: list[str], field: str | None, is_one: bool) -> None:
    """Several lines are one list (RFC 9110 section 5.3); only one entry speaks for one client."""
    headers = CIMultiDictProxy(CIMultiDict([("X-Forwarded-For", line) for line in lines]))
    assert (field, is_one) == (forwarded_for(headers), is_spoken_for(headers))
    assert bool(lines) == is_passed_on(headers)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (None, "127.0.0.1"),
        ("192.0.2.1", "192.0.2.1"),
        ("10.0.0.1, 192.0.2.1", "192.0.2.1"),
        ("10.0.0.1,", "::"),
        ("", "::"),
        ("[::1]:80", "::"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
    ],
)
def test_what_a_proxy_says(field: str | None, expected: str) -> None:
    """The last entry is the visitor; without the field the proxy is."""
    assert forwarded_visitor(Visitor("127.0.0.1"), field) == Visitor(expected)
