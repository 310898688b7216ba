"""The model file: one plain ONNX file that carries its own manifest.

A model file may come from anyone, so before it runs it must pass `untrusted.refuse_hostile`, have
our input and outputs, and a manifest that this release understands. Its last bytes are a seal over
all others: an entry of `metadata_props`, which other runtimes pass over.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ..backbones.untrusted import parse_onnx, refuse_hostile
from ..errors import ModelError, UsageError
from ..evaluation.unknowns import Unknowns
from ..files.seal import DIGITS, is_sealed, is_whole, seal, unsealed
from ..head.kinds import DISCRIMINANT, KINDS, REGRESSION, Compared, Part

if TYPE_CHECKING:
    from ..backbones.graph import HeadTensors, Network

FORMAT = 2  # 1 had no seal
KEY = "tellapart"
SEAL_KEY = "tellapart.sha256"
# Field 14 of a model, of 84 bytes: its field 1 the key, its field 2 the 64 digits that follow.
_SEAL = b"\x72\x54\x0a\x10" + SEAL_KEY.encode() + b"\x12\x40"
_LARGEST = 1e12  # what no C, temperature or log loss reaches; more would overflow in explaining
OUTPUTS = ("scores", "embedding", "evidence", "novelty")


@dataclass(frozen=True)
class Manifest:
    """What a model file says about itself; JSON in the file's `metadata_props["tellapart"]`.

    Attributes:
        labels: the labels, in the order of `scores`.
        counts: training pictures of each label.
        bias: the constant of each label that evidence lacks.
        quality: the row of `QUALITIES`, or of an own backbone its name.
        backbones: the networks.
        views: how the networks look at a picture.
        network: the sha256 of the embedding network.
        solver: how the head was fitted.
        parts: what the head is the mean of, or itself.
        compared: the kinds of head that were tried, the best first.
        admitted: fractions of pictures of the model's own labels, in ascending order.
        novelty: the threshold that each of these fractions stays below.
        version: of tellapart that wrote it.
        format: of the model file.
        unknowns: how well a label that it was never shown would be told apart; None where that was
            not measured.
    """

    labels: tuple[str, ...]
    counts: tuple[int, ...]
    bias: tuple[float, ...]
    quality: str
    backbones: tuple[str, ...]
    views: tuple[str, ...]
    network: str
    solver: str
    parts: tuple[Part, ...]
    compared: tuple[Compared, ...]
    admitted: tuple[float, ...]
    novelty: tuple[float, ...]
    version: str
    format: int = FORMAT
    unknowns: Unknowns | None = None

    def unknown_above(self, admit: float) -> float:
        """The novelty that a fraction `admit` of the model's own kind stays below.

        Raises:
            UsageError: a fraction that the training pictures cannot tell.
        """
        if admit == 1:
            return math.inf
        low, high = self.admitted[0], self.admitted[-1]
        if not low <= admit <= high:
            raise UsageError(
                f"This model cannot admit a fraction of {admit:g}.",
                hint=f"Give a fraction from {low:g} to {high:g}, such as 0.99; or 1 to admit all.",
            )
        return float(np.interp(admit, self.admitted, self.novelty))

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


_LISTS = frozenset(
    {"labels", "counts", "bias", "backbones", "views", "parts", "compared", "admitted", "novelty"}
)
_KINDS: Mapping[str, tuple[type, ...]] = {
    "labels": (str,),
    "counts": (int,),
    "bias": (float, int),
    "quality": (str,),
    "backbones": (str,),
    "views": (str,),
    "network": (str,),
    "solver": (str,),
    "parts": (dict,),
    "compared": (dict,),
    "admitted": (float, int),
    "novelty": (float, int),
    "version": (str,),
    "format": (int,),
}


def build_model(network: Network, head: HeadTensors, manifest: Manifest) -> bytes:
    """The bytes of a model file; equal inputs give equal bytes."""
    from onnx import helper

    from ..backbones.graph import classifier_graph  # reading a model takes none of that

    model = classifier_graph(network, head)
    helper.set_model_props(model, {KEY: manifest.to_json()})
    return sealed(bytes(model.SerializeToString(deterministic=True)))


def sealed(content: bytes) -> bytes:
    """A model file with a seal that fits it, in place of the one it has at its end, if any."""
    return seal(unsealed(content, _SEAL) + _SEAL)


def seal_of(content: bytes) -> str:
    """The sha256 in hex that is a model file's seal: what ties its training record to it."""
    if is_sealed(content, _SEAL):
        return content[-DIGITS:].decode("ascii", "replace")
    return hashlib.sha256(content).hexdigest()


