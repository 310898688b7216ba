"""The README of an export."""

from __future__ import annotations

from ..model import Classifier
from ..version import __version__
from ..wording import label_words, several
from .proof import Proof
from .target import Target


def export_readme(target: Target, classifier: Classifier, proof: Proof) -> str:
    """What it is, who reads it, how to run it, and how it was proved."""
    labels = ", ".join(label_words(label) for label in classifier.labels)
    differs = f"\n{target.differs}\n" if target.differs else ""
    return f"""# {labels}

{target.writes[:1].upper()}{target.writes[1:]}; read by {target.read_by}.
Written by tellapart {__version__} as `{target.name}`.

```
{target.run}
```

## Proof
{_words(proof)}
{differs}
Labels are in the order of `labels.txt`.
"""


def _words(proof: Proof) -> str:
    if not proof.pictures:
        return proof.note
    return (
        f"Run in a fresh process on {several(proof.pictures, 'picture')}: the same label as the "
        f"model for\n{proof.same_label} of them; the largest difference of any score is "
        f"{proof.largest_difference:.2g}." + (f"\n{proof.note}" if proof.note else "")
    )
