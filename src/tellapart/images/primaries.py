"""ICC profiles made from primaries and a curve, or from the codes that stand for them (H.273).

Exported programs carry a copy of this file.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np

SRGB = b""  # the profile of pictures that need none

Primaries: TypeAlias = "Sequence[tuple[float, float]]"  # white, red, green and blue, each x and y

_WHITE_C, _WHITE_E, _WHITE_DCI = (0.31, 0.316), (1 / 3, 1 / 3), (0.314, 0.351)
_D50 = (0.9642, 1.0, 0.8249)
_D65 = (0.3127, 0.329)
_SMPTE_C = (_D65, (0.63, 0.34), (0.31, 0.595), (0.155, 0.07))
SRGB_PRIMARIES = (_D65, (0.64, 0.33), (0.3, 0.6), (0.15, 0.06))
# By their code (ITU-T H.273, table 2).
_PRIMARIES: Mapping[int, Primaries] = {
    1: SRGB_PRIMARIES,
    4: (_WHITE_C, (0.67, 0.33), (0.21, 0.71), (0.14, 0.08)),
    5: (_D65, (0.64, 0.33), (0.29, 0.6), (0.15, 0.06)),
    6: _SMPTE_C,
    7: _SMPTE_C,
    8: (_WHITE_C, (0.681, 0.319), (0.243, 0.692), (0.145, 0.049)),
    9: (_D65, (0.708, 0.292), (0.17, 0.797), (0.131, 0.046)),
    10: (_WHITE_E, (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)),
    11: (_WHITE_DCI, (0.68, 0.32), (0.265, 0.69), (0.15, 0.06)),
    12: (_D65, (0.68, 0.32), (0.265, 0.69), (0.15, 0.06)),
    22: (_D65, (0.63, 0.34), (0.295, 0.605), (0.155, 0.077)),
}


@lru_cache(maxsize=16)
def coded(primaries: int, transfer: int) -> bytes:
    """An ICC profile for two codes of ITU-T H.273, or `SRGB`.

    Raises:
        ValueError: a code that is unspecified or unknown.
    """
    if primaries not in _PRIMARIES or transfer not in _CURVES:
        raise ValueError(f"no colours are known for the codes {primaries} and {transfer}")
    if primaries == 1 and transfer == 13:
        return SRGB
    return made_of(_PRIMARIES[primaries], _CURVES[transfer])


def power(exponent: float) -> bytes:
    """A curve of ICC: light is the number to this power."""
    if not 0.01 <= exponent <= 100:
        raise ValueError(f"no curve has the exponent {exponent}")
    return _parametric(0, exponent)


def _parametric(kind: int, *numbers: float) -> bytes:
    fixed = [round(number * 65536) for number in numbers]
    return struct.pack(f">4s4xHxx{len(fixed)}i", b"para", kind, *fixed)


def _sampled(light: np.ndarray) -> bytes:
    """A curve of ICC from its values 0 to 1 at equal distances."""
    values: bytes = np.rint(np.clip(light, 0, 1) * 65535).astype(">u2").tobytes()
    return struct.pack(">4s4xI", b"curv", len(light)) + values


def _pq() -> np.ndarray:
    """SMPTE ST 2084, as a fraction of diffuse white."""
    root = np.linspace(0, 1, 4096) ** (32 / 2523)
    fraction = np.maximum(root - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * root)
    found: np.ndarray = 10_000 / 203 * fraction ** (8192 / 1305)
    return found


def _hlg() -> np.ndarray:
    """ITU-R BT.2100, shown at 1,000 cd/m², as a fraction of diffuse white."""
    signal = np.linspace(0, 1, 4096)
    high = (np.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12
    found: np.ndarray = 1000 / 203 * np.where(signal <= 0.5, signal**2 / 3, high) ** 1.2
    return found


_SRGB_CURVE = _parametric(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
TELEVISION = (1, 6, 14, 15)  # a camera's curve; a screen has that of ITU-R BT.1886
# From a number to light, by its code (ITU-T H.273, table 3).
_CURVES: Mapping[int, bytes] = {
    **dict.fromkeys(TELEVISION, power(2.4)),
    4: power(2.2),
    5: power(2.8),
    7: _parametric(3, 1 / 0.45, 1 / 1.1115, 0.1115 / 1.1115, 0.25, 0.0913),
    8: power(1.0),
    13: _SRGB_CURVE,
    16: _sampled(_pq()),
    17: _sampled(52.37 / 48 * np.linspace(0, 1, 4096) ** 2.6),
    18: _sampled(_hlg()),
}


_COLUMNS = (b"rXYZ", b"gXYZ", b"bXYZ")


def made_of(primaries: Primaries, curve: bytes) -> bytes:
    """An ICC profile of white, red, green and blue as x and y, and one curve for all three.

    Raises:
        ValueError: no colours can be mixed of these.
    """
    columns = _to_d50(primaries)
    tags = [(b"wtpt", _xyz(_D50))]
    tags += [(name, _xyz(row)) for name, row in zip(_COLUMNS, columns.T, strict=True)]
    tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags:
        table += struct.pack(">4sII", name, start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    illuminant = _xyz(_D50)[8:]
    head = struct.pack(
        ">I4xI4s4s4s12x4s28x12s48x",
        *(start + len(body), 0x04200000, b"mntr", b"RGB ", b"XYZ ", b"acsp", illuminant),
    )
    return head + table + body


def _xyz(numbers: Sequence[float]) -> bytes:
    fixed = [round(float(number) * 65536) for number in numbers]
    if not all(-(2**31) <= number < 2**31 for number in fixed):
        raise ValueError("colours beyond all measure")
    return struct.pack(">4s4x3i", b"XYZ ", *fixed)


_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def _to_d50(primaries: Primaries) -> np.ndarray:
    """The matrix `[3,3]` from light of three primaries to XYZ under D50 (Bradford)."""
    if not all(0 <= x <= 1 and 0 <= y <= 1 and math.isfinite(x + y) for x, y in primaries):
        raise ValueError("primaries that are no colours")
    if primaries[0][1] == 0:
        raise ValueError("a white without light")
    white, *columns = (np.array([x, y, 1 - x - y]) for x, y in primaries)
    white = white / white[1]
    mixed = np.stack(columns, axis=1)
    try:
        mixed = mixed * np.linalg.solve(mixed, white)
    except np.linalg.LinAlgError as error:
        raise ValueError("primaries of which no white can be mixed") from error
    seen, wanted = _BRADFORD @ white, _BRADFORD @ np.array(_D50)
    if not seen.all():
        raise ValueError("a white that cannot be adapted")
    adapted: np.ndarray = np.linalg.solve(_BRADFORD, np.diag(wanted / seen)) @ _BRADFORD @ mixed
    return adapted
