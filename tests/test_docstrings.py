"""Words in the code and in what a user reads: names that exist, fields line by line, the field's
terms."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "tellapart"
MODULES = sorted(SOURCE.rglob("*.py"))
MOST_FIELDS = 5  # in running text; more have a line each

NOT_OURS = {  # backticked names of other programs and formats
    "add_input_distortions",  # of retrain.py
    "colr",  # boxes of HEIF
    "irot",
    "imir",
    "metadata_schema.fbs",  # of TFLite
    "nohup",
    "results.csv",  # files that we write
    "labels.txt",
    "page.html",
    "rose1",  # a file name of retrain.py's convention
    "K",  # a letter of a shape
}
VARIABLES = {"tellapart", "options"}  # whose attributes are no module's names
FILES_OF_OTHERS = {"retrain.py", "label_image.py", "example.py"}

OLD_WORDS = (  # what stands for something else now, or is no longer said
    r"\bcues?\b",
    r"\btraits?\b",
    r"\bin(to)? looks\b",
    r"\blooks? (is|are) (missing|hard)\b",
    r"(?<!`)\bstranger(s)?\b",
    r"\bis to be had\b",
    r"\bcannot both be had\b",
    r"\bof these,",
    r"\bOf what there is\b",
    r"\bpictures of which\b",
    r"\bthat very\b",
    r"\bchance alone would part\b",
    r"\bthe test flatters\b",
    r"\bhangs on\b",
    r"\bremembers?\b",
)


@cache
def _parsed(path: Path) -> ast.Module:
    """The tree of a module, of which nothing is changed: it is parsed once for all tests."""
    return ast.parse(path.read_text("utf-8"))


def _documented(tree: ast.Module) -> Iterator[ast.Module | ast.ClassDef | ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield node


def _prose(path: Path) -> Iterator[str]:
    """Docstrings and comments of a module."""
    for node in _documented(_parsed(path)):
        yield ast.get_docstring(node) or ""
    for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def _used_in(tree: ast.Module) -> Iterator[str]:
    """All names that code defines, uses or has as keys."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias):
            yield from node.name.split(".")
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from re.findall(r"\w+", "" if " " in node.value else node.value)


def _top_of(tree: ast.Module) -> Iterator[str]:
    """Names that a module has at its top."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.ImportFrom | ast.Import):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


@pytest.fixture(scope="module")
def names() -> set[str]:
    """What a backticked name may be, but for what only tests have."""
    found = {name for path in MODULES for name in _used_in(_parsed(path))}
    return found | {path.stem for path in MODULES} | {path.parent.name for path in MODULES}


@cache
def _tests_have(name: str) -> bool:
    texts = ((path, path.read_text("utf-8")) for path in (ROOT / "tests").rglob("*.py"))
    return any(name in text and name in _used_in(_parsed(path)) for path, text in texts)


@pytest.fixture(scope="module")
def tops() -> dict[str, set[str]]:
    """The names at the top of each module or package; of two of one name, both."""
    found: dict[str, set[str]] = {}
    for path in MODULES:
        name = path.parent.name if path.stem == "__init__" else path.stem
        found.setdefault(name, set()).update(_top_of(_parsed(path)))
    return found


@pytest.fixture(scope="module")
def files() -> set[str]:
    """Names of our files, and their paths below the package and below the root."""
    folders = ("src", "tests", "benchmarks", "scripts", "docs", "docker")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.*")]
    found = {path.name for path in paths} | {path.relative_to(ROOT).as_posix() for path in paths}
    return found | {path.relative_to(SOURCE).as_posix() for path in MODULES}


@pytest.mark.slow
@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_what_docstrings_and_comments_name_exists(
    path: Path, names: set[str], tops: dict[str, set[str]], files: set[str]
) -> None:
    gone = []
    for prose in _prose(path):
        for file in re.findall(r"\b[\w/]*\w\.py\b", prose):
            if file not in FILES_OF_OTHERS and file.removeprefix("tellapart/") not in files:
                gone.append(file)
        for name in re.findall(r"`([A-Za-z_][\w.]*)(?:\([^`]*\))?`", prose):
            if name in NOT_OURS or name in files:
                continue
            *packages, last = name.split(".")
            owner = tops.get(packages[-1]) if packages and packages[-1] not in VARIABLES else None
            known = last in names or _tests_have(last)
            if not known or (owner is not None and last not in owner | set(tops)):
                gone.append(name)
    assert gone == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_more_than_five_fields_have_a_line_each(path: Path) -> None:
    lines = path.read_text("utf-8").split("\n")
    bare = []
    for node in ast.walk(_parsed(path)):
        if not isinstance(node, ast.ClassDef) or "dataclass" not in " ".join(
            ast.unparse(one) for one in node.decorator_list
        ):
            continue
        fields = [
            one
            for one in node.body
            if isinstance(one, ast.AnnAssign)
            and isinstance(one.target, ast.Name)
            and not one.target.id.startswith("_")
        ]
        told = set(re.findall(r"^    (\w+): ", ast.get_docstring(node) or "", re.MULTILINE))
        if len(fields) > MOST_FIELDS:
            bare += [
                f"{node.name}.{ast.unparse(one.target)}"
                for one in fields
                if ast.unparse(one.target) not in told
                and "  # " not in lines[(one.end_lineno or 0) - 1]
                and not lines[one.lineno - 2].lstrip().startswith("#:")
            ]
    assert bare == []


@pytest.fixture(scope="module")
def read_by_users() -> list[tuple[str, str]]:
    """What a person reads, by the file that it is from: sentences, help and pages."""
    found = []
    for path in MODULES:
        for_coders = set()  # docstrings, but for those that are help
        if not {"commands", "terminal", "examples"}.intersection(path.parts):
            for one in _documented(_parsed(path)):
                if ast.get_docstring(one) is not None and isinstance(one.body[0], ast.Expr):
                    for_coders.add(one.body[0].value)
        for node in ast.walk(_parsed(path)):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and " " in node.value
                and node not in for_coders
            ):
                found.append((str(path.relative_to(ROOT)), node.value))
    pages = [*(SOURCE / "pages" / "templates").glob("*.*"), *(ROOT / "docs").glob("*.md")]
    for path in (*pages, ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        if path.name != "glossary.md":
            found.append((str(path.relative_to(ROOT)), path.read_text("utf-8")))
    return found


@pytest.mark.parametrize("old", OLD_WORDS)
def test_what_a_user_reads_has_no_old_words(old: str, read_by_users: list[tuple[str, str]]) -> None:
    found = [(file, match[0]) for file, text in read_by_users for match in re.finditer(old, text)]
    assert found == []
