"""Machines that share no disk share a cache at an address; each keeps a copy."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import draw_scene
from drawn import model_of, run_here
from s3_server import new_bucket, s3_server
from tellapart.backbones.embed import Embedder, embed_all
from tellapart.backbones.graph import Network
from tellapart.cache import folder
from tellapart.cache.folder import cache_folder
from tellapart.cache.shards import EmbeddingCache
from tellapart.cache.spaces import merge_spaces
from tellapart.cache.stores import cache_info, clear_cache
from tellapart.demo.walk import DemoPictures
from tellapart.errors import DestinationError, MissingExtraError
from tellapart.files.destinations import destination_at
from tellapart.workers.local import Unit
from tellapart.workers.parts import Counts
from tellapart.workers.places import Place
from test_cache_index import SPACE, check, damaged_at, rows

On = Callable[[str], None]


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A bucket of a server that speaks S3."""
    with s3_server():
        new_bucket("caches")
        yield "caches"


@pytest.fixture(params=["file", "memory", "s3"])
def address(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the cache is."""
    if request.param == "memory":
        pytest.importorskip("fsspec")
    if request.param == "s3":
        place = f"s3://{request.getfixturevalue('bucket')}/{tmp_path.name}"
    else:
        root = tmp_path.as_posix() if request.param == "file" else tmp_path.name
        place = f"{request.param}://{root}/at the address"
    monkeypatch.setenv("TELLAPART_CACHE", place)
    return place


@pytest.fixture
def on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> On:
    """Be on a machine of that name."""

    def be(name: str) -> None:
        monkeypatch.setattr(folder, "_systems_place", lambda: tmp_path / name)

    be("one")
    return be


def test_what_one_machine_has_made_another_finds(address: str, on: On) -> None:
    content = rows(600)
    cache = EmbeddingCache(SPACE)
    for digest, vector in content.items():
        cache.put(digest, vector)
    cache.flush()
    assert cache.trouble == ""
    on("two")
    other = EmbeddingCache(SPACE)
    check(other, content)
    more = rows(10, 1000)
    name = other.write(more)
    assert name in destination_at(f"{address}/embeddings/{SPACE}").names()
    on("one")
    check(EmbeddingCache(SPACE), {**content, **more})


def test_a_file_is_fetched_once(address: str, on: On) -> None:
    content = rows(10)
    name = EmbeddingCache(SPACE).write(content)
    on("two")
    check(EmbeddingCache(SPACE), content)
    destination_at(f"{address}/embeddings/{SPACE}").remove(name)
    check(EmbeddingCache(SPACE), content)
    on("three")
    assert next(iter(content)) not in EmbeddingCache(SPACE)


def test_a_cache_that_is_named_on_one_machine_is_found_on_another(address: str, on: On) -> None:
    content = rows(3)
    named = cache_folder()
    EmbeddingCache(SPACE, named).write(content)
    on("two")
    other = EmbeddingCache(SPACE, named)
    check(other, content)
    assert other.folder.is_relative_to(cache_folder())
    assert cache_folder() != named


def test_damage_in_the_copy_is_fetched_anew(address: str, on: On) -> None:
    content = rows(10)
    name = EmbeddingCache(SPACE).write(content)
    damaged_at(1)(cache_folder() / "embeddings" / SPACE / name)
    cache = EmbeddingCache(SPACE)
    assert [digest for digest in content if cache.get(digest) is None]
    check(EmbeddingCache(SPACE), content)


def test_workers_on_another_machine_do_what_threads_do_and_nothing_twice(
    address: str, on: On, tmp_path: Path, network: Network
) -> None:
    paths = [tmp_path / f"{seed}.png" for seed in range(6)]
    for seed, path in enumerate(paths):
        draw_scene(seed=seed).save(path)
        os.utime(path, (1e9, 1e9))
    counts: list[Counts] = []

    def elsewhere(unit: Unit[Any, Any], batches: Iterable[Any]) -> Iterator[Any]:
        copy = pickle.loads(pickle.dumps(unit))
        on("worker")
        copy.start()
        for batch in batches:
            on("worker")
            done = copy.process(batch)
            on("one")
            counts.extend(done)
            yield from done

    here = embed_all(paths, Embedder(network, tmp_path / "here"))
    for machine in ("one", "two"):
        on(machine)
        place = Place("elsewhere", elsewhere, is_far=True)  # type: ignore[arg-type]
        there = embed_all(paths, Embedder(network), place=place)
        assert there.vectors.tobytes() == here.vectors.tobytes()
        assert there.digests == here.digests
    assert [count.known for count in counts] == [0, 6]
    assert list((tmp_path / "one").rglob("*.shard"))


def test_merging_and_clearing_are_of_this_machine(address: str, on: On) -> None:
    content = {}
    cache = EmbeddingCache(SPACE)
    for first in range(0, 20, 5):
        part = rows(5, first)
        cache.write(part)
        content.update(part)
    merge_spaces()
    assert [(one.shards, one.pictures) for one in cache_info()] == [(4, 20)]
    assert clear_cache() > 0
    assert cache_info() == []
    check(EmbeddingCache(SPACE), content)


@pytest.mark.parametrize("address", ["memory"], indirect=True)
def test_without_an_answer_this_machine_goes_on_alone_and_says_so(
    address: str, on: On, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    def refuse(*given: object, **more: object) -> None:
        raise PermissionError("Forbidden")

    content = rows(3)
    monkeypatch.setattr(MemoryFileSystem, "pipe_file", refuse)
    cache = EmbeddingCache(SPACE)
    assert cache.trouble == ""
    assert cache.write(content) == ""
    assert "cannot be written: access denied" in cache.trouble
    check(cache, content)
    monkeypatch.setattr(MemoryFileSystem, "ls", refuse)
    again = EmbeddingCache(SPACE)
    assert "cannot be read: access denied" in again.trouble
    check(again, content)


@pytest.mark.parametrize("wrong", ["nosuch://x", "file:///dev/null"])
def test_an_address_that_cannot_be_is_refused(
    wrong: str, on: On, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fsspec")
    monkeypatch.setenv("TELLAPART_CACHE", wrong)
    with pytest.raises(DestinationError, match="cannot be at an address") as caught:
        EmbeddingCache(SPACE)
    assert "TELLAPART_CACHE" in caught.value.hint


def test_what_knows_the_address_must_be_installed(on: On, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELLAPART_CACHE", "s3://bucket/cache")
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(MissingExtraError, match=r"tellapart\[cloud\]"):
        EmbeddingCache(SPACE)
    assert cache_info() == []


@pytest.mark.parametrize("name", ["copy-of-home", "copies", "copy-of-a%2Fb"])
def test_any_other_folder_is_a_copy_of_nothing(name: str, tmp_path: Path) -> None:
    cache = EmbeddingCache(SPACE, tmp_path / name)
    cache.write(rows(3))
    assert cache.folder.parent.parent == tmp_path / name


def test_the_commands_say_of_which_copy_they_tell(address: str, on: On) -> None:
    copy = str(cache_folder())
    assert run_here("cache", "dir").out.splitlines() == [address, copy]
    said = f"The cache is at {address}. These are the figures of this machine's copy, {copy}:"
    empty = run_here("cache", "info")
    assert empty.out.splitlines() == [said, "The copy is empty."]
    EmbeddingCache(SPACE).write(rows(3))
    for what in ("info", "verify", "merge"):
        found = run_here("cache", what)
        assert (found.code, found.out.splitlines()[0]) == (0, said)
        assert SPACE in found.out


def wrong_addresses(bucket: str) -> dict[str, str]:
    return {"s3://no-such-bucket/x": "there is no bucket no-such-bucket", "s4://x/y": "s4://"}


@pytest.mark.parametrize("what", ["info", "verify", "merge"])
def test_an_address_that_does_not_answer_is_told_instead_of_a_copy(
    what: str, bucket: str, on: On, monkeypatch: pytest.MonkeyPatch
) -> None:
    for address, said in wrong_addresses(bucket).items():
        monkeypatch.setenv("TELLAPART_CACHE", address)
        found = run_here("cache", what)
        assert found.code != 0
        assert said in found.err
        assert "TELLAPART_CACHE" in found.err
        assert found.out == ""


def test_guess_says_that_nothing_is_shared_and_elsewhere_stops(
    bucket: str, on: On, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heroes: DemoPictures
) -> None:
    monkeypatch.setenv("TELLAPART_CACHE", "s3://no-such-bucket/x")
    picture, to = next(heroes.inbox.glob("*.jpg")), tmp_path / "answers"
    model = model_of(heroes)
    for asked in ([], ["--to", str(to)]):
        found = run_here("guess", model, picture, *asked)
        assert found.code == 0
        assert found.err.count("is kept on this machine alone: s3://no-such-bucket/x") == 1
    far = run_here("guess", model, picture, "--to", tmp_path / "more", "--on", "processes:1")
    assert far.code != 0
    assert "A worker cannot write to the cache s3://no-such-bucket/x: " in far.err
    assert "there is no bucket no-such-bucket" in far.err
    assert not (tmp_path / "more").exists()


def test_merging_says_that_a_cache_at_an_address_is_not_merged(address: str, on: On) -> None:
    found = run_here("cache", "merge")
    assert found.code == 0
    assert "A cache at an address is not merged" in found.err
