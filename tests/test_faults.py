"""Faults planted in known number in drawn pictures, and what a check finds: no more and no less."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageOps

import tellapart
from drawn import run_here
from tellapart.assess.check.health import Health
from tellapart.demo.walk import DemoPictures
from tellapart.images.decode import read_picture

KNIGHT, QUEEN = "dark_knight", "ice_queen"
TEST = 4  # pictures of each label to test on
LOOKS = {"dark", "bright", "blurred", "tiny", "enlarged", "empty", "aspect", "screenshot"}
COPIES = {"duplicate", "conflict", "leak"}


def opened(path: Path) -> Image.Image:
    return Image.fromarray(read_picture(path))


def saved_again(path: Path, to: Path) -> None:
    image = opened(path)
    image.resize((image.width * 4 // 5, image.height * 4 // 5)).save(to, "JPEG", quality=70)


def mirrored(path: Path, to: Path) -> None:
    ImageOps.mirror(opened(path)).save(to, "JPEG", quality=90)


def cropped(path: Path, to: Path) -> None:
    image = opened(path)
    width, height = image.size
    part = image.crop((width // 20, height // 12, width * 19 // 20, height * 15 // 16))
    part.save(to, "JPEG", quality=85)


def same_file(path: Path, to: Path) -> None:
    shutil.copy(path, to)


Change = Callable[[Path, Path], None]


@pytest.fixture(scope="module")
def photos(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn heroes in train/ and test/: 26 and 4 of each label. No fault is in them."""
    root = tmp_path_factory.mktemp("faults") / "photos"
    for label in (KNIGHT, QUEEN):
        for number, path in enumerate(sorted((heroes.photos / label).iterdir())):
            side = "test" if number < TEST else "train"
            (root / side / label).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, root / side / label / f"{number:02d}{path.suffix}")
    return root


def picture(photos: Path, label: str, number: int, side: str = "train") -> Path:
    (path,) = (photos / side / label).glob(f"{number:02d}.*")
    return path


def planted(photos: Path, root: Path) -> Path:
    shutil.copytree(photos, root)
    return root


def kinds(health: Health, wanted: set[str]) -> Counter[str]:
    return Counter(one.kind for one in health.findings if one.kind in wanted)


def test_where_nothing_is_planted_nothing_is_found(photos: Path) -> None:
    assert not kinds(tellapart.check(photos, quality="fast"), LOOKS | COPIES)


TWICE: tuple[tuple[Change, int], ...] = (
    (same_file, 10),
    (saved_again, 11),
    (mirrored, 12),
    (cropped, 13),
)


def test_copies_of_three_tiers_within_labels_across_them_and_across_the_test(
    photos: Path, tmp_path: Path
) -> None:
    root = planted(photos, tmp_path / "photos")
    for change, number in TWICE:
        path = picture(root, QUEEN, number)
        change(path, path.with_name(f"{change.__name__}.jpg"))
    for change, number in ((same_file, 14), (saved_again, 15), (cropped, 16)):
        path = picture(root, QUEEN, number)
        change(path, root / "train" / KNIGHT / f"wrong {change.__name__}.jpg")
    for change, number in ((same_file, 17), (saved_again, 18), (mirrored, 19), (cropped, 20)):
        path = picture(root, QUEEN, number)
        change(path, root / "test" / QUEEN / f"leak {change.__name__}.jpg")

    health = tellapart.check(root, quality="fast")
    assert kinds(health, COPIES) == {"duplicate": 4, "conflict": 3, "leak": 4}

    duplicates = {one.paths[1].rsplit("/")[-1]: one for one in health.of("duplicate")}
    assert {len(one.paths) for one in duplicates.values()} == {2}
    assert {one.label for one in duplicates.values()} == {QUEEN}
    assert duplicates["saved_again.jpg"].sure  # it is smaller, so it is the one to leave out
    assert "--drop" in duplicates["saved_again.jpg"].mend
    assert "train/ice_queen/saved_again.jpg" in duplicates["saved_again.jpg"].mend
    assert [one.sure for one in duplicates.values()].count(False) == 1  # the one that is cropped

    conflicts = health.of("conflict")
    assert {len(one.paths) for one in conflicts} == {2}
    assert {one.suggested for one in conflicts} == {QUEEN}
    for one in conflicts:
        assert one.paths[0].startswith("train/ice_queen/")
        assert "train/dark_knight/wrong " in one.mend
        assert one.cost > 0

    leaks = health.of("leak")
    assert all(one.paths[0].startswith("train/ice_queen/") for one in leaks)
    assert all(one.paths[1].startswith("test/ice_queen/leak ") for one in leaks)
    assert all("With 4 such pictures the test is" in one.words for one in leaks)
    assert "4 test pictures are copies" in run_here("check", root, "--quality", "fast").out


