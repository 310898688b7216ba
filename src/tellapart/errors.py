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
    ├── ServerError           a server that cannot be reached, lets nobody in, or fails
    ├── WorkersError          workers elsewhere that cannot be reached, or do not live
    └── MissingExtraError     a feature whose optional packages are not installed

A message says what was wrong and what was expected; a hint says what to do. Where they name a
setting, they hold `option("test")`: what it is called is for each face to say. Python says `test=`;
the command line says `--test` (`cli/flags.py`).
"""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Callable, Mapping
from typing import TypeVar

GO_ON = "Type the same again once it answers: it goes on from there, and nothing is lost."
_Error = TypeVar("_Error", bound="TellapartError")
_MARKED = re.compile("\x0e([^\x0e\x0f\x1f]*)\x1f([^\x0e\x0f\x1f]*)\x0f")  # lead, setting
_IN_PYTHON: Mapping[str, str] = {
    "backbone=keras:FILE.keras": "KerasBackbone('FILE.keras')",
    "backbone_input": "input=",
    "backbone_output": "output=",
    "backbone_pixels": "pixels=",
    "destination": "",  # where something is written is simply an argument
    "form=csv": "form='csv'",
    "form=json": "form='json'",
    "form=parquet": "form='parquet'",
    "how=link": "how='link'",
    "how=move": "how='move'",
    "quality=auto": "quality='auto'",
    "undo": "undo()",
}


def option(setting: str, *, lead: str = "") -> str:
    """A setting in a message, for each face to call by its own name: a name, `test`, or with a
    value, `test=0`. Where a face has no such setting, `lead`, the words before it,
    goes as well. Names of files and labels, once `shown`, are never taken for one."""
    return f"\x0e{lead}\x1f{setting}\x0f"


def in_python(setting: str) -> str:
    """How Python calls a setting: by the name of the argument."""
    return _IN_PYTHON.get(setting, setting if "=" in setting else f"{setting}=")


def _spell(text: str, spelling: Callable[[str], str]) -> str:
    def spelt(found: re.Match[str]) -> str:
        words = spelling(found[2])
        return words and found[1] + words

    return _MARKED.sub(spelt, text)


class TellapartError(Exception):
    """Base of all errors raised on purpose; catch this one to catch them all.

    `said` are message and hint as they were given, in which settings have no face's name yet.
    `may_pass` says that it is not about what is in a file: a system or a server did not give it, or
    it was just then changing, so another try may succeed.
    """

    exit_code = 2

    def __init__(self, message: str, *, hint: str = "", may_pass: bool = False) -> None:
        super().__init__(_spell(message, in_python))
        self.said = (message, hint)
        self.may_pass = may_pass

    @property
    def message(self) -> str:
        """What was wrong, and what was expected."""
        return _spell(self.said[0], in_python)

    @property
    def hint(self) -> str:
        """What to do; may be empty."""
        return _spell(self.said[1], in_python)

    @property
    def options(self) -> tuple[str, ...]:
        """The names of the settings that it is about, the first one first: for a form's fields."""
        marked = _MARKED.finditer("".join(self.said))
        return tuple(dict.fromkeys(found[2].partition("=")[0] for found in marked))

    def spelt(self: _Error, spelling: Callable[[str], str]) -> _Error:
        """The same error with its settings called as a face calls them; an empty name is none."""
        error = copy.copy(self)
        error.said = (_spell(self.said[0], spelling), _spell(self.said[1], spelling))
        error.args = (error.said[0],)
        return error

    def about(self: _Error, name: str) -> _Error:
        """The same error, with the name of the file that it is about before the message."""
        error = copy.copy(self)
        error.said = (f"{name}: {self.said[0]}", self.said[1])
        error.args = (error.message,)
        return error

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class UsageError(TellapartError):
    """An option or argument was given a value that cannot be used."""


class DatasetError(TellapartError):
    """A folder, table or archive does not hold a labelled data set."""


class ArchiveError(DatasetError):
    """An archive is damaged, too large, or names members outside its own folder."""


class PictureError(TellapartError):
    """One picture cannot be read; `message` is the reason in plain words.

    `path` is its path as it was given, and None if the picture came as bytes, an array, an open
    file or a Pillow image. `unreached` is the reason where its server could not be reached at all.
    """

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        path: str | os.PathLike[str] | None = None,
        may_pass: bool = False,
        unreached: str = "",
    ) -> None:
        super().__init__(message, hint=hint, may_pass=may_pass)
        self.path = path
        self.unreached = unreached

    def __str__(self) -> str:
        """With its path before it, as a log needs it; `message` goes without."""
        text = super().__str__()
        name = "" if self.path is None else os.fsdecode(self.path)
        return text if text.startswith(name) else f"{name}: {text}"


class ModelError(TellapartError):
    """A model file is damaged, foreign, hostile, or written by a newer release."""


class BackboneError(ModelError):
    """A network cannot be used as a backbone."""


class DestinationError(TellapartError):
    """A place cannot be written to, is full, or already holds something."""


class ServerError(TellapartError):
    """A server cannot be reached, does not let us in, fails, or is none of ours.

    `status` is the HTTP status that it answered, and None where it answered nothing.
    """

    def __init__(self, message: str, *, hint: str = "", status: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class WorkersError(TellapartError):
    """Workers elsewhere cannot be reached, see other disks, or die again and again."""


class MissingExtraError(TellapartError):
    """A feature needs optional packages that are not installed."""


def need(extra: str, *, why: str) -> MissingExtraError:
    """The error to raise when `extra` is not installed; `why` names what asked for it."""
    return MissingExtraError(
        f"This needs {why}, which is not installed.",
        hint=f'Type: pip install "tellapart[{extra}]"',
    )
