"""Rights: who may read, list and write whose file.  Pure decisions, no I/O.

=============  ==========================  ===============================  ==============
who            reads                       lists                            writes
=============  ==========================  ===============================  ==============
anonymous      as [access] and the person  the same, if the site lists      nothing, unless from
               say                                                          a trusted network
SHARED         everybody                   everybody                        everybody
MAIL           everybody                   everybody                        own, delegated
PUBLISH        own, delegated, and what    own, delegated, and what         own, delegated
               anonymous visitors may      anonymous visitors are shown
READ           everybody                   everybody                        nothing
CONNECTOR      everybody                   everybody                        nothing
=============  ==========================  ===============================  ==============

Everybody is who is in the roster.  An account whose person has left it is anonymous.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Literal

from freebusy.ports import Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from freebusy.ports import Account, Visitor
    from freebusy.roster import Roster

Network = IPv4Network | IPv6Network

Audience = Literal["anyone", "networks", "accounts"]
"""Whoever asks; the listed networks and whoever has logged in; whoever has logged in."""

ABSENT = " "
"""What stands before a name that is looked for and never there: no NAME holds a space."""

MAX_REMEMBERED = 8192
"""Addresses whose networks are remembered."""

_NARROWNESS: Mapping[Audience, int] = {"anyone": 0, "networks": 1, "accounts": 2}
_WRITING = frozenset({Scope.MAIL, Scope.PUBLISH})

_KNOWN_NETWORKS = {
    ip_network(text): kind
    for text, kind in (
        ("127.0.0.0/8", "loopback"),
        ("::1/128", "loopback"),
        ("10.0.0.0/8", "private"),
        ("172.16.0.0/12", "private"),
        ("192.168.0.0/16", "private"),
        ("fc00::/7", "private"),
        ("169.254.0.0/16", "link-local"),
        ("fe80::/10", "link-local"),
    )
}


class Networks:
    """Some networks, and whether an address is in one of them."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._networks = tuple(networks)
        self._known: dict[str, bool] = {}

    def __contains__(self, address: str) -> bool:
        """Whether the address is in one of them; a text that is no address never is."""
        known = self._known.get(address)
        if known is None:
            known = self._matches(address)
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()  # costs less than an order of use
            self._known[address] = known
        return known

    def _matches(self, text: str) -> bool:
        try:
            # A zone (fe80::1%eth0) says which link, not who.
            address = ip_address(text.partition("%")[0])
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)

    def __str__(self) -> str:
        kinds = dict.fromkeys(_KNOWN_NETWORKS.get(n, str(n)) for n in self._networks)
        *first, last = kinds or {"no"}
        return f"{', '.join(first)} and {last}" if first else last


@dataclass(frozen=True, slots=True)
class PersonRights:
    """What one person's rights are other than the site's."""

    read: Audience | None = None
    """Who may read this person's file; None: as the site says."""
    delegates: tuple[str, ...] = ()
    """NAMEs, aliases or addresses of others who may write it."""


_AS_THE_SITE = PersonRights()
_NOBODY: frozenset[str] = frozenset()


