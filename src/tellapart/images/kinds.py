"""What a file is, by its first bytes and its name: what is read, and words for the others."""

from __future__ import annotations

from ..text import shown

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "HEIC", "RAW")

# Of cameras: what the sensor saw. Most are TIFFs whose first picture is only a thumbnail.
_CAMERAS = """
    .3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .iiq .k25 .kdc .mef .mos .mrw .nef .nrw .orf .pef
    .raf .rw2 .rwl .sr2 .srf .srw .x3f
"""
RAW_SUFFIXES = frozenset(_CAMERAS.split())

SUFFIXES = RAW_SUFFIXES | frozenset(
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
        ".heics",
        ".heifs",
        ".hif",
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
    ]
)

# What the first bytes say a file is; used to tell pictures from other files and to name the others.
_SIGNATURES: tuple[tuple[bytes, int, str], ...] = (
    (b"\xff\xd8\xff", 0, "JPEG"),
    (b"\x89PNG\r\n\x1a\n", 0, "PNG"),
    (b"GIF8", 0, "GIF"),
    (b"WEBP", 8, "WEBP"),
    (b"BM", 0, "BMP"),
    (b"CR\x02", 8, "RAW"),  # Canon's CR2, which is a TIFF besides
    (b"HEAPCCDR", 6, "RAW"),  # Canon's CRW
    (b"FUJIFILMCCD-RAW", 0, "RAW"),
    (b"IIRO", 0, "RAW"),  # Olympus
    (b"IIRS", 0, "RAW"),
    (b"MMOR", 0, "RAW"),
    (b"IIU\x00", 0, "RAW"),  # Panasonic
    (b"\x00MRM", 0, "RAW"),  # Minolta
    (b"FOVb", 0, "RAW"),  # Sigma
    (b"II*\x00", 0, "TIFF"),
    (b"MM\x00*", 0, "TIFF"),
    (b"II+\x00", 0, "TIFF"),
    (b"MM\x00+", 0, "TIFF"),
    (b"ftypavi", 4, "AVIF"),
    (b"ftypcrx ", 4, "RAW"),  # Canon's CR3
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
EMPTY = "an empty file"


def sniff(head: bytes) -> str:
    """What the first 512 bytes say: a row of `FORMATS`, or a noun such as "an HTML page"."""
    if head[4:8] == b"ftyp":
        brands = _brands(head)
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        if brands & _HEIF_BRANDS:
            return "HEIC"
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


# Of pictures in ISO 23008-12 (HEIF): of HEVC, and of any coding.
_HEIF_BRANDS = frozenset(
    b"heic heix heim heis hevc hevx hevm hevs mif1 mif2 msf1 miaf MiHB MiHE".split()
)


def _brands(head: bytes) -> frozenset[bytes]:
    """The brand of a file in boxes, and those that it is compatible with."""
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return frozenset(head[at : at + 4] for at in (8, *range(16, end - 3, 4)))


_TEXT_BYTES = bytes([9, 10, 13, *range(32, 127)])


_ARCHIVES = frozenset({"a zip archive", "a gzip archive"})


def misnamed(kind: str, suffix: str) -> str:
    """Why a file of a kind that is not read is passed over, in plain words."""
    if kind.endswith("picture") or kind.startswith("an icon"):
        return f"{kind}, which cannot be read: save it as JPEG or PNG first"
    if kind in _ARCHIVES and suffix.lower() in {".zip", ".gz", ".tgz"}:
        return f"{kind}: unpack it first; only train and test read it as it is"
    return f"{kind} saved as {shown(suffix.lower())}" if suffix and kind != UNKNOWN else kind
