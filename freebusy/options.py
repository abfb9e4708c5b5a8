"""What several commands of ``freebusy`` take: the configuration, NAMEs, folders."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freebusy.errors import ConfigurationError

if TYPE_CHECKING:
    from freebusy.config import Config

DEFAULT_CONFIG = (Path("conf/freebusy.toml"), Path("/etc/freebusy/freebusy.toml"))

ConfigPath = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        envvar="FREEBUSY_CONFIG",
        help="The configuration [default: conf/freebusy.toml, else /etc/freebusy/freebusy.toml].",
        show_default=False,
    ),
]
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME", help="NAMEs, addresses or aliases.", show_default=False),
]

Folder = Annotated[
    Path, typer.Argument(metavar="DIR", help="A folder of .vfb, .ifb or .xfb files.")
]


def load_config(path: Path | None) -> Config:
    """Read the configuration at ``path``, or at the first usual place that has one.

    Raises ConfigurationError.
    """
    from freebusy.config import load

    path = path or next((place for place in DEFAULT_CONFIG if place.exists()), None)
    if path is None:
        places = " nor ".join(map(str, DEFAULT_CONFIG))
        problem = f"neither {places} is there; name one with --config or FREEBUSY_CONFIG"
        raise ConfigurationError([f"no configuration: {problem}"])
    return load(path, os.environ)
