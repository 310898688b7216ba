"""Names of labels, files and folders cannot steer a terminal, whatever is in them."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import draw_scene, mostly_slow
from drawn import COMMAND, run

pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")

TITLE = "\x1b]0;owned\x07\x1b[31m\x9b5m"


def on_terminal(*arguments: str, cwd: Path) -> str:
    """All that a command writes to a terminal."""
    ours, its = pty.openpty()
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200", "TERM": "xterm"}
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=its,
        stderr=its,
        cwd=cwd,
        env=environment,
    ):
        os.close(its)
        written = b""
        while part := _read(ours):
            written += part
    os.close(ours)
    return written.decode()


def _read(file: int) -> bytes:
    try:
        return os.read(file, 65536)
    except OSError:  # Linux, at the end
        return b""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures and a model, all with names to steer a terminal by."""
    home = tmp_path_factory.mktemp("home")
    photos = home / "photos"
    photos.mkdir()
    rows = [("path", "label")]
    for number in range(12):
        name = f"{number}{TITLE}.png"
        try:
            draw_scene(60, 50, seed=number).save(photos / name)
        except OSError as error:
            pytest.skip(f"this file system does not take such names: {error}")
        rows.append((name, f"{'elsa' if number % 2 else 'darth'}{TITLE}"))
    (photos / f"page{TITLE}.jpg").write_text("<html>")
    rows.append((f"page{TITLE}.jpg", rows[1][1]))
    with (photos / "labels.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(rows)
    made = run(*("train", photos / "labels.csv", "-o", home / f"model{TITLE}", "--quality", "fast"))
    assert made.code == 0
    return home


@pytest.mark.parametrize(
    "command",
    mostly_slow(
        [
            ["guess", "MODEL", "photos"],
            ["guess", "MODEL", "photos", "--csv"],
            ["compare", "MODEL", "MODEL", "photos/labels.csv"],
            ["guess", "MODEL", f"nowhere{TITLE}.jpg"],
        ],
        1,
    ),
    ids=lambda command: " ".join(word for word in command if word.isprintable()),
)
def test_no_name_reaches_a_terminal_raw(command: list[str], home: Path) -> None:
    words = [word.replace("MODEL", f"model{TITLE}") for word in command]
    written = on_terminal(*words, cwd=home)
    assert "owned" in written
    for part in ("\x1b]0", "\x07", "\x1b[31m", "\x9b"):
        assert part not in written, (part, sys.platform)
