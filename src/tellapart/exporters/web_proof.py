"""The proof of a page: its answers in a real browser, with no network, held against the model's.

Each picture is given twice, through the page's own file input. Once as a PNG of the very pixels
that the model saw: those answers must be equal. Once as the file itself, which the browser decodes:
those differ by what two decoders make of a JPEG, and that is measured and told.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import MissingExtraError, ModelError
from ..files.workspaces import temporary_folder
from ..images.decode import read_picture
from ..model.classifier import Classifier
from ..text import several, shown
from .proof import Proof, compare, compared
from .target import Target
from .web_runtime import ADDRESS, runtime_files

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, Route

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
_CHANNELS = ("chrome", "msedge")
# By itself a browser asks its maker for updates and accounts: it finds no host, and no way out.
_QUIET = (
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=http://127.0.0.1:9",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
)
_AT_A_TIME = 10  # pictures given to the page at once
_PATIENCE = 600_000  # milliseconds for those, and for the page to get ready
_GLANCE = 1000  # milliseconds between two looks at whether the page has failed
_ON_THRESHOLD = 0.01  # of novelty: so near, the last digits of sums decide
_BY_FILE = 0.95  # the least fraction of pictures with the same label, as the browser decodes them


def prove(classifier: Classifier, target: Target, folder: Path, pictures: Sequence[Path]) -> Proof:
    """Hold the page's answers against the model's; without a browser the proof says so.

    In a thread of its own: the browser's driver cannot share one with a notebook's event loop.

    Raises:
        ModelError: they differ by more than the target admits, or the page asks for the network.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_prove, classifier, target, folder, pictures).result()


def _prove(classifier: Classifier, target: Target, folder: Path, pictures: Sequence[Path]) -> Proof:
    with _browser() as (browser, trouble):
        if browser is None:
            return Proof(0, 0, 0.0, note=f"Not proved: {trouble}")
        try:
            runtime_files()  # what a page that links to them asks for
        except (MissingExtraError, ModelError) as error:
            return Proof(0, 0, 0.0, note=f"Not proved: {error}")
        version = browser.version
        with temporary_folder() as place, opened(browser, folder) as page:
            cards = page_cards(page, _as_png(pictures, Path(place)))
            missing = [card for card in cards if not card.scores]
            if missing:
                raise ModelError(f"The page gave no answer for {len(missing)} pictures.")
            proof = compare(classifier, target, [card.scores for card in cards], pictures)
            _check_unknown(classifier, cards, pictures)
            as_files = page_answers(page, pictures)
    read = [(path, given) for path, given in zip(pictures, as_files, strict=True) if given]
    if not read:
        note = f"Measured in Chromium {version}, which can read none of the files themselves."
        return replace(proof, note=note)
    by_file = compared(classifier, [given for _, given in read], [path for path, _ in read])
    if by_file.agreement < _BY_FILE:
        raise ModelError(
            f"The page reads pictures differently from the model: it gives the same label for "
            f"{by_file.same_label} of {by_file.pictures}.",
            hint="Nothing was written. Please report this, with the browser's version.",
        )
    unread = len(pictures) - len(read)
    note = (
        f"Measured in Chromium {version}, on the pixels that the model saw. If the browser decodes "
        f"the files itself: the same label for {by_file.same_label} of {by_file.pictures}, "
        f"scores at most {by_file.largest_difference:.2g} apart"
        + (f"; it cannot read {several(unread, 'file')}." if unread else ".")
    )
    return replace(proof, note=note)


def _check_unknown(classifier: Classifier, cards: Sequence[Card], pictures: Sequence[Path]) -> None:
    """Whether the page calls the same pictures none of these, but for those on the threshold."""
    threshold = classifier.unknown_above
    answers = classifier.predict_many(pictures)
    for path, card, ours in zip(pictures, cards, answers, strict=True):
        if card.unknown != ours.unknown and not abs(ours.novelty - threshold) <= _ON_THRESHOLD:
            raise ModelError(
                f'The page and the model do not call the same pictures "none of these": '
                f"{shown(path)}, whose novelty is {ours.novelty:.3g}.",
                hint="Nothing was written. Please report this, with the browser's version.",
            )


