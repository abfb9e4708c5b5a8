"""The virtual tree: how a client's path is taken apart, and that the disk is never touched."""

from __future__ import annotations

import inspect
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyftpdlib.exceptions import FilesystemError
from pyftpdlib.filesystems import AbstractedFS

from freebusy.ports import Visitor
from ftpsrv.control import unmapped
from ftpsrv.filesystem import DIRECTORIES, PublishedTree, resolve
from tests.wire.ftp_dialogue import MODIFIED, MemoryFiles, published, some_files


def tree(files: MemoryFiles | None = None) -> PublishedTree:
    files = files or some_files()
    session = SimpleNamespace(
        files=files, publications=None, visitor=Visitor("127.0.0.1"), tree_time=MODIFIED
    )
    return PublishedTree("/", session)


@pytest.mark.parametrize(
    ("cwd", "ftp_path", "expected"),
    [
        ("/", "pub", "/pub"),
        ("/", "", "/"),
        ("/", ".", "/"),
        ("/", "/", "/"),
        ("/pub", "calendar/", "/pub/calendar"),
        ("/pub/calendar", "hans.vfb", "/pub/calendar/hans.vfb"),
        ("/pub/calendar", "./hans.vfb", "/pub/calendar/hans.vfb"),
        ("/pub/calendar", "..", "/pub"),
        ("/pub/calendar", "../../calendar/hans", "/calendar/hans"),
        ("/pub/calendar", "//calendar///hans", "/calendar/hans"),
        ("/calendar", "example.com/../hans", "/calendar/hans"),
        ("/calendar", "example.com/", "/calendar/example.com"),
        ("/", "..", None),
        ("/pub/calendar", "../../..", None),
        ("/", "home/../pub", None),
        ("/calendar", "hans.vfb/..", None),
        ("/calendar", "hans.vfb/", None),
        ("/calendar", "hans.vfb/.", None),
        ("/", "x" * 1025, None),
        ("/", "\N{REPLACEMENT CHARACTER}", None),
    ],
)
def test_resolve(cwd: str, ftp_path: str, expected: str | None) -> None:
    """A path is resolved inside the tree only."""
    assert resolve(cwd, ftp_path) == expected


@given(
    cwd=st.sampled_from(sorted(DIRECTORIES)),
    ftp_path=st.text(alphabet="/.apubclendr\\~\0", max_size=40) | st.text(max_size=40),
)
def test_resolved_paths_are_plain(cwd: str, ftp_path: str) -> None:
    """What comes out is absolute, holds no dot segments, and stands for itself."""
    path = resolve(cwd, ftp_path)
    if path is not None:
        assert path.startswith("/")
        assert not {"", ".", ".."} & set(path.split("/")[1:] if path != "/" else ())
        assert resolve("/", path) == path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/pub/calendar/example.com", True),
        ("/calendar/mail.example.co.uk", True),
        ("/calendar/пример.рф", True),
        ("/calendar/example", False),
        ("/calendar/hans.vfb", False),
        ("/calendar/nobody.vfb", False),
        ("/calendar/nobody.XFB", False),
        ("/calendar/hans.vfb.tmp", False),
        ("/calendar/.hidden.tmp", False),
        ("/calendar/a..b", False),
        ("/calendar/user@example.com", False),
        ("/calendar/example.com/example.com", False),
        ("/pub/example.com", False),
    ],
)
def test_what_can_be_entered(path: str, expected: bool) -> None:
    """A domain's directory can be entered by its form; files and what looks like one cannot."""
    assert tree().isdir(path) is expected


def test_name_of_a_file_is_no_directory() -> None:
    """A file whose name has the form of a domain stays a file."""
    files = tree(MemoryFiles({"hans.meier": published("hans.meier")}))
    assert files.isdir("/calendar/hans.meier") is False
    assert files.isfile("/calendar/hans.meier") is True


def test_nothing_of_the_base_class_reaches_the_disk() -> None:
    """Each method of pyftpdlib's file system is ours, but for those that only hold values."""
    harmless = {"__init__", "_isabs", "ftpnorm"}
    for name, method in inspect.getmembers(AbstractedFS, inspect.isfunction):
        if name not in harmless:
            assert getattr(PublishedTree, name) is not method, name


@pytest.mark.parametrize("mode", ["wb", "ab", "r+b", "w"])
def test_opening_to_write_is_refused(mode: str) -> None:
    """No file opens for writing, whatever an authorizer grants."""
    with pytest.raises(FilesystemError, match="Permission denied"):
        tree().open("/calendar/hans.vfb", mode)


def test_what_pyftpdlib_may_ask() -> None:
    """The remaining questions of pyftpdlib are answered from the same files."""
    files = tree()
    path = "/calendar/hans.vfb"
    assert (files.ftp2fs("calendar/hans.vfb"), files.fs2ftp(path)) == (path, path)
    assert (files.validpath(path), files.validpath("/../x"), files.validpath("x")) == (
        True,
        False,
        False,
    )
    assert (files.lexists(path), files.lexists("/x"), files.islink(path)) == (True, False, False)
    assert files.getmtime(path) == MODIFIED.timestamp()
    assert files.getsize(path) == len(files.open(path, "rb").read())
    assert files.listdir("/") == ["calendar", "pub"]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::1", "::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
    ],
)
def test_unmapped(address: str, expected: str) -> None:
    """An IPv4-mapped address is the IPv4 address."""
    assert unmapped(address) == expected
