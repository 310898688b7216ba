"""The index of a cache is never needed and never believed where it is wrong; rows come in bulk."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from conftest import flipped
from tellapart.cache import known, merging
from tellapart.cache.shards import EmbeddingCache, MissingEmbeddingsError
from tellapart.cache.spaces import merge_spaces, spaces_info

SPACE = "good-4567"
WIDTH = 8
FEW = 4  # shards beside an index, in these tests

Rows = dict[bytes, np.ndarray]


def rows(count: int, first: int = 0) -> Rows:
    """Embeddings of pictures that are known by their numbers."""
    return {
        hashlib.sha256(b"%d" % number).digest(): np.full(WIDTH, number / 7, np.float32)
        for number in range(first, first + count)
    }


def check(cache: EmbeddingCache, content: Rows) -> None:
    """All is there, one by one and in bulk."""
    for digest, vector in content.items():
        assert digest in cache
        got = cache.get(digest)
        assert got is not None
        assert got.tobytes() == vector.tobytes()
    taken = cache.take(list(content))
    assert taken.dtype == np.float32
    assert taken.tobytes() == b"".join(vector.tobytes() for vector in content.values())


def files(folder: Path, ending: str) -> list[Path]:
    return sorted((folder / "embeddings" / SPACE).glob(f"*{ending}"))


def small_parts(folder: Path, count: int = 30, each: int = 5) -> Rows:
    """Many small shards, as of many short runs; what is in them."""
    content = {}
    cache = EmbeddingCache(SPACE, folder)
    for number in range(count):
        part = rows(each, number * each)
        assert cache.write(part)
        content.update(part)
    return content


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "_SHARDS_BESIDE", FEW)


def removed(path: Path) -> None:
    path.unlink()


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def of_zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def damaged_at(share: float) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        content = path.read_bytes()
        path.write_bytes(flipped(content, int(share * (len(content) - 1))))

    return damage


HARMS = [removed, emptied, cut, of_zeros, *(damaged_at(at / 20) for at in range(21))]


# Written and taken in bulk


def test_what_is_written_is_one_shard_whatever_the_cache_knew(tmp_path: Path) -> None:
    content = rows(600)
    cache = EmbeddingCache(SPACE, tmp_path)
    for digest in list(content)[:10]:
        cache.put(digest, content[digest])
    name = cache.write(content)
    assert [path.name for path in files(tmp_path, ".shard")] == [name]
    check(cache, content)
    before = files(tmp_path, ".shard")[0].read_bytes()
    again = EmbeddingCache(SPACE, tmp_path)
    assert again.write(dict(reversed(content.items()))) == name
    assert files(tmp_path, ".shard")[0].read_bytes() == before
    check(EmbeddingCache(SPACE, tmp_path), content)
    assert [one.pictures for one in spaces_info(tmp_path)] == [600]


def test_nothing_to_write_is_no_shard_and_no_trouble(tmp_path: Path) -> None:
    cache = EmbeddingCache(SPACE, tmp_path)
    assert cache.write({}) == ""
    assert cache.trouble == ""
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_has_no_name_and_a_reason(tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    cache = EmbeddingCache(SPACE, tmp_path / "cache")
    assert cache.write(rows(3)) == ""
    assert cache.trouble


def test_taken_in_the_order_asked_for_as_often_as_asked_for(tmp_path: Path) -> None:
    content = small_parts(tmp_path)
    cache = EmbeddingCache(SPACE, tmp_path)
    new = rows(3, first=1000)
    for digest, vector in new.items():
        cache.put(digest, vector)  # and not on the disk
    content.update(new)
    asked = [list(content)[at] for at in np.random.default_rng(0).integers(0, len(content), 500)]
    taken = cache.take(asked)
    assert taken.tobytes() == b"".join(content[digest].tobytes() for digest in asked)
    assert cache.take([]).size == 0
    assert cache.take(list(new)).tobytes() == b"".join(one.tobytes() for one in new.values())


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    content = small_parts(tmp_path, 3)
    strangers = rows(2, first=1000)
    with pytest.raises(MissingEmbeddingsError) as caught:
        EmbeddingCache(SPACE, tmp_path).take([*content, *strangers])
    assert caught.value.digests == tuple(strangers)
    assert isinstance(caught.value, KeyError)
    with pytest.raises(MissingEmbeddingsError):
        EmbeddingCache("another", tmp_path).take(list(content))


def test_a_damaged_row_is_missing_and_its_shard_set_aside(tmp_path: Path) -> None:
    content = small_parts(tmp_path, 3)
    path = files(tmp_path, ".shard")[1]
    damaged_at(1)(path)
    with pytest.raises(MissingEmbeddingsError) as caught:
        EmbeddingCache(SPACE, tmp_path).take(list(content))
    assert len(caught.value.digests) == 5
    assert len(files(tmp_path, ".damaged")) == 1
    cache = EmbeddingCache(SPACE, tmp_path)
    cache.write({digest: content[digest] for digest in caught.value.digests})
    check(cache, content)


def test_a_damaged_row_that_is_elsewhere_too_is_found(tmp_path: Path) -> None:
    content = rows(10)
    cache = EmbeddingCache(SPACE, tmp_path)
    names = [cache.write(content), cache.write({**content, **rows(1, 50)})]
    for name in names:
        path = tmp_path / "embeddings" / SPACE / name
        whole = path.read_bytes()
        damaged_at(1)(path)
        check(EmbeddingCache(SPACE, tmp_path), content)
        path.write_bytes(whole)


def test_a_whole_shard_takes_the_place_of_a_damaged_one_that_is_open(tmp_path: Path) -> None:
    content = rows(10)
    name = EmbeddingCache(SPACE, tmp_path).write(content)
    path = tmp_path / "embeddings" / SPACE / name
    damaged_at(1)(path)
    cache = EmbeddingCache(SPACE, tmp_path)
    assert cache.get(sorted(content)[0]) is not None  # this row is whole
    path.rename(path.with_suffix(".damaged"))
    EmbeddingCache(SPACE, tmp_path).write(content)  # as another process does
    check(cache, content)
    assert path.exists()


# The index


@pytest.mark.usefixtures("few")
def test_many_shards_have_one_index_and_a_start_reads_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = small_parts(tmp_path)
    cache = EmbeddingCache(SPACE, tmp_path)
    assert len(files(tmp_path, ".index")) == 1
    check(cache, content)
    opened: list[Path] = []
    monkeypatch.setattr(known, "read_head", opened.append)
    EmbeddingCache(SPACE, tmp_path)
    assert len(opened) <= FEW


def test_few_shards_need_no_index(tmp_path: Path) -> None:
    small_parts(tmp_path)
    assert files(tmp_path, ".index") == []


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("harm", HARMS)
def test_an_index_that_is_not_whole_is_made_anew(
    harm: Callable[[Path], None], tmp_path: Path
) -> None:
    content = small_parts(tmp_path)
    (path,) = files(tmp_path, ".index")
    whole = path.read_bytes()
    harm(path)
    check(EmbeddingCache(SPACE, tmp_path), content)
    new = files(tmp_path, ".index")
    assert len(new) == 1
    assert new[0].read_bytes()[:16] == whole[:16]
    check(EmbeddingCache(SPACE, tmp_path), content)


@pytest.mark.usefixtures("few")
def test_an_index_of_shards_that_are_gone_is_not_believed(tmp_path: Path) -> None:
    content = small_parts(tmp_path)
    cache = EmbeddingCache(SPACE, tmp_path)
    gone = files(tmp_path, ".shard")[0]
    gone.unlink()
    for each in (cache, EmbeddingCache(SPACE, tmp_path)):
        there = {
            digest: vector for digest, vector in content.items() if each.get(digest) is not None
        }
        assert len(there) == len(content) - 5
        check(each, there)
    assert [one.pictures for one in spaces_info(tmp_path)] == [len(content) - 5]


@pytest.mark.usefixtures("few")
def test_a_shard_that_was_cut_is_not_hidden_by_the_index(tmp_path: Path) -> None:
    content = small_parts(tmp_path)
    cut(files(tmp_path, ".shard")[0])
    with pytest.raises(MissingEmbeddingsError) as caught:
        EmbeddingCache(SPACE, tmp_path).take(list(content))
    assert len(caught.value.digests) == 5


@pytest.mark.usefixtures("few")
def test_digests_that_begin_alike_are_told_apart(tmp_path: Path) -> None:
    content = {
        bytes(8) + bytes([number]) * 24: np.full(WIDTH, number, np.float32) for number in range(40)
    }
    cache = EmbeddingCache(SPACE, tmp_path)
    for digest, vector in content.items():
        cache.write({digest: vector})
    cache.write(content)
    check(cache, content)
    check(EmbeddingCache(SPACE, tmp_path), content)
    assert bytes(8) + bytes([41]) * 24 not in cache
    assert [one.pictures for one in spaces_info(tmp_path)] == [40]


@pytest.mark.usefixtures("few")
def test_threads_that_write_and_read_at_once(tmp_path: Path) -> None:
    cache = EmbeddingCache(SPACE, tmp_path)

    def work(number: int) -> None:
        for part in range(10):
            content = rows(5, 1000 * number + 5 * part)
            cache.write(content)
            check(cache, content)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    for each in (cache, EmbeddingCache(SPACE, tmp_path)):
        for number in range(4):
            check(each, rows(50, 1000 * number))


GROWN = """
import sys
from pathlib import Path
from tellapart.cache.shards import EmbeddingCache

