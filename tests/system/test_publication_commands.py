"""Client settings, and what clients have published, on the command line."""

from __future__ import annotations

import codecs
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.system.cli_case import CLI, Site

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_new_password_in_the_settings(site: Site) -> None:
    """--new-password makes one, shows it inside the address, and takes no label twice."""
    done = site("client-setup", "anna@example.com", "--for", "outlook", "--new-password", "desk")
    assert 0 == done.code
    found = re.search(r"^Password  (\S+)$", done.out, re.MULTILINE)
    assert found is not None
    assert f"ftp://anna:{found[1]}@" in done.out
    again = site("client-setup", "anna", "--new-password", "desk")
    assert (2, "") == (again.code, again.out)
    assert "anna has an app password 'desk' already" in again.err


def test_a_registry_file_on_standard_output(site: Site) -> None:
    """--reg writes the file's bytes and nothing else, and makes no password."""
    written = subprocess.check_output(
        [*CLI, "client-setup", "anna", "--reg", "--config", site.config],
        stderr=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip
    assert written.startswith(codecs.BOM_UTF16_LE)
    assert "Windows Registry Editor Version 5.00\r\n" in written.decode("utf-16")
    refused = site("client-setup", "anna", "--reg", "--new-password", "desk")
    assert (2, "") == (refused.code, refused.out)


def test_settings_for_nobody(site: Site) -> None:
    """A slip in the NAME is answered with the nearest, and no settings."""
    done = site("client-setup", "ana")
    assert (2, "") == (done.code, done.out)
    assert "did you mean anna?" in done.err
