"""Which pictures are kept together: --groups, what auto takes, and that no group is ever parted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import tellapart
from conftest import tried
from drawn import only_sentences, run_here
from tellapart.dataset import split
from tellapart.dataset.groups import by_folder, by_pattern, by_time, parse, successive
from tellapart.health.likeness import linked
from tellapart.training.result import TrainResult

Draw = Callable[[Path], Path]


def moment(label: int, occasion: int, step: int) -> Image.Image:
    """A scene of its own for each occasion of a label, a little shifted at each step."""
    coarse = np.random.default_rng([label, occasion]).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    coarse[..., label] |= 128
    scene = Image.fromarray(coarse).resize((160, 120), Image.Resampling.BICUBIC)
    right, down = np.random.default_rng([label, occasion, step]).integers(0, 7, 2).tolist()
    return scene.crop((right, down, right + 150, down + 110))


def draw(
    root: Path,
    name: Callable[[int, int], str],
    occasions: int = 8,
    steps: int = 4,
    when: Callable[[int, int], str] | None = None,
) -> Path:
    """Two labels of so many occasions of so many steps; files are called by occasion and step."""
    for label in range(2):
        for occasion in range(occasions):
            for step in range(steps):
                path = root / f"label {label}" / name(occasion, step)
                path.parent.mkdir(parents=True, exist_ok=True)
                exif = Image.Exif()
                if when:
                    exif.get_ifd(0x8769)[0x9003] = when(occasion, step)
                moment(label, occasion, step).save(path, quality=90, exif=exif)
    return root


def of_no_order(occasion: int, step: int) -> str:
    """A name that tells nothing."""
    return f"{np.random.default_rng([occasion, step]).integers(2**40):x}.jpg"


def train(photos: Path, groups: str = "auto", **options: object) -> TrainResult:
    return tellapart.train(photos, quality="fast", groups=groups, **options)  # type: ignore[arg-type]


def parts_of(result: TrainResult) -> dict[str, int]:
    """The part in which each picture was judged: a fold, or -1 where it was held out."""
    record = result.classifier.training_record
    assert record is not None
    assert record.fold is not None
    return dict(zip(record.names, record.fold.tolist(), strict=True))


def parted(result: TrainResult, occasion_of: Callable[[str], object]) -> bool:
    """Whether pictures of one label and occasion were judged in several parts."""
    found: dict[object, set[int]] = {}
    for name, part in parts_of(result).items():
        found.setdefault((name.split("/")[0], occasion_of(name)), set()).add(part)
    return any(len(parts) > 1 for parts in found.values())


def test_times_are_taken_first_and_keep_a_burst_together(tmp_path: Path) -> None:
    photos = draw(
        tmp_path / "photos",
        lambda occasion, step: f"{occasion}-{of_no_order(occasion, step)}",
        when=lambda occasion, step: f"2026:05:01 {8 + occasion:02d}:00:{10 * step:02d}",
    )
    result = train(photos)
    assert result.bursts.kept == "time:60s"
    assert not parted(result, lambda name: name.split("/")[1].split("-")[0])
    assert any("60 seconds apart" in note and "16 groups" in note for note in result.notes)
    assert parted(train(photos, "none"), lambda name: name.split("/")[1].split("-")[0])
    too_long = train(photos, "time:2h")  # each label would be one group
    assert not too_long.bursts.kept
    assert any("one occasion" in note for note in too_long.notes)


def test_folders_below_a_label_are_taken_next(tmp_path: Path) -> None:
    photos = draw(
        tmp_path / "photos",
        lambda occasion, step: f"day {occasion}/{of_no_order(occasion, step)}",
    )
    result = train(photos)
    assert result.bursts.kept == "folder"
    assert not parted(result, lambda name: name.split("/")[1])


def test_names_are_taken_where_they_are_alike_too(tmp_path: Path) -> None:
    photos = draw(tmp_path / "photos", lambda occasion, step: f"IMG_{4 * occasion + step:04d}.jpg")
    result = train(photos)
    assert result.bursts.kept == "name"
    assert not parted(result, lambda name: int(name.split("_")[1][:4]) // 4)

    one_by_one = draw(tmp_path / "others", lambda occasion, _: f"IMG_{occasion:04d}.jpg", 30, 1)
    assert not train(one_by_one).bursts.found
    assert not any("kept together" in note for note in train(one_by_one).notes)


@pytest.mark.slow
def test_a_label_photographed_in_one_place_is_tested_all_the_same(tmp_path: Path) -> None:
    photos = draw(tmp_path / "jig", lambda _, step: f"frame_{step:03d}.jpg", 1, 30)
    for number, path in enumerate(sorted(photos.rglob("*.jpg"))):  # each of another thing
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
        lot = np.random.default_rng(number)
        left, top = (int(lot.integers(10, most)) for most in (90, 60))
        colour = tuple(lot.integers(0, 256, 3).tolist())
        picture.paste(colour, (left, top, left + 50, top + 40))
        picture.save(path, quality=90)
    result = train(photos)
    assert result.held_out is not None
    assert result.held_out.accuracy.n >= 2
    assert len(set(parts_of(result).values())) == 6  # five folds, and what was held out
    asked = train(photos, "alike:0.5")
    assert len(set(parts_of(asked).values())) == 6
    assert any("label 0, label 1" in note and "cannot be tested" in note for note in asked.notes)


def test_names_and_likeness_group_as_asked(tmp_path: Path) -> None:
    photos = draw(
        tmp_path / "photos", lambda occasion, step: f"p{occasion}x{of_no_order(occasion, step)}"
    )
    by_name = train(photos, "name:p([0-9]+)x")
    assert not parted(by_name, lambda name: name.split("/p")[1].split("x")[0])
    alike = train(photos, "alike:0.96")
    assert alike.bursts.kept == "alike:0.96"
    assert not parted(alike, lambda name: name.split("/p")[1].split("x")[0])


def test_the_command_that_repeats_the_run_says_the_groups(tmp_path: Path) -> None:
    photos = draw(tmp_path / "photos", of_no_order, 6, 2)
    model = tmp_path / "model"
    options = ("--quality", "fast", "--groups", "alike:0.97", "-q", "-o", str(model))
    assert run_here("train", photos, *options).code == 0
    record = tellapart.load(model).training_record
    assert record is not None
    assert "--groups alike:0.97" in record.run.command
    assert record.together is not None


@pytest.mark.parametrize(
    "said", ["bad", "time:", "time:0s", "alike:2", "alike:x", "name:(", "name:", "folder:a", ""]
)
def test_what_is_no_grouping_is_refused_in_sentences(said: str, tmp_path: Path) -> None:
    found = run_here("train", tmp_path, "--groups", said, "-o", tmp_path / "model")
    assert found.code == 2
    assert "cannot be grouped" in found.err
    assert "--groups is one of" in found.err
    assert only_sentences(found.err)


@pytest.mark.parametrize(
    "said", ["auto", "none", "folder", "time:60s", "time:90s", "name:^(.)", "alike:0.9"]
)
def test_a_grouping_says_itself_as_it_was_said(said: str) -> None:
    assert str(parse(said)) == said


def test_spans_of_time_have_units() -> None:
    assert parse("time:2m").seconds == parse("time:120").seconds == 120
    assert parse("time:1h").seconds == parse("TIME: 60 min").seconds == 3600
    assert parse("time:1d").seconds == 86_400


def test_folders_names_and_times_group() -> None:
    names = ["a/x/1.jpg", "a/2.jpg", "train/b/x/y/3.jpg", "b/x/4.jpg", "elsewhere/5.jpg"]
    labels = ["a", "a", "b", "b", "b"]
    assert by_folder(names, labels) == ["x", None, "x/y", "x", None]
    assert by_pattern(names, r"(\d)\.jpg") == ["1", "2", "3", "4", "5"]
    assert by_pattern(names, "elsewhere") == [None, None, None, None, "elsewhere"]
    first, second = successive(["a/f9.jpg", "a/f10.jpg", "a/g11.jpg", "a/f40.jpg"], ["a"] * 4)
    assert (first.tolist(), second.tolist()) == ([0], [1])
    days = np.array([5, 5, 5, 6, np.nan])
    seconds = np.array([86_390, 10, 60, 20, 0.0])
    first, second = by_time(days, seconds, np.zeros(5, int), 60)
    assert sorted(zip(first.tolist(), second.tolist(), strict=True)) == [(0, 3), (1, 2)]
    assert not len(by_time(days, seconds, np.arange(5), 60)[0])  # each of another label


@st.composite
def pictures(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings and labels of a few pictures."""
    count = draw(st.integers(2, 24))
    lot = np.random.default_rng(draw(st.integers(0, 999)))
    centres = lot.normal(size=(5, 6))
    vectors = centres[lot.integers(0, 5, count)] + 0.3 * lot.normal(size=(count, 6))
    return vectors.astype(np.float32), lot.integers(0, 2, count)


