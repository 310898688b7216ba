"""`fix`: what check found is decided about, by name, all that is sure, or key by key in a terminal;
and taken back. No picture is touched."""

from __future__ import annotations

import csv
import fcntl
import hashlib
import html
import os
import re
import select
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tellapart
from conftest import draw_scene
from drawn import COMMAND, FOUR, contents, few_of, only_sentences, run_here
from tellapart.assess.check.health import Finding
from tellapart.assess.check.keeping import Answered
from tellapart.assess.check.mending import Mend, drop, group, read, relabel, walk
from tellapart.assess.check.rescoring import accuracy_about_after
from tellapart.assess.deciding import Keeper
from tellapart.assess.fixing import Walk
from tellapart.cli.terminal.decided import accuracy_words, fairer_words
from tellapart.cli.terminal.pictures import half_blocks, way_to_show
from tellapart.dataset.sources import read_dataset
from tellapart.demo.walk import DemoPictures
from tellapart.evaluation.metrics import Proportion
from test_groups import draw, of_no_order

FAST = ("--quality", "fast", "-q")
DECISIONS = "tellapart.csv"
needs_terminals = pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals")


@pytest.fixture
def mixed(heroes: DemoPictures, tmp_path: Path) -> Path:
    """Thirty pictures a label, of which three of each were put into the other label's folder."""
    photos = few_of(heroes, tmp_path / "photos", 30)
    for at in SWAPPED:
        knight, queen = (photos / label / f"{at:03d}.jpg" for label in ("dark_knight", "ice_queen"))
        knight.rename(photos / "ice_queen" / f"knight-{at}.jpg")
        queen.rename(photos / "dark_knight" / f"queen-{at}.jpg")
    return photos


SWAPPED = (3, 11, 17)
WRONG = {f"ice_queen/knight-{at}.jpg": "dark_knight" for at in SWAPPED} | {
    f"dark_knight/queen-{at}.jpg": "ice_queen" for at in SWAPPED
}


def decided(photos: Path) -> dict[str, tuple[str, str]]:
    """The decisions that are in force: (decision, new label) by the picture's name."""
    file = photos / DECISIONS
    if not file.exists():
        return {}
    with file.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if not row.get("superseded")]
    return {row["path"]: (row["decision"], row["new_label"]) for row in rows}


def pictures(photos: Path) -> dict[str, bytes]:
    return {name: content for name, content in contents(photos).items() if name != DECISIONS}


# By name


def test_a_picture_is_relabelled_by_its_name_and_the_accuracy_is_told(mixed: Path) -> None:
    before = pictures(mixed)
    found = run_here("fix", mixed, "ice_queen/knight-3.jpg", "--relabel", "dark_knight", *FAST)
    assert found.code == 0
    assert "ice_queen/knight-3.jpg: now dark knight." in found.out
    assert decided(mixed) == {"ice_queen/knight-3.jpg": ("relabel", "dark_knight")}
    assert tellapart.check(mixed, quality="fast").pictures.counts == (31, 29)
    assert pictures(mixed) == before


def test_several_are_dropped_and_why_is_kept(mixed: Path) -> None:
    names = list(WRONG)[:2]
    done = run_here("fix", mixed, *names, "--drop", "--why", "swapped", "--json", *FAST).json()
    assert done["decisions"] == [{"paths": names[::-1], "decision": "drop", "value": None}] or (
        done["decisions"] == [{"paths": names, "decision": "drop", "value": None}]
    )
    assert set(done["before"]) == set(done["after"]) == FOUR
    assert (done["before"]["n"], done["after"]["n"]) == (60, 58)
    assert done["after"]["correct"] >= done["before"]["correct"]
    rows = run_here("fix", mixed, "--list", "--json").json()["decisions"]
    assert {row["path"]: row["why"] for row in rows} == dict.fromkeys(names, "swapped")
    assert len(read_dataset(mixed).items) == 58


def test_a_path_from_here_is_as_good_as_a_name(mixed: Path) -> None:
    place = mixed / "dark_knight" / "queen-3.jpg"
    assert run_here("fix", mixed, place, "--keep", *FAST).code == 0
    assert decided(mixed) == {"dark_knight/queen-3.jpg": ("keep", "")}


