"""Decisions carried out: files are moved, the data set reads the same, and all of it comes back."""

from __future__ import annotations

import os
import random
import shutil
import signal
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import mostly_slow
from drawn import contents
from kills import killed_at, moments
from tellapart.assess.carrying_out import carry_out, planned, undo_carried_out
from tellapart.dataset.decisions import decide, read_decisions, undo_decisions
from tellapart.dataset.sources import read_dataset
from tellapart.errors import UsageError

PLAIN = tuple(f"{label}/{number}.png" for label in ("elsa", "vader") for number in range(3))
PARTS = tuple(f"{part}/{name}" for part in ("train", "test") for name in PLAIN)
BESIDE = PLAIN + tuple(f"test/{name}" for name in PLAIN)
TURNED = tuple(
    f"{label}/{part}/{n}.png"
    for label in ("elsa", "vader")
    for part in ("train", "test")
    for n in range(3)
)
HOW = st.one_of(
    st.sampled_from(["elsa", "vader", "anna"]).map(lambda label: {"relabel": label}),
    st.just({"drop": True}),
    st.just({"keep": True}),
    st.just({"group": "a burst"}),
)


def files(root: Path, names: tuple[str, ...] = PLAIN) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def seen(photos: Path) -> Counter[tuple[str, str, str | None, str | None]]:
    items = read_dataset(photos, at_least=0).items
    return Counter((item.file.read_text(), item.label, item.split, item.group) for item in items)


