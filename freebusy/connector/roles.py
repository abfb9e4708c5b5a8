"""Rights by letters and by roles, and what everyone is called (RFC 4314 §2, RFC 2086 §3).

Rights are sets of single letters of RFC 4314; its obsolete ``c`` and ``d`` are accepted
and stand for what servers store them as: ``k x`` and ``t e``.
"""

from __future__ import annotations

import unicodedata
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from freebusy.connector.fields import Role

ORDER = "lrswipkxtea"
"""The letters in the order of RFC 4314 §2.1."""
ANYONE = "anyone"
"""The identifier that means everybody who logs in (RFC 4314 §2)."""

_OBSOLETE = {"c": "kx", "d": "te"}
_POST = frozenset("p")
"""The right to submit mail to a folder: of no use for calendars, and some servers drop it."""


def normalised(letters: str) -> frozenset[str]:
    """Return rights as a set, with the obsolete letters as what they stand for."""
    return frozenset("".join(_OBSOLETE.get(letter, letter) for letter in letters))


def ordered(rights: frozenset[str]) -> str:
    """Return rights in the order of RFC 4314, and what a server has of its own at the end."""
    return "".join(filter(rights.__contains__, ORDER)) + "".join(sorted(rights - set(ORDER)))


ROLES: Mapping[Role, frozenset[str]] = MappingProxyType(
    {
        "administrator": normalised("lriwspcda"),
        "power user": normalised("lriwspcd"),
        "user": normalised("lriwsp"),
        "guest": normalised("lrs"),
    }
)
"""What each role may do, the mightiest first."""


def role_of(rights: frozenset[str]) -> Role | None:
    """Return the role with just these rights; None where there is none.

    Letters beyond RFC 4314 (Cyrus's ``n``, ``0`` to ``9``) make no difference, and neither
    does a missing ``p`` where the server cannot hold it.
    """
    held = rights & frozenset(ORDER)
    for role, wanted in ROLES.items():
        if held in (wanted, wanted - _POST):
            return role
    return None


# -- everyone

_EVERYONE = {"en": "Everyone", "de": "Alle", "fr": "Tous", "it": "Tutti", "es": "Todos"}
_EVERYONE["pt"] = _EVERYONE["es"]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip().casefold()


_WORDS = frozenset(map(_plain, _EVERYONE.values()))


def is_everyone(user: str) -> bool:
    """Whether an identifier of an access control list means everybody."""
    return _plain(user) == ANYONE


def identifier(user: str, *, is_user: Callable[[str], bool] = lambda _: False) -> str:
    """Return what a mail server calls a user; ``anyone`` for the words for everyone.

    Where ``is_user`` knows somebody of such a name, the word means that person: rights
    must not go to all by mistake.  ``anyone`` itself always means everyone.
    """
    if is_everyone(user):
        return ANYONE
    return ANYONE if _plain(user) in _WORDS and not is_user(user) else user


def shown(user: str, accept_language: str = "") -> str:
    """Return a user for people: everyone in the reader's language (RFC 9110 §12.5.4)."""
    return everyone(accept_language) if is_everyone(user) else user


def everyone(accept_language: str) -> str:
    """Return the word for everyone in the best of the languages that a client asks for."""
    wanted = sorted(map(_weighed, accept_language.split(",")), key=lambda each: -each[1])
    known = (_EVERYONE[tag] for tag, weight in wanted if weight > 0 and tag in _EVERYONE)
    return next(known, _EVERYONE["en"])


def _weighed(choice: str) -> tuple[str, float]:
    """Return the primary tag of one language, and its weight; 0 for what is no weight."""
    tag, *parameters = (part.strip() for part in choice.split(";"))
    weight = next((each[2:] for each in parameters if each[:2].lower() == "q="), "1")
    try:
        value = float(weight)
    except ValueError:
        value = 0.0
    return tag.partition("-")[0].lower(), value if 0 <= value <= 1 else 0.0