def test_a_private_models_name_for_a_picture_is_known(mixed: Path) -> None:
    content = (mixed / "dark_knight" / "queen-3.jpg").read_bytes()
    short = hashlib.sha256(content).hexdigest()[:12]
    assert run_here("fix", mixed, short, "--relabel", "ice_queen", *FAST).code == 0
    assert decided(mixed) == {"dark_knight/queen-3.jpg": ("relabel", "ice_queen")}


def test_what_was_left_out_can_be_kept_after_all(mixed: Path) -> None:
    name = "dark_knight/000.jpg"
    run_here("fix", mixed, name, "--drop", *FAST)
    done = run_here("fix", mixed, name, "--keep", "--json", *FAST).json()
    assert (done["before"]["n"], done["after"]["n"]) == (59, 60)


def test_a_new_label_is_asked_for(mixed: Path) -> None:
    name = "ice_queen/000.jpg"
    refused = run_here("fix", mixed, name, "--relabel", "dark_night", *FAST)
    assert "For a new label add --new-label." in refused.err
    assert run_here("fix", mixed, name, "--relabel", "dark_night", "--new-label", *FAST).code == 0
    assert decided(mixed) == {name: ("relabel", "dark_night")}
    other_name = "ice_queen/001.jpg"  # from then on it is a label
    assert run_here("fix", mixed, other_name, "--relabel", "dark_night", *FAST).code == 0


@pytest.mark.slow
def test_the_accuracy_is_what_check_says_then(mixed: Path) -> None:
    def now() -> dict[str, object]:
        said: dict[str, object] = run_here("check", mixed, "--json", *FAST).json()["accuracy"]
        return said

    said = now()
    names = list(WRONG)
    for arguments in (
        (names[0], "--relabel", WRONG[names[0]]),
        (names[1], names[2], "--drop"),
        ("ice_queen/000.jpg", "ice_queen/001.jpg", "--group", "morning"),
        ("--above", "0.8"),
        ("--undo", "last-2"),
    ):
        done = run_here("fix", mixed, *arguments, "--json", *FAST).json()
        assert done["before"] == said
        assert not done["about"]
        said = done["after"]
        assert said == now()
    going = Walk(tellapart.check(mixed, quality="fast"), Keeper(read_dataset(mixed)))
    assert going.question
    going.decide(Mend(going.question.names, "drop"))
    assert going.accuracy == tellapart.check(mixed, quality="fast").accuracy
    rough = accuracy_about_after(going.looked, going.mends)
    assert rough.n == going.accuracy.n
    assert abs(rough.value - going.accuracy.value) < 0.1


def test_decisions_are_listed_and_taken_back_by_their_number(mixed: Path) -> None:
    chosen = dict(list(WRONG.items())[1:5])
    for name, label in chosen.items():
        run_here("fix", mixed, name, "--relabel", label, *FAST)
    listed = run_here("fix", mixed, "--list", "--json").json()["decisions"]
    assert [(row["row"], row["path"]) for row in listed] == list(enumerate(chosen, 1))
    gone = listed[3]["path"]
    done = run_here("fix", mixed, "--undo", "4", *FAST)
    assert f"Undone: {gone}" in done.out
    assert run_here("fix", mixed, "--list", "--json").json()["decisions"] == listed[:3]
    run_here("fix", mixed, "--undo", listed[0]["path"], *FAST)
    assert list(decided(mixed)) == sorted(row["path"] for row in listed[1:3])
    run_here("fix", mixed, "ice_queen/000.jpg", "--drop", *FAST)
    run_here("fix", mixed, "--undo", "last-2", *FAST)
    assert list(decided(mixed)) == [listed[1]["path"]]
    back = run_here("fix", mixed, "--undo", "all", "--json", *FAST).json()
    assert back["after"]["correct"] <= back["before"]["correct"]
    assert decided(mixed) == {}
    assert "Nothing was decided" in run_here("fix", mixed, "--list").out
    refused = run_here("fix", mixed, "--undo", "last", *FAST)
    assert refused.code == 2
    assert only_sentences(refused.err)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["elsa.jpg", "--drop"], "has no picture elsa.jpg"),
        (["ice_queen/000.jpg"], "What is decided about ice_queen/000.jpg is missing."),
        (["--drop"], "--drop needs the names of pictures."),
        (["ice_queen/000.jpg", "--drop", "--keep"], "--drop does not go with --keep."),
        (["--list", "--undo", "last"], "--list does not go with --undo."),
        (["--undo", "7"], "--undo 7 is none of 0 decisions."),
        (["--undo", "last-0"], "--undo last-0 is none of 0 decisions."),
        (
            ["ice_queen/000.jpg", "--relabel", "dark_night"],
            "There is no label dark_night; did you mean dark_knight?",
        ),
        (["ice_queen/000.jpg", "--relabel", "9"], "There is no label 9, but dark_knight, ice_"),
        (["--list", "--new-label"], "--new-label goes with --relabel."),
        (["--only", "two-in-one"], "About two-in-one there is nothing for fix to decide."),
        (["--apply", "all"], "--apply all is not known."),
        (["--apply", "sure", "--only", "ugliness"], "names no kind of finding"),
        (["--above", "high"], "--above high is not a fraction."),
        (["--quality", "auto"], "--quality auto is for train."),
        (["ice_queen/000.jpg", "--relabel", "Ice queen"], "differ only in"),
        ([], "fix asks its questions in a terminal, and there is none."),
        (["--json"], "--json does not go with questions in a terminal."),
    ],
)
def test_what_cannot_be_done_is_one_sentence(mixed: Path, arguments: list[str], said: str) -> None:
    refused = run_here("fix", mixed, *arguments, "-q")
    assert refused.code == 2
    assert said in refused.err
    assert only_sentences(refused.err.splitlines()[0].replace("?", "."))
    assert decided(mixed) == {}


