"""Pictures in tars, in Parquet files and at an address: what commands show of them afterwards."""

from __future__ import annotations

import re
import shlex
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
