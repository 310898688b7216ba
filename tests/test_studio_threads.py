"""What a studio's threads share: events for pages that are slow, and a folder that goes wrong."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import draw_scene, encoded
from tellapart.studio.events import Events
from tellapart.studio.folder import Folder
from tellapart.studio.studio import Studio

PATIENCE = 30.0  # seconds for a loaded machine


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("cat/1.png", "dog/1.png", "heap.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(encoded(draw_scene()))
    return tmp_path


def test_a_page_that_falls_behind_is_told_the_newest_of_each_kind() -> None:
    """One event of a folder is not lost among thousands of a training."""

    async def lives() -> list[str]:
        events = Events()
        events.begin()
        stream = events.stream()
        assert await anext(stream) == "retry: 1000\n\n"
        events.tell("folder", {"revision": 7})
        for done in range(5000):
            events.tell("training", {"done": done})
        await asyncio.sleep(0)
        told = [await anext(stream), await anext(stream)]
        asyncio.get_running_loop().call_later(0.05, events.end)
        assert [one async for one in stream] == []
        assert events.pages == 0
        return told

    told = asyncio.run(asyncio.wait_for(lives(), PATIENCE))
    found = {kind.removeprefix("event: "): data for kind, data, *_ in map(str.splitlines, told)}
    said = {kind: json.loads(data.removeprefix("data: ")) for kind, data in found.items()}
    assert said == {"folder": {"revision": 7}, "training": {"done": 4999}}


def test_a_link_that_leads_to_itself_is_no_picture(root: Path) -> None:
    (root / "round.png").symlink_to("round.png")
    folder = Folder(root)
    assert folder.read()
    assert {one.name for one in folder.pictures} == {"cat/1.png", "dog/1.png", "heap.png"}


@pytest.fixture
def studio(root: Path) -> Iterator[Studio]:
    found = Studio(root, "fast")
    found.start()
    yield found
    found.end()


def test_a_look_that_fails_is_not_the_last(
    root: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A drive that is pulled out and put back is seen again."""
    failed: list[bool] = []

    def fails() -> bool:
        failed.append(True)
        raise OSError("Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(studio.folder, "has_changed", fails)
        until(lambda: bool(failed))
    (root / "new.png").write_bytes(encoded(draw_scene()))
    until(lambda: studio.folder.named("new.png") is not None)
    assert "could not be looked at" in caplog.text


def test_costs_that_cannot_be_had_end_no_training(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that wants to know what a quality costs is the one that trains."""
    until(lambda: not studio.training.state["waiting"])

    def fails(paths: object) -> dict[str, float]:
        raise MemoryError

    monkeypatch.setattr("tellapart.studio.training.seconds_each", fails)
    studio.training.take_times()
    until(lambda: bool(studio.training.error[0]) or not studio.training._thread.is_alive())
    studio.training.ask(at_once=True)
    until(lambda: not studio.training.state["waiting"])
    assert not studio.training.error[0]


def until(holds: object) -> None:
    assert callable(holds)
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
