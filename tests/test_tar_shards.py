"""Pictures are read where they lie in a tar: listed, learnt from, and each read again and again."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import webdataset
from hypothesis import given
from hypothesis import strategies as st

import tellapart
from conftest import draw_scene, encoded
from tellapart.dataset.decision import place_of_decisions
from tellapart.dataset.decisions import decide
from tellapart.dataset.given import expand
from tellapart.dataset.sources import Dataset, SkippedFile, read_dataset
from tellapart.dataset.stored.members import holds_members, members
from tellapart.dataset.stored.patterns import unbraced
from tellapart.demo.walk import DemoPictures
from tellapart.errors import ArchiveError, DatasetError, PictureError, UsageError
from tellapart.images.decode import Stored, read_picture

PICTURE = encoded(draw_scene())


def pack(path: Path, contents: Mapping[str, bytes]) -> Path:
    """A tar of these members, in this order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as opened:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            opened.addfile(member, io.BytesIO(content))
    return path


def sharded(folder: Path, photos: Path, count: int, *, said: bool) -> str:
    """The pictures of a folder of labels, dealt out to shards as WebDataset writes them; the
    pattern that means all of them. Their labels are `said`, or only folders of their keys."""
    files = sorted(path for path in photos.rglob("*.*") if path.suffix in (".png", ".jpg"))
    files.sort(key=lambda path: hash(path.name) % 7)  # no shard has but one label
    for number in range(count):
        with webdataset.TarWriter(str(folder / f"data-{number:03d}.tar")) as writer:
            for path in files[number::count]:
                key = path.relative_to(photos).with_suffix("").as_posix()
                label = {"cls": path.parent.name.encode()} if said else {}
                writer.write({"__key__": key, path.suffix[1:]: path.read_bytes(), **label})
    return str(folder / f"data-{{000..{count - 1:03d}}}.tar")


def known(dataset: Dataset) -> list[tuple[str, str, str | None, str | None]]:
    return [(item.name, item.label, item.split, item.group) for item in dataset.items]


@pytest.mark.parametrize("said", [True, False], ids=["by .cls", "by folders"])
def test_shards_teach_the_model_that_files_teach(
    said: bool, heroes: DemoPictures, tmp_path: Path
) -> None:
    pattern = sharded(tmp_path, heroes.photos, 3, said=said)
    assert known(read_dataset(pattern)) == known(read_dataset(heroes.photos))
    ours = tellapart.train(heroes.photos, quality="fast")
    theirs = tellapart.train(pattern, quality="fast")
    assert theirs.classifier.digest == ours.classifier.digest
    folder = theirs.save(tmp_path / "model", replace=True)
    assert "data:image/jpeg" in (folder / "report.html").read_text()  # pictures of mistakes
    tested = theirs.classifier.test(pattern)
    assert tested.evaluation.accuracy == ours.classifier.test(heroes.photos).evaluation.accuracy
    assert tested.learnt_from == int((~theirs.classifier.required_record().held_out).sum())


@pytest.mark.slow
def test_processes_read_shards_as_threads_do(heroes: DemoPictures, tmp_path: Path) -> None:
    pattern = sharded(tmp_path, heroes.photos, 3, said=True)
    ours = tellapart.train(heroes.photos, quality="fast", cache=tmp_path / "one")
    theirs = tellapart.train(pattern, quality="fast", cache=tmp_path / "two", on="processes:2")
    assert theirs.classifier.digest == ours.classifier.digest


def test_a_member_is_small_and_is_read_again_and_again_even_elsewhere(tmp_path: Path) -> None:
    tar = pack(tmp_path / "a.tar", {"x/1.png": PICTURE, "x/2.png": PICTURE[:40]})
    one, two = members(str(tar))
    assert isinstance(one, Stored)
    assert one.name == f"{tar}/x/1.png"
    copy = pickle.loads(pickle.dumps(one))
    assert len(pickle.dumps(one)) < 500
    assert copy.content() == one.content() == PICTURE
    assert copy.stamp() == one.stamp() != two.stamp()
    assert np.array_equal(read_picture(one), read_picture(PICTURE))
    with pytest.raises(PictureError) as caught:
        read_picture(two)
    assert str(caught.value).startswith(f"{tar}/x/2.png: ")


