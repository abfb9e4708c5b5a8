"""What can be set is written down: in conf/freebusy.toml and in docs/configuration.md."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import TypeAdapter

from freebusy.config import CaldavSource, ImapSource, LookupServer, Person, VdirSource, load
from freebusy.config.file import OVERRIDES
from freebusy.config.problems import SECTIONS
from tests.servers.certificate import make_certificate

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

ROOT = Path(__file__).parent.parent
EXAMPLE = (ROOT / "conf/freebusy.toml").read_text("utf-8")
PAGE = (ROOT / "docs/configuration.md").read_text("utf-8")

MODELS: dict[str, Any] = {
    **{f"[{name}]": model for name, model in SECTIONS.items()},
    "[lookup.servers.NAME]": LookupServer,
    '[sources.NAME], type = "vdir"': VdirSource,
    '[sources.NAME], type = "imap"': ImapSource,
    '[sources.NAME], type = "caldav"': CaldavSource,
    "persons": Person,
}
EXAMPLE_HEADS = {
    "[lookup.servers.NAME]": "[lookup.servers.partner]",
    '[sources.NAME], type = "vdir"': "[sources.demo]",
    '[sources.NAME], type = "imap"': "[sources.mail]",
    '[sources.NAME], type = "caldav"': "[sources.dav]",
}
KEYS = [(place, key) for place, model in MODELS.items() for key in model.model_fields]


def in_page(place: str, key: str) -> str | None:
    """Return the default that the page gives for a key, or None where it does not have it."""
    section = re.search(rf"(?ms)^## {re.escape(place)}$(.*?)(?=^## |\Z)", PAGE)
    row = re.search(rf"(?m)^\| `{key}` \| (.*?) \|", section[1]) if section else None
    return row[1].strip("`") if row else None


def in_example(place: str, key: str) -> str | None:
    """Return the default that the annotated configuration gives for a key, or None."""
    head = re.escape(EXAMPLE_HEADS.get(place, place))
    section = re.search(rf"(?ms)^(?:# )?{head}$(.*?)(?=^(?:# )?\[+\w|\Z)", EXAMPLE)
    found = re.search(rf"(?m)((?:^# .*\n)*)^(# )?{key} = (.*)$", section[1]) if section else None
    if found is None:
        return None
    # The key's own comment: what stands before the line and after the setting above it.
    comment = re.split(r"(?m)^# \w+ = .*\n", found[1])[-1]
    for word in ("Required", "Not set by\n# default", "Not set by default"):
        if word in comment:
            return "required" if word == "Required" else "not set"
    if key == "type":
        return "required"
    told = re.search(r"Default: (\S+)$", comment, re.MULTILINE)
    return found[3] if found[2] else (told[1] if told else None)


def parsed(field: FieldInfo, text: str) -> object:
    adapter: TypeAdapter[Any] = TypeAdapter(field.rebuild_annotation())
    return adapter.validate_python(tomllib.loads(f"value = {text}")["value"])


def assert_default(field: FieldInfo, text: str | None) -> None:
    if field.is_required():
        assert "required" == text
    elif field.default is None and text != '""':
        assert "not set" == text
    else:
        assert text is not None
        assert field.default == parsed(field, text)


@pytest.mark.parametrize(("place", "key"), KEYS)
def test_the_page_has_every_key_with_its_default(place: str, key: str) -> None:
    """A setting that docs/configuration.md does not have, or has otherwise, fails here."""
    assert_default(MODELS[place].model_fields[key], in_page(place, key))


@pytest.mark.parametrize(
    ("place", "key"), [(place, key) for place, key in KEYS if place != "persons"]
)
def test_the_example_has_every_key_with_its_default(place: str, key: str) -> None:
    """A setting that conf/freebusy.toml does not have, or has otherwise, fails here."""
    assert_default(MODELS[place].model_fields[key], in_example(place, key))


@pytest.mark.parametrize("key", list(Person.model_fields))
def test_the_example_says_what_a_person_can_have(key: str) -> None:
    """Every key of a person is explained beside the list."""
    assert re.search(rf"(?m)^#   {key} +\S", EXAMPLE)


def test_the_page_has_no_other_key() -> None:
    """What was taken out of the program is taken out of the page."""
    for place, model in MODELS.items():
        section = re.search(rf"(?ms)^## {re.escape(place)}$(.*?)(?=^## |\Z)", PAGE)
        assert section is not None
        assert set(model.model_fields) == set(re.findall(r"(?m)^\| `(\w+)` \|", section[1]))


@pytest.mark.parametrize("variable", sorted(OVERRIDES))
def test_the_environment_is_written_down(variable: str) -> None:
    """What the environment can say stands in both."""
    assert [True, True] == [variable in PAGE, variable in EXAMPLE]


def uncommented(text: str) -> str:
    """Return the example with every setting switched on that is commented out."""
    return re.sub(r"(?m)^# (\[|\w+ = )", r"\1", text)


def test_every_line_of_the_example_is_a_setting_that_works(tmp_path: Path) -> None:
    """With each comment mark before a setting taken away the example still loads."""
    (tmp_path / "imap.password").write_text("geheim", "utf-8")
    (tmp_path / "freebusy.password").write_text("geheim", "utf-8")
    (tmp_path / "dav.password").write_text("geheim", "utf-8")
    for name in ("imap-ca.pem", "dav-ca.pem", "partner-ca.pem"):
        (tmp_path / name).write_text("certificates", "utf-8")
    (tmp_path / "people.csv").write_text("address\n", "utf-8")
    made = make_certificate(tmp_path)
    made.cert.rename(tmp_path / "fullchain.pem")
    made.key.rename(tmp_path / "privkey.pem")
    text = uncommented(EXAMPLE)
    # Two ways to give a password are one too many, and with two sources people must choose.
    text = re.sub(r"(?m)^(password_env|password_hash|msg_conf) = .*\n", "", text)
    text = re.sub(r"(?ms)^persons = \[.*?^\]$", "", text)
    text = re.sub(r"(?m)^\[\[persons\]\]$", '[[persons]]\nsource = "mail"', text)
    # Whoever lists the users is one login for all.
    rest, mail, table = text.partition("\n[sources.mail]\n")
    text = rest + mail + table.replace('username = "{address}"', 'username = "freebusy"', 1)
    path = tmp_path / "freebusy.toml"
    path.write_text(text, "utf-8")
    config = load(path, {})
    assert {"demo", "mail", "dav"} == set(config.sources)
    assert ["hans"] == list(config.members)


def test_the_five_lines_work(tmp_path: Path) -> None:
    """The page's first example is a whole configuration."""
    example = re.search(r"(?s)```toml\n(.*?)```", PAGE)
    assert example is not None
    secret = tmp_path / "imap.password"
    secret.write_text("geheim", "utf-8")
    secret.chmod(0o600)
    path = tmp_path / "freebusy.toml"
    path.write_text(example[1], "utf-8")
    assert () == load(path, {"TZ": "Europe/Berlin"}).warnings
    assert 5 == len(example[1].partition("\n\n")[2].splitlines())


THREATS = (ROOT / "docs/threats.md").read_text("utf-8")
NAMED = re.findall(r"`(\w+/test_\w+\.py)::(test_\w+)`", THREATS)


def test_every_test_that_the_threats_name_is_there() -> None:
    """Who reads that a threat is held by a test can look at it."""
    functions = {
        place: set(
            re.findall(r"(?m)^def (test_\w+)\(", (ROOT / "tests" / place).read_text("utf-8"))
        )
        for place, _ in NAMED
    }
    assert [] == [(place, name) for place, name in NAMED if name not in functions[place]]


def test_every_threat_names_a_test() -> None:
    """No row of the page's tables is a mere claim, and no test is named otherwise."""
    rows = re.findall(r"(?m)^\| \*\*.*$", THREATS)
    assert len(rows) >= 30
    assert [] == [row[:60] for row in rows if "::test_" not in row]
    assert len(NAMED) == len(re.findall(r"\btest_\w+(?!\w|\.py)", THREATS))
