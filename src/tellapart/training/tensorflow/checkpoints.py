"""What a stopped training goes on from: TensorFlow's own checkpoints, tied to one training.

A checkpoint is complete before the folder's index names it, so a kill at any moment leaves the one
before. The folder also says which training it belongs to: another one never goes on from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import DestinationError, option
from ...files.atomic import cannot_write, write_atomically
from ...text import shown
from .runtime import tensorflow

if TYPE_CHECKING:
    from tensorflow import Variable

_OWNER = "training.json"  # which training the checkpoints belong to


def training_key(*parts: object) -> str:
    """A hash of all that a training depends on; arrays count by their content."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode()
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:32]


class Checkpoints:
    """The last two states of `variables`, in a folder; without a folder, nothing is kept."""

    def __init__(
        self, folder: Path | None, key: str, every: int, variables: Sequence[Variable]
    ) -> None:
        self.folder = folder
        self.every = every
        if folder is None:
            return
        tf = tensorflow()
        self._checkpoint = tf.train.Checkpoint(variables=list(variables))
        self._manager = tf.train.CheckpointManager(self._checkpoint, str(folder), max_to_keep=2)
        owner = folder / _OWNER
        try:
            folder.mkdir(parents=True, exist_ok=True)
            found = json.loads(owner.read_text("utf-8")).get("training") if owner.exists() else None
            if found != key and self._manager.latest_checkpoint:
                raise DestinationError(
                    f"{shown(folder)} contains the checkpoints of another training, with other "
                    f"pictures or other options.",
                    hint=f"Choose another folder with {option('checkpoints')}, or delete this one.",
                )
            write_atomically(owner, json.dumps({"training": key}).encode())
        except OSError as error:
            raise cannot_write(folder, error, "checkpoints") from error
        except (ValueError, AttributeError) as error:
            raise self._damaged() from error

    def restore(self) -> bool:
        """Bring the variables to the last state that was kept, if there is one."""
        if self.folder is None or not self._manager.latest_checkpoint:
            return False
        try:
            found = self._checkpoint.restore(self._manager.latest_checkpoint)
            found.assert_existing_objects_matched()
        except Exception as error:  # TensorFlow's errors of reading share no base
            raise self._damaged() from error
        return True

    def save(self, step: int) -> None:
        """Keep the variables as they are now."""
        if self.folder is None:
            return
        try:
            self._manager.save(checkpoint_number=step)
        except (OSError, tensorflow().errors.OpError) as error:
            raise DestinationError(
                f"{shown(self.folder)} cannot be written: {str(error).splitlines()[0]}",
                hint=f"Free some space, or choose another place with {option('checkpoints')}.",
            ) from error

    def due(self, step: int) -> bool:
        return self.folder is not None and step % self.every == 0

    def _damaged(self) -> DestinationError:
        assert self.folder is not None
        return DestinationError(
            f"The checkpoints in {shown(self.folder)} are damaged.",
            hint="Delete that folder to start again from the beginning.",
        )
