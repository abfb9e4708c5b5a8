"""The configuration: ``conf/freebusy.toml`` -> a frozen :class:`Config`, all problems at once.

``load`` is the only door.  A file is read as TOML (``file``), each table by its
model (``model``, ``sources``, ``people``) out of typed values (``values``), then
the tables are checked against one another (``checks``).
"""

from freebusy.config.model import (
    Access,
    Ftp,
    Http,
    Limits,
    Log,
    Schedule,
    Server,
    Site,
    Window,
)
from freebusy.config.people import Member, Person
from freebusy.config.reading import Config, load
from freebusy.config.sources import ImapSource, Source, VdirSource
from freebusy.config.urls import Hint, urls
from freebusy.config.values import Endpoint

__all__ = [
    "Access",
    "Config",
    "Endpoint",
    "Ftp",
    "Hint",
    "Http",
    "ImapSource",
    "Limits",
    "Log",
    "Member",
    "Person",
    "Schedule",
    "Server",
    "Site",
    "Source",
    "VdirSource",
    "Window",
    "load",
    "urls",
]
