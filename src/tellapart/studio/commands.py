"""The commands that do in a terminal what the studio does in its page."""

from __future__ import annotations

import shlex
from pathlib import Path

from ..text import shown
from ..training.command import train_command
from ..training.options import TrainOptions


def commands_for(
    root: Path, options: TrainOptions, model: Path, *, to: str, private: bool
) -> dict[str, str]:
    """What trains on the pictures in `root` and saves the model as a folder, what exports that in
    the form `to`, and what serves it. A private model does not know where its pictures are, so the
    export is told."""
    place, pictures = shlex.quote(shown(model)), shlex.quote(shown(root))
    train = f"{train_command(root, options)} -o {place}"
    export = f"tellapart export {place} --to {to}"
    return {
        "train": f"{train} --no-pictures" if private else train,
        "export": f"{export} --pictures {pictures}" if private else export,
        "serve": f"tellapart serve {place}",
    }
