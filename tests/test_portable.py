"""Windows and macOS, as far as Linux can tell: no call that only POSIX has, and no open file that
is deleted or renamed."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

import like_windows
import tellapart
from conftest import draw_scene
from drawn import contents
from tellapart.cli import app
from tellapart.cli.terminal import console
from tellapart.dataset import archives
from tellapart.dataset.archives import unpack

SOURCE = Path(tellapart.__file__).parent
POSIX = {"os": like_windows.OS, "signal": like_windows.SIGNAL}
KNOWN = ("hasattr(os,", "sys.platform", "WINDOWS", "if fcntl")
ERRORS = {"AttributeError", "ImportError", "ModuleNotFoundError"}


# Reading the code


def parents_of(tree: ast.AST) -> dict[ast.AST, ast.AST]:
    return {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}


def is_guarded(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether a branch that asks for the system, or a `try` that does without, leads there; or the
    function has returned before where there is no such call."""
    while node in parents:
        child, node = node, parents[node]
        asked: list[ast.expr] = []
        if isinstance(node, ast.If | ast.IfExp) and child is not node.test:
            asked = [node.test]
        if isinstance(node, ast.BoolOp) and child in node.values:
            asked = node.values[: node.values.index(child)]
        if any(known in ast.unparse(each) for each in asked for known in KNOWN):
            return True
        if isinstance(node, ast.Try) and child in node.body:
            caught = " ".join(ast.unparse(each.type) for each in node.handlers if each.type)
            if any(name in caught for name in ERRORS):
                return True
        if isinstance(node, ast.FunctionDef | ast.Module):
            for before in node.body[: node.body.index(child)] if child in node.body else []:
                if not isinstance(before, ast.If) or not isinstance(before.body[-1], ast.Return):
                    continue
                if any(known in ast.unparse(before.test) for known in KNOWN):
                    return True
    return False


def unguarded(text: str) -> Iterator[str]:
    """What only POSIX has and is used as if it were everywhere: calls, constants and modules."""
    tree = ast.parse(text)
    parents: dict[ast.AST, ast.AST] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found = node.attr in POSIX.get(node.value.id, ())
            name = f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            module = getattr(node, "module", "") or ""
            posix = POSIX.get(module, like_windows.MODULES)
            found = module in like_windows.MODULES or any(each in posix for each in names)
            name = f"import {module or ', '.join(names)}"
        elif isinstance(node, ast.keyword):
            found = node.arg in ("preexec_fn", "pass_fds", "process_group")
            name = f"{node.arg}="
        else:
            continue
        if found:
            parents = parents or parents_of(tree)
            if not is_guarded(node, parents):
                yield name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("os.fork()", ["os.fork"]),
        ("import fcntl", ["import fcntl"]),
        ("from fcntl import flock", ["import fcntl"]),
        ("from signal import SIGKILL", ["import signal"]),
        ("try:\n    import fcntl\nexcept ImportError:\n    fcntl = None", []),
        ("try:\n    os.getuid()\nexcept OSError:\n    pass", ["os.getuid"]),
        ("if hasattr(os, 'register_at_fork'):\n    os.register_at_fork()", []),
        ("if sys.platform == 'win32':\n    pass\nelse:\n    os.pread(1, 2, 3)", []),
        ("os.geteuid() if hasattr(os, 'geteuid') else 0", []),
        ("hasattr(os, 'geteuid') and os.geteuid() == 0", []),
        ("os.geteuid() == 0 and hasattr(os, 'geteuid')", ["os.geteuid"]),
        ("def f():\n    if not hasattr(os, 'chown'):\n        return\n    os.chown()", []),
        ("def f():\n    if me:\n        return\n    os.chown()", ["os.chown"]),
        ("os.link(a, b)\nos.symlink(a, b)\nos.umask(0)\nsignal.SIGTERM", []),
        ("subprocess.run([], preexec_fn=f)", ["preexec_fn="]),
    ],
)
def test_what_is_unguarded_is_seen(text: str, expected: list[str]) -> None:
    assert list(unguarded(text)) == expected


