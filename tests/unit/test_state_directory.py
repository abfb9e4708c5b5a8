"""The state directory: others get to the published tree, and to nothing else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from freebusy.gateway import prepare_state

if TYPE_CHECKING:
    from pathlib import Path


def test_the_tree_is_open_and_the_rest_is_not(tmp_path: Path) -> None:
    """Whatever the umask, a web server of its own can walk to the published files only."""
    state = tmp_path / "state"
    before = os.umask(0o077)
    try:
        prepare_state(state)
        prepare_state(state)
    finally:
        os.umask(before)
    names = ("", "public", "public/pub", "public/pub/calendar", "locks", "restricted", "store.db")
    modes = [oct((state / name).stat().st_mode & 0o777) for name in names]
    assert ["0o755", "0o755", "0o755", "0o755", "0o700", "0o700", "0o600"] == modes
