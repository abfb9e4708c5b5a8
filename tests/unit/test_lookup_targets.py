"""Where other servers may be, and what a URL may lead to."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freebusy.connector.addresses import SystemResolver, may_be_reached
from freebusy.connector.servers import Directory, OtherServer
from freebusy.connector.targets import Target, fill, read_target, split
from freebusy.errors import ElsewhereError

PUBLIC = ("8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "2002:808:808::1", "64:ff9b::808:808")
INSIDE = (
    "127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1",
    "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd12:3456::1",
    "100.64.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "2002:a00:1::1", "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
)  # fmt: skip
NEVER = (
    "0.0.0.0", "0.1.2.3", "::", "169.254.169.254", "::ffff:169.254.169.254", "fe80::1",
    "fe80::1%eth0", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "224.0.0.1", "ff02::1", "240.0.0.1",
    "255.255.255.255", "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "192.0.0.1",
    "192.88.99.1", "2001:db8::1", "2001:0:7f00:1::", "3fff::1", "fec0::1", "100::1", "::7f00:1",
    "64:ff9b:1::1", "::ffff:0:127.0.0.1", "4000::1",
    "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "", "127.0.0.1:80",
)  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_the_internet_may_be_reached(address: str) -> None:
    """An address of the Internet may be connected to, in whatever way IPv6 writes it."""
    assert [True, True] == [may_be_reached(address, private=inside) for inside in (False, True)]


@pytest.mark.parametrize("address", INSIDE)
def test_inside_only_where_the_operator_says_so(address: str) -> None:
    """Loopback and private addresses need private = true, also those inside IPv6 ones."""
    assert [False, True] == [may_be_reached(address, private=inside) for inside in (False, True)]


@pytest.mark.parametrize("address", NEVER)
def test_never(address: str) -> None:
    """Link-local, multicast, unspecified, reserved addresses and other spellings never."""
    assert [False, False] == [may_be_reached(address, private=inside) for inside in (False, True)]


@given(st.ip_addresses())
def test_any_address_has_an_answer(address: object) -> None:
    """What may be reached without private = true may be reached with it."""
    text = str(address)
    assert may_be_reached(text, private=True) >= may_be_reached(text)


REFUSED_URLS = (
    "",
    "partner.example/hans.vfb",
    "//partner.example/hans.vfb",
    "file:///etc/passwd",
    "gopher://partner.example/",
    "https:///hans.vfb",
    "https://user@partner.example/",
    "https://user:password@partner.example/",
    "https://@partner.example/",
    "https://partner.example:0/",
    "https://partner.example:99999/",
    "https://partner.example:x/",
    "https://partner.example\\@10.0.0.1/",
    "https://partner.example /",
    "https://partner.example/\r\nX: y",
    "https://partner.example/a\tb",
    "https://partner.example/\0",
    "https://partner.example/ü",
    "https://pärtner.example/",
    "https://%70artner.example/",
    "https://partner.example./",
    "https://-partner.example/",
    "https://partner..example/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://127.1/",
    "https://0177.0.0.1/",
    "https://partner.example.1/",
    "https://[::1/",
    "https://[fe80::1%25eth0]/",
    "https://[::ffff:127.0.0.1.example]/",
    "https://[v1.x]/",
    f"https://partner.example/{'a' * 3000}",
    f"https://{'a.' * 200}example/",
)


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_what_is_not_plainly_a_url_leads_nowhere(url: str) -> None:
    """A URL that two readers could take for two hosts is refused, not repaired."""
    with pytest.raises(ElsewhereError):
        read_target(url)


def test_what_a_url_says() -> None:
    """Scheme and host are folded, ports completed, fragments dropped, paths kept as they are."""
    table = {
        "HTTPS://Partner.Example/a%2Fb?c=%41#d": ("https", "partner.example", 443, "/a%2Fb?c=%41"),
        "http://partner.example": ("http", "partner.example", 80, "/"),
        "ftp://partner.example:2121/x;type=i": ("ftp", "partner.example", 2121, "/x;type=i"),
        "http://[2001:DB8::1]:8080/": ("http", "2001:db8::1", 8080, "/"),
        "http://192.0.2.1?x": ("http", "192.0.2.1", 80, "/?x"),
        "http://xn--mnchen-3ya.example/": ("http", "xn--mnchen-3ya.example", 80, "/"),
    }
    assert {url: Target(*parts) for url, parts in table.items()} == {  # type: ignore[arg-type]  # a table of literals
        url: read_target(url) for url in table
    }


@given(st.text())
def test_any_url(text: str) -> None:
    """Any text is a target that says the same again, or ElsewhereError."""
    try:
        target = read_target(f"http://{text}")
    except ElsewhereError:
        return
    assert target == read_target(target.url)


def test_placeholders() -> None:
    """Name and domain are filled in, in any case of the placeholder, percent-encoded."""
    table = {
        ("https://%SERVER%/%NAME%.vfb", "hans"): "https://partner.example/hans.vfb",
        ("http://fb.example/%server%/%Name%.ifb", "o'brien+x"): (
            "http://fb.example/partner.example/o%27brien%2Bx.ifb"
        ),
        ("http://fb.example/?who=%NAME%&x=a%20b", "a&b"): "http://fb.example/?who=a%26b&x=a%20b",
        ("http://fb.example/%NAME%", "grün"): "http://fb.example/gr%C3%BCn",
    }
    assert table == {
        (template, local): fill(template, local, "partner.example").url for template, local in table
    }


NO_ADDRESSES = (
    "", "hans", "@partner.example", "hans@", "hans@partner..example", "../x@partner.example",
    "..@partner.example", ".@partner.example", "a/b@partner.example", "a\\b@partner.example",
    "a%2fb@partner.example", "a\r\nb@partner.example", "a\0@partner.example", "a b@partner.example",
    "a@b@partner.example", "~root@partner.example", "*@partner.example", "a?b@partner.example",
    "a#b@partner.example", "{a,b}@partner.example", "hans@partner.example:80",
    "hans@partner.example/x", "hans@10.0.0.1", "hans@[::1]", "hans@2130706433", "hans@0x7f.1",
    "hans@partner.example\n", "hans@ partner.example", f"{'a' * 201}@partner.example",
    f"hans@{'a' * 64}.example", f"hans@{'a.' * 200}example", "hans@%SERVER%", "%NAME%@a.example",
)  # fmt: skip


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_who_is_never_asked_for(address: str) -> None:
    """What could be more than a name on another server is nobody's address."""
    assert split(address) is None


