"""Tables of a few bytes a name: as Python's own dicts and lists, whatever hashes fall together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tellapart.files.compact import HashTable, Packed
from tellapart.files.journal import entries as entries_module
from tellapart.files.journal import lines as lines_module
from tellapart.files.journal.entries import Entry
from tellapart.files.journal.lines import lines_backwards
from tellapart.files.journal.record import Placement
from tellapart.files.journal.state import opened
from tellapart.files.journal.undo import undo
from tellapart.files.purpose import Purpose

_HASHES = st.sampled_from([0, 1, 2, 3, 64, 128, -1, 2**63, 2**64 - 1, 2**64 - 2])
_NUMBERS = st.integers(1, 3)
COPYING = Purpose(hidden=".tellapart-copy", done="copied")


@given(
    st.lists(st.tuples(st.sampled_from(["add", "put", "remove"]), _HASHES, _NUMBERS), max_size=400)
)
def test_a_table_of_hashes_is_as_a_dict_of_lists(steps: list[tuple[str, int, int]]) -> None:
    table, plain = HashTable(), dict[int, list[int]]()

    def usable(of: int) -> int:  # 0 and 1 share the place of 2 and 3
        of &= 2**64 - 1
        return of if of > 1 else of + 2

    for what, of, number in steps:
        under = plain.setdefault(usable(of), [])
        if what == "add":
            table.add(of, number)
            under.append(number)
        elif what == "remove":
            table.remove(of, number)
            if number in under:
                under.remove(number)
        elif len(under) < 2:
            table.put(of, number)
            under[:] = [number]
        assert sorted(table.all(of)) == sorted(under)
    assert len(table) == sum(map(len, plain.values()))
    assert all(sorted(table.all(of)) == sorted(under) for of, under in plain.items())


def test_a_table_of_hashes_grows_and_does_not_where_as_many_go_as_come() -> None:
    table = HashTable("I")
    for number in range(1, 10_001):
        table.put(hash(str(number)), number)
    assert [table.first(hash(str(number))) for number in (1, 5_000, 10_000)] == [1, 5_000, 10_000]
    assert table.first(hash("0")) is None
    turning = HashTable()
    for number in range(1, 10_001):
        turning.add(hash(str(number)), number)
        turning.remove(hash(str(number)), number)
    assert len(turning) == 0
    assert list(turning.all(hash("1"))) == []


@given(
    st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=[])), max_size=30)
)
def test_packed_texts_come_back_in_order(texts: list[str]) -> None:
    packed = Packed()
    for text in [*texts, *["\udcff"] * 1000, *texts]:
        packed.append(text)
    assert [*packed] == [*packed] == [*texts, *["\udcff"] * 1000, *texts]
    assert len(packed) == 1000 + 2 * len(texts)


@pytest.mark.parametrize("hash_of", [lambda name: 7, lambda name: len(name), hash])
def test_names_of_one_hash_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hash_of: Callable[[str], int]
) -> None:
    monkeypatch.setattr(entries_module, "hash", hash_of, raising=False)
    for number in range(40):
        (tmp_path / f"{number}.txt").write_text(str(number))

    def copied(numbers: range) -> list[Entry]:
        steps = [Placement(f"{number}.txt", f"copies/{number}") for number in numbers]
        with opened(tmp_path, COPYING, request={}, root=str(tmp_path), how="copy") as journal:
            done = [one for one in journal.carry_out(steps) if isinstance(one, Entry)]
            assert all(journal.entries.get(one.target) == one for one in done)
            assert all(journal.entries.is_done(one) for one in done)
            assert "copies/40" not in journal.entries
        return done

    first = copied(range(40))
    for number in range(10):
        (tmp_path / f"copies/{number}").unlink()
    again = copied(range(10))
    with opened(tmp_path, COPYING, request={}, root=str(tmp_path), how="copy") as journal:
        assert journal.live() == [*first[10:], *again]
        assert [*journal.backwards()][:-1] == [*reversed(again), *reversed(first[10:])]
        assert len(journal.entries) == 40
    assert undo(tmp_path, COPYING).taken_back == 40


@given(lines=st.lists(st.text("ab", max_size=9)), block=st.integers(1, 12))
def test_lines_come_backwards(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], block: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "lines.txt"
    content = b"".join(line.encode() + b"\n" for line in lines)
    path.write_bytes(content + b"torn")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines_module, "_BLOCK", block)
        found = [*lines_backwards(path, len(content))]
    assert [line.decode().rstrip("\n") for _, line in found] == lines[::-1]
    assert all(content[at : at + len(line)] == line for at, line in found)
