"""What a studio does with its folder: undone to the file, finished after a kill, beside others."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from conftest import encoded, mostly_slow, tried
from kills import killed_at, moments
from studio import Opened, studio
from tellapart.assess.carrying_out import carry_out
from tellapart.assess.deciding import listed
from tellapart.dataset.decisions import decide, read_decisions
from tellapart.errors import DatasetError, DestinationError, TellapartError, UsageError
from tellapart.files.purpose import Errand
from tellapart.files.transfer import take_place
from tellapart.studio import disk, labelling
from tellapart.studio.carrying import carried_out
from tellapart.studio.changes import Decide, TakeBack, Wish
from tellapart.studio.folder import LEARN, TEST, Folder
from tellapart.studio.incoming import Incoming, Wanted
from tellapart.studio.studio import Studio
from tellapart.studio.uploads import Brought

NAMES = (
    "cat/1.jpg",
    "cat/2.jpg",
    "cat/day 1/1.jpg",
    "dog/1.jpg",
    "dog/3.jpg",
    "test/cat/9.jpg",
    "1.jpg",
    "heap.jpg",
    "set-aside/old.jpg",
    "dog/notes.txt",
)


def drawn(number: int) -> bytes:
    """A picture like no other."""
    pixels = np.full((4, 4, 3), [number % 256, number // 256 % 256, 7], np.uint8)
    return encoded(Image.fromarray(pixels))


def filled(folder: Path, names: tuple[str, ...] = NAMES) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def tree(folder: Path) -> dict[str, bytes | None]:
    """All folders and files but the studio's own, and the contents of those that are pictures."""
    found: dict[str, bytes | None] = {}
    for above, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != ".tellapart-studio"]
        for name in folders:
            found[Path(above, name).relative_to(folder).as_posix() + "/"] = None
        for name in files:
            if name != "tellapart.csv" and not name.startswith(".tellapart-"):
                path = Path(above, name)
                found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return found


def decisions(folder: Path) -> set[object]:
    return {*read_decisions(folder / "tellapart.csv", history=True)}


def whole(folder: Path) -> tuple[dict[str, bytes | None], set[object]]:
    return tree(folder), decisions(folder)


def but_when(folder: Path) -> tuple[dict[str, bytes | None], object]:
    """The same, but for the time at which something was decided."""
    every = read_decisions(folder / "tellapart.csv", history=True)
    told = {(o.path, o.digest, o.decision, o.new_label, o.in_force) for o in every}
    return tree(folder), told


def seen(folder: Folder) -> object:
    """What a page is shown, but for the numbers of pictures."""
    listed = sorted((one.name, one.label, one.part, one.decided) for one in folder.pictures)
    return listed, folder.labels


@contextmanager
def opened(root: Path) -> Iterator[Studio]:
    """A studio in this process that does not train."""
    found = Studio(root)
    found.folder.read()
    try:
        yield found
    finally:
        found.changes.close()


def bring(one: Studio, content: bytes, name: str, label: str = "", batch: str = "") -> list[str]:
    return brought_in(one, content, name, label, batch).added


def brought_in(one: Studio, content: bytes, name: str, label: str = "", batch: str = "") -> Brought:
    wanted = Wanted(name, label, batch=batch)
    coming = Incoming(one.root, wanted)
    try:
        coming.write(content)
        coming.end()
        return one.bring_in(coming, wanted)
    finally:
        coming.drop()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    with studio(filled(tmp_path_factory.mktemp("served") / "photos")) as found:
        yield found


@contextmanager
def moved_away(served: Opened) -> Iterator[None]:
    """While somebody else has moved the folder of a studio, and until its return is seen."""
    away = served.folder.with_name("away")
    served.folder.rename(away)
    try:
        served.wait(lambda state: state["problem"])
        yield
    finally:
        away.rename(served.folder)
        served.wait(lambda state: not state["problem"])


# A change, by a few numbers that choose what and of what; it may be refused.

Deed = Callable[[Studio], object]
LABELS = ("cat", "dog", "bird", "Ente")


