"""A person who labels a heap in the studio: sees the page, knows the truth, and presses keys.

It is content if at most one in ten of what it accepts at once is wrong, as the aim is 90 % right;
with `content=0` it mends every picture that it sees to be wrong.
"""

from __future__ import annotations

import math
import random
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from studio import PATIENCE, Opened

PURE = 0.9  # of a pile has one label: then it is named
_SEEN = """() => {
  const tiles = [...document.querySelectorAll('.sheet [role=option]')];
  const picture = document.querySelector('.large img');
  return {
    piles: !!document.querySelector('.modes button:first-child[aria-pressed=true]'),
    title: document.querySelector('.head h2')?.textContent || '',
    names: picture ? [picture.alt]
      : tiles.map((one) => one.getAttribute('aria-label').split(',')[0]),
    columns: tiles.filter((one) => one.offsetTop === tiles[0].offsetTop).length,
    said: document.querySelector('.large figcaption')?.textContent || '',
    accepts: !!document.querySelector('.head .main:not([disabled])'),
    labels: [...document.querySelectorAll('.names button kbd')]
      .filter((one) => one.textContent !== '0')
      .map((one) => one.parentElement.textContent.slice(one.textContent.length)),
    empty: document.querySelector('.empty')?.textContent || '',
  };
}"""


def heap_of(pictures: Path, folder: Path, count: int) -> dict[str, str]:
    """Pictures below folders of their labels, copied loose into `folder` under names that do not
    tell; the labels by these names."""
    every = sorted(path for path in pictures.glob("*/*") if path.is_file())
    random.Random(1).shuffle(every)
    folder.mkdir()
    truth = {}
    for number, path in enumerate(every[:count]):
        name = f"{number:04d}{path.suffix}"
        shutil.copy(path, folder / name)
        truth[name] = path.parent.name
    return truth


def draw_shapes(folder: Path, each: int) -> Path:
    """Discs, boxes and stars on grounds of any colour, `each` in the folder of its name."""
    lot = random.Random(7)
    for label, corners in (("disc", 0), ("box", 4), ("star", 10)):
        (folder / label).mkdir(parents=True)
        for number in range(each):
            ground = tuple(lot.randrange(100, 200) for _ in range(3))
            picture = Image.new("RGB", (160, 120), ground)
            brush = ImageDraw.Draw(picture)
            middle, size = (lot.randrange(60, 100), lot.randrange(50, 70)), lot.randrange(30, 45)
            colour, turn = tuple(lot.randrange(60) for _ in range(3)), lot.random() / 2
            if not corners:
                brush.ellipse(
                    [middle[0] - size, middle[1] - size, *(at + size for at in middle)], colour
                )
            else:
                points = []
                for at in range(corners):
                    angle = turn + 2 * math.pi * at / corners
                    reach = size * (0.4 if label == "star" and at % 2 else 1)
                    along, down = reach * math.cos(angle), reach * math.sin(angle)
                    points.append((middle[0] + along, middle[1] + down))
                brush.polygon(points, colour)
            picture.save(folder / label / f"{number:03d}.png")
    return folder


@dataclass(frozen=True)
class Mark:
    """After so many keys, the share of all pictures that lie under their true label."""

    keys: int
    right: float


