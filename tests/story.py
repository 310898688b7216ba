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
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

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
    dress = next(path for path in heroes.hard if path.name == "dress-from-behind-3.jpg")
    more = {label: tuple(paths[:6]) for label, paths in kept.items()}
    scene = Scene(folder, truth, more, dress)
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
        """The number that stands on a label's button."""
        names = self.page.get_by_role("group", name="Labels").get_by_role("button")
        texts = [one.replace("\n", "") for one in names.all_inner_texts()]
        return next(int(one[0]) for one in texts if one[0].isdigit() and one[1:] == label)

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