def test_a_tar_that_changes_meanwhile_is_not_read_for_another(tmp_path: Path) -> None:
    tar = pack(tmp_path / "a.tar", {"1.png": PICTURE})
    (one,) = members(str(tar))
    pack(tar, {"2.png": encoded(draw_scene(seed=5))})
    os.utime(tar, ns=(1, 1))
    with pytest.raises(PictureError, match=r"a\.tar was changed while it was in use") as caught:
        one.content()
    assert caught.value.may_pass


def test_labels_are_said_beside_pictures_in_several_ways(tmp_path: Path) -> None:
    contents = {
        "000.jpg": PICTURE,
        "000.cls": b"7",
        "001.seg.png": PICTURE,  # a mask of the sample, not its picture
        "001.png": PICTURE,
        "001.json": json.dumps({"caption": "a dog", "label": "dog"}).encode(),
        "002.webp": PICTURE,
        "002.txt": b"cat\n",
        "003.png": PICTURE,
        "003.json": b'{"label": null}',
        "004.png": PICTURE,
        "004.cls": b"",
        "006.png": PICTURE,
        "006.json": b'\xef\xbb\xbf{"Label": ["dog"]}',  # as some editors begin a text
        "007.png": PICTURE,
        "007.json": b'{"label": 7.0}',
        "008.png": PICTURE,
        "008.cls": b"\xef\xbb\xbfdog\r\n",
        "009.png": PICTURE,
        "009.json": b'{"labels": ["dog", "cat"]}',
        "010.cls": b"dog",
        "._004.png": b"junk",
        "005.mp3": b"ID3",
    }
    dataset = read_dataset(pack(tmp_path / "a.tar", contents))
    assert [(item.name, item.label) for item in dataset.items] == [
        ("000.jpg", "7"),
        ("001.png", "dog"),
        ("002.webp", "cat"),
        ("006.png", "dog"),
        ("007.png", "7"),
        ("008.png", "dog"),
    ]
    passed = {os.path.basename(one.name): one.reason for one in dataset.skipped}
    assert passed == {
        "001.seg.png": "beside the picture of its sample",
        "003.png": "has no label",
        "004.png": "has no label",
        "005.mp3": "not a picture (.mp3)",
        "009.png": "has 2 labels",
        "010.cls": "next to no picture of the same name",
    }


def test_a_shard_may_begin_with_a_picture_without_a_label(tmp_path: Path) -> None:
    contents = {"0.png": PICTURE, "1.png": PICTURE, "1.cls": b"a", "2.png": PICTURE, "2.cls": b"b"}
    dataset = read_dataset(pack(tmp_path / "a.tar", contents))
    assert [(item.name, item.label) for item in dataset.items] == [("1.png", "a"), ("2.png", "b")]


def test_what_a_tar_names_is_taken_as_where_it_is_unpacked(tmp_path: Path) -> None:
    pictures = ["./a/1.png", "b\\2.png", "../c/3.png", "/d/4.png"]
    contents = {**dict.fromkeys(pictures, PICTURE), "labels.csv": b"path,label"}
    dataset = read_dataset(str(pack(tmp_path / "a-0.tar", contents).with_name("a-*.tar")))
    assert [item.name for item in dataset.items] == ["a/1.png", "b/2.png"]
    assert dataset.labels == ("a", "b")
    assert [one.reason for one in dataset.skipped] == [
        "a name that leads elsewhere",
        "a name that leads elsewhere",
        "a table, which is read only as a file on a disk",
    ]


