"""Names of files and folders that every system takes, from labels that nobody chose for that."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

from ..errors import PictureError
from ..files.reading import read_head
from ..images.kinds import SUFFIXES, sniff
from .walk import is_hidden

_NAME_BYTES = 100  # of a label in a file name: some file systems take 143 bytes in all
_LONGEST = 255  # bytes of a file's name, on most file systems

_SUFFIX_OF = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "GIF": ".gif",
    "WEBP": ".webp",
    "BMP": ".bmp",
    "TIFF": ".tif",
    "AVIF": ".avif",
    "HEIC": ".heic",
}
_FORBIDDEN = frozenset('<>:"/\\|?*')  # in a name, on one system or another
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # text direction
DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"]
)


def safe_name(label: str, longest: int = _NAME_BYTES) -> str:
    """A label as part of a file's or folder's name that every system takes, in so many bytes."""
    text = "".join(
        "_"
        if letter in _FORBIDDEN
        or letter in _TURNING
        or unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")
        else letter
        for letter in label
    ).lstrip(". ")
    text = text.encode()[:longest].decode(errors="ignore").rstrip(". ")
    stem = text.partition(".")[0].rstrip().casefold()
    is_results = text.casefold().startswith("results") and text.casefold().endswith(".csv")
    return f"_{text}" if not text or is_hidden(text) or stem in DEVICES or is_results else text


def folded(name: str) -> str:
    """Equal for names that some file system takes for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def suffix_of(path: Path) -> str:
    """The suffix as the user wrote it; where that is none of a picture, what the content says."""
    if path.suffix.lower() in SUFFIXES:
        return path.suffix
    try:
        return suffix_of_kind(sniff(read_head(path)))
    except (OSError, PictureError):
        return ""


def suffix_of_kind(kind: str) -> str:
    """The usual suffix of a kind of picture, a row of `FORMATS`; empty where it is left open."""
    return _SUFFIX_OF.get(kind, "")


def kept_stem(path: Path, suffix: str) -> str:
    """A picture's own name without its suffix, as every system takes it; what is not the suffix of
    a picture is part of the name."""
    stem = path.name.removesuffix(suffix) if path.suffix == suffix else path.name
    return safe_name(stem, _LONGEST)


def longest_name(folder: Path) -> int:
    """Bytes of the longest name that a file below a folder may have, which need not be there."""
    there = next(up for up in (folder, *folder.parents) if os.path.isdir(up))
    try:
        return min(os.pathconf(there, "PC_NAME_MAX"), _LONGEST)
    except (OSError, ValueError, AttributeError):  # a system that does not say
        return _LONGEST


def named(stem: str, ending: str, longest: int) -> str:
    """A file's name; where that is too long, the stem loses its last letters."""
    return stem.encode()[: longest - len(ending.encode())].decode(errors="ignore") + ending
