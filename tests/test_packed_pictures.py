"""Pictures in tars, in Parquet files and at an address: what commands show of them afterwards."""

from __future__ import annotations

import re
import shlex
import zipfile
from collections.abc import Mapping
from pathlib import Path

import fsspec
import pytest

import tellapart
from drawn import run_here
from tellapart.demo.walk import DemoPictures
from test_parquet import write
from test_tar_shards import pack

KINDS = ("parquet", "folder", "tars", "tar")


@pytest.fixture(scope="module")
def pictures(heroes: DemoPictures) -> Mapping[str, bytes]:
    """Pictures by their names, of which some lie with another label's, in an order that mixes."""
    files = sorted(path for path in heroes.photos.rglob("*.*") if path.is_file())
    labels = sorted({path.parent.name for path in files})
    found = {}
    for number, path in enumerate(files):
        label = labels[0] if number % 9 == 4 else path.parent.name
        found[f"{label}/{number * 7 % 10}-{number}{path.suffix}"] = path.read_bytes()
    return dict(sorted(found.items(), key=lambda one: one[0].partition("/")[2]))


def stored(kind: str, folder: Path, pictures: Mapping[str, bytes]) -> str:
    """A source that holds the pictures."""
    names = list(pictures)
    if kind == "tar":
        return str(pack(folder / "photos.tar", pictures))
    for number in range(2):
        part = {name: pictures[name] for name in names[number::2]}
        if kind == "tars":
            pack(folder / "in" / f"data-{number}.tar", part)
        else:
            cells = [{"bytes": content, "path": name} for name, content in part.items()]
            write(folder / "in" / f"data-{number}.parquet", {"image": cells}, rows=8)
    patterns = {"tars": "in/data-{0..1}.tar", "parquet": "in/data-*.parquet", "folder": "in"}
    return str(folder / patterns[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_made_again_shows_the_pictures(
    kind: str, pictures: Mapping[str, bytes], tmp_path: Path
) -> None:
    source = stored(kind, tmp_path, pictures)
    model = tellapart.train(source, quality="fast").save(tmp_path / "model")
    page = tmp_path / "again.html"
    run = run_here("report", model, "-o", page)
    assert run.code == 0
    assert "cannot be shown" not in run.out
    assert page.read_bytes() == (model / "report.html").read_bytes()
    (command,) = set(
        re.findall(r"<code>(tellapart fix .*--relabel .*)</code>", page.read_text())[:1]
    )
    assert shlex.split(command.replace("&#39;", "'"))[2] == source
    assert command.endswith(" --quality fast")
    mistake = tmp_path / "one.png"
    mistake.write_bytes(next(iter(pictures.values())))
    assert run_here("explain", model, mistake, "-o", page).code == 0
    assert 'class="gone"' not in page.read_text()
    run = run_here("gaps", model, source, "-o", page)
    assert run.code == 0
    assert 'class="gone"' not in page.read_text()


@pytest.mark.parametrize("kind", ["parquet", "tars", "tar"])
def test_gaps_names_pictures_where_they_lie(
    kind: str, pictures: Mapping[str, bytes], tmp_path: Path
) -> None:
    source = stored(kind, tmp_path, pictures)
    model = tellapart.train(source, quality="fast", test=0.5).save(tmp_path / "model")
    run = run_here("gaps", model, source)
    assert run.code == 0
    examples = re.findall(r"^      (\S+)", run.out, re.MULTILINE)
    assert examples
    where = {"parquet": r".*/in/data-\d\.parquet/", "tars": r".*/in/data-\d\.tar/", "tar": ""}[kind]
    for one in examples:
        found = re.fullmatch(rf"(?:{where})(\w+/\S+)", one)
        assert found
        assert found[1] in pictures


def test_what_lies_at_an_address_is_asked_for_only_where_it_is_named(
    pictures: Mapping[str, bytes], tmp_path: Path
) -> None:
    memory = fsspec.filesystem("memory")
    for name, content in pictures.items():
        memory.pipe(f"/reports/{name}", content)
    source = "memory://reports/"
    model = tellapart.train(source, quality="fast").save(tmp_path / "model")
    first = (model / "report.html").read_bytes()
    page = tmp_path / "again.html"
    run = run_here("report", model)
    assert run.code == 2
    assert f"The pictures lie in {source}" in run.err
    assert (model / "report.html").read_bytes() == first
    run = run_here("report", model, "-o", page)
    assert run.code == 0
    assert f"they lie in {source}, and an address is asked" in run.out.replace("\n", " ")
    assert "files are gone" not in page.read_text()
    assert "tellapart fix" not in page.read_text()
    assert run_here("report", model, "-o", page, "--pictures", source).code == 0
    assert page.read_bytes() == first
    mistake = tmp_path / "one.png"
    mistake.write_bytes(next(iter(pictures.values())))
    run = run_here("explain", model, mistake, "-o", page)
    assert run.code == 0
    assert "tellapart fix" not in page.read_text() + run.out
    assert f"they lie in {source}" in page.read_text()


def test_what_a_check_suggests_can_be_typed(pictures: Mapping[str, bytes], tmp_path: Path) -> None:
    """Each command, in the terminal and on the page, is quoted and says the quality."""
    source = stored("parquet", tmp_path, pictures)
    page = tmp_path / "check.html"
    run = run_here("check", source, "--quality", "fast", "--html", page)
    assert run.code == 0
    on_page = re.findall(r"<code>(tellapart fix .*)</code>", page.read_text())
    commands = re.findall(r"tellapart fix .*", run.out) + [
        one.replace("&#39;", "'") for one in on_page
    ]
    assert f"tellapart fix '{source}' --quality fast" in commands
    for command in commands:
        assert shlex.split(command)[2] == source
        assert command.endswith("--quality fast")


def test_guess_calls_a_row_by_its_path_as_others_do(
    pictures: Mapping[str, bytes], tmp_path: Path
) -> None:
    """No two answers have one name: a path that is there twice, or could be a row's number, is
    told by the row."""
    model = tellapart.train(stored("tar", tmp_path, pictures), quality="fast").save(
        tmp_path / "model"
    )
    content = next(iter(pictures.values()))
    paths = ["a/1.jpg", "a/2.jpg", "a/1.jpg", "7", None, "b.jpg", "t.parquet/b.jpg", "b.jpg"]
    cells = [{"bytes": content, "path": path} for path in paths]
    table = write(tmp_path / "t.parquet", {"image": cells}, rows=3)
    run = run_here("guess", model, table, "--csv")
    assert run.code == 0
    told = [line.partition(",")[0] for line in run.out.splitlines()[1:]]
    expected = ["a/1.jpg", "a/2.jpg", "2", "3", "4", "b.jpg", "6", "7"]
    assert told == [f"{table}/{name}" for name in expected]
    run = run_here("guess", model, tmp_path / "t.parquet", "--to", tmp_path / "answers")
    assert run.code == 0
    again = run_here("guess", model, tmp_path / "t.parquet", "--to", tmp_path / "answers")
    assert again.code == 0


def test_a_note_on_decisions_says_the_true_names(
    pictures: Mapping[str, bytes], tmp_path: Path
) -> None:
    """And none of them where the model is to be without names."""
    source = stored("parquet", tmp_path / "the smiths", pictures)
    picture = next(name for name in pictures if not name.startswith("dark_knight/"))
    run = run_here("fix", source, picture, "--relabel", "dark_knight", "--quality", "fast")
    assert run.code == 0
    run = run_here("train", source, "-o", tmp_path / "model", "--quality", "fast")
    assert run.code == 0
    said = " ".join(run.out.split())
    assert "Note: data-_.tellapart.csv: 1 picture relabelled. To take decisions back: " in said
    [command] = re.findall(r"tellapart fix .*? --undo last", said)
    assert shlex.split(command)[2] == source
    again = run_here("train", source, "-o", tmp_path / "m", "--quality", "fast", "--no-pictures")
    assert again.code == 0
    assert "tellapart fix PHOTOS --undo last" in (tmp_path / "m" / "report.html").read_text()
    kept = tellapart.load(tmp_path / "m").required_record().run.notes
    assert not any("smiths" in note or "data-" in note for note in kept)
    assert run_here(*shlex.split(command)[1:], "--quality", "fast").code == 0


def test_of_an_archive_that_was_unpacked_it_is_said_that_it_is_there(
    pictures: Mapping[str, bytes], tmp_path: Path
) -> None:
    archive = tmp_path / "photos.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for name, content in pictures.items():
            packed.writestr(name, content)
    model = tellapart.train(archive, quality="fast").save(tmp_path / "model")
    first = (model / "report.html").read_bytes()
    page = tmp_path / "again.html"
    run = run_here("report", model, "-o", page)
    assert run.code == 0
    assert f"they lie in {archive}. Unpack it" in " ".join(run.out.split())
    assert run_here("report", model).code == 2
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(tmp_path / "unpacked")
    assert run_here("report", model, "--pictures", tmp_path / "unpacked").code == 0
    assert (model / "report.html").read_bytes() == first
