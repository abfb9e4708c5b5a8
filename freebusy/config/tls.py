"""``[tls]``: the certificate that both servers show, and its key."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, model_validator

from freebusy.config.model import Section
from freebusy.config.secret import is_open_to_others
from freebusy.config.values import File, unexpected

if TYPE_CHECKING:
    from pathlib import Path

MAX_PEM = 1 << 20
OF_ANOTHER = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")
"""What OpenSSL says of a key that belongs to another certificate, of its own kind or not."""


def _pem(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_PEM)
    except OSError as error:
        raise unexpected(f"a file that can be read ({error.strerror})") from None


def _certificate(path: Path) -> Path:
    if b"-----BEGIN CERTIFICATE-----" not in _pem(path):
        raise unexpected("a PEM file with the certificate, and those between it and the root")
    return path


def _key(path: Path) -> Path:
    text = _pem(path)
    if b"PRIVATE KEY-----" not in text:
        raise unexpected("a PEM file with the private key of the certificate")
    if b"ENCRYPTED" in text:
        raise unexpected("a key without a passphrase, because nobody is there to type one")
    return path


class Tls(Section):
    """``[tls]``: one certificate for HTTP and FTP; without it neither speaks TLS."""

    certificate: Annotated[File, AfterValidator(_certificate)] | None = None
    """A PEM file with the certificate first, then those between it and the root."""
    key: Annotated[File, AfterValidator(_key)] | None = None
    """A PEM file with its private key."""

    @property
    def is_configured(self) -> bool:
        """Whether the servers can speak TLS."""
        return self.certificate is not None

    @property
    def is_exposed(self) -> bool:
        """Whether every user of this machine may read the key."""
        return self.key is not None and is_open_to_others(self.key)

    @model_validator(mode="after")
    def _belong_together(self) -> Tls:
        if self.certificate is None and self.key is None:
            return self
        if self.certificate is None or self.key is None:
            raise unexpected("both certificate and key, or neither")
        try:
            # A password that cannot be right keeps OpenSSL from asking the terminal for one.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
                self.certificate, self.key, password=""
            )
        except (OSError, ValueError) as error:
            raise unexpected(_advice(error)) from None
        return self


def _advice(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    if reason in OF_ANOTHER:
        return "the key that belongs to the first certificate in the file"
    if reason == "EE_KEY_TOO_SMALL":
        return "a certificate with a key that is long enough (RSA: 2048 bits or more)"
    return "a certificate and a key that OpenSSL can read"
