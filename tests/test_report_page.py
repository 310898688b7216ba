"""The report in a real browser, and written again; the card; what a notebook shows."""

from __future__ import annotations

import dataclasses
import html
import itertools
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from markupsafe import Markup
from typer.testing import CliRunner

import tellapart
from conftest import draw_scene, mostly_slow
from tellapart.assess.testing import evaluate
from tellapart.backbones.foreign import ForeignBackbone
from tellapart.cli.app import app
from tellapart.demo.walk import DemoPictures
from tellapart.evaluation.coverage import Covered
from tellapart.evaluation.judged import Evaluation
from tellapart.evaluation.learning_curve import CurvePoint, LearningCurve
from tellapart.evaluation.metrics import Estimate, Proportion
from tellapart.evaluation.sentences import WORTH, same_score_words
from tellapart.head.kinds import Part
from tellapart.head.sgd import SgdSettings
from tellapart.model.classifier import Classifier
from tellapart.model.file import Manifest
from tellapart.model.record import TrainingRecord
from tellapart.pages.charts import DOT, coverage_chart, learning_chart, reliability_diagram, ticks
from tellapart.pages.contents import with_contents
from tellapart.pages.render import Name, joined
from tellapart.report.content import (
    FIRST_MISTAKES,
    MOST_CERTAIN,
    MOST_MISTAKES,
    MOST_NAMED,
    WEAKEST,
    ReportContent,
)
from tellapart.report.page import report_page
from tellapart.training.command import train_command
from tellapart.training.options import TrainOptions
from tellapart.training.tensorflow_settings import (
    Distortions,
    FineTuning,
    KerasBackbone,
    TensorFlow,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LABELS = ("<script>alert(1)</script>", '[a](b)|`c` & "d"\x1b')
WIDTHS = mostly_slow([320, 1440, 390, 768, 1024], 1)
BELL = "<img src=x onerror=alert(1)>\u202egnp.\x07.jpg"
CURVE = LearningCurve(
    tuple(
        CurvePoint(n, Proportion(k, 100), (Proportion(k, 100),)) for n, k in [(10, 60), (80, 80)]
    ),
    Estimate(0.015, (0.008, 0.021)),
    "tulips",
)


@pytest.fixture(scope="module")
def photos(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures whose labels are drawn by lot, so that many are taken for the other."""
    root = tmp_path_factory.mktemp("report") / "photos"
    lot = np.random.default_rng(4)
    lines = ["path,label"]
    root.mkdir()
    for number, path in enumerate(sorted(heroes.photos.glob("*/*"))[:50]):
        name = f"{number}{BELL}" if number < 3 else f"{number}.jpg"
        shutil.copy(path, root / name)
        label = LABELS[int(lot.integers(2))].replace('"', '""')
        lines.append(f'{name},"{label}"')
    (root / "page.jpg").write_text("<html>")
    lines.append(f"page.jpg,{LABELS[0]}")
    (root / "labels.csv").write_text("\n".join(lines), "utf-8")
    return root


@pytest.fixture(scope="module")
def model(photos: Path) -> Path:
    """A model with many mistakes, whose labels and files have names that are markup."""
    result = tellapart.train(photos / "labels.csv", quality="fast", test=0.2)
    assert len(result.evaluations["cross-validated"].mistakes) > 3
    return result.save(photos.parent / "model")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or the one named by TELLAPART_BROWSER."""
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("TELLAPART_BROWSER") or next(filter(None, map(shutil.which, names)), "")
    if not found:
        pytest.skip("there is no Chromium here")
    flags = "no-sandbox disable-gpu no-first-run disable-background-networking"
    flags += " disable-component-update disable-sync"
    with driver.sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=found, args=[f"--{flag}" for flag in flags.split()]
        )
        yield browser
        browser.close()


class Visit:
    """A page opened in a browser, with all that it asked for and complained of."""

    def __init__(self, browser: Browser, path: Path, scheme: str, width: int) -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        self.page: Page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: self.said.append(dialog.message))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "width"), mostly_slow([("light", 1280), ("dark", 360)], 1))
