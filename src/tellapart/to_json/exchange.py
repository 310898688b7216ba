"""What was split, added and exchanged, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .results import Json, passed_over

if TYPE_CHECKING:
    from ..exchange.corrections import LabelsRead
    from ..exchange.labels import LabelsWritten
    from ..exchange.splitting import SplitResult


def split(result: SplitResult) -> dict[str, Json]:
    """All of `split --json`; `counts` has the pictures of each label, by part."""
    return {
        "destination": str(result.destination),
        "counts": {part: dict(of.items()) for part, of in result.counts.items()},
        "already_there": result.already_there,
        "table": str(result.table),
        "skipped": passed_over(result.skipped),
        "hidden": result.hidden,
        "notes": list(result.notes),
    }


def labels_written(result: LabelsWritten) -> dict[str, Json]:
    """All of `labels --to --json`."""
    return {
        "file": str(result.file),
        "form": result.form,
        "pictures": result.total,
        "labels": dict(result.counts.items()),
        "notes": list(result.notes),
        "skipped": passed_over(result.skipped),
    }


def labels_read(result: LabelsRead) -> dict[str, Json]:
    """All of `labels --from --json`; `relabelled` counts pictures by their new label."""
    return {
        "file": str(result.file),
        "decided": result.decided,
        "relabelled": dict(result.relabelled.items()),
        "grouped": result.grouped,
        "dropped": result.dropped,
        "kept": result.kept,
        "taken_back": result.taken_back,
        "same": result.same,
        "new_labels": list(result.new_labels),
        "skipped": passed_over(result.skipped),
    }
