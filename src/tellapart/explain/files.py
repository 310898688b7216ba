"""Pictures by their paths -> explanations as they come, drawn for the page or as overlays."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np

from ..assess.check.mending import relabel_recorded
from ..dataset.filenames import safe_name
from ..dataset.labels import Labels
from ..dataset.lists import STDIN, standard_input
from ..dataset.sources import SkippedFile
from ..errors import PictureError
from ..files.atomic import cannot_write
from ..files.reading import read_content
from ..files.stored import Place
from ..images.decode import Picture
from ..model.classifier import Classifier
from ..pages.overlays import common_scale, laid_over, png
from . import Asked, Explanation, Sweep, sweep, tell_many
from .page import MOST_PANELS, Panel, panel


@dataclass(frozen=True)
class Explained:
    """What is kept of one explanation when its maps are drawn; its own pixels are not.

    Attributes:
        name: the path as it was given.
        explanation: without its pixels.
        panel: its part of the page; None where none was wanted.
        overlays: the PNG files that were written.
        sweep: None where that was not asked for.
        mend: the command that mends the label of a picture of the training record that got another
            one; else it is empty.
    """

    name: str
    explanation: Explanation
    panel: Panel | None
    overlays: tuple[Path, ...]
    sweep: Sweep | None = None
    mend: str = ""


def explain_files(
    classifier: Classifier,
    names: Sequence[str],
    *,
    page: bool,
    overlays: Path | None,
    sweeping: bool = False,
) -> Iterator[Explained | SkippedFile]:
    """Explain pictures by their paths, `-` being stdin, in order, as they come.

    The head of the cross-validation that never saw a training picture judges it; its content says
    which it is. With `page`, the first `MOST_PANELS` and all mistakes are drawn for the page; with
    `overlays`, all maps are written as PNG files into that folder; with `sweeping`, a search finds
    what each answer depends on.
    """
    drawn = frozenset(names[:MOST_PANELS])

    def tell(one: Asked, explanation: Explanation) -> Explained:
        written = write_overlays(one.name, explanation, overlays) if overlays else []
        found = sweep(classifier, explanation.pixels) if sweeping else None
        wanted = page and (one.name in drawn or explanation.wrong)
        mend = _mend(classifier, one, explanation)
        return Explained(
            name=one.name,
            explanation=replace(explanation, pixels=np.zeros((0, 0, 3), np.uint8)),
            panel=panel(one.name, explanation, found, mend) if wanted else None,
            overlays=tuple(written),
            sweep=found,
            mend=mend,
        )

    asked = _asked(classifier, names)
    for name, told in zip(names, tell_many(classifier, asked, tell), strict=True):
        yield SkippedFile(name, told.message) if isinstance(told, PictureError) else told


def _mend(classifier: Classifier, one: Asked, explanation: Explanation) -> str:
    record = classifier.training_record
    if record is None or one.row is None or explanation.unknown or not explanation.wrong:
        return ""
    name, held_out = record.names[one.row], bool(record.held_out[one.row])
    return relabel_recorded(record.run.command, name, explanation.label, held_out=held_out)


def _asked(classifier: Classifier, names: Sequence[str]) -> Iterator[Asked]:
    """The pictures of these paths, `-` being stdin, with what is known about them."""
    known = Known(classifier)
    for name in names:
        picture = standard_input().read() if name == STDIN else Path(name)
        folder = "" if name == STDIN else Path(os.path.abspath(name)).parent.name
        yield known.asked(picture, name, _digest(picture) if known else "", folder)


class Known:
    """What is known of pictures beforehand: for one in the training record its own label, and its
    row if the model learnt from it; for any other, the label that names its folder. It is false
    where there is no training record."""

    def __init__(self, classifier: Classifier) -> None:
        record = classifier.training_record
        self._classifier = classifier
        self._record = record
        self._places = {digest: i for i, digest in enumerate(record.digests)} if record else {}
        self._labels = Labels(classifier.labels)

    def __bool__(self) -> bool:
        return bool(self._places)

    def asked(self, picture: Picture, name: str, digest: str, folder: str) -> Asked:
        """The picture, recognised by the sha256 of its file's content, in hex."""
        record, at = self._record, self._places.get(digest)
        if record and at is not None:
            own = self._classifier.labels[int(record.labels[at])]
            return Asked(picture, own, None if record.held_out[at] else at, name, at)
        return Asked(picture, self._labels.near(folder) or "", name=name)


def _digest(picture: bytes | Path) -> str:
    try:
        content = picture if isinstance(picture, bytes) else read_content(picture)
    except PictureError:  # which is told when it is to be explained
        return ""
    return hashlib.sha256(content).hexdigest()


def locate(classifier: Classifier, panels: Iterable[Panel], folder: str | None) -> dict[int, Place]:
    """Where the training pictures of a page are now, below or in `folder` too."""
    if classifier.training_record is None:
        return {}
    wanted = {index for one in panels for index in one.required_record}
    return classifier.training_record.locate(*([folder] if folder else []), only=wanted)


def write_overlays(name: str, explanation: Explanation, folder: Path) -> list[Path]:
    """Write the maps of one picture as PNG files, in the picture's own size; over nothing.

    `name` is the picture's; the files are called by it and by what they show.

    Raises:
        DestinationError: they cannot be written.
    """
    label, rival = explanation.label, explanation.rival
    maps = {
        label: explanation.map_of(label),
        rival: explanation.map_of(rival),
        f"{label} minus {rival}": explanation.lead,
    }
    scale, stem = common_scale(maps.values()), safe_name(Path(name).stem)
    return [
        _write_new(
            folder, f"{stem}-{safe_name(what)}", png(laid_over(explanation.pixels, each, scale))
        )
        for what, each in maps.items()
    ]


def _write_new(folder: Path, stem: str, content: bytes) -> Path:
    """Write a PNG under the first name that is free."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            path = folder / (f"{stem}.png" if number == 1 else f"{stem}-{number}.png")
            try:
                with path.open("xb") as stream:
                    stream.write(content)
                return path
            except FileExistsError:
                continue
    except OSError as error:
        raise cannot_write(folder, error, "overlays") from error
    raise AssertionError  # there are always more numbers