def test_the_command_line_says_the_same(photos: Path, tmp_path: Path) -> None:
    root = planted(photos, tmp_path / "photos")
    same_file(picture(root, KNIGHT, 8), root / "train" / QUEEN / "same.jpg")
    found = run_here("check", root, "--quality", "fast", "--json").json()["findings"]
    (conflict,) = (one for one in found if one["kind"] in COPIES)
    assert conflict["suggested"] == KNIGHT
    assert conflict["paths"][1] == "train/ice_queen/same.jpg"
    assert conflict["mend"].endswith("train/ice_queen/same.jpg --drop --quality fast")
    failed = run_here("check", root, "--quality", "fast", "--fail-on", "conflict")
    assert failed.code == 1


def test_of_a_conflict_that_no_head_judged_nothing_is_guessed(photos: Path, tmp_path: Path) -> None:
    for label in (KNIGHT, QUEEN):
        (tmp_path / label).mkdir()
        same_file(picture(photos, KNIGHT, 8), tmp_path / label / "same.jpg")
    (conflict,) = tellapart.check(tmp_path, quality="fast").of("conflict")
    assert conflict.suggested is None
    assert not conflict.sure
    assert " --only conflict " in conflict.mend


def test_copies_stay_together_in_folds(photos: Path, tmp_path: Path) -> None:
    root = planted(photos, tmp_path / "photos")
    for number in range(6, 16):
        path = picture(root, QUEEN, number)
        for change in (saved_again, mirrored):
            change(path, path.with_name(f"{number} {change.__name__}.jpg"))
    health = tellapart.check(root, quality="fast")
    keys = dict(zip(health.pictures.names, health.pictures.keys, strict=True))
    for number in range(6, 16):
        own = picture(root, QUEEN, number).name
        names = (own, f"{number} saved_again.jpg", f"{number} mirrored.jpg")
        assert len({keys[f"train/ice_queen/{name}"] for name in names}) == 1
    assert len(set(keys.values())) == 60


def dark(image: Image.Image) -> Image.Image:
    return image.point(lambda value: value // 8)


def bright(image: Image.Image) -> Image.Image:
    return image.point(lambda value: 215 + value // 6)


def blurred(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(max(image.size) / 50))


def tiny(image: Image.Image) -> Image.Image:
    return image.resize((40, 30))


def enlarged(image: Image.Image) -> Image.Image:
    return image.resize((110, 80)).resize((660, 480), Image.Resampling.BICUBIC)


def empty(image: Image.Image) -> Image.Image:
    return Image.new("RGB", image.size, (120, 130, 90))


def aspect(image: Image.Image) -> Image.Image:
    return image.resize((900, 150))


def screenshot(image: Image.Image) -> Image.Image:
    page = Image.new("RGB", (360, 300), "white")
    for top in range(10, 280, 18):
        ImageDraw.Draw(page).text((12, top), f"{top} lines of words, one below the other", "black")
    return page


BAD: tuple[tuple[Callable[[Image.Image], Image.Image], int], ...] = (
    (dark, 1),
    (bright, 1),
    (blurred, 3),
    (tiny, 2),
    (enlarged, 2),
    (empty, 1),
    (aspect, 2),
    (screenshot, 1),
)


def test_each_way_of_looking_bad_is_named(photos: Path, tmp_path: Path) -> None:
    root = planted(photos, tmp_path / "photos")
    number = 6
    for change, count in BAD:
        for _ in range(count):
            path = picture(root, QUEEN, number)
            change(opened(path)).save(path.with_name(f"{change.__name__} {number}.png"))
            path.unlink()
            number += 1
    path = picture(root, KNIGHT, 9)
    path.rename(path.with_name(f"Screenshot 2024-05-01{path.suffix}"))

    health = tellapart.check(root, quality="fast")
    assert kinds(health, LOOKS) == dict.fromkeys(LOOKS, 1)
    for change, count in BAD:
        (one,) = health.of(change.__name__)
        named = [name for name in one.paths if f"/{change.__name__} " in name]
        assert len(named) == count
        assert len(one.paths) == count + (change is screenshot)
        assert f" --only {change.__name__} " in one.mend
        assert not one.sure
    asked = run_here("check", root, "--quality", "fast", "--json").json()["findings"]
    assert {one["kind"] for one in asked if one["kind"] in LOOKS} == LOOKS


@pytest.mark.slow
def test_what_a_label_is_like_is_no_fault(photos: Path, tmp_path: Path) -> None:
    """Pictures of the night are dark."""
    root = planted(photos, tmp_path / "photos")
    for path in (root / "train" / KNIGHT).iterdir():
        dark(opened(path)).save(path.with_suffix(".png"))
        path.unlink()
    assert not kinds(tellapart.check(root, quality="fast"), LOOKS)
