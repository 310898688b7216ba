"""A page's headings -> its table of contents, so that the two never differ.

On a wide screen it stays beside the page, on a small one it opens, and both without a script.
"""

from __future__ import annotations

import re

PLACE = "<!-- contents -->"
FEWEST = 3  # headings that are worth a table
_HEADING = re.compile(r'<h2 id="([^"]+)">(.*?)</h2>', re.DOTALL)


def with_contents(page: str) -> str:
    """The page with a table of its second headings at its `PLACE`; of few there is none.

    The headings are HTML already: what stands in them (a count, a mark) stands in the table.
    """
    headings = _HEADING.findall(page)
    if len(headings) < FEWEST:
        return page.replace(PLACE, "", 1)
    rows = "".join(f'<li><a href="#{at}">{_row(what)}</a></li>' for at, what in headings)
    table = (
        '<nav class="toc" aria-label="Contents"><details><summary>Contents '
        f'<span class="soft">{len(headings)}</span></summary><ol>{rows}</ol></details></nav>'
    )
    return page.replace(PLACE, table, 1)


def _row(heading: str) -> str:
    """The words in one element and a count or mark after them in another."""
    words, mark, rest = " ".join(heading.split()).partition("<span")
    return f"<span>{words.strip()}</span> {mark}{rest}"
