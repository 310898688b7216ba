"""Folders, tables and archives are read as what their owner meant; the split follows its laws."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import draw_scene, encoded
from tellapart.dataset.sources import Dataset, pictures_below, read_dataset
from tellapart.dataset.split import TO_SPARE, folds, kept_back, position, tie
from tellapart.errors import ArchiveError, DatasetError
from tellapart.images.decode import read_picture

PICTURE = encoded(draw_scene(16, 12))

Tree = dict[str, bytes]


def build(root: Path, tree: Sequence[str] | Tree) -> Path:
    """Write files below `root`; those without content of their own are pictures."""
    files = tree if isinstance(tree, dict) else dict.fromkeys(tree, PICTURE)
    root.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def listed(dataset: Dataset) -> list[tuple[str, str, str | None]]:
    return [(item.name, item.label, item.split) for item in dataset.items]


def passed_over(dataset: Dataset) -> dict[str, str]:
    return {skipped.name: skipped.reason for skipped in dataset.skipped}


def why_not(source: Path) -> DatasetError:
    with pytest.raises(DatasetError) as caught:
        read_dataset(source)
    return caught.value


FOLDERS = ("cat/1.jpg", "cat/deep/er/2.PNG", "dog/1.jpg")
SPLIT_FOLDERS = ("train/cat/1.jpg", "train/dog/1.jpg", "test/cat/2.jpg", "test/bird/1.jpg")


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (
            FOLDERS,
            [
                ("cat/1.jpg", "cat", None),
                ("cat/deep/er/2.PNG", "cat", None),
                ("dog/1.jpg", "dog", None),
            ],
        ),
        (
            SPLIT_FOLDERS,
            [
                ("test/bird/1.jpg", "bird", "test"),
                ("test/cat/2.jpg", "cat", "test"),
                ("train/cat/1.jpg", "cat", "train"),
                ("train/dog/1.jpg", "dog", "train"),
            ],
        ),
        (
            (
                "Training/a/1.jpg",
                "Training/b/1.jpg",
                "VALID/a/2.jpg",
                "val/a/4.jpg",
                "testing/a/3.jpg",
            ),
            [
                ("Training/a/1.jpg", "a", "train"),
                ("Training/b/1.jpg", "b", "train"),
                ("VALID/a/2.jpg", "a", "validation"),
                ("testing/a/3.jpg", "a", "test"),
                ("val/a/4.jpg", "a", "validation"),
            ],
        ),
        (
            ("train/1.jpg", "bus/1.jpg"),  # a train is also something that one can photograph
            [("bus/1.jpg", "bus", None), ("train/1.jpg", "train", None)],
        ),
        (
            ("test/1.jpg", "exam/1.jpg"),
            [("exam/1.jpg", "exam", None), ("test/1.jpg", "test", None)],
        ),
        (
            ("a/no-suffix", "b/picture.dat"),
            [("a/no-suffix", "a", None), ("b/picture.dat", "b", None)],
        ),
    ],
)
def test_layouts_of_folders(
    tree: Sequence[str], expected: list[tuple[str, str, str | None]], tmp_path: Path
) -> None:
    dataset = read_dataset(build(tmp_path / "root", tree))
    assert listed(dataset) == expected
    assert dataset.skipped == ()
    assert dataset.hidden == 0
    assert all(item.file.read_bytes() == PICTURE for item in dataset.items)


BESIDE = "a folder beside train/, and none of a split"


@pytest.mark.parametrize(
    ("tree", "names", "skipped"),
    [
        ((*SPLIT_FOLDERS, "unlabelled/3.jpg"), SPLIT_FOLDERS, {"unlabelled": BESIDE}),
        (
            (*SPLIT_FOLDERS, "more/cat/3.jpg", "raw/4.jpg", "train/README.md"),
            SPLIT_FOLDERS,
            {"more": BESIDE, "raw": BESIDE},
        ),
        (
            ("train/cat/1.jpg", "train/dog/1.jpg", "dev/cat/2.jpg", "notes/3.jpg"),
            ("dev/cat/2.jpg", "train/cat/1.jpg", "train/dog/1.jpg"),
            {"notes": BESIDE},
        ),
        (  # each of these may be a label
            ("train/1.jpg", "train/old/2.jpg", "test/1.jpg", "bus/1.jpg"),
            ("bus/1.jpg", "test/1.jpg", "train/1.jpg", "train/old/2.jpg"),
            {},
        ),
        (("train/old/1.jpg", "bus/1.jpg"), ("bus/1.jpg", "train/old/1.jpg"), {}),
    ],
)
def test_split_folders_beside_others(
    tree: Sequence[str], names: Sequence[str], skipped: dict[str, str], tmp_path: Path
) -> None:
    files = dict.fromkeys(tree, PICTURE) | {n: b"hello" for n in tree if n.endswith(".md")}
    dataset = read_dataset(build(tmp_path / "root", files))
    assert sorted(item.name for item in dataset.items) == sorted(names)
    assert {item.split for item in dataset.items if skipped} <= {"train", "test", "validation"}
    assert passed_over(dataset) == skipped
    assert "unlabelled" not in dataset.labels


def test_counts_and_parts(tmp_path: Path) -> None:
    dataset = read_dataset(str(build(tmp_path / "root", SPLIT_FOLDERS)))
    assert dataset.labels == ("bird", "cat", "dog")
    assert dataset.counts == {"bird": 1, "cat": 2, "dog": 1}
    assert dataset.only("train").counts == {"cat": 1, "dog": 1}
    assert dataset.only("test", "validation").counts == {"bird": 1, "cat": 1}
    assert dataset.only(None).items == ()


def test_split_folders_are_never_labels(tmp_path: Path) -> None:
    error = why_not(build(tmp_path / "root", ("train/1.jpg", "test/1.jpg")))
    assert "found: none" in error.message
    assert "1.jpg (in no label's folder)" in error.message


def test_what_systems_leave_behind_is_counted_once(tmp_path: Path) -> None:
    tree = dict.fromkeys(FOLDERS, PICTURE) | {
        ".DS_Store": b"x",
        "cat/Thumbs.db": b"x",
        "cat/._1.jpg": PICTURE,
        "dog/desktop.ini": b"x",
        ".ipynb_checkpoints/1.jpg": PICTURE,
        "__MACOSX/cat/1.jpg": PICTURE,
        ".git/objects/1.jpg": PICTURE,
    }
    dataset = read_dataset(build(tmp_path / "root", tree))
    assert [item.name for item in dataset.items] == list(FOLDERS)
    assert dataset.hidden == 7
    assert dataset.skipped == ()


def test_other_files_are_passed_over_with_a_reason(tmp_path: Path) -> None:
    tree = dict.fromkeys(FOLDERS, PICTURE) | {
        "cat/notes.txt": b"hello",
        "dog/README": b"hello",
        "dog/film.mp4": b"\0\0\0\x20ftypisom",
        "loose.jpg": PICTURE,
        "README.md": b"# hello",
        "cat/broken.jpg": b"<html>",
    }
    root = build(tmp_path / "root", tree)
    os.mkfifo(root / "dog" / "pipe")
    (root / "dog" / "gone").symlink_to("nowhere")
    (root / "dog" / "itself").symlink_to("itself")
    dataset = read_dataset(root)
    assert passed_over(dataset) == {
        "cat/notes.txt": "not a picture (.txt)",
        "dog/README": "not a picture (no extension)",
        "dog/film.mp4": "not a picture (.mp4)",
        "dog/pipe": "not a regular file",
        "dog/gone": "a broken link",
        "dog/itself": "a broken link",
        "loose.jpg": "in no label's folder",
    }
    assert "cat/broken.jpg" in [item.name for item in dataset.items]  # decoding will tell


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """Labels with links to folders: beside them, inside them, and back up."""
    outside = build(tmp_path / "outside", ("more/3.jpg",))
    root = build(tmp_path / "root", FOLDERS)
    (root / "cat" / "more").symlink_to(outside / "more")
    (root / "bird").symlink_to(outside / "more")
    (root / "loop").symlink_to(root)
    (root / "dog" / "up").symlink_to("..")
    (root / "dog" / "same").symlink_to(".")
    return root


def test_links_to_folders_are_not_followed(linked: Path) -> None:
    dataset = read_dataset(linked)
    assert [item.name for item in dataset.items] == list(FOLDERS)
    assert passed_over(dataset) == dict.fromkeys(
        ("cat/more", "bird", "loop", "dog/up", "dog/same"), "a link to a folder, not followed"
    )


def test_links_to_folders_are_followed_when_asked_and_never_in_a_loop(linked: Path) -> None:
    dataset = read_dataset(linked, follow_links=True)
    assert listed(dataset) == [
        ("bird/3.jpg", "bird", None),
        ("cat/1.jpg", "cat", None),
        ("cat/deep/er/2.PNG", "cat", None),
        ("cat/more/3.jpg", "cat", None),
        ("dog/1.jpg", "dog", None),
    ]
    assert passed_over(dataset) == dict.fromkeys(
        ("loop", "dog/up", "dog/same"), "a link back to a folder above it"
    )


def test_a_loop_over_two_links(tmp_path: Path) -> None:
    root = build(tmp_path / "root", FOLDERS)
    far = build(tmp_path / "far", ("4.jpg",))
    (root / "cat" / "far").symlink_to(far)
    (far / "back").symlink_to(root / "cat")
    dataset = read_dataset(root, follow_links=True)
    assert "cat/far/4.jpg" in [item.name for item in dataset.items]
    assert passed_over(dataset) == {"cat/far/back": "a link back to a folder above it"}


def test_a_link_to_a_file_is_a_picture(tmp_path: Path) -> None:
    root = build(tmp_path / "root", FOLDERS)
    (root / "dog" / "2.jpg").symlink_to(root / "dog" / "1.jpg")
    assert read_dataset(root).counts == {"cat": 2, "dog": 2}


def test_pictures_below_a_folder_without_labels(linked: Path) -> None:
    found, skipped, hidden = pictures_below(linked)
    assert [name for _, name in found] == list(FOLDERS)
    assert len(skipped) == 5
    assert hidden == 0


LABELS = ["été", "Ёлка", "雪だるま", "ملكة", "\N{SNOWMAN}", "a b", "with_underscore", "-rf", "CON"]


def test_labels_are_kept_verbatim(tmp_path: Path) -> None:
    root = build(tmp_path / "root", [f"{label}/1.jpg" for label in LABELS])
    assert read_dataset(root).labels == tuple(sorted(LABELS))


def test_a_label_that_is_no_text(tmp_path: Path) -> None:
    root = build(tmp_path / "root", ("cat/1.jpg",))
    build(root / os.fsdecode(b"caf\xe9"), ("1.jpg",))
    error = why_not(root)
    assert "not UTF-8" in error.message
    error.message.encode()  # can be printed


def test_file_names_may_be_any_bytes(tmp_path: Path) -> None:
    root = build(tmp_path / "root", FOLDERS)
    names = [b"\xff.jpg", b"two\nlines.jpg", "\N{SNOWFLAKE}.jpg".encode(), b"x" * 251 + b".jpg"]
    for name in names:
        build(root / "cat", (os.fsdecode(name),))
    found = {os.fsencode(item.path.name) for item in read_dataset(root).items}
    assert found >= set(names)


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({}, ["at least 2 labels; found: none"]),
        ({"cat/1.jpg": PICTURE}, ["found: cat (1)"]),
        ({"1.jpg": PICTURE, "2.jpg": PICTURE}, ["found: none", "2 files", "1.jpg (in no label's"]),
        (
            {"cat/1.jpg": PICTURE, "cat/2.jpg": PICTURE, "dog/a.txt": b"hello"},
            ["found: cat (2)", "1 file, such as dog/a.txt (not a picture (.txt))"],
        ),
        ({"train/cat/1.jpg": PICTURE, "test/dog/1.jpg": PICTURE}, ["found: cat (1)"]),
        ({"Cat/1.jpg": PICTURE, "cat/1.jpg": PICTURE}, ["'Cat' and 'cat' differ only in case"]),
        (
            {"STRASSE/1.jpg": PICTURE, "straße/1.jpg": PICTURE},
            ["'STRASSE' and 'straße' differ only in case"],
        ),
        (
            {"train/a/1.jpg": PICTURE, "train/b/1.jpg": PICTURE, "test/A/1.jpg": PICTURE},
            ["'A' and 'a' differ only in case"],
        ),
        (
            {"dog/1.jpg": PICTURE, "dog /1.jpg": PICTURE},
            ["'dog' and 'dog ' differ only in spaces at their ends"],
        ),
        ({"Elsa\n/1.jpg": PICTURE}, ["found: Elsa\\n (1)"]),
    ],
)
def test_fewer_than_two_labels_lists_what_was_found(
    tree: Tree, said: list[str], tmp_path: Path
) -> None:
    error = why_not(build(tmp_path / "root", tree))
    for words in said:
        assert words in error.message
    assert error.hint


@pytest.mark.parametrize("name", ["nothing-here", "x" * 5000, "a\0b", "notes.txt"])
def test_a_source_that_is_none(name: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    assert why_not(tmp_path / name).hint


WITHOUT_RIGHTS = """
import os, sys
from tellapart.dataset.sources import read_dataset
os.setgroups([]); os.setgid(65534); os.setuid(65534)
dataset = read_dataset(sys.argv[1])
print(sorted((s.name, s.reason) for s in dataset.skipped), len(dataset.items))
"""


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder that others may look into: pytest shuts its own each time that one of it starts."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up its rights")
def test_a_folder_that_may_not_be_opened(open_to_all: Path) -> None:
    root = build(open_to_all / "root", (*FOLDERS, "dog/list/in/5", "dog/shut/6"))
    for parent in [root, *root.parents]:
        if parent.stat().st_mode & 0o5 != 0o5:
            parent.chmod(parent.stat().st_mode | 0o5)
    (root / "dog" / "shut").chmod(0o000)
    (root / "dog" / "list").chmod(0o444)  # its names can be read, and nothing else
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_RIGHTS, str(root)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    denied = "a folder that cannot be opened: permission denied"
    assert run.stderr == ""
    assert run.stdout.strip() == str([("dog/list/in", denied), ("dog/shut", denied)]) + " 3"


# Tables


TABLE = (
    "path,label,split,group\ncat/1.jpg,cat,Train,g\ncat/deep/er/2.PNG,cat,val,\ndog/1.jpg,dog,,\n"
)


def jsonl(table: str) -> str:
    header, *rows = (line.split(",") for line in table.splitlines())
    return "\n".join(json.dumps(dict(zip(header, row, strict=True))) for row in rows)


@pytest.mark.parametrize(("name", "content"), [("t.csv", TABLE), ("t.jsonl", jsonl(TABLE))])
def test_a_table_beside_its_pictures(name: str, content: str, tmp_path: Path) -> None:
    root = build(tmp_path / "root", FOLDERS)
    (root / name).write_text(content)
    dataset = read_dataset(root / name)
    assert listed(dataset) == [
        ("cat/1.jpg", "cat", "train"),
        ("cat/deep/er/2.PNG", "cat", "validation"),
        ("dog/1.jpg", "dog", None),
    ]
    assert [item.group for item in dataset.items] == ["g", None, None]
    assert all(item.file.read_bytes() == PICTURE for item in dataset.items)


def test_nohash_groups_of_a_table(tmp_path: Path) -> None:
    names = ("r/rose_nohash_0.jpg", "r/rose_nohash_1.jpg", "r/rose_nohash_2.jpg", "t/1.jpg")
    root = build(tmp_path / "root", names)
    rows = [f"{name},{name[0]},{'own' if '2' in name else ''}\n" for name in names]
    (root / "t.csv").write_text("path,label,group\n" + "".join(rows))
    groups = [item.group for item in read_dataset(root / "t.csv").items]
    assert groups == ["r/rose", "r/rose", "own", None]


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.zip", "t.tar.gz"])
def test_a_pipe_is_never_waited_for(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    assert "is neither a folder" in why_not(tmp_path / name).message


def test_absolute_paths_in_a_table(tmp_path: Path) -> None:
    root = build(tmp_path / "root", FOLDERS)
    table = tmp_path / "elsewhere.csv"
    table.write_text(f"path,label\n{root}/cat/1.jpg,cat\n{root}/dog/1.jpg,dog\n")
    assert read_dataset(table).counts == {"cat": 1, "dog": 1}


@pytest.mark.parametrize("missing", ["gone.jpg", "x" * 300, "a\0b.jpg", "cat/1.jpg/more"])
def test_a_table_naming_missing_files(missing: str, tmp_path: Path) -> None:
    root = build(tmp_path / "root", FOLDERS)
    lines = [{"path": p, "label": p[:3]} for p in ("cat/1.jpg", "dog/1.jpg", missing)]
    (root / "t.jsonl").write_text("\n".join(map(json.dumps, lines)))
    dataset = read_dataset(root / "t.jsonl")
    assert passed_over(dataset) == {missing: "no such file"}
    assert dataset.counts == {"cat": 1, "dog": 1}


def test_a_table_naming_only_missing_files(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("path,label\na.jpg,cat\nb.jpg,dog\n")
    error = why_not(tmp_path / "t.csv")
    assert "t.csv names 2 pictures, and none of them exists" in error.message
    assert "the first is a.jpg" in error.message


# Archives


def pack(root: Path, archive: Path, below: str = "") -> Path:
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as opened:
            for path in files:
                opened.write(path, below + path.relative_to(root).as_posix())
    else:
        with tarfile.open(archive, "w:gz") as opened:
            for path in files:
                opened.add(path, below + path.relative_to(root).as_posix())
    return archive


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tgz"])
@pytest.mark.parametrize("below", ["", "photos/", "one/two/"])
@pytest.mark.parametrize("tree", [FOLDERS, SPLIT_FOLDERS])
def test_archives_of_folders(name: str, below: str, tree: Sequence[str], tmp_path: Path) -> None:
    root = build(tmp_path / "root", tree)
    dataset = read_dataset(pack(root, tmp_path / name, below))
    assert listed(dataset) == listed(read_dataset(root))
    assert dataset.source == tmp_path / name
    assert all(item.file.read_bytes() == PICTURE for item in dataset.only(None, "train").items)


@pytest.mark.parametrize("below", ["", "photos/"])
def test_archives_with_a_table(below: str, tmp_path: Path) -> None:
    root = build(tmp_path / "root", FOLDERS)
    (root / "labels.csv").write_text("path,label\ncat/1.jpg,x\ndog/1.jpg,y\n../../secret.jpg,y\n")
    (tmp_path / "secret.jpg").write_bytes(PICTURE)
    dataset = read_dataset(pack(root, tmp_path / "a.zip", below))
    assert listed(dataset) == [("cat/1.jpg", "x", None), ("dog/1.jpg", "y", None)]
    assert list(passed_over(dataset)) == ["../../secret.jpg"]


@pytest.mark.parametrize("below", ["", "photos/"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metadata.csv", b"camera,date\nx,2016\n"),
        ("metadata.csv", b"path,date\ncat/1.jpg,2016\n"),
        ("caf\xe9.csv", "caf\xe9;prix\n1;2\n".encode("latin-1")),
        ("empty.csv", b""),
        ("log.jsonl", b'{"path": "cat/1.jpg"}\n'),
        ("log.jsonl", b"[1, 2\n"),
        ("log.jsonl", b"7\n"),
    ],
)
def test_a_table_of_something_else_in_an_archive(
    name: str, content: bytes, below: str, tmp_path: Path
) -> None:
    root = build(tmp_path / "root", dict.fromkeys(FOLDERS, PICTURE) | {name: content})
    dataset = read_dataset(pack(root, tmp_path / "a.zip", below))
    assert listed(dataset) == listed(read_dataset(root))


@pytest.mark.parametrize("below", ["", "photos/"])
@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (b"path,label\na.jpg,cat\nb.jpg,dog\n", "names 2 pictures, and none of them exists"),
        (b"path,label\ncat/1.jpg,caf\xe9\n", "cannot be read: it is not UTF-8 text."),
        (b"path,label\ncat/1.jpg,\n", "line 2, has no label"),
        (b"path,label\ncat/1.jpg,cat\n", "needs pictures of at least 2 labels"),
    ],
)
def test_what_is_wrong_in_an_archive_is_told_by_its_name(
    rows: bytes, said: str, below: str, tmp_path: Path
) -> None:
    root = build(tmp_path / "root", dict.fromkeys(FOLDERS, PICTURE) | {"labels.csv": rows})
    error = why_not(pack(root, tmp_path / "a.zip", below))
    assert said in error.message
    table = "" if "needs" in said else f"/{below}labels.csv"
    assert f"{tmp_path / 'a.zip'}{table}" in error.message
    assert "tellapart-" not in error.message
    assert error.hint


def test_a_table_in_an_archive_cannot_point_outside_it(tmp_path: Path) -> None:
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(PICTURE)
    root = build(tmp_path / "root", FOLDERS)
    (root / "labels.csv").write_text(f"path,label\ncat/1.jpg,x\ndog/1.jpg,y\n{secret},y\n")
    dataset = read_dataset(pack(root, tmp_path / "a.zip"))
    assert passed_over(dataset) == {str(secret): "a path that leads outside the archive"}


def test_an_unpacked_archive_lasts_as_long_as_its_data_set(tmp_path: Path) -> None:
    dataset = read_dataset(pack(build(tmp_path / "root", SPLIT_FOLDERS), tmp_path / "a.zip"))
    part = dataset.only("train")
    path = part.items[0].file
    del dataset
    assert read_picture(path).shape == (12, 16, 3)
    del part
    assert not path.exists()
    assert not list(path.parents[2].glob("train"))


def test_a_climbing_archive_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("cat/1.jpg", PICTURE)
        opened.writestr("../../climbed.jpg", PICTURE)
    with pytest.raises(ArchiveError, match="leads outside"):
        read_dataset(archive)


def test_an_archive_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(io.BytesIO(b"PK\5\6" + bytes(18)).getvalue())
    assert "found: none" in why_not(tmp_path / "a.zip").message


# The split. Pictures are drawn as (digest, group, label); few values, so that many are tied.

pictures = st.tuples(
    st.integers(0, 40).map("{:03d}".format),
    st.none() | st.sampled_from(["g1", "g2", "g3", "g4"]),
    st.sampled_from(["a", "b", "c"]),
)
Pictures = list[tuple[str, str | None, str]]


def keys_of(drawn: Pictures) -> list[str]:
    return [*tie([digest for digest, _, _ in drawn], [group for _, group, _ in drawn])]


def labels_of(drawn: Pictures) -> list[str]:
    return [label for _, _, label in drawn]


@given(st.lists(pictures, max_size=40))
def test_what_is_equal_or_of_one_group_has_one_key(drawn: Pictures) -> None:
    keys = keys_of(drawn)
    for column in (0, 1):
        keys_by_name: dict[str, set[str]] = {}
        for picture, key in zip(drawn, keys, strict=True):
            if (name := picture[column]) is not None:
                keys_by_name.setdefault(name, set()).add(key)
        assert all(len(found) == 1 for found in keys_by_name.values())


@given(st.lists(pictures, max_size=40), st.randoms())
def test_keys_do_not_depend_on_the_order(drawn: Pictures, lot: Callable[..., None]) -> None:
    expected = dict(zip(drawn, keys_of(drawn), strict=True))
    shuffled = list(drawn)
    lot.shuffle(shuffled)  # type: ignore[attr-defined]
    assert dict(zip(shuffled, keys_of(shuffled), strict=True)) == expected


def test_what_nothing_ties_is_apart() -> None:
    assert len(set(tie(["1", "2", "3"], [None, None, "g"]))) == 3
    assert len(set(tie(["1", "1", "2", "3"], [None, "g", "g", "2"]))) == 2


many = st.integers(TO_SPARE, 40)


@given(many, many, st.integers(0, 100), st.integers(1, 9).map(lambda tenths: tenths / 10))
def test_adding_pictures_moves_only_what_was_kept_back_as_the_lowest(
    cats: int, dogs: int, added: int, share: float
) -> None:
    labels = ["cat"] * cats + ["dog"] * dogs
    digests = [f"{label}{n}" for n, label in enumerate(labels)]
    more_labels = labels + ["cat", "dog", "bird"] * added
    more = digests + [f"new{n}" for n in range(3 * added)]
    before = kept_back(tie(digests, [None] * len(digests)), labels, share)
    after = kept_back(tie(more, [None] * len(more)), more_labels, share)
    assert not (after[: len(before)] & ~before).any()  # what was learnt from still is
    for label in ("cat", "dog"):
        own = [n for n in range(len(before)) if labels[n] == label]
        moved = [n for n in own if before[n] != after[n]]
        if not moved:
            continue
        (key,) = {f"1/{more[n]}" for n in moved}
        assert position(key) == min(position(f"1/{digests[n]}") for n in own) >= share
        new = [n for n in range(len(before), len(more)) if more_labels[n] == label]
        assert min(position(f"1/{more[n]}") for n in new) < position(key)


@given(st.lists(pictures, max_size=60), st.floats(0.01, 1))
def test_every_label_with_pictures_to_spare_is_tested(drawn: Pictures, share: float) -> None:
    keys, labels = keys_of(drawn), labels_of(drawn)
    pairs = set(zip(keys, labels, strict=True))
    different = Counter(label for _, label in pairs)
    needed = {key for key, label in pairs if different[label] < TO_SPARE}
    back = set(np.array(keys, dtype=object)[kept_back(keys, labels, share)])
    for label in {*labels}:
        spare = {key for key, one in pairs if one == label} - needed
        below = {key for key in spare if position(key) < share}
        assert below <= back
        assert not spare or spare & back
        assert not kept_back(keys, labels, 0.0).any()


@given(st.lists(pictures, max_size=60), st.floats(0, 1))
def test_ties_are_kept_back_together(drawn: Pictures, share: float) -> None:
    keys = keys_of(drawn)
    back = kept_back(keys, labels_of(drawn), share)
    assert back.shape == (len(drawn),)
    assert back.dtype == bool
    sides: dict[str, set[bool]] = {}
    for key, side in zip(keys, back, strict=True):
        sides.setdefault(key, set()).add(bool(side))
    assert all(len(found) == 1 for found in sides.values())


@given(st.lists(pictures, max_size=60), st.floats(0, 1))
def test_a_label_with_few_pictures_keeps_none_back(drawn: Pictures, share: float) -> None:
    keys, labels = keys_of(drawn), labels_of(drawn)
    different = Counter(label for _, label in set(zip(keys, labels, strict=True)))
    for label, back in zip(labels, kept_back(keys, labels, share), strict=True):
        assert different[label] >= TO_SPARE or not back


@pytest.mark.parametrize("share", [0.0, 0.1, 0.2, 0.5, 1.0])
def test_about_the_share_asked_for_is_kept_back(share: float) -> None:
    labels = ["a"] * 1000 + ["b"] * 1000
    back = kept_back([f"1:{n:064x}" for n in range(2000)], labels, share)
    for part in (back[:1000], back[1000:]):
        assert abs(part.mean() - share) < 4 * np.sqrt(share * (1 - share) / 1000) + 1e-9


@given(st.text(), st.text())
def test_a_position_is_a_share_that_salt_moves(key: str, salt: str) -> None:
    assert 0 <= position(key, salt) < 1
    assert position(key, salt) == position(key, salt)
    assert position(key, "a") != position(key, "b")


def test_positions_never_change() -> None:
    """Everybody's split would: these numbers are part of the format."""
    assert position("1:abc") == 0.9795660568660334
    assert position("") == 0xE3B0C44298FC1C14 / 2**64


