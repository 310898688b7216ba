"""A label that can be told by light, border, size, shape, file or folder is told of; others not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps

import tellapart
from conftest import draw_scene, encoded, mostly_slow, tried
from drawn import run_here
from tellapart.backbones.embed import Embedder, embed_all
from tellapart.backbones.graph import Network
from tellapart.evaluation.metrics import Estimate
from tellapart.health.shortcuts import KINDS, Shortcut, find_shortcuts, sources_of
from tellapart.images.decode import decode, decode_with_sides
from tellapart.images.kinds import FORMATS
from tellapart.images.properties import PROPERTIES, properties_of
from tellapart.model.record import Run
from tellapart.pages.render import joined
from tellapart.text import label_words

BORDERS = {"border", "plain border"}


def properties(picture: Image.Image, kind: str = "PNG", **options: object) -> dict[str, float]:
    content = encoded(picture, kind, **options)
    return dict(
        zip(PROPERTIES, properties_of(decode_with_sides(content), content).tolist(), strict=True)
    )


# what is measured


def test_light_and_border_are_measured_in_shares() -> None:
    found = properties(ImageOps.expand(Image.new("RGB", (60, 40), "black"), 10, "white"))
    assert found["border brightness"] == pytest.approx(1)
    assert found["border contrast"] == pytest.approx(0, abs=1e-6)
    assert found["brightness"] == pytest.approx(1 - 60 * 40 / (80 * 60), abs=0.1)
    assert found["contrast"] == pytest.approx(0.5, abs=0.05)
    green = properties(Image.new("RGB", (9, 7), (0, 255, 0)))
    assert green["brightness"] == pytest.approx(0.587, abs=1e-3)


@pytest.mark.parametrize("sides", [(1, 1), (1, 90), (90, 1), (2, 3), (47, 48), (500, 333)])
def test_any_size_can_be_measured(sides: tuple[int, int]) -> None:
    found = properties(draw_scene(*sides))
    assert (found["width"], found["height"]) == sides
    assert 0 <= found["brightness"] <= 1
    assert {name for name in found if not np.isfinite(found[name])} == {"day", "second"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_the_size_is_the_files_and_not_that_of_a_smaller_decode(kind: str) -> None:
    content = encoded(draw_scene(2400, 1600), kind)
    assert decode(content).shape[1] < 2400
    found = properties(draw_scene(2400, 1600), kind)
    assert (found["width"], found["height"]) == (2400, 1600)
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned a quarter
    found = properties(draw_scene(2400, 1600), kind, exif=turned)
    assert (found["width"], found["height"]) == (1600, 2400)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_the_file_type_is_what_the_content_says(kind: str) -> None:
    assert FORMATS[int(properties(draw_scene(), kind)["file type"])] == kind


def test_traits_are_kept_with_the_embeddings(
    tmp_path: Path, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = []
    for number in range(5):
        paths.append(tmp_path / f"{number}.png")
        paths[-1].write_bytes(encoded(draw_scene(30 + number, 20, seed=number)))
    cold = embed_all(paths, Embedder(network, tmp_path / "cache"))
    monkeypatch.setattr("tellapart.backbones.embed.properties_of", None)  # it is not asked again
    warm = embed_all(paths, Embedder(network, tmp_path / "cache"))
    assert cold.properties.tobytes() == warm.properties.tobytes()
    expected = [properties_of(decode_with_sides(p.read_bytes()), p.read_bytes()) for p in paths]
    assert np.array_equal(cold.properties, np.stack(expected), equal_nan=True)
    assert cold.vectors.shape[1] == 1280


def test_rows_with_other_traits_are_never_read_as_these(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = Embedder(network).space()
    monkeypatch.setattr("tellapart.backbones.embed.PROPERTIES", PROPERTIES[:-1])
    assert Embedder(network).space() != now


# what is found in arrays


def usual(lot: np.random.Generator, count: int) -> np.ndarray:
    """Traits `[N,T]` of pictures that differ in everything by chance."""
    return np.column_stack(
        [
            lot.random(count),
            lot.random(count) / 2,
            lot.random(count),
            lot.random(count) / 2,
            lot.integers(200, 800, count),
            lot.integers(200, 800, count),
            lot.integers(0, 3, count),
            np.full((count, len(PROPERTIES) - 7), np.nan),  # what is no shortcut
        ]
    ).astype(np.float32)


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(4, 250),
    labels=st.integers(2, 6),
    folders=st.integers(1, 40),
)
@settings(max_examples=tried(300))
def test_what_is_there_by_chance_is_no_shortcut(
    seed: int, count: int, labels: int, folders: int
) -> None:
    lot = np.random.default_rng(seed)
    truth = lot.integers(0, labels, count)
    names = [f"{k}/{lot.integers(folders)}/{i}.jpg" for i, k in enumerate(truth)]
    known = [str(k) for k in range(labels)]
    found = find_shortcuts(usual(lot, count), names, truth, known, lot.integers(0, 5, count))
    assert found == ()


PLANTS: dict[str, Callable[[np.ndarray, np.ndarray], None]] = {}


def plant(name: str) -> Callable[[Callable[[np.ndarray, np.ndarray], None]], None]:
    def add(function: Callable[[np.ndarray, np.ndarray], None]) -> None:
        PLANTS[name] = function

    return add


@plant("brightness")
def _(properties: np.ndarray, own: np.ndarray) -> None:
    properties[own, 0] = 0.9 + properties[own, 0] / 10
    properties[~own, 0] *= 0.9
    properties[:, 2] = properties[:, 0] + np.random.default_rng(0).normal(0, 0.1, len(own))


@plant("size")
def _(properties: np.ndarray, own: np.ndarray) -> None:
    properties[own, 4:6] *= 8


@plant("aspect")
def _(properties: np.ndarray, own: np.ndarray) -> None:
    properties[own, 4], properties[own, 5] = 640, 640


@plant("file type")
def _(properties: np.ndarray, own: np.ndarray) -> None:
    properties[:, 6] = np.where(own, 0, 1)


@plant("plain border")
def _(properties: np.ndarray, own: np.ndarray) -> None:
    properties[own, 3] = 0


@pytest.mark.parametrize("name", PLANTS)
def test_one_label_of_five_that_a_shortcut_tells_is_named(name: str) -> None:
    lot = np.random.default_rng(3)
    labels = ["daisy", "dandelion", "roses", "sunflowers", "tulips"]
    truth = lot.integers(0, 5, 200)
    values = usual(lot, 200)
    PLANTS[name](values, truth == 2)
    names = [f"{labels[k]}/{i}.jpg" for i, k in enumerate(truth)]
    shortcuts = {
        shortcut.shortcut: shortcut
        for shortcut in find_shortcuts(values, names, truth, labels, np.arange(200) % 5)
    }
    assert name in shortcuts
    shortcut = shortcuts[name]
    assert (shortcut.label, shortcut.rest) == ("roses", "all others")
    assert shortcut.told.interval[0] <= shortcut.told.value <= shortcut.told.interval[1]
    assert shortcut.told.value > 0.9
    assert all(shown.startswith("roses/") for shown in shortcut.typical)
    assert not any(shown.startswith("roses/") for shown in shortcut.opposite)


def test_pictures_of_one_group_do_not_vouch_for_each_other() -> None:
    """Each series was taken in a folder of its own: seen apart, a folder says nothing."""
    series = np.repeat(np.arange(20), 10)
    truth = np.random.default_rng(0).integers(0, 2, 20)[series]
    names = [f"{'ab'[k]}/s{s}/{i}.jpg" for i, (k, s) in enumerate(zip(truth, series, strict=True))]
    values = np.tile(usual(np.random.default_rng(1), 1), (200, 1))
    together, parted = series % 5, np.arange(200) % 5
    assert find_shortcuts(values, names, truth, ["a", "b"], together) == ()
    (shortcut,) = find_shortcuts(values, names, truth, ["a", "b"], parted)
    assert shortcut.shortcut == "source folder"


def test_too_few_pictures_tell_nothing() -> None:
    values = usual(np.random.default_rng(0), 8)
    truth = np.arange(8) % 2
    values[:, 0] = truth
    assert find_shortcuts(values, ["x"] * 8, truth, ["a", "b"], np.arange(8) % 4) == ()


@pytest.mark.parametrize(
    ("names", "labels", "expected"),
    [
        (["elsa/web/1.jpg", "train/elsa/own/2.jpg"], ["elsa"] * 2, ["web", "own"]),
        (["elsa/1.jpg", "vader/2.jpg"], ["elsa", "vader"], ["", ""]),
        (["elsa/web/a/1.jpg", "vader/b/2.jpg"], ["elsa", "vader"], ["web/a", "b"]),
        (["a/2023/1.jpg", "a/2024/2.jpg", "b/3.jpg"], ["a", "a", "b"], [""] * 3),  # only filing
        (["a/web/1.jpg", "a/2.jpg", "b/own/3.jpg"], ["a", "a", "b"], ["web", "", "own"]),
        (["elsa/1.jpg", "vader/2.jpg"], ["vader", "elsa"], ["", ""]),  # a table says otherwise
        (["elsa/vader/1.jpg", "vader/2.jpg"], ["elsa", "vader"], ["", ""]),
        (["one/1.jpg", "two/2.jpg"], ["elsa", "vader"], ["", ""]),  # the labels in other words
        (["one/1.jpg", "two/2.jpg", "three/3.jpg"], ["a", "b", "b"], ["one", "two", "three"]),
    ],
)
def test_the_source_is_the_folder_below_the_labels_own(
    names: list[str], labels: list[str], expected: list[str]
) -> None:
    assert sources_of(names, labels) == expected


# what is found in pictures


def draw(root: Path, change: Callable[[int, Image.Image], tuple[str, bytes]]) -> Path:
    """Twenty pictures of each of two labels; `change` gives each its name and its content."""
    for number in range(40):
        lot = np.random.default_rng(number)
        scene = draw_scene(int(lot.integers(60, 100)), int(lot.integers(60, 100)), seed=number)
        name, content = change(number % 2, scene)
        path = root / ("elsa", "darth_vader")[number % 2] / name.format(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def framed(scene: Image.Image) -> Image.Image:
    """With a frame in its own mean colour, and as large as it was: as bright as before."""
    colour = tuple(int(value) for value in np.asarray(scene).mean(axis=(0, 1)))
    return ImageOps.expand(ImageOps.crop(scene, 4), 4, colour)


CHANGES: dict[str, Callable[[int, Image.Image], tuple[str, bytes]]] = {
    "nothing": lambda k, scene: ("{}.png", encoded(scene)),
    "brightness": lambda k, scene: (
        "{}.png",
        encoded(ImageEnhance.Brightness(scene).enhance((1.3, 0.4)[k])),
    ),
    "border": lambda k, scene: (
        "{}.png",
        encoded(framed(scene) if k else scene),
    ),
    "size": lambda k, scene: (
        "{}.png",
        encoded(scene.resize((scene.width * 2, scene.height * 2)) if k else scene),
    ),
    "aspect": lambda k, scene: ("{}.png", encoded(scene.resize(((60, 100), (100, 60))[k]))),
    "file type": lambda k, scene: (("{}.png", "{}.jpg")[k], encoded(scene, ("PNG", "JPEG")[k])),
    "source folder": lambda k, scene: (("web/{}.png", "own/{}.png")[k], encoded(scene)),
}


@pytest.mark.parametrize("planted", mostly_slow(CHANGES, 2))
def test_what_was_planted_is_named_and_nothing_else(planted: str, tmp_path: Path) -> None:
    photos = draw(tmp_path / "photos", CHANGES[planted])
    found = run_here("train", photos, "-o", tmp_path / "m", "--quality", "fast", "--test", "none")
    result = tellapart.load(tmp_path / "m").training_record
    assert result
    shortcuts = result.run.shortcuts
    page = (tmp_path / "m" / "report.html").read_text("utf-8")
    if planted == "nothing":
        assert shortcuts == ()
        assert "alone tells" not in found.out
        assert "What else tells the labels apart" not in page
        return
    (shortcut,) = shortcuts
    assert shortcut.shortcut in (BORDERS if planted == "border" else {planted})
    assert f"Note: {shortcut.words}" in found.out
    assert shortcut.advice in found.out
    for names in shortcut.shelves.values():
        assert ", ".join(names) in found.out
    assert "What else tells the labels apart" in page
    assert {label_words(shortcut.label), shortcut.rest} == {"elsa", "darth vader"}
    assert all(
        (photos / name).is_file()
        for name in (*shortcut.typical, *shortcut.opposite, *shortcut.contrary)
    )


def test_it_is_in_json_and_again_in_the_report(tmp_path: Path) -> None:
    photos = draw(tmp_path / "photos", CHANGES["brightness"])
    options = ("--quality", "fast", "--test", "none", "--json")
    said = run_here("train", photos, "-o", tmp_path / "m", *options).json()
    (shortcut,) = said["shortcuts"]
    assert shortcut["shortcut"] == "brightness"
    assert set(shortcut) == {
        *("shortcut", "label", "told", "direction", "typical", "opposite", "contrary"),
        *("words", "advice"),
    }
    brightest = shortcut["typical"] if shortcut["direction"] == "high" else shortcut["opposite"]
    assert all(name.startswith("elsa/") for name in brightest)
    run_here("report", tmp_path / "m", "-o", tmp_path / "again.html")
    page = (tmp_path / "again.html").read_text("utf-8")
    section = page[page.index('id="shortcuts"') :].partition("</section>")[0]
    assert str(joined(shortcut["words"])) in section
    assert section.count("data:image/jpeg") == sum(
        len(shortcut[shelf]) for shelf in ("typical", "opposite", "contrary")
    )


# words and memory


def a_shortcut(kind: str, direction: str) -> Shortcut:
    told = Estimate(0.94, (0.9, 0.97))
    return Shortcut(kind, "elsa", ("darth_vader",), told, direction, ("a",), ("b",), ())


def test_the_words_say_what_it_means() -> None:
    shortcut = a_shortcut("brightness", "high")
    assert shortcut.words == (
        "Brightness alone tells elsa from darth vader 94 % of the time (50 % is chance). The model "
        "may be looking at the light, not at the thing itself."
    )
    assert shortcut.shelves == {"Brightest elsa": ("a",), "Darkest darth vader": ("b",)}
    many = replace(shortcut, others=("b", "c"), direction="low", contrary=("d",))
    assert list(many.shelves) == ["Darkest elsa", "Brightest of all others", "Against it"]
    assert list(a_shortcut("file type", "PNG").shelves) == ["Elsa, PNG", "Darth vader"]


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_a_run_keeps_its_shortcuts(kind: str) -> None:
    run = Run(shortcuts=(a_shortcut(kind, "high"),))
    assert Run.from_json(run.to_json()) == run
    assert run.shortcuts[0].words
    assert run.shortcuts[0].advice.endswith(".")


def test_a_run_of_before_has_none() -> None:
    text = Run().to_json().replace('"shortcuts": [], ', "")
    assert "shortcuts" not in text
    assert Run.from_json(text).shortcuts == ()
