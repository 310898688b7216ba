"""Columns give back what was put into them, row by row, from either end and in part."""

import pickle
from pathlib import Path, PurePosixPath

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tellapart.dataset.items import Item, Items
from tellapart.files.columns import Digests, Texts, numbered, taken

PARTS = st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=6)
PATHS = st.lists(PARTS, min_size=1, max_size=4).map(lambda parts: Path("/", *parts))


@st.composite
def items(draw: st.DrawFn) -> Item:
    path = draw(PATHS)
    above = draw(st.integers(0, 4))
    below = "/".join(PurePosixPath(path.as_posix()).parts[-above:])
    name = draw(st.sampled_from([below, f"test/{below}", path.name]) | st.text(max_size=9))
    label, group = draw(st.sampled_from("abc")), draw(st.none() | st.sampled_from(["g", "h"]))
    return Item(path, name, label, draw(st.sampled_from([None, "train", "test"])), group)


@given(st.lists(items(), max_size=12), st.data())
def test_items_are_what_they_were_wherever_their_paths_lie(
    those: list[Item], data: st.DataObject
) -> None:
    found = Items(those)
    assert found == those
    assert list(found) == [found[at] for at in range(len(those))] == those
    assert list(pickle.loads(pickle.dumps(found))) == those
    rows = data.draw(st.lists(st.integers(0, max(0, len(those) - 1)), max_size=len(those)))
    again = found.among(np.array(rows, np.int64)).among(np.arange(len(rows))[::-1])
    assert list(again) == [those[at] for at in rows[::-1]]
    assert [*again.names] == [item.name for item in again]
    if those:
        assert found[-1] == those[-1]
        assert [*found[:1]] == those[:1]


def test_a_path_is_kept_once_for_all_pictures_whose_names_it_ends_with() -> None:
    many = [Item(Path(f"/shots/{n % 3}/{n:05}.jpg"), f"{n % 3}/{n:05}.jpg", "a") for n in range(99)]
    aside = [Item(Path(f"/other/cat/{n}.jpg"), f"test/cat/{n}.jpg", "a", "test") for n in range(99)]
    found = Items([*many, *aside])
    assert [*found] == [*many, *aside]
    assert len(pickle.dumps(found)) < 60 * len(found)


@given(st.lists(st.text(max_size=5) | st.just("\udcff"), max_size=20))
def test_texts_and_their_numbers_are_in_order(texts: list[str]) -> None:
    assert [*Texts(texts)] == texts
    assert Texts(texts) == texts
    found = numbered(texts)
    assert [*found] == texts
    assert [*found.names] == sorted(set(texts))


@given(st.lists(st.sampled_from([b"", b"\0", b"\0\1", b"\1\0", b"\xff"]), max_size=20))
def test_digests_are_numbered_as_their_hex_is(ends: list[bytes]) -> None:
    """Those that end with zero bytes too."""
    digests = [end.ljust(31, b"\0").hex() + "00" for end in ends] + ["ff" * 32]
    found = numbered(Digests.of(digests))
    assert [*found] == digests == [*Digests.of(digests)]
    assert found.numbers.tolist() == numbered(digests).numbers.tolist()
    assert [*found.names] == sorted(set(digests))


@given(st.lists(st.integers(), max_size=9), st.data())
def test_some_rows_are_taken_from_a_sequence_and_again_from_those(
    numbers: list[int], data: st.DataObject
) -> None:
    assert taken(numbers, np.arange(len(numbers))) is numbers
    of = st.lists(st.integers(0, max(0, len(numbers) - 1)), max_size=2 * len(numbers))
    rows = data.draw(of) if numbers else []
    some = taken(numbers, rows)
    assert [*some] == [numbers[at] for at in rows]
    assert len(some) == len(rows)
    assert [*taken(some, range(len(rows))[::2])] == [numbers[at] for at in rows[::2]]