def test_a_confusion_cell_opens_and_shows_its_pictures(
    browser: Browser, model: Path, scheme: str, width: int
) -> None:
    with Visit(browser, model / "report.html", scheme, width) as visit:
        page = visit.page
        wrong = page.locator(".matrix td[class^=shade] .open").first
        count = int(wrong.inner_text())
        panel = page.locator(".panel:popover-open")
        assert panel.count() == 0
        wrong.click()
        assert panel.is_visible()
        pictures = panel.locator("img")
        assert pictures.count() == count
        assert all(pictures.nth(i).evaluate("one => one.naturalWidth > 0") for i in range(count))
        assert "taken for" in panel.locator("h3").inner_text()
        page.keyboard.press("Escape")
        assert panel.count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("img").count() > 20
        assert visit.said == []
        assert [url for url in visit.asked if not url.startswith(("file:", "data:"))] == []


def serious_faults(page: Page) -> list[tuple[str, list[str]]]:
    """What axe finds at fault on a page: (its rule, the first elements)."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    response = axe.run(page).response
    assert len(response["passes"]) > 15
    return [
        (fault["id"], [node["html"] for node in fault["nodes"]][:3])
        for fault in response["violations"]
        if fault["impact"] in {"moderate", "serious", "critical"}
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scheme", "opened"),
    mostly_slow([("dark", True), ("light", False), ("light", True), ("dark", False)], 1),
)
def test_it_has_no_serious_accessibility_fault(
    browser: Browser, model: Path, scheme: str, opened: bool
) -> None:
    with Visit(browser, model / "report.html", scheme, 800) as visit:
        if opened:
            visit.page.locator(".matrix .open").first.click()
            visit.page.locator(".toc details").evaluate("one => one.open = true")
        assert serious_faults(visit.page) == []


@pytest.mark.slow
def test_names_are_shown_as_text(browser: Browser, model: Path) -> None:
    with Visit(browser, model / "report.html", "light", 1280) as visit:
        assert visit.page.locator("script, b, i").count() == 0
        words = visit.page.locator("body").text_content() or ""
    assert LABELS[0] in words
    assert '[a](b)|`c` & "d"\\x1b' in words
    assert "onerror=alert(1)>\\u202egnp.\\x07.jpg" in words
    assert not re.search("[\x00-\x08\x0e-\x1f\u202e]", (model / "report.html").read_text("utf-8"))


@pytest.mark.slow
def test_it_prints(browser: Browser, model: Path) -> None:
    with Visit(browser, model / "report.html", "dark", 1280) as visit:
        assert visit.page.pdf(format="A4")[:5] == b"%PDF-"


@pytest.mark.slow
def test_in_print_all_mistakes_are_seen(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "large.html"
    path.write_text(report_page(large_story(tmp_path, 10)), "utf-8")
    with Visit(browser, path, "light", 680) as visit:
        seen = "all => all.filter(one => one.checkVisibility()).length"
        figures, names = visit.page.locator("figure"), visit.page.locator(".names li")
        assert figures.evaluate_all(seen) < MOST_MISTAKES
        visit.page.emulate_media(media="print")
        assert figures.evaluate_all(seen) == figures.count() == MOST_MISTAKES
        assert names.evaluate_all(seen) == names.count() > 100
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 680


@pytest.mark.slow
def test_every_evaluation_has_its_matrix_and_its_labels(browser: Browser, model: Path) -> None:
    with Visit(browser, model / "report.html", "light", 1280) as visit:
        held = visit.page.locator(".side", has_text="Held out")
        right = held.locator(".matrix td.right .open").first
        count = int(right.inner_text())
        right.click()
        panel = visit.page.locator(".panel:popover-open")
        assert f"rightly: {count} picture" in panel.locator("h3").inner_text()
        visit.page.keyboard.press("Escape")
        titles = visit.page.locator("h3.of").all_inner_texts()
    assert [title.split(" ")[0] for title in titles] == ["Cross-validated", "Held"]


@pytest.mark.slow
def test_on_a_phone_nothing_telling_is_cut_off(browser: Browser, model: Path) -> None:
    with Visit(browser, model / "report.html", "light", 390) as visit:
        for telling in ("[aria-label^='The labels'] th:has-text('recall')", ".chosen td"):
            box = visit.page.locator(telling).first.bounding_box()
            assert box
            assert box["x"] + box["width"] <= 390


@pytest.mark.slow
@pytest.mark.parametrize("width", mostly_slow([390, 1200], 1))
def test_pictures_are_large_and_never_stretched(browser: Browser, model: Path, width: int) -> None:
    with Visit(browser, model / "report.html", "light", width) as visit:
        wide = "one => one.clientWidth / one.parentElement.clientWidth"
        assert visit.page.locator(".mistake > img").first.evaluate(wide) == 1
        visit.page.locator(".matrix .open").first.click()
        shrunk = "all => all.every(one => one.clientWidth <= Math.max(one.naturalWidth, "
        shrunk += "one.naturalHeight))"
        assert visit.page.locator(".panel:popover-open img").evaluate_all(shrunk)
        assert visit.page.locator(".near img, .thumbs img, .strip img").evaluate_all(shrunk)


def test_written_again_it_is_the_same(model: Path, tmp_path: Path) -> None:
    page = tmp_path / "again.html"
    assert CliRunner().invoke(app, ["report", str(model), "-o", str(page)]).exit_code == 0
    assert page.read_bytes() == (model / "report.html").read_bytes()


@pytest.mark.slow
def test_moved_pictures_are_found_by_their_content(photos: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(photos, tmp_path / "photos"))
    result = tellapart.train(moved / "labels.csv", quality="fast")
    folder = result.save(tmp_path / "model")
    moved.rename(tmp_path / "elsewhere")
    before = (folder / "report.html").read_text("utf-8")
    run = CliRunner().invoke(app, ["report", str(folder)])
    assert run.exit_code == 0
    assert "50 pictures cannot be shown, because the files are gone" in run.output
    text = (folder / "report.html").read_text("utf-8")
    assert "50 pictures cannot be shown, because the files are gone" in text
    assert "<img" not in text
    given = ["report", str(folder), "--pictures", str(tmp_path / "elsewhere")]
    assert CliRunner().invoke(app, given).exit_code == 0
    assert (folder / "report.html").read_text("utf-8") == before


def test_without_memory_there_is_no_report(model: Path, tmp_path: Path) -> None:
    shutil.copy(model / "model.onnx", tmp_path)
    classifier = tellapart.load(tmp_path)
    from tellapart.errors import ModelError
    from tellapart.report.gathering import content_of_training

    with pytest.raises(ModelError, match="has no training record"):
        content_of_training(classifier, {})


def test_what_was_remembered_of_the_run_comes_back(model: Path) -> None:
    record = tellapart.load(model).training_record
    assert record
    again = TrainingRecord.from_bytes(record.to_bytes("0"), "0")
    assert again.run == record.run
    assert [file.reason for file in again.run.skipped] == ["an HTML page saved as .jpg"]
    assert again.run.learning
    assert len(again.run.learning.points) > 1
    assert "--quality fast --test 0.2" in again.run.command


def test_a_test_writes_its_report(model: Path, photos: Path, tmp_path: Path) -> None:
    page = tmp_path / "test.html"
    given = ["test", str(model), str(photos / "labels.csv"), "--report", str(page), "--quiet"]
    run = CliRunner().invoke(app, given)
    assert run.exit_code == 0, run.output
    text = page.read_text("utf-8")
    assert '<h2 class="kicker">Tested</h2>' in text
    assert "The same pictures and the same model give the same figures again" in text
    assert "give the same model again" not in text
    made = text[text.index("How it was tested") :]
    assert "tellapart test " in made
    assert "tellapart train " in made  # what made the model that was tested
    assert all(f">{name}</dt>" in made for name in ("Python", "numpy", "onnxruntime"))
    hashes = re.findall(
        r">(\w+ pictures)'s? sha256</dt><dd class=\"digest\">(\w{64})<", html.unescape(made)
    )
    assert [name for name, _ in hashes] == ["tested pictures", "training pictures"]
    assert hashes[0][1] != hashes[1][1]
    assert text.count('<div class="argued">\n<img') == text.count("<figure") > 0  # with its map


def large_story(tmp_path: Path, labels: int, count: int = 3000) -> ReportContent:
    """Pictures of noise, which hardly can be packed, a third of them misjudged."""
    lot = np.random.default_rng(0)
    names = tuple(f"{i:04d}.jpg" for i in range(count))
    words = tuple(f"label {k}" for k in range(labels))
    truth = np.arange(count) % labels
    logits = lot.normal(size=(count, labels))
    logits[np.arange(count), truth] += 3
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    noise = lot.integers(0, 256, (240, 320, 3), dtype=np.uint8)
    from PIL import Image

    Image.fromarray(noise).save(tmp_path / "noise.jpg", quality=95)
    manifest = Manifest(
        labels=words,
        counts=(count // labels,) * labels,
        bias=(0.0,) * labels,
        quality="fast",
        backbones=("lite0",),
        views=("crop",),
        network="0",
        solver="exact",
        parts=(Part("regression", 1.0, 1.0),),
        compared=(),
        admitted=(0.9, 0.999),
        novelty=(2.0, 3.0),
        version="0",
    )
    return ReportContent(
        what="tested",
        classifier=Classifier(b"", manifest),
        evaluations={"tested": Evaluation(words, names, truth, scores)},
        paths=dict.fromkeys(names, tmp_path / "noise.jpg"),
        shelves={word: names[k::labels] for k, word in enumerate(words)},
        counts={"tested": [count // labels] * labels},
        learning=CURVE if labels == 1 else None,
    )


@pytest.mark.slow
@pytest.mark.parametrize("labels", mostly_slow([100, 10], 1))
def test_a_page_of_many_pictures_stays_below_5_mb(tmp_path: Path, labels: int) -> None:
    content = large_story(tmp_path, labels)
    text = report_page(content)
    assert len(text.encode()) < 5e6
    assert text.count("<figure") == MOST_MISTAKES < len(content.mistakes)
    assert f"after {FIRST_MISTAKES} the others are folded by label" in text
    named = text[text.index("<details><summary>label ") :]
    assert len(content.mistakes) < MOST_NAMED
    for name, mistake in content.mistakes[MOST_MISTAKES:]:
        assert f"{mistake.name}: " in named, name


def test_the_surest_right_ones_are_of_each_label_in_turn(tmp_path: Path) -> None:
    content = large_story(tmp_path, 10)
    main, shown = content.main, content.surest
    right = np.flatnonzero(main.predicted == main.truth)
    best = {k: main.highest[right[main.truth[right] == k]].max() for k in {*main.truth[right]}}
    assert len({one.label for one in shown}) == len(shown) == min(MOST_CERTAIN, len(best))
    found = [one.score for one in shown]
    assert found == pytest.approx(sorted(best.values(), reverse=True)[: len(found)])


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of 200 numbered labels."""
    folder = tmp_path_factory.mktemp("many")
    path = folder / "many.html"
    path.write_text(report_page(large_story(folder, 200, 600)), "utf-8")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
