"""The README of an export."""

from __future__ import annotations

from ..model.classifier import Classifier
from ..text import label_words, one_line, several
from ..version import __version__
from .proof import Proof
from .target import Target


def export_readme(target: Target, classifier: Classifier, proof: Proof) -> str:
    """What it is, who reads it, how to run it, and how it was proved."""
    labels = ", ".join(label_words(label) for label in classifier.labels)
    escaped = ""
    if any(label != one_line(label) for label in classifier.labels):
        escaped = ", where line breaks, other control characters and backslashes are escaped"
    more = f"\n{target.more}\n" if target.more else ""
    differs = f"\n{target.differs}\n" if target.differs else ""
    return f"""# {labels}

{target.writes[:1].upper()}{target.writes[1:]}; read by {target.read_by}.
Written by tellapart {__version__} as `{target.name}`.

```
{target.run}
```
{more}{_kinds(target)}
## Proof
{_words(proof)}
{differs}
## None of these
{_of_unknown(target, classifier)}

Labels are in the order of `labels.txt`{escaped}.
"""


def _kinds(target: Target) -> str:
    """Which pictures the program beside the model reads, where there is one."""
    if "example.py" not in target.run + target.more:
        return ""
    return """
## Pictures
`example.py` reads JPEG, PNG, GIF, WebP, BMP and AVIF, and TIFF of at most 8 bits a sample, as
tellapart does. It refuses with a sentence what tellapart reads by code of its own (HEIC, RAW, deep
and floating-point TIFFs, a JPEG without its end): save that as PNG or JPEG.
"""


def _of_unknown(target: Target, classifier: Classifier) -> str:
    """What the program does with a picture that is none of the labels."""
    threshold = f"{classifier.unknown_above:.4g}"
    rule = f'"none of these" where a picture\'s novelty is above {threshold}'
    if target.unknown == "told":
        return f"Like `tellapart guess`, it says {rule}."
    if target.unknown == "measured":
        return (
            f"`tellapart guess` says {rule}. The program here does not: it gives scores to\n"
            f"every picture. To apply the rule, ask for the output `novelty` beside `scores`, and "
            f"use the scores\nonly where the novelty is at most {threshold}."
        )
    return (
        f"`tellapart guess` says {rule}. This form has no\noutput `novelty`: it gives scores to "
        f"every picture, unknown ones too. Where that matters, export as `onnx`."
    )


def _words(proof: Proof) -> str:
    if not proof.pictures:
        return proof.note
    return (
        f"Run in a fresh process on {several(proof.pictures, 'picture')}: the same label as the "
        f"model for\n{proof.same_label} of them; the largest difference of any score is "
        f"{proof.largest_difference:.2g}." + (f"\n{proof.note}" if proof.note else "")
    )
