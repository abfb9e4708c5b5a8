"""The scripts: sound shell, and honest about what they are asked."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted(
    path
    for path in (*(ROOT / "scripts").iterdir(), ROOT / ".ci/run")
    if path.is_file() and "bash" in path.read_text("utf-8", "replace").partition("\n")[0]
)
each_script = pytest.mark.parametrize("script", SCRIPTS, ids=[script.name for script in SCRIPTS])


def run(*command: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd="/", env=os.environ | environ
    )


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
@each_script
def test_shellcheck_has_nothing_to_say(script: Path) -> None:
    """Quoting, unset variables and ignored failures are what shellcheck finds."""
    done = run("shellcheck", "--external-sources", "--severity=warning", script)
    assert 0 == done.returncode, done.stdout


@each_script
def test_a_script_stops_at_the_first_failure(script: Path) -> None:
    """Each script that is run by itself is executable and sets -euo pipefail."""
    if os.access(script, os.X_OK):
        assert re.search(r"(?m)^set -euo pipefail$", script.read_text("utf-8"))
    else:
        assert "environment" == script.name  # it is sourced


def test_start_says_what_it_does() -> None:
    """--help prints the head of the script, from any directory, and starts nothing."""
    done = run(ROOT / "scripts/start", "--help")
    assert 0 == done.returncode
    assert done.stdout.startswith("Run the gateway from a fresh clone")


def test_check_knows_one_option() -> None:
    """A mistyped option is refused before anything is installed."""
    done = run(ROOT / "scripts/check", "--fxi")
    assert (1, "usage: scripts/check [--fix]\n") == (done.returncode, done.stderr)


def test_a_python_that_is_too_old_is_said(tmp_path: Path) -> None:
    """Without Python 3.11 the script says what to install."""
    done = run(
        ROOT / "scripts/start", FREEBUSY_PYTHON="/bin/false", FREEBUSY_VENV=str(tmp_path / "venv")
    )
    assert 1 == done.returncode
    assert "Python 3.11 or later is needed" in done.stderr
    assert "apt-get install python3 python3-venv" in done.stderr
    assert [] == list(tmp_path.iterdir())


def test_what_is_installed_is_used() -> None:
    """Each need of the tests is named by one of them."""
    script = (ROOT / "scripts/install-test-servers").read_text("utf-8")
    needs = re.findall(r"(?m)^(\w+) {2,}\S", script.partition("needs='")[2].partition("'")[0])
    tests = "\n".join(
        path.read_text("utf-8") for path in sorted((ROOT / "tests").rglob("*.py"))
    ).casefold()
    assert [] == [need for need in needs if need.casefold() not in tests]
