"""The commands that do in a terminal what the studio does in its page."""

from __future__ import annotations

import shlex
from pathlib import Path

from ..text import shown
from ..training.command import train_command
from ..training.options import TrainOptions


def commands_for(
    root: Path, options: TrainOptions, model: Path, *, private: bool
) -> dict[str, str]:
    """What trains on the pictures in `root` and saves the model as a folder, what exports that (the
    name of a form takes the place of EXPORT), and what serves it."""
    place = shlex.quote(shown(model))
    train = f"{train_command(root, options)} -o {place}"
    return {
        "train": f"{train} --no-pictures" if private else train,
        "export": f"tellapart export {place} --to EXPORT",
        "serve": f"tellapart serve {place}",
    }