def test_the_commands_that_check_prints_can_be_read(mixed: Path) -> None:
    dataset = read_dataset(mixed)
    names = ("ice_queen/a b's.jpg", "ice_queen/\u00e9.jpg")
    assert read(relabel(dataset, names, "dark knight"), names) == Mend(
        names, "relabel", "dark knight"
    )
    assert read(drop(dataset, names[1:]), names) == Mend(names[1:], "drop")
    assert read(group(dataset, names, "day 1"), names) == Mend(names, "group", "day 1")
    assert read(walk(dataset, "wrong-label"), names) is None
    tested = replace(dataset, test_source=mixed.parent / "new ones")
    others = ("new ones/ice_queen/1.jpg", "new ones/ice_queen/2.jpg")
    assert read(drop(tested, others[1:]), others) == Mend(others[1:], "drop")
    assert read("", names) is None


@pytest.mark.slow
def test_the_commands_that_check_prints_can_be_typed(
    heroes: DemoPictures, mixed: Path, tmp_path: Path
) -> None:
    bursts = draw(tmp_path / "bursts", of_no_order, steps=5)
    shutil.copy(mixed / "ice_queen" / "000.jpg", mixed / "ice_queen" / "it's again.jpg")
    shutil.copy(mixed / "ice_queen" / "001.jpg", mixed / "dark_knight" / "queen.jpg")
    for at, seed in enumerate((1, 2)):
        draw_scene(seed=seed).save(mixed / ("ice_queen", "dark_knight")[at] / "scene.png")
    draw_scene(16, 16).save(mixed / "dark_knight" / "tiny.png")
    aside = few_of(heroes, tmp_path / "aside", 2)
    tried = set()
    of_two: tuple[str | Path, ...] = ("--test", aside)
    for photos, more in ((bursts, ()), (mixed, of_two)):
        shutil.copytree(photos, tmp_path / "copy")
        found = run_here("check", photos, *more, "--json", *FAST).json()["findings"]
        for one in found:
            _, _, where, *words = shlex.split(one["mend"]) or ["", "", ""]
            how = next((word for word in words if word.startswith("--")), "")
            if not how or (one["kind"], how) in tried:
                continue
            tried.add((one["kind"], how))
            sure = ["--apply", "sure"] if how == "--only" else []
            there = tmp_path / "copy" if where == str(photos) else where
            done = run_here("fix", there, *words, *sure, *FAST)
            assert done.code == 0, (one["mend"], done.err)
        shutil.rmtree(tmp_path / "copy")
    assert {
        ("burst", "--group"),
        ("wrong-label", "--relabel"),
        ("duplicate", "--drop"),
        ("conflict", "--drop"),
        ("leak", "--drop"),
        ("tiny", "--only"),
    } <= tried