class Rights:
    """Who may do what, decided once for everybody; never changed, only replaced."""

    def __init__(
        self,
        roster: Roster,
        *,
        site_read: Audience = "networks",
        networks: Iterable[Network] = (),
        persons: Mapping[str, PersonRights] | None = None,
        trusted_networks: Iterable[Network] = (),
        publishing: bool = False,
        listing: bool = False,
        logins: bool = False,
    ) -> None:
        """``persons`` by canonical NAME; ``logins``: whether there is any account at all."""
        self.roster = roster
        self._site_read = site_read
        self._networks = Networks(networks)
        self._trusted = Networks(trusted_networks)
        self._publishing = publishing
        self._listing = listing
        self._logins = logins
        rules = {name: (persons or {}).get(name, _AS_THE_SITE) for name in roster.names}
        audiences = {name: rule.read or site_read for name, rule in rules.items()}
        self._everybody = frozenset(rules)
        self._open_outside = _of(audiences, "anyone")
        self._open_inside = _of(audiences, "anyone", "networks")
        self._address_counts = self._open_inside != self._open_outside
        self._public = _of_public_tree(audiences, site_read)
        self._own = _own_files(roster, rules)

    # -- reading

    def admits(self, visitor: Visitor) -> bool:
        """Whether this visitor may read anything at all."""
        if self._site_admits(visitor) or self._account(visitor) is not None:
            return True
        return bool(self._open(visitor))

    def needs_login(self, visitor: Visitor) -> bool:
        """Whether what is refused to this visitor might be read after a login.

        Then every refusal alike asks for one, and where :meth:`admits` says no, before
        any look-up: which names there are does not show.
        """
        return self._logins and visitor.account is None and not self._site_admits(visitor)

    def reads(self, visitor: Visitor, name: str) -> bool:
        """Whether this visitor may read the file of a canonical NAME; False where it is nobody."""
        account = self._account(visitor)
        if account is None:
            return name in self._open(visitor)
        if account.scope is Scope.PUBLISH:
            return name in self._files_of(account) or name in self._open(visitor)
        return name in self._everybody

    def lists(self, visitor: Visitor) -> bool:
        """Whether this visitor sees any names in a listing."""
        return self._account(visitor) is not None or (self._listing and self.admits(visitor))

    def listed(self, visitor: Visitor) -> frozenset[str]:
        """Return the canonical NAMEs that a listing may show to this visitor."""
        account = self._account(visitor)
        shown = self._open(visitor) if self._listing else _NOBODY
        if account is None:
            return shown
        if account.scope is Scope.PUBLISH:
            return shown | self._files_of(account)
        return self._everybody

    def is_inside(self, visitor: Visitor) -> bool:
        """Whether the visitor's address is one of those that may read more than others do.

        All anonymous visitors of whom this says the same have the same rights to read.
        """
        return self._address_counts and visitor.address in self._networks

    def is_restricted(self, name: str) -> bool:
        """Whether the file of a NAME is kept from the tree that other servers may serve.

        So it is where fewer may read it than the site lets in, and of whoever is not in
        the roster.  Not so what is never there: it is looked for where most files are.
        """
        return name not in self._public and not name.startswith(ABSENT)

    # -- writing

    def writes(self, visitor: Visitor, name: str) -> bool:
        """Whether this visitor may write the file of a canonical NAME."""
        return name in self._everybody and (
            self.is_own(visitor, name) or self._writes_everybody(visitor)
        )

    def publishes(self, visitor: Visitor) -> bool:
        """Whether there is any file that this visitor may write: asked before the name is."""
        account = visitor.account
        return self._writes_everybody(visitor) or (
            self._publishing and account is not None and bool(self._files_of(account))
        )

    def is_own(self, visitor: Visitor, name: str) -> bool:
        """Whether what this visitor writes there counts as the person's own publication.

        True for the person and delegates, False for the shared account and trusted networks.
        """
        account = visitor.account
        return self._publishing and account is not None and name in self._files_of(account)

    # -- in words

    def describe(self) -> str:
        """Say in one phrase who may read, for the start-up line."""
        if self._site_read == "anyone":
            return "anyone who reaches the gateway may read"
        accounts = "whoever has logged in" if self._logins else ""
        if self._site_read == "accounts":
            return f"{accounts or 'nobody'} may read"
        return f"{self._networks} addresses{' and ' * bool(accounts)}{accounts} may read"

    # -- what these are made of

    def _site_admits(self, visitor: Visitor) -> bool:
        if self._site_read == "networks":
            return visitor.address in self._networks
        return self._site_read == "anyone"

    def _open(self, visitor: Visitor) -> frozenset[str]:
        """Return whose files are open to an anonymous visitor from that address."""
        return self._open_inside if self.is_inside(visitor) else self._open_outside

    def _account(self, visitor: Visitor) -> Account | None:
        """Return the account that counts: an FTP session may outlive its person's membership."""
        account = visitor.account
        if account is None or account.scope is Scope.SHARED:
            return account
        return account if account.person in self._everybody else None

    def _files_of(self, account: Account) -> frozenset[str]:
        """Return the NAMEs whose files are this account's own to write."""
        if account.person is None or account.scope not in _WRITING:
            return _NOBODY
        return self._own.get(account.person, _NOBODY)

    def _writes_everybody(self, visitor: Visitor) -> bool:
        if not self._publishing:
            return False
        if visitor.account is not None:
            return visitor.account.scope is Scope.SHARED
        return visitor.is_vouched and visitor.address in self._trusted


def _of(audiences: Mapping[str, Audience], *kinds: Audience) -> frozenset[str]:
    return frozenset(name for name, audience in audiences.items() if audience in kinds)


def _of_public_tree(audiences: Mapping[str, Audience], site: Audience) -> frozenset[str]:
    """Return the NAMEs whose audience is no narrower than the site's: none if that is accounts."""
    if site == "accounts":
        return _NOBODY
    limit = _NARROWNESS[site]
    return frozenset(n for n, audience in audiences.items() if _NARROWNESS[audience] <= limit)


def _own_files(roster: Roster, rules: Mapping[str, PersonRights]) -> Mapping[str, frozenset[str]]:
    """Return canonical NAME -> the NAMEs that this person may write: the own, and as delegate."""
    own = {name: {name} for name in rules}
    for name, rule in rules.items():
        for delegate in map(roster.person_of, rule.delegates):
            if delegate is not None:
                own[delegate].add(name)
    return {name: frozenset(files) for name, files in own.items()}
