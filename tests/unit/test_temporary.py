"""Temporary names of uploads."""

from __future__ import annotations

import pytest

from freebusy.temporary import temporary_target

HANS = "/pub/calendar/hans.vfb"

TARGETS = {
    "/pub/calendar/hans.vfb.part": HANS,
    "/pub/calendar/hans.vfb.filepart": HANS,
    "/pub/calendar/hans.vfb.tmp": HANS,
    "/pub/calendar/hans.vfb.x7Kq2": HANS,
    "/pub/calendar/hans.vfb~": HANS,
    "/pub/calendar/hans.vfb-old": HANS,
    "/pub/calendar/.in.hans.vfb.": HANS,
    "/pub/calendar/.hans.vfb": HANS,
    "/pub/calendar/.hans.vfb.aB3dE9": HANS,
    "/pub/calendar/hans.part": HANS,
    "/pub/calendar/hans.tmp": HANS,
    "/calendar/hans.meier.tmp": "/calendar/hans.meier.vfb",
    "/calendar/example.com/hans.ifb.part": "/calendar/example.com/hans.ifb",
    "/pub/calendar/hans.vfb": None,
    "/pub/calendar/hans": None,
    "/pub/calendar/hans.txt": None,
    "/pub/calendar/hans.bak": None,
    "/pub/calendar/": None,
    "/pub/calendar/.part": None,
    "/pub/calendar/hans.vfb.a.b.c": None,
    "/pub/calendar/" + "x" * 300 + ".vfb.part": None,
    "/pub/calendar/hans\n.vfb.part": None,
}


@pytest.mark.parametrize("path", TARGETS)
def test_what_a_temporary_name_is_for(path: str) -> None:
    """What clients add is taken off; a name that is final, or no such name, is none."""
    assert TARGETS[path] == temporary_target(path)


@pytest.mark.parametrize("name", ["hans.xfb.part", "hans.pfb.tmp"])
def test_what_is_never_served_stays_what_it_is(name: str) -> None:
    """An extended list does not become a plain one by a suffix."""
    assert f"/calendar/{name}".rpartition(".")[0] == temporary_target(f"/calendar/{name}")
