"""What a target is, and what a job to write one holds."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from .. import images
from ..model.classifier import Classifier

EXAMPLES = Path(__file__).parent / "examples"
_READING = ("__init__", "colour", "orientation", "primaries", "transparency")  # of `images`


def write_program(folder: Path, name: str) -> None:
    """Put a program of `EXAMPLES` into a folder as example.py, with what it needs beside it: it
    reads pictures with the very code that the model was trained with."""
    shutil.copyfile(EXAMPLES / name, folder / "example.py")
    shutil.copyfile(EXAMPLES / "pictures.py", folder / "pictures.py")
    (folder / "images").mkdir()
    for module in _READING:
        source = Path(images.__file__).parent / f"{module}.py"
        shutil.copyfile(source, folder / "images" / source.name)


@dataclass(frozen=True)
class Target:
    """One row: what is written, who reads it, and how near its answers must be.

    `module` has `write(export)`; where running `example.py` is not the way to ask, it also has
    `answers(folder, pictures)`, or `prove(classifier, target, folder, pictures)`; where something
    has to be there first, `prepare(cdn, watch)`. `extra` is the optional packages it needs.
    `agreement` is the least share of pictures with the same label, `tolerance` the largest
    difference of any score. `strangers` is what becomes of pictures that are none of these: the
    form says so itself, it has the output `novelty`, or it cannot tell.
    """

    name: str
    writes: str
    read_by: str
    run: str  # the command to type in its folder
    module: str
    extra: str = ""
    tool: str = ""  # a program that it needs beside the packages
    settings: Mapping[str, str] = field(default_factory=dict)  # for `module`
    agreement: float = 1.0
    tolerance: float = 1e-3
    more: str = ""  # what else there is to type, for its README
    differs: str = ""  # what differs and why, where anything does
    strangers: Literal["told", "measured", "not told"] = "not told"
    can_link: bool = False  # whether a runtime that it carries can be linked to instead

    @property
    def needs(self) -> str:
        """What has to be installed to write it; nothing, for some."""
        package = f"tellapart[{self.extra}]" if self.extra else ""
        return " and ".join(part for part in (package, self.tool) if part)


@dataclass(frozen=True)
class Export:
    """A job for a target's module: write `classifier` into `folder`, which holds labels.txt."""

    target: Target
    classifier: Classifier
    folder: Path
    pictures: Sequence[Path]  # real ones, for calibration
    cdn: bool = False  # link to a public network in place of carrying the runtime
