"""A server answers as the command line does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import draw_scene, encoded, mostly_slow
from serving import Running, serving


@pytest.fixture(scope="module")
def server(served: Path) -> Iterator[Running]:
    with serving(served.parent, served) as running:
        yield running


@pytest.mark.parametrize("more", mostly_slow(["", "?top=1", "?evidence=true"], 1))
def test_the_answer_is_that_of_guess_to_the_last_byte(
    server: Running, served: Path, more: str
) -> None:
    picture = encoded(draw_scene())
    options = {"": [], "?top=1": ["--top", "1"], "?evidence=true": ["--evidence"]}[more]
    said = subprocess.run(
        [sys.executable, "-m", "tellapart", "guess", served, "-", "--json", *options],
        input=picture,
        capture_output=True,
        check=True,
    )
    assert server.ask(f"/v1/guess{more}", picture).body == said.stdout
    assert server.ask(f"/v1/models/heroes/guess{more}", picture).body == said.stdout
