"""Passwords: made, hashed and compared.

A password that somebody chose is stored as scrypt (RFC 7914) in the PHC string format,
``$scrypt$ln=14,r=8,p=1$SALT$HASH``.  An app password is made here and long enough for
a plain hash.  Nothing here is logged, and no error quotes what it was given.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
import secrets
from base64 import b64decode, b64encode
from dataclasses import dataclass

LOG_N, BLOCK_SIZE, PARALLEL = 14, 8, 1
"""16 MiB and about 50 ms for each check on a core of today."""
MAX_PASSWORD = 1024
"""Characters; nobody types more, and hashing megabytes would be work for a stranger."""

_SALT_BYTES, _HASH_BYTES = 16, 32
_MAX_MEMORY = 256 << 20
_PHC = re.compile(
    r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{4,86})\$([A-Za-z0-9+/]{22,86})"
)

APP_PREFIX = "fbp-"
"""How every app password begins, so that none is ever shown to the mail server."""
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's 32 letters and digits: none is taken for another, none needs escaping in a URL."""
_GROUPS, _GROUP = 6, 4
_UNGROUPED = re.compile(f"fbp[{_ALPHABET}]{{20,28}}")
_READ_AS = str.maketrans({"o": "0", "i": "1", "l": "1", "-": None, " ": None})


@dataclass(frozen=True, slots=True)
class _Scrypt:
    """What a hash was made with, and what came out."""

    log_n: int
    block_size: int
    parallel: int
    salt: bytes
    hash: bytes

    @property
    def memory(self) -> int:
        return (128 * self.block_size << self.log_n) + 256 * self.block_size * self.parallel

    def of(self, password: str) -> bytes:
        """Return what this password gives."""
        return hashlib.scrypt(
            encoded(password),
            salt=self.salt,
            n=1 << self.log_n,
            r=self.block_size,
            p=self.parallel,
            maxmem=self.memory + (1 << 20),
            dklen=len(self.hash),
        )


def encoded(text: str) -> bytes:
    """Return a text as UTF-8, whatever bytes a client sent that were none."""
    return text.encode("utf-8", "surrogatepass")


def hash_password(password: str) -> str:
    """Return what to store in the place of a password."""
    salt = secrets.token_bytes(_SALT_BYTES)
    made = _Scrypt(LOG_N, BLOCK_SIZE, PARALLEL, salt, bytes(_HASH_BYTES)).of(password)
    return f"$scrypt$ln={LOG_N},r={BLOCK_SIZE},p={PARALLEL}${_base64(salt)}${_base64(made)}"


def is_hash(text: str) -> bool:
    """Whether a text is a hash that :func:`verify` can check, within 256 MiB."""
    return _parsed(text) is not None


def verify(password: str, hashed: str) -> bool:
    """Whether a password belongs to a hash; takes as long for a wrong one as for the right one.

    False for a text that is no hash.
    """
    stored = _parsed(hashed)
    return stored is not None and hmac.compare_digest(stored.hash, stored.of(password))


def equal(first: str, second: str) -> bool:
    """Whether two passwords are the same; how long it takes tells nothing of either."""
    return hmac.compare_digest(
        *(hashlib.sha256(encoded(text)).digest() for text in (first, second))
    )


def _parsed(text: str) -> _Scrypt | None:
    found = _PHC.fullmatch(text)
    if found is None:
        return None
    log_n, block_size, parallel = (int(number) for number in found.groups()[:3])
    try:
        salt, hashed = (_from_base64(part) for part in found.groups()[3:])
    except binascii.Error:
        return None
    made = _Scrypt(log_n, block_size, parallel, salt, hashed)
    sane = 1 <= log_n <= 20 and block_size >= 1 and 1 <= parallel <= 16
    return made if sane and made.memory <= _MAX_MEMORY else None


def _base64(octets: bytes) -> str:
    return b64encode(octets).decode("ascii").rstrip("=")


def _from_base64(text: str) -> bytes:
    return b64decode(text + "=" * (-len(text) % 4), validate=True)


# -- app passwords


def new_password() -> str:
    """Return a new app password of 120 random bits: ``fbp-3kd9-...``, six groups of four."""
    letters = [secrets.choice(_ALPHABET) for _ in range(_GROUPS * _GROUP)]
    groups = ("".join(letters[at : at + _GROUP]) for at in range(0, len(letters), _GROUP))
    return APP_PREFIX + "-".join(groups)


def is_app_password(text: str) -> bool:
    """Whether a text is meant as an app password: also one that is mistyped, or revoked."""
    return text.lstrip().casefold().startswith(APP_PREFIX) or bool(
        _UNGROUPED.fullmatch(_bare(text))
    )


def app_password_hash(person: str, password: str) -> bytes:
    """Return what to look an app password up by; it is bound to its person.

    One fast hash is enough, and needs no salt: scrypt and salts make guessing dear and keep
    one guess from serving against many, but nobody guesses 120 random bits, nor makes a
    table of them.  So every request of a reader can afford the check.
    """
    text = encoded(f"{person}\0{_bare(password)}")
    return hashlib.blake2b(text, digest_size=32, person=b"freebusy app pw").digest()


def _bare(text: str) -> str:
    """Return an app password without groups, and letters that look like digits as those."""
    return text.strip().casefold().translate(_READ_AS)
