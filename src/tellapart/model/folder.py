"""A model's folder: the files in it, and whether a model may be written at a place."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..backbones.untrusted import read_network
from ..errors import DestinationError, ModelError
from ..files.atomic import CLUTTER, cannot_write, check_writable, chosen_with
from ..files.folders import check_may_be_replaced
from ..files.leftovers import kept_beside
from ..files.unread import Unread
from ..text import one_line, shown

if TYPE_CHECKING:
    from .replacing import Known

MODEL_FILE = "model.onnx"
LABELS_FILE = "labels.txt"
TRAINING_FILE = "training.npz"
REPORT_FILE = "report.html"
CARD_FILE = "README.md"
_TRIES = 50  # to read a model that is being replaced
FOLDER_FILES = frozenset({MODEL_FILE, LABELS_FILE, TRAINING_FILE, REPORT_FILE, CARD_FILE})


def labels_text(labels: Sequence[str]) -> str:
    """The text of labels.txt: a label a line for whoever reads it, in the order of `scores`."""
    return "".join(f"{one_line(label)}\n" for label in labels)


def replaced_in(folder: Path) -> Known | None:
    """What is known of the model that another one in `folder` would replace."""
    from .replacing import known_of

    return known_of(folder, MODEL_FILE, TRAINING_FILE)


def check_replaceable(folder: Path) -> None:
    """Whether a model may be written at `folder`: nothing there, an empty folder, or a model.

    Raises:
        DestinationError: it holds anything else, which is left as it is, or cannot be written.
    """
    check_writable(folder)
    for above in Path(os.path.realpath(folder)).parents:
        if os.access(above / MODEL_FILE, os.R_OK) and _is_ours(above / MODEL_FILE):
            raise DestinationError(
                f"{shown(folder)} would lie inside the model {shown(above)}.",
                hint=f"Nothing was changed there. Choose a folder beside it{chosen_with()}.",
            )
    if not os.path.lexists(folder):
        return
    if not os.path.isdir(folder):
        raise DestinationError(
            f"{shown(folder)} is a file, but a model is a folder.", hint="Choose another name."
        )
    check_may_be_replaced(folder)
    if other := _other_than_a_model(folder):
        raise DestinationError(
            f"{shown(folder)} contains other things than a model, such as {shown(other)}.",
            hint=f"Nothing was changed there. Choose a new folder{chosen_with()}.",
        )
    if os.path.lexists(folder / MODEL_FILE):
        check_before(folder)


def check_before(folder: Path) -> None:
    """Whether the model in `folder` may be kept beside it: nothing is there, or such a model.

    Raises:
        DestinationError: something else is there, which is left as it is.
    """
    place = kept_beside(folder)
    try:
        os.lstat(place)
    except FileNotFoundError:
        return
    except OSError as error:
        raise cannot_write(place, error) from error
    is_folder = os.path.isdir(place) and not os.path.islink(place)
    if not is_folder or os.path.ismount(place) or _other_than_a_model(place):
        raise DestinationError(
            f"The old model would be kept as {shown(place)}, but that is something else.",
            hint=f"Nothing was changed. Move it away, or choose another name{chosen_with()}.",
        )


def _other_than_a_model(folder: Path) -> str:
    """What a folder holds that no model does; empty where it holds a model, or nothing."""
    try:
        names = {path.name for path in folder.iterdir()} - CLUTTER
        ours = MODEL_FILE in names and _is_ours(folder / MODEL_FILE)
    except OSError as error:
        raise cannot_write(folder, error) from error
    others = sorted(names - FOLDER_FILES)
    if others or (names and not ours):
        return others[0] if others else sorted(names)[0]
    return ""


def _is_ours(file: Path) -> bool:
    """Whether a model file, however damaged, was written by us: its maker's name comes first."""
    with file.open("rb") as stream:
        return b"tellapart" in stream.read(64)


def read_whole(file: Path) -> tuple[bytes, Unread | None]:
    """A model file, and the training record beside it: both of one folder, also where another
    takes its place meanwhile."""
    for _ in range(_TRIES):
        before = os.stat(file.parent)
        record = Unread.open(file.parent.absolute() / TRAINING_FILE)
        content = read_network(file)
        if os.path.samestat(before, os.stat(file.parent)):
            return content, record
    raise ModelError("This model keeps being replaced while it is read.", hint="Try again later.")
