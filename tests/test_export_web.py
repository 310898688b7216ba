"""The web page in a real browser: its answers, its silence, and what people do with it."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

import icc
from conftest import draw_scene, encoded, mostly_slow
from tellapart.backbones.runtime import open_session
from tellapart.backbones.untrusted import parse_onnx
from tellapart.cache.folder import cache_folder
from tellapart.demo.walk import DemoPictures
from tellapart.errors import MissingExtraError, ModelError
from tellapart.exporters import web, web_proof, web_runtime
from tellapart.exporters.export import TARGETS, export
from tellapart.exporters.target import Export
from tellapart.exporters.web_proof import launched, opened, page_answers, page_cards
from tellapart.model.classifier import Classifier
from tellapart.model.file import KEY, Manifest, sealed
from tellapart.training.train import train
from test_quantised import in_whole_numbers

playwright = pytest.importorskip(
    "playwright.sync_api", reason='needs a browser driver: pip install "tellapart[web]"'
)
if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HOSTILE = "<script>alert(1)</script>"
PATIENCE = 120_000  # milliseconds
FAKE_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@pytest.fixture(scope="module", autouse=True)
def runtime(own_cache: Path) -> None:
    """onnxruntime-web's files, through npm, once."""
    if not shutil.which("npm"):
        pytest.skip("onnxruntime-web comes through npm, which is not installed")
    try:
        web_runtime.runtime_files()
    except ModelError as error:
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits for a page as long as an export does."""
    monkeypatch.setattr(web_proof, "_PATIENCE", PATIENCE)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with playwright.sync_playwright() as driver:
        found = launched(driver, *FAKE_CAMERA)
        if found is None:
            pytest.skip("no Chromium, Chrome or Edge was found")
        yield found
        found.close()


@pytest.fixture(scope="module")
def classifier(heroes: DemoPictures) -> Classifier:
    return train(heroes.photos, quality="fast").classifier


@pytest.fixture(scope="module")
def pictures(heroes: DemoPictures) -> list[Path]:
    return sorted(path for path in heroes.kept_back.rglob("*") if path.is_file())


def written(classifier: Classifier, form: str, folder: Path, *, cdn: bool = False) -> Path:
    """The page alone, without its proof."""
    folder.mkdir()
    web.write(Export(TARGETS[form], classifier, folder, [], cdn))
    return folder


@pytest.fixture(scope="module")
def folder(classifier: Classifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(classifier, "web", tmp_path_factory.mktemp("web") / "out")


@pytest.fixture
def page(browser: Browser, folder: Path) -> Iterator[Page]:
    """The page, ready; a request or a complaint of its makes the test fail."""
    with opened(browser, folder) as page:
        yield page


@pytest.mark.slow
@pytest.mark.parametrize(("form", "cdn"), [("web", False), ("web-page", False), ("web-page", True)])
def test_the_page_answers_like_the_model(
    form: str,
    cdn: bool,
    browser: Browser,
    classifier: Classifier,
    pictures: list[Path],
    tmp_path: Path,
) -> None:
    folder = written(classifier, form, tmp_path / "out", cdn=cdn)
    with opened(browser, folder) as page:
        answers = page_answers(page, pictures[:12])
    for path, answer in zip(pictures, answers, strict=False):
        assert answer == pytest.approx(classifier.predict(path).scores, abs=1e-4)


@pytest.mark.slow
def test_the_whole_export_is_proved_and_says_so(
    classifier: Classifier, pictures: list[Path], tmp_path: Path
) -> None:
    result = export(classifier, "web-page", tmp_path / "out", pictures[:6])
    assert (result.proof.pictures, result.proof.same_label) == (6, 6)
    assert result.proof.largest_difference < 1e-4
    assert "Chromium" in result.proof.note
    assert result.proof.note in (tmp_path / "out" / "README.md").read_text("utf-8")


@pytest.mark.slow
def test_without_a_browser_the_page_is_not_called_proved(
    classifier: Classifier,
    pictures: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TELLAPART_BROWSER", str(tmp_path / "none"))
    result = export(classifier, "web", tmp_path / "out", pictures[:2])
    assert result.proof.pictures == 0
    assert result.proof.note.startswith("Not proved: no browser was found")
    assert "Not proved" in (tmp_path / "out" / "README.md").read_text("utf-8")


KINDS = {
    "jpeg": (encoded(draw_scene(90, 60), "JPEG"), "jpg"),
    "turned": (
        encoded(draw_scene(90, 60), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03"
                b"\0\0\0\x01\0\x06\0\0\0\0\0\0"), "jpg",
    ),
    "big png": (encoded(draw_scene(1600, 1200)), "png"),
    "grey": (encoded(draw_scene(90, 60).convert("L")), "png"),
    "webp": (encoded(draw_scene(90, 60), "WEBP", lossless=True), "webp"),
    "transparent": (encoded(draw_scene(90, 60).convert("RGBA").rotate(30)), "png"),
    "gif": (encoded(draw_scene(90, 60), "GIF"), "gif"),
    "p3": (encoded(draw_scene(90, 60), "JPEG", icc_profile=icc.rgb(icc.P3)), "jpg"),
    "swapped primaries": (encoded(draw_scene(90, 60), icc_profile=icc.rgb(icc.SWAPPED)), "png"),
    "avif of p3": (encoded(draw_scene(90, 60), "AVIF", icc_profile=icc.rgb(icc.P3)), "avif"),
    "turned by xmp alone": (
        encoded(draw_scene(90, 60), "JPEG", xmp=b'<x tiff:Orientation="6"/>'), "jpg"
    ),
    "big jpeg": (encoded(draw_scene(2300, 1700), "JPEG", subsampling=0), "jpg"),
    "big jpeg of fewer colours": (encoded(draw_scene(2300, 1700), "JPEG", subsampling=2), "jpg"),
}  # fmt: skip


@pytest.fixture(scope="module")
def read_by_the_page(
    browser: Browser, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Path, Mapping[str, float]]]:
    """A picture of each kind, and the page's answer: it is opened once for all of them."""
    place = tmp_path_factory.mktemp("kinds")
    paths = []
    for number, (content, suffix) in enumerate(KINDS.values()):
        paths.append(place / f"{number}.{suffix}")
        paths[-1].write_bytes(content)
    with opened(browser, folder) as page:
        answers = page_answers(page, paths)
    return dict(zip(KINDS, zip(paths, answers, strict=True), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.startswith("big jpeg")])
