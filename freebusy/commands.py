"""The commands of ``freebusy``.

Each is thin: it reads its arguments, calls one use case and says what came of it.  Rooms
are imported by the command that needs them.  :mod:`freebusy.cli` says what went wrong.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from freebusy import __version__, filters
from freebusy.clientsettings import Client
from freebusy.exits import FAILED, say
from freebusy.options import ConfigPath, Folder, Names, load_config
from freebusy.passwordcli import passwords

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

app = typer.Typer(
    name="freebusy",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Turn calendar folders into free/busy files and serve them over HTTP and FTP.",
)
serve = typer.Typer(no_args_is_help=True, help="Run one server by itself.")
config_commands = typer.Typer(no_args_is_help=True, help="Look at the configuration.")
app.add_typer(serve, name="serve")
app.add_typer(config_commands, name="config")
app.add_typer(passwords, name="password")


def _version(value: bool) -> None:  # noqa: FBT001 - typer calls it so
    if value:
        typer.echo(f"freebusy {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version_wanted: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Take the options that come before any command."""


# -- the service


def _run(path: Path | None, parts: frozenset[str]) -> None:
    import asyncio

    from freebusy import logs
    from freebusy.daemon import Daemon

    config = load_config(path)
    logs.configure(config.log.level)

    async def serve_until_stopped() -> None:
        await Daemon(config, parts, lambda: load_config(config.path)).run(_announce)

    asyncio.run(serve_until_stopped())


def _announce(hints: Sequence[str]) -> None:
    if hints:
        typer.echo("The free/busy gateway runs. To try it:")
        for hint in hints:
            typer.echo(f"  {hint}")
        typer.echo("Stop it with Ctrl-C.")
    sys.stdout.flush()


@app.command()
def run(config: ConfigPath = None) -> None:
    """Run everything: both servers, and the making of all files."""
    from freebusy.daemon import ALL_PARTS

    _run(config, ALL_PARTS)


@serve.command("http")
def serve_http(config: ConfigPath = None) -> None:
    """Serve the published tree over HTTP."""
    _run(config, frozenset({"http"}))


@serve.command("ftp")
def serve_ftp(config: ConfigPath = None) -> None:
    """Serve the published tree over FTP."""
    _run(config, frozenset({"ftp"}))


@app.command()
def sync(
    once: Annotated[
        bool, typer.Option("--once", help="Read everything once, show how far it is, and end.")
    ] = False,
    config: ConfigPath = None,
) -> None:
    """Keep all files up to date, without serving them."""
    if not once:
        _run(config, frozenset({"sync"}))
        return
    from freebusy import logs
    from freebusy.onerun import sync_once

    settings = load_config(config)
    logs.configure("error")
    if not sync_once(settings, lambda: load_config(settings.path)):
        raise typer.Exit(FAILED)


# -- by hand


@app.command()
def refresh(
    names: Names = None,
    everybody: Annotated[bool, typer.Option("--all", help="Refresh everybody.")] = False,
    config: ConfigPath = None,
) -> None:
    """Read calendars and make files now, also beside a service."""
    from freebusy import logs
    from freebusy.refreshing import refresh_by_hand

    settings = load_config(config)
    logs.configure("error")
    if bool(names) == everybody:
        raise typer.BadParameter("give NAMEs, or --all for everybody")
    failed = refresh_by_hand(settings, names or [])
    if failed:
        raise typer.Exit(FAILED)


@app.command()
def status(
    names: Names = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Everything, of everybody or of some.")
    ] = False,
    config: ConfigPath = None,
) -> None:
    """Show how things stand: files, calendars, problems."""
    from freebusy.status import print_status

    print_status(load_config(config), names or [], as_json=as_json, verbose=verbose)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A NAME, address or alias.")],
    days: Annotated[int, typer.Option(min=1, max=62, help="How many days.")] = 7,
    config: ConfigPath = None,
) -> None:
    """Draw somebody's coming days in the terminal."""
    from freebusy.showing import print_days

    print_days(load_config(config), name, days)


