"""A server that stops answering ends `guess --to` in a sentence, and the same command goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from botocore.exceptions import EndpointConnectionError

from conftest import draw_scene, encoded
from drawn import contents, model_of, run_here
from tellapart.dataset import listing, walk
from tellapart.dataset.stored import parquet_cells
from tellapart.demo.walk import DemoPictures
from tellapart.files import addresses
from tellapart.workers.deadlines import NoAnswerError
from tellapart.workers.local import threads
from test_parquet import write
from test_tar_shards import pack

PICTURES = [encoded(draw_scene(seed=number)) for number in range(6)]
REACHED = "127.0.0.1:9 cannot be reached."


class Server:
    """What answers at `memory://`, until it does not: then as botocore says it."""

    def __init__(self) -> None:
        self.gone = ""  # what paths end with that are not given any more
        self.left = 10**9  # how often it still answers
        self.refused = 0
        self.place = fsspec.filesystem("memory")
        self._cat = type(self.place).cat_file

    def cat_file(self, path: str, **part: Any) -> bytes:
        self.left -= 1
        if self.left < 0 or (self.gone and path.endswith(self.gone)):
            self.refused += 1
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9/photos")
        return bytes(self._cat(self.place, path, **part))

    def back(self) -> None:
        self.gone, self.left = "", 10**9


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server()
    monkeypatch.setattr(addresses, "_WAITS", (0.0, 0.0))
    monkeypatch.setattr(
        type(server.place), "cat_file", lambda self, *a, **n: server.cat_file(*a, **n)
    )
    yield server
    server.place.rm("/", recursive=True)


def shard(kind: str, folder: Path, pictures: list[bytes]) -> bytes:
    names = {f"{number}.png": content for number, content in enumerate(pictures)}
    if kind == "tar":
        return pack(folder / "one.tar", names).read_bytes()
    rows = {"image": [{"bytes": content, "path": None} for content in pictures]}
    return write(folder / "one.parquet", rows).read_bytes()


def mark(out: Path) -> Any:
    path = out / "_SUCCESS"
    return json.loads(path.read_text()) if path.exists() else None


@pytest.mark.parametrize("kind", ["tar", "parquet"])
def test_a_shard_that_is_not_given_ends_the_run_and_the_same_goes_on(
    kind: str, server: Server, heroes: DemoPictures, tmp_path: Path
) -> None:
    for number in range(3):
        server.place.pipe(f"/s/d-{number}.{kind}", shard(kind, tmp_path, PICTURES))
    out = tmp_path / "out"
    asked = [
        "guess",
        str(model_of(heroes)),
        f"memory://s/d-*.{kind}",
        "--to",
        str(out),
        "--per-part",
        "4",
    ]
    server.gone = f"-1.{kind}"
    found = run_here(*asked)
    assert (found.code, found.out) == (2, "")
    assert f"d-1.{kind} cannot be read: {REACHED}" in found.err
    assert "Type the same again" in found.err
    assert "damaged" not in found.err
    assert mark(out) is None
    assert [name for name in contents(out) if name[0] == "p"] == ["part-00000.csv"]
    server.back()
    assert run_here(*asked).code == 0
    assert mark(out) == {"pictures": 18, "read": 18, "unreadable": 0, "parts": 5}


def test_a_shard_that_is_damaged_is_named_where_it_says_that_all_is_done(
    heroes: DemoPictures, tmp_path: Path
) -> None:
    content = shard("tar", tmp_path, PICTURES)
    (tmp_path / "d-0.tar").write_bytes(content[: len(content) // 2 // 512 * 512 + 100])
    (tmp_path / "d-1.tar").write_bytes(content)
    asked = ["guess", str(model_of(heroes)), "d-{0..1}.tar", "--to", "out", "--per-part", "4"]
    found = run_here(*asked, cwd=tmp_path)
    assert found.code == 0
    assert "d-0.tar: damaged or cut short after " in found.err
    said = mark(tmp_path / "out")
    assert 6 < said["pictures"] < 12
    assert said["passed_over"]["count"] == 1
    (one,) = said["passed_over"]["first"]
    assert one["name"] == "d-0.tar"
    assert one["reason"].startswith("damaged or cut short after ")


def test_a_folder_whose_drive_does_not_answer_ends_the_run_too(
    heroes: DemoPictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        (tmp_path / "in" / name).mkdir(parents=True)
        (tmp_path / "in" / name / "1.png").write_bytes(PICTURES[0])
    hangs = True

    def in_order(folder: Path, *given: Any) -> Any:
        if hangs and folder.name == "b":
            raise NoAnswerError("did not answer within 30 seconds")
        return listing.in_order(folder, *given)

    monkeypatch.setattr(walk, "in_order", in_order)
    asked = ["guess", str(model_of(heroes)), "in", "--to", "out", "--per-part", "1"]
    found = run_here(*asked, cwd=tmp_path)
    assert (found.code, found.out) == (2, "")
    assert f"{Path('in', 'b')} did not answer within 30 seconds." in found.err
    assert mark(tmp_path / "out") is None
    hangs = False
    assert run_here(*asked, cwd=tmp_path).code == 0
    assert mark(tmp_path / "out")["read"] == 3


@pytest.mark.parametrize("kind", ["tar", "parquet"])
def test_pictures_of_a_server_that_is_gone_are_not_asked_for_one_by_one(
    kind: str, server: Server, heroes: DemoPictures, tmp_path: Path
) -> None:
    every = [*PICTURES] * 6
    server.place.pipe(f"/s/d.{kind}", shard(kind, tmp_path, every))
    out = tmp_path / "out"
    asked = ["guess", str(model_of(heroes)), f"memory://s/d.{kind}", "--to", str(out), "--json"]
    assert run_here(*asked[:-2], str(tmp_path / "whole"), "--json").code == 0
    calls = 10**9 - server.left
    parquet_cells._forget()  # what it keeps in memory of what was read last
    server.left = calls - 1  # the last pictures are not given
    if kind == "tar":
        server.left = calls - len(every) + 5
    found = run_here(*asked)
    assert (found.code, found.out) == (2, "")
    assert REACHED in found.err
    assert "Type the same again" in found.err
    assert server.refused <= 3 + threads()
    assert mark(out) is None
    server.back()
    assert run_here(*asked).code == 0
    assert mark(out)["read"] == len(every)
    whole, found_now = (contents(place)["part-00000.jsonl"] for place in (tmp_path / "whole", out))
    assert found_now == whole
