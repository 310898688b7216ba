"""What a target is, and what a job to write one holds."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from .. import images
from ..backbones.graph import in_whole_numbers
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


_STEPPED_AGREEMENT = 0.95  # of a model in whole numbers


@dataclass(frozen=True)
class Target:
    """One row: a form that a model can be written in.

    Attributes:
        name: what `--to` calls it.
        writes: what is written.
        read_by: which programs read it.
        run: the command to type in its folder.
        module: the module that has `write(export)`. It may also have `readiness(target)`, which
            says what is missing before anything is begun, `prepare(cdn, watch)`, called first, and,
            if running `example.py` is not the way to ask, `answers(folder, pictures)` or
            `prove(classifier, target, folder, pictures)`. What else to type is `more`, or, where
            the name of the export's folder is in it, `steps(folder)`.
        extra: the optional packages that it needs.
        tool: a program that it needs besides the packages.
        settings: options of `module`.
        agreement: the smallest fraction of pictures that must get the same label.
        tolerance: the largest difference of any score.
        stepped: the same for a model whose networks are in whole numbers, where one pixel that is
            rounded the other way is passed on in whole steps.
        more: what else to type, for its README.
        differs: what differs from the model, and why.
        unknown: how it treats unknown pictures: the form says "none of these" itself (told), it has
            the output `novelty` (measured), or it cannot tell (not told).
        can_link: whether it can link to its runtime instead of carrying it.
    """

    name: str
    writes: str
    read_by: str
    run: str
    module: str
    extra: str = ""
    tool: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    agreement: float = 1.0
    tolerance: float = 1e-3
    stepped: float = 0.0
    more: str = ""
    differs: str = ""
    unknown: Literal["told", "measured", "not told"] = "not told"
    can_link: bool = False

    @property
    def needs(self) -> str:
        """What has to be installed to write it; nothing, for some."""
        package = f"tellapart[{self.extra}]" if self.extra else ""
        return " and ".join(part for part in (package, self.tool) if part)

    def limits(self, model: bytes) -> tuple[float, float]:
        """The `agreement` and the `tolerance` for a model file."""
        if not self.stepped or not in_whole_numbers(model):
            return self.agreement, self.tolerance
        return min(self.agreement, _STEPPED_AGREEMENT), max(self.tolerance, self.stepped)


@dataclass(frozen=True)
class Readiness:
    """What is between a target and its being written here, known before anything is begun.

    Attributes:
        missing: what has to be installed first; nothing, where all is there.
        extra: the optional packages that this is, if it is these.
        fetches: what is fetched from a network, and from where; nothing, for most.
    """

    missing: str = ""
    extra: str = ""
    fetches: str = ""


@dataclass(frozen=True)
class Export:
    """A job for a target's module: write `classifier` into `folder`, which holds labels.txt."""

    target: Target
    classifier: Classifier
    folder: Path
    pictures: Sequence[Path]  # real ones, for calibration
    cdn: bool = False  # link to a public network in place of carrying the runtime
