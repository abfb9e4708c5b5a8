"""What can be wrong between parts that are right by themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from freebusy.config.model import Ftp
from freebusy.config.people import meant_by, sources_of
from freebusy.config.secret import WithPassword
from freebusy.config.sources import ImapSource
from freebusy.config.values import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from freebusy.config.model import Login, Server
    from freebusy.config.people import Person
    from freebusy.config.publish import Publish
    from freebusy.config.sources import Source
    from freebusy.config.tls import Tls
    from freebusy.config.values import Endpoint
    from freebusy.names import NameIndex


PERSONS = "persons"
"""Where people stand of whom nothing else is said: in the configuration itself."""

_QUOTED = re.compile(r"'([^']+)'")


def wrong_names(index: NameIndex, places: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield what two people claim at once; ``places`` has the lines of a roster file by NAME."""
    for collision in index.collisions:
        named = dict.fromkeys(_QUOTED.findall(collision))
        lines = [place for name in named for place in places.get(name, ())]
        yield f"{PERSONS}: {collision}" + (f" ({', '.join(lines)})" if lines else "")


def wrong_sources(
    persons: Mapping[str, Person],
    sources: Mapping[str, Source],
    names: Sequence[str],
    places: Mapping[str, Sequence[str]],
) -> Iterator[str]:
    """Yield what is wrong between people and sources; ``names`` are also those not readable."""
    for name, person in persons.items():
        where = places.get(name, (PERSONS,))[0]
        for wanted in person.source or ():
            if wanted not in names:
                hint = nearest(wanted, names) or f"; there are: {', '.join(names) or 'none'}"
                yield f"{where}: {name!r} has source {wanted!r}, which is none{hint}"
        if person.source is None and len(names) > 1:
            yield f"{where}: {name!r} needs a source, one of: {', '.join(names)}; or [] for none"
        for key in _without_password(person, sources):
            yield (
                f"{where}: {name!r} has no password for sources.{key}; set password_file or "
                "password_env there for one login that reads all, or here for this person"
            )


def _without_password(person: Person, sources: Mapping[str, Source]) -> Iterator[str]:
    if person.password is not None:
        return
    for key in sources_of(person, tuple(sources)):
        source = sources.get(key)
        if isinstance(source, WithPassword) and source.password is None:
            yield key


def wrong_room(servers: Mapping[str, Server | None], publish: Publish | None) -> Iterator[str]:
    """Yield the servers that could never take an upload of the size that is allowed."""
    for name, server in servers.items():
        room = getattr(server, "upload_memory", None)
        if publish is not None and room is not None and room < publish.max_upload:
            yield f"{name}.upload_memory: expected at least as much as publish.max_upload"


def wrong_ports(servers: Mapping[str, Server | None]) -> Iterator[str]:
    """Yield the addresses on which two servers, or one of them twice, are to listen."""
    taken: list[tuple[str, Endpoint]] = []
    for key, endpoint in _endpoints(servers):
        for holder, other in taken:
            if _collide(endpoint, other):
                yield f"{key}: {endpoint} is taken by {holder} ({other}); choose another port"
                break
        taken.append((key, endpoint))


def _endpoints(servers: Mapping[str, Server | None]) -> Iterator[tuple[str, Endpoint]]:
    for name, server in servers.items():
        if server is not None and server.enabled:
            yield from ((f"{name}.listen", endpoint) for endpoint in server.listen)
            yield from ((f"{name}.tls_listen", endpoint) for endpoint in server.tls_listen)


def _collide(one: Endpoint, other: Endpoint) -> bool:
    if one.port != other.port or not one.port:
        return False
    return one.host == other.host or _covers(one.host, other.host) or _covers(other.host, one.host)


def _covers(wide: str, host: str) -> bool:
    """Whether an address that stands for every one of its family takes this one too."""
    return wide == "" or wide == ("::" if ":" in host else "0.0.0.0")  # noqa: S104  # compared, not bound


def wrong_tls(servers: Mapping[str, Server | None], tls: Tls | None) -> Iterator[str]:
    """Yield what needs a certificate while there is none."""
    if tls is None or tls.is_configured:
        return
    for name, server in servers.items():
        if server is not None and server.enabled and server.tls_listen:
            yield f"{name}.tls_listen: needs a certificate; set certificate and key in [tls]"
    ftp = servers.get("ftp")
    if isinstance(ftp, Ftp) and ftp.enabled and ftp.require_tls:
        yield "ftp.require_tls: needs a certificate; set certificate and key in [tls]"


def wrong_login(
    login: Login | None, sources: Mapping[str, Source], names: Sequence[str]
) -> Iterator[str]:
    """Yield what is wrong with the source that logins are checked with."""
    if login is None or login.mail in {"auto", "off"}:
        return
    mail = login.mail
    if mail not in names:
        words = ("auto", "off", *names)
        hint = nearest(mail, words) or f"; there are: {', '.join(names) or 'none'}"
        yield f'login.mail: {mail!r} is neither "auto", "off" nor a source{hint}'
    elif mail in sources and not isinstance(sources[mail], ImapSource):
        yield f'login.mail: sources.{mail} is no mail server; name a source of type = "imap"'


def wrong_shared_user(publish: Publish | None, index: NameIndex) -> Iterator[str]:
    """Yield where the shared account has the name of a person."""
    if publish is None:
        return
    user = publish.shared_user
    if user in index.ambiguous or meant_by(user, index) is not None:
        yield f"publish.shared_user: {user!r} also names a person; choose another name"


def wrong_delegates(
    persons: Mapping[str, Person], index: NameIndex, places: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    """Yield the delegates who are nobody."""
    for name, person in persons.items():
        where = places.get(name, (PERSONS,))[0]
        for text in person.delegates:
            wrong = _wrong_delegate(name, text, index)
            if wrong:
                yield f"{where}: {name!r} has delegate {text!r}, {wrong}"


def _wrong_delegate(name: str, text: str, index: NameIndex) -> str:
    delegate = meant_by(text, index)
    if delegate is not None:
        return "the same person; leave that out" if delegate == name else ""
    if text in index.ambiguous:
        return f"who may be {' or '.join(index.ambiguous[text])}; say which"
    return f"who is nobody here{nearest(text, (*index.plain, *index.addresses))}"
