"""Small shards become large ones: nothing is lost by it, whoever reads, writes or is killed."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest

from kills import killed_at, moments
from tellapart.cache import known, merging, shardfile
from tellapart.cache.shardfile import Head
from tellapart.cache.shards import EmbeddingCache, MissingEmbeddingsError
from tellapart.cache.spaces import merge_spaces, spaces_info
from test_cache_index import SPACE, Rows, check, cut, damaged_at, files, rows, small_parts


@pytest.fixture(autouse=True)
def small_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "_SHARDS_BESIDE", 4)
    monkeypatch.setattr(merging, "_MANY", 6)
    monkeypatch.setattr(merging, "_SMALL", 20)
    monkeypatch.setattr(merging, "_LARGE", 60)
    monkeypatch.setattr(merging, "_WORTH", 6)


def many_parts(folder: Path, count: int = 30, each: int = 5) -> Rows:
    """Many small shards that nobody has merged yet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merging, "_MANY", 1000)
        return small_parts(folder, count, each)


def row_counts(folder: Path) -> list[int]:
    """The rows of each shard."""
    headers = [json.loads(path.read_bytes()[:256]) for path in files(folder, ".shard")]
    return sorted(header["rows"] for header in headers)


def test_who_writes_many_shards_merges_them(tmp_path: Path) -> None:
    content = small_parts(tmp_path, 100)
    assert len(files(tmp_path, ".shard")) <= 6 + 500 / 20
    assert sum(row_counts(tmp_path)) == 500
    check(EmbeddingCache(SPACE, tmp_path), content)


def test_a_short_run_merges_at_its_end(tmp_path: Path) -> None:
    content = many_parts(tmp_path)
    cache = EmbeddingCache(SPACE, tmp_path)
    cache.flush()  # which had nothing to write
    assert len(files(tmp_path, ".shard")) == 30
    new = rows(1, 1000)
    for digest, vector in new.items():
        cache.put(digest, vector)
    cache.flush()
    assert max(row_counts(tmp_path)) == 60
    check(cache, {**content, **new})
    check(EmbeddingCache(SPACE, tmp_path), {**content, **new})


def test_all_that_is_small_can_be_merged(tmp_path: Path) -> None:
    content = many_parts(tmp_path)
    reader = EmbeddingCache(SPACE, tmp_path)
    assert len(row_counts(tmp_path)) == 30
    merge_spaces(tmp_path)
    assert row_counts(tmp_path) == [30, 60, 60]
    assert [one.pictures for one in spaces_info(tmp_path)] == [150]
    check(reader, content)
    check(EmbeddingCache(SPACE, tmp_path), content)
    before = files(tmp_path, "")
    merge_spaces(tmp_path)
    assert files(tmp_path, "") == before


def test_what_stands_twice_is_kept_once(tmp_path: Path) -> None:
    content = many_parts(tmp_path)
    merge_spaces(tmp_path)
    again = many_parts(tmp_path, 40)
    assert len(row_counts(tmp_path)) == 43
    merge_spaces(tmp_path)
    assert sum(row_counts(tmp_path)) == 200
    check(EmbeddingCache(SPACE, tmp_path), {**content, **again})


def test_a_row_is_the_same_bytes_however_it_came_there(tmp_path: Path) -> None:
    content = many_parts(tmp_path / "a", 12)
    merge_spaces(tmp_path / "a")
    EmbeddingCache(SPACE, tmp_path / "b").write(content)
    (one,), (other,) = files(tmp_path / "a", ".shard"), files(tmp_path / "b", ".shard")
    assert one.name == other.name
    assert one.read_bytes() == other.read_bytes()


def test_shards_of_other_widths_stay_apart(tmp_path: Path) -> None:
    content = many_parts(tmp_path, 8)
    odd = {bytes([number]) * 32: np.full(3, number, np.float32) for number in range(3)}
    for digest, vector in odd.items():
        EmbeddingCache(SPACE, tmp_path).write({digest: vector})
    merge_spaces(tmp_path)
    merge_spaces(tmp_path)
    cache = EmbeddingCache(SPACE, tmp_path)
    check(cache, content)
    check(cache, odd)


# Others at the same time