def deed(kind: str, a: int, b: int) -> Deed:
    def some(folder: Folder) -> list[int]:
        ids = [one.id for one in folder.pictures]
        return [one for at, one in enumerate(ids) if (a + at * (b + 1)) % 3 == 0] or ids[:1]

    def do(one: Studio) -> object:
        folder = one.folder
        name = LABELS[a % len(LABELS)]
        pictures = folder.of(some(folder))
        if kind == "label":
            return one.change(lambda f: labelling.label(f, pictures, name))
        if kind == "heap":
            return one.change(lambda f: labelling.to_heap(f, pictures))
        if kind == "aside":
            return one.change(lambda f: labelling.set_aside(f, pictures))
        if kind == "part":
            part = TEST if b % 2 else LEARN
            with_label = [p for p in pictures if f"{p.name}".count("/") and p.part != "aside"]
            return one.change(lambda f: labelling.keep_for(f, with_label, part))
        if kind == "new":
            return one.change(lambda f: labelling.add_label(f, name))
        if kind == "rename":
            return one.change(lambda f: labelling.rename_label(f, name, LABELS[b % len(LABELS)]))
        if kind == "remove":
            return one.change(lambda f: labelling.remove_label(f, name))
        if kind == "decide":
            of = tuple(p.name for p in pictures if p.part in (LEARN, TEST))
            how = ("relabel", "drop", "keep")[b % 3]
            value = name if how == "relabel" else ""
            return one.change(lambda f: ("decided", [Decide(of, how, value)]) if of else ("", []))
        if kind == "carry out":
            return one.change(carried_out)
        if kind == "take back":
            rows = listed(folder.root)
            taken: list[Wish] = [TakeBack(rows[a % len(rows)])] if rows else []
            return one.change(lambda f: ("taken back", taken))
        if kind == "bring":
            label = name if b % 3 else ""
            return bring(one, drawn(a * 64 + b), f"new {b}.png", label, batch="b" * (b % 2))
        if kind == "undo":
            return one.undo()
        assert kind == "redo"
        return one.redo()

    return do


KINDS = ("label", "heap", "aside", "part", "new", "rename", "remove", "decide", "bring")
MENDED = ("decide", "carry out", "take back")
deeds = st.lists(
    st.tuples(
        st.sampled_from([*KINDS, *MENDED, "undo", "redo", "restart"]),
        st.integers(0, 63),
        st.integers(0, 63),
    ),
    max_size=10,
)


@pytest.mark.slow
@settings(max_examples=tried(60))
@example([("part", 59, 39), ("decide", 35, 30), ("carry out", 0, 0)])  # a new label, to test on
@given(deeds)
def test_undo_gives_the_very_same_folder_and_redo_is_its_opposite(
    tmp_path_factory: pytest.TempPathFactory, todo: list[tuple[str, int, int]]
) -> None:
    root = filled(tmp_path_factory.mktemp("law") / "photos")
    begun = whole(root)
    one = Studio(root)
    one.folder.read()
    try:
        for kind, a, b in todo:
            if kind == "restart":
                one.changes.close()
                one = Studio(root)
                one.folder.read()
                continue
            before = whole(root)
            try:
                deed(kind, a, b)(one)
            except TellapartError:
                assert whole(root) == before  # what is refused changes nothing
            again = Folder(root)
            again.read()
            assert seen(one.folder) == seen(again), kind
        after, depth = whole(root), one.changes.done
        for _ in range(depth):
            assert one.undo().words == ""
        assert whole(root) == begun
        for _ in range(depth):
            one.redo()
        assert whole(root) == after
    finally:
        one.changes.close()
        shutil.rmtree(root)


def dropped(*names: str) -> Callable[[Folder], labelling.Plan]:
    return lambda folder: ("left out", [Decide(names, "drop")])


def test_undo_takes_back_what_one_change_has_carried_out_and_nothing_before(tmp_path: Path) -> None:
    root = filled(tmp_path / "photos")
    decide(root, "cat/1.jpg", drop=True)
    carry_out(root)  # by the command
    with opened(root) as one:
        for name in ("dog/1.jpg", "dog/3.jpg"):
            one.change(dropped(name))
            one.change(carried_out)
        one.undo()
        aside = {path.relative_to(root).as_posix() for path in (root / "set-aside").rglob("*.jpg")}
        assert aside == {"set-aside/old.jpg", "set-aside/cat/1.jpg", "set-aside/dog/1.jpg"}
        kept = one.folder.named("dog/3.jpg")
        assert kept
        assert kept.decided == "drop"


