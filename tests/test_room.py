"""Arrays that are too large for memory lie in a file, which is gone with them."""

from __future__ import annotations

import errno
import gc
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest

from conftest import mostly_slow
from tellapart.errors import DestinationError
from tellapart.files import room as rooms
from tellapart.files.room import room


@pytest.fixture(autouse=True)
def few_values(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(rooms, "LARGE", 100)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_a_small_array_is_in_memory(tmp_path: Path) -> None:
    assert not isinstance(room(10, 10), np.memmap)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.slow
def test_a_large_one_lies_in_a_file_as_long_as_any_part_of_it_is_used(tmp_path: Path) -> None:
    found = room(30, 10)
    found[:] = np.arange(300).reshape(30, 10)
    part = np.asarray(found[5:20])[2:]
    del found
    gc.collect()
    np.testing.assert_array_equal(part, np.arange(300).reshape(30, 10)[7:20])
    assert [path.stat().st_size for path in tmp_path.glob("*/array")] == [1_200]
    del part
    gc.collect()
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("reserves", mostly_slow([True, False], 1))
def test_a_full_disk_is_said_before_anything_is_written(
    reserves: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if reserves:
        monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    else:
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
        monkeypatch.setattr(np, "memmap", full)
    with pytest.raises(DestinationError, match=r"30 pictures need .* no space left") as caught:
        room(30, 10)
    assert "TMPDIR" in (caught.value.hint or "")
    gc.collect()
    assert [*tmp_path.iterdir()] == []
