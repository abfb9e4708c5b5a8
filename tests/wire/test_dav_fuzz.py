"""Any bytes as XML, any text in the header fields: a value or our refusal, never anything else."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from freebusy.web.dav.conditions import parse_if, submitted_tokens
from freebusy.web.dav.fields import depth, destination, is_own, lock_token, overwrites, timeout
from freebusy.web.dav.lockmethods import read_lock_info
from freebusy.web.dav.multistatus import Name, element
from freebusy.web.dav.propertymethods import read_changes, read_question
from freebusy.web.dav.refused import RefusedError
from freebusy.web.dav.requestxml import MAX_DEPTH, MAX_ELEMENTS, parse_request
from tests.wire.dav_client import lock_info, propfind

if TYPE_CHECKING:
    from collections.abc import Callable

READERS: tuple[Callable[[bytes], object], ...] = (read_question, read_changes, read_lock_info)

PIECES = st.sampled_from(
    [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<?xml version="1.0" encoding="utf-16"?>',
        '<?xml version="1.0" encoding="x-nobody"?>',
        '<?xml version="1.0" encoding="gb18030"?>',
        '<?xml version="1.1"?>',
        '<D:propfind xmlns:D="DAV:">',
        '<propfind xmlns="DAV:">',
        '<propertyupdate xmlns="DAV:">',
        '<lockinfo xmlns="DAV:">',
        '<D:x xmlns:D="">',
        "<prop>",
        "<set>",
        "<a:b:c>",
        '<x:y xmlns:x="urn:&quot;&#xA;&lt;">',
        "</prop>",
        "</set>",
        "</propfind>",
        "</D:propfind>",
        "</propertyupdate>",
        "<allprop/>",
        "<lockscope><exclusive/></lockscope><locktype><write/></locktype>",
        "<!DOCTYPE propfind>",
        '<!DOCTYPE p [<!ENTITY a "aaaa">]>',
        "&a;",
        "&lt;",
        "&#0;",
        "&#xD800;",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<?php ?>",
        "\x00",
        "\ufeff",
        "text",
        "ü",
    ]
)
TEXTS = st.lists(PIECES, max_size=12).map("".join)
BODIES = st.one_of(
    st.binary(max_size=200),
    TEXTS.map(str.encode),
    st.tuples(TEXTS, st.sampled_from(["utf-16", "utf-32", "latin-1", "cp1252"])).map(
        lambda pair: pair[0].encode(pair[1], "ignore")
    ),
    st.tuples(
        st.sampled_from([propfind("D:getetag"), lock_info()]), st.integers(0, 300), PIECES
    ).map(lambda cut: (cut[0][: cut[1]] + cut[2] + cut[0][cut[1] :]).encode()),
)


def refusal(read: Callable[[], object]) -> int | None:
    """Return the status of a refusal, None where there was none."""
    try:
        read()
    except RefusedError as error:
        return error.status
    return None


@settings(max_examples=600)
@given(BODIES)
@example(b'<?xml version="1.0" encoding="x-nobody"?><a/>')
@example(b'<?xml version="1.0" encoding="big5"?><a/>')
@example(b'<?xml version="1.0" encoding="rot13"?><a/>')
@example(b'<?xml version="1.0" encoding="punycode"?><a/>')
@example(b'<?xml version="1.0" encoding="undefined"?><a/>')
@example(b'<?xml version="1.0" encoding="\0"?><a/>')
def test_any_body(body: bytes) -> None:
    """Each reader of a body returns a value or refuses with 400."""
    assert {refusal(partial(read, body)) for read in READERS} <= {None, 400}


LOCAL = st.from_regex(r"[A-Za-z_ü][A-Za-z0-9_.ü-]{0,10}", fullmatch=True)
NAMESPACE = st.text(
    # Expat refuses the blank, and the standard library the brace, that stand between the
    # namespace and the name where they hand them out.
    st.characters(codec="utf-8", categories=("L", "N", "P", "S"), exclude_characters="}"),
    max_size=20,
)


@settings(max_examples=200)
@given(LOCAL, NAMESPACE)
def test_names_come_back_as_they_were(local: str, namespace: str) -> None:
    """A name that is written by us is read by the standard library as the same."""
    text = f'<D:x xmlns:D="DAV:">{element(Name(namespace, local), "v")}</D:x>'
    expected = f"{{{namespace}}}{local}" if namespace else local
    assert expected == ET.fromstring(text)[0].tag
    assert Name(namespace, local) == parse_request(text.encode(), "x").children[0].name


FIELD_PIECES = st.sampled_from(
    ["(", ")", "<", ">", "[", "]", '"', '"a"', 'W/"a"', "Not", "not ", " ", "\t", "<urn:x:y>",
     "<http://h/x>", "</x>", '["e"]', "Second-", "60", "Infinite", ",", "infinity", "noroot", "0",
     "1", "T", "F", "http://", "https://h", ":", "@", "/", "%2f", "%", "ü", "[::1]", "DAV:no-lock"]
)  # fmt: skip
FIELDS = st.one_of(st.text(max_size=60), st.lists(FIELD_PIECES, max_size=14).map("".join))


@settings(max_examples=800)
@given(FIELDS)
@example("http://[::1/x")
@example("http://h:²/x")
def test_any_header_field(text: str) -> None:
    """Each field gives a value or a refusal with 400 or 502."""
    names = ("If", "Depth", "Timeout", "Overwrite", "Destination", "Lock-Token", "Host")
    headers = dict.fromkeys(names, text)
    readers: tuple[Callable[[], object], ...] = (
        lambda: parse_if(text),
        lambda: depth(headers),
        lambda: overwrites(headers),
        lambda: lock_token(headers),
        lambda: destination(headers, ()),
        lambda: destination(headers | {"Host": "h"}, ("h",)),
        lambda: is_own(text, headers, ()),
    )
    assert {refusal(read) for read in readers} <= {None, 400, 502}
    assert 1 <= timeout(headers, 600) <= 600


CONDITION = st.tuples(
    st.sampled_from(["", "Not ", "not\t"]), st.sampled_from(["<urn:a:b>", "<urn:c:d>", '["e"]'])
).map("".join)
LISTS = st.lists(CONDITION, min_size=1, max_size=4).map(lambda each: f"({' '.join(each)})")


@settings(max_examples=200)
@given(st.lists(LISTS, min_size=1, max_size=4), st.sampled_from([None, "/x", "http://h/x"]))
def test_what_the_grammar_makes_is_read(lists: list[str], tag: str | None) -> None:
    """Every If header of RFC 4918 §10.4 is understood, with as many lists as it has."""
    text = ("" if tag is None else f"<{tag}> ") + " ".join(lists)
    parsed = parse_if(text)
    assert len(lists) == len(parsed)
    assert {tag} == {each.resource for each in parsed}
    assert {t for t in ("urn:a:b", "urn:c:d") if t in text} == submitted_tokens(parsed)


HOSTILE = {
    "nested": b"<a>" * 20_000,
    "wide": b'<propfind xmlns="DAV:">' + b"<a/>" * 10_000,
    "attributes": b'<propfind xmlns="DAV:" '
    + b" ".join(b'a%d="x"' % n for n in range(5000))
    + b"/>",
    "namespaces": b"<a " + b" ".join(b'xmlns:a%d="x"' % n for n in range(3000)) + b"/>",
    "text": b'<propfind xmlns="DAV:">' + b"&lt;" * 15_000 + b"</propfind>",
    "comments": b"<!---->" * 9000,
    "laughs": b'<!DOCTYPE a [<!ENTITY a "aaa"><!ENTITY b "&a;&a;&a;">]><a>&b;</a>',
    "a name": b"<" + b"x" * 60_000 + b"/>",
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_made_to_cost_costs_little(case: str) -> None:
    """64 KiB of hostile XML are refused within a few milliseconds of CPU."""
    before = time.process_time()
    with pytest.raises(RefusedError):
        read_question(HOSTILE[case])
    assert time.process_time() - before < 0.5


@pytest.mark.parametrize(
    "text", ["(" * 8000, "<a:b>" * 1600, "(<a:b>" * 1300, " " * 8000, "Not" * 2000]
)
def test_what_is_made_to_cost_in_a_field_costs_little(text: str) -> None:
    """A header field of any size that is let in is refused as quickly."""
    before = time.process_time()
    with pytest.raises(RefusedError):
        parse_if(text)
    assert time.process_time() - before < 0.5


def test_the_bounds_are_where_they_are_said_to_be() -> None:
    """As deep and as many as is allowed passes, one more does not."""
    deep = '<propfind xmlns="DAV:"><prop>' + "<a>" * (MAX_DEPTH - 2)
    close = "</a>" * (MAX_DEPTH - 2) + "</prop></propfind>"
    names = [f"D:x{number}" for number in range(MAX_ELEMENTS - 2)]
    read_question((deep + close).encode())
    read_question(propfind(*names).encode())
    with pytest.raises(RefusedError):
        read_question((deep + "<a/>" + close).encode())
    with pytest.raises(RefusedError):
        read_question(propfind(*names, "D:y").encode())