@app.command()
def explain(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A NAME, address or alias.")],
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help='now, 10:30, 2026-06-01 or "2026-06-01 10:30".'),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="The first of several days ...")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="... and the last.")
    ] = None,
    folders: Annotated[
        bool, typer.Option("--folders", help="Ask which folders count, and why.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigPath = None,
) -> None:
    """Say why somebody is busy: which item of which folder."""
    from freebusy.explain import print_explanation
    from freebusy.folderverdicts import print_verdicts

    settings = load_config(config)
    if folders:
        if as_json or at or since or until:
            raise typer.BadParameter("--folders goes with no other option")
        print_verdicts(settings, name)
        return
    print_explanation(settings, name, at=at, since=since, until=until, as_json=as_json)


@config_commands.command("check")
def config_check(config: ConfigPath = None) -> None:
    """Check the configuration: every problem at once."""
    from freebusy.wording import counted

    settings = load_config(config)
    for warning in settings.warnings:
        say(f"warning: {warning}")
    typer.echo(
        f"{settings.path} is right: {counted(len(settings.members), 'person')}, "
        f"{counted(len(settings.sources), 'source')}, "
        f"{counted(len(settings.warnings), 'warning')}."
    )


@app.command()
def roster(
    accept: Annotated[
        bool, typer.Option("--accept", help="Believe a list that lacks many users.")
    ] = False,
    config: ConfigPath = None,
) -> None:
    """Ask the mail server who there is, and keep it."""
    from freebusy.rostercommand import print_roster

    if not print_roster(load_config(config), believe=accept):
        raise typer.Exit(FAILED)


@app.command()
def doctor(config: ConfigPath = None) -> None:
    """Look for what is wrong with it all, and say what to do."""
    from freebusy.doctor import examine

    if not examine(lambda: load_config(config)):
        raise typer.Exit(FAILED)


@app.command()
def publications(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A NAME, address or alias.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    body: Annotated[
        int | None, typer.Option(metavar="N", help="Print this one as it was received.")
    ] = None,
    config: ConfigPath = None,
) -> None:
    """List what clients published for somebody, and what counts."""
    from freebusy.publicationcommands import print_body, print_publications

    settings = load_config(config)
    if body is None:
        print_publications(settings, name, as_json=as_json)
    else:
        print_body(settings, name, body)


@app.command("import")
def import_(
    folder: Folder,
    own: Annotated[
        bool, typer.Option("--own", help="Let them count as what people published themselves.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be.")] = False,
    config: ConfigPath = None,
) -> None:
    """Take a folder of old .vfb files over as publications."""
    from freebusy.publicationcommands import import_folder

    if not import_folder(load_config(config), folder, own=own, dry_run=dry_run):
        raise typer.Exit(FAILED)


@app.command()
def compare(
    folder: Folder,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigPath = None,
) -> None:
    """Say whose served times are freer than in old .vfb files."""
    from freebusy.publicationcommands import compare_folder

    if not compare_folder(load_config(config), folder, as_json=as_json):
        raise typer.Exit(FAILED)


@app.command("client-setup")
def client_setup(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A NAME, address or alias.")],
    client: Annotated[Client, typer.Option("--for", help="For one client only.")] = Client.ALL,
    reg: Annotated[bool, typer.Option("--reg", help="Write a .reg file for Outlook.")] = False,
    new_password: Annotated[
        str | None, typer.Option(metavar="LABEL", help="Make an app password, and show it.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="The address of a proxy in front, https://fb.example.com.")
    ] = None,
    config: ConfigPath = None,
) -> None:
    """Print what somebody enters into Outlook and other clients."""
    from freebusy.setup import print_setup, write_registry_file

    settings = load_config(config)
    if not reg:
        print_setup(settings, name, client, label=new_password, url=url)
    elif new_password is None:
        write_registry_file(settings, name, url=url)
    else:
        raise typer.BadParameter("a .reg file holds no password: use --reg without --new-password")


# -- what reads its arguments itself: see freebusy.filters and freebusy.connectorcli

_PASSED_ON: dict[str, object] = {
    "ignore_unknown_options": True,
    "allow_extra_args": True,
    "help_option_names": [],
}


@app.command(context_settings=_PASSED_ON)
def convert(context: typer.Context) -> None:
    """Read calendar files, print one .vfb; needs no configuration."""
    filters.convert(context.args)


@app.command(context_settings=_PASSED_ON)
def parse(context: typer.Context) -> None:
    """Read one .vfb and print it normalised, or say what is wrong."""
    filters.parse(context.args)


@app.command(context_settings=_PASSED_ON)
def connector(context: typer.Context) -> None:
    """Sync one's own calendars with local folders, and share them."""
    from freebusy import connectorcli

    connectorcli.run(context.args)
