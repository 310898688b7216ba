"""The Python of docs/serving.md is run as it stands there, against a server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import draw_scene, encoded
from serving import Running, serving

PAGE = (Path(__file__).parents[1] / "docs" / "serving.md").read_text("utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
ANSWER = r"dark_knight|ice_queen|none of these"


@pytest.fixture(scope="module")
def server(served: Path) -> Iterator[Running]:
    with serving(served.parent, served) as running:
        yield running


@pytest.mark.parametrize(
    ("imported", "printed"),
    [
        ("tellapart", rf"({ANSWER})\n(({ANSWER}) [01]\.\d+\n){{2}}"),
        ("requests", rf"({ANSWER})\n"),
        ("tritonclient", r"(dark_knight|ice_queen) [01]\.\d+\n"),
    ],
)
def test_the_examples_do_what_they_say(
    imported: str,
    printed: str,
    server: Running,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip(imported)
    [example] = [one for one in EXAMPLES if re.search(rf"^(import|from) {imported}", one, re.M)]
    for number, name in enumerate(("picture.jpg", "a.jpg", "b.jpg")):
        (tmp_path / name).write_bytes(encoded(draw_scene(seed=number), "JPEG"))
    monkeypatch.chdir(tmp_path)
    example = example.replace("127.0.0.1:8000", server.address.removeprefix("http://"))
    exec(compile(example, "serving.md", "exec"), {})
    assert re.fullmatch(printed, capsys.readouterr().out)


def test_every_example_in_python_is_run() -> None:
    assert len(EXAMPLES) == 3
