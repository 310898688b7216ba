"""Pictures that come from the page: looked at, written whole under a name of ours, then placed."""

from __future__ import annotations

import secrets
from pathlib import Path, PurePosixPath

from ..dataset.filenames import kept_stem
from ..files.atomic import write_new
from ..images.decode import decode
from .changes import MakeFolder, Move, Step
from .folder import HIDDEN, LEARN, TEST, Folder
from .labelling import Plan, check_label, free_name

INCOMING = f"{HIDDEN}/incoming"


def brought_in(folder: Folder, content: bytes, name: str, label: str, part: str = LEARN) -> Plan:
    """Add a picture under a label, or to the heap without one.

    Raises:
        PictureError: it cannot be read as a picture.
    """
    suffix = Path(name).suffix.lower()
    decode(content, suffix=suffix)
    place = PurePosixPath()
    steps: list[Step] = []
    if label:
        check_label(folder, label)
        place = PurePosixPath(TEST, label) if part == TEST else PurePosixPath(label)
        if not (folder.root / place).is_dir():
            steps.append(MakeFolder(place.as_posix()))
    (folder.root / INCOMING).mkdir(parents=True, exist_ok=True)
    arrived = f"{INCOMING}/{secrets.token_hex(8)}{suffix}"
    write_new(folder.root / arrived, content)
    own = kept_stem(Path(Path(name).name), suffix) + suffix
    return f"{own} added", [*steps, Move(arrived, free_name(folder.root, place, own, set()))]
