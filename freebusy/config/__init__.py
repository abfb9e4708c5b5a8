"""The configuration: ``conf/freebusy.toml`` -> a frozen :class:`Config`, all problems at once.

``load`` is the only door.  A file is read as TOML (``file``), each table by its
model (``model``, ``publish``, ``tls``, ``sources``, ``people``) out of typed values
(``values``), then the tables are checked against one another (``checks``), and what
works but is hardly meant is said (``warnings``).
"""

from freebusy.config.connector import ConnectorTable
from freebusy.config.lookup import Lookup, LookupServer
from freebusy.config.model import (
    Access,
    Ftp,
    Http,
    Limits,
    Log,
    Login,
    Schedule,
    Server,
    Site,
    Window,
)
from freebusy.config.people import Member, Person
from freebusy.config.publish import Publish
from freebusy.config.reading import Config, load
from freebusy.config.sources import CaldavSource, ImapSource, Source, VdirSource
from freebusy.config.tls import Tls
from freebusy.config.urls import Hint, urls
from freebusy.config.values import Endpoint, Readers, Rule

__all__ = [
    "Access",
    "CaldavSource",
    "Config",
    "ConnectorTable",
    "Endpoint",
    "Ftp",
    "Hint",
    "Http",
    "ImapSource",
    "Limits",
    "Log",
    "Login",
    "Lookup",
    "LookupServer",
    "Member",
    "Person",
    "Publish",
    "Readers",
    "Rule",
    "Schedule",
    "Server",
    "Site",
    "Source",
    "Tls",
    "VdirSource",
    "Window",
    "load",
    "urls",
]