AFTER_A_LOOK = {
    "files/unread.py": ["os.pread"],  # of a handle that is only there where it is
    # `running.check_workers` looks
    "server/process/prefork.py": ["os.fork", "os.wait", "signal.SIGKILL"],
}


def test_no_call_that_only_posix_has_is_unguarded() -> None:
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).as_posix()
        wrong = list(unguarded(path.read_text("utf-8")))
        if wrong != AFTER_A_LOOK.get(name, []):
            found[name] = wrong
    assert found == {}


def test_every_text_file_says_its_encoding() -> None:
    """Windows takes another than UTF-8 where none is said."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name not in ("read_text", "write_text", "open", "run", "Popen", "check_output"):
                continue
            words = {keyword.arg for keyword in node.keywords}
            given = [ast.unparse(each) for each in node.args]
            texts = {"read_text": 0, "write_text": 1}
            silent = name in texts and len(given) <= texts[name] and "encoding" not in words
            said = [*given, *(ast.unparse(each.value) for each in node.keywords)]
            opens = name == "open" and any(each in ("'r'", "'w'", "'a'", "'x'") for each in said)
            piped = any(each.arg in ("text", "universal_newlines") for each in node.keywords)
            if silent or ((opens or piped) and "encoding" not in words):
                found.append(f"{path.relative_to(SOURCE)}:{node.lineno}: {name}")
    assert found == []


# Running it

PRELUDE = f"import sys; sys.path.insert(0, {os.fspath(Path(__file__).parent)!r})\n"
BEGIN = PRELUDE + "import like_windows; like_windows.be()\n"
EVERY_MODULE = (
    BEGIN
    + """
import importlib, pkgutil, tellapart
OTHERS = ("tellapart.sklearn", "tellapart.exporters.tensorflow_process")  # begin with an extra's
for found in pkgutil.walk_packages(tellapart.__path__, "tellapart."):
    if not found.name.startswith(OTHERS) and not found.name.endswith("__main__"):
        importlib.import_module(found.name)
"""
)
COMMANDS = (
    BEGIN
    + """
import json
from tellapart.cli.app import main
for arguments in json.loads(sys.argv[1]):
    sys.argv[1:] = arguments
    try:
        main()
    except SystemExit as end:
        assert not end.code, arguments
"""
)


def on_windows(place: Path, *commands: Sequence[str], code: str = COMMANDS) -> str:
    """What commands print that are given one after the other, all of which go well."""
    found = subprocess.run(
        [sys.executable, "-c", code, json.dumps(commands)],
        cwd=place,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


needs_proc = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="open files are looked up in /proc"
)


@pytest.mark.slow
@needs_proc
def test_every_module_is_imported_without_what_only_posix_has(tmp_path: Path) -> None:
    on_windows(tmp_path, code=EVERY_MODULE)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures, and models that were trained there."""
    place = tmp_path_factory.mktemp("windows")
    for label, first in (("day", 0), ("night", 100)):
        (place / "photos" / label).mkdir(parents=True)
        for seed in range(8):
            picture = draw_scene(40, 30, seed=first + seed)
            picture.save(place / "photos" / label / f"{seed}.png")
    (place / "inbox").mkdir()
    for seed in range(3):
        draw_scene(40, 30, seed=50 * seed).save(place / "inbox" / f"{seed}.png")
    (place / "inbox" / "broken.jpg").write_bytes(b"<html>")
    zip_of(place / "photos.zip", contents(place / "photos"))
    given = ("--quality", "fast", "-q")
    on_windows(
        place,
        ("train", "photos", "-o", "m", *given),
        ("train", "photos.zip", "-o", "of-archive", *given),
        ("train", "photos", "-o", "m", "--solver", "sgd", "--steps", "9", *given),
    )
    return place


