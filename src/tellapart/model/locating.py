"""Pictures by their names and contents -> where they are now: files, or what is stored in tars, in
Parquet files, or at an address that is named."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ..dataset.archives import is_archive
from ..dataset.sources import pictures_below
from ..dataset.stored.members import called_so, holds_members
from ..errors import PictureError, TellapartError
from ..files.addresses import is_address
from ..files.reading import read_content
from ..files.stored import Place
from ..workers.deadlines import answered


class Search:
    """A search for pictures; `found` are their places, by the sha256 of their content in hex."""

    def __init__(self, wanted: Sequence[tuple[str, str]]) -> None:
        """`wanted`: the name and the sha256 of each."""
        self._wanted = wanted
        self.found: dict[str, Place] = {}

    def where_they_were(self, roots: Sequence[str]) -> None:
        """Look below folders, and in what else the roots mean, but ask no address."""
        self.files_below(roots)
        for root in roots:
            # it is gone, or what reads it is, or its drive does not answer
            with suppress(TellapartError, OSError):
                if not is_address(root):
                    self._stored_in(root)

    def files_below(self, roots: Sequence[str]) -> None:
        """Look for files of these names below folders."""
        for name, digest in self._wanted:
            for root in roots:
                if is_address(root) or digest in self.found:
                    continue
                path = Path(root, name)
                if _digest(path) == digest:
                    self.found[digest] = path

    def below(self, text: str) -> None:
        """Look among all files below a folder, or by their names in what else a text means.

        Raises:
            DatasetError, UsageError: it cannot be read.
        """
        if self._missing() and not self._stored_in(text):
            for path, _ in pictures_below(Path(text))[0]:
                self.found.setdefault(_digest(path), path)

    def _stored_in(self, text: str) -> bool:
        """Looks in tars, in Parquet files or at an address; whether the text means these."""
        if not (missing := self._missing()):
            return False
        if not is_address(text):
            answered(lambda call: os.path.lexists(text), text)  # or asking more would hang
        if not holds_members(text):
            return False
        for name, stored in called_so(text, missing):
            if missing[name] and (digest := _digest(stored)) in missing[name]:
                missing[name].discard(digest)
                self.found[digest] = stored
        return True

    def _missing(self) -> dict[str, set[str]]:
        """What is not found yet: sha256s by names, of which several pictures may have one."""
        names: dict[str, set[str]] = {}
        for name, digest in self._wanted:
            if digest not in self.found:
                names.setdefault(name, set()).add(digest)
        return names


def has_to_be_named(root: str) -> bool:
    """Whether pictures are looked for there only if someone asks: at an address; or in an archive
    that is only read unpacked, for who unpacks it."""
    return is_address(root) or (not root.lower().endswith(".tar") and is_archive(Path(root)))


def _digest(place: Place) -> str:
    try:
        return hashlib.sha256(read_content(place)).hexdigest()
    except PictureError:
        return ""
