"""The story that the studio is for, in steps that a test and a benchmark walk: a heap of pictures
becomes labels, more come by webcam and by drop, it trains, a picture is tested, painted until the
answer flips, a wrong label is found and mended, all of it is undone and done again, and the model
is taken out.

Who labels knows what each picture shows, and reads it off what the page says of the picture; every
other thing is found by its role and name.
"""

from __future__ import annotations

import io
import random
import re
import shutil
import time
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from drawn import run
from hands import Hand, Keys, until
from studio import Opened
from tellapart.demo.walk import DemoPictures

KNIGHT, QUEEN = "dark_knight", "ice_queen"
FLAGS = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
WIDE = {"viewport": {"width": 1280, "height": 800}}
NARROW = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}
ROWS = (0.3, 0.5, 0.7, 0.9, 0.1)  # of a picture, to be painted over
BARS = (
    """() => [...document.querySelectorAll("dialog [role=meter]")].map((one) => one.ariaValueNow)"""
)
OWN = ".tellapart-studio"
FEW = 9  # pictures of each label, with which it begins to suggest


@dataclass(frozen=True)
class Step:
    """What one step took: seconds with all waiting, keys, and clicks or touches."""

    name: str
    seconds: float
    keys: int
    clicks: int


@dataclass(frozen=True)
class Scene:
    """The pictures of a story: a folder of a heap, what each of its pictures shows, and pictures
    from elsewhere."""

    folder: Path
    truth: Mapping[str, str]
    more: Mapping[str, tuple[Path, ...]]  # to be brought in, by label
    tested: Path  # an ice queen

    @property
    def film(self) -> Path:
        return self.folder.with_name("queen.mjpeg")


def lay_out(heroes: DemoPictures, place: Path, count: int) -> Scene:
    """So many of the demo's pictures as a heap in a folder at `place`, and a film of a queen, the
    last of those that were kept back."""
    folder = place / "photos"
    folder.mkdir(parents=True)
    every = sorted(heroes.photos.glob("*/*.jpg"))
    random.Random(7).shuffle(every)
    truth = {}
    for number, path in enumerate(every[:count], 1):
        name = f"IMG_{number:04d}.jpg"
        shutil.copy(path, folder / name)
        truth[name] = path.parent.name
    kept = {one: sorted(heroes.kept_back.glob(f"{one}/0*.jpg")) for one in (KNIGHT, QUEEN)}
    more = {KNIGHT: tuple(kept[KNIGHT][10:16]), QUEEN: tuple(kept[QUEEN][:6])}  # no two of one name
    scene = Scene(folder, truth, more, heroes.kept_back / QUEEN / "008.jpg")
    with Image.open(heroes.kept_back / QUEEN / "009.jpg") as queen:
        film = io.BytesIO()
        queen.convert("RGB").resize((640, 480)).save(film, "JPEG", quality=92)
        scene.film.write_bytes(film.getvalue() * 2)
    return scene


def files(folder: Path) -> dict[str, bytes | None]:
    """All that is below a folder but the studio's own, folders too."""
    found = sorted(path for path in folder.rglob("*") if OWN not in path.parts)
    names = [path.relative_to(folder).as_posix() for path in found]
    return {
        name: path.read_bytes() if path.is_file() else None
        for name, path in zip(names, found, strict=True)
    }


# What is in front in Label: its name, the names of its pictures, and what would be accepted.
FRONT = """() => {
    const front = document.querySelector("main section[aria-label]");
    if (!front) return { name: document.querySelector("main").innerText, pictures: [], accept: "" };
    const pictures = [...front.querySelectorAll("[role=option]")].map((one) => one.ariaLabel);
    const single = front.querySelector("figure img");
    const main = [...front.querySelectorAll("button:enabled")]
        .find((one) => one.innerText.startsWith("Accept "));
    return { name: front.ariaLabel, pictures: single ? [single.alt] : pictures,
        accept: main ? main.innerText : "" };
}"""