def test_every_kind_of_picture_is_read_as_the_model_reads_it(
    kind: str,
    read_by_the_page: dict[str, tuple[Path, Mapping[str, float]]],
    classifier: Classifier,
) -> None:
    path, answer = read_by_the_page[kind]
    assert answer == pytest.approx(classifier.predict(path).scores, abs=5e-3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("big jpeg")])
def test_a_big_jpeg_is_made_smaller_as_pixels_are(
    kind: str,
    read_by_the_page: dict[str, tuple[Path, Mapping[str, float]]],
    classifier: Classifier,
) -> None:
    """A browser decodes it whole, and no decoder's way of making it smaller is another's."""
    path, answer = read_by_the_page[kind]
    with Image.open(path) as image:
        whole = np.asarray(image)
    assert answer == pytest.approx(classifier.predict(whole).scores, abs=1e-4)
    assert answer == pytest.approx(classifier.predict(path).scores, abs=0.05)


@pytest.mark.slow
def test_dropping_files_makes_cards_and_what_is_no_picture_is_told(
    page: Page, classifier: Classifier, pictures: list[Path]
) -> None:
    files = [("a.png", pictures[0].read_bytes()), ("<b>.png", b"no picture")]
    page.evaluate(
        """(files) => {
          const transfer = new DataTransfer();
          for (const [name, text] of files) {
            const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
            transfer.items.add(new File([bytes], name, { type: "image/png" }));
          }
          const event = new DragEvent("drop", { dataTransfer: transfer, cancelable: true });
          document.body.dispatchEvent(new DragEvent("dragover", { bubbles: true }));
          dispatchEvent(event);
        }""",
        [[name, base64.b64encode(content).decode()] for name, content in files],
    )
    page.locator(".card:not(.waiting)").nth(1).wait_for()
    told = " ".join(page.locator(".unreadable").inner_text().split())
    assert told == "<b>.png not a picture that this browser can read"
    expected = classifier.predict(pictures[0]).label.replace("_", " ")
    assert page.locator(".verdict").inner_text() == expected
    assert page.locator("body.dragging").count() == 0


@pytest.mark.slow
def test_an_unknown_picture_is_called_none_of_these_as_guess_does(
    browser: Browser, classifier: Classifier, pictures: list[Path], tmp_path: Path
) -> None:
    novelty = sorted(classifier.predict(path).novelty for path in pictures[:6])
    between = (novelty[2] + novelty[3]) / 2
    thresholds = tuple(between for _ in classifier.manifest.admitted)
    strict = with_manifest(classifier, novelty=thresholds)
    with opened(browser, written(strict, "web-page", tmp_path / "out")) as page:
        cards = page_cards(page, pictures[:6])
        said = page.locator(".verdict").all_inner_texts()[::-1]
    answers = [strict.predict(path) for path in pictures[:6]]
    assert [card.unknown for card in cards] == [answer.unknown for answer in answers]
    assert sum(card.unknown for card in cards) == 3
    for text, answer in zip(said, answers, strict=True):
        label = answer.label.replace("_", " ")
        expected = f"none of these (closest: {label}, score = {answer.score:.2f})"
        assert " ".join(text.split()) == (expected if answer.unknown else label)


