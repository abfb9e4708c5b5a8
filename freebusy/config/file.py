"""The configuration file as TOML, with what the environment puts in its place."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from freebusy.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_FILE = 16 << 20

OVERRIDES = {
    "FREEBUSY_HTTP_LISTEN": ("http", "listen"),
    "FREEBUSY_FTP_LISTEN": ("ftp", "listen"),
    "FREEBUSY_STATE": ("site", "state"),
}
"""Environment variables that win over the file; several addresses are separated by commas."""


def parse(path: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the tables of the file; raises ConfigurationError where it is no TOML."""
    try:
        return _override(tomllib.loads(_text(path)), environ)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([f"{path}: {error}"]) from None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE + 1)
        if len(text) > MAX_FILE:
            raise ConfigurationError([f"{path}: too large for a configuration"])
        # Editors on Windows write a byte order mark, which TOML does not know.
        return text.decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError([f"{path}: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise ConfigurationError([f"{path}: not a text in UTF-8"]) from None


def _override(tables: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    for variable, (section, key) in OVERRIDES.items():
        value = environ.get(variable)
        table = tables.get(section, {})
        if value and isinstance(table, dict):
            listed = [part.strip() for part in value.split(",")]
            tables[section] = table | {key: listed if key == "listen" else value}
    return tables
