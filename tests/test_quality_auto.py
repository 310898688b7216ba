"""`quality="auto"`: a slower quality is taken only for a gain beyond luck, within a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tellapart
from conftest import mostly_slow
from drawn import run, run_here
from tellapart.cache.spaces import spaces_info
from tellapart.dataset.in_python import read_source
from tellapart.dataset.split import in_sample_order
from tellapart.errors import UsageError
from tellapart.evaluation.metrics import paired_difference, paired_gain
from tellapart.to_json.training import trained
from tellapart.training import quality_trials
from tellapart.training.options import TrainOptions, Watch
from tellapart.training.quality_choice import QualityChoice, Trial, better, with_figures
from tellapart.training.quality_plan import Price, plan
from tellapart.training.quality_trials import choose_quality

ALL = ("fast", "good", "best")


# which one is taken


def hits(wrong: int, of: int = 400, begin: int = 0) -> np.ndarray:
    """Answers of which some in a row are wrong."""
    right = np.ones(of, dtype=bool)
    right[begin : begin + wrong] = False
    return right


@pytest.mark.parametrize(
    ("wrong", "taken"),
    [
        ((40, 40, 40), "fast"),  # nothing between them
        ((40, 20, 20), "good"),
        ((40, 38, 20), "best"),
        ((40, 38, 37), "fast"),  # the others may be better by luck
        ((40, 20, 18), "good"),  # what best adds to it may be luck
        ((40, 20, 5), "best"),
        ((20, 40, 38), "fast"),  # the slower ones are worse
        ((40, 60, 20), "best"),
        ((0, 0, 0), "fast"),
    ],
)
def test_a_slower_quality_is_taken_for_a_gain_beyond_luck(wrong: Sequence[int], taken: str) -> None:
    right = {name: hits(count) for name, count in zip(ALL, wrong, strict=True)}
    keys = [str(i) for i in range(400)]
    assert better(right, keys) == taken
    assert better({"fast": right["fast"]}, keys) == "fast"


def test_a_gain_on_one_burst_is_no_gain() -> None:
    right = {"fast": hits(12), "best": hits(0)}
    assert better(right, [str(i) for i in range(400)]) == "best"
    assert better(right, [str(i // 20) for i in range(400)]) == "fast"


def test_without_a_picture_that_was_judged_the_quickest_is_taken() -> None:
    none = np.zeros(0, dtype=bool)
    assert better({"fast": none, "good": none}, []) == "fast"


ANSWERS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=60)


@given(ANSWERS)
def test_without_groups_it_is_the_difference_of_pairs(answers: list[tuple[bool, bool]]) -> None:
    first, second = np.array(answers).T
    both, one, other = (
        int(part.sum()) for part in (first & second, first & ~second, second & ~first)
    )
    plain = paired_difference(both, one, other, len(answers) - both - one - other)
    found = paired_gain(first, second, [str(i) for i in range(len(answers))])
    if one + other:
        assert found.value == pytest.approx(plain.value)
        np.testing.assert_allclose(found.interval, plain.interval)


@given(ANSWERS, st.integers(1, 5))
def test_copies_of_pictures_in_their_groups_make_nothing_surer(
    answers: list[tuple[bool, bool]], times: int
) -> None:
    first, second = np.array(answers).T
    one = paired_gain(first, second, [str(i) for i in range(len(answers))])
    groups = [str(i // times) for i in range(times * len(answers))]
    more = paired_gain(np.repeat(first, times), np.repeat(second, times), groups)
    assert more.value == pytest.approx(one.value)
    assert more.interval[0] <= more.value <= more.interval[1]
    width = more.interval[1] - more.interval[0]
    assert width >= 0.95 * (one.interval[1] - one.interval[0])
    swapped = paired_gain(second, first, [str(i) for i in range(len(answers))])
    np.testing.assert_allclose(swapped.interval, [-one.interval[1], -one.interval[0]], atol=1e-12)


# what there is time for


def price(seconds: float, pictures: int, others: int = 0, fit: float = 0.0) -> Price:
    """What a quality costs that takes so many seconds a picture."""
    embedded = seconds * np.arange(pictures + 1)
    return Price(embedded, seconds * (pictures + others) - embedded, fit, 0.0)


PRICES = {"fast": price(0, 100), "good": price(1, 100), "best": price(4, 100)}
EVERY = range(10, 101)


@pytest.mark.parametrize(
    ("left", "tried", "pictures"),
    [
        (500, ("good", "best"), 100),  # all of it, whichever is taken
        (499, ("good", "best"), 99),
        (410, ("good", "best"), 10),
        (409, ("good",), 100),
        (100, ("good",), 100),
        (99, (), 0),
        (0, (), 0),
        (-5, (), 0),
    ],
)
def test_a_comparison_leaves_time_to_train_with_the_slowest(
    left: float, tried: tuple[str, ...], pictures: int
) -> None:
    found = plan(PRICES, EVERY, left)
    assert (found.tried, found.pictures) == (tried, pictures)
    assert found.needs == {"good": 100, "best": 410}


def test_what_is_known_costs_nothing_and_fits_count() -> None:
    known = {"fast": price(0, 100, fit=1), "good": price(0, 100, fit=2)}
    assert plan(known, EVERY, 3).pictures == 100
    assert plan(known, EVERY, 1.5).pictures == 50
    assert plan(known, EVERY, 0.2).tried == ()


@given(st.floats(0, 600), st.floats(0, 600))
def test_more_time_is_never_used_for_less(one: float, other: float) -> None:
    less, more = (plan(PRICES, EVERY, left) for left in sorted((one, other)))
    assert len(less.tried) <= len(more.tried)
    if less.tried == more.tried:
        assert less.pictures <= more.pictures


# which pictures


def keyed(labels: Sequence[int], size: int) -> tuple[list[str], list[str]]:
    keys = [f"{i // size}" for i in range(size * len(labels))]
    return keys, [f"label {labels[i // size]}" for i in range(size * len(labels))]


@given(st.lists(st.integers(0, 2), min_size=1, max_size=60), st.integers(1, 3), st.randoms())
def test_every_beginning_of_the_order_is_a_fair_sample(
    labels: list[int], size: int, lot: object
) -> None:
    keys, names = keyed(labels, size)
    order = in_sample_order(keys, names)
    assert sorted(order) == list(range(len(keys)))
    groups = [keys[i] for i in order]
    changes = sum(one != other for one, other in pairwise(groups))
    assert changes == len(set(keys)) - 1  # no group is parted
    for end in range(2 * 3 * size, len(order) + 1, size):
        for label in set(names):
            there = sum(names[i] == label for i in order[:end])
            fair = end * names.count(label) / len(names)
            assert abs(there - fair) <= 7 * size


@given(st.integers(3, 40), st.integers(1, 10))
def test_pictures_that_are_added_do_not_change_the_order_of_the_others(
    count: int, more: int
) -> None:
    names = [f"{i % 2}" for i in range(count + more)]
    keys = [f"key {i}" for i in range(count + more)]
    for label in ("0", "1"):
        before, after = (
            [keys[i] for i in in_sample_order(keys[:n], names[:n]) if names[i] == label]
            for n in (count, count + more)
        )
        assert [key for key in after if key in before] == before


# what is said


def said(wrong: Sequence[int], *, in_time: int = 3, of: int = 400, limit: float = 300) -> str:
    """The words about qualities that have so many wrong of 400 in a row, of which the first ones
    can be trained with in time, and those that come after `wrong` were not tried."""
    right = {name: hits(count) for name, count in zip(ALL, wrong, strict=False)}
    keys = [str(i) for i in range(400)]
    times = (("fast", 10.0, 1.0), ("good", 31.0, 3.1), ("best", 84.0, 8.4))
    trials = {name: Trial(name, ms, slower, needs=600) for name, ms, slower in times}
    late = ALL[:in_time]
    chosen = better({name: one for name, one in right.items() if name in late}, keys)
    figures = with_figures(trials, right, keys, chosen, late)
    return QualityChoice(chosen, tuple(figures), 400, of, limit, 55.0).words


def test_what_each_brings_and_costs_is_said() -> None:
    assert said((40, 38, 37)) == (
        "Quality fast was chosen: fast, good and best were cross-validated on 400 training "
        "pictures. fast: 90.0 % right. good: +0.5 points (-0.6 to 1.7) over fast, 3 times slower; "
        "that may be luck. best: +0.8 points (-0.4 to 2.0) over fast, 8 times slower; that may be "
        "luck."
    )
    words = said((40, 20, 18), of=2_000)
    assert words.startswith("Quality good was chosen: ")
    assert " were cross-validated on 400 of 2,000 training pictures. " in words
    assert re.search(r"good: \+5\.0 points \([\d.]+ to [\d.]+\) over fast, 3 times slower\.", words)
    assert words.endswith("8 times slower; what it adds to good may be luck.")
    assert said((40, 20, 22)).endswith("8 times slower, and no better than good.")
    words = said((40, 38, 20))
    assert "3 times slower; that may be luck. best: +5.0 points" in words
    assert words.endswith("over fast, 8 times slower.")
    assert said((20, 40, 60)).count("; that may be luck") == 0  # these are worse for certain


def test_what_there_was_no_time_for_is_said() -> None:
    late = "that takes about 10 minutes in all, and the limit is"
    words = said((40, 20), limit=90, in_time=2)
    assert "Quality good was chosen: fast and good were cross-validated" in words
    assert words.endswith(f"best, 8 times slower, was not tried: {late} 90 seconds.")
    words = said((40, 38, 5), limit=120, in_time=2)
    assert words.startswith("Quality fast was chosen: ")
    assert words.endswith(f"8 times slower. There is no time to train with it: {late} 2 minutes.")


# through the doors


@pytest.fixture(scope="module", autouse=True)
def few_are_timed() -> Iterator[None]:
    """Speeds are measured on fewer pictures, which takes less time and changes nothing else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quality_trials, "TIMED", 1)
        patch.setattr(quality_trials, "cores", lambda: 0)
        yield


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine pictures each of two labels that any network tells apart, and one that none can read."""
    root = tmp_path_factory.mktemp("auto") / "photos"
    draw_two(root, 9)
    (root / "stripes" / "page.jpg").write_text("<html>")
    return root


def draw_two(root: Path, count: int) -> None:
    from PIL import Image

    lot = np.random.default_rng(7)
    for label in ("noise", "stripes"):
        (root / label).mkdir(parents=True)
        for number in range(count):
            pixels = lot.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            if label == "stripes":
                pixels[:] = pixels[0]
            Image.fromarray(pixels).save(root / label / f"{number}.png")


@pytest.fixture(scope="module")
def result(photos: Path) -> tellapart.TrainResult:
    return tellapart.train(photos, quality="auto")


def kept(cache: Path | None = None) -> dict[str, int]:
    """How many embeddings of each quality the cache has."""
    return {one.space.split("-")[0]: one.pictures for one in spaces_info(cache)}


def choice_of(result: tellapart.TrainResult) -> QualityChoice:
    assert result.choice
    return result.choice


@pytest.mark.slow
def test_all_three_are_compared_and_it_is_said(
    photos: Path, result: tellapart.TrainResult, tmp_path: Path
) -> None:
    choice = choice_of(result)
    assert [one.quality for one in choice.trials] == list(ALL)
    assert choice.pictures == choice.of == sum(result.classifier.manifest.counts) == 18
    assert all(one.accuracy and one.milliseconds and one.slower for one in choice.trials)
    assert result.notes[0] == choice.words
    assert re.fullmatch(
        r"Quality fast was chosen: fast, good and best were cross-validated on 18 training "
        r"pictures\. fast: [\d.]+ % right\. good: \+0\.0 points "
        r"\(-[\d.]+ to [\d.]+\) over fast, [\d.]+ times slower; that may be luck\. best: .*",
        choice.words,
    )
    assert [file.name for file in result.skipped] == ["stripes/page.jpg"]
    record = result.classifier.training_record
    assert record
    assert choice.words in record.run.notes
    assert record.run.command.endswith("--quality fast")
    folder = result.save(tmp_path / "model")
    for page in ("report.html", "README.md"):
        assert "were cross-validated on 18" in (folder / page).read_text("utf-8")


@pytest.mark.slow
def test_the_command_that_is_kept_makes_the_same_model(
    photos: Path, result: tellapart.TrainResult
) -> None:
    assert (result.options.quality, result.options.time_limit) == ("fast", None)
    again = tellapart.train(photos, quality=result.options.quality)
    assert again.classifier.content == result.classifier.content
    assert again.choice is None


@pytest.mark.slow
def test_the_same_pictures_give_the_same_figures(
    photos: Path, result: tellapart.TrainResult
) -> None:
    before = kept()
    again = choice_of(tellapart.train(photos, quality="auto"))
    for one, other in zip(choice_of(result).trials, again.trials, strict=True):
        assert (one.accuracy, one.gain) == (other.accuracy, other.gain)
    assert before == kept()  # all were known


@pytest.mark.slow
def test_what_was_embedded_is_known_to_later_trainings(
    photos: Path, result: tellapart.TrainResult
) -> None:
    before = kept()
    tellapart.train(photos, quality="best")
    assert before == kept()


@pytest.mark.slow
def test_the_command_line_says_it_too(
    photos: Path, result: tellapart.TrainResult, tmp_path: Path
) -> None:
    command = ("train", photos, "-o", tmp_path / "m", "--quality", "auto", "--within", "1h")
    said = " ".join(run_here(*command).out.split())
    assert "Note: Quality fast was chosen: fast, good and best were cross-validated" in said
    found = trained(result, "m")
    choice: Any = found["choice"]
    assert (found["quality"], choice["quality"], choice["time_limit"]) == ("fast", "fast", 300)
    assert [one["quality"] for one in choice["qualities"]] == list(ALL)
    assert choice["qualities"][0]["gain"] is None
    assert choice["qualities"][2]["gain"]["value"] == 0
    assert found["notes"] == [choice["words"], *result.notes[1:]]


def test_without_time_fast_is_taken_and_it_is_said(photos: Path, tmp_path: Path) -> None:
    command = ("train", photos, "-o", tmp_path / "m", "--quality", "auto", "--within", "0.001s")
    found = run(*command, "--json").json()
    assert found["quality"] == found["choice"]["quality"] == "fast"
    assert found["choice"]["pictures"] == 0
    assert [one["gain"] for one in found["choice"]["qualities"]] == [None] * 3
    assert re.fullmatch(
        r"Quality fast was taken without comparing it with good and best\. Embedding all pictures "
        r"with fast took \d+ seconds?, and the limit is 0\.001 seconds\.",
        found["notes"][0],
    )


class Ticking:
    """A clock that goes on by some seconds whenever it is looked at."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def chosen(
    source: object,
    limit: float,
    clock: Callable[[], float],
    watch: Watch | None = None,
    cache: Path | None = None,
) -> QualityChoice:
    options = TrainOptions(quality="auto", time_limit=limit, test=0, cache=cache)
    dataset = read_source(source)  # type: ignore[arg-type]
    decided, choice = choose_quality(
        dataset, options, watch or Watch(), clock=clock, work=Ticking(1)
    )
    assert choice
    assert (decided.quality, decided.time_limit) == (choice.quality, None)
    return choice


