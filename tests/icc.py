"""ICC profiles written byte by byte (ICC.1:2022), and what their numbers look like in sRGB."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy as np

D50 = (0.9642, 1.0, 0.8249)
Points = Sequence[tuple[float, float]]  # white, red, green, blue
D65 = (0.3127, 0.329)
SRGB: Points = (D65, (0.64, 0.33), (0.3, 0.6), (0.15, 0.06))
P3: Points = (D65, (0.68, 0.32), (0.265, 0.69), (0.15, 0.06))
ADOBE: Points = (D65, (0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
PROPHOTO: Points = ((0.3457, 0.3585), (0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001))
ROTATED: Points = (D65, (0.3, 0.6), (0.15, 0.06), (0.64, 0.33))
SWAPPED: Points = (D65, (0.15, 0.06), (0.3, 0.6), (0.64, 0.33))

_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def to_xyz(points: Points) -> np.ndarray:
    """The matrix from linear light of these primaries to XYZ under D50."""
    white, *primaries = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in points)
    matrix = np.stack(primaries, axis=1)
    matrix = matrix * np.linalg.solve(matrix, white)
    gains = (_BRADFORD @ np.array(D50)) / (_BRADFORD @ white)
    adapted: np.ndarray = np.linalg.inv(_BRADFORD) @ np.diag(gains) @ _BRADFORD @ matrix
    return adapted


def srgb_of_light(light: np.ndarray) -> np.ndarray:
    """Linear light of sRGB's primaries as numbers 0 to 255, not rounded."""
    light = np.clip(light, 0, 1)
    low = light <= 0.0031308
    return 255 * np.where(low, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def light_of_srgb(values: np.ndarray) -> np.ndarray:
    """The other way round, from numbers 0 to 1."""
    low = values <= 0.04045
    return np.where(low, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def in_srgb(pixels: np.ndarray, points: Points, gamma: float | None = None) -> np.ndarray:
    """What numbers of these primaries, and this gamma or sRGB's curve, are in sRGB."""
    values = pixels.astype(float) / 255
    light = light_of_srgb(values) if gamma is None else values**gamma
    matrix = np.linalg.inv(to_xyz(SRGB)) @ to_xyz(points)
    return srgb_of_light(light @ matrix.T)


def curve(gamma: float | None, version: int) -> bytes:
    """A tone curve; sRGB's own for None."""
    if gamma is None:
        if version >= 4:
            numbers = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
            return b"para" + struct.pack(">4xHxx5i", 3, *(round(65536 * n) for n in numbers))
        samples = 65535 * light_of_srgb(np.linspace(0, 1, 1024))
        return b"curv" + struct.pack(">4xI1024H", 1024, *map(round, samples.tolist()))
    if gamma == 1:
        return b"curv" + struct.pack(">4xI", 0)
    if version >= 4:
        return b"para" + struct.pack(">4xHxxi", 0, round(65536 * gamma))
    return b"curv" + struct.pack(">4xIH", 1, round(256 * gamma))


def xyz(values: Sequence[float]) -> bytes:
    return b"XYZ " + struct.pack(">4x3i", *(round(65536 * float(value)) for value in values))


def profile(
    tags: Mapping[str, bytes],
    *,
    space: str = "RGB ",
    pcs: str = "XYZ ",
    kind: str = "mntr",
    version: int = 4,
) -> bytes:
    """A whole profile of these tags."""
    text = b"desc" + struct.pack(">4xI", 5) + b"test\0" + bytes(78)
    if version >= 4:
        text = b"mluc" + struct.pack(">4xII2s2sII", 1, 12, b"en", b"US", 8, 28)
        text += "test".encode("utf-16-be")
    tags = {"desc": text, "cprt": text, "wtpt": xyz(D50), **tags}
    table, body = struct.pack(">I", len(tags)), b""
    start = 132 + 12 * len(tags)
    for name, content in tags.items():
        table += name.encode() + struct.pack(">II", start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    head = struct.pack(">I4xBxxx", start + len(body), version)
    head += kind.encode() + space.encode() + pcs.encode() + bytes(12) + b"acsp" + bytes(28)
    head += xyz(D50)[8:] + bytes(48)
    return head + table + body


def rgb(points: Points, gamma: float | None = None, *, version: int = 4, **head: str) -> bytes:
    """Primaries and one curve."""
    tags = {f"{c}XYZ": xyz(column) for c, column in zip("rgb", to_xyz(points).T, strict=True)}
    tags |= {f"{c}TRC": curve(gamma, version) for c in "rgb"}
    return profile(tags, version=version, **head)


def grey(gamma: float | None, *, version: int = 4) -> bytes:
    return profile({"kTRC": curve(gamma, version)}, space="GRAY", version=version)


def lab(colours: np.ndarray) -> np.ndarray:
    """CIE L*a*b* under D50 of sRGB numbers 0 to 1, `[...,3]`."""
    ratio = light_of_srgb(colours) @ to_xyz(SRGB).T / np.array(D50)
    root = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def table(space: str, colours: np.ndarray, **head: str) -> bytes:
    """A table from each corner of the numbers to a colour: `colours` (sRGB, 0 to 1) is
    `[2,...,2,3]`, with an axis for each ink or light."""
    steps = 9
    inks = colours.ndim - 1
    for axis in range(inks):  # linear between the corners
        share = np.linspace(0, 1, steps).reshape([-1 if i == axis else 1 for i in range(inks + 1)])
        low, high = np.split(colours, 2, axis=axis)
        colours = low * (1 - share) + high * share
    values = lab(colours) * [652.8, 256, 256] + [0, 32768, 32768]  # of version 2
    ramp = np.array([0, 65535], ">u2").tobytes()
    body = struct.pack(">4s4xBBBx", b"mft2", inks, 3, steps)
    body += struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
    body += struct.pack(">HH", 2, 2) + ramp * inks
    body += np.rint(np.clip(values, 0, 65535)).astype(">u2").tobytes() + ramp * 3
    return profile({"A2B0": body}, space=space, pcs="Lab ", version=2, **head)


def cmyk() -> bytes:
    """Inks that mix as light is taken away: red is 1 - cyan, and so on, times 1 - black."""
    c, m, y, k = np.meshgrid(*[[0, 1]] * 4, indexing="ij")
    light = np.stack([(1 - ink) * (1 - k) for ink in (c, m, y)], axis=-1)
    return table("CMYK", light * [0.9, 0.8, 0.7] + 0.1, kind="prtr")


def turned_table() -> bytes:
    """A table that gives each colour's green to red, blue to green and red to blue."""
    r, g, b = np.meshgrid(*[[0, 1]] * 3, indexing="ij")
    return table("RGB ", np.stack([g, b, r], axis=-1).astype(float), kind="scnr")
