"""What people get wrong, and what disks do: a sentence, an exit code, and nothing changed."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

import tellapart
from conftest import draw_scene, encoded, mostly_slow, png_header
from drawn import Run, contents, few_of, model_of, run, run_here
from tellapart.demo.walk import DemoPictures

needs_limits = pytest.mark.skipif(sys.platform == "win32", reason="needs limits on processes")
PAGE = b"<!DOCTYPE html><html></html>"


@pytest.fixture(scope="module")
def model(heroes: DemoPictures) -> Path:
    return model_of(heroes)


@pytest.fixture(scope="module")
def few(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return few_of(heroes, tmp_path_factory.mktemp("few") / "photos", 4)


def train(source: Path, cwd: Path, *more: str) -> Run:
    return run_here("train", source, "--quality", "fast", *more, cwd=cwd)


# Each of these makes a source below a folder; the name of what is to be trained on is returned.


def nothing(root: Path) -> str:
    return "nowhere"


def empty_root(root: Path) -> str:
    (root / "photos").mkdir()
    return "photos"


def empty_labels(root: Path) -> str:
    for label in ("elsa", "vader"):
        (root / "photos" / label).mkdir(parents=True)
    return "photos"


def pictures_without_labels(root: Path) -> str:
    (root / "photos").mkdir()
    draw_scene().save(root / "photos" / "1.png")
    return "photos"


def one_label(root: Path) -> str:
    (root / "photos" / "elsa").mkdir(parents=True)
    draw_scene().save(root / "photos" / "elsa" / "1.png")
    return "photos"


def a_label_of_broken_files(root: Path) -> str:
    one_label(root)
    (root / "photos" / "vader").mkdir()
    for number in range(3):
        (root / "photos" / "vader" / f"{number}.jpg").write_bytes(PAGE)
    return "photos"


def equal_but_for_case(root: Path) -> str:
    for label in ("elsa", "ELSA"):
        (root / "photos" / label).mkdir(parents=True)
        draw_scene().save(root / "photos" / label / "1.png")
    return "photos"


def table_of_missing_files(root: Path) -> str:
    (root / "labels.csv").write_text("path,label\n1.png,elsa\n2.png,vader\n")
    return "labels.csv"


def table_without_labels(root: Path) -> str:
    (root / "labels.csv").write_text("path,kind\n1.png,elsa\n")
    return "labels.csv"


def table_of_bytes(root: Path) -> str:
    (root / "labels.csv").write_bytes(b"path,label\n\xff\xfe.png,elsa\n")
    return "labels.csv"


def a_picture_itself(root: Path) -> str:
    draw_scene().save(root / "1.png")
    return "1.png"


def zip_that_climbs_out(root: Path) -> str:
    with zipfile.ZipFile(root / "photos.zip", "w") as archive:
        archive.writestr("elsa/1.png", encoded(draw_scene()))
        archive.writestr("../escaped.png", encoded(draw_scene()))
    return "photos.zip"


def tar_with_a_link(root: Path) -> str:
    with tarfile.open(root / "photos.tar.gz", "w:gz") as archive:
        link = tarfile.TarInfo("elsa")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        archive.addfile(link)
    return "photos.tar.gz"


def damaged_zip(root: Path) -> str:
    (root / "photos.zip").write_bytes(b"PK\x03\x04 and then nothing")
    return "photos.zip"


def zip_bomb(root: Path) -> str:
    with zipfile.ZipFile(root / "photos.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("elsa/1.png", bytes(100 * 2**20))
    return "photos.zip"


def label_that_is_no_text(root: Path) -> str:
    for label in (b"elsa", b"\xff\xfe"):
        folder = os.path.join(os.fsencode(root), b"photos", label)
        os.makedirs(folder)
        draw_scene().save(os.fsdecode(os.path.join(folder, b"1.png")))
    return "photos"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (nothing, "nowhere does not exist."),
        (empty_root, "photos needs pictures of at least 2 labels; found: none."),
        (empty_labels, "photos needs pictures of at least 2 labels; found: none."),
        (pictures_without_labels, "found: none."),
        (one_label, "photos needs pictures of at least 2 labels; found: elsa (1)."),
        (a_label_of_broken_files, "Not read: 3 files (vader/0.jpg: an HTML page saved as .jpg"),
        (equal_but_for_case, "The labels 'ELSA' and 'elsa' differ only in case or encoding."),
        (table_of_missing_files, "labels.csv names 2 pictures, and none of them exists"),
        (table_without_labels, "labels.csv, line 2, has no label; its columns are: path, kind."),
        (table_of_bytes, "labels.csv cannot be read: it is not UTF-8 text."),
        (a_picture_itself, "1.png is neither a folder, a CSV, JSONL or JSON file, nor a .zip"),
        (zip_that_climbs_out, "holds ../escaped.png, a name that leads outside its folder."),
        (tar_with_a_link, "holds elsa, a link or a device."),
        (damaged_zip, "photos.zip is damaged"),
        (zip_bomb, "photos.zip unpacks to more than"),
        (label_that_is_no_text, "is not text: its folder's name is not UTF-8."),
    ],
)
@pytest.mark.parametrize("command", ["train", "test"])
def test_a_source_that_is_no_data_set(
    command: str,
    make: Callable[[Path], str],
    said: str,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    try:
        source = make(inside)
    except OSError as error:
        pytest.skip(f"this file system does not take such names: {error}")
    if command == "test" and make in (one_label, a_label_of_broken_files, label_that_is_no_text):
        said = "no readable picture of a label that the model knows" if "text" not in said else said
    said = said.replace("2 labels", "1 label") if command == "test" else said
    before = contents(tmp_path)
    if command == "train":
        found = run_here("train", source, "--quality", "fast")
    else:
        found = run_here("test", model, source)
    assert found.code == 2
    assert found.out == ""
    assert said in found.err
    assert contents(tmp_path) == before


# pictures that cannot be read are listed, and the rest is trained on


def test_bad_pictures_among_good_ones_are_listed_and_not_fatal(few: Path, tmp_path: Path) -> None:
    photos = Path(shutil.copytree(few, tmp_path / "photos"))
    shelf = photos / "ice_queen"
    Image.new("1", (60_000, 1)).save(shelf / "line.png")
    (shelf / "bomb.png").write_bytes(png_header(50_000, 50_000))
    (shelf / "page.jpg").write_bytes(PAGE)
    (shelf / "empty.jpg").touch()
    (shelf / "notes.txt").write_text("milk")
    os.symlink(tmp_path / "gone", shelf / "gone.jpg")
    before = contents(photos)
    found = train(photos, tmp_path, "--json")
    assert found.code == 0
    reasons = {row["path"]: row["reason"] for row in found.json()["skipped"]}
    limits = "the limits are 30000 a side and 179 million in all"
    assert reasons == {
        "ice_queen/line.png": f"too large: 60000 x 1 pixels; {limits}",
        "ice_queen/bomb.png": f"too large: 50000 x 50000 pixels; {limits}",
        "ice_queen/page.jpg": "an HTML page saved as .jpg",
        "ice_queen/empty.jpg": "an empty file",
        "ice_queen/notes.txt": "not a picture (.txt)",
        "ice_queen/gone.jpg": "cannot be opened: no such file or directory",
    }
    assert contents(photos) == before
    text = train(photos, tmp_path).out
    assert "Not read (6):" in text
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert {f"{reason} 1 {path}" for path, reason in reasons.items()} <= set(lines)


def test_what_was_not_read_is_grouped_by_its_reason(few: Path, tmp_path: Path) -> None:
    photos = Path(shutil.copytree(few, tmp_path / "photos"))
    for number in range(20):
        (photos / "ice_queen" / f"{number:02}.txt").write_text("milk")
    (photos / "dark_knight" / "page.jpg").write_bytes(PAGE)
    text = train(photos, tmp_path).out
    lines = [" ".join(line.split()) for line in text.splitlines()]
    at = lines.index("Not read (21):")
    assert lines[at + 1 : at + 5] == [
        "reason files such as",
        "not a picture (.txt) 20 ice_queen/00.txt, ice_queen/01.txt, ice_queen/02.txt",
        "an HTML page saved as .jpg 1 dark_knight/page.jpg",
        "",
    ]


def test_missing_files_of_a_table_are_listed(few: Path, tmp_path: Path) -> None:
    photos = Path(shutil.copytree(few, tmp_path / "photos"))
    rows = [(path.relative_to(photos), path.parent.name) for path in photos.glob("*/*")]
    with (photos / "labels.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("path", "label"), *rows, ("gone.jpg", "ice_queen")])
    value = train(photos / "labels.csv", tmp_path, "--json").json()
    assert value["skipped"] == [{"path": "gone.jpg", "reason": "no such file"}]


NAMES = [
    b"new\nline",
    "🖤 é".encode(),
    b"\xff\xfe",
    b"a" * 251,
    b"-rf",
    b"[bold]red[_bold]",
    b"\x1b[31mred",
    b"=1+1",
]


def test_file_names_of_any_kind(few: Path, model: Path, tmp_path: Path) -> None:
    photos = Path(shutil.copytree(few, tmp_path / "photos"))
    shelf = os.path.join(os.fsencode(photos), b"ice_queen")
    names = []
    for name in NAMES:
        try:
            shutil.copy(os.path.join(shelf, b"000.jpg"), os.path.join(shelf, name + b".jpg"))
            with open(os.path.join(shelf, b"x" + name[1:] + b".png"), "wb") as stream:
                stream.write(PAGE)
        except OSError:  # this file system does not take such names
            continue
        names.append(os.fsdecode(name + b".jpg"))
    assert len(names) >= 4
    found = train(photos, tmp_path)
    assert found.code == 0
    assert f"{8 + len(names)} training pictures" in found.out
    assert f"Not read ({len(names)}):" in found.out
    assert "\x1b" not in found.out
    record = tellapart.load(tmp_path / "photos-model").training_record
    assert record
    assert {f"ice_queen/{name}" for name in names} <= set(record.names)
    shelf_of = photos / "ice_queen"
    rows = run_here("guess", model, shelf_of, "--json").json_lines()
    assert {str(shelf_of / name) for name in names} <= {row["path"] for row in rows}
    assert sum("error" in row for row in rows) == len(names)
    text = run("guess", model, shelf_of)
    assert text.code == 0
    assert "\x1b" not in text.out
    table = list(csv.DictReader(io.StringIO(run_here("guess", model, shelf_of, "--csv").out)))
    assert len(table) == 4 + 2 * len(names)
    tested = run_here("test", model, photos, "--json").json()
    assert tested["n"] == 8 + len(names)


def test_a_label_is_never_a_path(few: Path, tmp_path: Path) -> None:
    labels = ["../../x", "..", "/etc", "=1+1", "CON", "a\nb"]
    root = tmp_path / "a" / "b"
    shutil.copytree(few, root)
    pictures = sorted(path.relative_to(few) for path in few.glob("*/*"))
    with (root / "labels.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("path", "label"))
        writer.writerows(zip(pictures, labels, strict=False))
    before = set(contents(tmp_path))
    found = train(root / "labels.csv", root, "-o", "model", "--json")
    assert sorted(found.json()["labels"]) == sorted(labels)
    new = set(contents(tmp_path)) - before
    assert {os.path.dirname(name) for name in new} == {"a/b/model"}
    assert tellapart.load(root / "model").labels == tuple(sorted(labels))


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ("nowhere.jpg", 3, "cannot be opened: no such file or directory"),
        ("a" * 300 + ".jpg", 3, "cannot be opened: file name too long"),
        ("file/picture.jpg", 3, "cannot be opened: not a directory"),
        ("file", 3, "a text file"),
        ("", 3, "not a file"),
    ],
)
def test_a_picture_that_cannot_be_read(
    given: str, code: int, said: str, model: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("milk and bread")
    found = run_here("guess", model, given, "--json", cwd=tmp_path)
    assert found.code == code
    assert [json.loads(line) for line in found.out.splitlines()] == [{"path": given, "error": said}]


# places that cannot be read or written


def ordinary() -> None:
    """In the child: even for root, permissions count from here on (Linux)."""
    import ctypes

    drop_from_bounding_set, override, read_and_search = 24, 1, 2
    for capability in (override, read_and_search):
        ctypes.CDLL(None).prctl(drop_from_bounding_set, capability, 0, 0, 0)


@pytest.fixture
def permissions(tmp_path: Path) -> Iterator[None]:
    """Permissions count for processes begun with `ordinary`; all are given back at the end."""
    if sys.platform == "win32" or (os.geteuid() == 0 and sys.platform != "linux"):
        pytest.skip("nothing is forbidden to this user")
    yield
    for path in (tmp_path, *tmp_path.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)


@pytest.mark.usefixtures("permissions")
def test_a_folder_or_file_that_cannot_be_opened_is_listed(few: Path, tmp_path: Path) -> None:
    photos = Path(shutil.copytree(few, tmp_path / "photos"))
    (photos / "ice_queen" / "secret").mkdir(mode=0)
    (photos / "ice_queen" / "000.jpg").chmod(0)
    command = ("train", photos, "--quality", "fast", "--json")
    found = run(*command, cwd=tmp_path, before=ordinary)
    assert found.code == 0
    assert {row["path"]: row["reason"] for row in found.json()["skipped"]} == {
        "ice_queen/secret": "a folder that cannot be opened: permission denied",
        "ice_queen/000.jpg": "cannot be opened: permission denied",
    }


@pytest.mark.slow
@pytest.mark.usefixtures("permissions")
@pytest.mark.parametrize("inner", ["", "/deep"])
def test_a_label_whose_folder_cannot_be_opened_is_not_called_empty(
    inner: str, few: Path, model: Path, tmp_path: Path
) -> None:
    photos = Path(shutil.copytree(few, tmp_path / "photos"))
    shutil.copytree(photos / "ice_queen", photos / f"fog{inner}")
    (photos / f"fog{inner}").chmod(0)
    said = f"fog{inner} cannot be opened (permission denied): {'fog' if inner else 'it'} is missing"
    command = ("train", photos, "--quality", "fast", "--json")
    found = run(*command, cwd=tmp_path, before=ordinary)
    assert f"{said} from the model." in found.json()["notes"]
    assert not any("hold no pictures" in note for note in found.json()["notes"])
    (photos / f"fog{inner}").chmod(0o755)
    shutil.rmtree(photos / "fog")
    if inner:
        (photos / "ice_queen").rename(tmp_path / "away")
        shutil.copytree(tmp_path / "away", photos / f"ice_queen{inner}")
    (photos / f"ice_queen{inner}").chmod(0)
    found = run("test", model, photos, before=ordinary)
    words = " ".join(found.out.split())
    assert "No pictures here of" not in words
    assert f"ice_queen{inner} cannot be opened (permission denied): ice_queen is not" in words


@pytest.mark.usefixtures("permissions")
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    mostly_slow(
        [
            (["train", "photos"], 2, "photos cannot be opened: permission denied."),
            (["test", "model", "photos"], 2, "photos cannot be opened: permission denied."),
            (
                ["guess", "model", "photos/ice_queen/000.jpg"],
                3,
                "cannot be opened: permission denied",
            ),
            (
                ["guess", "model", "photos"],
                2,
                "a folder that cannot be opened: permission denied.",
            ),
            (["guess", "shut", "other/ice_queen"], 2, "shut cannot be opened: permission denied."),
            (["train", "other", "-o", "shut"], 2, "shut cannot be opened: permission denied."),
            (["train", "other", "-o", "shut/model"], 2, "shut/model cannot be written"),
            (["train", "other", "-o", "locked/deeper/m"], 2, "locked/deeper/m cannot be written"),
        ],
        1,
    ),
)
def test_what_is_shut_is_said_before_any_work(
    arguments: list[str], code: int, said: str, few: Path, model: Path, tmp_path: Path
) -> None:
    for name in ("photos", "other"):
        shutil.copytree(few, tmp_path / name)
    for name in ("model", "shut"):
        shutil.copytree(model, tmp_path / name)
    (tmp_path / "locked").mkdir()
    before = contents(tmp_path)
    for name, mode in (("photos", 0), ("shut", 0), ("locked", 0o555)):
        (tmp_path / name).chmod(mode)
    cache = tmp_path.parent / f"{tmp_path.name}-cache"
    found = run(
        *arguments, cwd=tmp_path, before=ordinary, environment={"TELLAPART_CACHE": str(cache)}
    )
    assert found.code == code
    assert said in found.err + found.out
    assert "Invalid value" not in found.err
    assert not cache.exists()
    for name in ("photos", "shut", "locked"):
        (tmp_path / name).chmod(0o755)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("place", ["file/model", "file/deeper/model", "file", "dangling"])
def test_a_destination_at_or_below_a_file_is_said_before_any_work(
    place: str, few: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("work")
    os.symlink(tmp_path / "gone", tmp_path / "dangling")
    cache = tmp_path / "cache"
    found = run_here(
        *("train", few, "-o", place, "--quality", "fast"),
        cwd=tmp_path,
        environment={"TELLAPART_CACHE": str(cache)},
    )
    assert found.code == 2
    assert "file" in found.err
    assert not cache.exists()
    assert (tmp_path / "file").read_text() == "work"
    assert sorted(os.listdir(tmp_path)) == ["dangling", "file"]


# full disks


def at_most(size: int) -> Callable[[], None]:
    """In the child: no file may grow beyond `size` bytes."""

    def limit() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@pytest.mark.slow
def test_a_disk_too_full_for_the_cache_costs_only_the_cache(few: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "embeddings").write_text("no folder")  # so that nothing can be written there
    found = run_here(
        *("train", few, "-o", "model", "--quality", "fast"),
        cwd=tmp_path,
        environment={"TELLAPART_CACHE": str(cache)},
    )
    assert found.code == 0
    assert "Note: The embeddings could not be kept for next time: " in found.out
    assert (tmp_path / "model" / "model.onnx").is_file()


@pytest.mark.slow
@needs_limits
@pytest.mark.parametrize("exists", mostly_slow([True, False], 1))
def test_a_disk_too_full_for_the_model_leaves_what_was_there(
    exists: bool, few: Path, model: Path, tmp_path: Path
) -> None:
    if exists:
        shutil.copytree(model, tmp_path / "photos-model")
    before = contents(tmp_path)
    cache = {"TELLAPART_CACHE": str(tmp_path.parent / f"{tmp_path.name}-cache")}
    for size in (4_000, 3_000_000):  # too small for a shard; for the model
        found = run(
            *("train", few, "--quality", "fast"),
            cwd=tmp_path,
            environment=cache,
            before=at_most(size),
        )
        assert found.code == 2
        assert "8 training pictures" in found.out  # what was found is told before it is written
        assert "Written" not in found.out
        assert "photos-model cannot be written: file too large." in found.err
        assert "Nothing was changed there." in found.err
        assert contents(tmp_path) == before


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(place)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("file systems may not be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.slow
def test_a_full_disk_is_said_and_left_as_it_was(few: Path, tiny_disk: Path, tmp_path: Path) -> None:
    (tiny_disk / "cache").mkdir()
    environment = {"TELLAPART_CACHE": str(tiny_disk / "cache")}
    (tiny_disk / "filler").write_bytes(bytes(40_000))
    command = ("train", few, "--quality", "fast", "-o")
    full = run_here(*command, tiny_disk / "model", environment=environment)
    assert full.code == 2
    assert "cannot be written: no space left on device." in full.err
    assert not (tiny_disk / "model").exists()
    assert [path.name for path in tiny_disk.iterdir() if path.name.startswith(".")] == []
    elsewhere = run_here(*command, tmp_path / "model", environment=environment)
    assert elsewhere.code == 0
    assert (
        "The embeddings could not be kept for next time: no space left on device." in elsewhere.out
    )
    mounted = run_here(*command, tiny_disk, environment=environment)
    assert mounted.code == 2
    assert "is where a disk is mounted" in mounted.err