class Person:
    """Labels by keys alone, and counts them.

    Attributes:
        keys: that were pressed.
        looked: pictures that were shown and looked at, each as often as it came anew.
        screens: how often other pictures were shown.
        waited: seconds for the machine.
        trail: how the share of right labels went.
    """

    def __init__(
        self, page: Any, opened: Opened, truth: Mapping[str, str], content: float = 0.1
    ) -> None:
        self.page = page
        self.opened = opened
        self.truth = truth
        self.content = content
        self.keys = self.looked = self.screens = 0
        self.waited = 0.0
        self.trail = [Mark(0, 0.0)]

    def label_all(self, by: str = "pages", until: float = 1.0) -> None:
        """From piles to the last picture, or until so many are right; `by` "singles": no pages."""
        self.name_piles()
        self.wait()
        if self.seen()["piles"]:
            self.page.get_by_role("button", name="See the suggestions").wait_for()
            self.change(lambda: self.press(*["0"] * (2 if by == "singles" else 1)))
        while self.trail[-1].right < until and (seen := self.seen())["names"]:
            self.change(lambda seen=seen: self.page_or_picture(seen))
            if len(seen["names"]) > 1:  # people take a while to look at so many
                self.wait()
            self.note()

    def name_piles(self) -> None:
        """Name each pure pile that comes, until every label has one; of a label that has none
        after a round, the pile that has most of it, without the others."""
        wanted = set(self.truth.values())
        met: dict[str, list[str]] = {}  # the labels in each impure pile that was passed over
        while wanted and (seen := self.seen())["names"]:
            labels = [self.truth[one] for one in seen["names"]]
            label = max(sorted(set(labels)), key=labels.count)
            key = ",".join(sorted(seen["names"]))
            pure = labels.count(label) >= max(3, PURE * len(labels))
            if not pure and key in met:
                label = max(
                    sorted(wanted), key=lambda one: max(of.count(one) for of in met.values())
                )
                pure = labels.count(label) == max(of.count(label) for of in met.values())
            if pure:
                self.change(lambda label=label, seen=seen: self.name(label, seen))
                wanted -= {label}
                self.note()
            else:
                met[key] = labels
                self.change(lambda: self.press("."))

    def name(self, label: str, seen: dict[str, Any]) -> None:
        """A pile gets a label, but what would be too much of others is left out of it."""
        wrong = [at for at, name in enumerate(seen["names"]) if self.truth[name] != label]
        self.mark(wrong, seen, lambda _: " ", at=-1)
        self.give(label, seen, "Enter")

    def mark(
        self, wrong: list[int], seen: dict[str, Any], key: Callable[[int], str], at: int = 0
    ) -> None:
        """Mark the first of the wrong ones of a sheet, until few enough are left."""
        names = seen["names"]
        for to in wrong[: len(wrong) - int(self.content * len(names))]:
            self.press(*way(at, to, seen["columns"], len(names)), key(to))
            at = min(to + 1, len(names) - 1)

    def page_or_picture(self, seen: dict[str, Any]) -> None:
        label = seen["title"].rpartition(" like ")[2]
        names = seen["names"]
        if not label:
            [name] = names
            right = seen["said"].removeprefix(f"{name}: ").startswith(f"{self.truth[name]},")
            unsure = f"unsure: {self.truth[name]} " in seen["said"]
            if seen["accepts"] and (right or unsure):
                self.press("Enter")
            else:
                self.give(self.truth[name], seen, "")
            return
        most = max(sorted(set(self.truth.values())), key=[self.truth[one] for one in names].count)
        wrong = [at for at, name in enumerate(names) if self.truth[name] != label]
        others = [at for at, name in enumerate(names) if self.truth[name] != most]
        if len(wrong) > len(others) + 2 and most in seen["labels"]:
            self.press(f"Shift+Digit{seen['labels'].index(most) + 1}")
            wrong = others

        def key(at: int) -> str:
            other = self.truth[names[at]]
            return str(seen["labels"].index(other) + 1) if other in seen["labels"] else " "

        self.mark(wrong, seen, key)
        self.press("Enter")

    def give(self, label: str, seen: dict[str, Any], opens: str) -> None:
        """A label by its number, or by its name if it is new."""
        if label in seen["labels"]:
            self.press(str(seen["labels"].index(label) + 1))
        elif opens:
            self.press(opens, *label, "Enter")
        else:  # a letter that begins no label opens the name; else its first label would be given
            first = [one for one in seen["labels"] if one[0] == label[0]]
            assert len(first) != 1, "not needed by these labels"
            self.press(*label, "Enter")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press("Space" if key == " " else key)
            self.keys += 1 + key.startswith("Shift+")

    def seen(self) -> dict[str, Any]:
        """What the page shows, once it shows something."""
        end = time.monotonic() + PATIENCE
        while True:
            found: dict[str, Any] = self.page.evaluate(_SEEN)
            if found["names"] or "Every picture has a label" in found["empty"]:
                return found
            assert time.monotonic() < end, found
            time.sleep(0.05)

    def sees(self, names: list[str]) -> None:
        """Wait until the page shows these pictures."""
        end = time.monotonic() + PATIENCE
        while (now := self.seen())["names"] != names:
            assert time.monotonic() < end, now
            time.sleep(0.02)

    def change(self, act: Any) -> None:
        """Do what makes the page show other pictures, and see it."""
        before = self.seen()
        self.looked += len(before["names"])
        self.screens += 1
        act()
        end = time.monotonic() + PATIENCE
        shown = ("names", "piles")
        while all((now := self.seen())[one] == before[one] for one in shown):
            assert time.monotonic() < end, now
            time.sleep(0.02)

    def wait(self) -> None:
        """Until the machine is done with what was labelled."""
        begun = time.monotonic()
        self.opened.wait(lambda state: not state["training"]["waiting"])
        while self.opened.ask("/api/heap").json["doing"]:
            time.sleep(0.02)
        time.sleep(0.25)
        self.waited += time.monotonic() - begun

    def note(self) -> None:
        """How it stands, for the trail."""
        self.trail.append(Mark(self.keys, self.right()))

    def right(self) -> float:
        """The share of all pictures that lie under their true label."""
        there = self.opened.pictures().values()
        good: list[bool] = [
            one["label"] == self.truth[one["name"].rpartition("/")[2]] for one in there
        ]
        return sum(good) / len(self.truth)


def way(at: int, to: int, columns: int, count: int) -> list[str]:
    """The arrows from one picture of a sheet to another; any leads from none, -1, to the first."""
    if at < 0:
        return ["ArrowRight", *way(0, to, columns, count)]
    down, along = to // columns - at // columns, to % columns - at % columns
    vertical = ["ArrowDown" if down > 0 else "ArrowUp"] * abs(down)
    straight = ["ArrowRight" if to > at else "ArrowLeft"] * abs(to - at)
    sideways = ["ArrowRight" if along > 0 else "ArrowLeft"] * abs(along)
    if len(straight) <= len(vertical) + len(sideways):
        return straight
    below = at + down * columns < count
    return vertical + sideways if below else sideways + vertical