def test_a_page_is_whole_at_any_width(
    browser: Browser, model: Path, many: Path, width: int
) -> None:
    parted = """() => {
      const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
      while (texts.nextNode())
        if (!texts.currentNode.parentElement.closest('pre, code, svg, .file')
            && /\\d (%|points?\\b|MB)/.test(texts.currentNode.data))
          found.push(texts.currentNode.data);
      return found;
    }"""
    over = """() => [...document.querySelectorAll('.facts div')].filter(row => {
      const [name, value] = [...row.children].map(one => {
        const range = document.createRange();
        range.selectNodeContents(one);
        return range.getBoundingClientRect();
      });
      return name.right > value.left && name.bottom > value.top + 2
        || Math.max(name.right, value.right) > innerWidth;
    }).length"""
    outside = """() => [...document.querySelectorAll('main *, header *')].filter(one =>
      one.checkVisibility() && !one.closest('.scroll, .toc, .panel')
      && one.getBoundingClientRect().right > innerWidth + 1).map(one => one.outerHTML.slice(0, 90))
    """
    for page in (model / "report.html", many):
        with Visit(browser, page, "light", width) as visit:
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
            assert visit.page.evaluate(outside) == []
            assert visit.page.evaluate(parted) == []
            assert visit.page.evaluate(over) == 0


