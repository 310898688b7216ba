"""What axe-core finds wrong with a page for those who do not see it, or not well."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any

SCHEMES = ("light", "dark")
WIDTHS = ((1280, 800), (390, 844))
RUN = """async () => {
    const found = await axe.run(document, { resultTypes: ["violations"] });
    return found.violations
        .filter((one) => ["serious", "critical"].includes(one.impact))
        .flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 160)}`
            + ` (${node.failureSummary.split("\\n").slice(1, 3).join(" ").trim()})`));
}"""


@cache
def _axe() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")


def faults(page: Any) -> list[str]:
    """Serious and critical ones of a page as it is; its context has to have `bypass_csp`."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_axe())
    found: list[str] = page.evaluate(RUN)
    return found


def faults_everywhere(page: Any) -> list[str]:
    """The same in light and dark, and at the width of a screen and of a phone."""
    found = []
    for scheme, (width, height) in product(SCHEMES, WIDTHS):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(50)
        found += [f"{scheme}, {width}: {one}" for one in faults(page)]
    page.set_viewport_size({"width": WIDTHS[0][0], "height": WIDTHS[0][1]})
    return found
