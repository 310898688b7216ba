"""The model file: one plain ONNX file that carries its own manifest.

A model file may come from anyone, so before it runs it must pass `untrusted.refuse_hostile`, have
our input and outputs, and a manifest that this release understands.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from .backbones.untrusted import parse_onnx, refuse_hostile
from .errors import ModelError, UsageError

if TYPE_CHECKING:
    from .backbones.graph import HeadTensors, Network

FORMAT = 1
KEY = "tellapart"
OUTPUTS = ("scores", "embedding", "evidence", "novelty")


@dataclass(frozen=True)
class Manifest:
    """What a model file says of itself; JSON in the file's `metadata_props["tellapart"]`.

    `counts` are the training pictures per label; `bias` is the constant that evidence lacks;
    `strength` is the head's C (None where it was not chosen) and `temperature` what its logits were
    divided by; of the model's own kind a share `admitted[i]` stays below the novelty `novelty[i]`;
    `network` is the sha256 of the embedding network.
    """

    labels: tuple[str, ...]
    counts: tuple[int, ...]
    bias: tuple[float, ...]
    quality: str
    backbones: tuple[str, ...]
    views: tuple[str, ...]
    network: str
    solver: str
    strength: float | None
    temperature: float
    admitted: tuple[float, ...]
    novelty: tuple[float, ...]
    version: str
    format: int = FORMAT

    def stranger_above(self, admit: float) -> float:
        """The novelty that a share `admit` of the model's own kind stays below.

        Raises:
            UsageError: a share that the training pictures cannot tell.
        """
        if admit == 1:
            return math.inf
        low, high = self.admitted[0], self.admitted[-1]
        if not low <= admit <= high:
            raise UsageError(
                f"A share of {admit:g} cannot be admitted.",
                hint=f"Give one from {low:g} to {high:g}, such as 0.99; or 1 to admit all.",
            )
        return float(np.interp(admit, self.admitted, self.novelty))

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


_LISTS = frozenset({"labels", "counts", "bias", "backbones", "views", "admitted", "novelty"})
_KINDS: Mapping[str, tuple[type, ...]] = {
    "labels": (str,),
    "counts": (int,),
    "bias": (float, int),
    "quality": (str,),
    "backbones": (str,),
    "views": (str,),
    "network": (str,),
    "solver": (str,),
    "strength": (float, int, type(None)),
    "temperature": (float, int),
    "admitted": (float, int),
    "novelty": (float, int),
    "version": (str,),
    "format": (int,),
}


def build_model(network: Network, head: HeadTensors, manifest: Manifest) -> bytes:
    """The bytes of a model file; equal inputs give equal bytes."""
    from onnx import helper

    from .backbones.graph import classifier_graph  # reading a model takes none of that

    model = classifier_graph(network, head)
    helper.set_model_props(model, {KEY: manifest.to_json()})
    return bytes(model.SerializeToString(deterministic=True))


def check_model(content: bytes) -> Manifest:
    """Refuse what is no sound tellapart model; returns the manifest of one that is.

    Raises:
        ModelError: damaged, foreign, hostile, or written by a newer release; it says which.
    """
    model = parse_onnx(content)
    properties = {entry.key: entry.value for entry in model.metadata_props}
    if KEY not in properties:
        raise ModelError(
            "This is an ONNX model, but not one that tellapart made: it has no manifest.",
            hint="To build on it, give it to: tellapart train --backbone FILE.",
        )
    manifest = _manifest(properties[KEY])
    refuse_hostile(model)
    inputs = [value.name for value in model.graph.input]
    outputs = {value.name for value in model.graph.output}
    if inputs != ["image"] or not outputs.issuperset(OUTPUTS):
        raise ModelError("This model file is damaged: its inputs and outputs are not ours.")
    return manifest


def _manifest(text: str) -> Manifest:
    try:
        values = json.loads(text)
        written = values["format"]
        if not isinstance(written, int):
            raise TypeError("format")
        if written > FORMAT:
            raise ModelError(
                f"This model was written by a newer tellapart (format {written}; this one reads "
                f"up to {FORMAT}).",
                hint="Type: pip install --upgrade tellapart",
            )
        return _checked(values)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ModelError(f"This model file is damaged: its manifest is wrong ({error}).") from error


def _checked(values: Mapping[str, object]) -> Manifest:
    given: dict[str, object] = {}
    for name, kind in _KINDS.items():  # a later release of this format may say more
        value = values[name]
        parts = value if name in _LISTS else [value]
        if not isinstance(parts, list) or not all(isinstance(part, kind) for part in parts):
            raise TypeError(name)
        given[name] = tuple(parts) if name in _LISTS else value
    manifest = Manifest(**given)  # type: ignore[arg-type]
    labels = manifest.labels
    if len(labels) < 2 or len(set(labels)) != len(labels):
        raise ValueError("labels")
    if not len(labels) == len(manifest.counts) == len(manifest.bias):
        raise ValueError("one count and bias a label")
    if not 0 < len(manifest.admitted) == len(manifest.novelty):
        raise ValueError("one threshold a share")
    return manifest
