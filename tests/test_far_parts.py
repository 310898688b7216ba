"""Pictures embedded by workers elsewhere: what threads give, to the bit, and nothing done twice."""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import draw_scene, encoded
from tellapart.backbones import parts as far
from tellapart.backbones.embed import Embedded, Embedder, embed_all
from tellapart.backbones.graph import Network
from tellapart.backbones.parts import EmbedParts, embedded_far
from tellapart.cache import parts as records
from tellapart.cache.parts import STOPPED
from tellapart.errors import PictureError, WorkersError
from tellapart.images.decode import Picture
from tellapart.workers import parts
from tellapart.workers.crew import crew_map
from tellapart.workers.local import Unit, local_map
from tellapart.workers.parts import Counts, Part
from tellapart.workers.places import Place, place_of, working_at
from tellapart.workers.processes import Processes

COUNT = 10
SIZE = 4


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(far, "SIZE", SIZE)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Pictures, two of the same content, and one that is none."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for seed in range(COUNT):
        draw_scene(seed=seed).save(folder / f"{seed}.png")
    (folder / "8.png").write_bytes((folder / "1.png").read_bytes())
    (folder / "5.png").write_bytes(b"<html>")
    for path in folder.iterdir():
        os.utime(path, (1e9, 1e9))
    return sorted(folder.iterdir())


class Told:
    """A map that copies the unit for each batch, and keeps the counts."""

    def __init__(self) -> None:
        self.counts: list[Counts] = []

    def __call__(
        self, unit: Unit[Any, Any], batches: Iterable[Sequence[Any]]
    ) -> Generator[Any, None, None]:
        content = pickle.dumps(unit)
        for batch in batches:
            copy = pickle.loads(content)
            copy.start()
            done = copy.process(batch)
            self.counts += done
            yield from done


def shards(cache: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in cache.rglob("*.shard")}


@pytest.mark.slow
def test_processes_give_the_bits_that_threads_give_and_always_the_same_files(
    paths: list[Path], cache: Path, network: Network
) -> None:
    here = embed_all(paths, Embedder(network, cache))
    written = {}
    for word in ("processes:1", "processes:2"):
        fresh = cache.with_name(word[-1])
        with place_of(word) as place:
            there = embed_all(paths, Embedder(network, fresh), place=place)
        assert there.vectors.tobytes() == here.vectors.tobytes()
        assert there.properties.tobytes() == here.properties.tobytes()
        assert there.digests == here.digests
        assert there.positions.tolist() == here.positions.tolist()
        assert there.unreadable == here.unreadable == {5: "an HTML page saved as .png"}
        written[word] = shards(fresh)
    assert written["processes:1"] == written["processes:2"]
    assert len(written["processes:1"]) == 3


def test_what_the_cache_knew_changes_no_shard(
    paths: list[Path], cache: Path, network: Network
) -> None:
    embed_all(paths, Embedder(network, cache), place=Place("told", Told(), is_far=True))
    fresh = cache.with_name("fresh")
    embed_all(paths[::2], Embedder(network, fresh))
    embed_all(paths, Embedder(network, fresh), place=Place("told", Told(), is_far=True))
    assert shards(cache).items() <= shards(fresh).items()


def test_a_part_that_is_done_is_skipped_until_a_picture_changes(
    paths: list[Path], cache: Path, network: Network
) -> None:
    def known() -> list[int]:
        told = Told()
        embed_all(paths, Embedder(network, cache), place=Place("told", told, is_far=True))
        assert sum(one.read + one.unreadable for one in told.counts) == COUNT
        return [one.known for one in told.counts]

    assert known() == [0, 0, 0]
    assert known() == [4, 4, 2]
    paths[9].write_bytes(paths[0].read_bytes())  # just now: the system may not tell it from another
    assert known() == [4, 4, 0]
    assert known() == [4, 4, 0]
    os.utime(paths[9], (1e9 + 5, 1e9 + 5))
    assert known() == [4, 4, 0]
    assert known() == [4, 4, 2]
    for path in cache.rglob("*.shard"):
        path.unlink()
    assert known() == [0, 0, 2]  # these two are copies of pictures of the first part


@pytest.mark.slow
def test_damage_costs_no_more_than_making_it_again(
    paths: list[Path], cache: Path, network: Network
) -> None:
    here = embed_all(paths, Embedder(network, cache.with_name("here")))
    place = Place("told", Told(), is_far=True)
    embed_all(paths, Embedder(network, cache), place=place)
    for path in [*cache.rglob("*.shard"), *cache.rglob("*.part")]:
        content = bytearray(path.read_bytes())
        content[-9] ^= 1
        path.write_bytes(content)
    for _ in range(2):
        there = embed_all(paths, Embedder(network, cache), place=place)
        assert there.vectors.tobytes() == here.vectors.tobytes()
        assert there.unreadable == here.unreadable


