"""What is built once is kept, checked when it is read, and built again where it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from drawn import run
from tellapart.backbones.built import Built, built_once
from tellapart.backbones.graph import Network, network_of
from tellapart.backbones.rows import quality
from tellapart.cache.stores import cache_info, clear_cache, verify_cache


class Builder:
    """Builds `content` and counts how often."""

    def __init__(self, content: bytes = b"a network") -> None:
        self.content = content
        self.calls = 0

    def __call__(self) -> bytes:
        self.calls += 1
        return self.content


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TELLAPART_CACHE", str(tmp_path))
    return tmp_path


def test_it_is_built_once(cache: Path) -> None:
    build = Builder()
    first, second = built_once("origin", build), built_once("origin", build)
    assert first == second
    assert (build.calls, first.content) == (1, b"a network")
    assert built_once("another", Builder(b"other")).content == b"other"
    assert [(row.shards, row.damaged) for row in verify_cache()] == [(2, 0)]


def test_without_an_origin_nothing_is_kept() -> None:
    build = Builder()
    assert built_once("", build) == built_once("", build)
    assert build.calls == 2
    assert cache_info() == []


@pytest.mark.parametrize("at", [0, 10, -1])
def test_a_flipped_bit_is_noticed(at: int, cache: Path) -> None:
    built_once("origin", Builder())
    (file,) = (cache / "networks").iterdir()
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)
    assert verify_cache()[0].damaged == 1
    again = Builder()
    assert built_once("origin", again).content == b"a network"
    assert again.calls == 1
    assert verify_cache()[0].damaged == 0


@pytest.mark.parametrize("left", [b"", b"abc", b"x" * 40])
def test_a_file_cut_short_is_noticed(left: bytes, cache: Path) -> None:
    built_once("origin", Builder())
    (file,) = (cache / "networks").iterdir()
    file.write_bytes(left)
    assert built_once("origin", Builder()).content == b"a network"


def test_where_nothing_can_be_kept_it_is_built_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TELLAPART_CACHE", str(tmp_path / "file"))
    build = Builder()
    assert built_once("origin", build) == built_once("origin", build)
    assert build.calls == 2


def test_clearing_deletes_what_is_kept_and_nothing_else(cache: Path) -> None:
    built_once("origin", Builder())
    mine = cache / "networks" / "mine.txt"
    mine.write_text("mine")
    assert clear_cache() > 0
    assert [path.name for path in (cache / "networks").iterdir()] == ["mine.txt"]
    assert clear_cache() == 0


def test_a_kept_network_is_the_one_that_is_built() -> None:
    row = quality("fast")
    fresh = network_of(row)
    plain = Network(fresh.name, fresh.trunks, fresh.views)
    assert fresh.content == plain.content
    kept = network_of(row)
    assert (kept.content, kept.digest) == (plain.content, plain.digest)
    assert isinstance(kept._built, Built)
    assert not any("part" in vars(trunk) for trunk in kept.trunks)  # no weights were read


def test_the_command_line_tells_of_it_and_clears_it(cache: Path) -> None:
    built_once("origin", Builder())
    environment = {"TELLAPART_CACHE": str(cache)}
    assert "networks" in run("cache", "info", environment=environment).out
    assert run("cache", "verify", environment=environment).code == 0
    run("cache", "clear", environment=environment)
    assert "empty" in run("cache", "info", environment=environment).out
