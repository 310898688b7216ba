"""What a file is, by its first bytes and its name: what is read, and words for the others."""

from __future__ import annotations

from ..wording import shown

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")

SUFFIXES = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".mpo",
        ".png",
        ".apng",
        ".gif",
        ".webp",
        ".bmp",
        ".dib",
        ".tif",
        ".tiff",
        ".avif",
        ".heic",
        ".heif",
        ".jp2",
        ".j2k",
        ".jpx",
        ".jxl",
        ".ico",
        ".icns",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
        ".pcx",
        ".tga",
        ".sgi",
        ".fli",
        ".flc",
        ".psd",
        ".svg",
        ".raw",
        ".dng",
        ".cr2",
        ".cr3",
        ".nef",
        ".arw",
        ".orf",
        ".rw2",
    ]
)

# What the first bytes say a file is; used to tell pictures from other files and to name the others.
_SIGNATURES: tuple[tuple[bytes, int, str], ...] = (
    (b"\xff\xd8\xff", 0, "JPEG"),
    (b"\x89PNG\r\n\x1a\n", 0, "PNG"),
    (b"GIF8", 0, "GIF"),
    (b"WEBP", 8, "WEBP"),
    (b"BM", 0, "BMP"),
    (b"II*\x00", 0, "TIFF"),
    (b"MM\x00*", 0, "TIFF"),
    (b"II+\x00", 0, "TIFF"),
    (b"MM\x00+", 0, "TIFF"),
    (b"ftypavi", 4, "AVIF"),
    (b"ftypheic", 4, "a HEIC picture"),
    (b"ftypheix", 4, "a HEIC picture"),
    (b"ftypmif1", 4, "a HEIC picture"),
    (b"ftypmsf1", 4, "a HEIC picture"),
    (b"ftyp", 4, "a video"),
    (b"\x1aE\xdf\xa3", 0, "a video"),
    (b"\x00\x00\x00\x0cjP  ", 0, "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", 0, "a JPEG 2000 picture"),
    (b"\xff\x0a", 0, "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cJXL ", 0, "a JPEG XL picture"),
    (b"\x00\x00\x01\x00", 0, "an icon (ICO)"),
    (b"8BPS", 0, "a Photoshop file"),
    (b"%PDF", 0, "a PDF document"),
    (b"PK\x03\x04", 0, "a zip archive"),
    (b"Rar!", 0, "a RAR archive"),
    (b"\x1f\x8b", 0, "a gzip archive"),
    (b"version https://git-lfs", 0, "a Git LFS pointer"),
    (b"\x01\xda", 0, "an SGI picture"),
    *(
        (f"P{n}".encode() + space, 0, "a PPM/PGM picture")
        for n in "123456"
        for space in (b"\n", b" ")
    ),
)


UNKNOWN = "not a picture of a kind that can be read"


def sniff(head: bytes) -> str:
    """What the first 512 bytes say: a row of `FORMATS`, or a noun such as "an HTML page"."""
    if head[4:8] == b"ftyp" and b"avif" in head[8:40]:  # among the brands it is compatible with
        return "AVIF"
    for signature, at, kind in _SIGNATURES:
        if head[at : at + len(signature)] == signature:
            return kind
    text = head[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in text:
        return "an SVG drawing"
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "an HTML page"
    if text.startswith(b"<?xml"):
        return "an XML file"
    if not head[:512].translate(None, _TEXT_BYTES):
        return "a text file"
    return UNKNOWN


_TEXT_BYTES = bytes([9, 10, 13, *range(32, 127)])


def misnamed(kind: str, suffix: str) -> str:
    """Why a file of a kind that is not read is passed over, in plain words."""
    if kind.endswith("picture") or kind.startswith("an icon"):
        return f"{kind}, which cannot be read: save it as JPEG or PNG first"
    return f"{kind} saved as {shown(suffix.lower())}" if suffix and kind != UNKNOWN else kind