def test_a_text_beside_a_picture_in_a_folder_describes_it(tmp_path: Path) -> None:
    pair = {"a/1.png": PICTURE, "a/1.txt": b"0 0.5 0.5 0.1 0.1", "b/1.png": PICTURE}
    for name in ("one.tar", "two.tar"):
        pack(tmp_path / name, pair)
    assert read_dataset(tmp_path / "one.tar").labels == ("a", "b")
    both = read_dataset(str(tmp_path / "{one,two}.tar"))
    assert both.counts == {"a": 2, "b": 2}
    assert [item.name for item in both.items] == [
        "one.tar/a/1.png",
        "two.tar/a/1.png",
        "one.tar/b/1.png",
        "two.tar/b/1.png",
    ]


def test_folders_in_names_mean_what_folders_mean(tmp_path: Path) -> None:
    names = [
        f"all/{part}/{label}/{n}.png" for part in ("train", "test") for label in "ab" for n in "12"
    ]
    for number in range(2):
        pack(tmp_path / f"s{number}.tar", dict.fromkeys(names[number::2], PICTURE))
    dataset = read_dataset(str(tmp_path / "s*.tar"))
    assert dataset.parts == (("train", "train/"), ("test", "test/"))
    assert [(i.name, i.split) for i in dataset.items[3:6]] == [
        ("test/b/2.png", "test"),
        ("train/a/1.png", "train"),
        ("train/a/2.png", "train"),
    ]


def test_the_names_of_shards_say_splits(tmp_path: Path) -> None:
    for part, count in (("train", 2), ("val", 1)):
        for number in range(count):
            contents = {f"{label}/{number}.png": PICTURE for label in "ab"}
            pack(tmp_path / f"set-{part}-{number:03d}.tar", contents)
    dataset = read_dataset(str(tmp_path / "set-*.tar"))
    assert dataset.parts == (
        ("train", "set-train-000.tar to set-train-001.tar"),
        ("validation", "set-val-000.tar"),
    )
    assert {item.split for item in dataset.items} == {"train", "validation"}
    alone = read_dataset(str(tmp_path / "set-train-*.tar"))
    assert {item.split for item in alone.items} == {None}  # nothing beside it is for testing