@pytest.mark.slow
def test_a_page_that_calls_no_picture_unknown_is_found_out(
    classifier: Classifier,
    pictures: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    strict = with_manifest(classifier, novelty=(-9.0,) * len(classifier.manifest.admitted))
    scripts, lax = web._scripts, classifier.admitting(1)
    monkeypatch.setattr(web, "_scripts", lambda export: scripts(replace(export, classifier=lax)))
    with pytest.raises(ModelError, match='do not call the same pictures "none of these"'):
        export(strict, "web-page", tmp_path / "out", pictures[:2])


@pytest.mark.slow
def test_the_evidence_can_be_shown(page: Page, pictures: list[Path]) -> None:
    page_answers(page, pictures[:1])
    assert page.locator(".evidence").evaluate("(map) => getComputedStyle(map).opacity") == "0"
    page.check("#evidence")
    page.wait_for_timeout(500)
    assert page.locator(".evidence").evaluate("(map) => getComputedStyle(map).opacity") == "1"
    sides = page.locator(".evidence").evaluate("(map) => [map.width, map.height]")
    assert sides == [7, 7]


@pytest.mark.slow
def test_the_camera_is_guessed_until_it_is_stopped(page: Page) -> None:
    page.click("#camera")
    page.locator(".live .verdict").wait_for()
    assert page.locator("#camera").inner_text() == "Stop the camera"
    page.click("#camera")
    page.locator(".live").wait_for(state="detached")
    assert page.locator("#camera").inner_text() == "Use the camera"
    assert page.evaluate("camera") is None


@pytest.mark.slow
@pytest.mark.parametrize("form", mostly_slow(["web", "web-page"], 1))
def test_labels_are_text_whatever_they_say(
    form: str, browser: Browser, classifier: Classifier, pictures: list[Path], tmp_path: Path
) -> None:
    broken = '</script><img src=x onerror=alert(2)>\n"\\'
    renamed = with_labels(classifier, (f"{HOSTILE}\u2028\x85", broken))
    folder = written(renamed, form, tmp_path / "out")
    with opened(browser, folder) as page:
        asked: list[str] = []
        page.on("dialog", lambda dialog: asked.append(dialog.message))
        (answer,) = page_answers(page, pictures[:1])
        shown = {*page.locator(".label").all_text_contents()}
        assert asked == []
        assert page.locator("img").count() == 0
    assert set(answer) == set(renamed.labels)
    assert shown == set(renamed.labels)


@pytest.mark.slow
def test_a_page_that_asks_the_network_is_found_out(browser: Browser, folder: Path) -> None:
    found = pytest.raises(ModelError, match=r"http://example\.invalid/")
    with found, opened(browser, folder) as page, page.expect_event("requestfailed"):
        page.evaluate("location.href = 'http://example.invalid/'")


@pytest.mark.slow
def test_a_page_that_cannot_start_its_model_is_found_out_at_once(
    browser: Browser, classifier: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "_packed", lambda content: "AAAA")
    folder = written(classifier, "web", tmp_path / "out")
    with (
        pytest.raises(ModelError, match="The model could not be started"),  # not "too late"
        opened(browser, folder),
    ):
        pytest.fail("the page called itself ready")


@pytest.mark.slow
def test_the_policy_stops_what_a_page_may_not_do(browser: Browser, folder: Path) -> None:
    with (
        pytest.raises(ModelError, match="Content Security Policy"),
        opened(browser, folder) as page,
    ):
        page.evaluate("fetch('https://example.invalid/').catch(() => null)")


def test_a_page_is_one_file(classifier: Classifier, tmp_path: Path) -> None:
    folder = written(classifier, "web-page", tmp_path / "out")
    assert {path.name for path in folder.iterdir()} == {"index.html", "LICENSE-onnxruntime.txt"}
    text = (folder / "index.html").read_text("utf-8")
    assert 'src="' not in text.replace('src="data', "")
    assert web_runtime.NETWORK not in text
    linked = written(classifier, "web-page", tmp_path / "linked", cdn=True) / "index.html"
    assert linked.stat().st_size < (folder / "index.html").stat().st_size - 4_000_000
    assert linked.read_text("utf-8").count(web_runtime.SHA384[web_runtime.SCRIPT]) == 1


def test_files_that_were_changed_in_the_cache_are_fetched_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    original = web_runtime.runtime_files()
    kept = cache_folder() / "onnxruntime-web" / web_runtime.VERSION
    copy = tmp_path / "onnxruntime-web" / web_runtime.VERSION
    shutil.copytree(kept, copy)
    monkeypatch.setenv("TELLAPART_CACHE", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert web_runtime.runtime_files() == original  # offline, without npm
    (copy / web_runtime.LOADER).write_bytes(b"alert(1)")
    with pytest.raises(MissingExtraError, match="npm"):
        web_runtime.runtime_files()


def test_another_package_than_the_pinned_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_runtime, "_read", lambda folder: None)
    monkeypatch.setattr(web_runtime, "archive", lambda *given: b"something else")
    with pytest.raises(ModelError, match="not onnxruntime-web"):
        web_runtime.runtime_files()


@pytest.mark.slow
def test_offline_a_page_that_links_is_written_and_not_called_proved(
    browser: Browser,
    classifier: Classifier,
    pictures: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def offline(*given: object) -> bytes:
        raise ModelError("npm could not fetch it.")

    monkeypatch.setattr(web_runtime, "_read", lambda folder: None)
    monkeypatch.setattr(web_runtime, "archive", offline)
    result = export(classifier, "web-page", tmp_path / "linked", pictures[:2], cdn=True)
    assert result.proof.note == "Not proved: npm could not fetch it."
    with pytest.raises(ModelError, match="npm could not fetch it"):
        export(classifier, "web-page", tmp_path / "whole", pictures[:2])
    assert not (tmp_path / "whole").exists()


@pytest.mark.parametrize(
    ("labels", "title"),
    [
        (("darth_vader", "elsa"), "darth vader or elsa?"),
        (("a", "b", "c"), "a, b or c?"),
        (tuple("abcdef"), "Which of 6 is it?"),
        (("x" * 40, "y" * 40), "Which of 2 is it?"),
    ],
)
def test_the_title_asks(labels: tuple[str, ...], title: str) -> None:
    assert web.page_title(labels) == title


def with_labels(classifier: Classifier, labels: tuple[str, str]) -> Classifier:
    return with_manifest(classifier, labels=labels)


def with_manifest(classifier: Classifier, **changed: Any) -> Classifier:
    manifest: Manifest = replace(classifier.manifest, **changed)
    model = parse_onnx(classifier.content)
    for entry in model.metadata_props:
        if entry.key == KEY:
            entry.value = manifest.to_json()
    return Classifier(sealed(model.SerializeToString()), manifest)


@pytest.mark.slow
def test_pictures_for_the_proof_keep_their_pixels(tmp_path: Path) -> None:
    from tellapart.exporters.web_proof import _as_png

    draw_scene(40, 30).save(tmp_path / "a.jpg")
    (copy,) = _as_png([tmp_path / "a.jpg"], tmp_path)
    with Image.open(copy) as image, Image.open(tmp_path / "a.jpg") as original:
        assert image.tobytes() == original.tobytes()


_STEPS = """
const fs = require("fs"), crypto = require("crypto"), { pathToFileURL } = require("url");
const ort = require("./ort.wasm.min.js");
ort.env.wasm.wasmPaths = { mjs: pathToFileURL("ort-wasm-simd-threaded.mjs").href };
ort.env.wasm.wasmBinary = fs.readFileSync("ort-wasm-simd-threaded.wasm").buffer;
ort.env.wasm.numThreads = 1;
(async () => {
  const session = await ort.InferenceSession.create(fs.readFileSync("model.onnx"));
  const pixels = new Uint8Array(fs.readFileSync("image.bin"));
  const image = new ort.Tensor("uint8", pixels, [1, 230, 224, 3]);
  const found = await session.run({ image });
  const sums = {};
  for (const name of session.outputNames)
    sums[name] = crypto.createHash("sha256").update(found[name].data).digest("hex");
  console.log(JSON.stringify(sums));
})();
"""


@pytest.mark.slow
def test_whole_numbers_are_the_same_in_webassembly(tmp_path: Path) -> None:
    """Each layer's steps, to the last bit; the mean after them is of floats."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node, beside npm")
    image = np.random.default_rng(0).integers(0, 256, (1, 230, 224, 3), dtype=np.uint8)
    model = in_whole_numbers("lite0")
    for name, content in web_runtime.runtime_files().items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    (tmp_path / "image.bin").write_bytes(image.tobytes())
    (tmp_path / "steps.js").write_text(_STEPS)
    said = subprocess.run(
        [node, "steps.js"], cwd=tmp_path, capture_output=True, check=True, timeout=300
    ).stdout
    found = json.loads(said)
    layers = [output.name for output in model.graph.output[1:]]
    assert len(layers) > 50
    expected = open_session(model.SerializeToString()).run(layers, {"image": image})
    for layer, steps in zip(layers, expected, strict=True):
        assert found[layer] == hashlib.sha256(steps.tobytes()).hexdigest(), layer