def grown():
    lines = Path("/proc/self/smaps_rollup").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))

EmbeddingCache("nothing", Path(sys.argv[1])).get(bytes(32))
before = grown()
cache = EmbeddingCache(sys.argv[2], Path(sys.argv[1]))
print(grown() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="asks Linux")
def test_an_open_cache_takes_no_memory_for_its_rows(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cache = EmbeddingCache(SPACE, tmp_path)
    for _ in range(4):
        digests = rng.bytes(32 * 25_000)
        part = {digests[at : at + 32]: np.zeros(1) for at in range(0, len(digests), 32)}
        cache.write(part)
    script = [sys.executable, "-c", GROWN, str(tmp_path), SPACE]
    run = subprocess.run(script, stdout=subprocess.PIPE, encoding="utf-8", check=True)
    assert int(run.stdout) < 1_600  # kB, where 100,000 digests alone are 3,200


# The law, in any order of what can happen


class AnyOrder(RuleBasedStateMachine):
    """What was written is found, by whoever opened the cache before or after."""

    folder: Path
    place: Path
    numbers: Iterator[int]

    @initialize()
    def begin(self) -> None:
        self.folder = AnyOrder.place / str(next(AnyOrder.numbers))
        self.content: Rows = {}
        self.caches = [EmbeddingCache(SPACE, self.folder)]

    @rule(count=st.integers(1, 6), first=st.integers(0, 60), which=st.integers(0, 9))
    def write(self, count: int, first: int, which: int) -> None:
        part = rows(count, first)
        self.caches[which % len(self.caches)].write(part)
        self.content.update(part)

    @rule(count=st.integers(1, 6), first=st.integers(0, 60), which=st.integers(0, 9))
    def put(self, count: int, first: int, which: int) -> None:
        part = rows(count, first)
        cache = self.caches[which % len(self.caches)]
        for digest, vector in part.items():
            cache.put(digest, vector)
        cache.flush()
        self.content.update(part)

    @rule()
    def open_another(self) -> None:
        self.caches = [*self.caches[-2:], EmbeddingCache(SPACE, self.folder)]

    @rule()
    def merge(self) -> None:
        merge_spaces(self.folder)
        assert len(files(self.folder, ".shard")) <= 1 + len(self.content) / merging._SMALL

    @rule(harm=st.sampled_from(HARMS))
    def harm_the_index(self, harm: Callable[[Path], None]) -> None:
        for path in files(self.folder, ".index"):
            content = path.read_bytes()
            path.unlink()  # so that who has mapped it keeps what is mapped
            path.write_bytes(content)
            harm(path)

    @invariant()
    def all_is_found(self) -> None:
        if hasattr(self, "caches"):
            check(EmbeddingCache(SPACE, self.folder), self.content)
            for cache in self.caches:
                known_to_it = {d: v for d, v in self.content.items() if d in cache}
                check(cache, known_to_it)
            assert sum(one.pictures for one in spaces_info(self.folder)) == len(self.content)


@pytest.mark.usefixtures("few")
def test_any_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "_MANY", 5)
    monkeypatch.setattr(merging, "_SMALL", 8)
    monkeypatch.setattr(merging, "_LARGE", 20)
    AnyOrder.place, AnyOrder.numbers = tmp_path, count()
    run_state_machine_as_test(
        AnyOrder, settings=settings(max_examples=12, stateful_step_count=15, deadline=None)
    )