def test_a_folder_of_nothing_but_shards_is_all_of_them(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    for number in range(2):
        pack(folder / f"d-{number}.tar", {f"{label}/{number}.png": PICTURE for label in "ab"})
    (folder / "README.md").touch()
    assert read_dataset(folder).counts == {"a": 2, "b": 2}
    assert len(list(expand([str(folder)], follow_links=False))) == 4
    decide(folder, "a/0.png", drop=True)
    assert (folder / "tellapart.csv").exists()
    assert read_dataset(folder).counts == {"a": 1, "b": 2}
    (folder / "d-2.tar.gz").write_bytes(b"\x1f\x8b\x08")
    (passed,) = read_dataset(folder).skipped
    assert "d-2.tar.gz is compressed" in passed.reason
    for label in "xy":
        (folder / label).mkdir()
        (folder / label / "1.png").write_bytes(PICTURE)
    assert read_dataset(folder).labels == ("x", "y")


def test_decisions_about_shards_lie_beside_them(tmp_path: Path) -> None:
    for number in range(2):
        contents = {f"{label}/{number}.png": encoded(draw_scene(seed=number)) for label in "ab"}
        pack(tmp_path / f"d-{number}.tar", contents)
    pattern = str(tmp_path / "d-{0..1}.tar")
    decide(pattern, "a/0.png", relabel="b")
    assert place_of_decisions(Path(pattern)) == tmp_path / "d-_.tellapart.csv"
    assert (tmp_path / "d-_.tellapart.csv").exists()
    assert read_dataset(pattern, at_least=1).counts == {"a": 1, "b": 3}


def test_what_is_left_of_a_tar_that_is_cut_short_is_read(tmp_path: Path) -> None:
    contents = {f"{label}/{n}.png": PICTURE for n in range(5) for label in "ab"}
    tar = pack(tmp_path / "a-0.tar", {"notes.mp3": b"", **contents})
    tar.write_bytes(tar.read_bytes()[: 512 * 3 + len(PICTURE)])  # within the first or second one
    skipped: list[SkippedFile] = []
    found = list(members(str(tar), skipped))
    assert found
    (told,) = skipped  # and not of what is no picture
    assert "cut short after" in told.reason
    whole = pack(tmp_path / "a-1.tar", contents)
    dataset = read_dataset(str(tmp_path / "a-*.tar"))
    assert len(dataset.items) == len(found) + 10
    assert any(one.name == str(tar) for one in dataset.skipped)
    middle = bytearray(whole.read_bytes())
    at = 512 + len(PICTURE) + -len(PICTURE) % 512
    middle[at : at + 512] = b"x" * 512
    whole.write_bytes(middle)
    assert len(list(members(str(whole), skipped))) == 1
    assert "is no member" in skipped[-1].reason


@pytest.mark.parametrize(
    "said",
    [
        {"GNU.sparse.size": "x", "GNU.sparse.name": "c/3.png"},
        {"GNU.sparse.map": "0,b"},
        {"size": "9" * 30},
    ],
)
@pytest.mark.parametrize("first", [False, True])
def test_numbers_in_a_tar_that_are_none_are_damage(
    said: dict[str, str], first: bool, tmp_path: Path
) -> None:
    path = tmp_path / "a-0.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for number in range(1 if first else 0, 2):
            member = tarfile.TarInfo(f"a/{number}.png")
            member.size = len(PICTURE)
            member.pax_headers = said if number else {}
            tar.addfile(member, io.BytesIO(PICTURE))
    skipped: list[SkippedFile] = []
    if first:
        with suppress(ArchiveError, UsageError):
            list(members(str(path), skipped))
    else:
        assert next(members(str(path), skipped)).name.endswith("a/0.png")
        list(members(str(path), skipped))
        assert "damaged or cut short after" in skipped[-1].reason
    packed = tmp_path / "b.tar.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(ArchiveError, match="damaged"):
        read_dataset(packed, at_least=1)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.tar", b"no tar at all" * 100, "is damaged, or no tar"),
        ("a.tar", b"", "is damaged, or no tar"),
        ("a.tar", b"\x1f\x8b\x08\0" * 30, "is compressed"),
    ],
)
def test_what_is_no_tar_is_refused(name: str, content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert holds_members(str(tmp_path / name))
    with pytest.raises(ArchiveError, match=words):
        list(members(str(tmp_path / name)))


def test_patterns_that_mean_nothing_or_too_much_say_so(tmp_path: Path) -> None:
    pack(tmp_path / "d-0.tar", {"a/0.png": PICTURE})
    pack(tmp_path / "e.tar", {"notes.mp3": b""})
    with pytest.raises(DatasetError, match=r"d-1\.tar cannot be read: no such file"):
        read_dataset(str(tmp_path / "d-{0..1}.tar"))
    with pytest.raises(UsageError, match="stands for more than"):
        unbraced("d-{0..9999999}.tar")
    with pytest.raises(UsageError, match=r"no pictures in it.*notes\.mp3"):
        list(members(str(tmp_path / "e.tar")))
    (tmp_path / "d-0.csv").touch()
    with pytest.raises(UsageError, match="files of several kinds"):
        holds_members(str(tmp_path / "d-*"))


@given(st.integers(0, 300), st.integers(0, 300))
def test_braces_count_as_a_shell_does(first: int, last: int) -> None:
    names = unbraced(f"x{{{first:04d}..{last:04d}}}{{.a,}}")
    step = 1 if last >= first else -1
    numbers = range(first, last + step, step)
    assert names == [f"x{n:04d}{end}" for n in numbers for end in (".a", "")]
    assert unbraced("x{}y{1}") == ["x{}y{1}"]
