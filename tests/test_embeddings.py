"""Each picture is embedded once, wherever it lies; what cannot be read is told by its position."""

from __future__ import annotations

import hashlib
import pickle
import shutil
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import draw_scene, encoded, flipped, mostly_slow
from tellapart.backbones import embed as embeddings
from tellapart.backbones.embed import BATCH, Embedded, Embedder, embed_all
from tellapart.backbones.graph import Network
from tellapart.backbones.session import LazySession
from tellapart.cache.stores import cache_info
from tellapart.images.decode import Picture, read_picture
from tellapart.workers.local import Map, Unit
from tellapart.workers.places import Place

COUNT = 2 * BATCH + 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Small pictures of different sizes."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(COUNT):
        picture = draw_scene(40 + number, 30, seed=number)
        (folder / f"{number:02d}.png").write_bytes(encoded(picture))
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def without_a_network(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A function after whose call no network can be run in this process."""
    return lambda: monkeypatch.setitem(sys.modules, "onnxruntime", None)


def pictures_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_embeddings_are_those_of_the_network(folder: Path, cache: Path, network: Network) -> None:
    paths = pictures_in(folder)
    embedded = embed_all(paths, Embedder(network, cache))
    session = LazySession(network.content)
    expected = [session.run(["embedding"], read_picture(path)[None])[0][0] for path in paths]
    assert embedded.vectors.dtype == np.float32
    assert np.array_equal(embedded.vectors, np.stack(expected))
    assert embedded.digests == tuple(
        hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
    )
    assert embedded.positions.tolist() == list(range(COUNT))
    assert embedded.unreadable == {}
    assert embedded.trouble == ""


def test_cold_and_warm_are_the_same_bits(
    folder: Path, cache: Path, network: Network, without_a_network: Callable[[], None]
) -> None:
    cold = embed_all(pictures_in(folder), Embedder(network, cache))
    without_a_network()
    warm = embed_all(pictures_in(folder), Embedder(network, cache))
    assert warm.vectors.tobytes() == cold.vectors.tobytes()
    assert warm.digests == cold.digests


def test_moving_and_renaming_costs_nothing(
    folder: Path, cache: Path, network: Network, without_a_network: Callable[[], None]
) -> None:
    cold = embed_all(pictures_in(folder), Embedder(network, cache))
    before = cache_info(cache)
    elsewhere = folder.parent / "elsewhere" / "deeper"
    elsewhere.mkdir(parents=True)
    for path in pictures_in(folder):
        shutil.move(path, elsewhere / f"renamed-{path.stem}")
    without_a_network()
    warm = embed_all(pictures_in(elsewhere), Embedder(network, cache))
    assert warm.vectors.tobytes() == cold.vectors.tobytes()
    assert cache_info(cache) == before


def test_only_what_is_new_is_computed(folder: Path, cache: Path, network: Network) -> None:
    paths = pictures_in(folder)
    embed_all(paths[:5], Embedder(network, cache))
    embed_all(paths, Embedder(network, cache))
    (info,) = cache_info(cache)
    assert (info.shards, info.pictures) == (2, COUNT)


def test_a_picture_that_is_there_twice_is_kept_once(
    folder: Path, cache: Path, network: Network
) -> None:
    (folder / "again.png").write_bytes((folder / "00.png").read_bytes())
    embedded = embed_all(pictures_in(folder), Embedder(network, cache))
    assert len(embedded.digests) == COUNT + 1
    assert cache_info(cache)[0].pictures == COUNT


def test_a_changed_picture_is_another_picture(folder: Path, cache: Path, network: Network) -> None:
    path = folder / "00.png"
    before = embed_all([path], Embedder(network, cache))
    path.write_bytes(encoded(draw_scene(40, 30, seed=99)))
    after = embed_all([path], Embedder(network, cache))
    assert before.digests != after.digests
    assert not np.array_equal(before.vectors, after.vectors)


def test_unreadable_files_are_told_by_their_positions(
    broken_pictures: dict[Path, str], folder: Path, cache: Path, network: Network
) -> None:
    broken = [path for path in broken_pictures if path.name != "large.png"]  # of which Pillow warns
    good = pictures_in(folder)
    mixed = [path for pair in zip(broken[:COUNT], good, strict=True) for path in pair]
    mixed += [folder / "gone.png", folder]
    for _ in ("cold", "warm"):
        embedded = embed_all(mixed, Embedder(network, cache))
        expected = {2 * n: broken_pictures[path] for n, path in enumerate(broken[:COUNT])}
        expected[2 * COUNT] = "cannot be opened: no such file or directory"
        expected[2 * COUNT + 1] = "not a file"
        assert embedded.unreadable == expected
        assert embedded.positions.tolist() == [2 * n + 1 for n in range(COUNT)]
        assert len(embedded.vectors) == len(embedded.digests) == COUNT
    assert cache_info(cache)[0].pictures == COUNT


def test_nothing_and_nothing_readable(tmp_path: Path, cache: Path, network: Network) -> None:
    for paths in ([], [tmp_path / "gone.png"]):
        embedded = embed_all(paths, Embedder(network, cache))
        assert embedded.vectors.shape == (0, 0)
        assert embedded.digests == ()
        assert embedded.positions.tolist() == []
        assert len(embedded.unreadable) == len(paths)
    assert cache_info(cache) == []


def test_progress_counts_every_file(folder: Path, cache: Path, network: Network) -> None:
    counts: list[int] = []
    paths = [*pictures_in(folder), folder / "gone.png"]
    embed_all(paths, Embedder(network, cache), progress=counts.append)
    assert counts == list(range(1, COUNT + 2))


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, MemoryError])
def test_what_is_done_stays_done(
    interruption: type[BaseException], folder: Path, cache: Path, network: Network
) -> None:
    def interrupt(count: int) -> None:
        if count == BATCH + 1:
            raise interruption

    with pytest.raises(interruption):
        embed_all(pictures_in(folder), Embedder(network, cache), progress=interrupt)
    (info,) = cache_info(cache)
    assert info.pictures >= BATCH + 1
    whole = embed_all(pictures_in(folder), Embedder(network, cache))
    fresh = embed_all(pictures_in(folder), Embedder(network, cache.with_name("fresh")))
    assert whole.vectors.tobytes() == fresh.vectors.tobytes()


def pickled_for_each_batch(
    unit: Unit[Picture, Embedded], batches: Iterable[Sequence[Picture]]
) -> Generator[Embedded, None, None]:
    """As a cluster does it: each batch has a copy of the unit, which does not come back."""
    for batch in batches:
        copy = pickle.loads(pickle.dumps(unit))
        copy.start()
        yield from copy.process(batch)
        copy.finish()


def in_a_process(unit: Unit[Picture, Embedded], batch: Sequence[Picture]) -> Sequence[Embedded]:
    unit.start()
    try:
        return unit.process(batch)
    finally:
        unit.finish()


def by_processes(
    unit: Unit[Picture, Embedded], batches: Iterable[Sequence[Picture]]
) -> Generator[Embedded, None, None]:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for rows in pool.map(in_a_process, repeat(unit), batches):
            yield from rows


@pytest.mark.parametrize("map_", mostly_slow([pickled_for_each_batch, by_processes], 1))
def test_any_mapping_gives_the_same_bits_and_a_full_cache(
    folder: Path,
    cache: Path,
    network: Network,
    without_a_network: Callable[[], None],
    map_: Map[Any, Any],
) -> None:
    paths = pictures_in(folder)
    here = embed_all(paths, Embedder(network, cache))
    fresh = cache.with_name("fresh")
    place = Place("elsewhere", map_, is_far=True)
    there = embed_all(paths, Embedder(network, fresh), place=place)
    assert here.vectors.tobytes() == there.vectors.tobytes()
    assert sum(info.pictures for info in cache_info(fresh)) == COUNT
    without_a_network()
    assert embed_all(paths, Embedder(network, fresh)).vectors.tobytes() == here.vectors.tobytes()


def test_a_space_is_all_that_shapes_an_embedding(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [
        Network("fast", network.trunks, ("squash",)),
        Network("fast", network.trunks, ("crop", "squash")),
    ]
    spaces = {Embedder(one).space() for one in (network, *others)}
    assert len(spaces) == 3
    assert Embedder(Network("renamed", network.trunks, network.views)).space() in spaces
    for version in ("DECODER_VERSION", "PROPERTIES_VERSION"):
        monkeypatch.setattr(embeddings, version, "another")
        spaces.add(Embedder(network).space())
    assert len(spaces) == 5


def test_a_flipped_bit_in_the_cache_is_computed_again(
    folder: Path, cache: Path, network: Network
) -> None:
    paths = pictures_in(folder)
    cold = embed_all(paths, Embedder(network, cache))
    (shard,) = cache.rglob("*.shard")
    content = shard.read_bytes()
    shard.write_bytes(flipped(content, len(content) - 3000))
    again = embed_all(paths, Embedder(network, cache))
    assert again.vectors.tobytes() == cold.vectors.tobytes()
    assert len(list(cache.rglob("*.damaged"))) == 1
    assert cache_info(cache)[0].damaged == 0


def test_without_a_cache_all_goes_on(folder: Path, cache: Path, network: Network) -> None:
    expected = embed_all(pictures_in(folder), Embedder(network, cache))
    place = cache.with_name("file")
    place.touch()
    embedded = embed_all(pictures_in(folder), Embedder(network, place))
    assert embedded.vectors.tobytes() == expected.vectors.tobytes()
    assert embedded.trouble == "not a directory"


def test_the_environment_chooses_the_cache(folder: Path, own_cache: Path, network: Network) -> None:
    embed_all(pictures_in(folder)[:1], Embedder(network))
    assert list(own_cache.rglob("*.shard"))
