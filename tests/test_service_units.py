"""The systemd units: sound, hardened, and in step with the commands they run."""

from __future__ import annotations

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


def analyze(*arguments: str | Path) -> str:
    done = subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False
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