def test_a_picture_that_was_left_out_and_is_wanted_again_keeps_its_name(tmp_path: Path) -> None:
    root = filled(tmp_path / "photos")
    with opened(root) as one:
        one.change(dropped("cat/1.jpg"))
        picture = one.folder.named("cat/1.jpg")
        assert picture
        assert one.change(lambda f: labelling.label(f, [picture], "cat"))
        kept = one.folder.named("cat/1.jpg")
        assert kept
        assert (kept.label, kept.decided) == ("cat", "")
        one.undo()
        assert [o.name for o in one.folder.pictures if o.decided == "drop"] == ["cat/1.jpg"]


@pytest.mark.parametrize("how", [labelling.to_heap, lambda f, p: carried_out(f)])
def test_what_is_decided_of_a_picture_that_cannot_be_moved_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: Callable[..., labelling.Plan]
) -> None:
    root = filled(tmp_path / "photos")

    def refused(source: Path, target: Path, errand: Errand) -> None:
        if source.parent.name == "dog":
            raise OSError(30, "Read-only file system")
        take_place(source, target, errand)

    with opened(root) as one:
        names = ("cat/1.jpg", "dog/1.jpg")
        one.change(dropped(*names))
        monkeypatch.setattr(disk, "take_place", refused)
        done = one.change(lambda f: how(f, [p for p in f.pictures if p.name in names]))
        assert done
        assert [left.name for left in done.left] == ["dog/1.jpg"]
        assert [o.name for o in one.folder.pictures if o.decided] == ["dog/1.jpg"]
        one.undo()
        assert {o.name for o in one.folder.pictures if o.decided} == {*names}


# A kill, at each moment at which the process asks the system for something.

SCENES: dict[str, tuple[list[tuple[str, int, int]], tuple[str, int, int]]] = {
    "label": ([], ("label", 0, 0)),
    "new label": ([], ("label", 2, 0)),
    "aside": ([], ("aside", 0, 1)),
    "join": ([], ("rename", 1, 0)),
    "rename": ([], ("rename", 0, 2)),
    "remove": ([], ("remove", 0, 0)),
    "decide": ([], ("decide", 0, 0)),
    "label what was decided about": ([("decide", 0, 0)], ("label", 1, 0)),
    "bring": ([], ("bring", 0, 1)),
    "carry out": ([("decide", 0, 0)], ("carry out", 0, 0)),
    "undo of what was carried out": ([("decide", 0, 1), ("carry out", 0, 0)], ("undo", 0, 0)),
    "undo of a label": ([("label", 0, 0)], ("undo", 0, 0)),
    "redo of a label": ([("label", 0, 0), ("undo", 0, 0)], ("redo", 0, 0)),
    "undo of what came": ([("bring", 0, 1)], ("undo", 0, 0)),
    "redo of what came": ([("bring", 0, 1), ("undo", 0, 0)], ("redo", 0, 0)),
    "undo of a removal": ([("remove", 0, 0)], ("undo", 0, 0)),
    "undo of a decision": ([("decide", 0, 1)], ("undo", 0, 0)),
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("every", mostly_slow([11, 1], 1))
@pytest.mark.parametrize("scene", mostly_slow(SCENES, 3))
def test_killed_at_any_moment_a_change_is_done_or_it_is_not(
    tmp_path: Path, scene: str, every: int
) -> None:
    first, last = SCENES[scene]
    root = filled(tmp_path / "photos")
    with opened(root) as one:
        for step in first:
            deed(*step)(one)
    before = but_when(root)
    shutil.copytree(root, tmp_path / "kept")

    def work() -> None:
        with opened(root) as one:
            deed(*last)(one)

    def anew() -> None:
        shutil.rmtree(root)
        shutil.copytree(tmp_path / "kept", root)

    count = moments(work)
    after = but_when(root)
    assert after != before
    for moment in range(1 + random.Random(scene).randrange(every), count + 1, every):
        anew()
        done = killed_at(moment, work)
        half = set(tree(root).values()) - set(before[0].values()) - set(after[0].values())
        assert not half, f"half a file at {moment}"
        with opened(root) as one:  # which finishes it
            assert but_when(root) in (before, after), f"neither at {moment} of {count}"
            assert not done or but_when(root) == after
            assert not list((root / ".tellapart-studio").glob("incoming/*"))
            is_after = but_when(root) == after
            while one.changes.undoable:
                one.undo()
            while one.changes.redoable:
                one.redo()
            if last[0] not in ("undo", "redo"):
                assert but_when(root) == (after if is_after else before)


# What others do to the folder, its journal, and the clock.


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000,
        b'{"undo":' + b"9" * 5000 + b"}",
        b'{"do":2,"what":"","steps":[{"move":["cat/1.jpg","cat/\\ud800.jpg"]}]}',
        b'{"do":2,"what":"","steps":[{"move":["cat/1.jpg","../1.jpg"]}]}',
        b'{"do":2,"what":"","steps":[{"carry-out":true}]}',
    ],
)
def test_a_journal_that_makes_no_sense_is_said_to_be_damaged(tmp_path: Path, line: bytes) -> None:
    root = filled(tmp_path / "photos")
    with opened(root) as one:
        deed("label", 0, 0)(one)
    before = tree(root)
    with (root / ".tellapart-studio" / "journal.jsonl").open("ab") as journal:
        journal.write(line + b"\n")
    with pytest.raises(DestinationError, match="is damaged in line 4"):
        Studio(root)
    assert tree(root) == before


