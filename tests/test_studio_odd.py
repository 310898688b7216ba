"""What goes wrong below the studio's page, or is asked of it in an odd way, leaves it standing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from labelling_person import draw_shapes
from studio import Opened, browser, page_of, studio

pytestmark = pytest.mark.slow

BLOCKED = """Object.defineProperty(window, "localStorage", {
  get() { throw new DOMException("blocked", "SecurityError"); } })"""
BROKEN = """window.fetch = async () => new Response(new ReadableStream({
  start(it) { it.error(new TypeError("network")); } }))"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    folder = tmp_path_factory.mktemp("odd")
    draw_shapes(folder / "shapes", 3)
    with studio(folder / "shapes") as found:
        yield found


@pytest.fixture(scope="module")
def page(opened: Opened) -> Iterator[Any]:
    with browser() as chromium:
        found = page_of(chromium, opened.link)
        found.context.add_init_script(BLOCKED)
        found.reload()  # all of it on a page that can keep nothing
        yield found


def test_a_part_that_fails_leaves_the_others_and_opens_again(page: Any) -> None:
    page.locator("main[aria-busy=false]").wait_for()
    page.evaluate(
        """async () => {
          const { store, update } = await import("/page/store.js");
          window.put = (labels) => update({ labels, revision: store.revision + 1 });
          window.held = store.labels;
          put(null);
        }"""
    )
    page.get_by_text("Something went wrong in this part of the page.").wait_for()
    page.evaluate("put(held)")
    page.get_by_role("button", name="Open it again").click()
    page.get_by_role("button", name="Rename box").wait_for()


def test_odd_addresses_open(page: Any, opened: Opened) -> None:
    page.goto(f"{opened.address}/?#/mend/confusion/%")
    page.get_by_role("link", name="Mix-ups").wait_for()
    page.goto(f"{opened.address}/?#/why/abc")
    page.get_by_role("dialog").get_by_text("This address names no picture").wait_for()
    page.keyboard.press("Escape")


def test_enter_with_nothing_typed_moves_nothing(page: Any, opened: Opened) -> None:
    page.goto(f"{opened.address}/?#/collect")
    page.get_by_role("option").first.click()
    page.keyboard.press("m")
    field = page.get_by_role("dialog").get_by_role("textbox")
    field.press("Enter")
    field.wait_for()
    assert all(one["label"] for one in opened.pictures().values())
    page.keyboard.press("Escape")


def test_an_answer_that_breaks_off_is_a_server_that_is_gone(page: Any) -> None:
    found = page.evaluate(
        """async () => {
          const { get, post, Problem } = await import("/page/api.js");
          eval(broken);
          const asked = [get("/x"), post("/x")].map((one) => one.catch((error) => error));
          const errors = await Promise.all(asked);
          return errors.map((error) => error instanceof Problem && error.status);
        }""".replace("eval(broken)", BROKEN)
    )
    assert found == [0, 0]
