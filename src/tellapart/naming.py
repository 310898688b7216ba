"""Names of files and folders that every system takes, from labels that nobody chose for that."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from .dataset import is_hidden
from .images.kinds import SUFFIXES, sniff

_NAME_BYTES = 100  # of a label in a file name: some file systems take 143 bytes in all

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
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"]
)


def safe_name(label: str) -> str:
    """A label as part of a file's or folder's name that every system takes, 100 bytes at most."""
    text = "".join(
        "_"
        if letter in _FORBIDDEN
        or letter in _TURNING
        or unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")
        else letter
        for letter in label
    ).lstrip(". ")
    text = text.encode()[:_NAME_BYTES].decode(errors="ignore").rstrip(". ")
    stem = text.partition(".")[0].rstrip().casefold()
    is_results = text.casefold().startswith("results") and text.casefold().endswith(".csv")
    return f"_{text}" if not text or is_hidden(text) or stem in _DEVICES or is_results else text


def folded(name: str) -> str:
    """Equal for names that some file system takes for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def suffix_of(path: Path) -> str:
    """The suffix as the user wrote it; where that is none of a picture, what the content says."""
    if path.suffix.lower() in SUFFIXES:
        return path.suffix
    try:
        with path.open("rb") as stream:
            return _SUFFIX_OF.get(sniff(stream.read(512)), "")
    except OSError:
        return ""
