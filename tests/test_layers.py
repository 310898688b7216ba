"""Imports point one way: a module uses what stands before it in this list, and nothing after it."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

import tellapart
from tellapart.backbones.telemetry import VARIABLE

SOURCE = Path(tellapart.__file__).parent
PROJECT = Path(__file__).parents[1]

# A name is a module or a package; each package's docstring says what it may touch.
LAYERS = (
    "version",
    "errors",
    "text",
    "workers",
    "files",
    "images",
    "dataset",
    "cache",
    "head",
    "backbones",
    "evaluation",
    "health",
    "pages",
    "model",
    "assess",
    "explain",
    "report",
    "training",
    "sklearn",
    "exporters",
    "sorting",
    "exchange",
    "collecting",
    "demo",
    "to_json",
    "client",
    "server",
    "studio",
    "cli",
    "__main__",
)

# A classifier's methods have the names of the commands, so the class needs what stands above it. In
# this module alone, and inside its methods: importing it imports nothing of that.
UPWARD = SOURCE / "model" / "verbs.py"

HEAVY = ("numpy", "PIL", "onnx", "onnxruntime", "jinja2", "rich", "typer", "platformdirs")
SERVING = ("starlette", "uvicorn", "httpx", "httptools", "prometheus_client", "python_multipart")
NOT_IN_THE_BASE = (
    *("tensorflow", "torch", "sklearn", "scipy", "pandas", "ray"),
    *("fsspec", "pyarrow"),
)


def layer(path: Path) -> str:
    """The module or package at the top that a file belongs to."""
    return path.relative_to(SOURCE).with_suffix("").parts[0]


def sources() -> list[Path]:
    """All our modules; not the root, whose names are hints, nor scripts that are only carried."""
    packages = [path.parent for path in SOURCE.rglob("__init__.py")]
    found = [path for package in packages for path in sorted(package.glob("*.py"))]
    return [path for path in found if path != SOURCE / "__init__.py"]


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """(layer, line) of each import of ours in a file, those inside functions and hints included."""
    package = ("tellapart", *path.relative_to(SOURCE).parent.parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = ".".join((*base, *filter(None, [node.module])))
            names = [f"{stem}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            first, _, rest = name.partition(".")
            inside = rest.partition(".")[0]
            homes = (SOURCE / f"{inside}.py", SOURCE / inside / "__init__.py")
            if first == "tellapart" and inside and any(home.exists() for home in homes):
                yield inside, node.lineno


def test_every_module_has_its_place() -> None:
    assert {layer(path) for path in sources()} - set(LAYERS) == set()
    assert len(set(LAYERS)) == len(LAYERS)


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_imports_point_one_way(path: Path) -> None:
    own = layer(path)
    if own not in LAYERS:
        pytest.skip("it has no place: told by another test")
    if path == UPWARD:
        pytest.skip("the one that may: see there")
    before = LAYERS[: LAYERS.index(own)]
    wrong = [
        f"line {line}: {own} imports {other}"
        for other, line in imports(path)
        if other != own and other not in before
    ]
    assert wrong == []


def test_the_one_that_imports_upward_does_so_in_its_methods_alone() -> None:
    script = "import sys, tellapart.model.verbs; print(*sys.modules)"
    loaded = {
        name.split(".")[1] for name in python(script).split() if name.startswith("tellapart.")
    }
    above = set(LAYERS[LAYERS.index("model") + 1 :])
    assert loaded & above == set()


FILES = [path for path in sources() if layer(path) == "files"]
OTHERS_WORDS = re.compile(r"sort|label|score|inbox|classif", re.IGNORECASE)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_know_nothing_of_what_they_are_carried_about_for(path: Path) -> None:
    assert {name for name, _ in imports(path)} <= {"errors", "text", "workers", "files"}
    said = [
        (node.lineno, node.value)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert [one for one in said if OTHERS_WORDS.search(one[1])] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from .errors import UsageError", ["errors"]),
        ("from . import images", ["images"]),
        ("from . import __version__", []),
        ("import tellapart.dataset.sources", ["dataset"]),
        ("from tellapart.graph import VIEWS", ["graph"]),
        ("def f():\n    from .pool import cores", ["pool"]),
        ("import numpy, os.path", []),
        ("from drawing import x", []),
    ],
)
def test_all_ways_of_importing_are_seen(
    text: str, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "module.py"
    path.write_text(text)
    for name in ("errors", "images", "dataset", "graph", "pool"):
        (tmp_path / f"{name}.py").touch()
    monkeypatch.setattr(sys.modules[__name__], "SOURCE", tmp_path)
    assert [name for name, _ in imports(path)] == expected


DOOR = SOURCE / "backbones" / "runtime.py"
TAKES_IN = re.compile(r"(?:\bimport|\bfrom)\s+onnxruntime\b")
LOADERS = {"import_module", "__import__", "importorskip", "run_module"}


def unguarded(path: Path) -> list[int]:
    """The lines of a file that take in ONNX Runtime before it is forbidden to report.

    In a Python file these are imports and strings that hold any; elsewhere, blocks of code.
    """
    text = path.read_text("utf-8")
    if "onnxruntime" not in text:  # as in most: they need not be parsed
        return []
    if path.suffix != ".py":
        blocks = re.split(r"^```", text, flags=re.MULTILINE)
        return [number for number, block in enumerate(blocks) if loads_unguarded(block)]
    found, guarded = [], len(text)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            loads = getattr(node.func, "attr", getattr(node.func, "id", "")) in LOADERS
            names = [str(node.args[0].value)] if loads else []
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = ["onnxruntime"] if loads_unguarded(node.value) else []
        elif (
            isinstance(node, ast.Assign) and ast.unparse(node) == f"os.environ['{VARIABLE}'] = '1'"
        ):
            guarded = min(guarded, node.lineno)
            continue
        else:
            continue
        if any(name.partition(".")[0] == "onnxruntime" for name in names):
            found.append(node.lineno)
    return [line for line in found if line < guarded]


def loads_unguarded(text: str) -> bool:
    """Whether a piece of code loads ONNX Runtime, and says nothing before that forbids reports."""
    found = TAKES_IN.search(text)
    return found is not None and VARIABLE not in text[: found.start()]


def texts() -> list[Path]:
    """All that is ours to read or to run, but for the door itself and this test of it."""
    kinds = {".py", ".md", ".sh", ".html", ".js", ".yaml", ""}
    places = (SOURCE, *(PROJECT / name for name in ("benchmarks", "docker", "docs", "scripts")))
    found = [path for place in (*places, PROJECT / "tests") for path in place.rglob("*")]
    found.append(PROJECT / "README.md")
    others = [path for path in found if path not in (DOOR, Path(__file__))]
    return [path for path in others if path.is_file() and path.suffix in kinds]


def test_onnx_runtime_comes_in_by_one_door() -> None:
    wrong = {path: lines for path in texts() if (lines := unguarded(path))}
    assert wrong == {}
    assert unguarded(DOOR) != []


@pytest.mark.parametrize(
    ("name", "text", "seen"),
    [
        ("a.py", "import onnxruntime", True),
        ("a.py", "import os, onnxruntime.capi as c", True),
        ("a.py", "def f():\n    from onnxruntime import InferenceSession", True),
        ("a.py", "from onnxruntime.quantization import QuantType", True),
        ("a.py", "import importlib\nimportlib.import_module('onnxruntime')", True),
        ("a.py", "script = 'import onnxruntime'", True),
        ("a.py", f"import os\nos.environ['{VARIABLE}'] = '1'\nimport onnxruntime", False),
        ("a.py", f"import os\nimport onnxruntime\nos.environ['{VARIABLE}'] = '1'", True),
        ("a.py", "from tellapart.backbones.runtime import onnxruntime", False),
        ("a.md", "```\nimport onnxruntime\n```", True),
        ("a.md", f"```\n{VARIABLE}=1 python -c 'import onnxruntime'\n```", False),
        ("a.md", f"{VARIABLE}\n```\nimport onnxruntime\n```", True),
        ("a.sh", "python -c 'from onnxruntime import x'", True),
    ],
)
def test_all_ways_to_onnx_runtime_are_seen(
    name: str, text: str, seen: bool, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    assert bool(unguarded(tmp_path / name)) == seen


def python(script: str) -> str:
    """What a fresh Python prints."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_no_folder_of_ours_is_left_out_of_what_is_packaged() -> None:
    """What is built leaves out whatever .gitignore names, at whatever depth."""
    lines = (PROJECT / ".gitignore").read_text("utf-8").splitlines()
    anywhere = {line.rstrip("/") for line in lines if "/" not in line.rstrip("/")}
    ours = {path.name for path in SOURCE.rglob("*") if path.is_dir()} - {"__pycache__"}
    assert [name for name in ours for pattern in anywhere if fnmatch(name, pattern)] == []


def test_importing_the_package_loads_nothing_heavy() -> None:
    script = f"import sys, tellapart; print([name for name in {HEAVY} if name in sys.modules])"
    assert python(script) == "[]"


@pytest.mark.parametrize("command", ["tellapart.cli.commands.guess", "tellapart.cli.app"])
def test_only_a_server_loads_what_serves(command: str) -> None:
    script = f"import sys, {command}; print([name for name in {SERVING} if name in sys.modules])"
    assert python(script) == "[]"


def test_every_module_can_be_imported_without_extras() -> None:
    modules = [
        ".".join(("tellapart", *path.relative_to(SOURCE).with_suffix("").parts))
        for path in sources()
        if path.name not in ("__init__.py", "__main__.py")
        and path.parent.name != "tensorflow_process"  # the one that runs where TensorFlow is
        and path != SOURCE / "sklearn.py"  # says what to install: see tests/test_sklearn.py
    ]
    script = f"""
import importlib, sys
for name in {NOT_IN_THE_BASE}:
    sys.modules[name] = None
for name in {modules}:
    importlib.import_module(name)
print("all")
"""
    assert python(script) == "all"