def test_what_there_is_no_time_for_is_said_with_what_it_would_take(photos: Path) -> None:
    choice = chosen(photos, 12, Ticking(1))
    assert (choice.quality, choice.pictures) == ("fast", 0)
    assert re.fullmatch(
        r"Quality fast was taken without comparing it with good and best\. good, as fast, was not "
        r"tried: that takes about \d+ seconds in all, and the limit is 12 seconds\. best, as fast, "
        r"was not tried: .*",
        choice.words,
    )


@pytest.mark.slow
def test_when_it_goes_slower_than_measured_it_stops_and_parts_no_group(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quality_trials, "LEAST", 4)
    monkeypatch.setattr(quality_trials, "BLOCK", 4)
    files = sorted(photos.rglob("*.png"))
    table = {
        "path": [str(file) for file in files],
        "label": [file.parent.name for file in files],
        "group": [f"{file.parent.name} {number % 9 // 3}" for number, file in enumerate(files)],
    }
    clock, steps = Ticking(0.01), list[str]()

    def slower(done: int, total: int) -> None:
        if steps[-1] == "Comparing qualities":
            clock.now += 0.6

    watch = Watch(pictures=slower, doing=steps.append)
    choice = chosen(table, 15, clock, watch, cache=tmp_path / "cache")
    assert choice.pictures == 12  # two groups of each label
    assert "fast, good and best were cross-validated on 12 of 18 training pictures." in choice.words
    found = re.findall(r"There is no time to train with it: that takes about (\d+)", choice.words)
    assert len(found) == 2
    assert min(map(int, found)) > 15