@pytest.mark.slow
def test_a_table_that_is_cut_has_a_sign(browser: Browser, model: Path) -> None:
    look = """() => [...document.querySelectorAll('.scroll')].filter(one => one.checkVisibility())
      .map(one => [one.scrollWidth > one.clientWidth,
                   getComputedStyle(one, '::after').visibility == 'visible'])"""
    for width in (320, 1440):
        with Visit(browser, model / "report.html", "light", width) as visit:
            if not visit.page.evaluate("CSS.supports('animation-timeline: scroll()')"):
                pytest.skip("this browser shows a shadow instead")
            found = visit.page.evaluate(look)
        assert all(cut == sign for cut, sign in found)
        assert any(cut for cut, _ in found) == (width == 320)


@pytest.mark.slow
@pytest.mark.parametrize("width", mostly_slow([390, 1440], 1))
def test_the_table_of_contents_leads_everywhere(browser: Browser, model: Path, width: int) -> None:
    with Visit(browser, model / "report.html", "light", width) as visit:
        links = visit.page.locator(".toc a")
        targets = links.evaluate_all("all => all.map(one => one.getAttribute('href').slice(1))")
        headings = visit.page.locator("main h2").evaluate_all("all => all.map(one => one.id)")
        assert targets == headings
        assert len(targets) > 5
        mistakes = visit.page.locator("figure").count()
        assert re.search(rf"^The mistakes\s+{mistakes}$", links.first.text_content() or "")
        assert links.first.is_visible() == (width == 1440)
        if width == 390:
            visit.page.locator(".toc summary").click()
        links.last.click()
        if width == 1440:  # it stays beside what is read
            assert visit.page.evaluate("scrollY") > 1000
            assert links.first.is_visible()
            box = links.first.bounding_box()
            assert box
            assert 0 <= box["y"] < 200
        last = visit.page.locator(f"[id='{targets[-1]}']").bounding_box()
        assert last
        assert last["y"] < 800