@given(pictures(), st.sampled_from([0.5, 0.8, 0.95, 1.0]), st.randoms())
def test_what_is_alike_is_linked_whatever_the_order(
    found: tuple[np.ndarray, np.ndarray], cosine: float, lot: object
) -> None:
    vectors, truth = found
    group = linked(vectors, truth, cosine)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for one, other in _near(unit @ unit.T, truth, cosine):
        assert group[one] == group[other]
    assert all(truth[root] == label for root, label in zip(group, truth, strict=True))
    order = np.arange(len(truth))
    lot.shuffle(order)  # type: ignore[attr-defined]
    again = linked(vectors[order], truth[order], cosine)
    same = group[order][:, None] == group[order]
    assert (same == (again[:, None] == again)).all()


def _near(cosines: np.ndarray, truth: np.ndarray, least: float) -> list[list[int]]:
    """Pairs of one label that are surely as alike as that."""
    pairs: list[list[int]] = np.argwhere(
        (cosines > least + 1e-5) & (truth[:, None] == truth)
    ).tolist()
    return pairs


@settings(max_examples=tried(50))
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6)), min_size=4, max_size=40),
    st.floats(0, 0.5),
)
def test_no_group_is_parted_in_split_and_folds(drawn: list[tuple[int, int]], share: float) -> None:
    digests = [f"{row:064x}" for row in range(len(drawn))]
    labels = [str(label) for label, _ in drawn]
    keys = split.tie(digests, [f"group/{group}" if group else None for _, group in drawn])
    held = split.kept_back(keys, labels, share)
    fold = split.folds(keys, labels, 5)
    for group in range(1, 7):
        rows = [row for row, (_, own) in enumerate(drawn) if own == group]
        assert len({bool(held[row]) for row in rows}) <= 1
        assert len({int(fold[row]) for row in rows}) <= 1
