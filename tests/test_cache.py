"""What was embedded once is found again; what is damaged is never believed; nothing ever fails."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conftest import flipped
from drawn import run_here
from tellapart.cache.folder import SpaceInfo, cache_folder
from tellapart.cache.shards import EmbeddingCache
from tellapart.cache.stores import NETWORKS, cache_info, clear_cache, verify_cache

SPACE = "fast-0123"
WIDTH = 8

Rows = dict[bytes, np.ndarray]


def rows(count: int, first: int = 0) -> Rows:
    """Embeddings of pictures that are known by their numbers."""
    return {
        hashlib.sha256(b"%d" % number).digest(): np.full(WIDTH, number / 7, np.float32)
        for number in range(first, first + count)
    }


def fill(folder: Path, content: Rows, space: str = SPACE) -> EmbeddingCache:
    cache = EmbeddingCache(space, folder)
    for digest, vector in content.items():
        cache.put(digest, vector)
    cache.flush()
    return cache


def found(cache: EmbeddingCache, content: Rows) -> int:
    """How many of the embeddings are there; fails where one is not the one that was put in."""
    count = 0
    for digest, expected in content.items():
        if (vector := cache.get(digest)) is not None:
            assert vector.tobytes() == expected.tobytes()
            count += 1
    return count


def shards(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.shard"))


def test_the_cache_of_these_tests_is_their_own(own_cache: Path) -> None:
    assert cache_folder() == own_cache


def test_without_a_wish_the_cache_is_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TELLAPART_CACHE")
    assert cache_folder().is_absolute()
    assert "tellapart" in cache_folder().parts


@pytest.mark.parametrize("count", [1, 255, 256, 257, 600])
def test_round_trip(count: int, tmp_path: Path) -> None:
    content = rows(count)
    assert found(fill(tmp_path, content), content) == count
    assert found(EmbeddingCache(SPACE, tmp_path), content) == count
    assert EmbeddingCache(SPACE, tmp_path).get(bytes(32)) is None
    assert len(shards(tmp_path)) == -(-count // 256)


def test_what_is_not_yet_on_the_disk_is_found_too(tmp_path: Path) -> None:
    content = rows(5)
    cache = EmbeddingCache(SPACE, tmp_path)
    for digest, vector in content.items():
        cache.put(digest, vector)
    assert shards(tmp_path) == []
    assert found(cache, content) == 5


def test_what_a_kill_can_lose_is_bounded(tmp_path: Path) -> None:
    content = rows(700)
    cache = EmbeddingCache(SPACE, tmp_path)
    for digest, vector in content.items():
        cache.put(digest, vector)  # and no flush
    assert found(EmbeddingCache(SPACE, tmp_path), content) == 512


def test_spaces_are_apart(tmp_path: Path) -> None:
    content = rows(3)
    fill(tmp_path, content)
    assert found(EmbeddingCache("good-0123", tmp_path), content) == 0


def test_flushing_nothing_writes_nothing(tmp_path: Path) -> None:
    EmbeddingCache(SPACE, tmp_path).flush()
    assert list(tmp_path.iterdir()) == []


def test_what_came_out_may_be_changed(tmp_path: Path) -> None:
    content = rows(1)
    (digest,) = content
    fill(tmp_path, content)
    cache = EmbeddingCache(SPACE, tmp_path)
    vector = cache.get(digest)
    assert vector is not None
    vector += 1
    assert found(cache, content) == 1


def test_the_same_rows_are_the_same_file(tmp_path: Path) -> None:
    content = rows(10)
    for part in ("a", "b"):
        fill(tmp_path / part, dict(sorted(content.items(), reverse=part == "b")))
    (first,), (second,) = shards(tmp_path / "a"), shards(tmp_path / "b")
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()


def test_two_caches_at_once_by_threads(tmp_path: Path) -> None:
    parts = [rows(150, 100 * number) for number in range(6)]  # half of each is in the next
    one, two = EmbeddingCache(SPACE, tmp_path), EmbeddingCache(SPACE, tmp_path)

    def work(number: int) -> None:
        cache = (one, two)[number % 2]
        for digest, vector in parts[number].items():
            cache.put(digest, vector)
        cache.flush()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert found(EmbeddingCache(SPACE, tmp_path), rows(650)) == 650
    (info,) = verify_cache(tmp_path)
    assert (info.pictures, info.damaged) == (650, 0)


FILLING = """
import sys; sys.path[:0] = sys.argv[3:]
from pathlib import Path
from test_cache import fill, rows
fill(Path(sys.argv[1]), rows(400, int(sys.argv[2])))
"""


@pytest.mark.slow
def test_two_processes_at_once(tmp_path: Path) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", FILLING, str(tmp_path), first, *sys.path])
        for first in ("0", "200", "0")
    ]
    assert [process.wait() for process in running] == [0, 0, 0]
    (info,) = verify_cache(tmp_path)
    assert (info.pictures, info.damaged) == (600, 0)
    assert found(EmbeddingCache(SPACE, tmp_path), rows(600)) == 600


# Damage. A shard is a header of 256 bytes, digests, checksums and vectors.

COUNT = 5
REGIONS = {
    "the format": 13,
    "the number of rows": json.dumps({"format": "tellapart embeddings 1", "rows": 5}).index("5}"),
    "the padding": 200,
    "a digest": 256 + 40,
    "a checksum": 256 + 32 * COUNT + 6,
    "a vector": 256 + 36 * COUNT + 100,
    "the last byte": 256 + 36 * COUNT + 4 * WIDTH * COUNT - 1,
}


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    fill(tmp_path, rows(COUNT))
    (path,) = shards(tmp_path)
    assert path.stat().st_size == REGIONS["the last byte"] + 1
    return path


Damage = Callable[[bytes], bytes]
DAMAGES: dict[str, Damage] = {
    **{name: partial(flipped, at=at) for name, at in REGIONS.items()},
    "cut by a byte": lambda content: content[:-1],
    "cut in its vectors": lambda content: content[:500],
    "cut in its header": lambda content: content[:100],
    "empty": lambda content: b"",
    "longer": lambda content: content + bytes(4),
    "zeros": lambda content: bytes(len(content)),
    "a list": lambda content: b"[1]".ljust(256) + content[256:],
    "endless rows": lambda content: content.replace(b'"rows": 5,', b'"rows": Infinity,'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_shard_is_not_believed_and_its_rows_can_be_put_anew(
    damage: str, shard: Path, tmp_path: Path
) -> None:
    shard.write_bytes(DAMAGES[damage](shard.read_bytes()))
    content = rows(COUNT)
    cache = EmbeddingCache(SPACE, tmp_path)
    assert found(cache, content) < COUNT
    for digest, vector in content.items():
        if cache.get(digest) is None:
            cache.put(digest, vector)
    cache.flush()
    assert found(cache, content) == COUNT
    assert found(EmbeddingCache(SPACE, tmp_path), content) == COUNT
    assert cache.trouble == ""


@pytest.mark.parametrize("damage", DAMAGES)
def test_verify_sets_damaged_shards_aside(damage: str, shard: Path, tmp_path: Path) -> None:
    good = rows(3, first=100)
    fill(tmp_path, good)
    shard.write_bytes(DAMAGES[damage](shard.read_bytes()))
    (info,) = verify_cache(tmp_path)
    assert (info.shards, info.pictures, info.damaged) == (1, 3, 1)
    assert not shard.exists()
    assert shard.with_suffix(".damaged").exists()
    (again,) = verify_cache(tmp_path)
    assert again.damaged == 0
    assert found(EmbeddingCache(SPACE, tmp_path), good) == 3


def test_a_bad_row_sets_its_shard_aside_when_it_is_read(shard: Path, tmp_path: Path) -> None:
    shard.write_bytes(flipped(shard.read_bytes(), REGIONS["a vector"]))
    cache = EmbeddingCache(SPACE, tmp_path)
    assert found(cache, rows(COUNT)) < COUNT
    assert not shard.exists()
    assert found(EmbeddingCache(SPACE, tmp_path), rows(COUNT)) == 0


@given(content=st.binary(max_size=400), keep=st.integers(0, 300))
@example(content=b'{"format": "tellapart embeddings 1", "rows": -1, "dimensions": 8}', keep=0)
@example(content=b'{"format": "tellapart embeddings 1", "rows": 1e999, "dimensions": 8}', keep=0)
@example(content=b'{"format": "tellapart embeddings 1", "rows": "x", "dimensions": []}', keep=0)
def test_any_file_may_lie_in_the_cache(
    content: bytes, keep: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "any-shard"
    fill(folder, rows(COUNT))
    place = folder / "embeddings" / SPACE / "0.shard"
    place.write_bytes(shards(folder)[-1].read_bytes()[:keep] + content.ljust(256))
    cache = EmbeddingCache(SPACE, folder)
    found(cache, rows(COUNT))
    verify_cache(folder)
    assert found(EmbeddingCache(SPACE, folder), rows(COUNT)) == COUNT


# Places that cannot be written to.


def file_in_place_of_the_folder(folder: Path) -> Path:
    folder.touch()
    return folder


def file_in_place_of_the_space(folder: Path) -> Path:
    (folder / "embeddings").mkdir(parents=True)
    (folder / "embeddings" / SPACE).touch()
    return folder


@pytest.mark.parametrize(
    "make",
    [
        file_in_place_of_the_folder,
        file_in_place_of_the_space,
        lambda folder: Path("/proc/tellapart"),
        lambda folder: folder / ("x" * 300),
    ],
)
def test_without_a_place_there_is_no_cache_and_no_failure(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    folder = make(tmp_path / "cache")
    cache = fill(folder, rows(300))
    assert cache.trouble
    assert cache.trouble == cache.trouble.lower()
    assert found(cache, rows(300)) == 0
    assert found(EmbeddingCache(SPACE, folder), rows(300)) == 0
    cache_info(folder)
    verify_cache(folder)
    assert clear_cache(folder) == 0


WITH_LITTLE_ROOM = """
import resource, sys; sys.path[:0] = sys.argv[2:]
from pathlib import Path
from test_cache import fill, found, rows
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
old = rows(3)
cache = fill(Path(sys.argv[1]), old)
assert cache.trouble == "", cache.trouble
for digest, vector in rows(600, 100).items():
    cache.put(digest, vector)
