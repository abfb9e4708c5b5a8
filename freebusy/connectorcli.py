"""The commands ``freebusy connector ...``, each as thin as those in :mod:`freebusy.commands`.

They run at a person's own machine: they need a home, and no configuration of a gateway.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from freebusy.exits import FAILED

if TYPE_CHECKING:
    from collections.abc import Sequence

connector = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Sync one's own calendars with local folders, and share them.",
)

Home = Annotated[
    Path | None,
    typer.Option(
        "--home",
        metavar="DIR",
        envvar="FREEBUSY_CONNECTOR_HOME",
        help="The connector's home [default: $XDG_DATA_HOME/freebusy-connector].",
        show_default=False,
        show_envvar=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
FolderName = Annotated[
    str, typer.Argument(metavar="FOLDER", help="A folder's path, or its name.", show_default=False)
]
Unattended = Annotated[bool, typer.Option("--unattended", help="Ask nothing, say little.")]


def run(arguments: Sequence[str]) -> None:
    """Run ``freebusy connector``; SystemExit at its end."""
    connector(args=list(arguments), prog_name="freebusy connector")


@connector.command()
def setup(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="A setup.ini; none: ask.", show_default=False),
    ] = None,
    unattended: Unattended = False,
    home: Home = None,
) -> None:
    """Set a home up, once the gateway lets the login in."""
    from freebusy.connectorcommands.settingup import set_up

    set_up(file, home, unattended=unattended)


@connector.command()
def ping(
    as_json: Json = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="List all capabilities.")] = False,
    home: Home = None,
) -> None:
    """Go the way to the mail server, each step with its time."""
    from freebusy.connectorcommands.pinging import print_ping

    if not print_ping(home, as_json=as_json, verbose=verbose):
        raise typer.Exit(FAILED)


@connector.command()
def folders(
    create: Annotated[str | None, typer.Option(metavar="NAME", help="Make a folder.")] = None,
    rename: Annotated[
        tuple[str, str] | None, typer.Option(metavar="FOLDER NAME", help="Rename a folder.")
    ] = None,
    move: Annotated[str | None, typer.Option(metavar="FOLDER", help="Move a folder.")] = None,
    below: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Where to make or move it [default: the top]."),
    ] = None,
    delete: Annotated[str | None, typer.Option(metavar="FOLDER", help="Delete a folder.")] = None,
    even_if_filled: Annotated[
        bool, typer.Option("--even-if-filled", help="Delete it with the items in it.")
    ] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """List calendar folders, or make, rename, move and delete one."""
    from freebusy.connectorcommands import folders as made

    if sum(each is not None for each in (create, rename, move, delete)) > 1:
        raise typer.BadParameter("give one of --create, --rename, --move and --delete")
    if below is not None and create is None and move is None:
        raise typer.BadParameter("--below is for --create and --move")
    if even_if_filled and delete is None:
        raise typer.BadParameter("--even-if-filled is for --delete")
    if create is not None:
        made.create(home, create, below)
    elif rename is not None:
        made.rename(home, *rename)
    elif move is not None:
        made.move(home, move, below)
    elif delete is not None:
        made.delete(home, delete, even_if_filled=even_if_filled)
    else:
        made.print_folders(home, as_json=as_json)


@connector.command()
def mode(
    folder: Annotated[
        str | None, typer.Argument(metavar="FOLDER", help="A folder's path, or its name.")
    ] = None,
    mode: Annotated[
        str | None,
        typer.Argument(metavar="MODE", help="on_select, manual, on_start_and_exit, inherited."),
    ] = None,
    default: Annotated[
        str | None, typer.Option(metavar="MODE", help="Of all that have none; site: the site's.")
    ] = None,
    children: Annotated[
        bool | None,
        typer.Option("--children/--no-children", help="Whether folders below inherit it."),
    ] = None,
    home: Home = None,
) -> None:
    """Show or choose when folders are synced."""
    from freebusy.connectorcommands import folders as made

    if default is not None:
        if folder is not None:
            raise typer.BadParameter("--default MODE is for no single folder")
        if children is not None:
            raise typer.BadParameter("--children and --no-children are for a folder")
        made.set_default(home, default)
    elif folder is None:
        if children is not None:
            raise typer.BadParameter("say which folder hands its mode down")
        made.print_mode(home, None)
    elif mode is None and children is None:
        made.print_mode(home, folder)
    else:
        made.set_mode(home, folder, mode, children=children)


@connector.command()
def acl(
    folder: FolderName,
    user: Annotated[
        str | None, typer.Argument(metavar="USER", help="Somebody, or everyone.")
    ] = None,
    rights: Annotated[
        str | None,
        typer.Argument(
            metavar="RIGHTS",
            help="administrator, power-user, user, guest, none, or letters (RFC 4314).",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Even if the owner can administer it no more.")
    ] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show or change who may do what in a folder."""
    from freebusy.connectorcommands.sharing import change_acl, print_acl

    if user is None:
        print_acl(home, folder, as_json=as_json)
    elif rights is None:
        raise typer.BadParameter("say which rights the user is to have")
    else:
        change_acl(home, folder, user, rights, force=force)


@connector.command()
def sync(
    folder: Annotated[
        list[str] | None,
        typer.Argument(metavar="FOLDER", help="Only these; none: all.", show_default=False),
    ] = None,
    event: Annotated[
        Literal["select", "manual", "start", "exit"] | None,
        typer.Option(help="What happened [default: as the set-up says, else manual]."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be.")] = False,
    accept_empty: Annotated[
        bool, typer.Option("--accept-empty", help="Believe a side that is suddenly empty.")
    ] = False,
    unattended: Unattended = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say only what went wrong.")] = False,
    home: Home = None,
) -> None:
    """Bring local calendars and the server's together."""
    from freebusy.connectorcommands.syncing import Wish
    from freebusy.connectorcommands.syncing import sync as begin

    wish = Wish(tuple(folder or ()), event, dry_run, accept_empty, unattended, quiet)
    raise typer.Exit(begin(home, wish))


@connector.command()
def publish(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="For whom; none: for you.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE.vfb", help="None: what the local calendars say."),
    ] = None,
    home: Home = None,
) -> None:
    """Publish when you are busy, from local calendars or a file."""
    from freebusy.connectorcommands.times import publish as begin

    begin(home, name, file)


@connector.command()
def fetch(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Names or addresses.")],
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="The first of several days ...")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="... and the last.")
    ] = None,
    as_json: Json = False,
    write: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write a NAME.vfb for each.")
    ] = None,
    home: Home = None,
) -> None:
    """Draw when others are busy."""
    from freebusy.connectorcommands.times import asked
    from freebusy.connectorcommands.times import fetch as begin

    if not begin(home, names, asked(since, until), as_json=as_json, write=write):
        raise typer.Exit(FAILED)
