"""What others may rely on: the names, the three lines, and that importing costs nothing."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import tellapart
from tellapart.demo.walk import DemoPictures

NAMES = [
    "AnswersWritten",
    "ArchiveError",
    "AsyncClient",
    "BACKBONES",
    "Backbone",
    "BackboneError",
    "Classifier",
    "Client",
    "Collected",
    "DatasetError",
    "Decision",
    "DestinationError",
    "Distortions",
    "Epoch",
    "Explanation",
    "ExportResult",
    "Finding",
    "FineTuning",
    "ForeignBackbone",
    "Health",
    "KerasBackbone",
    "LabelsRead",
    "LabelsWritten",
    "MissingExtraError",
    "ModelError",
    "Picture",
    "PictureError",
    "Pile",
    "PiledPicture",
    "Piles",
    "Prediction",
    "ServerError",
    "SgdSettings",
    "SgdStep",
    "SkippedFile",
    "SortOptions",
    "SortResult",
    "SortStep",
    "SplitResult",
    "TellapartError",
    "TensorFlow",
    "TestResult",
    "TrainOptions",
    "TrainResult",
    "UsageError",
    "Watch",
    "WatchNotice",
    "WorkersError",
    "__version__",
    "carry_out",
    "check",
    "collect",
    "decide",
    "explain",
    "load",
    "piles",
    "read_labels",
    "split",
    "train",
    "undo_carried_out",
    "undo_decisions",
    "write_labels",
]
EXTRAS = {
    "ai_edge_litert",
    "av",
    "keras",
    "playwright",
    "tensorflow",
}  # of extras that may be missing
MODULES = sorted(
    found.name
    for found in pkgutil.walk_packages(tellapart.__path__, "tellapart.")
    if not found.name.endswith("__main__")
)


def test_the_public_names_are_these_in_this_order() -> None:
    assert tellapart.__all__ == NAMES == sorted(NAMES)
    assert dir(tellapart) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_public_name_is_there(name: str) -> None:
    assert getattr(tellapart, name) is not None


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'tran'"):
        _ = tellapart.tran


def test_it_is_typed() -> None:
    assert (Path(tellapart.__file__).parent / "py.typed").is_file()


@pytest.mark.parametrize("module", MODULES)
def test_every_module_can_be_imported(module: str) -> None:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRAS:
            raise
        pytest.skip(f"{error.name} is not installed")


@pytest.mark.parametrize(
    ("what", "absent"),
    [
        ("tellapart", {"numpy", "PIL", "onnx", "onnxruntime", "typer"}),
        ("tellapart.cli.app", {"numpy", "PIL", "onnx", "onnxruntime", "rich", "jinja2"}),
        ("tellapart.training.train", {"onnxruntime", "jinja2", "rich", "sklearn", "torch"}),
    ],
)
def test_importing_brings_in_nothing_heavy(what: str, absent: set[str]) -> None:
    code = f"import {what}, sys; print(*sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert absent.isdisjoint(found)


def test_the_three_lines(heroes: DemoPictures, tmp_path: Path) -> None:
    result = tellapart.train(heroes.photos, quality="fast")
    picture = sorted((heroes.photos / "ice_queen").iterdir())[0]
    assert result.predict(picture).label in {"dark_knight", "ice_queen"}
    result.save(tmp_path / "heroes")
    assert tellapart.load(tmp_path / "heroes").predict(picture) == result.predict(picture)
