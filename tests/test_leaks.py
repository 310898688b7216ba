"""Copies of training pictures among those tested are found, and nothing else is called one."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

import tellapart
from conftest import draw_scene
from drawn import few_of, model_of, run_here
from tellapart.assess.leaks import Known, find_leaks, near
from tellapart.assess.testing import evaluate
from tellapart.demo.walk import DemoPictures
from tellapart.health.copies import COPY, likeness, likenesses, near_pairs, thumbnail
from tellapart.images.decode import read_picture
from tellapart.workers.local import one_thread_each


def cropped(image: Image.Image, left: float, top: float, right: float, low: float) -> Image.Image:
    width, height = image.size
    box = (width * left, height * top, width * (1 - right), height * (1 - low))
    return image.crop(tuple(map(round, box)))  # type: ignore[arg-type]


WAYS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "saved again": lambda image: image,
    "at half the size": lambda image: image.resize((image.width // 2, image.height // 2)),
    "at a third": lambda image: image.resize((image.width // 3, image.height // 3)),
    "at twice the size": lambda image: image.resize((2 * image.width, 2 * image.height)),
    "squeezed": lambda image: image.resize((224, 224)),
    "cropped": lambda image: cropped(image, 0.05, 0.05, 0.05, 0.05),
    "cropped a tenth": lambda image: cropped(image, 0.1, 0.1, 0.1, 0.1),
    "cropped askew": lambda image: cropped(image, 0.03, 0.08, 0.06, 0.0),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "lighter": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.85),
}


@pytest.fixture(autouse=True, scope="module")
def quick() -> Iterator[None]:
    """As `find_leaks` does it: more threads than cores make such small products slow."""
    with one_thread_each():
        yield


def saved(image: Image.Image, quality: int = 75) -> Image.Image:
    stream = io.BytesIO()
    image.convert("RGB").save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")


def small(image: Image.Image) -> np.ndarray:
    return thumbnail(np.asarray(image.convert("RGB")))


@pytest.fixture(scope="module")
def pictures(heroes: DemoPictures) -> list[Image.Image]:
    """Two drawn pictures of each label."""
    folders = sorted(heroes.photos.iterdir())
    files = [path for folder in folders for path in sorted(folder.iterdir())[:2]]
    return [Image.fromarray(read_picture(file)) for file in files]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("quality", [30, 90])
def test_a_copy_is_like_its_picture(way: str, quality: int, pictures: list[Image.Image]) -> None:
    for picture in pictures:
        copy = small(saved(WAYS[way](picture), quality))
        assert likeness(copy, small(picture)) >= COPY


def test_other_pictures_are_not(pictures: list[Image.Image]) -> None:
    thumbnails = [small(picture) for picture in pictures]
    others = [
        likeness(one, other) for i, one in enumerate(thumbnails) for other in thumbnails[i + 1 :]
    ]
    assert max(others) < COPY - 0.05
    plain = np.full((48, 48), 128, np.float32)
    assert likeness(plain, plain) == 0  # nothing to know it by
    assert likeness(plain, thumbnails[0]) == 0


def test_real_pictures_that_are_close_are_no_copies(shared_data: Path) -> None:
    """Two shirts on one sheet and a flower from two sides, which a looser limit would take."""
    for one, other in (
        (
            "clothing/test/t-shirt/76f8420a-bcea-4bb8-a049-befa05315470.jpg",
            "clothing/train/t-shirt/0dbc39f0-2048-4580-ad8b-a2540265a414.jpg",
        ),
        (
            "flowers/test/dandelion/18995294384_77543e96b6_n.jpg",
            "flowers/train/dandelion/19437710780_c5f2156438.jpg",
        ),
    ):
        two = [thumbnail(read_picture(shared_data / name)) for name in (one, other)]
        assert likeness(*two) < COPY


def test_the_nearest_are_looked_at() -> None:
    lot = np.random.default_rng(0)
    learnt = lot.normal(size=(50, 16)).astype(np.float32)
    tested = learnt[[7, 3]] + 0.01 * lot.normal(size=(2, 16)).astype(np.float32)
    found = list(near_pairs(tested, learnt))
    assert [(row, column) for row, column, cosine in found if cosine > 0.9] == [(0, 7), (1, 3)]
    assert list(near_pairs(tested[:0], learnt)) == []
    assert list(near_pairs(tested, learnt[:0])) == []


# As people meet it


@pytest.fixture(scope="module")
def leaking(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(pictures to learn from, pictures kept back): the latter hold three copies of the former."""
    root = tmp_path_factory.mktemp("leaking")
    learn = few_of(heroes, root / "learn", 12)
    kept = Path(shutil.copytree(heroes.kept_back, root / "kept"))
    ways: Iterator[str] = iter(("saved again", "at half the size", "cropped"))
    for label, number in (("dark_knight", 1), ("ice_queen", 2), ("ice_queen", 4)):
        with Image.open(learn / label / f"{number:03d}.jpg") as picture:
            copy = saved(WAYS[next(ways)](picture))
        copy.save(kept / label / f"copy-{number}.jpg", quality=80)
    return learn, kept


