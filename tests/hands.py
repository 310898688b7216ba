"""What a person does in the studio's page, by mouse, by finger or by keys alone, and counted."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from studio import PATIENCE

Point = tuple[float, float]
MOST_TABS = 150  # from one end of a page to the other

WHERE = """(one) => {
    const now = document.activeElement;
    if (one === now) return "here";
    if (!now || now === document.body) return "before";
    const follows = now.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING;
    return follows ? "before" : "behind";
}"""

# How what has the focus shows that it has; an empty text where nobody could see it.
SHOWN = """() => {
    const one = document.activeElement;
    const style = getComputedStyle(one);
    const outline = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
    return outline ? "outline" : style.boxShadow !== "none" ? "shadow" : "";
}"""

# Where the brush's edges are on the picture, in fractions of its sides.
BRUSH = """() => ["left", "right", "top", "bottom"].map((edge) =>
    Number(document.querySelector(".canvas .brush").style.getPropertyValue(`--${edge}`)))"""


class Hand(ABC):
    """Does something on a page and counts it: `keys`, and `clicks` or touches."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.keys = 0
        self.clicks = 0

    @abstractmethod
    def press(self, what: Any) -> None:
        """Press a button, follow a link, or go into a field."""

    def key(self, name: str) -> None:
        self.keys += 1
        self.page.keyboard.press(name)

    def write(self, field: Any, text: str) -> None:
        """Go into a field and write; every letter is a key."""
        self.press(field)
        self.keys += len(text)
        self.page.keyboard.type(text)

    @contextmanager
    def holding(self, what: Any) -> Iterator[None]:
        """Hold a button down for a while."""
        self.clicks += 1
        what.hover()
        self.page.mouse.down()
        yield
        self.page.mouse.up()

    def stroke(self, sheet: Any, points: Sequence[Point]) -> None:
        """Paint from point to point, each in fractions of the sheet's sides."""
        self.clicks += 1
        box = sheet.bounding_box()
        first, *others = [
            (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points
        ]
        self._down(*first)
        for place in others:
            self._move(*place)
        self._up()

    def _down(self, x: float, y: float) -> None:
        self.page.mouse.move(x, y)
        self.page.mouse.down()

    def _move(self, x: float, y: float) -> None:
        self.page.mouse.move(x, y, steps=8)

    def _up(self) -> None:
        self.page.mouse.up()

    def give(self, files: Sequence[Path], button: Any, onto: Any) -> None:
        """Bring files in: through a button that lets one choose, or dropped onto a place."""
        with self.page.expect_file_chooser() as chooser:
            self.press(button)
        chooser.value.set_files(files)

    def go(self, part: str) -> None:
        """Open a part of the studio, such as "Label"."""
        self.press(self.page.get_by_role("link", name=part, exact=True))
        name = self.page.get_by_role("navigation", name="Parts of the studio")
        name.get_by_role("link", name=part, exact=True).and_(
            self.page.locator("[aria-current=page]")
        ).wait_for()


class Mouse(Hand):
    def press(self, what: Any) -> None:
        self.clicks += 1
        what.click()

    def give(self, files: Sequence[Path], button: Any, onto: Any) -> None:
        self.clicks += 1
        onto.scroll_into_view_if_needed()
        box = onto.bounding_box()
        place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        named = {"items": [], "files": [str(path) for path in files], "dragOperationsMask": 1}
        session = self.page.context.new_cdp_session(self.page)
        for kind in ("dragEnter", "dragOver", "drop"):
            session.send("Input.dispatchDragEvent", {"type": kind, **place, "data": named})
        session.detach()


class Finger(Hand):
    """One that needs 44 pixels, and scrolls in one direction only."""

    @cached_property
    def touches(self) -> Any:
        """What tells the browser of a finger that stays down, which knows when it came."""
        return self.page.context.new_cdp_session(self.page)

    def press(self, what: Any) -> None:
        self.clicks += 1
        what.scroll_into_view_if_needed()
        box = what.bounding_box()
        assert min(box["width"], box["height"]) >= 44, what
        what.tap()

    @contextmanager
    def holding(self, what: Any) -> Iterator[None]:
        self.clicks += 1
        what.scroll_into_view_if_needed()
        box = what.bounding_box()
        self._down(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        yield
        self._up()

    def _down(self, x: float, y: float) -> None:
        self._touch("touchStart", {"x": x, "y": y})

    def _move(self, x: float, y: float) -> None:
        self._touch("touchMove", {"x": x, "y": y})
        self.page.wait_for_timeout(150)  # it rests there: one that leaves at full speed throws
        self._touch("touchMove", {"x": x, "y": y})

    def _up(self) -> None:
        self._touch("touchEnd")

    def _touch(self, kind: str, *places: dict[str, float]) -> None:
        self.touches.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [*places]})

    def go(self, part: str) -> None:
        super().go(part)
        wide = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{part} is {wide} pixels too wide"


class Keys(Hand):
    """Never a mouse: Tab to what is wanted, seen at each place, and then Enter."""

    def press(self, what: Any) -> None:
        self.reach(what)
        if what.evaluate("(one) => !one.matches('input, select, [role=application]')"):
            self.key("Enter")

    @contextmanager
    def holding(self, what: Any) -> Iterator[None]:
        self.reach(what)
        self.keys += 1
        self.page.keyboard.down(" ")
        yield
        self.page.keyboard.up(" ")

    def stroke(self, sheet: Any, points: Sequence[Point]) -> None:
        self.reach(sheet)
        first, *others = points
        self._walk(first)
        self.keys += 1
        self.page.keyboard.down(" ")
        for place in others:
            self._walk(place)
        self.page.keyboard.up(" ")

    def _walk(self, to: Point) -> None:
        """Move the brush by arrows until it is as near as its steps let it come."""
        for _ in range(MOST_TABS):
            left, right, top, bottom = self.page.evaluate(BRUSH)
            across, down = to[0] - (left + right) / 2, to[1] - (top + bottom) / 2
            aside, below = abs(across) > (right - left) / 6, abs(down) > (bottom - top) / 6
            if not (aside or below):
                return
            if aside:
                self.key("ArrowRight" if across > 0 else "ArrowLeft")
            else:
                self.key("ArrowDown" if down > 0 else "ArrowUp")
        raise AssertionError(f"no arrows lead to {to}")

    def reach(self, what: Any) -> None:
        what.wait_for()
        for _ in range(MOST_TABS):
            where = what.evaluate(WHERE)
            if where == "here":
                assert self.page.evaluate(SHOWN), f"nobody sees the focus on {what}"
                return
            self.key("Tab" if where == "before" else "Shift+Tab")
        raise AssertionError(f"no Tab leads to {what}")


def until(page: Any, holds: Any) -> Any:
    """Wait until a function gives something; the page's policy forbids playwright's own waiting."""
    end = time.monotonic() + PATIENCE
    while not (found := holds()):
        assert time.monotonic() < end, (holds, page.locator("main").inner_text())
        page.wait_for_timeout(30)
    return found
