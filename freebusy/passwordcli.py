"""The commands ``freebusy password ...``, each as thin as those in :mod:`freebusy.commands`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from freebusy.options import ConfigPath, load_config

passwords = typer.Typer(no_args_is_help=True, help="Make, list and revoke app passwords.")


@passwords.command("hash")
def password_hash() -> None:
    """Read a password, and print the hash for the configuration."""
    from freebusy.passwordcommands import print_hash

    print_hash()


@passwords.command("add")
def password_add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A NAME, address or alias.")],
    label: Annotated[str, typer.Option(help="What it is for, such as outlook.")],
    scope: Annotated[
        Literal["publish", "read", "connector"], typer.Option(help="What it is good for.")
    ] = "publish",
    config: ConfigPath = None,
) -> None:
    """Make an app password, and print it this once."""
    from freebusy.passwordcommands import add
    from freebusy.ports import Scope

    add(load_config(config), name, label, Scope(scope))


@passwords.command("list")
def password_list(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Of one person.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigPath = None,
) -> None:
    """List app passwords: what for, since when, last used from where."""
    from freebusy.passwordcommands import print_list

    print_list(load_config(config), name, as_json=as_json)


@passwords.command("revoke")
def password_revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A NAME, address or alias.")],
    label: Annotated[str, typer.Argument(metavar="LABEL", help="As listed.")],
    config: ConfigPath = None,
) -> None:
    """Make an app password worthless from now on."""
    from freebusy.passwordcommands import revoke

    revoke(load_config(config), name, label)