@settings(max_examples=20)
@given(
    layout=st.sampled_from([PLAIN, PARTS, BESIDE, TURNED]),
    steps=st.lists(st.tuples(st.integers(-3, 5), HOW), max_size=7),
    later=st.lists(st.tuples(st.integers(-3, 5), HOW), max_size=2),
)
def test_the_data_set_reads_the_same_before_and_after_and_all_comes_back(
    layout: tuple[str, ...],
    steps: list[tuple[int, dict[str, Any]]],
    later: list[tuple[int, dict[str, Any]]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        photos = files(Path(folder) / "photos", layout)
        for at, how in steps:
            decide(photos, layout[at], **how)
        tree, was = contents(photos), seen(photos)
        done = carry_out(photos)
        assert done.left == ()
        assert seen(photos) == was
        assert {row.decision for row in read_decisions(photos / "tellapart.csv")} <= {
            *("keep", "group")
        } or not done.moved
        if not later:
            if done.moved:
                assert undo_carried_out(photos).left == ()
            assert contents(photos) == tree
            return
        for at, how in later:  # it can be gone on with, from where the files are now
            names = [item.name for item in read_dataset(photos, at_least=0, decided=False).items]
            decide(photos, names[at % len(names)], **how)
        was = seen(photos)
        again = carry_out(photos)
        assert seen(photos) == was
        if done.moved or again.moved:
            assert undo_carried_out(photos).left == ()
        assert seen(photos) == was
        assert {n for n in contents(photos) if n.endswith(".png")} == set(layout)
        undo_decisions(photos, everything=True) if steps or later else None
        assert contents(photos) == {name: name.encode() for name in layout}


def test_dropped_and_relabelled_pictures_go_where_they_belong(tmp_path: Path) -> None:
    photos = files(tmp_path / "photos")
    decide(photos, "elsa/0.png", drop=True)
    decide(photos, "elsa/1.png", relabel="vader")  # where another has its name
    decide(photos, "elsa/2.png", relabel="anna")
    assert planned(photos) == (
        ("elsa/0.png", "set-aside/elsa/0.png"),
        ("elsa/1.png", "vader/1.png"),
        ("elsa/2.png", "anna/2.png"),
    )
    assert carry_out(photos).moved == (
        ("elsa/0.png", "set-aside/elsa/0.png"),
        ("elsa/1.png", "vader/1-2.png"),
        ("elsa/2.png", "anna/2.png"),
    )
    assert (photos / "vader" / "1.png").read_text() == "vader/1.png"
    dataset = read_dataset(photos)
    assert dataset.counts == {"anna": 1, "vader": 4}
    assert "set-aside/ is no label: it holds pictures that were dropped." in dataset.notes
    assert read_decisions(photos / "tellapart.csv") == ()
    assert carry_out(photos).moved == ()


def test_a_run_that_was_stopped_goes_on(tmp_path: Path) -> None:
    photos = files(tmp_path / "photos", tuple(f"{x}/{n:03d}.png" for x in "ab" for n in range(40)))
    decide(photos, [f"a/{n:03d}.png" for n in range(38)], relabel="b")
    decide(photos, ["b/000.png", "b/001.png"], drop=True)
    tree, was = contents(photos), seen(photos)

    def stop(done: int, total: int) -> None:
        assert total == 40
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry_out(photos, progress=stop)
    assert seen(photos) == was
    carry_out(photos)
    assert seen(photos) == was
    assert read_decisions(photos / "tellapart.csv") == ()
    assert undo_carried_out(photos).taken_back == 40
    assert contents(photos) == tree


def test_what_cannot_be_moved_is_left_with_its_decision(tmp_path: Path) -> None:
    photos = files(tmp_path / "photos")
    (photos / "elsa" / "1.png").unlink()
    (photos / "elsa" / "1.png").symlink_to(photos / "vader" / "1.png")
    decide(photos, "elsa/0.png", relabel="red/blue")
    decide(photos, "elsa/1.png", drop=True)
    decide(photos, "elsa/2.png", relabel="test")
    tree, was = contents(photos), seen(photos)
    done = carry_out(photos)
    assert done.moved == ()
    assert {one.name: one.reason for one in done.left} == {
        "elsa/0.png": "no folder can be called red/blue: some system does not take that name",
        "elsa/1.png": "a link; only files themselves are moved",
        "elsa/2.png": "no folder can be called test: it is read as a part of a data set",
    }
    assert (contents(photos), seen(photos)) == (tree, was)


def test_a_label_that_only_test_pictures_have_leaves_the_folder_readable(tmp_path: Path) -> None:
    """A part beside the labels is known by those that it shares with them."""
    photos = files(tmp_path / "photos", BESIDE)
    decide(photos, "test/elsa/0.png", relabel="anna")
    was = seen(photos)
    assert carry_out(photos).moved == (("test/elsa/0.png", "test/anna/0.png"),)
    assert seen(photos) == was
    undo_carried_out(photos)
    shutil.rmtree(photos / "test" / "vader")
    tree, was = contents(photos), seen(photos)
    done = carry_out(photos)
    assert (done.moved, seen(photos)) == ((), was)
    assert [(one.name, one.reason) for one in done.left] == [
        (
            "test/elsa/0.png",
            "test/ has no folder vader, so with one for anna, which is not learnt, it would not "
            "be read as pictures to test on",
        )
    ]
    assert contents(photos) == tree


def test_a_file_of_the_users_at_its_old_place_is_not_touched_by_undo(tmp_path: Path) -> None:
    photos = files(tmp_path / "photos")
    decide(photos, ["elsa/0.png", "elsa/1.png"], relabel="vader")
    carry_out(photos)
    (photos / "elsa" / "0.png").write_text("another")
    back = undo_carried_out(photos)
    assert (back.taken_back, [one.name for one in back.left]) == (1, ["vader/0-2.png"])
    assert (photos / "elsa" / "0.png").read_text() == "another"
    assert (photos / "vader" / "0-2.png").read_text() == "elsa/0.png"
    assert read_dataset(photos).counts == {"elsa": 2, "vader": 5}


def test_only_in_a_folder_can_files_be_moved(tmp_path: Path) -> None:
    photos = files(tmp_path / "photos")
    archive = tmp_path / "packed.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for name in PLAIN:
            packed.write(photos / name, name)
    decide(archive, "elsa/0.png", drop=True)
    with pytest.raises(UsageError, match="is not a folder"):
        carry_out(archive)
    with pytest.raises(UsageError, match="Nothing was carried out in"):
        undo_carried_out(photos)
    assert carry_out(photos).moved == ()
    assert contents(photos) == {name: name.encode() for name in PLAIN}


def test_there_and_back_again_is_undone_in_order(tmp_path: Path) -> None:
    photos = files(tmp_path / "photos")
    decide(photos, "elsa/0.png", group="a burst")
    decide(photos, "elsa/0.png", relabel="vader")
    tree = contents(photos)
    assert carry_out(photos).moved == (("elsa/0.png", "vader/0-2.png"),)
    decide(photos, "vader/0-2.png", relabel="elsa")
    assert carry_out(photos).moved == (("vader/0-2.png", "elsa/0-2.png"),)
    undo_carried_out(photos)
    assert read_dataset(photos).counts == {"elsa": 3, "vader": 3}
    undo_decisions(photos, last=1)
    assert contents(photos) == tree


def test_what_was_carried_out_stays_where_all_else_is_taken_back(tmp_path: Path) -> None:
    photos = files(tmp_path / "photos")
    decide(photos, "elsa/0.png", relabel="vader")
    carry_out(photos)
    decide(photos, "vader/0-2.png", drop=True)
    assert [one.decision for one in undo_decisions(photos, everything=True)] == ["drop"]
    assert read_dataset(photos).counts == {"elsa": 2, "vader": 4}
    undo_carried_out(photos)
    assert read_dataset(photos).counts == {"elsa": 2, "vader": 4}
    undo_decisions(photos, everything=True)
    assert contents(photos) == {name: name.encode() for name in PLAIN}


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("every", mostly_slow([5, 1], 1))
def test_killed_at_each_moment_it_reads_the_same_and_goes_on(tmp_path: Path, every: int) -> None:
    photos, kept = files(tmp_path / "photos"), tmp_path / "kept"
    decide(photos, ["elsa/0.png", "elsa/1.png"], relabel="vader")
    decide(photos, "vader/0.png", drop=True)
    decide(photos, ["elsa/1.png", "vader/1.png"], group="a burst")
    tree, was = contents(photos), seen(photos)

    def kills(work: Callable[[Path], object], then: Callable[[], object]) -> None:
        shutil.copytree(photos, kept)
        for moment in range(1, moments(lambda: work(photos)) + 1, every):
            shutil.rmtree(photos)
            shutil.copytree(kept, photos)
            killed_at(moment, lambda: work(photos))
            assert seen(photos) == was, moment
            with suppress(UsageError):  # all was taken back
                work(photos)
            then()
        shutil.rmtree(kept)

    def is_done() -> None:
        assert seen(photos) == was
        assert {one.decision for one in read_decisions(photos / "tellapart.csv")} == {"group"}

    def is_back() -> None:
        assert contents(photos) == tree

    kills(carry_out, is_done)
    kills(undo_carried_out, is_back)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("seed", range(6))
def test_killed_at_random_moments_it_reads_the_same_and_goes_on(tmp_path: Path, seed: int) -> None:
    lot = random.Random(seed)
    photos = files(tmp_path / "photos", tuple(f"{x}/{n}.png" for x in "ab" for n in range(60)))
    decide(photos, [f"a/{n}.png" for n in range(40)], relabel="b")
    decide(photos, [f"b/{n}.png" for n in range(20)], drop=True)
    decide(photos, [f"a/{n}.png" for n in range(10)], group="a burst")
    tree, was = contents(photos), seen(photos)

    def killed(work: Callable[[Path], object]) -> None:
        child = os.fork()
        if not child:
            try:
                work(photos)
            finally:
                os._exit(0)
        time.sleep(lot.uniform(0, 0.12))
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert seen(photos) == was

    for _ in range(3):
        killed(carry_out)
    carry_out(photos)
    assert seen(photos) == was
    assert {one.decision for one in read_decisions(photos / "tellapart.csv")} == {"group"}
    for _ in range(2):
        killed(undo_carried_out)
    with suppress(UsageError):  # the last one that was killed had come to its end
        undo_carried_out(photos)
    assert contents(photos) == tree
