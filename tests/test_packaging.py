"""What is built is what is needed: the wheel's packages, types and command; the change log."""

from __future__ import annotations

import email
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import freebusy

ROOT = Path(__file__).parent.parent
PACKAGES = ("freebusy", "ftpsrv", "calendar_sync")
FRAGMENT_TYPES = {"feature", "fix", "doc", "misc"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Build the wheel as it stands, without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def metadata(wheel: zipfile.ZipFile, name: str) -> str:
    (path,) = (path for path in wheel.namelist() if path.endswith(f".dist-info/{name}"))
    return wheel.read(path).decode()


def test_the_wheel_holds_the_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    """Every module of the three packages is in it; tests and configuration are not."""
    modules = {
        path.relative_to(ROOT).as_posix() for p in PACKAGES for path in (ROOT / p).rglob("*.py")
    }
    built = set(wheel.namelist())
    assert modules == {name for name in built if name.endswith(".py")}
    tops = {name.partition("/")[0] for name in built if ".dist-info/" not in name}
    assert set(PACKAGES) == tops


def test_the_packages_say_that_they_are_typed(wheel: zipfile.ZipFile) -> None:
    """Each has its py.typed (PEP 561)."""
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(wheel.namelist())


def test_the_wheel_says_what_it_is(wheel: zipfile.ZipFile) -> None:
    """Version, licence and the oldest Python are in its metadata, and the licence's text."""
    said = email.message_from_string(metadata(wheel, "METADATA"))
    assert (freebusy.__version__, "MIT", ">=3.11") == (
        said["Version"], said["License-Expression"], said["Requires-Python"]
    )  # fmt: skip
    assert "Permission is hereby granted" in metadata(wheel, "licenses/LICENSE")


def test_the_wheel_brings_the_command(wheel: zipfile.ZipFile) -> None:
    """Installing it gives `freebusy`."""
    assert "freebusy = freebusy.cli:main" in metadata(wheel, "entry_points.txt")


def test_the_wheel_needs_no_copyleft(wheel: zipfile.ZipFile) -> None:
    """What only the tests use, LGPL oracles among it, is no dependency."""
    said = email.message_from_string(metadata(wheel, "METADATA"))
    needed = " ".join(said.get_all("Requires-Dist") or ())
    assert [] == [
        name for name in ("recurring-ical-events", "tnefparse", "hypothesis") if name in needed
    ]


def test_change_log_fragments_can_be_gathered() -> None:
    """Every fragment has a name and a type that towncrier knows, and one or two sentences."""
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["towncrier"]
    assert FRAGMENT_TYPES == {kind["directory"] for kind in configured["type"]}
    for path in (ROOT / "changelog.d").glob("*.md"):
        if path.name == "template.md":
            continue
        _, kind, _ = path.name.split(".")
        assert kind in FRAGMENT_TYPES, path.name
        assert 0 < len(path.read_text("utf-8").strip()) < 600, path.name
