"""Everything that can go wrong for a user, as one tree that the command line, the server and a
notebook share.

    TellapartError
    ├── UsageError            an option or argument that cannot be used
    ├── DatasetError          a folder, table or archive that is no labelled data set
    │   └── ArchiveError      an archive that is damaged or would write outside its folder
    ├── PictureError          one file that cannot be read as a picture
    ├── ModelError            a model that is damaged, foreign, hostile or from a newer release
    │   └── BackboneError     a network that cannot be used as a backbone
    ├── DestinationError      a place that cannot be written to, or that already holds something
    └── MissingExtraError     a feature whose optional packages are not installed

A message says what was wrong and what was expected; a hint says what to do.
"""

from __future__ import annotations

import os


class TellapartError(Exception):
    """Base of all errors raised on purpose; catch this one to catch them all."""

    exit_code = 2
    http_status = 400

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class UsageError(TellapartError):
    """An option or argument was given a value that cannot be used."""


class DatasetError(TellapartError):
    """A folder, table or archive does not hold a labelled data set."""

    http_status = 422


class ArchiveError(DatasetError):
    """An archive is damaged, too large, or names members outside its own folder."""


class PictureError(TellapartError):
    """One picture cannot be read; `message` is the reason in plain words.

    `path` is its path as it was given, and None if the picture came as bytes, an array, an open
    file or a Pillow image.
    """

    exit_code = 3
    http_status = 422

    def __init__(
        self, message: str, *, hint: str = "", path: str | os.PathLike[str] | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.path = path


class ModelError(TellapartError):
    """A model file is damaged, foreign, hostile, or written by a newer release."""

    http_status = 422


class BackboneError(ModelError):
    """A network cannot be used as a backbone."""


class DestinationError(TellapartError):
    """A place cannot be written to, is full, or already holds something."""

    http_status = 507


class MissingExtraError(TellapartError):
    """A feature needs optional packages that are not installed."""

    http_status = 501


def need(extra: str, *, why: str) -> MissingExtraError:
    """The error to raise when `extra` is not installed; `why` names what asked for it."""
    return MissingExtraError(
        f"This needs {why}, which is not installed.",
        hint=f'Type: pip install "tellapart[{extra}]"',
    )
