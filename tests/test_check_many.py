"""A check of more pictures than can be compared with each other: what is exact, what is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import draw_scene
from drawn import run_here
from tellapart.assess.check import listing
from tellapart.assess.check.checking import examine, look, rest_of
from tellapart.assess.check.groups import by_kind
from tellapart.assess.check.health import Health
from tellapart.assess.check.logits import OutOfFoldLogits
from tellapart.assess.check.looked import Looked
from tellapart.assess.fixing import walk_through
from tellapart.assess.grouping import Grouping
from tellapart.assess.pictures import Pictures
from tellapart.dataset.sources import Dataset, Items
from tellapart.head.blocks import Rows
from tellapart.head.cross_validation import cross_validate
from tellapart.health import buckets, sample
from tellapart.health.buckets import near
from tellapart.health.company import with_company
from tellapart.health.duplicates import may_be_same
from tellapart.health.strangers import said_of, strangers
from tellapart.health.structure import confused, split_labels
from tellapart.images.properties import PROPERTIES
from tellapart.to_json.check import checked, in_pieces

FEW = 200  # pictures that are all compared in these tests


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "MOST", FEW)
    monkeypatch.setattr(sample, "ROWS", 128)


def clouds(seed: int, labels: int, each: int, size: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings at length 1 around the means of their labels, and the labels."""
    lot = np.random.default_rng(seed)
    truth = np.tile(np.arange(labels), each)
    vectors = lot.normal(size=(labels, size))[truth] + lot.normal(size=(len(truth), size))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), truth


def in_file(vectors: np.ndarray, folder: Path) -> np.ndarray:
    np.save(folder / "vectors.npy", vectors)
    return np.asarray(np.load(folder / "vectors.npy", mmap_mode="r"))


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.sampled_from([40, 150, 400]))
def test_near_pictures_meet_in_buckets(seed: int, size: int) -> None:
    """Nearly all of the nearest are found that lie as close as copies do, and nothing else."""
    lot = np.random.default_rng(seed)
    vectors, _ = clouds(seed, 5, 160)
    vectors[:100] = vectors[-100:] + 0.06 * lot.normal(size=(100, 24))
    units = vectors - vectors.mean(axis=0)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    cosines = units @ units.T - 2 * np.eye(len(units))
    pairs, found = near(vectors, vectors.mean(axis=0), 3, 0.6, size).pairs()
    assert found == pytest.approx(cosines[pairs[:, 0], pairs[:, 1]], abs=1e-5)
    assert (found >= 0.6).all()
    met = set(map(tuple, pairs.tolist()))
    best = cosines.argmax(axis=1)
    close = np.flatnonzero(cosines.max(axis=1) >= 0.85).tolist()
    there = [(min(row, best[row]), max(row, best[row])) in met for row in close]
    assert np.mean(there) >= 0.97


def test_a_crowded_bucket_is_gone_through_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "_CROWDED", 2)
    lot = np.random.default_rng(0)
    vectors = (np.ones(16) + lot.normal(size=(600, 16))).astype(np.float32)
    vectors[:300] = vectors[300:] + 0.01 * lot.normal(size=(300, 16))
    pairs, _ = near(vectors, np.zeros(16), 1, 0.99, 60).pairs()
    met = set(map(tuple, pairs.tolist()))
    assert np.mean([(row, row + 300) in met for row in range(300)]) > 0.9


def test_copies_are_those_that_all_pairs_give(many: None, tmp_path: Path) -> None:
    vectors, _ = clouds(3, 4, 150)
    lot = np.random.default_rng(3)
    hashes = lot.integers(0, 2**64, len(vectors), dtype=np.uint64)
    digests = [f"{number:064x}" for number in range(len(vectors))]
    for row in range(40):
        vectors[row] = vectors[-1 - row] + 0.02 * lot.normal(size=24)
        if row % 3 == 0:
            hashes[row] = hashes[-1 - row]
        if row % 5 == 0:
            digests[row], vectors[row] = digests[-1 - row], vectors[-1 - row]
    by_blocks = [*may_be_same(in_file(vectors, tmp_path), hashes, digests, 0.93)]
    sample.MOST = 10_000
    exactly = [*may_be_same(vectors, hashes, digests, 0.93)]
    assert len(exactly) >= 40
    assert {(p.one, p.other, p.tier) for p in by_blocks} == {
        (p.one, p.other, p.tier) for p in exactly
    }


