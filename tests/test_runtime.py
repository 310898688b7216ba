"""The door to ONNX Runtime: it reports to nobody, and says nothing by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import draw_scene, mostly_slow
from drawn import model_of
from tellapart.backbones.telemetry import VARIABLE
from tellapart.backbones.untrusted import parse_onnx
from tellapart.demo.walk import DemoPictures
from tellapart.errors import ModelError
from tellapart.model.classifier import Classifier, load

RUNTIME = "onnxruntime"
GUESS = "tellapart.load({model!r}).predict({picture!r}).label"


def python(script: str, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A fresh Python of somebody else's, whose home and cache are empty."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "TELLAPART_CACHE": str(home / "ours"),
        **variables,
    }
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False
    )
    assert run.returncode == 0, run.stderr
    return run


@pytest.mark.parametrize("before", mostly_slow(["", "0", "false"], 1))
@pytest.mark.parametrize("first", ["tellapart", f"tellapart, {RUNTIME}"])
def test_nothing_is_kept_for_its_maker(
    first: str, before: str, heroes: DemoPictures, tmp_path: Path
) -> None:
    """What a process shorter than ten seconds does not send, it would keep in a file."""
    picture = next(heroes.kept_back.rglob("*.jpg"))
    guess = GUESS.format(model=str(model_of(heroes)), picture=str(picture))
    run = python(
        f"import {first}\nprint({guess})", tmp_path, **({VARIABLE: before} if before else {})
    )
    assert run.stdout.strip() in ("dark_knight", "ice_queen")
    assert run.stderr == ""
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_program_that_came_first_is_told(heroes: DemoPictures, tmp_path: Path) -> None:
    picture = next(heroes.kept_back.rglob("*.jpg"))
    guess = GUESS.format(model=str(model_of(heroes)), picture=str(picture))
    script = f"import {RUNTIME}, tellapart\nprint([{guess} for _ in range(2)])"
    run = python(script, tmp_path)
    assert run.stderr.count("onnxruntime was imported before tellapart") == 1
    assert f"set {VARIABLE}=1 in the environment" in run.stderr
    told = python(script, tmp_path, **{VARIABLE: "1"})
    assert (told.stdout, told.stderr) == (run.stdout, "")


@pytest.mark.parametrize("wrong", ["operator", "size", "missing"])
def test_a_model_that_does_not_run_is_one_sentence(
    wrong: str, heroes: DemoPictures, capfd: pytest.CaptureFixture[str]
) -> None:
    classifier = load(model_of(heroes))
    model = parse_onnx(classifier.content)
    if wrong == "operator":
        model.graph.node[-1].op_type = "Nonsense"
    elif wrong == "size":
        weights = next(one for one in model.graph.initializer if len(one.dims) == 2)
        weights.dims[:] = weights.dims[::-1]
    else:
        del model.graph.node[len(model.graph.node) // 2]
    damaged = Classifier(model.SerializeToString(), classifier.manifest)
    with pytest.raises(ModelError, match="damaged, it does not run"):
        damaged.predict(draw_scene())
    assert capfd.readouterr() == ("", "")