@needs_proc
def test_models_are_written_and_replaced_and_nothing_else_stays(place: Path) -> None:
    whole = {"model.onnx", "labels.txt", "training.npz", "report.html", "README.md"}
    for name in ("m", "m.before", "of-archive"):
        assert set(contents(place / name)) == whole
    assert contents(place / "m") != contents(place / "m.before")
    assert not [path for path in place.iterdir() if path.name.startswith(".tellapart-")]


@pytest.mark.slow
@needs_proc
def test_pictures_are_sorted_and_taken_back(place: Path) -> None:
    before = contents(place / "inbox")
    hows = {"a": (), "b": ("--link",), "c": ("--into-folders", "--keep-names"), "d": ("--move",)}
    on_windows(place, *(("sort", "m", "inbox", name, *how) for name, how in hows.items()))
    for name in hows:
        assert len(list((place / name).rglob("*.png"))) == 3
    assert set(contents(place / "inbox")) == {"broken.jpg"}
    said = on_windows(place, *(("sort", "--undo", name) for name in reversed(hows)))
    assert said.count("Taken back: 3 pictures.") == len(hows)
    assert not any((place / name).exists() for name in hows)
    assert contents(place / "inbox") == before


@needs_proc
def test_every_command_runs(place: Path) -> None:
    """But for `export`, whose proof starts another process, which this pretence does not reach."""
    on_windows(
        place,
        ("guess", "m", "inbox/0.png"),
        ("test", "m", "photos", "--report", "test.html"),
        ("compare", "m", "m.before", "photos"),
        ("report", "m"),
        ("explain", "m", "inbox/0.png", "-o", "why.html", "--png", "maps"),
        ("what-if", "m", "inbox/0.png", "--blur", "30%,0%,40%x25%", "-o", "blurred.png"),
        ("gaps", "m", "photos", "-o", "gaps.html"),
        ("suggest", "m", "inbox", "-n", "2", "--copy-to", "next"),
        ("info", "m"),
        ("cache", "merge"),
        ("cache", "verify"),
    )
    assert list((place / "next").iterdir())
    for page in ("test.html", "why.html", "gaps.html"):
        assert (place / page).read_text("utf-8").startswith("<!")


# Names, quotes and pipes


def zip_of(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cat/12:30.png", "cat/12_30.png"),  # or it would be a stream of the file `12`
        ('cat?/a<b>"c|*.png', "cat_/a_b__c__.png"),
        ("cat. /1.png", "cat/1.png"),
        ("aux/con.png", "_aux/_con.png"),
        ("nul .x/1.png", "_nul .x/1.png"),
        ("Äpfel/ß.png", "Äpfel/ß.png"),
        ("con_air/1.png", "con_air/1.png"),
    ],
)
def test_an_archives_names_are_such_as_windows_takes(
    name: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = zip_of(tmp_path / "a.zip", {name: b"x"})
    monkeypatch.setattr(archives, "WINDOWS", True)
    (tmp_path / "out").mkdir()
    unpack(archive, tmp_path / "out")
    assert contents(tmp_path / "out") == {expected: b"x"}
    monkeypatch.setattr(archives, "WINDOWS", False)
    (tmp_path / "as-it-is").mkdir()
    unpack(archive, tmp_path / "as-it-is")
    assert contents(tmp_path / "as-it-is") == {name: b"x"}


def test_a_command_is_quoted_as_the_shells_of_windows_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    assert console.command("sort", "--undo", "my dir") == "tellapart sort --undo 'my dir'"
    monkeypatch.setattr(console, "WINDOWS", True)
    assert console.command("sort", "--undo", r"C:\my dir") == (r'tellapart sort --undo "C:\my dir"')
    assert console.command("report", r"C:\heroes") == r"tellapart report C:\heroes"


def test_a_reader_that_has_seen_enough_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> int:
        raise OSError(22, "Invalid argument")  # as Windows says it

    monkeypatch.setattr(app, "_call", broken)
    monkeypatch.setattr(app, "_close_stdout", lambda: None)
    assert app._run() == 2
    monkeypatch.setattr(app, "WINDOWS", True)
    assert app._run() == 0