@pytest.mark.slow
def test_the_headline_gives_both_figures_alike(browser: Browser, model: Path) -> None:
    with Visit(browser, model / "report.html", "light", 1440) as visit:
        figures = visit.page.locator(".figure")
        assert figures.locator("h2").all_inner_texts() == ["Cross-validated", "Held out"]
        style = "one => [getComputedStyle(one).fontSize, getComputedStyle(one).color]"
        first, second = (figures.locator(".number").nth(i).evaluate(style) for i in range(2))
        assert first == second
        tops = [figures.nth(i).bounding_box() for i in range(2)]
        assert tops[0]
        assert tops[1]
        assert tops[0]["y"] == tops[1]["y"]
        worths = (WORTH["cross-validated"], WORTH["held out"])
        for words, worth in zip(figures.all_inner_texts(), worths, strict=True):
            assert re.search(r"\d+ of \d+ pictures\s+95\xa0% interval [\d.]+ to [\d.]+\xa0%", words)
            assert worth in " ".join(words.split())


@pytest.mark.slow
def test_it_says_on_how_many_it_is_sure(browser: Browser, many: Path) -> None:
    with Visit(browser, many, "light", 1440) as visit:
        words = visit.page.locator(".sure").inner_text()
        drawn = visit.page.locator(".sure svg").get_attribute("aria-label") or ""
        line, band = visit.page.locator(".sure .line"), visit.page.locator(".sure .band")
        assert line.is_visible()
        assert band.is_visible()
        beside = visit.page.locator(".sure").bounding_box()
        figure = visit.page.locator(".figure").bounding_box()
    assert "No score is so high that 99\xa0% of the answers" in words
    assert re.match("How often it was right: .* of the surest 5 %; .* of the surest 100 %", drawn)
    assert beside
    assert figure
    assert beside["y"] == figure["y"]


