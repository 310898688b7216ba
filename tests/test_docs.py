"""What README, docs and CHANGELOG say is so."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import tellapart

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_command_line_page_is_what_help_prints() -> None:
    script = ROOT / "scripts" / "write_docs.py"
    run = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr + "Write it again: scripts/write_docs.py"


def test_the_changelog_begins_with_this_release() -> None:
    newest = re.search(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert newest
    assert newest[1] == tellapart.__version__


def test_every_base_dependency_has_its_reason_in_the_readme() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    block = re.search(r"^dependencies = \[(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    assert block
    names = re.findall(r'"([A-Za-z0-9-]+)', block[1])
    readme = (ROOT / "README.md").read_text("utf-8")
    rows = [line for line in readme.splitlines() if line.startswith("|")]
    assert names
    for name in names:
        assert any(name in row for row in rows), name


def test_all_that_the_tests_need_is_pinned() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")

    def needed(extra: str) -> set[str]:
        block = re.search(rf"^{extra} = \[(.*?)\]$", project, re.MULTILINE | re.DOTALL)
        assert block, extra
        names: set[str] = set()
        for name, extras in re.findall(r'"([A-Za-z0-9-]+)(?:\[([a-z0-9,-]+)\])?', block[1]):
            ours = name == "tellapart"  # an extra of its own, and not of another package
            names |= set().union(*map(needed, extras.split(","))) if ours else {name.lower()}
        return names

    lock = (ROOT / "requirements-test.lock").read_text("utf-8")
    pinned = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    missing = (needed("dependencies") | needed("test")) - pinned
    assert not missing, f"scripts/lock pins them: {missing}"
    assert "://" not in lock


@pytest.mark.parametrize(
    "page", sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/*.md")), ids=str
)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_pictures_of_the_studio_are_shown_and_small() -> None:
    """What the docs show is there, what is there is shown, and a clone stays small."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    text = "".join(page.read_text("utf-8") for page in pages)
    kept = {path.name: path.stat().st_size for path in (ROOT / "docs" / "studio").iterdir()}
    assert set(re.findall(r"studio/([\w-]+\.webp)", text)) == set(kept)
    assert kept["collect.webp"] < 200_000
    assert sum(kept.values()) < 1_500_000


def test_commands_in_the_readme_exist() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    known = (ROOT / "docs" / "cli.md").read_text("utf-8")
    for command in re.findall(r"^\$? ?tellapart ([\w-]+)", readme, re.MULTILINE):
        assert f"## tellapart {command}\n" in known
    for option in set(re.findall(r"(--[a-z][a-z-]+)", readme)):
        assert option in known, option


@pytest.mark.slow
def test_the_docs_are_a_site(tmp_path: Path) -> None:
    """Every page is in the menu, every link leads somewhere, and nothing comes from elsewhere."""
    for name in ("docs", "mkdocs.yml"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    for page in (ROOT / "docs").glob("*.md"):
        folder = "" if page.stem == "index" else page.stem
        built = (tmp_path / "site" / folder / "index.html").read_text("utf-8")
        assert not re.findall(r'<(?:script|img|iframe)[^>]+src="https?:', built)
        assert not re.findall(r'<link[^>]+rel="stylesheet"[^>]+href="https?:', built)
        if folder:
            assert f"{page.name}\n" in (ROOT / "mkdocs.yml").read_text("utf-8")


def test_the_workflow_runs_what_everybody_runs_on_every_python() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8"))
    jobs = workflow["jobs"]
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    versions = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', project)
    matrix = jobs["test"]["strategy"]["matrix"]
    assert matrix["python"] == versions
    assert {name.partition("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}
    commands = {step["run"] for job in jobs.values() for step in job["steps"] if "run" in step}
    assert {"sh scripts/check", "sh scripts/test", "sh .ci/run"} <= commands
    for path in (ROOT / ".github").rglob("*.yml"):
        assert yaml.safe_load(path.read_text("utf-8"))
