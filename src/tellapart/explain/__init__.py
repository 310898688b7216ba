"""Why a picture got its answer: where in it, because of which training pictures, and in words.

>>> tellapart.load("heroes").explain("picture.jpg").words
'ice queen 1.00. The middle argues most for it, ...'

Nothing here is sampled or approximated: a label's map and its training pictures' shares both add
up to its logit.
"""

from __future__ import annotations

from . import called as called  # says so to whoever calls the module
from .changes import Blank, Blur, Brightness, Change, Crop, Paint, Paste, WhatIf, what_if
from .explaining import Asked, Explainer, explain, explain_many, explain_recorded, tell_many
from .explanation import Argument, Case, Explanation, Neighbour
from .regions import Alike, Outside, Oval, Region
from .sweeping import Finding, Sweep, sweep

__all__ = [
    "Alike",
    "Argument",
    "Asked",
    "Blank",
    "Blur",
    "Brightness",
    "Case",
    "Change",
    "Crop",
    "Explainer",
    "Explanation",
    "Finding",
    "Neighbour",
    "Outside",
    "Oval",
    "Paint",
    "Paste",
    "Region",
    "Sweep",
    "WhatIf",
    "explain",
    "explain_many",
    "explain_recorded",
    "sweep",
    "tell_many",
    "what_if",
]