def test_addresses_are_folded() -> None:
    """Case does not make two people; a domain is written in ASCII."""
    table = {
        "Hans@Partner.EXAMPLE": ("hans", "partner.example"),
        "o'brien@partner.example": ("o'brien", "partner.example"),
        "grün@München.example": ("grün", "xn--mnchen-3ya.example"),
        "a.b-c_d+e@partner.example": ("a.b-c_d+e", "partner.example"),
    }
    assert table == {address: split(address) for address in table}


@given(st.text(), st.text())
def test_any_name_stays_in_its_place(local: str, domain: str) -> None:
    """Whatever is looked up, host and directory are those of the template."""
    parts = split(f"{local}@{domain}")
    if parts is not None:
        target = fill("http://fb.example/freebusy/%NAME%.vfb", *parts)
        assert "fb.example" == target.host
        assert target.path.startswith("/freebusy/")
        assert 2 == target.path.count("/")
        assert "/." not in target.path


# -- rules of a server

HTTPS = read_target("https://fb.partner.example/hans.vfb")
PARTNER = OtherServer(
    "partner",
    ("partner.example", "*.partner.example"),
    ("https://fb.hoster.example/%SERVER%/%NAME%.vfb",),
    ports=frozenset({8443}),
    redirect_hosts=frozenset({"cdn.example"}),
)

ALLOWED = (
    "https://fb.partner.example/x",
    "https://partner.example/x",
    "https://deep.below.partner.example:8443/x",
    "https://fb.hoster.example/x",
    "https://cdn.example/x",
)
REFUSED = {
    "https://evil.example/x": "redirect",
    "https://hoster.example/x": "redirect",
    "https://other.hoster.example/x": "redirect",
    "https://xpartner.example/x": "redirect",
    "https://partner.example.evil.example/x": "redirect",
    "http://partner.example/x": "redirect",
    "ftp://partner.example/x": "redirect",
    "https://partner.example:22/x": "port",
    "https://partner.example:21/x": "port",
    "https://127.0.0.1/x": "redirect",
    "https://[::1]/x": "redirect",
    "https://169.254.169.254/latest": "redirect",
    "https://localhost/x": "redirect",
}


@pytest.mark.parametrize("url", ALLOWED)
def test_redirects_that_are_followed(url: str) -> None:
    """A server may send us to hosts that the operator named, at ports that are allowed."""
    assert url == PARTNER.redirected(HTTPS, read_target(url), "partner.example").url


@pytest.mark.parametrize("url", list(REFUSED))
def test_redirects_that_are_not(url: str) -> None:
    """Another host, a forbidden port, another protocol or none of TLS: refused."""
    with pytest.raises(ElsewhereError) as caught:
        PARTNER.redirected(HTTPS, read_target(url), "partner.example")
    assert REFUSED[url] == caught.value.kind


def test_the_nearest_server_is_asked() -> None:
    """A domain belongs to the server that names it, else to the one that names most of it."""
    servers = [
        OtherServer("all", ("*.example",), ()),
        OtherServer("below", ("*.partner.example",), ()),
        OtherServer("itself", ("partner.example",), ()),
        OtherServer("one", ("a.partner.example",), ()),
    ]
    table = {
        "partner.example": "itself",
        "a.partner.example": "one",
        "b.partner.example": "below",
        "c.b.partner.example": "below",
        "other.example": "all",
        "example": None,
        "partner.test": None,
        "xpartner.example": "all",
    }
    directory = Directory(servers)
    found = {domain: directory.server_of(domain) for domain in table}
    assert table == {domain: server and server.name for domain, server in found.items()}


LOCAL_NAMES = ("localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "::1", "127.0.0.1")


@pytest.mark.parametrize("host", LOCAL_NAMES)
def test_names_of_this_machine(host: str) -> None:
    """However this machine is called, without private = true no address of it is left."""

    async def scenario() -> None:
        server = OtherServer("partner", ("partner.example",), ())
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as threads:
            await server.addresses(host, SystemResolver(threads))

    with pytest.raises(ElsewhereError) as caught:
        asyncio.run(scenario())
    assert caught.value.kind in {"address", "name"}


def test_of_mixed_addresses_the_public_ones_count() -> None:
    """A name that leads inside as well is connected to outside only."""

    class Mixed:
        async def addresses(self, host: str) -> list[str]:
            return ["127.0.0.1", "8.8.8.8", "::1", "2606:4700::1111"]

    server = OtherServer("partner", ("partner.example",), ())
    assert ["8.8.8.8", "2606:4700::1111"] == asyncio.run(
        server.addresses("partner.example", Mixed())
    )
