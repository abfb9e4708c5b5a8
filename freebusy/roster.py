"""The roster: the people of the site, and who is meant by a NAME, an address or an alias.

The only source of names: for paths as for logins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from freebusy.names import RequestedName, index_names, normalise_name, requested_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from freebusy.names import Named, NameIndex

_LONGEST_LOGIN = 400
"""In characters; a NAME has at most 200 bytes, and an at sign may come as three characters."""


class Roster:
    """The people of the site, and who is meant by a NAME, an address or an alias."""

    def __init__(
        self,
        persons: Iterable[Named],
        *,
        default_domain: str | None = None,
        full_addresses: bool = False,
    ) -> None:
        people = list(persons)
        self._index: NameIndex = index_names(
            people, default_domain=default_domain, full_addresses=full_addresses
        )
        self.addresses: Mapping[str, tuple[str, ...]] = {
            name: tuple(person.addresses)
            for name, person in zip(self._index.canonical, people, strict=True)
        }
        """Canonical NAME -> that person's addresses, the main one first."""

    def __contains__(self, name: object) -> bool:
        return name in self.addresses

    @property
    def names(self) -> tuple[str, ...]:
        """Return the canonical NAMEs, in the order of the configuration."""
        return self._index.canonical

    def canonical(self, wanted: RequestedName) -> str | None:
        """Return the canonical NAME of whoever is meant, or None where it is nobody."""
        return self._index.canonical_name(wanted)

    def named_by(self, path: str) -> str | None:
        """Return the canonical NAME that a decoded absolute path asks for, or None."""
        wanted = requested_name(path)
        return None if wanted is None else self._index.canonical_name(wanted)

    def person_of(self, user: str) -> str | None:
        """Return the canonical NAME of whoever logs in as ``user``, or None.

        Takes a NAME, an alias, a local part or an address, the at sign also as ``%40``
        (clients leave it so in the FTP login of a URL).  What no NAME holds (``*``, a
        slash, control bytes) is nobody; so is ``hans+calendar``, which Cyrus would take
        for hans, unless somebody is called exactly that.
        """
        if len(user) > _LONGEST_LOGIN:
            return None
        name = normalise_name(user.replace("%40", "@"))
        if name is None:
            return None
        local, _, domain = name.partition("@")
        return self._index.canonical_name(RequestedName(local, domain or None))