@pytest.mark.slow
def test_a_file_that_goes_away_meanwhile_is_left_out(tmp_path: Path) -> None:
    draw_two(tmp_path / "photos", 5)
    gone = tmp_path / "photos" / "noise" / "3.png"

    def doing(what: str) -> None:
        if what == "Comparing qualities":
            gone.unlink()

    choice = chosen(tmp_path / "photos", 3600, lambda: 0.0, Watch(doing=doing))
    assert (choice.pictures, choice.of) == (9, 10)


@pytest.mark.slow
@pytest.mark.parametrize("count", mostly_slow([1, 2], 1))
def test_one_or_two_pictures_a_label_are_enough(count: int, tmp_path: Path) -> None:
    draw_two(tmp_path / "photos", count)
    result = tellapart.train(tmp_path / "photos", quality="auto")
    assert choice_of(result).quality == "fast"
    assert result.notes[0] == choice_of(result).words
    if count == 1:
        assert choice_of(result).words.endswith("Cross-validation could judge no picture.")


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_embedded(tmp_path: Path) -> None:
    draw_two(tmp_path / "photos", 6)
    steps: list[str] = []

    def stop(done: int, total: int) -> None:
        if steps[-1] == "Comparing qualities" and done > total / 2:
            raise KeyboardInterrupt

    watch = Watch(pictures=stop, doing=steps.append)
    with pytest.raises(KeyboardInterrupt):
        tellapart.train(tmp_path / "photos", quality="auto", cache=tmp_path / "kept", watch=watch)
    found = kept(tmp_path / "kept")
    assert found["fast"] == found["good"] == 12
    assert found["best"] >= 1