PAIRS = ("copy-1.jpg of dark_knight/001.jpg", "copy-2.jpg of ice_queen/002.jpg")


def test_training_says_which_test_pictures_are_copies(leaking: tuple[Path, Path]) -> None:
    learn, kept = leaking
    (note,) = [
        note for note in tellapart.train(learn, quality="fast", test=kept).notes if "copies" in note
    ]
    assert note.startswith("3 pictures held out are copies of training pictures")
    assert all(pair in note for pair in PAIRS)
    assert "the test is too optimistic" in note


@pytest.mark.slow
def test_a_test_says_which_pictures_are_copies(leaking: tuple[Path, Path], tmp_path: Path) -> None:
    learn, kept = leaking
    there = Path(shutil.copytree(learn, tmp_path / "photos"))
    model = tellapart.train(there, quality="fast", test=0).save(tmp_path / "m")
    found = run_here("test", model, kept)
    assert "Note: 3 pictures tested are copies of training pictures" in found.out
    assert all(pair in found.out.replace("\n", " ") for pair in PAIRS)
    value = run_here("test", model, kept, "--json").json()
    assert value["learnt_from"] == 0
    assert any("3 pictures tested are copies" in note for note in value["notes"])
    assert "3 pictures tested are copies" in run_here("compare", model, model, kept).out
    run_here("test", model, kept, "--report", tmp_path / "test.html")
    assert "3 pictures tested are copies" in (tmp_path / "test.html").read_text("utf-8")
    shutil.rmtree(there)  # then only embeddings can tell, and say less
    notes = " ".join(evaluate(tellapart.load(model), kept).notes)
    assert "are copies" not in notes
    assert "like a copy" in notes or "like copies" in notes


def test_nothing_is_said_where_nothing_is_copied(heroes: DemoPictures, leaking: object) -> None:
    result = tellapart.train(heroes.photos, quality="fast", test=heroes.kept_back)
    assert not any("cop" in note for note in result.notes)
    assert evaluate(tellapart.load(model_of(heroes)), heroes.kept_back).notes == ()


def test_the_same_file_is_told_of_once(heroes: DemoPictures, tmp_path: Path) -> None:
    learn = few_of(heroes, tmp_path / "learn", 12)
    kept = few_of(heroes, tmp_path / "kept", 2)
    notes = tellapart.train(learn, quality="fast", test=kept).notes
    assert any("4 test pictures also among the training pictures" in note for note in notes)
    assert not any("copies" in note for note in notes)


def test_a_picture_that_has_gone_is_no_trouble(tmp_path: Path) -> None:
    vectors = np.eye(4, dtype=np.float32)[:2]
    draw_scene().save(tmp_path / "a.png")
    learnt = Known(vectors, ["x", "y"], ["1", "2"], {0: tmp_path / "gone.png"})
    tested = Known(vectors, ["a", "b"], ["3", "4"], {0: tmp_path / "a.png"})
    leaks = find_leaks(tested, learnt, near(tested, learnt))
    assert leaks.copies == ()
    assert leaks.alike == (("a", "x"), ("b", "y"))


def test_two_labels_of_one_picture_are_named(heroes: DemoPictures, tmp_path: Path) -> None:
    photos = few_of(heroes, tmp_path / "photos", 12)
    shutil.copy(photos / "ice_queen" / "000.jpg", photos / "dark_knight" / "twin.jpg")
    notes = " ".join(tellapart.train(photos, quality="fast", test=0).notes)
    said = "one of the two is wrong: dark_knight/twin.jpg and ice_queen/000.jpg."
    assert f"1 picture found under two labels; {said}" in notes


def test_many_pairs_are_as_like_as_each_by_itself(pictures: list[Image.Image]) -> None:
    thumbnails = {3 * at: small(picture) for at, picture in enumerate(pictures)}
    thumbnails[1] = small(cropped(pictures[0], 0.06, 0.03, 0.05, 0.0))
    pairs = [(one, other) for one in thumbnails for other in thumbnails if one < other]
    alone = [likeness(thumbnails[one], thumbnails[other]) for one, other in pairs]
    together = likenesses(thumbnails, pairs)
    assert all(one <= other + 1e-5 for one, other in zip(together, alone, strict=True))
    assert [value >= COPY for value in together] == [value >= COPY for value in alone]
    assert sum(value >= COPY for value in alone) == 1
    assert likenesses(thumbnails, []) == []
