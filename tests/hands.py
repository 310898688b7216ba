"""What a person does in the studio's page, by mouse, by finger or by keys alone, and counted."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import Any

from studio import PATIENCE

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


class Finger(Hand):
    """One that needs 44 pixels, at least in one direction, and scrolls in no more than one."""

    def press(self, what: Any) -> None:
        self.clicks += 1
        what.scroll_into_view_if_needed()
        box = what.bounding_box()
        assert max(box["width"], box["height"]) >= 44, what
        assert min(box["width"], box["height"]) >= 24, what
        what.tap()

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
