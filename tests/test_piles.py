"""`tellapart piles`: a heap of drawn pictures of a few kinds, in folders to be named."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from typer.testing import CliRunner

import tellapart
from tellapart.cli.app import app
from tellapart.files.journal.journal import Journal
from tellapart.files.journal.record import Entry
from tellapart.health.piles import pile_up

KINDS = ("disc", "stripes", "cross")
EACH = 9


def draw(kind: str, number: int) -> Image.Image:
    """A picture of a kind: its own colour and place, which do not make the kind."""
    lot = np.random.default_rng(1000 * KINDS.index(kind) + number)
    base = {"disc": (200, 60, 40), "stripes": (40, 90, 190), "cross": (60, 160, 60)}[kind]
    colour = tuple(int(np.clip(c + lot.integers(-25, 26), 0, 255)) for c in base)
    picture = Image.new("RGB", (96, 96), (235, 232, 225))
    pen = ImageDraw.Draw(picture)
    x, y = (int(v) for v in lot.integers(-8, 9, 2))
    if kind == "disc":
        pen.ellipse((22 + x, 22 + y, 74 + x, 74 + y), fill=colour)
    elif kind == "stripes":
        for left in range(-4, 100, 16):
            pen.rectangle((left + x, 0, left + x + 7, 96), fill=colour)
    else:
        pen.line((14 + x, 14 + y, 82 + x, 82 + y), fill=colour, width=12)
        pen.line((82 + x, 14 + y, 14 + x, 82 + y), fill=colour, width=12)
    return picture


@pytest.fixture(scope="module")
def heap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three kinds mixed, one picture twice, and a file that is no picture. Write nothing here."""
    folder = tmp_path_factory.mktemp("piles") / "heap"
    (folder / "phone").mkdir(parents=True)
    for kind in KINDS:
        for number in range(EACH):
            place = folder / "phone" if number % 2 else folder
            draw(kind, number).save(place / f"{kind}-{number}.png")
    (folder / "disc-again.png").write_bytes((folder / "disc-0.png").read_bytes())
    (folder / "page.jpg").write_text("<html></html>")
    return folder


def run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["piles", *map(str, arguments), "--quiet"])
    if isinstance(result.exception, tellapart.TellapartError):
        return result.exception.exit_code, result.stdout, str(result.exception)
    return result.exit_code, result.stdout, result.stderr


def names_in(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not path.relative_to(folder).parts[0].startswith(".")
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in names_in(folder)}


def test_each_kind_becomes_a_pile_of_links(heap: Path, tmp_path: Path) -> None:
    before = contents(heap)
    out = tmp_path / "piles"
    code, text, _ = run(heap, "-o", out, "-n", "3", "--quality", "fast")
    assert code == 0
    assert "pile-01" in text
    assert "asked for" in text
    piles = sorted(path for path in out.iterdir() if path.is_dir() and path.name[0] != ".")
    assert [path.name for path in piles] == ["pile-01", "pile-02", "pile-03"]
    kinds = [{path.name.partition("-")[0] for path in pile.iterdir()} for pile in piles]
    assert sorted(map(sorted, kinds)) == [["cross"], ["disc"], ["stripes"]]
    assert len(list(piles[0].iterdir())) == EACH + 1  # with its copy
    original = next(heap.rglob(next(iter(piles[1].iterdir())).name))
    assert os.path.samefile(original, next(iter(piles[1].iterdir())))
    assert contents(heap) == before