# what does not go together


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--quality auto --backbone lite0", "--quality chooses among our own networks"),
        ("--quality auto --solver sgd", "--quality auto does not go with --solver sgd."),
        (
            "--quality auto --engine tensorflow",
            "--quality auto does not go with --engine tensorflow.",
        ),
        ("--within 2m", "--within goes with --quality auto."),
        ("--quality best --within 2m", "--within goes with --quality auto."),
        ("--quality auto --within soon", "--within soon is not a time."),
        ("--quality auto --within 120", "Give a time such as 90s, 2m or 1h."),
        ("--quality auto --within 0s", "Give more than 0, such as --within 2m."),
        ("--quality auto --within -3m", "--within -3m is not a time."),
    ],
)
def test_the_command_line_refuses(
    options: str, said: str, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = run_here("train", photos, *options.split())
    assert (found.code, found.out) == (2, "")
    assert said in found.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"quality": "auto", "backbone": tellapart.BACKBONES["lite0"]},
            "quality='auto' does not go with backbone=.",
        ),
        ({"quality": "auto", "sgd": tellapart.SgdSettings()}, "does not go with sgd=."),
        ({"quality": "auto", "engine": tellapart.TensorFlow()}, "does not go with engine=."),
        ({"time_limit": 60}, "time_limit= goes with quality='auto'."),
        ({"quality": "auto", "time_limit": 0}, "A time limit of 0 seconds cannot be kept."),
        ({"quality": "auto", "time_limit": float("nan")}, "of nan seconds cannot be kept."),
    ],
)
def test_python_refuses(given: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        TrainOptions(**given)  # type: ignore[arg-type]