def check_model(content: bytes) -> Manifest:
    """Refuse what is no sound tellapart model; returns the manifest of one that is.

    Raises:
        ModelError: changed, damaged, foreign, hostile, or of a newer or earlier release; it says
            which.
    """
    if is_sealed(content, _SEAL) and not is_whole(content):
        raise _changed()
    model = parse_onnx(content)
    properties = {entry.key: entry.value for entry in model.metadata_props}
    if KEY not in properties:
        raise ModelError(
            "This is an ONNX model, but not one that tellapart made: it has no manifest.",
            hint="To build on it, give it to: tellapart train --backbone FILE.",
        )
    manifest = _manifest(properties[KEY])
    if not is_sealed(content, _SEAL):
        raise _changed()
    refuse_hostile(model)
    inputs = [value.name for value in model.graph.input]
    outputs = {value.name for value in model.graph.output}
    if inputs != ["image"] or not outputs.issuperset(OUTPUTS):
        raise ModelError("This model file is damaged: it has the wrong inputs and outputs.")
    return manifest


def _changed() -> ModelError:
    return ModelError(
        "This model file was changed or damaged after it was written.",
        hint="Copy it again, or train it again.",
    )


def _manifest(text: str) -> Manifest:
    try:
        values = json.loads(text)
        written = values["format"]
        if type(written) is not int:
            raise TypeError("format")
        if written > FORMAT:
            raise ModelError(
                f"This model was written by a newer tellapart (format {written}; this one reads "
                f"up to {FORMAT}).",
                hint="Type: pip install --upgrade tellapart",
            )
        if written < FORMAT:
            raise ModelError(
                "This model was written by an earlier tellapart, whose models cannot be checked "
                "for damage.",
                hint="Train it again.",
            )
        return _checked(values)
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ModelError(f"This model file is damaged: its manifest is wrong ({error}).") from error


def _checked(values: Mapping[str, object]) -> Manifest:
    given: dict[str, object] = {}
    if "parts" not in values:
        values = {**values, **_before(values)}
    for name, kind in _KINDS.items():  # a later release of this format may say more
        value = values[name]
        parts = value if name in _LISTS else [value]
        if not isinstance(parts, list) or not all(type(part) in kind for part in parts):
            raise TypeError(name)
        given[name] = tuple(parts) if name in _LISTS else value
    given["parts"] = tuple(Part(**part) for part in given["parts"])  # type: ignore[attr-defined]
    given["compared"] = tuple(Compared(**one) for one in given["compared"])  # type: ignore[attr-defined]
    unknowns = values.get("unknowns")  # not from an earlier release of this format
    given["unknowns"] = Unknowns.from_json(unknowns) if unknowns is not None else None
    manifest = Manifest(**given)  # type: ignore[arg-type]
    _check_values(manifest)
    return manifest


def _before(values: Mapping[str, object]) -> dict[str, object]:
    """The parts of a head that was written when there was no other than a regression."""
    part = {"kind": REGRESSION, "setting": values["strength"], "temperature": values["temperature"]}
    return {"parts": [part], "compared": []}


def _is_number(value: object, least: float = 0.0, most: float = _LARGEST) -> bool:
    return type(value) in (int, float) and least <= value <= most  # type: ignore[operator]


def _check_values(manifest: Manifest) -> None:
    """Raises ValueError or OverflowError where numbers cannot be what they are said to be."""
    labels = manifest.labels
    if len(labels) < 2 or len(set(labels)) != len(labels) or not all(labels):
        raise ValueError("labels")
    if not len(labels) == len(manifest.counts) == len(manifest.bias):
        raise ValueError("one count and bias a label")
    if not 0 < len(manifest.admitted) == len(manifest.novelty):
        raise ValueError("one threshold for each fraction")
    if min(manifest.counts) < 0:
        raise ValueError("counts")
    if not all(map(math.isfinite, manifest.bias)):
        raise ValueError("bias")
    if not manifest.parts or len({part.kind for part in manifest.parts}) != len(manifest.parts):
        raise ValueError("parts")
    for part in manifest.parts:
        if part.kind not in (REGRESSION, DISCRIMINANT):
            raise ValueError("a part's kind")
        most = 1 if part.kind == DISCRIMINANT else _LARGEST  # a shrinkage is a share
        if not (
            _is_number(part.temperature, 1 / _LARGEST)
            and (part.setting is None or _is_number(part.setting, 1 / _LARGEST, most))
        ):
            raise ValueError("a part's numbers")
    for one in manifest.compared:
        if not (one.kind in KINDS and all(map(_is_number, (one.loss, one.behind, one.luck)))):
            raise ValueError("compared")
    fractions = (0.0, *manifest.admitted, 1.0)
    if not all(low < high for low, high in pairwise(fractions)):
        raise ValueError("admitted")
    if not all(map(math.isfinite, manifest.novelty)) or any(
        low > high for low, high in pairwise(manifest.novelty)
    ):
        raise ValueError("novelty")