def test_the_score_from_which_it_is_sure_is_marked(tmp_path: Path) -> None:
    lot = np.random.default_rng(3)
    sure = lot.uniform(0.5, 1, 600)
    truth = (lot.random(600) > np.where(sure > 0.7, 1, sure)).astype(np.int64)
    judged = Evaluation(("a", "b"), tuple("x" * 600), truth, np.stack([sure, 1 - sure], axis=1))
    assert judged.sure
    share = f"{100 * judged.sure.coverage.value:.0f} %"
    chart = coverage_chart(judged.coverage, judged.sure)
    assert f"marked: {share}" in chart
    assert chart.count('class="dot"') == 1
    assert 'class="dot"' not in coverage_chart(judged.coverage, None)
    content = dataclasses.replace(large_story(tmp_path, 2, 600), paths={})
    words = report_page(dataclasses.replace(content, evaluations={"tested": judged}))
    assert re.search(
        r"Sure on [\d.]+\xa0% of pictures .*, and right on [\d.]+\xa0% of those", words
    )
    assert f"it scores {judged.sure.score:g} or more, and check the others yourself" in words


@pytest.mark.slow
@pytest.mark.parametrize("width", mostly_slow([1440, 768, 1024], 1))
def test_mistakes_stand_without_holes(browser: Browser, many: Path, width: int) -> None:
    with Visit(browser, many, "light", width) as visit:
        boxes = visit.page.locator("#mistakes ~ .shelf .mistake").evaluate_all(
            "all => all.map(one => one.getBoundingClientRect()).map(b => [b.top, b.bottom, b.left])"
        )
    assert len(boxes) == FIRST_MISTAKES
    rows = sorted({top for top, _, _ in boxes})
    assert len(rows) < FIRST_MISTAKES
    for top, following in itertools.pairwise([*rows, None]):
        assert top is not None
        bottoms = {bottom for own, bottom, _ in boxes if own == top}
        assert len(bottoms) == 1
        assert following is None or following - bottoms.pop() < 30


@pytest.mark.slow
@pytest.mark.parametrize(("width", "highest"), mostly_slow([(390, 24_000), (1440, 14_000)], 1))
def test_200_labels_are_grouped_and_folded(
    browser: Browser, many: Path, width: int, highest: int
) -> None:
    with Visit(browser, many, "light", width) as visit:
        assert visit.page.evaluate("document.documentElement.scrollHeight") < highest
        seen = visit.page.locator("[aria-label='The labels, tested'] tbody th")
        assert seen.count() == WEAKEST
        whole = visit.page.locator("[aria-label='All labels, tested'] tbody th")
        assert whole.all_text_contents() == [f"label {k}" for k in range(200)]
        folded = visit.page.locator("details details summary")
        assert folded.count() > 100
        assert not folded.first.is_visible()
        assert visit.page.locator(".pairs li").nth(11).is_visible()
        assert not visit.page.locator(".pairs li").nth(12).is_visible()


def test_the_card_has_front_matter_and_the_hubs_headings(model: Path) -> None:
    yaml = pytest.importorskip("yaml")
    text = (model / "README.md").read_text("utf-8")
    _, front, body = text.split("---\n", 2)
    values = yaml.safe_load(front)
    assert values["license"] == "apache-2.0"
    assert values["pipeline_tag"] == "image-classification"
    assert values["library_name"] == "tellapart"
    (entry,) = values["model-index"]
    assert entry["name"].startswith(f"{LABELS[0]} or ")
    metrics = entry["results"][0]["metrics"]
    assert {metric["type"] for metric in metrics} == {"accuracy", "balanced_accuracy"}
    assert all(0 <= metric["value"] <= 1 for metric in metrics)
    headings = re.findall(r"^## (.+)$", body, re.MULTILINE)
    assert headings == [
        "Model Details",
        "Uses",
        "Bias, Risks, and Limitations",
        "How to Get Started with the Model",
        "Training Details",
        "Evaluation",
        "Environmental Impact",
        "Technical Specifications",
    ]
    assert "<script" not in text
    assert "\\[a\\](b)\\|\\`c\\`" in body
    assert "None" not in body
    assert not re.search(r"\bnan\b", body)


