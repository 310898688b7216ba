"""What `tellapart serve` says of a command line that it cannot follow."""

from __future__ import annotations

from pathlib import Path

import pytest

from drawn import run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "tellapart serve needs [NAME=]MODEL.\ntellapart serve -h has examples.\n"),
        (("http://x/y",), "http://x/y is an address; a model is a folder"),
        (("my model=heroes",), "Give it another, such as my-model=heroes."),
        (("=heroes",), "=heroes has nothing before its =.\nGive name and folder, such as heroes=h"),
        (("heroes=",), "heroes= has nothing after its =.\n"),
        (("MODEL", "--port", "80x"), "--port 80x is not a whole number.\n"),
        (("MODEL", "--token-file", "none"), "none cannot be read: no such file or directory.\nM"),
        (("MODEL", "--no-auth", "--host", "192.0.2.1"), "192.0.2.1 is no address of this computer"),
        (("MODEL", "--no-auth", "--host", "no.such.invalid"), "invalid is no address of this comp"),
    ],
)
def test_it_says_what_was_wrong_as_it_was_typed(
    arguments: tuple[str, ...], said: str, served: Path
) -> None:
    told = run("serve", *(str(served) if one == "MODEL" else one for one in arguments))
    assert told.code == 2
    assert said in told.err
    assert "Usage:" not in told.err
    assert not told.out