def test_what_is_no_file_is_embedded_by_the_caller(
    paths: list[Path], cache: Path, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(paths[0].parent)
    content = encoded(draw_scene(seed=77))
    pixels = np.zeros((9, 9, 3), np.uint8)
    given: list[Picture] = [
        content, pixels, io.BytesIO(content), b"nothing",  # a part of these alone
        "0.png", content, paths[1], b"nothing",
        str(paths[5]), "not-there.png", pixels,
    ]  # fmt: skip
    embedder = Embedder(network, cache)
    embedder.start()

    def expected(picture: Picture) -> Embedded | str:
        try:
            return embedder.embed(picture)
        except PictureError as error:
            return str(error)

    told = Told()
    again = [*given]
    again[2] = io.BytesIO(content)
    with working_at(Place("told", told, is_far=True)):
        found = [*embedded_far(given, Embedder(network, cache.with_name("far")), told)]
    assert [one.read + one.unreadable for one in told.counts] == [2, 2]
    for one, other in zip(found, map(expected, again), strict=True):
        if isinstance(one, PictureError):
            assert str(one) == other
        else:
            assert isinstance(other, Embedded)
            assert one.digest == other.digest
            assert one.vector is not None
            assert other.vector is not None
            assert one.vector.tobytes() == other.vector.tobytes()


class Deadly(Embedder):
    """Reading the pictures that hold `killers` ends the process."""

    killers: tuple[bytes, ...] = ()

    def __getstate__(self) -> dict[str, object]:
        return {**super().__getstate__(), "killers": self.killers}

    def __setstate__(self, state: dict[str, Any]) -> None:
        killers = state.pop("killers")
        super().__setstate__(state)
        self.killers = killers

    def embed(
        self, picture: Picture, *, afresh: bool = False, into: dict[bytes, Any] | None = None
    ) -> Embedded:
        assert isinstance(picture, Path)
        if picture.read_bytes() in self.killers:
            os._exit(1)
        return super().embed(picture, afresh=afresh, into=into)


@pytest.mark.slow
def test_pictures_that_end_their_worker_are_listed_and_the_rest_goes_on(
    paths: list[Path], cache: Path, network: Network
) -> None:
    deadly = Deadly(network, cache)
    deadly.killers = tuple(paths[at].read_bytes() for at in (2, 3, 9))
    lost: list[str] = []
    with place_of("processes:2", lost.append) as place:
        found = embed_all(paths, deadly, place=place)
    assert found.unreadable == {
        2: STOPPED, 3: STOPPED, 9: STOPPED, 5: "an HTML page saved as .png"
    }  # fmt: skip
    assert lost == ["A worker ended with code 1. Another one does its work."] * (4 + 3)
    assert len(found.digests) == COUNT - 4
    assert not [*cache.rglob("*-caution.part")]
    with place_of("processes:2") as place:  # what killed at one time need not at another
        again = embed_all(paths, Embedder(network, cache), place=place)
    assert list(again.unreadable) == [5]


def test_a_cache_that_is_not_shared_is_told_with_what_to_do(
    paths: list[Path], cache: Path, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(far, "_PATIENCE", 0.0)

    class Elsewhere(Told):
        def __call__(self, unit: Any, batches: Any) -> Generator[Any, None, None]:
            unit.folder = unit.embedder.cache_folder = cache.with_name("of-another-machine")
            yield from super().__call__(unit, batches)

    def found(unit: Any, batches: Any) -> Generator[Any, None, None]:
        yield from Elsewhere()(pickle.loads(pickle.dumps(unit)), batches)

    with pytest.raises(WorkersError, match=r"cannot be seen there.*Set TELLAPART_CACHE"):
        embed_all(paths, Embedder(network, cache), place=Place("e", found, is_far=True))


def test_pictures_that_are_not_shared_are_told_with_what_to_do(
    paths: list[Path], cache: Path, network: Network
) -> None:
    def blind(unit: Any, batches: Any) -> Generator[Any, None, None]:
        def moved(part: Part[Path]) -> Part[Path]:
            return Part(part.number, tuple(path.with_name("not-there") for path in part.pictures))

        yield from Told()(unit, ([moved(part) for part in batch] for batch in batches))

    with pytest.raises(WorkersError, match=r"0\.png, which is here: .*on a disk that"):
        embed_all(paths, Embedder(network, cache), place=Place("blind", blind, is_far=True))


def test_a_cache_that_cannot_be_written_is_told(
    paths: list[Path], cache: Path, network: Network
) -> None:
    cache.write_bytes(b"a file")
    with place_of("processes:1") as place, pytest.raises(WorkersError, match="cannot write to"):
        embed_all(paths, Embedder(network, cache), place=place)


def test_the_unit_runs_on_threads_too(paths: list[Path], cache: Path, network: Network) -> None:
    given: list[Picture] = [*paths]
    unit: Unit[Part[Picture], Counts] = EmbedParts(Embedder(network, cache))
    batches = [[part] for part in parts.parts_of(given, SIZE)]
    counts = [*local_map(unit, batches)]
    assert [(one.read, one.unreadable) for one in counts] == [(4, 0), (3, 1), (2, 0)]
    crew = Processes(unit, 1)
    again = [*crew_map(crew, batches)]
    assert [one.known for one in again] == [4, 4, 2]
    assert [one.key for one in again] == [one.key for one in counts]


@pytest.mark.slow
def test_closing_early_leaves_nothing_open(
    paths: list[Path], cache: Path, network: Network
) -> None:
    with place_of("processes:2") as place:
        found = embedded_far(paths, Embedder(network, cache), place.map)
        next(found)
        found.close()


def test_a_record_of_another_format_is_made_again(
    paths: list[Path], cache: Path, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    with monkeypatch.context() as patch:
        patch.setattr(records, "_FORMAT", 99)
        embed_all(paths, Embedder(network, cache), place=Place("told", told, is_far=True))
    embed_all(paths, Embedder(network, cache), place=Place("told", told, is_far=True))
    assert [one.known for one in told.counts] == [0] * 6
