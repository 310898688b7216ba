"""What the program beside this file needs: pictures as the model reads them, and its answers."""

import json
import sys
from collections.abc import Iterable

import numpy as np
from images.colour import eight_bits, profile_of, to_srgb
from images.orientation import load, upright
from images.transparency import on_white, transparent_colour, with_transparent
from PIL import Image

KINDS = ("JPEG", "MPO", "PNG", "GIF", "WEBP", "BMP", "AVIF", "TIFF")
LARGEST = 89_478_485  # pixels, unless a JPEG is opened smaller
ENOUGH = 360  # pixels: a picture is halved while its shorter side stays at least this
LONGEST_SIDE = 30_000
CAMERAS = (32767, 32769, 32770, 32867, 34713, 65000, 65535)  # compressions of RAW pictures

asked = [argument for argument in sys.argv[1:] if argument != "--json"]
labels = open("labels.txt", encoding="utf-8").read().splitlines()


def read(path: str) -> np.ndarray:
    """Pixels [1, height, width, 3]: upright, in sRGB, on white, of a big picture at a reduced size.

    Ends the program with a sentence if a picture is missing, damaged, or of a kind that tellapart
    reads by code of its own: Pillow would read some of these as other pixels.
    """
    try:
        content = open(path, "rb").read()
    except OSError as error:
        sys.exit(f"{path} cannot be read: {error.strerror}")
    try:
        if not filled_up(content):
            picture: Image.Image = Image.open(path)
            whole = picture.size
            scale = min(reduced(whole), 8)
            picture.draft(None, (whole[0] // scale, whole[1] // scale))
            large = picture.size == whole and whole[0] * whole[1] > LARGEST
            if readable(picture, path) and not large and max(whole) <= LONGEST_SIDE:
                return pixels(picture, whole)
    except Exception:  # Pillow raises errors of many kinds for what it does not read
        pass
    sys.exit(
        f"{path} is damaged, or a kind of picture that this program does not read as tellapart "
        "does: save it as PNG or JPEG"
    )


def pixels(picture: Image.Image, whole: tuple[int, int]) -> np.ndarray:
    """Of an opened picture, whose size in its file is `whole`."""
    profile, transparent = profile_of(picture), transparent_colour(picture)
    load(picture)
    picture = upright(with_transparent(picture, transparent))
    in_srgb = eight_bits if picture.mode.startswith("I") else to_srgb
    picture = on_white(in_srgb(picture, profile))
    left = reduced(whole) // round(max(whole) / max(picture.size))  # a JPEG is smaller already
    return np.asarray(picture.reduce(left), dtype=np.uint8)[None]


def reduced(whole: tuple[int, int]) -> int:
    """How many times smaller a picture is read, with sides that are rounded up."""
    times = 1
    while min(whole) > (2 * ENOUGH - 1) * times:
        times *= 2
    return times


def filled_up(content: bytes) -> bool:
    """Whether a JPEG ends in zeros, as one does of which a part is missing: Pillow does not say."""
    cut = content.startswith(b"\xff\xd8") and not any(content[-16:])
    return cut and not content.rstrip(b"\0").endswith(b"\xff\xd9")


def readable(picture: Image.Image, path: str) -> bool:
    """Whether Pillow reads an opened picture to the same pixels as tellapart."""
    if picture.format != "TIFF":
        return picture.format in KINDS and picture.mode not in ("I", "F")
    tags = picture.tag_v2  # type: ignore[attr-defined]

    def values(tag: int, default: int | None = None) -> tuple[int, ...]:
        found = tags.get(tag, () if default is None else default)
        return tuple(found) if isinstance(found, tuple) else (found,)

    (compression, *_), (photometric, *_) = values(259, 1), values(262, 1)
    if not path.lower().endswith((".tif", ".tiff")) or {330, 50706} & set(tags):
        return False  # it may be a camera's RAW picture, with a small one in front
    if photometric in (32803, 34892) or compression in CAMERAS:
        return False
    if compression not in (1, 5, 8, 32773, 32946, 34925, 50000):
        return True  # what is packed as JPEG or fax has 8 bits or 1
    if photometric == 6:  # YCbCr
        return compression != 1 or values(530) == (1, 1)
    if compression == 1 and 2 in values(284, 1) + values(266, 1):  # planes apart, bits turned round
        return False
    if 1 in values(338):  # colours that are multiplied by their transparency
        return False
    return {*values(258, 1)} <= {1, 2, 4, 8} and {*values(339, 1)} <= {1, 4}


def jpeg(path: str) -> bytes:
    """The bytes of a JPEG in sRGB, which needs no more than to be decoded; of no other picture."""
    read(path)  # ends the program where it is damaged
    picture = Image.open(path)
    wanted = picture.format in ("JPEG", "MPO") and not profile_of(picture)
    return open(path, "rb").read() if wanted else b""


def tell(path: str, scores: Iterable[float]) -> None:
    """Print a picture's scores, the highest first; with --json as one object."""
    ranked = sorted(zip(labels, map(float, scores)), key=lambda row: -row[1])
    if "--json" in sys.argv:
        print(json.dumps({"path": path, "scores": dict(ranked)}))
    else:
        for label, score in ranked:
            print(f"{label} (score = {score:.5f})")
