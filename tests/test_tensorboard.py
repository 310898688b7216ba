"""`train --summaries`: event files that TensorBoard reads."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from drawn import few_of
from tellapart.demo.walk import DemoPictures

pytest.importorskip("tensorboardX", reason="tellapart[tensorboard] is not installed")


def train(photos: Path, *more: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tellapart", "train", photos, "--quality", "fast", *more]
    return subprocess.run([str(word) for word in command], capture_output=True, text=True)


def scalars(folder: Path) -> dict[str, Sequence[float]]:
    """All scalars in a folder's event files, by their tags."""
    from tensorboardX.proto.event_pb2 import Event

    found: dict[str, list[float]] = {}
    for file in folder.glob("events.out.tfevents.*"):
        content, at = file.read_bytes(), 0
        while at < len(content):
            (length,) = struct.unpack("<Q", content[at : at + 8])
            event = Event.FromString(content[at + 12 : at + 12 + length])
            for value in event.summary.value:
                found.setdefault(value.tag, []).append(value.simple_value)
            at += 16 + length
    return dict(found)


def test_figures_and_embeddings_are_written(heroes: DemoPictures, tmp_path: Path) -> None:
    board = tmp_path / "board"
    run = train(heroes.photos, "-o", tmp_path / "model", "--summaries", board)
    assert run.returncode == 0, run.stderr
    found = scalars(board / "run-1")
    assert 0.5 < found["cross_validated/accuracy"][0] <= 1
    assert found["cross_validated/cross_entropy"][0] >= 0
    assert "cross_validated/recall/dark_knight" in found
    points = next(board.glob("*/**/tensors.tsv")).read_text("utf-8").splitlines()
    labels = next(board.glob("*/**/metadata.tsv")).read_text("utf-8").splitlines()
    assert len(points) + 1 == len(labels)  # which have a header
    assert len(points[0].split("\t")) == 1280


@pytest.mark.slow
def test_a_second_run_leaves_the_first_alone(heroes: DemoPictures, tmp_path: Path) -> None:
    board = tmp_path / "board"
    for number, count in ((1, 12), (2, 20)):
        photos = few_of(heroes, tmp_path / f"{count} photos", count)
        found = train(photos, "-o", tmp_path / f"{number}", "--test", "none", "--summaries", board)
        assert found.returncode == 0, found.stderr
        if number == 1:
            before = {path: path.read_bytes() for path in board.rglob("*") if path.is_file()}
    assert all(path.read_bytes() == content for path, content in before.items())
    for number, count in ((1, 24), (2, 40)):
        run = board / f"run-{number}"
        assert (run / "projector_config.pbtxt").read_text("utf-8").count("embeddings {") == 1
        (points,) = run.rglob("tensors.tsv")
        assert len(points.read_text("utf-8").splitlines()) == count