@dataclass
class Story:
    """A person with a studio's page."""

    opened: Opened
    page: Any
    hand: Hand
    scene: Scene
    steps: list[Step] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        begun, keys, clicks = time.perf_counter(), self.hand.keys, self.hand.clicks
        yield
        seconds = time.perf_counter() - begun
        self.steps.append(Step(name, seconds, self.hand.keys - keys, self.hand.clicks - clicks))

    # Label

    def name_piles(self) -> None:
        """Say what each pile shows, the odd ones of it left out, until there is enough to learn."""
        self.hand.go("Label")
        until(self.page, lambda: self._front()[0].startswith("Pile "))
        left = self._unlabelled()
        while left and not self._is_enough():
            _, pictures, _ = until(self.page, self._answerable)
            label, odd = self._of(pictures)
            self._leave_out(pictures, odd)
            self._name(label)
            left = self._labelled(left, len(pictures) - len(odd))
        see = self.page.get_by_role("button", name="See the suggestions")
        see.wait_for()
        if isinstance(self.hand, Keys):
            self.hand.key("0")
        else:
            self.hand.press(see)
        see.wait_for(state="detached")

    def _front(self) -> tuple[str, list[str], str]:
        found = self.page.evaluate(FRONT)
        names = [one.split(",")[0] for one in found["pictures"]]
        return found["name"], names, found["accept"].split("\n")[0].strip()

    def _of(self, pictures: list[str]) -> tuple[str, list[str]]:
        """What most of them show, and those that show something else."""
        shown = Counter(self.scene.truth[one] for one in pictures)
        label = shown.most_common(1)[0][0]
        return label, [one for one in pictures if self.scene.truth[one] != label]

    def _is_enough(self) -> bool:
        learn = [one["learn"] for one in self.opened.state()["labels"]]
        return len(learn) > 1 and min(learn) >= FEW

    def _unlabelled(self) -> int:
        return sum(one["part"] == "heap" for one in self.opened.pictures().values())

    def _labelled(self, before: int, count: int) -> int:
        """How many are left once so many more have a label."""
        until(self.page, lambda: self._unlabelled() <= before - count)
        return before - count

    def _tile(self, name: str) -> Any:
        return self.page.get_by_role("option", name=re.compile(f"^{re.escape(name)},"))

    def _walk_to(self, pictures: list[str], name: str) -> None:
        """By arrows, as one walks in a grid."""
        boxes = {one: self._tile(one).bounding_box() for one in pictures}
        columns = sum(one["y"] == boxes[pictures[0]]["y"] for one in boxes.values())
        for _ in range(len(pictures)):
            at = self.page.evaluate("document.activeElement.ariaLabel || ''").split(",")[0]
            now = pictures.index(at) if at in pictures else -1
            far = pictures.index(name) - now
            if not far:
                return
            if now < 0:
                self.hand.key("ArrowRight")
            elif abs(far) >= columns:
                self.hand.key("ArrowDown" if far > 0 else "ArrowUp")
            else:
                self.hand.key("ArrowRight" if far > 0 else "ArrowLeft")
        raise AssertionError(f"no arrows lead to {name}")

    def _leave_out(self, pictures: list[str], odd: list[str]) -> None:
        for name in odd:
            if isinstance(self.hand, Keys):
                self._walk_to(pictures, name)
                self.hand.key(" ")
            else:
                self.hand.press(self._tile(name))
            self.page.get_by_role("option", name=f"{name}, left out").wait_for()

    def _name(self, label: str) -> None:
        known = [one["name"] for one in self.opened.state()["labels"]]
        names = self.page.get_by_role("group", name="Labels")
        if label in known:
            at = known.index(label)
            if isinstance(self.hand, Keys):
                self.hand.key(str(self._place(label)))
            else:
                self.hand.press(names.get_by_role("button", name=known[at]))
            return
        if isinstance(self.hand, Keys):
            self.hand.key("Enter")
        else:
            self.hand.press(self.page.get_by_role("button", name="Name this pile"))
        name = self.page.get_by_role("combobox", name="Name of the label")
        name.wait_for()
        self.hand.keys += len(label)
        self.page.keyboard.type(label)
        self.hand.key("Enter")

    def _place(self, label: str) -> int:
        """The number that stands on a label's button, once it has one."""
        names = self.page.get_by_role("group", name="Labels").get_by_role("button")

        def numbers() -> list[int]:
            texts = [one.replace("\n", "") for one in names.all_inner_texts()]
            return [int(one[0]) for one in texts if one[0].isdigit() and one[1:] == label]

        return int(until(self.page, numbers)[0])

    def accept_suggestions(self) -> None:
        """A page of one suggestion or a picture at a time, until every picture has its label."""
        left = self._unlabelled()
        while left:
            name, pictures, accept = until(self.page, self._answerable)
            if name == "One picture":
                label = self.scene.truth[pictures[0]]
                if accept == f"Accept {label}":
                    self._accept(accept)
                else:
                    self._name(label)
                left = self._labelled(left, 1)
            else:
                label = name.rpartition(" look like ")[2] or name.rpartition(" looks like ")[2]
                odd = [one for one in pictures if self.scene.truth[one] != label]
                self._leave_out(pictures, odd)
                self._accept(f"Accept {len(pictures) - len(odd)}")
                left = self._labelled(left, len(pictures) - len(odd))
        self.page.get_by_text("Every picture has a label.").wait_for()

    def _answerable(self) -> tuple[str, list[str], str] | None:
        found = self._front()
        there = {name for name, one in self.opened.pictures().items() if one["part"] == "heap"}
        return found if found[1] and set(found[1]) <= there else None

    def _accept(self, what: str) -> None:
        if isinstance(self.hand, Keys):
            self.hand.key("Enter")
        else:
            self.hand.press(self.page.get_by_role("button", name=what))

    # Collect, Train and Test

    def drop_files(self) -> None:
        """More pictures into both labels, one of them into the wrong one."""
        self.hand.go("Collect")
        knights, queens = (self.scene.more[label] for label in (KNIGHT, QUEEN))
        for label, paths in ((KNIGHT, (*knights, queens[0])), (QUEEN, queens[1:])):
            button = self.page.get_by_role("button", name=f"Add pictures to {label}")
            named = self.page.get_by_role("complementary", name="Labels")
            self.hand.give(paths, button, named.get_by_role("button", name=label))
            last = self.scene.folder / label / paths[-1].name
            until(self.page, last.exists)
        until(self.page, lambda: self._learnt() == len(self.scene.truth) + 12)

    def _learnt(self) -> int:
        return sum(one["learn"] for one in self.opened.state()["labels"])

    def capture(self) -> None:
        """Some pictures by the webcam, as one change."""
        before = self._learnt()
        self.hand.press(self.page.get_by_role("button", name="Webcam", exact=True))
        self.page.get_by_text("Camera on").wait_for()
        self.hand.write(self.page.get_by_label("Label", exact=True), QUEEN)
        with self.hand.holding(self.page.get_by_role("button", name="Hold to record")):
            count = "Number(document.querySelector('.recording')?.textContent) >= 4"
            until(self.page, lambda: self.page.evaluate(count))
        said = self.page.get_by_text(re.compile("^[0-9]+ pictures recorded")).inner_text()
        until(self.page, lambda: self._learnt() == before + int(said.split()[0]))
        self._close()

    def trained(self) -> dict[str, Any]:
        """How training stands once it has settled."""

        def settled(state: dict[str, Any]) -> bool:
            training = state["training"]
            return training["round"] > 0 and not training["doing"] and not training["waiting"]

        found: dict[str, Any] = self.opened.wait(settled)["training"]
        return found

    def train(self) -> None:
        """Only look: it trains by itself."""
        self.hand.go("Train")
        training = self.trained()
        right = f"{100 * training['value']:.1f}%"
        enough = self.page.get_by_role("region", name="Have I done enough?")
        enough.get_by_text(right, exact=True).wait_for()

    def test(self) -> None:
        """A picture from elsewhere, and what is before the webcam."""
        self.hand.go("Test")
        webcam = self.page.get_by_role("button", name="Webcam")
        self.hand.press(webcam)
        self.page.get_by_role("heading", name=QUEEN).wait_for()
        self.page.get_by_text(re.compile("^[0-9.]+ a second")).wait_for()
        self.hand.press(webcam)
        choose = self.page.get_by_role("button", name="Choose pictures")
        self.hand.give([self.scene.tested], choose, self.page.get_by_role("region", name="Picture"))
        self.page.get_by_role("img", name=self.scene.tested.name).wait_for()
        self.page.get_by_role("heading", name=QUEEN).wait_for()

    # Why

    def paint(self) -> str:
        """Paint the tested queen dark, row by row, until the answer is another; what is said."""
        self.hand.press(self.page.get_by_role("button", name="Why?"))
        sheet = self.page.get_by_role("application")
        self.page.locator(".canvas canvas[width]").wait_for()
        self._take_dark(sheet)
        self._take_large(sheet)
        said = ""
        for row in ROWS:
            before = self._bars()
            self.hand.stroke(sheet, [(0.2, row), (0.8, row)])
            until(self.page, lambda: self._bars() != before)  # noqa: B023
            said = self._turn()
            if said.startswith("The answer flipped"):
                break
        self._close()
        return said

    def _bars(self) -> list[str]:
        """What the bars say, when they have not moved for a moment."""
        while True:
            found = self.page.evaluate(BARS)
            self.page.wait_for_timeout(200)
            if found == self.page.evaluate(BARS):
                return found  # type: ignore[no-any-return]

    def _turn(self) -> str:
        """What painting has done to the answer."""
        said = self.page.get_by_role("status").filter(has_text=re.compile("It stays|The answer"))
        return str(said.inner_text())

    def _take_dark(self, sheet: Any) -> None:
        """A dark colour, by the browser's own panel, or off the picture with keys alone."""
        if not isinstance(self.hand, Keys):
            self.hand.clicks += 1
            self.page.get_by_label("Colour", exact=True).fill("#101014")
            return
        with Image.open(self.scene.tested) as image:
            small = np.asarray(image.convert("L").resize((16, 16)))
        down, across = divmod(int(small.argmin()), 16)
        self.hand.press(self.page.get_by_role("button", name="Pick a colour (Alt)"))
        self.hand.stroke(sheet, [((across + 0.5) / 16, (down + 0.5) / 16)])
        brush = self.page.get_by_role("button", name="Brush", exact=True)
        brush.and_(self.page.locator("[aria-pressed=true]")).wait_for()

    def _take_large(self, sheet: Any) -> None:
        """A brush that reaches over a row."""
        if isinstance(self.hand, Keys):
            self.hand.reach(sheet)
            for _ in range(3):
                self.hand.key("+")
            return
        size = self.page.get_by_label("Size", exact=True)
        self.hand.clicks += 1
        size.fill(str(2 * int(size.input_value())))

    def _close(self) -> None:
        """Leave what is open over the page."""
        dialog = self.page.get_by_role("dialog")
        if isinstance(self.hand, Keys):
            self.hand.key("Escape")
        else:
            self.hand.press(dialog.locator("header").get_by_role("button", name="Close"))
        dialog.wait_for(state="detached")

    # Mend, undo and redo, Share

    def mend(self) -> tuple[float, float]:
        """Answer the card of the wrong label; the scores before and after."""
        self.hand.go("Mend")
        wrong = self.scene.more[QUEEN][0].name
        self.hand.press(self.page.get_by_role("button", name="Wrong labels"))
        card = self.page.get_by_role("article")
        while not card.get_by_text(f"{KNIGHT}/{wrong}").count():
            answered = card.get_by_role("heading").element_handle()
            self._answer("s", "Skip")
            until(self.page, partial(answered.evaluate, "(one) => !one.isConnected"))
        before = self.trained()
        self._answer("y", f"Relabel to {QUEEN}")
        self.opened.wait(lambda now: now["training"]["round"] > before["round"])
        after = self.trained()
        shown = self.page.locator(".moved strong").first
        until(self.page, lambda: shown.inner_text() == f"{100 * after['moved'][0]['now']:.1f}%")
        return right_of(before), right_of(after)

    def _answer(self, key: str, name: str) -> None:
        if isinstance(self.hand, Keys):
            self.hand.key(key)
        else:
            answers = self.page.get_by_role("group", name="Answers")
            self.hand.press(answers.get_by_role("button", name=name))

    def undo(self) -> int:
        """Take everything back; how many changes that were."""
        return self._all_of("Undo", "Control+z", "undo")

    def redo(self) -> int:
        return self._all_of("Redo", "Control+Shift+z", "redo")

    def _all_of(self, name: str, key: str, kind: str) -> int:
        count = 0
        while (state := self.opened.state())[kind]:
            if isinstance(self.hand, Keys):
                self.hand.key(key)
            else:
                self.hand.press(self.page.get_by_role("button", name=name, exact=True))
            self.opened.wait(lambda now: now["revision"] != state["revision"])
            count += 1
        button = self.page.get_by_role("button", name=name, exact=True)
        until(self.page, button.is_disabled)
        return count

    def share(self) -> bytes:
        """Export with its proof, and take the model away: the bytes of its zip."""
        self.trained()
        self.hand.go("Share")
        self.hand.press(self.page.get_by_role("button", name="Export onnx", exact=True))
        self.page.get_by_text(re.compile("^Proved on [0-9]+ pictures")).wait_for()
        with self.page.expect_download() as download:
            self.hand.press(self.page.get_by_role("link", name="Download as a zip"))
        return Path(download.value.path()).read_bytes()


