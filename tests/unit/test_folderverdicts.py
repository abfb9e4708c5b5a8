"""``freebusy explain --folders`` in sources that judge nothing, and where nobody answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer import BadParameter

from freebusy.commands import app
from freebusy.config import load
from freebusy.errors import SourceUnavailableError
from freebusy.folderverdicts import print_verdicts
from tests.servers.process import free_ports
from tests.unit.command_state import configured

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_in_a_directory_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each calendar that is there counts; who has none is told so."""
    (tmp_path / "calendars" / "hans" / "work").mkdir(parents=True)
    config = configured(tmp_path)
    for name in ("hans", "eva"):
        print_verdicts(config, name)
    assert [
        "demo: work counts: it is there",
        "demo: no folder is seen there",
    ] == capsys.readouterr().out.splitlines()


def test_a_server_that_does_not_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be asked is named; where it was all there is, the command fails."""
    (port,) = free_ports(1)
    (tmp_path / "password").write_text("secret")
    (tmp_path / "password").chmod(0o600)
    path = tmp_path / "freebusy.toml"
    path.write_text(
        'persons = ["hans@example.com"]\n[site]\nstate = "state"\n'
        f'[sources.mail]\ntype = "imap"\nhost = "127.0.0.1"\nport = {port}\n'
        'security = "plain"\nusername = "freebusy"\npassword_file = "password"\n'
    )
    with pytest.raises(SourceUnavailableError):
        print_verdicts(load(path, {}), "hans")
    assert f"mail: 127.0.0.1:{port} refuses connections" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--json", "--at=now"])
def test_it_goes_with_no_other_option(
    tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Folders have no times and no JSON: such options are refused and not passed over."""
    path = str(configured(tmp_path).path)
    arguments = ["explain", "hans", "--folders", option, "-c", path]
    with pytest.raises(BadParameter, match="no other option"):
        app(arguments, standalone_mode=False)
    assert "" == capsys.readouterr().out
