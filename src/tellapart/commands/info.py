"""`tellapart info`."""

from __future__ import annotations

from .options import AsJson, Model, show


def info(model: Model, as_json: AsJson = False) -> None:
    """Say what a model is: its labels, how it was made, and with what.

    \b
    tellapart info heroes
    """
    from .. import terminal, to_json
    from ..model import load

    classifier = load(model)
    show(to_json.described(classifier), as_json, lambda: terminal.print_info(classifier))