def test_a_notebook_shows_results(model: Path, photos: Path) -> None:
    classifier = tellapart.load(model)
    prediction = classifier.predict(draw_scene())
    shown = prediction._repr_html_()
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
    assert shown.startswith("<div><strong>none of these") == prediction.unknown
    tested = evaluate(classifier, photos / "labels.csv")._repr_html_()
    assert "pictures it was tested on" in tested
    assert "<script" not in tested


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "--quality good"),
        ({"cache": Path("kept")}, "--quality good"),
        ({"test": 0.0, "balanced": True}, "--quality good --test none --class-weights balanced"),
        ({"test": Path("kept back"), "follow_links": True},
         "--quality good --test 'kept back' --follow-links"),
        ({"sgd": SgdSettings(steps=500, learning_rate=0.1)},
         "--quality good --solver sgd --steps 500 --learning-rate 0.1"),
        ({"backbone": ForeignBackbone(Path("n.onnx"), output="pool")},
         "--backbone n.onnx --backbone-output pool --backbone-pixels imagenet"),
        ({"backbone": KerasBackbone("InceptionV3"), "engine": TensorFlow(),
          "sgd": SgdSettings(seed=3)},
         "--backbone keras:InceptionV3 --engine tensorflow --seed 3"),
        ({"engine": TensorFlow(Distortions(flip_left_right=True, random_crop=10))},
         "--quality good --engine tensorflow --flip-left-right --random-crop 10"),
        ({"engine": TensorFlow(fine_tuning=FineTuning(rate=0.5))},
         "--quality good --engine tensorflow --fine-tune 6 --learning-rate 0.5"),
        ({"engine": TensorFlow(Distortions(), FineTuning(epochs=2))},
         "--quality good --engine tensorflow --random-scale 0 --fine-tune 2"),
    ],
)  # fmt: skip
def test_the_command_repeats_the_run(given: dict[str, object], expected: str) -> None:
    found = train_command("my photos", TrainOptions(**given))  # type: ignore[arg-type]
    assert found == f"tellapart train 'my photos' {expected}"


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, [0, 0.25, 0.5, 0.75, 1]),
        (0.95, 0.999, [0.94, 0.96, 0.98, 1.0]),
        (1.0, 1.0, [1.0, 1.001]),
    ],
)
def test_ticks_are_round_and_hold_all(low: float, high: float, expected: list[float]) -> None:
    found = ticks(low, high)
    assert found[0] <= low
    assert found[-1] >= high
    assert found[:2] + found[-1:] == pytest.approx(expected[:2] + expected[-1:], abs=1e-3)


def test_charts_say_in_words_what_they_show() -> None:
    chart = learning_chart(CURVE)
    assert "60.0 % with 10, 80.0 % with 80; expected 81.5 % with 180" in chart
    assert ">180</text>" in chart
    forecast = chart[chart.index('class="hollow"') :]
    low, high = map(float, re.findall(r"M[\d.]+ ([\d.]+)H", forecast)[:2])
    left, right = map(float, re.findall(r"M([\d.]+) [\d.]+H([\d.]+)", forecast)[0])
    assert high != low  # a short interval is drawn over its dot, and wider
    assert right - left > 2 * DOT
    assert "nan" not in chart
    truth = np.array([0, 1, 1])
    scores = np.array([[0.95, 0.05], [0.92, 0.08], [0.3, 0.7]])
    bins = Evaluation(("a", "b"), ("x", "y", "z"), truth, scores).calibration
    assert "2 at 94 % were right 50 % of the time" in reliability_diagram(bins)