cache.flush()
assert cache.trouble == "file too large", cache.trouble
assert found(cache, old) == 3
"""


def test_a_full_disk_is_no_failure_and_leaves_nothing(tmp_path: Path) -> None:
    script = [sys.executable, "-c", WITH_LITTLE_ROOM, str(tmp_path), *sys.path]
    subprocess.run(script, check=True)
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".shard"]
    assert found(EmbeddingCache(SPACE, tmp_path), rows(3)) == 3
    assert verify_cache(tmp_path)[0].damaged == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_cache_is_read(tmp_path: Path) -> None:
    fill(tmp_path, rows(3))
    space = tmp_path / "embeddings" / SPACE
    space.chmod(0o555)
    try:
        cache = fill(tmp_path, rows(5))
        assert cache.trouble == "permission denied"
        assert found(cache, rows(3)) == 3
    finally:
        space.chmod(0o755)


# What the commands use.


def test_info(tmp_path: Path) -> None:
    assert cache_info(tmp_path) == []
    fill(tmp_path, rows(300))
    fill(tmp_path, rows(7), "good-9")
    sizes = {
        space: sum(s.stat().st_size for s in shards(tmp_path / "embeddings" / space))
        for space in (SPACE, "good-9")
    }
    assert cache_info(tmp_path) == [
        SpaceInfo(SPACE, 2, 300, sizes[SPACE]),
        SpaceInfo("good-9", 1, 7, sizes["good-9"]),
    ]


def test_info_changes_nothing(shard: Path, tmp_path: Path) -> None:
    shard.write_bytes(shard.read_bytes()[:-1])
    assert cache_info(tmp_path)[0].damaged == 1
    assert shard.exists()


def test_clear_deletes_what_the_cache_wrote_and_nothing_else(tmp_path: Path) -> None:
    fill(tmp_path, rows(300))
    fill(tmp_path, rows(7), "good-9")
    space = tmp_path / "embeddings" / SPACE
    shards(space)[0].write_bytes(b"damaged")
    verify_cache(tmp_path)
    (space / ".tellapart-x1").write_bytes(b"left by a kill")
    strangers = [
        tmp_path / "notes.txt",
        tmp_path / "embeddings" / "mine.npy",
        tmp_path / "embeddings" / "photos" / "cat.jpg",
        space / "mine.txt",
    ]
    for path in strangers:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"somebody's")
    mine = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    mine -= sum(path.stat().st_size for path in strangers)

    assert clear_cache(tmp_path) == mine
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(strangers)
    assert not (tmp_path / "embeddings" / "good-9").exists()
    assert clear_cache(tmp_path) == 0


def test_a_cleared_cache_can_be_filled_again(tmp_path: Path) -> None:
    fill(tmp_path, rows(3))
    assert clear_cache(tmp_path) > 0
    assert list((tmp_path / "embeddings").iterdir()) == []
    assert found(fill(tmp_path, rows(3)), rows(3)) == 3


def test_more_shards_than_a_process_may_open_files(tmp_path: Path) -> None:
    for row in range(40):
        cache = EmbeddingCache("space", tmp_path)
        cache.put(bytes([row]) * 32, np.full(3, row, np.float32))
        cache.flush()
    script = """
