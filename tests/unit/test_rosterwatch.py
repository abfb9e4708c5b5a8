"""When a running service reads its configuration again because of the people in it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from freebusy import mailroster
from freebusy.config import load
from freebusy.mailroster import Listed
from freebusy.rosterwatch import RosterWatch
from freebusy.userlist import UserList, write
from tests.processes import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from freebusy.config import Config


def configured(folder: Path) -> Config:
    (folder / "password").write_text("geheim", "utf-8")
    (folder / "state").mkdir(exist_ok=True)
    (folder / "people.csv").write_text("address\nhans@example.com\n", "utf-8")
    listed(folder, eva=0, otto=0)
    path = folder / "freebusy.toml"
    path.write_text(
        '[roster]\nfile = "people.csv"\nsource = "mail"\naddress = "{local}@example.com"\n'
        '[sources.mail]\ntype = "imap"\nhost = "a"\nusername = "s"\npassword_file = "password"\n',
        "utf-8",
    )
    return load(path, {})


def listed(folder: Path, **users: int) -> None:
    write(folder / "state" / "roster.json", UserList("mail", users))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda _: None, 0),
        (lambda folder: (folder / "people.csv").write_text("address\n", "utf-8"), 1),
        (lambda folder: (folder / "people.csv").unlink(), 1),
        (lambda folder: listed(folder, eva=0), 1),
        (lambda folder: listed(folder, eva=0, otto=1_800_000_000), 0),
        (lambda folder: (folder / "state" / "roster.json").write_text("{", "utf-8"), 1),
    ],
    ids=["nothing", "file", "no file", "who left", "who is missing", "damaged"],
)
def test_a_change_of_people_counts(
    tmp_path: Path, change: Callable[[Path], object], expected: int
) -> None:
    """At the second glance, when it is at rest; who is only missing is still there."""

    async def glances() -> int:
        reloads: list[None] = []
        watch = RosterWatch(configured(tmp_path), lambda: reloads.append(None), lists=False)
        watch.glance()
        change(tmp_path)
        watch.glance()
        assert [] == reloads
        watch.glance()
        watch.begin()
        watch.glance()
        return len(reloads)

    assert expected == asyncio.run(glances())


def test_the_mail_server_is_asked_at_the_start_and_on_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its answer, the asking goes on; who is new is taken at once."""
    answers = [Listed(changed=True), Listed(problem="away")]
    asked: list[Config] = []

    def answer(config: Config) -> Listed:
        asked.append(config)
        return answers.pop(0)

    monkeypatch.setattr(mailroster, "refresh", answer)

    async def ask() -> None:
        config = configured(tmp_path)
        reloaded = asyncio.Event()
        watch = RosterWatch(config, reloaded.set, lists=True)
        watch.start()
        await asyncio.wait_for(reloaded.wait(), 10)
        text = config.path.read_text("utf-8").replace("[sources", "max_loss = 5\n[sources")
        config.path.write_text(text, "utf-8")
        watch.take(load(config.path, {}))
        await asyncio.to_thread(until, lambda: len(asked) > 1, "it is asked again")
        watch.stop()

    asyncio.run(asyncio.wait_for(ask(), 20))
    assert [20, 5] == [config.roster.max_loss for config in asked]
