"""Where a URL leads to: read strictly, because it may come from a redirect (RFC 3986).

Nothing is repaired: what two readers could take for two hosts (a backslash, white space,
an octal address, credentials) leads nowhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Literal
from urllib.parse import quote, urlsplit

from freebusy.errors import ElsewhereError

Scheme = Literal["http", "https", "ftp"]
PORTS: dict[Scheme, int] = {"http": 80, "https": 443, "ftp": 21}
WEB_PORTS = frozenset({80, 443})
PLACEHOLDER = re.compile(r"%(NAME|SERVER)%", re.IGNORECASE)
"""As Outlook writes them, in any case."""

_LONGEST = 2048
_PLAIN = re.compile(r"[!#-;=?-\[\]_a-z~]+", re.IGNORECASE)
"""Printable ASCII without quotes, angle brackets, backslash, caret, braces, bar and space."""
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.IGNORECASE)
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.IGNORECASE)
"""What some resolvers take for an IPv4 address, whatever it looks like (WHATWG URL §3.5)."""
_LOCAL = re.compile(r"[\w'&+-]+(?:\.[\w'&+-]+)*")
"""Of an address's local part (RFC 5322 §3.2.3) what no server can take for more than a name:
no slash, no percent sign, nothing that an FTP server's shell would expand."""
_LONGEST_LOCAL = 200


@dataclass(frozen=True, slots=True)
class Target:
    """What to ask, and where."""

    scheme: Scheme
    host: str
    """A name or a canonical address, in lower case; IPv6 without its brackets."""
    port: int
    path: str
    """With the query; percent-encoded."""

    @property
    def url(self) -> str:
        """Return it as a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        place = host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"
        return f"{self.scheme}://{place}{self.path}"


def read_target(url: str) -> Target:
    """Read an absolute URL; raises ElsewhereError for whatever is not plainly one."""
    if len(url) > _LONGEST or not _PLAIN.fullmatch(url):
        raise ElsewhereError("url")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ElsewhereError("url") from None
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    if scheme not in PORTS or "@" in parts.netloc or port == 0:
        raise ElsewhereError("url")
    if not is_host(host) or (":" in host) != ("[" in parts.netloc):
        raise ElsewhereError("url")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(scheme, host, port or PORTS[scheme], path)


def is_host(text: str) -> bool:
    """Whether a text is a host name in ASCII, or an address in its usual form."""
    if ":" in text:
        return _is_canonical(text, IPv6Address)
    if _NUMBER.fullmatch(text):
        return _is_canonical(text, IPv4Address)
    return len(text) <= 253 and _HOST.fullmatch(text) is not None


def _is_canonical(text: str, kind: type[IPv4Address | IPv6Address]) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return "%" not in text


def fill(template: str, local: str, domain: str) -> Target:
    """Put a person into a URL template; ``domain`` in ASCII.

    Raises ElsewhereError where that makes no URL.
    """
    values = {"name": quote(local, safe=""), "server": quote(domain, safe="")}
    return read_target(PLACEHOLDER.sub(lambda found: values[found[1].lower()], template))


def split(address: str) -> tuple[str, str] | None:
    """Return local part and domain of an address, in lower case, the domain in ASCII.

    None for what is none, and for what no other server is asked for.
    """
    local, at, domain = address.rpartition("@")
    if not at or len(local) > _LONGEST_LOCAL or not _LOCAL.fullmatch(local):
        return None
    plain = ascii_domain(domain)
    return None if plain is None else (local.lower(), plain)


def ascii_domain(domain: str) -> str | None:
    """Return a domain in lower case and in ASCII (RFC 3490), or None where it is none."""
    if len(domain) > 253:
        return None
    try:
        plain = domain.encode("idna").decode().lower()
    except UnicodeError:
        return None
    return plain if _HOST.fullmatch(plain) and not _NUMBER.fullmatch(plain) else None
