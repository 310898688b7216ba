"""A model whose files are replaced is served anew, and no request is lost."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tellapart
from conftest import draw_scene, encoded, flipped
from drawn import few_of
from serving import Running, serving
from tellapart.demo.walk import DemoPictures

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="a folder with an open file stays where it is there"
)
PICTURE = encoded(draw_scene())


@pytest.fixture(scope="module")
def other(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> tellapart.Classifier:
    """A model of other labels."""
    folder = tmp_path_factory.mktemp("other")
    few_of(heroes, folder, 10)
    (folder / "ice_queen").rename(folder / "snow_queen")
    return tellapart.train(folder, quality="fast").classifier


@pytest.fixture(scope="module")
def place(served: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("replacing") / "heroes"


@pytest.fixture(scope="module")
def running(served: Path, place: Path) -> Iterator[Running]:
    shutil.copytree(served, place)
    with serving(place.parent, place) as found:
        yield found


@pytest.fixture
def server(running: Running, served: Path, place: Path) -> Running:
    """With the first model at its place, and served."""
    shutil.copytree(served, place, dirs_exist_ok=True)
    wait_for(lambda: digest(running) == tellapart.load(served).digest)
    wait_for(lambda: not stale(running))
    return running


def wait_for(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)


def digest(server: Running) -> str:
    return str(server.ask("/readyz").json["models"]["heroes"]["digest"])


def stale(server: Running) -> bool:
    return bool(server.ask("/readyz").json["models"]["heroes"]["stale"])


def warnings(server: Running) -> list[str]:
    every = [json.loads(line) for line in server.log.read_text().splitlines()]
    return [line["message"] for line in every if "message" in line]


def test_a_saved_model_takes_the_place_and_no_request_is_lost(
    server: Running, place: Path, other: tellapart.Classifier
) -> None:
    answers: list[tuple[int, tuple[str, ...]]] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            answer = server.ask("/v1/guess", PICTURE)
            answers.append((answer.status, tuple(sorted(answer.json["scores"]))))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    other.save(place, replace=True)
    wait_for(lambda: digest(server) == other.digest)
    time.sleep(0.2)
    done.set()
    for thread in threads:
        thread.join()
    assert {status for status, _ in answers} == {200}
    assert {labels for _, labels in answers} == {
        ("dark_knight", "ice_queen"),
        ("dark_knight", "snow_queen"),
    }
    told = server.ask("/v1/models/heroes").json
    assert tuple(told["labels"]) == other.labels
    assert told["judged"]
    assert sum("a new model answers as heroes" in one for one in warnings(server)) >= 1
    assert b'tellapart_model_reloads_total{model="heroes",outcome="loaded"}' in (
        server.ask("/metrics").body
    )


def test_a_file_copied_over_the_old_one_is_taken_when_it_is_whole(
    server: Running, place: Path, other: tellapart.Classifier
) -> None:
    """The training record beside it is the old model's: it is as none."""
    before = digest(server)
    half = len(other.content) // 2
    with (place / "model.onnx").open("r+b") as file:
        file.truncate(0)
        file.write(other.content[:half])
        file.flush()
        wait_for(lambda: stale(server))
        assert digest(server) == before
        assert server.ask("/v1/guess", PICTURE).status == 200
        file.write(other.content[half:])
    wait_for(lambda: digest(server) == other.digest)
    assert not stale(server)
    assert server.ask("/v1/models/heroes").json["judged"] == {}


@pytest.mark.parametrize("harm", ["damaged", "gone"])
def test_what_cannot_be_loaded_is_told_once_and_the_old_model_answers(
    server: Running, served: Path, place: Path, harm: str
) -> None:
    before, told = digest(server), len(warnings(server))
    if harm == "damaged":
        content = (place / "model.onnx").read_bytes()
        (place / "model.onnx").write_bytes(flipped(content, len(content) // 2))
    else:
        shutil.rmtree(place)
    wait_for(lambda: stale(server))
    time.sleep(1.2)
    assert server.ask("/v1/guess", PICTURE).status == 200
    assert digest(server) == before
    assert server.ask("/readyz").status == 200
    (sentence,) = warnings(server)[told:]
    assert "heroes" in sentence
    assert "The model heroes of before goes on answering." in sentence
    assert b'tellapart_model_stale{model="heroes"} 1.0' in server.ask("/metrics").body
    assert str(place) not in server.ask("/readyz").body.decode()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_twenty_replacements_leave_the_memory_and_the_files_as_they_were(
    server: Running, served: Path, place: Path, other: tellapart.Classifier
) -> None:
    models = [other, tellapart.load(served)]
    found: list[tuple[int, int]] = []
    for number in range(24):
        model = models[number % 2]
        model.save(place, replace=True)
        wait_for(lambda model=model: digest(server) == model.digest)  # type: ignore[misc]
        server.ask("/v1/guess", PICTURE)
        process = Path("/proc", str(server.process.pid))
        pages = int((process / "statm").read_text().split()[1])
        found.append((pages * os.sysconf("SC_PAGESIZE"), len(list((process / "fd").iterdir()))))
    assert found[-1][1] <= found[3][1] + 3  # connections that are being closed
    assert max(size for size, _ in found[-4:]) < max(size for size, _ in found[:4]) + 2**24
