"""The report stands alone, shows what went wrong, and lets no name become markup."""

from __future__ import annotations

import csv
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tellapart
from conftest import SHARED, draw_scene, encoded
from drawn import few_of, run
from tellapart.demo.walk import DemoPictures
from tellapart.pages.thumbnails import thumbnails

SIDE = 220  # pixels
SCRIPT = "<script>alert(1)</script>"


def thumbnail(path: Path) -> str:
    """One picture made small, as a `data:` URL; empty where it cannot be read."""
    return thumbnails([("it", SIDE)], {"it": path}, budget=1_000_000).get(("it", SIDE), "")


class Page(HTMLParser):
    """All tags with their attributes, and the text between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, heroes: DemoPictures) -> tuple[str, str]:
    """Report and card of a model whose labels and files have names that are markup.

    Labels are given at random, so there are mistakes; one label is never right.
    """
    root = tmp_path_factory.mktemp("hostile")
    lot = np.random.default_rng(0)
    names = []
    for number, path in enumerate(sorted(heroes.photos.glob("*/*"))[:36]):
        name = f"<img src=x onerror=alert({number})>.jpg"
        shutil.copy(path, root / name)
        names.append(name)
    (root / "<b>broken</b>.jpg".replace("/", "")).write_text("<html>")
    with (root / "labels.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "label"])
        for name in names:
            writer.writerow([name, lot.choice([SCRIPT, "&amp; 'quoted' \"label\""])])
        writer.writerow(["<b>broken<b>.jpg", SCRIPT])
        (root / "once.png").write_bytes(encoded(draw_scene()))
        writer.writerow(["once.png", "<i>alone"])
    folder = tellapart.train(root / "labels.csv", quality="fast", test=0.3).save(root / "model")
    report, card = (folder / name for name in ("report.html", "README.md"))
    return report.read_text("utf-8"), card.read_text("utf-8")


def test_it_needs_no_other_file_and_no_network(pages: tuple[str, str]) -> None:
    page = Page(pages[0])
    assert not re.search(r"https?:|//\w", re.sub(r"data:image/jpeg;base64,[\w+/=]+", "", pages[0]))
    assert "link" not in {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            assert name not in {"srcset", "action", "data"}
            assert name != "href" or (value or "").startswith("#")
            assert not name.startswith("on")
            if name == "src":
                assert (tag, (value or "")[:22]) == ("img", "data:image/jpeg;base64")


def test_its_policy_forbids_scripts_and_everything_from_elsewhere(pages: tuple[str, str]) -> None:
    (policy,) = [
        attributes["content"] or ""
        for tag, attributes in Page(pages[0]).tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert "script-src" not in rules


def test_names_are_text_and_never_markup(pages: tuple[str, str]) -> None:
    page = Page(pages[0])
    tags = {tag for tag, _ in page.tags}
    assert tags.isdisjoint({"script", "b", "i"})
    assert SCRIPT in page.words
    assert "&amp; 'quoted' \"label\"" in page.words
    assert "<b>broken<b>.jpg: an HTML page saved as .jpg" in page.words
    assert re.search(r"<img src=x onerror=alert\(\d+\)>\.jpg", page.words)


def test_the_cards_names_are_no_markup_either(pages: tuple[str, str]) -> None:
    assert "<script" not in pages[1]
    assert "&lt;script&gt;alert(1)&lt;/script&gt; (learnt from" in pages[1]


def test_what_cannot_be_known_is_no_nan(pages: tuple[str, str]) -> None:
    assert not re.search(r"\bnan\b", Page(pages[0]).words)
    assert "·" in Page(pages[0]).words


def test_it_says_how_good_the_model_is_and_shows_its_mistakes(
    heroes: DemoPictures, tmp_path: Path
) -> None:
    photos = few_of(heroes, tmp_path / "photos", 12)
    result = tellapart.train(photos, quality="fast", test=heroes.kept_back)
    text = (result.save(tmp_path / "m") / "report.html").read_text("utf-8")
    page = Page(text)
    assert result.held_out
    share = result.held_out.accuracy
    figures = re.findall(
        r"([\d.]+\xa0%) right (\d+) of (\d+) picture", re.sub(r"\s*\n\s*", " ", page.words)
    )
    assert figures[-1] == (f"{100 * share.value:.1f}\xa0%", str(share.correct), "45")
    assert len(figures) == len(result.evaluations) == 2
    mistakes = [m for e in result.evaluations.values() for m in e.mistakes]
    assert mistakes
    assert all(mistake.name in page.words for mistake in mistakes)
    assert text.count('<div class="argued">\n<img') == len(mistakes)  # with its map


@pytest.mark.parametrize(
    ("content", "shape"),
    [
        (encoded(draw_scene(600, 300), "JPEG"), (220, 110)),
        (encoded(draw_scene(40, 30)), (40, 30)),
        (encoded(draw_scene(90, 30).convert("RGBA")), (90, 30)),
        (encoded(draw_scene(), "PPM"), None),  # the one decoder does not read these
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n", None),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_thumbnails_come_from_the_one_decoder(
    content: bytes, shape: tuple[int, int] | None, tmp_path: Path
) -> None:
    import base64
    import io

    (tmp_path / "picture.jpg").write_bytes(content)
    found = thumbnail(tmp_path / "picture.jpg")
    if shape is None:
        assert found == ""
        return
    head, _, data = found.partition(",")
    assert head == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.size == shape
        assert max(image.size) <= SIDE


@pytest.mark.slow
def test_a_model_may_be_saved_without_its_report_which_is_made_when_asked_for(
    heroes: DemoPictures, tmp_path: Path
) -> None:
    photos = few_of(heroes, tmp_path / "photos", 9)
    result = tellapart.train(photos, quality="fast", test=0)
    whole = {one.name: one.read_bytes() for one in result.save(tmp_path / "whole").iterdir()}
    bare = result.save(tmp_path / "bare", report=False)
    page = bare / "report.html"
    assert {one.name for one in bare.iterdir()} == whole.keys() - {page.name}
    assert tellapart.load(bare).labels == result.classifier.labels
    assert run("report", bare).code == 0
    assert page.read_bytes() == whole[page.name]
    result.save(bare, report=False)
    assert not page.exists()  # none that is of another model


def test_a_page_that_would_be_too_large_keeps_its_first_pictures(
    heroes: DemoPictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = tellapart.train(few_of(heroes, tmp_path / "photos", 9), quality="fast", test=0)
    whole = (result.save(tmp_path / "whole") / "report.html").read_text("utf-8")
    most = len(whole.encode()) - 1
    monkeypatch.setattr("tellapart.report.page.PAGE", most)
    cut = (result.save(tmp_path / "cut") / "report.html").read_text("utf-8")
    assert len(cut.encode()) <= most
    pictures = [set(re.findall('data:image/jpeg;base64,[^"]+', page)) for page in (whole, cut)]
    assert pictures[1] < pictures[0]
    assert len(pictures[1]) > len(pictures[0]) // 2


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    import base64
    import io

    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(tmp_path / "glass.png")
    data = thumbnail(tmp_path / "glass.png").partition(",")[2]
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.getpixel((10, 10)) == (255, 255, 255)


def test_odd_files_are_thumbnails_or_nothing() -> None:
    if not (SHARED / "odd").is_dir():
        pytest.skip(f"the odd pictures are not in {SHARED}")
    found = [thumbnail(path) for path in sorted((SHARED / "odd").iterdir())]
    assert all(each == "" or each.startswith("data:image/jpeg;base64,") for each in found)
    assert "" in found
    assert any(found)
