"""Addresses where only a place on this machine will do: refused, and nothing done."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

import tellapart
from conftest import draw_scene, encoded
from drawn import few_of, model_of, run_here
from tellapart.cli.app import app
from tellapart.cli.retrain.flags import read_flags
from tellapart.demo.walk import DemoPictures
from tellapart.errors import UsageError
from tellapart.files.on_disk import address_in

PLACE = "s3://answers/here"


def _paths() -> list[tuple[str, str, str]]:
    """Each path that a command takes: the command, the parameter, how it is given; `x` for what
    else it asks for."""
    found = []
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        arguments = [one for one in command.params if one.param_type_name == "argument"]
        for one in command.params:
            if one.type.name != "path":
                continue
            if one in arguments:
                given = ["x"] * arguments.index(one) + [PLACE]
                given += ["x"] * (len(arguments) - len(given))
            else:
                given = [one.opts[0], PLACE] + ["x"] * len(arguments)
            found.append((name, str(one.name), "\n".join(given)))
    return found


@pytest.mark.parametrize(("name", "parameter", "given"), _paths())
def test_every_path_that_is_an_address_is_refused_before_any_work(
    name: str, parameter: str, given: str, tmp_path: Path
) -> None:
    refused = run_here(name, *given.split("\n"), cwd=tmp_path)
    assert refused.code == 2
    assert PLACE in refused.err
    assert "is an address, and" in refused.err
    assert "this machine" in refused.err
    if parameter in ("output", "destination", "undo", "html", "report", "summaries"):
        assert "can be written to a folder of this machine only." in refused.err
    assert not list(tmp_path.iterdir())


def test_in_python_too(heroes: DemoPictures, tmp_path: Path) -> None:
    photos = few_of(heroes, tmp_path / "photos", 5)
    with pytest.raises(UsageError, match="models are read from the disks of this machine only"):
        tellapart.load(PLACE)
    classifier = tellapart.load(model_of(heroes))
    for write in (
        lambda: classifier.save(PLACE),
        lambda: classifier.sort(photos, PLACE),
        lambda: classifier.export("onnx", PLACE),
        lambda: classifier.export("onnx", Path(PLACE)),
    ):
        with pytest.raises(UsageError, match="s3://answers/here is an address, and this can be"):
            write()
    with pytest.raises(UsageError, match="--saved_model_dir s3://answers/here is an address"):
        read_flags(["--image_dir", "x", "--saved_model_dir", PLACE])


def test_a_path_is_no_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert address_in(Path("s3://a/b")) == address_in("s3:/a/b") == "s3://a/b"
    assert address_in("S3://a/b") == "S3://a/b"
    for text in ("c:/photos", "a:b", "photos/s3:/a", "/s3:/a", "photos", "a b:/c", ""):
        assert address_in(text) == ""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s3:").mkdir()
    assert address_in(Path("s3:/a/b")) == ""


@pytest.mark.parametrize("slip", ["s3:/photos/archive/", "s3//photos/archive/"])
def test_a_slip_in_an_address_is_seen(slip: str, heroes: DemoPictures, tmp_path: Path) -> None:
    for words in (
        ("guess", model_of(heroes), slip),
        ("guess", model_of(heroes), f"{slip}*.png"),
        ("train", slip, "-o", "model"),
        ("test", model_of(heroes), slip),
    ):
        refused = run_here(*words, cwd=tmp_path)
        assert refused.code == 2
        assert "id you mean s3://photos/archive/" in refused.err
    (tmp_path / "s3").mkdir()
    (tmp_path / "s3" / "a.png").write_bytes(encoded(draw_scene()))
    assert run_here("guess", model_of(heroes), "s3//a.png", cwd=tmp_path).code == 0
