"""A video -> its frames that differ from each other, upright, each with its time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import DatasetError, need
from ..files.reading import read_head
from ..images.kinds import sniff
from ..text import shown

if TYPE_CHECKING:
    import av

_SIDE = 8  # parts of a frame from left to right, and from top to bottom, that are compared
_MOST = 3  # of these 64, those that differ most: what passes a fixed camera is in few of them
_NAMES = """
    .mp4 .m4v .mov .qt .avi .mkv .webm .mpg .mpeg .m2v .ts .mts .m2ts .wmv .asf .flv .ogv .3gp .3g2
"""
_SUFFIXES = frozenset(_NAMES.split())


@dataclass(frozen=True)
class Frame:
    """Pixels uint8 `[H,W,3]`, upright, and the second at which they are shown."""

    pixels: np.ndarray
    second: float


def is_video(path: Path) -> bool:
    """Whether a file is a video by its first bytes, or by its name where these are no text: a
    playlist, which names addresses, is none."""
    with suppress(OSError):
        kind = sniff(read_head(path))
        return kind == "a video" or (path.suffix.lower() in _SUFFIXES and "text" not in kind)
    return False


def check_installed() -> None:
    """Look for what reads videos.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import av  # noqa: F401
    except ImportError as error:
        raise need("video", why="PyAV, which reads videos") from error


def frames(path: Path, *, every: float, differ: float) -> Iterator[Frame]:
    """The frames of a video that differ from all that were given before.

    Args:
        path: the file.
        every: seconds between the frames that are looked at.
        differ: how far a frame has to be from each other one, 0 to 1: the mean difference of
            those three of its 8 x 8 parts that differ most, where black and white differ by 1.

    Raises:
        MissingExtraError: PyAV is not installed.
        DatasetError: it cannot be read, or holds no picture.
    """
    check_installed()
    import av
    from av.container import open as opened

    kept = np.empty((0, _SIDE * _SIDE, 3), np.float32)
    due, any_frame = 0.0, False
    try:
        # From an open file: FFmpeg then opens nothing itself, whatever the file names.
        with path.open("rb") as stream, opened(stream, "r") as container:
            if not container.streams.video:
                raise DatasetError(f"{shown(path)} has no pictures in it, only sound.")
            video = container.streams.video[0]
            video.thread_type = "AUTO"
            for frame in container.decode(video):
                second = frame.time if frame.time is not None else due
                any_frame = True
                if second + 1e-6 < due:
                    continue
                due = second + every
                parts = _parts(frame)
                if len(kept) and _apart(kept, parts).min() < differ:
                    continue
                kept = np.concatenate([kept, parts[None]])
                pixels = frame.to_ndarray(format="rgb24")
                yield Frame(np.ascontiguousarray(np.rot90(pixels, frame.rotation // 90)), second)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        if not any_frame:
            raise DatasetError(
                f"{shown(path)} cannot be read as a video: {_reason(error)}.",
                hint="Save it as MP4, and try again.",
            ) from error
        # what comes before the damage is there, as in any player
    if not any_frame:
        raise DatasetError(f"{shown(path)} holds no frame that can be shown.")


def _parts(frame: av.VideoFrame) -> np.ndarray:
    """The mean colours of the parts of a frame, float32 `[64,3]`, 0 to 1."""
    small = frame.reformat(width=_SIDE, height=_SIDE, format="rgb24", interpolation="AREA")
    return small.to_ndarray().astype(np.float32).reshape(-1, 3) / 255


def _apart(kept: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """How far frames `[N,64,3]` are from one, `[N]`."""
    differences = np.abs(kept - parts).mean(axis=2)
    strongest = np.partition(differences, -_MOST, axis=1)[:, -_MOST:]
    return np.asarray(strongest.mean(axis=1))


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
