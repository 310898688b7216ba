"""A long command says in a file or a pipe, every so often, what it is doing and how far it is."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from drawn import few_of, model_of, run_here
from tellapart.cli.terminal.progress import Lines, shown_on
from tellapart.dataset.counting import Counting
from tellapart.demo.walk import DemoPictures


@pytest.fixture(scope="module")
def model(heroes: DemoPictures) -> Path:
    return model_of(heroes)


@pytest.fixture(scope="module")
def few(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return few_of(heroes, tmp_path_factory.mktemp("few") / "photos", 3)


def said(lines: Lines, at: float) -> str:
    return lines.line(lines._since + at)


def test_a_line_says_how_many_are_done_and_how_long_it_takes() -> None:
    lines = Lines("Reading pictures", lambda words: None)
    assert said(lines, 12) == "Reading pictures: 12 seconds so far"
    lines(1_200, 15_000)
    assert said(lines, 20) == "Reading pictures: 1,200 of 15,000, 60 a second, about 4 minutes left"
    lines(14_900, 15_000)  # 13,700 more in ten seconds: what came last counts
    assert (
        said(lines, 10) == "Reading pictures: 14,900 of 15,000, 1,370 a second, about 1 second left"
    )
    assert (  # none came: the last that did took longer
        said(lines, 10) == "Reading pictures: 14,900 of 15,000, 685 a second, about 1 second left"
    )
    lines(15_000, 15_000)
    assert said(lines, 10) == "Reading pictures: 15,000 of 15,000"
    lines.doing("Cross-validating")
    assert said(lines, 100) == "Cross-validating: 2 minutes so far"
    assert said(lines, 7_200) == "Cross-validating: 2 hours so far"


def test_a_line_before_the_first_has_come_says_how_many_there_are() -> None:
    lines = Lines("Guessing", lambda words: None)
    lines(0, 783)
    assert said(lines, 20) == "Guessing: 0 of 783 after 20 seconds"
    lines(300, 783)
    assert said(lines, 30) == "Guessing: 300 of 783, 10 a second, about 48 seconds left"


def test_lines_come_by_themselves_until_the_work_is_over() -> None:
    heard: list[str] = []
    lines = Lines("Sorting", heard.append, first=0.02, later=0.02)
    lines.start()
    lines(3, 9)
    deadline = time.monotonic() + 5
    while len(heard) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    lines.stop()
    count = len(heard)
    assert count >= 3
    assert heard[0].startswith("Sorting: ")
    time.sleep(0.1)
    assert len(heard) == count


def test_short_work_says_nothing_in_a_file() -> None:
    stream = io.StringIO()
    with shown_on(Console(file=stream, width=80), "Sorting") as progress:
        progress(1, 2)
        progress.doing("Writing")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_a_bar_fits_its_terminal_and_goes_away(width: int) -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=True, color_system=None)
    with shown_on(console, "Reading pictures") as progress:
        for done in range(0, 15_001, 5_000):
            progress(done, 15_000)
        progress.doing("Cross-validating")
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())
    rows = [row.rstrip() for row in re.split(r"[\r\n]+", text) if row.strip()]
    assert rows
    assert all(len(row) <= width for row in rows)
    assert any("Cross-validating" in row for row in rows)


SLOW = """
import sys, time
from tellapart.assess import testing
from tellapart.cli import app
from tellapart.cli.terminal import progress
progress.FIRST = 0.05
real = testing.evaluate
def slow(*given, **named):
    found = real(*given, **named)
    time.sleep(0.5)
    return found
testing.evaluate = slow
sys.argv = ["tellapart", *sys.argv[1:]]
app.main()
"""


@pytest.mark.parametrize(
    ("more", "heard"),
    [
        (["--json"], True),
        (["-q"], False),
        pytest.param([], True, marks=pytest.mark.slow),
        pytest.param(["-q", "--json"], False, marks=pytest.mark.slow),
    ],
)
def test_a_command_is_heard_on_stderr_unless_it_is_quiet(
    more: list[str], heard: bool, model: Path, few: Path
) -> None:
    run = subprocess.run(
        [sys.executable, "-c", SLOW, "test", str(model), str(few), *more],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ("Testing: " in run.stderr) == heard
    assert "Testing: " not in run.stdout


FAR = """
import sys
from tellapart.cli import app
from tellapart.cli.terminal import progress
from tellapart.dataset.counting import Counting
progress.FIRST = 0.05
Counting.__init__.__kwdefaults__["after"] = 0
sys.argv = ["tellapart", *sys.argv[1:]]
app.main()
"""


@pytest.mark.slow
def test_far_work_says_of_how_many_and_how_many_are_told_at_a_time(
    model: Path, few: Path, tmp_path: Path
) -> None:
    asked = ["guess", str(model), str(few), "--to", str(tmp_path / "out"), "--on", "processes:1"]
    run = subprocess.run(
        [sys.executable, "-c", FAR, *asked], capture_output=True, text=True, check=True
    )
    assert "Guessing, told 1,024 at a time: 0 of 6 after" in run.stderr


def counted(given: list[str], lists: list[str]) -> int | None:
    with Counting(given, lists, follow_links=False, after=0) as counting:
        if counting._thread.ident is not None:
            counting._thread.join()
        return counting.of(0)


def test_what_is_given_is_counted_beside_the_work(few: Path, tmp_path: Path) -> None:
    folder = next(path for path in few.iterdir() if path.is_dir())
    count = len([*folder.iterdir()])
    names = tmp_path / "names.txt"
    names.write_text(f"a.jpg\r\n\nb.PNG\n{folder}\nmissing\n{tmp_path / 'nowhere.tar'}\n")
    assert counted([str(folder)], []) == count
    assert counted([f"{folder}/*"], []) == count
    assert counted(["no.jpg", "-"], [str(names)]) == 2 + 2 + count + 2
    assert counted([str(folder)], ["-"]) is None  # a list that can be read once only
    assert counted([], [str(tmp_path / "no list")]) is None
    assert counted(["s3://bucket/folder"], []) is None
    with Counting([str(folder)], [], follow_links=False, after=0) as counting:
        counting._thread.join()
        assert counting.of(count) == count
        assert counting.of(count + 1) is None  # more have come since


def test_guess_says_how_many_of_how_many(
    model: Path, few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tellapart.cli.terminal import progress
    from tellapart.dataset import counting

    monkeypatch.setattr(progress, "FIRST", 0.05)
    monkeypatch.setattr(progress, "LATER", 0.05)
    made = counting.Counting
    monkeypatch.setattr(
        counting, "Counting", lambda *given, **options: made(*given, **options, after=0)
    )
    pictures = [path for path in sorted(few.rglob("*")) if path.is_file()] * 60
    names = tmp_path / "names.txt"
    names.write_text("".join(f"{path}\n" for path in pictures))
    to = ["--to", str(tmp_path / "answers"), "--per-part", "20"]
    for asked in (["--json"], to):
        found = run_here("guess", model, "--list", names, *asked)
        assert re.search(rf"Guessing: [\d,]+ of {len(pictures):,}", found.err), found.err
    assert not run_here("guess", model, "--list", names, "--json", "--quiet").err
