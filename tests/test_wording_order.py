"""Names in the order that people count in, and lists that stay short."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tellapart.text import first_few, in_order, natural


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (["1", "10", "2"], ["1", "2", "10"]),
        (["class_10", "class_9", "Class_1"], ["Class_1", "class_9", "class_10"]),
        (["b", "A", "a"], ["A", "a", "b"]),
        (["007", "7", "8"], ["007", "7", "8"]),
        (["v1.10", "v1.9", "v1"], ["v1", "v1.9", "v1.10"]),
        (["10", "apple", "9"], ["9", "10", "apple"]),
        (["9" * 5000, "1"], ["1", "9" * 5000]),
    ],
)
def test_numbers_in_names_count_by_their_value(given_: list[str], expected: list[str]) -> None:
    assert [given_[at] for at in in_order(given_)] == expected


@given(st.lists(st.text(max_size=8), max_size=12))
def test_any_names_have_one_order(names: list[str]) -> None:
    ordered = [names[at] for at in in_order(names)]
    assert sorted(names) == sorted(ordered)
    backwards = names[::-1]
    assert ordered == [backwards[at] for at in in_order(backwards)]


@given(st.integers(0, 10**30), st.integers(0, 10**30))
def test_whole_numbers_are_in_their_own_order(one: int, other: int) -> None:
    assert (natural(str(one)) < natural(str(other))) == (one < other)


def test_a_list_names_ten_at_most() -> None:
    names = [str(k) for k in range(1, 1001)]
    assert first_few(names[:10]) == "1, 2, 3, 4, 5, 6, 7, 8, 9, 10"
    assert first_few(names[:11]) == "1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 1 other"
    assert first_few(names).endswith(", 9, 10 and 990 others")
    assert first_few([]) == ""