def tell(story: Story) -> None:
    """The whole of it, with what has to be so after each step."""
    folder = story.scene.folder
    begun = files(folder)
    with story.step("piles named"):
        story.name_piles()
    with story.step("suggestions accepted"):
        story.accept_suggestions()
    assert labelled(story.scene) == story.scene.truth
    with story.step("files dropped"):
        story.drop_files()
    with story.step("webcam recorded"):
        story.capture()
    with story.step("trained"):
        story.train()
    with story.step("tested"):
        story.test()
    with story.step("painted"):
        said = story.paint()
    assert said.startswith(f"The answer flipped: {QUEEN}"), said
    with story.step("mended"):
        before, after = story.mend()
    assert after >= before  # luck may turn another picture
    done = files(folder)
    with story.step("undone"):
        changes = story.undo()
    assert files(folder) == begun
    with story.step("redone"):
        assert story.redo() == changes
    assert files(folder) == done
    with story.step("shared"):
        shared = story.share()
    own = folder.with_name("trained")
    told = run("train", folder, "--quality", "fast", "--quiet", "-o", own)
    assert told.code == 0, told.err
    with zipfile.ZipFile(io.BytesIO(shared)) as archive:
        assert archive.read("photos-model/model.onnx") == (own / "model.onnx").read_bytes()


def right_of(training: Mapping[str, Any]) -> float:
    """Which part of all that was judged the newest model gets right."""
    judged = training["moved"]
    return float(sum(one["now"] * one["n"] for one in judged) / sum(one["n"] for one in judged))


def labelled(scene: Scene) -> dict[str, str]:
    """The label of each picture of the heap, as the folders say it now."""
    return {path.name: path.parent.name for path in scene.folder.glob("*/IMG_*.jpg")}