@pytest.mark.slow
def test_copies_under_several_labels_are_left_out_and_none_is_relabelled(mixed: Path) -> None:
    for at in (0, 1, 2):
        picture = mixed / "ice_queen" / f"{at:03d}.jpg"
        shutil.copy(picture, mixed / "dark_knight" / f"other-{at}.jpg")
        shutil.copy(picture, mixed / "ice_queen" / f"again-{at}.jpg")
    health = tellapart.check(mixed, quality="fast")
    copies = {name for one in health.of("conflict") for name in one.paths}
    assert len(copies) == 9
    assert not copies & {name for one in health.of("wrong-label") for name in one.paths}
    done = run_here("fix", mixed, "--above", "0.5", "--json", *FAST).json()
    left_out = {p for one in done["decisions"] for p in one["paths"] if one["decision"] == "drop"}
    assert len(left_out & copies) == 6
    assert not tellapart.check(mixed, quality="fast").of("duplicate", "conflict")


def test_a_stranger_is_left_out_and_gets_no_other_label(mixed: Path) -> None:
    for at, label in enumerate(("ice_queen", "dark_knight") * 3):
        draw_scene(seed=at).save(mixed / label / f"scene-{at}.png")
    health = tellapart.check(mixed, quality="fast")
    first = Walk(health, Keeper(health.dataset)).question
    assert first
    assert first.kind == "stranger"
    assert first.suggestion == Mend(first.names, "drop")
    strange = {one.paths[0] for one in health.of("stranger")}
    guesses = [Finding("wrong-label", (name,), "") for name in health.pictures.names]
    answered = Answered()
    for one in health.of("stranger"):
        answered.hear(one)
    guessed = {one.paths[0] for one in guesses if not answered.answers(one)}
    assert guessed == set(health.pictures.names) - strange


# The files themselves


def test_files_are_moved_only_if_that_is_asked_for_and_come_back(mixed: Path) -> None:
    before = pictures(mixed)
    run_here("fix", mixed, "ice_queen/knight-3.jpg", "--relabel", "dark_knight", *FAST)
    run_here("fix", mixed, "ice_queen/knight-11.jpg", "--drop", *FAST)
    assert pictures(mixed) == before
    done = run_here("fix", mixed, "--carry-out")
    assert "ice_queen/knight-3.jpg  ->  dark_knight/knight-3.jpg" in done.out
    moved = {
        "ice_queen/knight-3.jpg": "dark_knight/knight-3.jpg",
        "ice_queen/knight-11.jpg": "set-aside/ice_queen/knight-11.jpg",
    }
    after = {moved.get(name, name): content for name, content in before.items()}
    assert {name: c for name, c in pictures(mixed).items() if not name.startswith(".")} == after
    assert run_here("fix", mixed, "--carry-out", "--json").json() == {"moved": [], "left": []}
    assert run_here("fix", mixed, "--undo", "carried-out").code == 0
    assert pictures(mixed) == before
    assert len(decided(mixed)) == 2
    run_here("fix", mixed, "--carry-out")
    refused = run_here("fix", mixed, "--undo", "1", *FAST)
    assert "was carried out: its file was moved. First put the files back: " in (
        refused.err.replace("\n", " ")
    )


def test_a_label_that_only_a_test_picture_has_can_be_carried_out(
    heroes: DemoPictures, tmp_path: Path
) -> None:
    photos = few_of(heroes, tmp_path / "photos", 6)
    for label in ("dark_knight", "ice_queen"):
        (photos / "test" / label).mkdir(parents=True)
        for at in (4, 5):
            (photos / label / f"{at:03d}.jpg").rename(photos / "test" / label / f"{at:03d}.jpg")
    before = pictures(photos)
    run_here("fix", photos, "test/ice_queen/004.jpg", "--relabel", "snow", "--new-label", *FAST)
    assert run_here("fix", photos, "--carry-out").code == 0
    assert (photos / "test" / "snow" / "004.jpg").is_file()
    trained = run_here("train", photos, "-o", tmp_path / "model", *FAST)
    assert (trained.code, trained.err) == (0, "")
    assert "Not judged, because they have no training pictures: snow." in trained.out
    assert run_here("fix", photos, "--undo", "carried-out").code == 0
    assert pictures(photos) == before


# The commands that reports name


