"""The systemd units: sound, hardened, and in step with the commands they run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNITS = sorted((Path(__file__).parent.parent / "conf/systemd").glob("*.service"))
COMMANDS = {
    "freebusy": "run",
    "freebusy-http": "serve http",
    "freebusy-ftp": "serve ftp",
    "freebusy-sync": "sync",
}
PROGRAM = "/opt/freebusy/bin/freebusy"
PAGE = (Path(__file__).parent.parent / "docs/connectors.md").read_text("utf-8")
OF_A_PERSON = re.findall(r"(?s)```ini\n(\[(?:Unit|Desktop Entry)\].*?)```", PAGE)
"""What the page about connectors gives a desktop and a person's systemd to start."""
MAX_EXPOSURE = 20
"""Tenths: 2.0 of 10; a service that speaks to the network cannot come much below 1.3."""


def _systemd_version() -> int:
    program = shutil.which("systemd-analyze")
    if program is None:
        return 0
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return int(re.findall(r"\d+", said)[0])


with_systemd = pytest.mark.skipif(
    _systemd_version() < 250, reason="systemd-analyze is missing, or older than 250"
)
each_unit = pytest.mark.parametrize("unit", UNITS, ids=[unit.stem for unit in UNITS])


def analyze(*arguments: str | Path, **environ: str) -> str:
    done = subprocess.run(
        ["systemd-analyze", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environ,
    )
    output = done.stdout + done.stderr
    assert 0 == done.returncode, output
    return output


def installed(unit: Path, folder: Path) -> Path:
    """Return the unit with a program that is there: verify looks for it."""
    copy = folder / unit.name
    copy.write_text(unit.read_text("utf-8").replace(PROGRAM, "/bin/true"), "utf-8")
    return copy


def test_there_is_one_unit_for_all_and_one_for_each_part() -> None:
    """All in one, or HTTP, FTP and sync apart, each with its command."""
    assert set(COMMANDS) == {unit.stem for unit in UNITS}
    for unit in UNITS:
        command = f"{PROGRAM} {COMMANDS[unit.stem]} --config /etc/freebusy/freebusy.toml"
        assert f"\nExecStart={command}\n" in unit.read_text("utf-8")


@each_unit
def test_the_command_is_there(unit: Path) -> None:
    """What a unit starts is a command that takes --config."""
    done = subprocess.run(
        [sys.executable, "-m", "freebusy.cli", *COMMANDS[unit.stem].split(), "--help"],
        capture_output=True,
        text=True,
        check=False,
        env={"COLUMNS": "120", "TERM": "dumb", "NO_COLOR": "1"},
    )
    assert 0 == done.returncode, done.stderr
    assert "--config" in done.stdout


@with_systemd
@each_unit
def test_systemd_accepts_the_unit(unit: Path, tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say."""
    # What it says of other units is about the machine that the test runs on.
    output = analyze("verify", "--man=no", installed(unit, tmp_path))
    assert [] == [line for line in output.splitlines() if unit.stem in line]


@with_systemd
@each_unit
def test_the_unit_is_hardened(unit: Path, tmp_path: Path) -> None:
    """`systemd-analyze security` finds little that an intruder could reach."""
    path = installed(unit, tmp_path)
    analyze("security", "--offline=yes", "--no-pager", f"--threshold={MAX_EXPOSURE}", path)


def test_the_parts_are_hardened_alike() -> None:
    """The units differ in what they start and which ports they may take, and in nothing else."""

    def body(unit: Path) -> set[str]:
        text = unit.read_text("utf-8")
        lines = re.sub(r"(?m)^(#|Description=|ExecStart=|Conflicts=).*", "", text).splitlines()
        return set(lines)

    bodies = {unit.stem: body(unit) for unit in UNITS}
    all_in_one = bodies.pop("freebusy")
    differences = {name: lines ^ all_in_one for name, lines in bodies.items()}
    without_ports = {
        "CapabilityBoundingSet=",
        "CapabilityBoundingSet=CAP_NET_BIND_SERVICE",
        "AmbientCapabilities=CAP_NET_BIND_SERVICE",
        "PrivateUsers=yes",
    }
    assert {
        "freebusy-http": set(),
        "freebusy-ftp": set(),
        "freebusy-sync": without_ports,
    } == differences


# -- what a person starts


def _commands(texts: list[str]) -> list[str]:
    return re.findall(r"(?m)^Exec(?:Start)?=(.*)$", "\n".join(texts))


def test_a_person_starts_a_program_by_its_whole_path() -> None:
    """A session and a person's systemd do not look in ~/.local/bin."""
    assert 2 == len(_commands(OF_A_PERSON))
    for command in _commands(OF_A_PERSON):
        assert re.match(r"(%h|/home/hans)/\.local/bin/freebusy connector sync ", command)


@with_systemd
def test_systemd_accepts_what_the_page_has(tmp_path: Path) -> None:
    """`systemd-analyze --user verify` has nothing to say of the service and its timer."""
    service, timer = (text for text in OF_A_PERSON if text.startswith("[Unit]"))
    one, other = tmp_path / "freebusy-connector.service", tmp_path / "freebusy-connector.timer"
    one.write_text(service.replace("%h/.local/bin/freebusy", "/bin/true"))
    other.write_text(timer)
    output = analyze("--user", "verify", "--man=no", one, other, XDG_RUNTIME_DIR=str(tmp_path))
    assert [] == [line for line in output.splitlines() if one.stem in line]


@pytest.mark.skipif(
    shutil.which("desktop-file-validate") is None, reason="desktop-file-utils is not installed"
)
def test_desktops_accept_what_the_page_has(tmp_path: Path) -> None:
    """`desktop-file-validate` has nothing to say of the file for the autostart."""
    (text,) = (text for text in OF_A_PERSON if text.startswith("[Desktop Entry]"))
    file = tmp_path / "freebusy-connector.desktop"
    file.write_text(text)
    done = subprocess.run(
        ["desktop-file-validate", file], capture_output=True, text=True, check=False
    )
    assert (0, "") == (done.returncode, done.stdout + done.stderr)