@contextlib.contextmanager
def _browser() -> Iterator[tuple[Browser | None, str]]:
    """A browser, or None and the reason in words."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        yield (
            None,
            (
                'no browser can be driven here. Type: pip install "tellapart[web]", install '
                "Chromium, Chrome or Edge, and export again."
            ),
        )
        return
    with sync_playwright() as driver:
        browser = launched(driver)
        if browser is None:
            yield (
                None,
                (
                    "no browser was found. Install Chromium, Chrome or Edge, or name one in "
                    "TELLAPART_BROWSER, and export again."
                ),
            )
            return
        try:
            yield browser, ""
        finally:
            browser.close()


def launched(driver: Playwright, *more: str) -> Browser | None:
    """A fresh headless browser: `$TELLAPART_BROWSER`, one on the path, or an installed one."""
    from playwright.sync_api import Error

    named = os.environ.get("TELLAPART_BROWSER")
    paths = [named] if named else [path for name in _NAMES if (path := shutil.which(name))]
    ways: list[dict[str, str]] = [{"executable_path": path} for path in paths]
    if not named:
        ways += [*({"channel": channel} for channel in _CHANNELS), {}]
    sandbox = not (hasattr(os, "geteuid") and os.geteuid() == 0)  # Chromium refuses it for root
    for way in ways:
        with contextlib.suppress(Error):
            return driver.chromium.launch(
                args=[*_QUIET, *more],
                chromium_sandbox=sandbox,
                executable_path=way.get("executable_path"),
                channel=way.get("channel"),
            )
    return None


@contextlib.contextmanager
def opened(browser: Browser, folder: Path) -> Iterator[Page]:
    """The page from its folder, ready; anything it asks of a network is refused, and an error.

    What a linked page asks of its public network is answered with the same files from the cache:
    the page itself holds their sha384, so they can be no others.

    Raises:
        ModelError: the page asked for anything else, or reported an error.
    """
    from playwright.sync_api import Error

    asked: list[str] = []
    wrong: list[str] = []

    def answer(route: Route) -> None:
        address = route.request.url
        if address.startswith("file:"):
            route.continue_()
        elif address.startswith(ADDRESS):
            kind = "application/wasm" if address.endswith(".wasm") else "text/javascript"
            route.fulfill(
                body=runtime_files()[address.removeprefix(ADDRESS)],
                content_type=kind,
                headers={"Access-Control-Allow-Origin": "*"},
            )
        else:
            asked.append(address)
            route.abort()

    def complained(line: ConsoleMessage) -> None:
        if line.type == "error":
            wrong.append(line.text)

    try:
        with contextlib.closing(browser.new_context(offline=False)) as context:
            context.route("**/*", answer)
            page = context.new_page()
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("console", complained)
            page.goto((folder / "index.html").resolve().as_uri(), timeout=_PATIENCE)
            _wait_until_ready(page, lambda: bool(asked or wrong))
            yield page
    except Error as error:
        said = (asked or wrong or [str(error)])[0]
        raise ModelError(f"The page does not run in the browser: {said}") from error
    if asked or wrong:
        raise ModelError(f"The page asked for, or complained of: {(asked + wrong)[0]}")


def _wait_until_ready(page: Page, failed: Callable[[], bool]) -> None:
    """Wait until the page has started its model, but no longer once it has failed."""
    from playwright.sync_api import TimeoutError as TooLate

    end = time.monotonic() + _PATIENCE / 1000
    while True:
        try:
            page.wait_for_selector("#state", state="detached", timeout=_GLANCE)
            return
        except TooLate:
            if failed() or time.monotonic() > end:
                raise


@dataclass(frozen=True)
class Card:
    """What the page says of a picture: no scores where it cannot read it."""

    scores: Mapping[str, float]
    unknown: bool


def page_answers(page: Page, pictures: Sequence[Path]) -> list[Mapping[str, float]]:
    """The scores on the cards that the page makes of files."""
    return [card.scores for card in page_cards(page, pictures)]


def page_cards(page: Page, pictures: Sequence[Path]) -> list[Card]:
    """The cards that the page makes of files."""
    labels = page.evaluate("labels")
    made: list[Card] = []
    for start in range(0, len(pictures), _AT_A_TIME):
        some = pictures[start : start + _AT_A_TIME]
        page.evaluate("document.getElementById('cards').replaceChildren()")
        page.set_input_files("#files", [path.resolve() for path in some])
        finished = page.locator(".card:not(.waiting)").nth(len(some) - 1)
        finished.wait_for(state="attached", timeout=_PATIENCE)
        cards = page.evaluate(
            "[...document.querySelectorAll('.card')].reverse().map((card) =>"
            " [[...card.querySelectorAll('.row')].map((row) =>"
            " [row.dataset.label, Number(row.querySelector('data').value)]),"
            " card.classList.contains('unknown')])"
        )
        made += [
            Card({labels[int(number)]: score for number, score in rows}, unknown)
            for rows, unknown in cards
        ]
    return made


def _as_png(pictures: Sequence[Path], folder: Path) -> list[Path]:
    """The pixels that the model sees, as files that every decoder reads alike."""
    from PIL import Image

    written = []
    for number, path in enumerate(pictures):
        file = folder / f"{number}.png"
        Image.fromarray(read_picture(path)).save(file, compress_level=1)
        written.append(file)
    return written