import resource, sys; sys.path[:0] = sys.argv[2:]
from pathlib import Path
from tellapart.cache.shards import EmbeddingCache
resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
cache = EmbeddingCache("space", Path(sys.argv[1]))
print(sum(float(cache.get(bytes([row]) * 32)[0]) for row in range(40)))
"""
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), *sys.path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout.strip() == str(float(sum(range(40)))), run.stderr


def test_verify_names_what_is_damaged_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELLAPART_CACHE", str(tmp_path))
    network = tmp_path / "networks" / "one.network"
    for number in range(6):
        NETWORKS.keep(f"{number}.network", b"content")
    NETWORKS.keep(network.name, b"content")
    assert run_here("cache", "verify").code == 0
    network.write_bytes(b"content")
    found = run_here("cache", "verify")
    assert found.code == 1
    assert f"Damaged: {network}\n" in found.out
    assert "Nothing is lost: what is damaged is never used" in found.out
    assert run_here("cache", "verify", "--json").json()[0]["damaged_files"] == [str(network)]
    assert NETWORKS.read(network.name) is None  # as if it were not there: it is built again
    for path in network.parent.iterdir():
        path.write_bytes(b"")
    assert "And 2 more." in run_here("cache", "verify").out
    cache = EmbeddingCache(SPACE, tmp_path)
    name = cache.write({bytes([n]) * 32: np.ones(4, np.float32) for n in range(3)})
    (cache.folder / name).write_bytes(b"cut")
    (row,) = [one for one in verify_cache(tmp_path) if one.space == SPACE]
    assert row.damaged == len(row.damaged_files) == 1
    assert Path(row.damaged_files[0]).exists()
