"""A self-signed certificate for loopback, made by the openssl command."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificate:
    """A key and the certificate that is its own authority."""

    cert: Path
    key: Path


def make_certificate(directory: Path, *, host: str = "localhost") -> Certificate:
    """Make a certificate for ``host``, 127.0.0.1 and ::1 that is valid for two days."""
    made = Certificate(directory / "cert.pem", directory / "key.pem")
    names = f"subjectAltName=DNS:{host},IP:127.0.0.1,IP:::1"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        f"-subj /CN={host} -addext {names} -addext keyUsage=critical,digitalSignature,keyCertSign "
        f"-keyout {made.key} -out {made.cert}"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    return made
