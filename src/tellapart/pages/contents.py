"""A page's headings -> its table of contents, so that the two never differ.

On a wide screen it stays beside the page, on a small one it opens, and both without a script.
"""

from __future__ import annotations

import re

PLACE = "<!-- contents -->"
FEWEST = 3  # headings that are worth a table
_HEADING = re.compile(r'<h2 id="([^"]+)"(?: data-short="([^"]*)")?>(.*?)</h2>', re.DOTALL)


def with_contents(page: str) -> str:
    """The page with a table of its second headings at its `PLACE`; of few there is none.

    The headings are HTML already: what stands in them (a count, a mark) stands in the table. One
    that is long may say in `data-short` what the table calls it.
    """
    headings = _HEADING.findall(page)
    if len(headings) < FEWEST:
        return page.replace(PLACE, "", 1)
    rows = "".join(
        f'<li><a href="#{at}">{_row(short, what)}</a></li>' for at, short, what in headings
    )
    table = (
        '<nav class="toc" aria-label="Contents" tabindex="0"><details><summary>Contents '
        f'<span class="soft">{len(headings)}</span></summary><ol>{rows}</ol></details></nav>'
    )
    return page.replace(PLACE, table, 1)


def _row(short: str, heading: str) -> str:
    """The words in one element, or a `short` form of them, and a count or mark in another."""
    words, mark, rest = " ".join(heading.split()).partition("<span")
    return f"<span>{short or words.strip()}</span> {mark}{rest}"
