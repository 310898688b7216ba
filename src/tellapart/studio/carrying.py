"""Decisions of `tellapart.csv` carried out as a change: like any other, it is taken back alone, and
what the command or another change has carried out stays."""

from __future__ import annotations

from ..assess.carrying_out import marked, wanted
from ..dataset.decision import place_of_decisions
from ..dataset.decision_table import DecisionTable
from ..files.journal.record import Placement
from ..files.skipped import SkippedFile
from ..text import several
from .changes import Move, Wish
from .folder import Folder
from .labelling import Plan, known_label, made
from .places import Free
from .steps import Rewrite


def carried_out(folder: Folder) -> Plan:
    """The steps that move pictures to where decisions say that they belong.

    Raises:
        DatasetError: the folder cannot be read, or a line of its table is no decision.
    """
    free = Free(folder.root)
    found = wanted(folder.root)
    placed = [(one, free.free(one.target)) for one in found if isinstance(one, Placement)]
    left: list[Wish] = [one for one in found if isinstance(one, SkippedFile)]
    if not placed:
        return "", left
    rows = DecisionTable.read(place_of_decisions(folder.root)).decisions
    moves = [Move(one.source, target) for one, target in placed]
    new = marked(rows, placed)
    labels = dict.fromkeys(o.new_label for o in new if o.decision == "relabel")
    folders = [step for name in labels for step in made(folder, known_label(folder, name))]
    what = f"{several(len(moves), 'decision')} carried out"
    return what, [*folders, *moves, Rewrite(tuple(new.items())), *left]
