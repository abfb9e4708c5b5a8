"""The command line explains itself: help, version, and what is typed wrongly."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from freebusy import __version__
from tests.system.cli_case import CLI, ROOT, freebusy

COMMANDS = (
    "run", "serve http", "serve ftp", "sync", "refresh", "status", "show", "config check",
    "doctor", "convert", "parse", "client-setup",
    "password hash", "password add", "password list", "password revoke", "publications", "import",
    "compare",
    "connector setup", "connector ping", "connector folders", "connector mode", "connector sync",
    "connector acl", "connector publish", "connector fetch",
)  # fmt: skip
DOCUMENTED = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")


def test_the_version() -> None:
    """--version is one line."""
    done = freebusy("--version")
    assert (0, f"freebusy {__version__}\n", "") == (done.code, done.out, done.err)


def test_the_overview_names_every_command() -> None:
    """--help, and no argument at all, list the commands, each with a whole sentence."""
    done = freebusy("--help")
    assert 0 == done.code
    assert "..." not in done.out.replace("[ARGS]...", "")
    for command in COMMANDS:
        assert re.search(rf"^  {command.split()[0]} ", done.out, re.MULTILINE)
    assert "Commands:" in freebusy().out + freebusy().err


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_and_is_documented(command: str) -> None:
    """Each command's help fits 80 columns, and docs/commands.md names it and its options."""
    done = freebusy(*command.split(), "--help")
    assert 0 == done.code
    assert "" == done.err
    assert done.out.lower().startswith(f"usage: freebusy {command} ")
    assert 80 >= max(map(len, done.out.splitlines()))
    assert f"`{command}" in DOCUMENTED
    for option in set(re.findall(r"--[a-z]+", done.out)) - {"--help"}:
        assert option in DOCUMENTED


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("bogus", "No such command 'bogus'"),
        ("run --nothing", "No such option: --nothing"),
        ("refresh", "give NAMEs, or --all for everybody"),
        ("refresh --all anna", "give NAMEs, or --all for everybody"),
        ("show", "Missing argument"),
        ("show anna --days 0", "greater than or equal to 1"),
        ("show anna --days x", "valid integer"),
        ("convert", "the following arguments are required: PATH"),
        ("convert --bogus x.ics", "unrecognized arguments: --bogus"),
        ("parse a b", "unrecognized arguments: b"),
        ("status --config /nonexistent.toml", "/nonexistent.toml: No such file or directory"),
    ],
)
def test_what_is_typed_wrongly(typed: str, said: str) -> None:
    """A wrong command line ends with 2 and says what is wrong."""
    done = freebusy(*typed.split(), FREEBUSY_CONFIG=str(ROOT / "conf" / "freebusy.toml"))
    assert 2 == done.code
    assert said in done.err
    assert "" == done.out


def test_all_problems_of_a_configuration_at_once(tmp_path: Path) -> None:
    """Every command that reads the configuration names all of its problems and ends with 2."""
    path = tmp_path / "freebusy.toml"
    path.write_text(
        '[http]\nlistn = ":80"\n[ftp]\nlisten = "abc"\n[sote]\nx = 1\n', encoding="utf-8"
    )
    expected = [
        "freebusy: sote: unknown key; did you mean site?",
        "freebusy: http.listn: unknown key; did you mean listen?",
        (
            'freebusy: ftp.listen[1]: "abc": expected an address and a port such as'
            ' "127.0.0.1:8088", "[::1]:8088" or ":8088"'
        ),
    ]
    for command in ("config check", "run", "status", "refresh --all", "show anna"):
        done = freebusy(*command.split(), "--config", path)
        assert (2, "", expected) == (done.code, done.out, done.err.splitlines())
    done = freebusy("doctor", "--config", path)
    assert (1, 3) == (done.code, done.out.count("FAIL"))


def test_no_configuration_at_all(tmp_path: Path) -> None:
    """Where there is none at the usual places, these places and the option are named."""
    usual = Path("/etc/freebusy/freebusy.toml")
    if usual.exists():
        pytest.skip(f"{usual} is there")
    done = freebusy("status", folder=tmp_path)
    assert (2, "") == (done.code, done.out)
    assert (
        "freebusy: no configuration: neither conf/freebusy.toml nor /etc/freebusy/freebusy.toml"
        " is there; name one with --config or FREEBUSY_CONFIG\n"
    ) == done.err


def test_a_configuration_that_is_right() -> None:
    """The bundled configuration is right, and a check says what it holds."""
    done = freebusy("config", "check", folder=ROOT)
    assert (0, "") == (done.code, done.err)
    assert "conf/freebusy.toml is right: 6 persons, 1 source, 0 warnings.\n" == done.out


def test_an_output_that_breaks_off(tmp_path: Path) -> None:
    """A full disk is one line and exit code 1."""
    calendar = tmp_path / "a.ics"
    calendar.write_text("BEGIN:VCALENDAR\nEND:VCALENDAR\n", encoding="utf-8")
    commands: list[tuple[str | Path, ...]] = [
        ("convert", calendar),
        ("config", "check", "--config", ROOT / "conf/freebusy.toml"),
    ]
    for command in commands:
        done = _to_full_disk(*command)
        assert ["freebusy: No space left on device"] == done.splitlines()[-1:]


def _to_full_disk(*arguments: str | Path) -> str:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*CLI, *map(str, arguments)],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert 1 == done.returncode
    return done.stderr
