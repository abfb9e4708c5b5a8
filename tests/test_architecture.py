"""The rooms: who may import whom, and one module for each awkward library."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
PACKAGES = ("freebusy", "ftpsrv", "calendar_sync")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

MAX_FILE, MAX_FUNCTION = 400, 40
MEDIAN, NINETIETH = 7, 15
"""Lines of a function, its signature included and its docstring not."""

ONLY_IN: dict[str, str | tuple[str, ...]] = {
    "pyftpdlib": "ftpsrv/",
    "imapclient": "calendar_sync/imap/",
    "caldav": "calendar_sync/caldav/service.py",
    "aiohttp": ("freebusy/web/", "freebusy/connector/"),
    "watchfiles": "calendar_sync/",
    "sqlalchemy": "freebusy/",
    "pydantic": (
        "freebusy/config/",
        "freebusy/connector/bodies.py",
        "freebusy/connector/fields.py",
        "freebusy/web/connector/",
        "calendar_sync/connector/",
    ),
    "prometheus_client": "freebusy/metrics.py",
    "keyring": "calendar_sync/connector/secrets.py",
}
"""Library -> where alone it is imported (one awkward library, one place)."""

PURE = (
    "errors", "period", "values", "contentline", "zones", "vtimezone", "recurrence", "busyrecord",
    "busytime", "vfreebusy", "names", "schedule", "ports/accounts", "ports/calendars",
    "ports/connector", "ports/files",
    "ports/lookups",
)  # fmt: skip
IMPURE_MODULES = {"os", "socket", "subprocess", "threading", "asyncio", "time", "logging", "signal"}
"""What a module without I/O, clock and environment has no use for."""


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Return the modules that a file imports at run time, by their full names."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text("utf-8"))
    skipped = {id(node) for test in ast.walk(tree) if _is_typing(test) for node in ast.walk(test)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _is_typing(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
    )


def top(name: str) -> str:
    return name.partition(".")[0]


def where(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_the_rooms_keep_their_direction() -> None:
    """import-linter's contracts in pyproject.toml hold."""
    program = Path(sys.executable).with_name("lint-imports")
    if not program.exists():
        pytest.skip("import-linter is not installed")
    done = subprocess.run(
        [program, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("library", "place"), sorted(ONLY_IN.items()))
def test_a_library_has_one_place(library: str, place: str | tuple[str, ...]) -> None:
    """Only ftpsrv knows pyftpdlib, only calendar_sync/imap knows imapclient, and so on."""
    users = {where(path) for path in MODULES if library in map(top, imports(path))}
    assert users
    assert set() == {user for user in users if not user.startswith(place)}


def test_neighbours_do_not_know_one_another() -> None:
    """ftpsrv, freebusy.web and calendar_sync meet in the composition alone."""
    neighbours = {
        "ftpsrv": "ftpsrv",
        "freebusy/web": "freebusy.web",
        "calendar_sync": "calendar_sync",
    }
    for place, own in neighbours.items():
        others = tuple(name for name in neighbours.values() if name != own)
        for path in (ROOT / place).rglob("*.py"):
            assert [] == [name for name in imports(path) if name.startswith(others)], where(path)


@pytest.mark.parametrize("module", PURE)
def test_the_middle_is_pure(module: str) -> None:
    """No I/O, clock, environment or thread in what the product exists for."""
    path = ROOT / "freebusy" / f"{module}.py"
    assert set() == IMPURE_MODULES & set(map(top, imports(path)))


@pytest.mark.parametrize(
    "module", ["freebusy.names", "freebusy.vfreebusy", "freebusy.busytime", "freebusy.config"]
)
def test_a_room_needs_no_server(module: str) -> None:
    """Importing the middle or the configuration loads no server, mail or database library."""
    code = (
        f"import sys, {module}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"aiohttp", "pyftpdlib", "imapclient", "sqlalchemy", "typer", "icalendar", "watchfiles"}
    assert set() == heavy & set(done.stdout.split())


def functions() -> Iterator[tuple[str, int]]:
    """Yield each function's place and its lines without docstring."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[1] if ast.get_docstring(node) and node.body[1:] else node.body[0]
                head = node.body[0].lineno - node.lineno
                lines = head + (node.end_lineno or 0) - first.lineno + 1
                yield f"{where(path)}:{node.lineno} {node.name}", lines


def test_files_and_functions_stay_small() -> None:
    """No file over 400 lines, no function over 40, and most of them far below."""
    long_files = {
        where(p): n for p in MODULES if (n := len(p.read_text("utf-8").splitlines())) > MAX_FILE
    }
    assert {} == long_files
    sizes = dict(functions())
    assert {} == {name: lines for name, lines in sizes.items() if lines > MAX_FUNCTION}
    ordered = sorted(sizes.values())
    assert ordered[len(ordered) // 2] <= MEDIAN
    assert ordered[len(ordered) * 9 // 10] <= NINETIETH
