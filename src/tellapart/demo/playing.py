"""A folder of the demo's pictures to play with in the studio: some are labelled, most are a heap,
and some are kept for testing.

It has what there is to be found in real folders: a picture under the wrong label, one that is there
twice, and test pictures that are like nothing else.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

from ..errors import DestinationError
from ..files.atomic import cannot_write
from ..files.folders import new_folder
from ..files.workspaces import temporary_folder
from ..text import shown
from .walk import LABELS, draw_demo

PICTURES = 120
LABELLED = 14  # of each label
TEST = "test"  # the folder that holds what is kept for testing


def draw_to_play(folder: Path, pictures: int = PICTURES) -> bool:
    """Draw the pictures into `folder`, which is there in one step, unless it is there already: then
    it is left as it is, so that whoever played goes on where they were. Returns whether it drew.

    Raises:
        DestinationError: the folder cannot be made, or a file has its name.
    """
    if folder.is_dir():
        return False
    if folder.exists():
        raise DestinationError(
            f"{shown(folder)} is a file, but the pictures need a folder.",
            hint="Move it away, or name a folder of pictures: tellapart studio DIR",
        )
    with temporary_folder() as apart:
        drawn = draw_demo(apart / "demo", pictures)
        try:
            with new_folder(folder) as fresh:
                _arrange(drawn.photos, fresh)
                shutil.copytree(drawn.kept_back, fresh / TEST)
        except OSError as error:
            raise cannot_write(folder, error) from error
    return True


def _arrange(photos: Path, folder: Path) -> None:
    """The first pictures of each label under it, the others loose and in no order."""
    heap: list[Path] = []
    for label in LABELS:
        every = sorted((photos / label).iterdir())
        (folder / label).mkdir()
        for path in every[:LABELLED]:
            shutil.copyfile(path, folder / label / path.name)
        heap += every[LABELLED:]
    Random(2016).shuffle(heap)
    for number, path in enumerate(heap, 1):
        shutil.copyfile(path, folder / f"IMG_{number:04d}.jpg")
    one, other = LABELS
    last = f"{LABELLED - 1:03d}.jpg"
    (folder / other / last).rename(folder / one / f"{LABELLED:03d}.jpg")  # which shows the other
    shutil.copyfile(folder / other / "000.jpg", folder / other / last)
