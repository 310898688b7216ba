"""Colours as a file means them -> sRGB: ICC profiles, PNG's colour chunks, AVIF's colour codes.

The rules are those of Chromium and Firefox (read in Skia's codecs, and compared with what the
browser draws):

- Of what a PNG says, cICP counts before iCCP, that before sRGB, and that before gAMA with cHRM.
  gAMA alone counts with the primaries of sRGB, unless it is 1/2.2; cHRM alone says nothing.
- A profile counts that fits the picture: RGB on colour or grey, grey on grey, CMYK on CMYK. Every
  other profile, one of another class (device link, abstract, named colours), one that is cut
  short or makes no sense is as if there were none, and such numbers are sRGB.
- The intent is perceptual, as profiles of printers and cameras are made for it; between profiles
  of primaries and curves all intents are one.
- PQ and HLG: diffuse white (203 cd/m², ITU-R BT.2408) becomes white, and what is brighter is cut
  off, so that ordinary things look ordinary.

A Pillow that was built without LittleCMS raises ImportError for a picture with a profile.
Exported programs carry a copy of this file.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import IO, TYPE_CHECKING

import numpy as np

from .primaries import SRGB, SRGB_PRIMARIES, TELEVISION, coded, made_of, power

if TYPE_CHECKING:
    import PIL.Image
    from PIL import ImageCms

_GREY = ("1", "L", "LA")
_MAX_PROFILE = 4 * 2**20  # bytes; those of printing presses have 2 million at most
_CLASSES = (b"mntr", b"scnr", b"prtr", b"spac")  # what describes a device, or a space of colours
_SPACES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}  # to Pillow's modes


def profile_of(image: PIL.Image.Image) -> bytes:
    """The ICC profile of an opened picture, made from its codes if need be; empty if it is sRGB.

    Ask before `image.load()`: Pillow lets go of the file then, and of what it did not understand.
    """
    info = image.info
    said = _in_file(image)
    for profile in (said, info.get("icc_profile"), _heif_codes(info.get("nclx_profile"))):
        if isinstance(profile, bytes) and (profile == SRGB or _space(profile)):
            return profile
    gamma = info.get("gamma")
    if "srgb" in info or not gamma:
        return SRGB
    xy = info.get("chromaticity")
    if xy is None and 0.95 < gamma * 2.2 < 1.05:
        return SRGB
    try:
        primaries = SRGB_PRIMARIES if xy is None else list(zip(xy[::2], xy[1::2], strict=True))
        return made_of(primaries, power(1 / gamma))
    except ValueError:
        return SRGB


def to_srgb(image: PIL.Image.Image, profile: bytes) -> PIL.Image.Image:
    """The same picture in sRGB, in RGB or RGBA; itself where there is nothing to do.

    For pictures of any mode but I, F and those of 16 bits, which `eight_bits` takes.
    """
    space = _space(profile)
    if image.mode in _GREY and space in ("L", "RGB"):
        table = _ramp(profile)
        if table is None:
            return image
        grey = image.convert("L" if image.mode in ("1", "L") else "LA")
        light = grey.getchannel(0)
        bands = [light.point(table[:, colour].tolist()) for colour in range(3)]
        return _with_alpha(bands, image)
    takes = space == "RGB" and image.mode not in (*_GREY, "CMYK", "LAB")
    if not (takes or space == image.mode == "CMYK"):
        return image
    transform = _transform(profile)
    if transform is None:
        return image
    colours = image if image.mode == space else image.convert(space)
    converted = transform.apply(colours)
    return _with_alpha(converted.split(), image) if image.has_transparency_data else converted


def eight_bits(image: PIL.Image.Image, profile: bytes) -> PIL.Image.Image:
    """Grey of 16 bits as grey of 8, or as sRGB if its profile means other greys; with alpha where
    one grey is transparent."""
    from PIL import Image

    values = np.asarray(image)
    table = grey_table(profile)
    if table is None:
        found = Image.fromarray(np.rint(values * (255 / 65535)).clip(0, 255).astype(np.uint8))
    else:
        found = Image.fromarray(table[values.clip(0, 65535)])
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        found.putalpha(Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8)))
    return found


def grey_table(profile: bytes) -> np.ndarray | None:
    """sRGB for each of 65,536 greys of 16 bits, uint8 `[65536,3]`; None where nothing changes."""
    ramp = _ramp(profile) if _space(profile) in ("L", "RGB") else None
    if ramp is None:
        return None
    values, known = np.arange(65536) / 257, np.arange(256)
    table = [np.interp(values, known, ramp[:, colour]) for colour in range(3)]
    greys: np.ndarray = np.rint(np.stack(table, axis=1)).astype(np.uint8)
    return greys


def _with_alpha(bands: Sequence[PIL.Image.Image], original: PIL.Image.Image) -> PIL.Image.Image:
    """One picture of three bands, as transparent as the one they came from."""
    from PIL import Image

    if not original.has_transparency_data:
        return Image.merge("RGB", bands)
    alpha = original.convert("RGBA").getchannel("A")
    return Image.merge("RGBA", [*bands, alpha])


def _space(profile: bytes) -> str:
    """The mode of pictures that a profile is for; none if it cannot be used."""
    if not 132 < len(profile) <= _MAX_PROFILE or profile[36:40] != b"acsp":
        return ""
    if struct.unpack(">I", profile[:4])[0] > len(profile) or profile[8] > 4:
        return ""
    if profile[12:16] not in _CLASSES or profile[20:24] not in (b"XYZ ", b"Lab "):
        return ""
    return _SPACES.get(profile[16:20], "")


# A transform may be used by several threads at once: each call has its own one-pixel cache.
@lru_cache(maxsize=16)
def _transform(profile: bytes) -> ImageCms.ImageCmsTransform | None:
    """What takes a picture to sRGB; None if the profile is damaged, or moves no colour by 2."""
    from PIL import Image, ImageCms

    mode = _space(profile)
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        # Optimised, greys are off by up to 7 in the shadows; they are few, and kept as a table.
        flags = ImageCms.Flags.NOOPTIMIZE if mode == "L" else ImageCms.Flags.NONE
        transform = ImageCms.ImageCmsTransform(source, target, mode, "RGB", flags=flags)
    except (OSError, ValueError, TypeError):
        return None
    if mode != "RGB":
        return transform
    levels = np.linspace(0, 255, 18).astype(np.uint8)  # black, white, and all between
    cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    moved = np.asarray(transform.apply(Image.fromarray(cube))).astype(int) - cube
    return transform if np.abs(moved).max() > 1 else None


@lru_cache(maxsize=16)
def _ramp(profile: bytes) -> np.ndarray | None:
    """sRGB for each of 256 greys, uint8 `[256,3]`; None where none moves by 2."""
    from PIL import Image

    transform = _transform(profile)
    if transform is None:
        return None
    greys = np.arange(256, dtype=np.uint8)[None]
    ramp = Image.fromarray(greys)
    found = np.asarray(transform.apply(ramp if _space(profile) == "L" else ramp.convert("RGB")))[0]
    return found if np.abs(found.astype(int) - greys[0, :, None]).max() > 1 else None


def _in_file(image: PIL.Image.Image) -> bytes | None:
    """The profile of a picture that is not yet loaded, where Pillow (13) does not tell it: made
    from the codes of a PNG or AVIF, or that of a BMP."""
    read = {"PNG": _png_codes, "AVIF": _avif_codes, "BMP": _bmp_profile}.get(image.format or "")
    file = getattr(image, "fp", None)
    if read is None or file is None or file.closed or not getattr(image, "tile", None):
        return None
    if image.format == "AVIF" and image.info.get("icc_profile"):
        return None
    at = file.tell()
    try:
        return read(file)
    except ValueError:  # codes that are unspecified or unknown
        return None
    finally:
        file.seek(at)


def _png_codes(file: IO[bytes]) -> bytes | None:
    """Of cICP, which stands before the pixels."""
    file.seek(8)
    while len(head := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", head)
        if name == b"IDAT":
            break
        if name == b"cICP" and length == 4:
            primaries, transfer, matrix, is_full = file.read(4)
            return coded(primaries, transfer) if matrix == 0 and is_full == 1 else None
        file.seek(length + 4, io.SEEK_CUR)
    return None


def _avif_codes(file: IO[bytes]) -> bytes | None:
    """Of the first box `colr` in the list of properties, if it holds codes."""
    file.seek(0)
    head = file.read(2**16)
    at = head.find(b"colrnclx", head.find(b"ipco"))
    if not 0 <= at <= len(head) - 12:
        return None
    return _of_container(*struct.unpack_from(">HH", head, at + 8))


def _heif_codes(said: object) -> bytes | None:
    """Of what pi_heif tells of a HEIC picture."""
    if not isinstance(said, dict):
        return None
    try:
        return _of_container(said["color_primaries"], said["transfer_characteristics"])
    except (KeyError, ValueError):
        return None


def _of_container(primaries: int, transfer: int) -> bytes:
    """In browsers the curves of television are sRGB's here, and in a PNG they are not."""
    return coded(primaries, 13 if transfer in TELEVISION else transfer)


def _bmp_profile(file: IO[bytes]) -> bytes | None:
    """The one that is embedded in a BMP of the fifth version."""
    file.seek(14)
    head = file.read(124)
    if len(head) < 124 or head[:4] != struct.pack("<I", 124) or head[56:60] != b"DEBM":
        return None
    start, size = struct.unpack_from("<II", head, 112)
    file.seek(14 + start)
    return file.read(min(size, _MAX_PROFILE))