def test_no_picture_is_labelled_by_the_name_of_a_part(tmp_path: Path) -> None:
    root = filled(tmp_path / "photos")
    with opened(root) as one:
        for name in ("test", "Test", "train", "validation"):
            with pytest.raises(UsageError, match="part of a data set"):
                bring(one, drawn(1), "new.png", name)
        assert tree(root) == tree(filled(tmp_path / "other"))


def test_a_label_like_one_that_is_there_is_refused_in_plain_words(tmp_path: Path) -> None:
    with opened(filled(tmp_path / "photos")) as one:
        said = "There is a label cat already; Cat differs from it only in capitals."
        with pytest.raises(DatasetError) as error:
            labelling.add_label(one.folder, "Cat")
        assert error.value.message == said
        assert labelling.add_label(one.folder, "Caterpillar")[0] == "Label Caterpillar"


def test_a_folder_of_a_time_to_come_is_not_read_for_ever(tmp_path: Path) -> None:
    root = filled(tmp_path / "photos")
    for above, _, files in os.walk(root, topdown=False):
        for name in [*files, "."]:
            os.utime(Path(above, name), (4e9, 4e9))
    folder = Folder(root)
    folder.read()
    assert not folder.has_changed()
    (root / "cat" / "new.jpg").write_bytes(b"new")
    assert folder.has_changed()


def test_what_is_wrong_with_an_archive_is_said_with_its_own_name(tmp_path: Path) -> None:
    root = filled(tmp_path / "photos")
    climbs = io.BytesIO()
    with zipfile.ZipFile(climbs, "w") as archive:
        archive.writestr("../../1.png", drawn(1))
    long = io.BytesIO()
    with zipfile.ZipFile(long, "w") as archive:
        archive.writestr("q" * 300 + ".png", drawn(1))
    for content in (climbs.getvalue(), long.getvalue(), b"none"):
        with opened(root) as one, pytest.raises(TellapartError, match=r"holiday\.zip") as error:
            bring(one, content, "holiday.zip", "cat")
        assert ".tellapart-studio" not in error.value.message


@pytest.mark.parametrize(
    ("label", "lies", "labels"),
    [("", "a/", "a"), ("", "garden/a/", "a"), ("", "", ""), ("me", "a/", "me")],
)
def test_all_of_an_archive_that_is_no_picture_is_named(
    tmp_path: Path, label: str, lies: str, labels: str
) -> None:
    root = filled(tmp_path / "photos")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{lies}1.png", drawn(1))
        archive.writestr(f"{lies}read-me.txt", b"text")
        archive.writestr("garden/notes.txt" if "garden" in lies else "notes.txt", b"text")
        archive.writestr(".DS_Store", b"")
    with opened(root) as one:
        brought = brought_in(one, packed.getvalue(), "holiday.zip", label)
        assert [name.rpartition("/")[0] for name in brought.added] == [labels]
        named = {PurePosixPath(refused.name).name: refused.reason for refused in brought.refused}
    assert named == dict.fromkeys(("read-me.txt", "notes.txt"), "not a picture (.txt)")
    assert len(brought.refused) == 2


def test_the_table_of_an_archive_is_no_file_that_was_refused(tmp_path: Path) -> None:
    root = filled(tmp_path / "photos")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("all/1.png", drawn(1))
        archive.writestr("notes.txt", b"text")
        archive.writestr("labels.csv", b"path,label\nall/1.png,gnu\n/none/2.png,gnu\n")
    with opened(root) as one:
        brought = brought_in(one, packed.getvalue(), "holiday.zip")
    assert [refused.name for refused in brought.refused] == ["notes.txt", "/none/2.png"]
    assert len(brought.added) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="others take no such name")