def test_groups_are_numbered_in_the_order_of_their_keys(tmp_path: Path) -> None:
    pictures, _ = drawn(tmp_path)
    keys = [f"0/\u00e9{row // 3}" if row % 2 else key for row, key in enumerate(pictures.keys)]
    tied = replace(pictures, keys=tuple(keys))
    rows = np.random.default_rng(0).permutation(len(keys))[: len(keys) // 2]
    wanted = np.unique([keys[row] for row in rows.tolist()], return_inverse=True)[1]
    np.testing.assert_array_equal(tied.groups(rows), wanted)


def test_what_one_camera_sees_is_no_million_pairs(many: None) -> None:
    vectors, _ = clouds(4, 2, 400)
    hashes = np.full(len(vectors), 7, np.uint64)
    digests = [f"{number:064x}" for number in range(len(vectors))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tellapart.health.duplicates._MOST_EQUAL", 1000)
        assert sum(1 for _ in may_be_same(vectors, hashes, digests, 0.99)) < 6000


def test_labels_are_compared_by_blocks_as_they_are_at_once(
    many: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, truth = clouds(5, 5, 120)
    lot = np.random.default_rng(5)
    own = np.flatnonzero(truth == 1)
    truth[lot.permutation(own)[:60]] = 5  # the same under another name
    truth[truth == 3] = 2  # two under one name
    truth[truth == 5] = 3
    vectors[:4] = 3 * lot.normal(size=(4, 24))
    fold = np.arange(len(truth)) // 5 % 5
    found = cross_validate(vectors, truth, 5, fold)
    everyone, rows = np.ones(len(truth), bool), np.arange(len(truth))
    lies = in_file(vectors, tmp_path)
    logits = OutOfFoldLogits(Rows(lies, rows), fold, found.heads)
    blocks = (
        strangers(lies, truth, said_of(logits, truth, rows), 5, fold),
        confused(truth, logits, everyone),
        split_labels(lies, truth, 5, fold),
    )
    monkeypatch.setattr(sample, "MOST", 10_000)
    whole = (
        strangers(vectors, truth, said_of(found.logits, truth, rows), 5, fold),
        confused(truth, found.logits, everyone),
        split_labels(vectors, truth, 5, fold),
    )
    assert blocks[0].rows.tolist() == whole[0].rows.tolist()
    assert blocks[0].distance == pytest.approx(whole[0].distance, abs=1e-4)
    assert [one.labels for one in blocks[1]] == [one.labels for one in whole[1]] == [(1, 3)]
    assert blocks[1][0].gain == pytest.approx(whole[1][0].gain)
    assert [one.label for one in blocks[2]] == [one.label for one in whole[2]]


def drawn(folder: Path, seed: int = 0, each: int = 160) -> tuple[Pictures, set[int]]:
    """Pictures of five labels that are known by their embeddings alone, in a file; a tenth are
    held out. And the rows of those whose label is wrong."""
    vectors, shown = clouds(seed, 5, each)
    lot = np.random.default_rng(seed)
    count = len(shown)
    truth = shown.copy()
    wrong = lot.permutation(count)[: count // 25]
    truth[wrong] = (shown[wrong] + 1 + lot.integers(0, 4, len(wrong))) % 5
    digests = [f"{number:064x}" for number in lot.permutation(count).tolist()]
    for row in range(6):  # the same file twice
        vectors[-1 - row], digests[-1 - row] = vectors[row], digests[row]
        truth[-1 - row] = shown[row] if row else (shown[row] + 1) % 5  # one under two labels
        truth[row] = shown[row]
    wrong = np.flatnonzero(truth != np.r_[shown[:-6], shown[5::-1]])
    properties = np.full((count, len(PROPERTIES)), 0.5, np.float32)
    properties[:, -4:] = lot.integers(0, 2**16, (count, 4))
    properties[:, [PROPERTIES.index("width"), PROPERTIES.index("height")]] = 240
    properties[:3, PROPERTIES.index("lightest")] = 0.01
    properties[:, PROPERTIES.index("file type")] = 0
    names = tuple(f"{label}/{number}.jpg" for number, label in enumerate(truth.tolist()))
    return Pictures(
        labels=("a", "b", "c", "d", "e"),
        names=names,
        paths=tuple(map(Path, names)),
        truth=truth,
        vectors=in_file(vectors, folder),
        digests=tuple(digests),
        keys=tuple(digests),
        held_out=np.arange(count) % 10 == 7,
        unknown=(),
        properties=properties,
        grouping=Grouping((None,) * count),
    ), set(wrong.tolist())


def looked_at(pictures: Pictures, *, every: bool = False) -> Looked:
    return look(Dataset(Path("drawn"), Items()), pictures, every=every)


def test_wrong_labels_are_found_in_all_pictures(many: None, tmp_path: Path) -> None:
    pictures, wrong = drawn(tmp_path)
    errors = looked_at(pictures).label_errors
    assert sorted(errors.order.tolist()) == list(range(len(pictures.names)))
    likely = set(errors.likely.tolist())
    assert len(likely & wrong) >= 0.8 * len(wrong)
    assert len(likely - wrong) <= 0.15 * len(wrong)
    assert set(np.flatnonzero(errors.sure).tolist()) <= wrong
    assert errors.tells
    assert f"For a trial among {FEW} pictures" in errors.words


def test_of_very_many_labels_one_rate_says_how_often_they_are_wrong(
    many: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tellapart.health.wrong_of_many._LABELS", 4)
    pictures, wrong = drawn(tmp_path)
    likely = set(looked_at(pictures).label_errors.likely.tolist())
    assert len(likely & wrong) >= 0.7 * len(wrong)
    assert len(likely - wrong) <= 0.15 * len(wrong)


EXACT = ("duplicate", "conflict", "leak", "imbalance", "dark", "shortcut", "two-in-one", "stranger")


def by_content(health: Health, kinds: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
    return sorted((one.kind, one.paths) for one in health.of(*kinds))


@pytest.mark.slow
def test_what_is_exact_is_the_same_in_blocks_and_what_is_not_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, _ = drawn(tmp_path)
    whole = examine(looked_at(pictures))
    monkeypatch.setattr(sample, "MOST", FEW)
    monkeypatch.setattr(sample, "ROWS", 128)
    in_part = examine(looked_at(pictures))
    assert by_content(whole, EXACT) == by_content(in_part, EXACT)
    assert {one.kind for one in whole.of(*EXACT)} >= {"duplicate", "conflict", "dark"}
    assert in_part.accuracy == whole.accuracy
    named, exactly = ({one.paths[0] for one in of.of("wrong-label")} for of in (in_part, whole))
    assert len(named & exactly) >= 0.8 * len(named | exactly)
    assert not whole.notes
    said = " ".join(in_part.notes)
    assert "Bursts were looked for among" in said
    assert f"of {len(pictures.learnt):,} pictures" in said
    assert "Near copies were looked for in groups" in said


@pytest.mark.slow
@pytest.mark.parametrize("limit", ["files.room.LARGE", "assess.check.checking._MOST_SCORES"])
def test_very_many_embeddings_or_scores_are_checked_without_keeping_logits(
    many: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    pictures, _ = drawn(tmp_path)
    before = examine(looked_at(pictures))
    monkeypatch.setattr(f"tellapart.{limit}", 1000)
    looked = looked_at(pictures)
    assert looked.found.logits.shape == (0, 5)
    found = examine(looked)
    assert abs(found.accuracy.value - before.accuracy.value) < 0.02
    assert by_content(found, ("duplicate", "conflict", "dark")) == by_content(
        before, ("duplicate", "conflict", "dark")
    )
    assert any("Pictures that do harm were not looked for" in note for note in found.notes)


def test_bursts_are_found_whole_among_a_few_drawn(many: None, tmp_path: Path) -> None:
    lot = np.random.default_rng(0)
    pictures, _ = drawn(tmp_path)
    vectors = np.array(pictures.vectors)
    moments = np.arange(len(vectors)) // 20 * 5 + np.arange(len(vectors)) % 5  # four of a label
    vectors = vectors[moments] + 0.02 * lot.normal(size=vectors.shape).astype(np.float32)
    truth = np.arange(len(vectors)) % 5
    drawn_rows = np.arange(40)
    rows = with_company(in_file(vectors, tmp_path), truth, drawn_rows, 4)
    for row in drawn_rows.tolist():
        burst = np.flatnonzero(moments == moments[row])
        assert set(burst.tolist()) <= set(rows.tolist())


def test_of_very_many_findings_the_dearest_are_listed_and_all_can_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, _ = drawn(tmp_path)
    looked = looked_at(pictures, every=True)
    whole = examine(looked)
    monkeypatch.setattr(listing, "MOST", 2)
    few = examine(looked)
    for kind in ("wrong-label", "duplicate"):
        assert list(few.of(kind)) == list(whole.of(kind))[:2]
        assert few.more[kind] == len(whole.of(kind)) - 2
    counts = {group.kind: group.count for group in by_kind(whole)}
    assert {group.kind: group.count for group in by_kind(few)} == counts
    streamed = json.loads("".join(in_pieces(few, rest_of(few))))
    assert streamed.keys() == checked(whole).keys()
    there = [(one["kind"], one["paths"]) for one in streamed["findings"]]
    assert sorted(there) == sorted((one.kind, list(one.paths)) for one in whole.findings)


@pytest.mark.slow
def test_a_walk_through_very_many_begins_and_says_about_what_each_decision_does(
    many: None, draw_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "MOST", 30)
    monkeypatch.setattr("tellapart.assess.fixing.MOST_ASKED", 3)
    photos = draw_folder({"many": 24, "others": 24})
    for seed in range(500, 505):
        for name in ("new", "again"):
            draw_scene(seed=seed).save(photos / "many" / f"{name}-{seed}.png")
    walk = walk_through(photos, ("duplicate",), quality="fast", groups="none")
    assert walk.place == (0, 3)
    assert walk.question
    assert walk.question.suggestion
    done = walk.decide(walk.question.suggestion)
    assert done.about
    assert done.after
    assert done.before
    assert done.after.n == done.before.n - 1
    found = run_here("check", photos, "--quality", "fast", "-q")
    assert "Note: Bursts were looked for among" in found.out
