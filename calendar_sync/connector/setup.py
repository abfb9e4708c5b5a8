"""The set-up of a connector: ``setup.ini``, which a home keeps as ``connector.ini``.

docs/connectors.md says what each key means to the person who writes the file; everything
that is wrong in it is said at once.  Values stand as they are: nothing is quoted, a
percent sign means itself, comments have lines of their own.
"""

from __future__ import annotations

import configparser
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from calendar_sync.connector.line import service_at, tls_context
from freebusy.config.values import nearest, unexpected
from freebusy.connector.fields import Mode  # noqa: TC001 - pydantic reads the annotation
from freebusy.errors import ConfigurationError
from freebusy.wording import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic_core import ErrorDetails

MAX_FILE = 64 << 10
"""Octets of a set-up."""
_PLACES = re.compile(r"%(\w*)%")
_KNOWN_PLACES = {"NAME", "SERVER"}
_WORDS = re.compile(r"[,\n]")
_TRUTH = {"yes": True, "true": True, "on": True, "1": True} | {
    "no": False,
    "false": False,
    "off": False,
    "0": False,
}


def _flag(text: object) -> bool:
    try:
        return _TRUTH[str(text).casefold()]
    except KeyError:
        raise unexpected("yes or no") from None


def _number(text: object) -> float:
    try:
        return float(str(text))
    except ValueError:
        raise unexpected("a number") from None


def _url(text: str) -> str:
    try:
        service_at(text)
    except ConfigurationError as error:
        sentence = error.problems[0].removeprefix("url: ")
        raise PydanticCustomError("refused", "{sentence}", {"sentence": sentence}) from None
    return text