def test_who_reads_meanwhile_goes_on(tmp_path: Path) -> None:
    content = many_parts(tmp_path)
    readers = [EmbeddingCache(SPACE, tmp_path) for _ in range(3)]

    def read(cache: EmbeddingCache) -> None:
        for _ in range(30):
            check(cache, content)

    with ThreadPoolExecutor(4) as pool:
        reading = [pool.submit(read, cache) for cache in readers]
        for first in range(1000, 1200, 5):
            EmbeddingCache(SPACE, tmp_path).write(rows(5, first))
            merge_spaces(tmp_path)
        for each in reading:
            each.result()


def test_who_looks_while_shards_go_on_going_sees_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = many_parts(tmp_path)
    for path in files(tmp_path, ".index"):
        path.unlink()
    going = files(tmp_path, ".shard")[7]

    def read_head(path: Path) -> Head:
        if path == going:  # it is listed, and has gone when it is read
            raise FileNotFoundError
        return shardfile.read_head(path)

    monkeypatch.setattr(known, "read_head", read_head)
    cache = EmbeddingCache(SPACE, tmp_path)
    there = {digest: row for digest, row in content.items() if digest in cache}
    assert len(there) == len(content) - 5
    check(cache, there)


def test_while_another_process_merges_nobody_waits(tmp_path: Path) -> None:
    content = many_parts(tmp_path)
    with merging._alone(tmp_path / "embeddings" / SPACE) as ours:
        assert ours
        before = files(tmp_path, "")
        merge_spaces(tmp_path)
        content.update(small_parts(tmp_path, 40))
        check(EmbeddingCache(SPACE, tmp_path), content)
        after = files(tmp_path, "")
        assert len(after) == len(before) + 10
        assert {path.name for path in before} < {path.name for path in after}
    merge_spaces(tmp_path)
    check(EmbeddingCache(SPACE, tmp_path), content)


WRITING = """
import sys; sys.path[:0] = sys.argv[3:]
from functools import partial
from pathlib import Path
from zlib import crc32
from tellapart.cache import known, merging, shardfile
from tellapart.cache.shardfile import Head
from tellapart.cache.shards import EmbeddingCache
from test_cache_index import SPACE, check, rows
known._SHARDS_BESIDE, merging._MANY, merging._SMALL = 4, 6, 20
cache = EmbeddingCache(SPACE, Path(sys.argv[1]))
first = int(sys.argv[2])
for part in range(0, 200, 10):
    cache.write(rows(10, first + part))
    check(cache, rows(part + 10, first))
check(EmbeddingCache(SPACE, Path(sys.argv[1])), rows(200, first))
"""


@pytest.mark.slow
def test_processes_that_write_merge_and_read_at_once(tmp_path: Path) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", WRITING, str(tmp_path), first, *sys.path])
        for first in ("0", "100")
    ]
    assert [process.wait() for process in running] == [0, 0]
    merge_spaces(tmp_path)
    check(EmbeddingCache(SPACE, tmp_path), rows(300))
    assert sum(row_counts(tmp_path)) <= 400


