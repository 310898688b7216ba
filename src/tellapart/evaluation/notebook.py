"""Results -> a few lines of HTML for a notebook: no style sheet, no script, light and dark."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from ..text import label_words, percent, several
from .judged import Evaluation
from .occasions import Bursts
from .sentences import headline, proportion_words, verdict

_MOST = 10  # rows; the rest is counted
_BAR = "display:inline-block;height:.6em;border-radius:.15em;background:#2f7fc1"
_SOFT = "opacity:.7"


def prediction_html(scores: Mapping[str, float], unknown: bool) -> str:
    """The scores of one picture as bars, highest first."""
    label, score = next(iter(scores.items()))
    title = f"none of these (closest: {label_words(label)}" if unknown else label_words(label)
    head = f"{title}, score {score:.3f})" if unknown else f"{title} ({score:.3f})"
    rows = "".join(
        _row(label_words(name), f"{value:.3f}", bar=value)
        for name, value in list(scores.items())[:_MOST]
    )
    return f"<div><strong>{escape(head)}</strong>{_table(rows)}{_rest(len(scores))}</div>"


def evaluations_html(evaluations: Mapping[str, Evaluation], bursts: Bursts | None = None) -> str:
    """How good it is, and how good with each label; of several, the one to be believed."""
    name, main = headline(evaluations)
    lines = "".join(
        f'<br><span style="{_SOFT}">{escape(one.capitalize())}: '
        f"{escape(proportion_words(each.accuracy))}</span>"
        for one, each in evaluations.items()
    )
    head = _row("label", "precision", "recall", "F1", cell="th")
    rows = "".join(
        _row(label_words(row.label), *map(percent, (row.precision, row.recall, row.f1)))
        for row in main.per_label[:_MOST]
    )
    mistakes = main.wrong
    said = f"{several(mistakes, 'mistake')}: see report.html." if mistakes else "No mistakes."
    return (
        f"<div><strong>{escape(' '.join(verdict(main, name, bursts)))}</strong>{lines}"
        f'{_table(head + rows)}{_rest(len(main.labels))}<span style="{_SOFT}">{said}</span></div>'
    )


def pictures_html(words: str, pictures: Mapping[str, str]) -> str:
    """Pictures side by side, `data:` URLs by what they show, and a text below."""
    figures = "".join(
        f'<figure style="margin:0"><img src="{escape(data)}" alt="">'
        f'<figcaption style="{_SOFT}">{escape(name)}</figcaption></figure>'
        for name, data in pictures.items()
    )
    return f'<div><div style="display:flex;gap:1em">{figures}</div><p>{escape(words)}</p></div>'


def _table(rows: str) -> str:
    return f'<table style="margin:.5em 0">{rows}</table>'


def _row(first: str, *others: str, cell: str = "td", bar: float | None = None) -> str:
    cells = [f'<{cell} style="text-align:left">{escape(first)}</{cell}>']
    if bar is not None:
        filled = f'<span style="{_BAR};width:{10 * bar:.2f}em"></span>'
        cells.append(f'<td style="text-align:left;width:10em">{filled}</td>')
    cells += (f'<{cell} style="text-align:right">{escape(other)}</{cell}>' for other in others)
    return f"<tr>{''.join(cells)}</tr>"


def _rest(count: int) -> str:
    return f'<span style="{_SOFT}">and {count - _MOST:,} more<br></span>' if count > _MOST else ""
