"""Pictures in tars, in Parquet files and at an address: what commands show of them afterwards."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

import pytest

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