@given(st.lists(pictures, max_size=60), st.integers(2, 6), st.integers(0, 3))
def test_ties_are_in_one_fold(drawn: Pictures, count: int, seed: int) -> None:
    keys, labels = keys_of(drawn), labels_of(drawn)
    fold = folds(keys, labels, count, seed)
    assert fold.shape == (len(drawn),)
    assert np.array_equal(fold, folds(keys, labels, count, seed))
    assert len(set(zip(keys, fold.tolist(), strict=True))) == len(set(keys))
    assert all(0 <= number < count for number in fold)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=5), st.integers(2, 6))
def test_folds_are_stratified_to_within_one(sizes: list[int], count: int) -> None:
    labels = [f"label{k}" for k, size in enumerate(sizes) for _ in range(size)]
    fold = folds([f"1:{n}" for n in range(len(labels))], labels, count)
    for wanted in {*labels}:
        own = [number for number, label in zip(fold, labels, strict=True) if label == wanted]
        per_fold = [own.count(number) for number in range(count)]
        assert max(per_fold) - min(per_fold) <= 1
    whole = np.bincount(fold, minlength=count)
    assert whole.max() - whole.min() <= 1


def test_another_seed_deals_other_folds() -> None:
    keys, labels = [f"1:{n}" for n in range(50)], ["a", "b"] * 25
    assert not np.array_equal(folds(keys, labels, 5, seed=0), folds(keys, labels, 5, seed=1))


def test_nohash_groups_and_duplicates_stay_together(tmp_path: Path) -> None:
    names = [f"rose{n}_nohash_{turn}.jpg" for n in range(20) for turn in range(3)]
    root = build(tmp_path / "root", [f"rose/{name}" for name in names])
    build(root, {f"tulip/rose1_nohash_{n}.jpg": b"x%d" % n for n in range(3)})
    items = read_dataset(root).items
    keys = tie([item.name for item in items], [item.group for item in items])
    groups: dict[str, set[str]] = {}
    for item, key in zip(items, keys, strict=True):
        groups.setdefault(key, set()).add(f"{item.label}/{item.path.name.split('_')[0]}")
    assert len(groups) == 21
    assert all(len(found) == 1 for found in groups.values())
