"""What pairs join into sets, against looking from each to its neighbours until nothing is new."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tellapart.dataset.joining import Joining


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=20))
def test_a_set_is_all_that_pairs_lead_to_and_goes_by_its_smallest(
    pairs: list[tuple[int, int]],
) -> None:
    joining = Joining[int]()
    for one, other in pairs:
        apart = {joining.first(one), joining.first(other)}
        assert set(joining.join(one, other)) == apart
    for start in range(13):
        reached = {start}
        while (
            more := {b for a, b in (*pairs, *((b, a) for a, b in pairs)) if a in reached} - reached
        ):
            reached |= more
        assert joining.first(start) == min(reached)
