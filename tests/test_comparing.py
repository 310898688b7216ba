"""Two models on the same pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tellapart.assess.comparing import compare, may_be_luck
from tellapart.assess.testing import TestResult
from tellapart.cli.terminal.testing import print_comparison
from tellapart.dataset.sources import Dataset, Items
from tellapart.errors import UsageError
from tellapart.evaluation.judged import Evaluation
from tellapart.evaluation.metrics import Proportion, mcnemar, paired_difference


def result(right: str, first: int = 0) -> TestResult:
    """A test in which picture i was right where `right` has a 1."""
    hits = np.array([letter == "1" for letter in right])
    scores = np.where(hits[:, None], [0.9, 0.1], [0.1, 0.9])
    names = tuple(f"{first + i}.jpg" for i in range(len(right)))
    evaluation = Evaluation(("a", "b"), names, np.zeros(len(right), dtype=np.int64), scores)
    return TestResult(Dataset(Path(), Items()), evaluation, (), {}, (), Proportion(0, len(right)))


@pytest.mark.parametrize(
    ("first", "second", "better"),
    [
        ("1" * 10 + "0" * 10, "1" * 20, "second"),
        ("1" * 20, "1" * 10 + "0" * 10, "first"),
        ("1" * 20, "1" * 17 + "0" * 3, None),
        ("1" * 20, "1" * 20, None),
        ("10" * 30, "01" * 30, None),
    ],
)
def test_says_which_is_better_only_where_one_can_tell(
    first: str, second: str, better: str | None
) -> None:
    found = compare(result(first), result(second))
    assert found.better == better
    low, high = found.difference.interval
    assert low <= found.difference.value <= high
    assert found.second.value - found.first.value == pytest.approx(found.difference.value)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("1" * 10 + "0" * 10, "1" * 20, "B against A: +50.0 points (95 % interval +2"),
        ("1" * 20, "1" * 17 + "0" * 3, "B against A: -15.0 points (95 % interval -3"),
        ("1" * 20, "1" * 20, "B against A: +0.0 points (95 % interval -1"),
    ],
)
def test_it_says_by_how_much_whether_one_can_tell_or_not(
    first: str, second: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_comparison(compare(result(first), result(second)), ("A", "B"))
    assert expected in capsys.readouterr().out


def test_the_interval_is_newcombes() -> None:
    found = paired_difference(36, 2, 12, 0)  # an example of his paper
    assert found.interval == pytest.approx((0.0569, 0.3404), abs=1e-4)


def test_the_difference_covers_what_an_endless_sample_would_give() -> None:
    lot, covered, parts = np.random.default_rng(0), [], [0.7, 0.05, 0.12, 0.13]
    for counts in lot.multinomial(80, parts, size=400).tolist():
        low, high = paired_difference(*counts).interval
        covered.append(low <= 0.07 <= high)
        other = paired_difference(counts[0], counts[2], counts[1], counts[3]).interval
        assert other == pytest.approx((-high, -low))
    assert 0.93 <= np.mean(covered) <= 0.98


def test_only_pictures_that_both_judged_count() -> None:
    found = compare(result("1111"), result("0011", first=2))
    assert found.first == Proportion(2, 2)
    assert found.second == Proportion(0, 2)


def test_nothing_in_common_is_refused() -> None:
    with pytest.raises(UsageError, match="no label that both models know"):
        compare(result("11"), result("11", first=2))


@pytest.mark.parametrize(
    ("only_first", "only_second", "expected"),
    [(0, 0, 1.0), (5, 5, 1.0), (0, 5, 0.0625), (1, 9, 0.021484375), (10, 0, 0.001953125)],
)
def test_mcnemar_is_the_exact_binomial_test(
    only_first: int, only_second: int, expected: float
) -> None:
    assert mcnemar(only_first, only_second) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("now", "first", "luck"),
    [
        ("1" * 12 + "0" * 8, 0, True),
        ("1" * 20, 0, False),
        ("0" * 20, 0, False),
        ("1" * 20, 15, False),
    ],
)
def test_a_move_is_luck_until_more_pictures_speak_for_it(now: str, first: int, luck: bool) -> None:
    before = result("1" * 10 + "0" * 10).evaluation
    assert may_be_luck(before, result(now, first).evaluation) is luck
