"""Results -> the model card: README.md under the headings of Hugging Face's template.

It says only what the run knows. About the data it says that their origin is unknown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from ..backbones.graph import in_whole_numbers, is_rooted
from ..evaluation.judged import Evaluation
from ..evaluation.metrics import Estimate, Proportion
from ..evaluation.occasions import Bursts
from ..evaluation.sentences import (
    bounds,
    calibration_words,
    compared_words,
    estimate_words,
    head_words,
    headline,
    proportion_words,
    sure_words,
    title,
    unknown_words,
    verdict,
)
from ..model.classifier import Classifier
from ..pages.render import environment
from ..text import in_order, label_words, percent, several, shown

if TYPE_CHECKING:
    import jinja2

HELD_OUT = "held out"
MOST_ROWS = 1_000  # labels that are listed
OWN = "own"  # the quality of a model on the user's own backbone, whose licence nobody told us
_MARKS = str.maketrans({mark: f"\\{mark}" for mark in "\\`*[]|"})


def model_card(classifier: Classifier, evaluations: Mapping[str, Evaluation]) -> str:
    """The model folder's README.md, front matter included."""
    name, main = headline(evaluations)
    manifest, record = classifier.manifest, classifier.training_record
    bursts = record.run.bursts if record else Bursts()
    return (
        _environment()
        .get_template("card.md")
        .render(
            title=title(manifest.labels),
            manifest=manifest,
            rooted=is_rooted(classifier.content),
            whole_numbers=in_whole_numbers(classifier.content),
            order=in_order(manifest.labels)[:MOST_ROWS],
            run=record.run if record else None,
            evaluations=evaluations,
            name=name,
            main=main,
            verdict=verdict(main, name, bursts),
            bursts=bursts,
            license="unknown" if manifest.quality == OWN else "apache-2.0",
            size=len(classifier.content),
            sha256=classifier.digest,
            values=[
                (kind, words, value)
                for name, evaluation in evaluations.items()
                for kind, words, value in _values(name, evaluation, bursts)
            ],
        )
    )


def _values(name: str, evaluation: Evaluation, bursts: Bursts) -> list[tuple[str, str, float]]:
    """(the hub's name of a metric, ours, its value) for the front matter's model-index."""
    other = f"; {bursts.range} % on other occasions" if bursts.range and name != HELD_OUT else ""
    found: list[tuple[str, str, Proportion | Estimate]] = [
        ("accuracy", "Accuracy", evaluation.accuracy),
        ("balanced_accuracy", "Balanced accuracy", evaluation.balanced_accuracy),
    ]
    return [
        (
            kind,
            f"{words}, {name}; {several(evaluation.count, 'picture')}; "
            f"95 % interval {bounds(value)} %{other}",
            round(value.value, 4),
        )
        for kind, words, value in found
        if value.value == value.value  # not nan: something was judged
    ]


def _yaml(text: str) -> str:
    """A text as a double-quoted YAML scalar, which JSON's are; `<` is escaped, as in HTML."""
    return json.dumps(text).replace("<", "\\u003c")


def _markdown(text: str) -> str:
    """A text that stays text in Markdown; what HTML needs is escaped by the template."""
    return text.translate(_MARKS)


@cache
def _environment() -> jinja2.Environment:
    from markupsafe import Markup

    filters = {
        "bounds": bounds,
        "estimate_words": estimate_words,
        "label_words": label_words,
        "markdown": _markdown,
        "percent": percent,
        "proportion_words": proportion_words,
        "shown": shown,
        "yaml": lambda text: Markup(_yaml(text)),
    }
    names = {
        "several": several,
        "calibration_words": calibration_words,
        "compared_words": compared_words,
        "head_words": head_words,
        "sure_words": sure_words,
        "unknown_words": unknown_words,
    }
    return environment(filters, names, html=False)