def test_what_cannot_be_deleted_is_no_failure_and_does_not_grow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = many_parts(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(merging, "delete", lambda path: 0)  # as of a file that Windows holds open
        merge_spaces(tmp_path)
        size = len(files(tmp_path, ".shard"))
        merge_spaces(tmp_path)
        assert len(files(tmp_path, ".shard")) <= size + 2
        check(EmbeddingCache(SPACE, tmp_path), content)
    merge_spaces(tmp_path)
    assert sum(row_counts(tmp_path)) == len(content)
    check(EmbeddingCache(SPACE, tmp_path), content)


WITHOUT_POSIX = """
import sys; sys.path[:0] = sys.argv[2:]
import hypothesis, hypothesis.stateful, like_windows  # what looks at the system, before
like_windows.be()
from pathlib import Path
from tellapart.cache import index, known, merging
from tellapart.cache.shards import EmbeddingCache
from tellapart.cache.spaces import merge_spaces
from test_cache_index import SPACE, check, files, small_parts
known._SHARDS_BESIDE, merging._MANY, merging._SMALL, index._IN_MEMORY = 4, 6, 20, 0
place = Path(sys.argv[1])
content = small_parts(place, 40)
reader = EmbeddingCache(SPACE, place)
check(reader, content)  # and has files mapped
merge_spaces(place)
check(reader, content)
check(EmbeddingCache(SPACE, place), content)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks open files up in /proc")
def test_on_windows_as_far_as_linux_can_tell(tmp_path: Path) -> None:
    script = [sys.executable, "-c", WITHOUT_POSIX, str(tmp_path), *sys.path]
    run = subprocess.run(script, capture_output=True, encoding="utf-8", check=False)
    assert run.returncode == 0, run.stderr
    assert sum(row_counts(tmp_path)) == 200
    assert len(row_counts(tmp_path)) <= 10


# Kills and damage


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_kill_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    content = many_parts(tmp_path / "whole", 14)
    shards = {path.name: path.read_bytes() for path in files(tmp_path / "whole", ".shard")}

    def again(name: str) -> Path:
        space = tmp_path / name / "embeddings" / SPACE
        space.mkdir(parents=True)
        for shard, whole in shards.items():
            (space / shard).write_bytes(whole)
        return tmp_path / name

    last = moments(partial(merge_spaces, again("counted")))
    assert last > 30
    for moment in range(1, last + 1, 4):
        folder = again(str(moment))
        assert not killed_at(moment, partial(merge_spaces, folder))
        check(EmbeddingCache(SPACE, folder), content)
        assert [one.damaged for one in spaces_info(folder, check=True)] == [0]
        merge_spaces(folder)
        check(EmbeddingCache(SPACE, folder), content)
        assert len(row_counts(folder)) <= 3
        assert sum(row_counts(folder)) <= len(content) + 5  # of one that is alone
        assert not [path for path in files(folder, ".part") if path.name.startswith(".")]


def test_a_damaged_small_shard_is_set_aside_and_the_others_merged(tmp_path: Path) -> None:
    content = many_parts(tmp_path)
    damaged_at(1)(files(tmp_path, ".shard")[3])
    cut(files(tmp_path, ".shard")[7])
    merge_spaces(tmp_path)
    merge_spaces(tmp_path)
    assert len(files(tmp_path, ".damaged")) == 2
    assert sum(row_counts(tmp_path)) == 140
    with pytest.raises(MissingEmbeddingsError) as caught:
        EmbeddingCache(SPACE, tmp_path).take(list(content))
    assert len(caught.value.digests) == 10


@pytest.mark.parametrize("by", ["get", "take", "verify"])
def test_a_large_shard_loses_no_more_than_its_damaged_rows(by: str, tmp_path: Path) -> None:
    content = rows(50)
    EmbeddingCache(SPACE, tmp_path).write(content)
    damaged_at(1)(files(tmp_path, ".shard")[0])
    if by == "verify":
        assert [one.damaged for one in spaces_info(tmp_path, check=True)] == [1]
    cache = EmbeddingCache(SPACE, tmp_path)
    if by == "take":
        with pytest.raises(MissingEmbeddingsError) as caught:
            cache.take(list(content))
        assert caught.value.digests == (max(content),)
    there = {digest: content[digest] for digest in content if cache.get(digest) is not None}
    assert there.keys() == content.keys() - {max(content)}
    check(EmbeddingCache(SPACE, tmp_path), there)
    assert len(files(tmp_path, ".damaged")) == 1


# What earlier releases wrote


def test_a_cache_of_an_earlier_release_is_read_and_merged(tmp_path: Path) -> None:
    """Format 1 as it was written from the first release on, here by hand."""
    content = rows(150)
    space = tmp_path / "embeddings" / SPACE
    space.mkdir(parents=True)
    for first in range(0, 150, 5):
        part = dict(sorted(list(content.items())[first : first + 5]))
        vectors = np.stack(list(part.values())).astype("<f4")
        header = {"format": "tellapart embeddings 1", "rows": 5, "dimensions": vectors.shape[1]}
        whole = json.dumps(header).encode().ljust(256) + b"".join(part)
        whole += np.array(
            [crc32(digest + row.tobytes()) for digest, row in part.items()], "<u4"
        ).tobytes()
        whole += vectors.tobytes()
        (space / f"{hashlib.sha256(whole).hexdigest()[:24]}.shard").write_bytes(whole)
    check(EmbeddingCache(SPACE, tmp_path), content)
    merge_spaces(tmp_path)
    assert row_counts(tmp_path) == [30, 60, 60]
    check(EmbeddingCache(SPACE, tmp_path), content)