def test_the_curve_is_put_into_words() -> None:
    expected = "100 more pictures would bring about +1.5 points (0.8 to 2.1); "
    assert CURVE.words == expected + "tulips needs them most."
    assert dataclasses.replace(CURVE, gain=None).words == (
        "These pictures are too few to say whether more would help."
    )


def test_a_score_that_does_not_hold_on_other_pictures_is_told() -> None:
    few = Covered(0.6, Proportion(400, 450), Proportion(370, 400))
    assert same_score_words("held out", few).endswith(
        "less than 99 %, and new pictures will be like these."
    )
    assert same_score_words(
        "held out", Covered(0.6, Proportion(40, 45), Proportion(40, 40))
    ).endswith("100.0).")
    assert same_score_words("held out", Covered(0.6, Proportion(0, 45), Proportion(0, 0))).endswith(
        "more)."
    )


def test_names_and_commands_are_never_joined() -> None:
    assert joined("99 % of 3 pictures, 0.8 points") == "99\xa0% of 3 pictures, 0.8\xa0points"
    assert joined(Name("5 % grey.jpg")) == "5 % grey.jpg"
    assert joined(Markup("5 %")) == "5 %"
    assert joined(0.5) == 0.5


def test_of_few_headings_there_is_no_table() -> None:
    heading = '<h2 id="a{0}" data-short="s{0}">long <span class="soft">{0}</span></h2>'
    assert with_contents(f"<!-- contents -->{heading.format(1)}") == heading.format(1)
    page = with_contents("<!-- contents -->" + "".join(map(heading.format, range(3))))
    assert '<li><a href="#a2"><span>s2</span> <span class="soft">2</span></a></li>' in page
    assert page.index("<nav") < page.index("<h2")


@pytest.fixture(scope="module")
def other_pages(
    model: Path, photos: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """What explain and gaps write."""
    folder = tmp_path_factory.mktemp("pages")
    pictures = [str(path) for path in sorted(photos.glob("*.jpg"))[:4]]
    long = folder / f"{'anna at school ' * 8}.jpg"
    shutil.copy(pictures[-1], long)
    why, gaps = folder / "why.html", folder / "gaps.html"
    given = ["explain", str(model), *pictures, str(long), "-o", str(why)]
    assert CliRunner().invoke(app, given).exit_code == 0
    assert CliRunner().invoke(app, ["gaps", str(model), "-o", str(gaps), "-q"]).exit_code == 0
    return why, gaps


@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
def test_other_pages_are_whole_too(
    browser: Browser, other_pages: tuple[Path, Path], width: int
) -> None:
    for page in other_pages:
        with Visit(browser, page, "dark", width) as visit:
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
            links = visit.page.locator(".toc a")
            targets = links.evaluate_all("all => all.map(one => one.getAttribute('href').slice(1))")
            headings = visit.page.locator("main h2").evaluate_all("all => all.map(one => one.id)")
            assert targets == (headings if len(headings) >= 3 else [])
            if targets and width >= 1024:  # the keyboard reaches it, though nothing was opened
                links.first.focus()
                assert links.first.evaluate("one => one === document.activeElement")
            assert visit.said == []
            assert serious_faults(visit.page) == []


def test_of_many_labels_the_weakest_and_the_smallest_are_seen_at_once(tmp_path: Path) -> None:
    content = large_story(tmp_path, 30, 600)
    counts = [20] * 30
    counts[7] = counts[21] = 4
    content = dataclasses.replace(content, counts={"learnt from": counts})
    seen = content.telling(content.main)
    assert {7, 21} <= set(seen)
    assert WEAKEST <= len(seen) <= WEAKEST + 2
    f1 = [row.f1 for row in content.main.per_label]
    assert [f1[k] for k in seen] == sorted(f1[k] for k in seen)
    assert set(np.argsort(f1, kind="stable")[:8].tolist()) <= set(seen)
    assert large_story(tmp_path, 12, 60).order == list(range(12))  # label 2 before label 10
