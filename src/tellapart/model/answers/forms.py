"""Rows -> the bytes of one shard, in each of the forms: the same rows give the same bytes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import need
from ...text import csv_row, csv_text
from .rows import MOST_COLUMNS, Row, Table, best_of

_SCORE = "score_"  # how the column of a label's score begins: no label is taken for another column


@dataclass(frozen=True)
class Form:
    """One form: how its files end, what makes one, whether it holds embeddings, and whether it can
    leave scores out."""

    name: str
    suffix: str
    encode: Callable[[Sequence[Row], Table], bytes]
    embeddings: bool
    top: bool


def as_csv(rows: Sequence[Row], table: Table) -> bytes:
    """A line of names, and a line a picture; paths and labels stay as they are, even one that
    begins like a formula: programs read this."""
    scores = [f"{_SCORE}{label}" for label in table.labels]
    lines = [csv_row(["path", "sha256", "label", "score", "novelty", "unknown", "error", *scores])]
    for row in rows:
        if row.scores is None:
            lines.append(csv_row([row.path, "", "", "", "", "", row.error, *[""] * len(scores)]))
            continue
        ((label, score),) = best_of(table.labels, row.scores, 1).items()
        unknown = "true" if row.unknown else "false"  # as pandas, Spark and DuckDB read booleans
        said = [row.path, row.digest, label, f"{score:.6f}", f"{row.novelty:.6f}", unknown, ""]
        lines.append(csv_row([*said, *(f"{one:.6f}" for one in row.scores)]))
    return "".join(lines).encode()


def as_json(rows: Sequence[Row], table: Table) -> bytes:
    """An object a line, with the keys of `guess --json` and more."""
    return b"".join(json.dumps(_object(row, table)).encode() + b"\n" for row in rows)


def _object(row: Row, table: Table) -> Mapping[str, Any]:
    if row.scores is None:
        return {"path": row.path, "error": row.error}
    scores = best_of(table.labels, row.scores)
    label = next(iter(scores))
    said: dict[str, Any] = {
        "path": row.path,
        "sha256": row.digest,
        "label": label,
        "score": scores[label],
        "scores": dict(list(scores.items())[: table.top]),
        "unknown": row.unknown,
        "novelty": row.novelty,
    }
    if row.embedding is not None:
        said["embedding"] = row.embedding.astype(float).tolist()
    return said


def as_parquet(rows: Sequence[Row], table: Table) -> bytes:
    """A column of each kind, null where there is nothing to say.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as parquet
    except ImportError:
        raise need("parquet", why="pyarrow") from None
    read = np.array([row.scores is not None for row in rows], bool)
    scores = _matrix([row.scores for row in rows], len(table.labels))
    best = [best_of(table.labels, row.scores, 1) if row.scores is not None else {} for row in rows]
    novelty = np.array([row.novelty for row in rows], np.float64)
    unknown = np.array([row.unknown for row in rows], bool)
    columns: dict[str, Any] = {
        "path": _texts(pa, [row.path for row in rows]),
        "sha256": _texts(pa, [row.digest or None for row in rows]),
        "label": _texts(pa, [next(iter(one), None) for one in best]),
        "score": pa.array([next(iter(one.values()), None) for one in best], pa.float32()),
        "novelty": pa.array(novelty, mask=~read),
        "unknown": pa.array(unknown, mask=~read),
        "error": _texts(pa, [row.error or None for row in rows]),
    }
    if len(table.labels) <= MOST_COLUMNS:
        for place, label in enumerate(table.labels):
            columns[csv_text(f"{_SCORE}{label}")] = pa.array(scores[:, place], mask=~read)
    else:
        columns["scores"] = _lists(pa, scores, read)
    if table.width:
        vectors = _matrix([row.embedding for row in rows], table.width)
        columns["embedding"] = _lists(pa, vectors, read)
    about = {"model": table.model, "labels": table.labels}
    whole = pa.table(columns).replace_schema_metadata({"tellapart": json.dumps(about)})
    stream = io.BytesIO()
    parquet.write_table(whole, stream, compression="zstd", row_group_size=max(1, len(rows)))
    return stream.getvalue()


def _matrix(vectors: Sequence[np.ndarray | None], width: int) -> np.ndarray:
    """Vectors as rows, float32 `[N,width]`; zeros where there is none."""
    blank = np.zeros(width, np.float32)
    rows = [blank if vector is None else vector for vector in vectors]
    return np.stack(rows) if rows else np.zeros((0, width), np.float32)


def _texts(pa: Any, texts: Sequence[str | None]) -> Any:
    return pa.array([None if text is None else csv_text(text) for text in texts], pa.string())


def _lists(pa: Any, values: np.ndarray, read: np.ndarray) -> Any:
    """Rows of equal length as lists that say it; null where nothing was read."""
    flat = pa.array(values.reshape(-1), pa.float32())
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1], mask=pa.array(~read))


FORMS: Mapping[str, Form] = {
    form.name: form
    for form in (
        Form("csv", ".csv", as_csv, embeddings=False, top=False),
        Form("json", ".jsonl", as_json, embeddings=True, top=True),
        Form("parquet", ".parquet", as_parquet, embeddings=True, top=False),
    )
}