def _certificates(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.is_absolute():
        raise unexpected("an absolute path, because this file is copied into the home")
    try:
        tls_context(str(path))
    except ConfigurationError:
        raise unexpected("a file that can be read, with certificates in PEM form") from None
    return path


def _template(text: str) -> str:
    try:
        parts = urlsplit(_PLACES.sub("x", text))
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
    except ValueError:
        good = False
    if not good or not text.isprintable() or " " in text:
        raise unexpected("a URL like http://host/pub/calendar/%NAME%.vfb, without a login")
    unknown = {place for place in _PLACES.findall(text) if place.upper() not in _KNOWN_PLACES}
    if unknown or "%NAME%" not in text.upper():
        raise unexpected("a URL with %NAME% in it; %SERVER% is the part after the @")
    return text


def _login(text: str) -> str:
    if ":" in text or not text.isprintable():
        raise unexpected("a login without a colon or control characters")
    return text


def _password(text: object) -> str:
    if not str(text).isprintable():
        raise unexpected("a password on one line, without control characters")
    return str(text)


def _patterns(text: object) -> tuple[str, ...]:
    words = tuple(word.strip() for word in _WORDS.split(str(text)) if word.strip())
    return () if words == ("all",) else words


Number = Annotated[float, BeforeValidator(_number)]
Template = Annotated[str, AfterValidator(_template)]


class Section(BaseModel):
    """A section of the file: no key that is not named here."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Server(Section):
    """``[server]``: where the gateway is."""

    url: Annotated[str, AfterValidator(_url)] = ""
    host: str | None = None
    """Instead of url."""
    port: Annotated[Number, Field(ge=1, le=65535, multiple_of=1)] | None = None
    tls: Annotated[bool, BeforeValidator(_flag)] = True
    ca_file: Annotated[Path, BeforeValidator(_certificates)] | None = None
    timeout: Annotated[Number, Field(ge=1, le=600)] = 60.0
    """Seconds."""

    @model_validator(mode="before")
    @classmethod
    def _one_of_both(cls, given: Any) -> Any:
        if "url" not in given and "host" not in given:
            raise unexpected("url, or host")
        if "url" in given and {"host", "port", "tls"} & set(given):
            raise unexpected("url, or host with port and tls, not both")
        if "host" in given:
            return given | {"url": _built(given)}
        return given


def _built(given: Mapping[str, str]) -> str:
    host, port = given["host"], given.get("port", "")
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    scheme = "https" if _TRUTH.get(given.get("tls", "yes").casefold(), True) else "http"
    is_port = port.isdecimal() and int(port) < 1 << 16  # else that alone is said
    return f"{scheme}://{host}" + (f":{port}" if is_port else "")


class Account(Section):
    """``[account]``: who it is."""

    login: Annotated[str, AfterValidator(_login)]
    password: Annotated[SecretStr, BeforeValidator(_password)] = SecretStr("")
    """Moves elsewhere when the file is used first."""
    password_store: Literal["auto", "keyring", "file"] = "auto"  # noqa: S105 - no password


class Syncing(Section):
    """``[sync]``: what is synced, and when."""

    folders: Annotated[tuple[str, ...], BeforeValidator(_patterns)] = ()
    """Names, paths or patterns of them; none: all."""
    event: Literal["select", "manual", "start", "exit"] = "manual"
    """What ``freebusy connector sync`` says that happened, unless it is told."""
    default_mode: Mode | None = None
    """Told to the gateway when the file is used first."""


class Publishing(Section):
    """``[freebusy]``: whose times, and where else they are published and looked for."""

    name: str | None = None
    publish_url: Template | None = None
    search_url: Template | None = None


SECTIONS: dict[str, type[Section]] = {
    "server": Server,
    "account": Account,
    "sync": Syncing,
    "freebusy": Publishing,
}


class Setup(BaseModel):
    """A whole set-up."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    server: Server
    account: Account
    sync: Syncing
    freebusy: Publishing

    @property
    def url(self) -> str:
        """The gateway's URL, however it was given."""
        return self.server.url

    @property
    def place(self) -> str:
        """The server that a password is for, whatever the path: ``https://host:port``."""
        return service_at(self.server.url).place

    def includes(self, path: str, name: str) -> bool:
        """Whether a folder is synced, by its path or its name."""
        patterns = self.sync.folders
        return not patterns or any(
            fnmatchcase(each, pattern) for pattern in patterns for each in (path, name)
        )


def parsed(body: bytes) -> Setup:
    """Read a set-up; ConfigurationError names everything that is wrong in it."""
    sections = read_ini(body)
    problems = [_unknown_section(name) for name in sections if name not in SECTIONS]
    made: dict[str, Section] = {}
    for name, model in SECTIONS.items():
        given = {key: value for key, value in sections.get(name, {}).items() if value}
        try:
            made[name] = model.model_validate(given)
        except ValidationError as error:
            problems += problems_in(error, name, model)
    if problems:
        raise ConfigurationError(problems)
    return Setup.model_validate(made)


def read_ini(body: bytes) -> dict[str, dict[str, str]]:
    """Return the values by section and key; ConfigurationError where it is no such file."""
    if len(body) > MAX_FILE:
        raise ConfigurationError([f"the file is longer than {MAX_FILE >> 10} KiB"])
    reader = configparser.ConfigParser(interpolation=None, default_section="\0")
    try:
        reader.read_string(body.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ConfigurationError(["the file must be in UTF-8"]) from None
    except configparser.DuplicateOptionError as error:
        raise ConfigurationError(
            [f"line {error.lineno}: [{safe(error.section, 40)}] {safe(error.option, 40)} again"]
        ) from None
    except configparser.DuplicateSectionError as error:
        raise ConfigurationError(
            [f"line {error.lineno}: [{safe(error.section, 40)}] again"]
        ) from None
    except configparser.MissingSectionHeaderError as error:
        raise ConfigurationError(
            [f"line {error.lineno}: expected a [section] before the first key"]
        ) from None
    except configparser.ParsingError as error:
        raise ConfigurationError(
            [f"line {number}: expected key = value" for number, _ in error.errors]
        ) from None
    return {name: dict(reader.items(name)) for name in reader.sections()}


# -- problems, which never quote a value


def _unknown_section(name: str) -> str:
    known = ", ".join(f"[{each}]" for each in SECTIONS)
    shown = f"[{safe(name, 40)}]"
    return f"{shown}: unknown section{nearest(name, SECTIONS) or '; known are ' + known}"


def problems_in(error: ValidationError, name: str, model: type[Section]) -> list[str]:
    """Return one sentence for each thing that is wrong in a section."""
    return [_sentence(each, name, model) for each in error.errors(include_input=False)]


def _sentence(detail: ErrorDetails, name: str, model: type[Section]) -> str:
    key = str(detail["loc"][0]) if detail["loc"] else ""
    where = f"[{name}] {safe(key, 40)}".rstrip()
    if detail["type"] == "extra_forbidden":
        home = _homes(key)
        known = f"; known here: {', '.join(model.model_fields)}"
        return f"{where}: unknown key{nearest(key, model.model_fields) or home or known}"
    return f"{where}: {_expected(detail)}"


def _homes(key: str) -> str:
    homes: Iterable[str] = [
        f"[{name}]" for name, each in SECTIONS.items() if key in each.model_fields
    ]
    return "; it belongs in " + " or ".join(homes) if homes else ""


def _expected(detail: ErrorDetails) -> str:
    context = detail.get("ctx") or {}
    match detail["type"]:
        case "missing":
            return "is missing"
        case "expected" | "literal_error":
            return f"expected {context['expected']}".replace("'", "")
        case "refused":
            return str(context["sentence"])
        case "greater_than_equal":
            return f"expected at least {context['ge']:g}"
        case "less_than_equal":
            return f"expected at most {context['le']:g}"
        case _:
            return f"expected {detail['msg'].lower()}"