def test_a_folder_whose_name_is_not_utf_8_is_shown(tmp_path: Path) -> None:
    root = filled(tmp_path / os.fsdecode(b"photos\xff"))
    with opened(root) as one:
        said = json.dumps(one.state(), ensure_ascii=False).encode()  # as it is sent
        assert rb"photos\\udcff" in said


def test_what_is_added_to_a_folder_that_was_moved_away_begins_no_other(served: Opened) -> None:
    before = served.state()["labels"]
    with moved_away(served):
        said = served.ask("/api/pictures?name=new.png&label=cat", drawn(1))
        assert (said.status, served.folder.exists()) == (409, False)
        assert "photos does not exist" in said.json["detail"]
        assert served.ask("/api/labels", {"name": "bird"}).status == 409
        assert served.state()["labels"] == before


def test_a_folder_that_comes_back_is_seen_and_its_pictures_keep_their_numbers(
    served: Opened,
) -> None:
    before = served.state()
    with moved_away(served):
        pass
    after = served.state()
    assert after["labels"] == before["labels"]
    named = [{one[1]: one[0] for one in state["pictures"] if one[2]} for state in (before, after)]
    assert named[0] == named[1]


def test_undo_and_redo_wait_for_a_folder_that_was_moved_away(served: Opened) -> None:
    for path in ("/api/undo", "/api/redo"):
        assert served.ask("/api/labels", {"name": "bird"}).status == 200
        if path == "/api/redo":
            served.ask("/api/undo", {})
        before = served.state()
        with moved_away(served):
            said = served.ask(path, {})
            assert said.status == 409
            assert "does not exist" in said.json["detail"]
        after = served.state()
        assert [after[key] for key in ("undo", "redo")] == [before[key] for key in ("undo", "redo")]
        assert served.ask(path, {}).status == 200
        assert (served.folder / "bird").exists() == (path == "/api/redo")
    served.ask("/api/undo", {})


on_posix = pytest.mark.skipif(sys.platform == "win32", reason="there an open file stays")


@on_posix
@pytest.mark.parametrize("anew", [False, True])
def test_the_studios_own_folder_may_be_deleted_at_work(tmp_path: Path, anew: bool) -> None:
    root = filled(tmp_path / "photos")
    with opened(root) as one:
        one.change(lambda folder: labelling.add_label(folder, "bird"))
        if not anew:
            shutil.rmtree(root / ".tellapart-studio")
            one.change(lambda folder: labelling.add_label(folder, "Ente"))
            with pytest.raises(DestinationError, match="another studio"):
                Studio(root)
    with opened(root) as one:
        shutil.rmtree(root / ".tellapart-studio")
        one.change(lambda folder: labelling.add_label(folder, "fox"))
    with opened(root) as one:
        while one.changes.undoable:
            one.undo()
        assert tree(root) == tree(filled(tmp_path / "other"))


@on_posix
def test_a_label_is_made_where_the_studios_own_folder_was_deleted(served: Opened) -> None:
    shutil.rmtree(served.folder / ".tellapart-studio")
    assert served.ask("/api/labels", {"name": "fox"}).status == 200
    assert served.ask("/api/undo", {}).status == 200
    assert not (served.folder / "fox").exists()


def test_of_a_drop_that_was_undone_no_more_is_added(served: Opened) -> None:
    def sent(number: int, batch: str) -> int:
        name = f"new{number}.png"
        return served.ask(f"/api/pictures?name={name}&batch={batch}", drawn(number)).status

    before = served.state()["undo"]
    assert [sent(1, "first"), sent(2, "first")] == [201, 201]
    assert served.ask("/api/undo", {"batch": "first"}).status == 200
    assert sent(3, "first") == 400
    assert not {"new1.png", "new2.png", "new3.png"} & served.pictures().keys()
    assert served.state()["redo"] == "2 pictures added"
    served.ask("/api/redo", {})
    assert sent(3, "first") == 201
    served.ask("/api/undo", {"batch": "none"})
    assert sent(4, "none") == 400
    assert served.state()["undo"] == "3 pictures added"
    served.ask("/api/undo", {})
    assert served.state()["undo"] == before