def test_the_table_and_the_page_say_what_is_where(heap: Path, tmp_path: Path) -> None:
    out = tmp_path / "piles"
    run(heap, "-o", out, "-n", "3", "--quality", "fast")
    with (out / "piles.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 3 * EACH + 1
    for row in rows:
        assert (out / row["placed_as"]).read_bytes() == (heap / row["path"]).read_bytes()
        assert row["placed_as"].startswith(f"{row['pile']}/")
    for pile in ("pile-01", "pile-02", "pile-03"):
        typical = [float(row["typical"]) for row in rows if row["pile"] == pile]
        assert typical == sorted(typical, reverse=True)
    page = (out / "index.html").read_text()
    assert page.count("<h2") == 3
    assert page.count('src="data:image/jpeg') == 3 * EACH + 1


def test_named_piles_are_a_data_set(heap: Path, tmp_path: Path) -> None:
    out = tmp_path / "piles"
    run(heap, "-o", out, "-n", "3", "--quality", "fast")
    for pile in ("pile-01", "pile-02", "pile-03"):
        kind = next((out / pile).iterdir()).name.partition("-")[0]
        (out / pile).rename(out / kind)
    (out / "set-aside").mkdir(exist_ok=True)
    (out / "set-aside" / "odd.png").write_bytes((heap / "disc-0.png").read_bytes())
    result = tellapart.train(out, quality="fast", test=0)
    assert result.classifier.labels == ("cross", "disc", "stripes")
    assert len(result.dataset.items) == 3 * EACH + 1


def test_a_second_run_and_undo_leave_what_the_user_has_named(heap: Path, tmp_path: Path) -> None:
    out = tmp_path / "piles"
    arguments = (heap, "-o", out, "-n", "3", "--quality", "fast", "--json")
    first = json.loads(run(*arguments)[1])
    assert (first["placed"], first["placed_before"]) == (3 * EACH + 1, 0)
    (out / "pile-01").rename(out / "rose")
    own = contents(out / "rose")
    second = json.loads(run(*arguments)[1])
    assert (second["placed"], second["placed_before"]) == (0, 3 * EACH + 1)
    assert not (out / "pile-01").exists()
    code, text, _ = run("--undo", out, "--json")
    found = json.loads(text)
    assert (code, found["taken_back"]) == (0, 3 * EACH + 1 - len(own))
    assert sorted(one["path"] for one in found["left"]) == [f"rose/{name}" for name in own]
    assert contents(out) == {f"rose/{name}": value for name, value in own.items()}
    assert found["elsewhere"] == 0  # each of them is named


def test_piles_that_were_all_renamed_are_named_and_can_be_taken_back_later(
    heap: Path, tmp_path: Path
) -> None:
    out, every = tmp_path / "piles", 3 * EACH + 1
    arguments = (heap, "-o", out, "-n", "2", "--quality", "fast")
    run(*arguments)
    piles = sorted(path.name for path in out.iterdir() if path.is_dir() and path.name[0] != ".")
    for pile in piles:
        (out / pile).rename(out / f"my-{pile}")
    before = contents(out)
    _, text, _ = run(*arguments)
    assert f"{every} pictures of these are no longer where they were put" in text
    code, text, _ = run("--undo", out, "--json")
    found = json.loads(text)
    assert (code, found["taken_back"], len(found["left"])) == (1, 0, every)
    assert contents(out) == before
    for pile in piles:
        (out / f"my-{pile}").rename(out / pile)
    assert f"Taken back: {every} pictures" in run("--undo", out)[1]
    assert not out.exists()


def test_pictures_that_do_not_differ_are_not_called_as_many_piles_as_asked(tmp_path: Path) -> None:
    (tmp_path / "heap").mkdir()
    for number in range(6):
        Image.new("RGB", (64, 64 + number)).save(tmp_path / "heap" / f"{number}.png")
    code, text, _ = run(
        tmp_path / "heap", "-o", tmp_path / "out", "-n", "3", "--quality", "fast", "--json"
    )
    found = json.loads(text)
    assert code == 0
    assert all(-1 <= one["typical"] <= 1 for pile in found["piles"] for one in pile["pictures"])
    result = tellapart.piles(tmp_path / "heap", count=3, quality="fast")
    assert len(result.piles) == 3 or "3 were asked for" in result.words


def test_undo_takes_back_all_of_it(heap: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "piles"
    run(heap, "-o", out, "--quality", "fast")
    assert run("--undo", out)[0] == 0
    assert not (tmp_path / "new").exists()


def test_a_run_that_was_stopped_goes_on_to_the_same_piles(
    heap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run(heap, "-o", whole, "-n", "3", "--quality", "fast")
    real, count = Journal.place, Counter[str]()

    def place(self: Journal, entry: Entry, part: Path | None = None) -> None:
        count["placed"] += 1
        if count["placed"] > 10:
            raise KeyboardInterrupt
        real(self, entry, part)

    with monkeypatch.context() as patch:
        patch.setattr("tellapart.files.journal.journal.Journal.place", place)
        CliRunner().invoke(
            app, ["piles", str(heap), "-o", str(broken), "-n", "3", "--quality", "fast"]
        )
    assert 0 < len(names_in(broken)) < len(names_in(whole))
    assert run(heap, "-o", broken, "-n", "3", "--quality", "fast")[0] == 0
    pictures = {name for name in names_in(whole) if name.endswith(".png")}
    assert {name for name in names_in(broken) if name.endswith(".png")} == pictures


def test_nothing_of_the_users_is_overwritten(heap: Path, tmp_path: Path) -> None:
    out = tmp_path / "piles"
    (out / "pile-01").mkdir(parents=True)
    mine = {"index.html": b"mine", "piles.csv": b"mine", "pile-01/disc-0.png": b"mine"}
    mine |= {"pile-01/cross-0.png": b"mine", "pile-01/stripes-0.png": b"mine"}
    for name, content in mine.items():
        (out / name).write_bytes(content)
    code, text, _ = run(heap, "-o", out, "-n", "3", "--quality", "fast", "--json")
    assert code == 0
    assert {name: (out / name).read_bytes() for name in mine} == mine
    assert json.loads(text)["page"].endswith("index-2.html")
    assert json.loads(text)["placed"] == 3 * EACH + 1
    run("--undo", out)
    assert contents(out) == mine


def test_copies_are_made_where_links_cannot_be(
    heap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **named: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(os, "symlink", refuse)
    out = tmp_path / "piles"
    code, text, _ = run(heap, "-o", out, "-n", "3", "--quality", "fast")
    assert code == 0
    assert "The pictures were copied" in text
    path = next(iter((out / "pile-02").iterdir()))
    original = next(heap.rglob(path.name))
    assert path.read_bytes() == original.read_bytes()
    assert not os.path.samefile(path, original)


def test_in_python_nothing_is_written_without_a_destination(heap: Path) -> None:
    before = names_in(heap)
    found = tellapart.piles(heap, count=3, quality="fast")
    assert found.destination is None
    assert not found.chosen
    assert sorted(len(pile.pictures) for pile in found.piles) == [EACH, EACH, EACH + 1]
    assert [one.name for one in found.unreadable] == ["page.jpg"]
    assert names_in(heap) == before


def test_piles_inside_the_heap_are_not_piled_again(heap: Path, tmp_path: Path) -> None:
    inside = tmp_path / "heap"
    inside.mkdir()
    for kind in KINDS[:2]:
        for number in range(4):
            draw(kind, number).save(inside / f"{kind}-{number}.png")
    for _ in range(2):
        code, text, _ = run(
            inside, "-o", inside / "piles", "-n", "2", "--quality", "fast", "--json"
        )
        assert code == 0
        assert json.loads(text)["pictures"] == 8


def test_piles_of_before_inside_the_heap_are_passed_over_and_said(tmp_path: Path) -> None:
    inside = tmp_path / "heap"
    inside.mkdir()
    for kind in KINDS[:2]:
        for number in range(4):
            draw(kind, number).save(inside / f"{kind}-{number}.png")
    fast = ("-n", "2", "--quality", "fast")
    assert run(inside, "-o", inside / "old" / "piles", *fast)[0] == 0
    (inside / "mine").mkdir()
    (inside / "mine" / "piles.csv").write_text("a table of somebody else\n")
    draw("cross", 1).save(inside / "mine" / "cross.png")
    found = json.loads(run(inside, "-o", tmp_path / "piles", *fast, "--json")[1])
    assert found["pictures"] == 9
    said = {one["path"]: one["reason"] for one in found["skipped"]}
    assert "piles that were made before" in said["old/piles"]


def test_the_heap_may_be_relative_and_the_links_stay_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "heap").mkdir()
    for kind in KINDS[:2]:
        for number in range(4):
            draw(kind, number).save(tmp_path / "heap" / f"{kind}-{number}.png")

    def refuse(*arguments: object, **named: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "link", refuse)  # as between two disks
    code, text, _ = run("heap", "-o", "made/piles", "-n", "2", "--quality", "fast")
    assert code == 0
    assert "tellapart train made/piles" in text
    assert str(tmp_path) not in text
    links = [path for path in (tmp_path / "made").rglob("*.png") if path.is_symlink()]
    assert len(links) == 8
    monkeypatch.chdir(tmp_path / "made")
    assert all(path.is_file() for path in links)
    assert run("--undo", "piles")[0] == 0
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (lambda heap, out: (heap,), "a folder for the piles"),
        (lambda heap, out: (heap, "-o", heap), "cannot be in that folder itself"),
        (lambda heap, out: (heap, "-o", out, "-n", "201"), "1 to 200"),
        (lambda heap, out: (heap, "-o", out, "-n", "40"), "cannot be 40 piles"),
        (lambda heap, out: (heap / "nothing", "-o", out), "is not a folder"),
        (lambda heap, out: (heap, "-o", heap / "page.jpg"), "is a file"),
        (lambda heap, out: ("--undo", out), "Nothing was piled into"),
        (lambda heap, out: (heap, "--undo", out), "does not go with --undo"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    heap: Path, tmp_path: Path, arguments: Callable[[Path, Path], tuple[object, ...]], said: str
) -> None:
    given_ = [str(one) for one in arguments(heap, tmp_path / "out")]
    fast = [] if "--undo" in given_ else ["--quality", "fast"]
    code, _, error = run(*given_, *fast)
    assert code != 0
    assert said in error
    assert not (tmp_path / "out").exists()


def test_piles_of_other_pictures_are_refused(heap: Path, tmp_path: Path) -> None:
    out = tmp_path / "piles"
    run(heap, "-o", out, "-n", "3", "--quality", "fast")
    before = names_in(out)
    code, _, error = run(heap, "-o", out, "-n", "2", "--quality", "fast")
    assert code != 0
    assert "already holds other piles" in error
    assert names_in(out) == before


def points(seed: int, groups: int, each: int) -> np.ndarray:
    lot = np.random.default_rng(seed)
    centres = lot.normal(size=(groups, 32))
    return np.concatenate([c + 0.3 * lot.normal(size=(each, 32)) for c in centres])


@settings(max_examples=12)
@given(st.integers(0, 50), st.integers(2, 6))
def test_groups_that_are_far_apart_are_found_in_any_order(seed: int, groups: int) -> None:
    vectors = points(seed, groups, 12)
    digests = [f"{row:04d}" for row in range(len(vectors))]
    truth = np.repeat(np.arange(groups), 12)
    found = pile_up(vectors, digests)
    kept = found.pile >= 0
    pairs = {(a, b) for a, b in zip(truth[kept].tolist(), found.pile[kept].tolist(), strict=True)}
    assert len(pairs) == groups == len(set(found.pile[kept].tolist()))
    order = np.random.default_rng(seed).permutation(len(vectors))
    again = pile_up(vectors[order], [digests[row] for row in order])
    assert np.array_equal(again.pile, found.pile[order])


def test_what_is_unlike_every_pile_is_in_none() -> None:
    vectors = points(1, 3, 30)
    strange = np.random.default_rng(9).normal(size=(2, 32)) * 3
    digests = [f"{row:04d}" for row in range(len(vectors) + 2)]
    found = pile_up(np.concatenate([vectors, strange]), digests, 3)
    assert (found.pile[-2:] == -1).all()
    assert (found.pile[:-2] >= 0).all()
