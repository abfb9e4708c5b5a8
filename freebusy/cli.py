"""The command line: ``freebusy``.

Each command is thin: it reads its arguments, calls one use case and says what came of
it.  Rooms are imported by the command that needs them, so that a filter starts fast.
Exit codes: 0 done; 1 it did not work; 2 the command line or the configuration is wrong.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freebusy import __version__
from freebusy.errors import ConfigurationError, FreeBusyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from freebusy.config import Config

DEFAULT_CONFIG = (Path("conf/freebusy.toml"), Path("/etc/freebusy/freebusy.toml"))
FAILED, WRONG, INTERRUPTED = 1, 2, 130

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
Names = Annotated[list[str] | None, typer.Argument(help="NAMEs, addresses or aliases.")]


def say(text: str) -> None:
    """Print a line for people on standard error, where it mixes with no output."""
    typer.echo(text, err=True)


def load_config(path: Path | None) -> Config:
    """Read the configuration at ``path``, or at the first usual place that has one."""
    from freebusy.config import load

    if path is None:
        path = next((place for place in DEFAULT_CONFIG if place.is_file()), DEFAULT_CONFIG[-1])
    return load(path, os.environ)


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
    """Run everything: both servers, and the regeneration of all files."""
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
def sync(config: ConfigPath = None) -> None:
    """Follow the calendars and keep all files up to date, without serving them."""
    _run(config, frozenset({"sync"}))


# -- by hand


@app.command()
def refresh(
    names: Names = None,
    everybody: Annotated[bool, typer.Option("--all", help="Refresh everybody.")] = False,
    config: ConfigPath = None,
) -> None:
    """Read calendars and make files now; safe beside a running service."""
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
    config: ConfigPath = None,
) -> None:
    """Show each person's calendars: last change, last success, items, what was skipped."""
    from freebusy.status import print_status

    print_status(load_config(config), names or [], as_json=as_json)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A NAME, address or alias.")],
    days: Annotated[int, typer.Option(min=1, max=62, help="How many days.")] = 7,
    config: ConfigPath = None,
) -> None:
    """Draw somebody's coming days in the terminal."""
    from freebusy.showing import print_days

    print_days(load_config(config), name, days)


@config_commands.command("check")
def config_check(config: ConfigPath = None) -> None:
    """Check the configuration: every problem at once."""
    settings = load_config(config)
    for warning in settings.warnings:
        say(f"warning: {warning}")
    typer.echo(
        f"{settings.path} is right: {len(settings.members)} persons, "
        f"{len(settings.sources)} sources, {len(settings.warnings)} warnings."
    )


@app.command()
def doctor(config: ConfigPath = None) -> None:
    """Check configuration, ports, mail server, disk, clock and time zones, and what to do."""
    from freebusy.doctor import examine

    if not examine(lambda: load_config(config)):
        raise typer.Exit(FAILED)


# -- filters


@app.command()
def convert(
    paths: Annotated[list[Path], typer.Argument(help=".ics and .eml files, folders of them.")],
    start: Annotated[str | None, typer.Option(help="20260601T000000Z or ISO 8601.")] = None,
    end: Annotated[str | None, typer.Option(help="As --start.")] = None,
    tz: Annotated[str, typer.Option(help="The owner's time zone.")] = "UTC",
    owner: Annotated[
        list[str] | None, typer.Option(help="An address of the owner; may be repeated.")
    ] = None,
) -> None:
    """Read calendar files and print one .vfb; needs no configuration."""
    from freebusy.filters import convert_to_text

    body, troubles = convert_to_text(paths, start=start, end=end, zone=tz, addresses=owner or [])
    for trouble in troubles:
        say(f"convert: {trouble}")
    _write(body)


@app.command()
def parse(
    file: Annotated[str, typer.Argument(help="A .vfb file, or - for standard input.")],
) -> None:
    """Read one .vfb and print it normalised; exit 1 with the reason when it is not one."""
    from freebusy.filters import normalise

    _write(normalise(file))


def _write(body: bytes) -> None:
    sys.stdout.buffer.write(body)
    sys.stdout.buffer.flush()


def main() -> None:
    """Run the command line: the one catch-all, which says what is wrong and what to do."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal without UTF-8 gets escapes for what it cannot show, and no error.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
    except ConfigurationError as error:
        for problem in error.problems:
            say(f"freebusy: {problem}")
        sys.exit(WRONG)
    except FreeBusyError as error:
        say(f"freebusy: {error}")
        sys.exit(FAILED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except OSError as error:
        say(f"freebusy: {error.strerror or 'input or output failed'}: {error.filename or ''}")
        sys.exit(FAILED)
    except Exception as error:  # noqa: BLE001 - the last resort: a traceback may quote a calendar
        from freebusy.logs import places

        say("freebusy: this is a bug in the gateway; please report these lines:")
        say("\n".join(places(error)))
        sys.exit(FAILED)


if __name__ == "__main__":
    main()
