"""Temporary folders that last as long as what was unpacked into them is used."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path


class Workspace:
    """A temporary folder for an unpacked archive, which lasts as long as the data set of it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tellapart-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