@pytest.mark.slow
def test_report_and_explain_name_the_command_that_mends_a_mistake(
    mixed: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    tellapart.train(mixed, quality="fast").save(model)
    report = html.unescape((model / "report.html").read_text("utf-8"))
    said = dict(
        re.findall(r"<code>tellapart fix \S+ (\S+) --relabel (\S+) --quality fast</code>", report)
    )
    known = dict(WRONG.items() & said.items())
    assert len(known) > 3
    name, label = next(iter(known.items()))
    page = tmp_path / "why.html"
    told = run_here("explain", model, mixed / name, "-o", page)
    command = f"tellapart fix {mixed} {name} --relabel {label} --quality fast"
    assert f"If its label is wrong: {command}" in told.out
    assert command in html.unescape(page.read_text("utf-8"))
    right = mixed / "ice_queen" / "000.jpg"
    assert "tellapart fix" not in run_here("explain", model, right).out
    assert run_here(*command.split()[1:], "-q").code == 0
    assert decided(mixed) == {name: ("relabel", label)}


@pytest.mark.slow
def test_the_report_of_a_private_model_names_no_picture(mixed: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    tellapart.train(mixed, quality="fast").save(model, private=True)
    report = html.unescape((model / "report.html").read_text("utf-8"))
    commands = re.findall(r"<code>(tellapart fix .+?)</code>", report)
    assert commands
    assert all(one.startswith("tellapart fix PHOTOS ") for one in commands)
    run_here(*commands[0].replace("PHOTOS", str(mixed)).split()[1:], *FAST)
    assert len(decided(mixed)) == 1


# All that is sure


def test_all_above_a_score_is_decided_at_once_and_undone(mixed: Path) -> None:
    before = pictures(mixed)
    likely = {
        one.paths[0]: ("relabel", str(one.suggested))
        for one in tellapart.check(mixed, quality="fast").of("wrong-label")
        if one.score >= 0.8
    }
    assert len(likely.keys() & WRONG.keys()) > 1
    above = ("--above", "80%", "--only", "wrong-labels", "--json", *FAST)
    done = run_here("fix", mixed, *above).json()
    assert {path for one in done["decisions"] for path in one["paths"]} == likely.keys()
    assert done["after"]["accuracy"] > done["before"]["accuracy"]
    assert decided(mixed) == likely
    assert pictures(mixed) == before
    again = run_here("fix", mixed, *above).json()["decisions"]
    assert not likely.keys() & {path for one in again for path in one["paths"]}
    run_here("fix", mixed, "--undo", "all", *FAST)
    assert contents(mixed) == before


def test_what_is_not_sure_is_not_applied(mixed: Path) -> None:
    sure = {
        path
        for one in tellapart.check(mixed, quality="fast").findings
        if one.sure and one.kind != "unreadable"
        for path in one.paths
    }
    done = run_here("fix", mixed, "--apply", "sure", "--json", *FAST).json()
    assert {path for one in done["decisions"] for path in one["paths"]} <= sure


def test_twelve_labels_that_are_kept_in_a_row_are_enough(mixed: Path) -> None:
    health = tellapart.check(mixed, quality="fast", every=True)
    likely = tuple(replace(one, score=0.9) for one in health.of("wrong-label")[:20])
    health = replace(health, findings=likely)
    going = Walk(health, Keeper(health.dataset), ["wrong-label"])
    for kept in range(12):
        assert going.question, kept
        going.decide(Mend(going.question.names, "keep"))
    assert going.question is None
    assert going.rest.words == "Twelve kept in a row: the rest is likely right."
    going.undo()
    assert going.question
    going.decide(Mend(going.question.names, "drop"))
    assert going.question
    assert len(decided(mixed)) == 12


# In a terminal


class Terminal:
    """`tellapart fix PHOTOS` in a pseudo-terminal, and what it shows there."""

    def __init__(self, photos: Path, only: str = "wrong-labels", **environment: str) -> None:
        import pty
        import termios

        self.end, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        self.seen = ""
        self.process = subprocess.Popen(
            [*COMMAND, "fix", str(photos), "--only", only, *FAST],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env={**os.environ, "TERM": "dumb", **environment},
        )
        os.close(theirs)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.end)

    def until(self, text: str) -> str:
        """What it shows up to a text; 30 seconds at most."""
        limit = time.monotonic() + 30
        while text not in self.seen:
            assert time.monotonic() < limit, self.seen
            if not self._more():
                break
        before, found, self.seen = self.seen.partition(text)
        assert found, before
        return before + found

    def press(self, key: str) -> None:
        os.write(self.end, key.encode())

    def question(self) -> str:
        """The name of the picture that is asked about now."""
        asked = self.until("[q] quit").rpartition(" left  wrong-label")[2]
        found = re.search(r"(?:dark_knight|ice_queen)/[\w-]+\.jpg", asked)
        assert found, asked
        return found[0]

    def close(self) -> tuple[int, str]:
        """Its exit code, and what else it showed."""
        limit = time.monotonic() + 30
        while self._more():
            assert time.monotonic() < limit, self.seen
        return self.process.wait(30), self.seen

    def _more(self) -> bool:
        if not select.select([self.end], [], [], 1)[0]:
            return self.process.poll() is None
        try:
            piece = os.read(self.end, 65_536)
        except OSError:  # how Linux says that the other side is closed
            return False
        self.seen += piece.decode(errors="replace")
        return bool(piece)


def other(name: str) -> str:
    """The label that a picture's folder does not have."""
    return "ice_queen" if name.startswith("dark_knight") else "dark_knight"


@needs_terminals
def test_one_key_each_and_it_goes_on_where_it_stopped(mixed: Path) -> None:
    before = pictures(mixed)
    with Terminal(mixed) as terminal:
        first = terminal.question()
        assert first in WRONG
        terminal.press("\n")
        assert re.search(r"now [a-z ]+\.   \d+\.\d % -> \d+\.\d % \(", terminal.until(" to "))
        assert decided(mixed) == {first: ("relabel", other(first))}  # at once
        second = terminal.question()
        terminal.press("u")  # back to the first
        terminal.until("Undone: ")
        assert terminal.question() == first
        assert decided(mixed) == {}
        terminal.press("y")
        assert terminal.question() == second
        terminal.press("x")
        terminal.until("There is no key x.")
        terminal.until("[q] quit")
        terminal.press("s")
        third = terminal.question()
        terminal.press("k")
        terminal.until("kept as it is.")
        terminal.press("\x1b[A")  # an arrow
        terminal.press("q")
        code, rest = terminal.close()
    assert code == 0
    assert "2 decisions written." in rest
    assert "--undo last-2" in rest
    kept = {first: ("relabel", other(first)), third: ("keep", "")}
    assert decided(mixed) == kept
    with Terminal(mixed) as terminal:  # what was skipped is asked again, what was decided is not
        while (asked := terminal.question()) != second:
            assert asked not in kept
            terminal.press("s")
        terminal.press("l")
        terminal.until("Label (")
        terminal.press(f"{other(second)[:3]}\n")
        terminal.until(" to ")
        os.kill(terminal.process.pid, signal.SIGINT)
        code, rest = terminal.close()
    assert code == 130
    assert "What was finished is kept" in rest
    assert decided(mixed) == {**kept, second: ("relabel", other(second))}
    assert pictures(mixed) == before


@pytest.mark.slow
@needs_terminals
def test_each_key_has_an_answer(mixed: Path) -> None:
    for seed in (1, 2):
        draw_scene(seed=seed).save(mixed / "ice_queen" / f"scene-{seed}.png")
    draw_scene(16, 16).save(mixed / "dark_knight" / "tiny.png")
    with Terminal(mixed, only="tiny,strangers") as terminal:
        asked = terminal.until("[q] quit")
        assert "0 done, " in asked
        assert "stranger" in asked
        name = re.findall(r"ice_queen/scene-\d\.png|dark_knight/tiny\.png", asked)
        assert len(name) == 1  # and not twice
        terminal.press("l")
        terminal.until("goes back): ")
        terminal.press("dark_night\n")
        terminal.until("There is no label dark_night; did you mean dark knight?")
        terminal.press("n")
        terminal.until("[q] quit")
        assert decided(mixed) == {}
        terminal.press("d")
        assert "left out." in terminal.until("1 done, ")
        assert decided(mixed) == {name[0]: ("drop", "")}
        asked = terminal.until("[q] quit")
        while "stranger" in asked:
            terminal.press("s")
            asked = terminal.until("[q] quit")
        assert "left  tiny" in asked
        terminal.press("\n")
        terminal.until("Nothing is suggested here")
        terminal.press("q")
        assert terminal.close()[0] == 0


def test_a_lower_figure_is_told_to_be_fairer() -> None:
    before, after = Proportion(9, 10), Proportion(8, 10)
    kept = [Mend(("a/1.jpg",), "group", "burst 1")]
    assert fairer_words(kept, before, after).startswith("It was too high")
    assert fairer_words(kept, after, before) == ""
    assert fairer_words([Mend(("a/1.jpg",), "drop")], before, after) == ""
    assert "-> about 80.0 %" in accuracy_words(before, after, about=True)


@pytest.mark.slow
@needs_terminals
def test_copies_are_decided_together(heroes: DemoPictures, tmp_path: Path) -> None:
    photos = few_of(heroes, tmp_path / "photos", 12)
    shutil.copy(photos / "ice_queen" / "000.jpg", photos / "ice_queen" / "again.jpg")
    shutil.copy(photos / "ice_queen" / "001.jpg", photos / "dark_knight" / "queen.jpg")
    before = pictures(photos)
    with Terminal(photos, only="duplicates,conflicts") as terminal:
        for _ in range(2):
            asked = terminal.until("[q] quit")
            terminal.press("1" if "conflict" in asked else "y")
        code, rest = terminal.close()
    assert code == 0
    assert "2 decisions written." in rest
    assert "Next:" in rest
    dropped = decided(photos)
    assert set(dropped.values()) == {("drop", "")}
    assert len(dropped.keys() & {"ice_queen/000.jpg", "ice_queen/again.jpg"}) == 1
    assert len(dropped.keys() & {"ice_queen/001.jpg", "dark_knight/queen.jpg"}) == 1
    assert tellapart.check(photos, quality="fast").of("duplicate", "conflict") == ()
    assert pictures(photos) == before
    rows = run_here("fix", photos, "--list", "--json").json()["decisions"]
    assert {row["why"] for row in rows} == {"duplicate", "conflict"}
    run_here("fix", photos, "--undo", "all", *FAST)
    with Terminal(photos, only="duplicates,conflicts") as terminal:
        for _ in range(2):
            terminal.until("[q] quit")
            terminal.press("k")  # both stay, and are not asked about again
        assert terminal.close()[0] == 0
    with Terminal(photos, only="duplicates,conflicts") as terminal:
        assert "There is nothing to decide." in terminal.close()[1]


@pytest.mark.slow
@needs_terminals
def test_a_terminal_with_colours_shows_the_picture_and_typical_ones(mixed: Path) -> None:
    with Terminal(mixed, TERM="xterm-256color", COLORTERM="truecolor") as terminal:
        asked = terminal.until("[q] quit")
        terminal.press("q")
        code, rest = terminal.close()
    assert code == 0
    assert "is now: " in asked
    assert "suggested: " in asked
    assert asked.count("\u2580") > 500
    assert "\x1b[38;2;" in asked
    assert "Nothing was decided." in rest
    assert decided(mixed) == {}


def test_a_picture_in_half_blocks_has_its_colours() -> None:
    pixels = np.asarray(draw_scene(4, 6))
    for true_colour, sign in ((True, ";2;"), (False, ";5;")):
        lines = list(half_blocks(pixels, true_colour))
        assert len(lines) == 3
        assert all(line.count("\u2580") == 4 for line in lines)
        assert all(f"\x1b[38{sign}" in line and line.endswith("\x1b[0m") for line in lines)
    red, green, blue = pixels[0, 0].tolist()
    assert next(half_blocks(pixels)).startswith(f"\x1b[38;2;{red};{green};{blue};48;2;")


@pytest.mark.parametrize(
    ("environment", "way"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm"),
        ({"TERM": "screen-256color", "TMUX": "1", "KITTY_WINDOW_ID": "1"}, "256"),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "truecolor"),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": "1"}, ""),
        ({"TERM": "xterm-256color"}, "256"),
        ({"TERM": "vt100"}, ""),
        ({"TERM": "dumb", "COLORTERM": "truecolor"}, ""),
    ],
)
def test_a_picture_is_drawn_as_the_terminal_can(environment: dict[str, str], way: str) -> None:
    from rich.console import Console

    assert way_to_show(Console(force_terminal=True), environment) == way
    assert way_to_show(Console(force_terminal=False), environment) == ""
