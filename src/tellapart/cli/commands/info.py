"""`tellapart info`."""

from __future__ import annotations

from .options import AsJson, Model, show


def info(model: Model, as_json: AsJson = False) -> None:
    """Show what a model is: its labels, how it was made, and with what.

    \b
    tellapart info heroes
    """
    from ...model.classifier import load
    from ...to_json import results as to_json
    from ..terminal.models import print_info

    classifier = load(model)
    show(to_json.described(classifier), as_json, lambda: print_info(classifier))
