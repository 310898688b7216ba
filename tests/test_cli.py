"""The command line's promises: keys, exit codes, data on stdout alone, and help that helps."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import tellapart
from conftest import draw_scene, encoded, mostly_slow
from drawn import COMMAND, FOUR, Run, few_of, model_of, only_sentences, run, run_here
from tellapart.demo.walk import DemoPictures
from tellapart.errors import DestinationError

LABELS = {"dark_knight", "ice_queen"}
ESCAPE = "\x1b"
needs_terminals = pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals")


@pytest.fixture(scope="module")
def model(heroes: DemoPictures) -> Path:
    return model_of(heroes)


@pytest.fixture(scope="module")
def few(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine pictures a label: too few to spare any."""
    return few_of(heroes, tmp_path_factory.mktemp("few") / "photos", 9)


# guess


def test_guess_json_is_an_object_a_line_with_the_promised_keys(
    model: Path, heroes: DemoPictures
) -> None:
    found = run("guess", model, heroes.inbox, "--json")
    rows = found.json_lines()
    assert found.code == 0
    assert [Path(row["path"]).name for row in rows] == sorted(os.listdir(heroes.inbox))
    broken = [row for row in rows if "error" in row]
    assert [set(row) for row in broken] == [{"path", "error"}]
    assert broken[0]["error"] == "an HTML page saved as .jpg"
    classifier = tellapart.load(model)
    for row in rows:
        if "error" not in row:
            assert set(row) >= {"path", "label", "score", "scores"}
            prediction = classifier.predict(row["path"])
            assert row["scores"] == prediction.scores
            assert list(row["scores"]) == list(prediction.scores)
            assert (row["label"], row["score"]) == (prediction.label, prediction.score)


def test_guess_prints_the_originals_lines(model: Path, heroes: DemoPictures) -> None:
    picture = heroes.photos / "ice_queen" / "000.jpg"
    scores = tellapart.load(model).predict(picture).scores
    expected = [f"{label.replace('_', ' ')} (score = {s:.5f})" for label, s in scores.items()]
    assert run_here("guess", model, picture).out.splitlines() == expected
    assert run_here("guess", model, picture, "--top", "1").out.splitlines() == expected[:1]
    (row,) = run_here("guess", model, picture, "--top", "1", "--json").json_lines()
    assert row["scores"] == {row["label"]: row["score"]}


def test_guess_takes_files_folders_patterns_and_stdin_in_the_order_given(
    model: Path, heroes: DemoPictures, tmp_path: Path
) -> None:
    for name in ("in/a.jpg", "in/deeper/b.jpg", "c.png", "d.jpg", "e[1].jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(heroes.inbox / "IMG_0004.jpg", tmp_path / name)
    (tmp_path / "folder.png").mkdir()
    given = ["*.png", "in", "-", "d.jpg", "**/b.jpg", "e[1].jpg"]
    picture = (heroes.inbox / "IMG_0001.jpg").read_bytes()
    rows = run("guess", model, *given, "--json", cwd=tmp_path, stdin=picture).json_lines()
    assert [row["path"] for row in rows] == [
        "c.png",
        "in/a.jpg",
        "in/deeper/b.jpg",
        "-",
        "d.jpg",
        "in/deeper/b.jpg",
        "e[1].jpg",
    ]
    labels = [row["label"] for row in rows]
    assert labels == ["ice_queen"] * 3 + ["dark_knight"] + ["ice_queen"] * 3


@pytest.mark.slow
def test_guess_takes_a_list_from_another_program(
    model: Path, heroes: DemoPictures, tmp_path: Path
) -> None:
    for name in ("two\nlines.jpg", "[e].jpg", "given.jpg"):
        shutil.copy(heroes.inbox / "IMG_0004.jpg", tmp_path / name)
    named = b"two\nlines.jpg\0[e].jpg\0nowhere.jpg\0"
    given = ["given.jpg", "--list", "-", "--json"]
    rows = run("guess", model, *given, cwd=tmp_path, stdin=named).json_lines()
    assert [row["path"] for row in rows] == [
        "given.jpg",
        "two\nlines.jpg",
        "[e].jpg",
        "nowhere.jpg",
    ]
    assert ["error" in row for row in rows] == [False, False, False, True]
    text = run("guess", model, "--list", "-", cwd=tmp_path, stdin=b"given.jpg\n").out
    assert text.startswith("given.jpg\n")  # of one too: no one knows yet that it is alone


def test_guess_csv_has_a_row_a_picture_and_names_as_they_are(
    model: Path, heroes: DemoPictures, tmp_path: Path
) -> None:
    shutil.copy(heroes.inbox / "IMG_0004.jpg", tmp_path / "=1+1, then.jpg")
    shutil.copy(heroes.inbox / "IMG_0007.jpg", tmp_path / "@broken.jpg")
    given = ["=1+1, then.jpg", "@broken.jpg"]
    found = run_here("guess", model, "--csv", *given, cwd=tmp_path)
    rows = list(csv.DictReader(io.StringIO(found.out)))
    assert list(rows[0])[:5] == ["path", "label", "score", "dark_knight", "ice_queen"]
    assert [row["path"] for row in rows] == given
    assert rows[0]["label"] == "ice_queen"
    assert float(rows[0]["dark_knight"]) + float(rows[0]["ice_queen"]) == pytest.approx(1)
    assert rows[1]["error"] == "an HTML page saved as .jpg"


@pytest.mark.slow
@needs_terminals
@pytest.mark.parametrize("options", mostly_slow([["guess"], ["guess", "--json"], ["info"]], 1))
def test_a_reader_that_has_seen_enough_is_no_error(
    options: list[str], model: Path, heroes: DemoPictures
) -> None:
    given = [str(heroes.photos)] if options[0] == "guess" else []
    command = [*COMMAND, *options, str(model), *given]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.slow
@needs_terminals
@pytest.mark.parametrize("closed", mostly_slow([">&- 2>&-", ">&-", "2>&-"], 1))
def test_a_stream_that_was_closed_before_is_no_error(
    closed: str, model: Path, heroes: DemoPictures
) -> None:
    command = shlex.join([*COMMAND, "guess", str(model), str(heroes.inbox / "IMG_0001.jpg")])
    found = subprocess.run(f"{command} {closed}", shell=True, capture_output=True, check=False)
    assert (found.returncode, found.stderr) == (0, b"")
    assert bool(found.stdout) == (closed == "2>&-")


# test and train


def test_test_json_has_the_promised_keys(model: Path, heroes: DemoPictures) -> None:
    value = run_here("test", model, heroes.kept_back, "--json").json()
    assert set(value) >= FOUR
    assert value["n"] == 45
    assert value["accuracy"] == value["correct"] / value["n"]
    low, high = value["interval"]
    assert low < value["accuracy"] < high
    assert len(value["wrong"]) == value["n"] - value["correct"]
    assert [row["label"] for row in value["labels"]] == sorted(LABELS)


@pytest.mark.parametrize("test", mostly_slow(["10%", "none"], 1))
def test_train_json_has_the_promised_keys(test: str, heroes: DemoPictures, tmp_path: Path) -> None:
    found = run_here(
        *("train", heroes.photos, "-o", "heroes", "--quality", "fast", "--test", test, "--json"),
        cwd=tmp_path,
    )
    value = found.json()
    assert found.code == 0
    assert found.err == ""
    assert set(value) >= {"model", "cross_validated", "held_out"}
    assert (tmp_path / value["model"] / "model.onnx").is_file()
    assert set(value["cross_validated"]) >= FOUR
    assert value["cross_validated"]["accuracy"] > 0.9
    if test == "none":
        assert value["held_out"] is None
        assert value["kept_back"] == []
    else:
        assert set(value["held_out"]) >= FOUR
        assert value["held_out"]["n"] == len(value["kept_back"]) > 0
        assert value["held_out"]["n"] + value["cross_validated"]["n"] == 60


def test_train_says_what_it_did_and_what_to_type_next(
    few: Path, tmp_path: Path, heroes: DemoPictures
) -> None:
    (tmp_path / "my photos").mkdir()
    photos = Path(shutil.copytree(few, tmp_path / "my photos", dirs_exist_ok=True))
    shutil.copy(heroes.inbox / "IMG_0007.jpg", photos / "ice_queen" / "page.jpg")
    found = run("train", photos, "--quality", "fast", cwd=tmp_path)
    words = found.out
    assert found.code == 0
    assert found.err == ""
    assert "18 training pictures, 0 held out, 2 labels" in words
    assert "kept back" not in words
    assert "always commonest   50.0 %   (9 of 18;" in words
    assert "cross-validated" in words
    assert "95 % interval" in words
    assert "an HTML page saved as .jpg       1   ice_queen/page.jpg" in words
    assert "Fewer than 20 training pictures: dark_knight (9), ice_queen (9)." in words
    assert words.splitlines()[-2:] == [
        f"Report:  {Path('my photos-model', 'report.html')}",
        "Next:    tellapart guess 'my photos-model' PICTURE",
    ]
    assert (tmp_path / "my photos-model" / "report.html").is_file()


@pytest.mark.slow
def test_train_tells_its_answer_before_it_draws_the_report(
    few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(content: object) -> str:
        raise DestinationError("Stopped.")

    monkeypatch.setattr("tellapart.training.result.report_page", stopped)
    model = tmp_path / "model"
    found = run_here("train", few, "-o", model, "--quality", "fast")
    assert found.code != 0
    assert "cross-validated" in found.out
    assert "Written" not in found.out
    assert run_here("train", few, "-o", model, "--quality", "fast", "--json").out == ""
    assert not model.exists()  # a folder is written in one step


# exit codes, and where things are printed


EXITS: list[tuple[list[str], int, str]] = [
    (["test", "MODEL", "KEPT"], 0, ""),
    (["test", "MODEL", "KEPT", "--fail-under", "0.5"], 0, ""),
    (["test", "MODEL", "KEPT", "--fail-under", "1"], 1, "is below 1."),
    (["test", "MODEL", "KEPT", "--fail-under", "1", "--json"], 1, "is below 1."),
    (["test", "MODEL", "KEPT", "--fail-under", "100%"], 1, "is below 1."),
    (["test", "MODEL", "KEPT", "--fail-under", "50%", "--max-refused", "50 %"], 0, ""),
    (["test", "MODEL", "KEPT", "--fail-under", "95"], 2, "--fail-under"),
    (["test", "MODEL", "KEPT", "--report", "/proc/no/page.html"], 2, "--report"),
    (["guess", "MODEL", "INBOX", "--csv", "--top", "1"], 2, "--top does not go with --csv"),
    (["sort", "--undo", "INBOX", "--unsure-below", "0.8"], 2, "--unsure-below does not go"),
    (["sort", "--undo", "INBOX", "--always-choose"], 2, "--always-choose does not go"),
    (["sort", "--undo", "INBOX", "--follow-links"], 2, "--follow-links does not go"),
    (["sort", "MODEL", "INBOX", "out", "--dry-run"], 0, ""),
    (["sort", "MODEL", "INBOX", "out", "--dry-run", "--strict"], 3, ""),
    (["sort", "MODEL", "INBOX", "out", "--dry-run", "--unsure-below", "80%"], 0, ""),
    (["sort", "MODEL", "INBOX", "out", "--unsure-below", "80"], 2, "--unsure-below 80 is no"),
    (["sort", "MODEL", "INBOX", "/proc/no/out"], 2, "Choose another folder"),
    (["guess", "MODEL", "INBOX"], 0, ""),
    (["guess", "MODEL", "INBOX", "--strict"], 3, ""),
    (["guess", "MODEL", "INBOX/IMG_0007.jpg"], 3, ""),
    (["guess", "MODEL", "nowhere.jpg"], 3, ""),
    (["guess", "MODEL", "no*where"], 2, "No file matches no*where."),
    (["guess", "MODEL", "no*", "INBOX"], 0, "no*: a pattern that no file matches\n"),
    (["guess", "MODEL", "no*", "INBOX", "--strict"], 3, "no*: a pattern that no file"),
    (["explain", "MODEL", "no*", "INBOX/IMG_0001.jpg"], 0, "no*: a pattern that no"),
    (["guess", "MODEL", "INBOX", "--top", "0"], 2, "--top"),
    (["guess", "MODEL", "INBOX", "--json", "--csv"], 2, "does not go with"),
    (["guess", "nowhere", "INBOX"], 2, "nowhere does not exist."),
    (["guess", "MODEL"], 2, "PICTURE"),
    (["guess", "MODEL", "INBOX", "--jsn"], 2, "--jsn"),
    (["tran"], 2, "tran"),
    (["test", "MODEL", "INBOX"], 2, "needs pictures of at least 1 label"),
    (["info", "KEPT"], 2, "has no model.onnx in it."),
    (["cache", "info"], 0, ""),
    (["cache", "dir"], 0, ""),
    (["guess", "MODEL", "--list", "nowhere.txt"], 2, "nowhere.txt cannot be read"),
    (["guess", "MODEL", "-", "--list", "-"], 2, "can be read once only"),
]
AS_PROCESSES = [3, 6, 13, 24]  # places in the above: one of each code


@pytest.mark.parametrize(
    ("door", "arguments", "code", "said"),
    [
        *((run_here, *ended) for ended in EXITS),
        *((run, *EXITS[number]) for number in AS_PROCESSES),
        *(
            pytest.param(run, *ended, marks=pytest.mark.slow)
            for number, ended in enumerate(EXITS)
            if number not in AS_PROCESSES
        ),
    ],
)
def test_exit_codes(
    door: Callable[..., Run],
    arguments: list[str],
    code: int,
    said: str,
    model: Path,
    heroes: DemoPictures,
    tmp_path: Path,
) -> None:
    places = {"MODEL": model, "KEPT": heroes.kept_back, "INBOX": heroes.inbox}
    for name, place in places.items():
        arguments = [argument.replace(name, str(place)) for argument in arguments]
    found = door(*arguments, cwd=tmp_path)
    assert found.code == code
    assert said in found.err
    assert bool(found.err) == bool(said)
    if "--json" in arguments and code < 2:
        assert found.json()
    assert ESCAPE not in found.out + found.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_table_with_a_broken_line_is_trained_on_without_it(few: Path, tmp_path: Path) -> None:
    names = sorted(path.relative_to(few) for path in few.glob("*/*"))
    rows = [f"{few / name},{name.parent}" for name in names]
    (tmp_path / "t.csv").write_text("\n".join(["path,label", *rows, f"{few / names[0]}"]))
    found = run_here("train", "t.csv", "--quality", "fast", cwd=tmp_path)
    assert found.code == 0
    assert "Not read (1):" in found.out
    assert re.search(rf"has no label +1 +t.csv, line {len(rows) + 2}\n", found.out)


def test_train_strict_finishes_and_exits_with_3(
    few: Path, heroes: DemoPictures, tmp_path: Path
) -> None:
    photos = Path(shutil.copytree(few, tmp_path / "photos"))
    shutil.copy(heroes.inbox / "IMG_0007.jpg", photos / "ice_queen" / "page.jpg")
    found = run_here("train", photos, "--quality", "fast", "--strict", "--json", cwd=tmp_path)
    assert found.code == 3
    assert [row["path"] for row in found.json()["skipped"]] == ["ice_queen/page.jpg"]
    assert (tmp_path / "photos-model" / "model.onnx").is_file()


def _on_a_terminal(arguments: list[str], *, streams: set[int], **environment: str) -> str:
    """What a command writes to a terminal that `streams` (1, 2) are connected to."""
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=theirs if 1 in streams else subprocess.PIPE,
        stderr=theirs if 2 in streams else subprocess.PIPE,
        env={**os.environ, "TERM": "xterm-256color", **environment},
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            piece = os.read(ours, 65_536)
        except OSError:  # how Linux says that the other side is closed
            break
        if not piece:
            break
        seen += piece
    os.close(ours)
    rest, _ = process.communicate()
    assert process.returncode == 0
    if 1 not in streams:
        assert ESCAPE not in rest.decode()
        assert "Written:" in rest.decode()
    return seen.decode()


@needs_terminals
@pytest.mark.parametrize(("no_color", "plain"), [("", False), ("1", True)])
def test_colour_is_for_terminals_that_want_it(no_color: str, plain: bool, model: Path) -> None:
    seen = _on_a_terminal(["info", str(model)], streams={1, 2}, NO_COLOR=no_color)
    assert "ice queen" in seen
    assert (ESCAPE not in seen) == plain


@pytest.mark.slow
@needs_terminals
def test_sort_on_a_narrow_terminal_shows_how_far_it_is_and_breaks_no_command(
    model: Path, heroes: DemoPictures, tmp_path: Path
) -> None:
    out = tmp_path / ("a folder with a very long name " * 4).strip()
    arguments = ["sort", str(model), str(heroes.inbox), str(out)]
    seen = _on_a_terminal(arguments, streams={1, 2}, COLUMNS="80")
    assert "/13" in seen
    assert f"tellapart sort --undo {shlex.quote(str(out.resolve()))}" in seen


@pytest.mark.slow
@needs_terminals
def test_progress_goes_to_stderr_and_data_to_stdout(few: Path, tmp_path: Path) -> None:
    target = str(tmp_path / "model")
    arguments = ["train", str(few), "-o", target, "--quality", "fast"]
    assert "18/18" in _on_a_terminal(arguments, streams={2})
    assert _on_a_terminal([*arguments, "--quiet"], streams={2}) == ""


@pytest.mark.slow
def test_labels_of_any_script_go_through_any_encoding(tmp_path: Path) -> None:
    for number, label in enumerate(("Эльза", "達斯·維達 🖤")):
        shelf = tmp_path / "photos" / label
        shelf.mkdir(parents=True)
        (shelf / "1.png").write_bytes(encoded(draw_scene(seed=number)))
    names = {"PYTHONIOENCODING": "ascii"}
    train = run("train", "photos", "--quality", "fast", cwd=tmp_path, environment=names)
    assert train.code == 0
    for encoding in ("ascii", "latin-1", "utf-8"):
        guess = run(
            *("guess", "photos-model", "photos/Эльза/1.png", "--json"),
            cwd=tmp_path,
            environment={"PYTHONIOENCODING": encoding},
        )
        (row,) = guess.json_lines()
        assert set(row["scores"]) == {"Эльза", "達斯·維達 🖤"}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("command", mostly_slow(["guess", "info"], 1))
def test_a_full_disk_behind_stdout_is_said_in_a_sentence(
    command: str, model: Path, heroes: DemoPictures
) -> None:
    given = [str(heroes.inbox)] if command == "guess" else []
    with Path("/dev/full").open("wb") as full:
        found = subprocess.run(
            [*COMMAND, command, str(model), *given],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert found.returncode == 2
    assert found.stderr == "The system refuses: no space left on device.\n"
    assert only_sentences(found.stderr)


def _trained_into(stdout: int, few: Path, target: Path) -> tuple[int, str]:
    """Exit code and stderr of a training that writes to this descriptor."""
    found = subprocess.run(
        [*COMMAND, "train", str(few), "-o", str(target), "--quality", "fast", "--quiet"],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return found.returncode, found.stderr


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_does_not_cost_the_model(few: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)  # as `| head -1` does
    assert _trained_into(writing, few, tmp_path / "model") == (0, "")
    os.close(writing)
    assert tellapart.load(tmp_path / "model").labels == tuple(sorted(LABELS))


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_does_not_cost_the_model(few: Path, tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        code, said = _trained_into(full.fileno(), few, tmp_path / "model")
    assert (code, said) == (2, "The system refuses: no space left on device.\n")
    assert tellapart.load(tmp_path / "model").labels == tuple(sorted(LABELS))


# help


COMMANDS = [[], ["train"], ["guess"], ["test"], ["sort"], ["info"], ["demo"], ["cache"]]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_of_every_command_shows_an_example(command: list[str]) -> None:
    found = run_here(*command, "--help")
    assert found.code == 0
    lines = [line.strip() for line in found.out.splitlines()]
    assert any(line.startswith(" ".join(["tellapart", *command])) for line in lines)
    assert ESCAPE not in found.out
    assert run_here(*command, "-h").out == found.out


def test_no_command_at_all_shows_the_help() -> None:
    found = run()
    assert "tellapart train photos/ -o heroes" in found.out + found.err


def test_the_version_is_the_packages() -> None:
    assert run("--version").out == f"tellapart {tellapart.__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_produced_for(shell: str) -> None:
    found = run(environment={"_TELLAPART_COMPLETE": f"source_{shell}"})
    assert found.code == 0
    assert "_TELLAPART_COMPLETE=complete_" in found.out
    assert "tellapart" in found.out


def test_completion_completes_commands_and_options() -> None:
    def completed(words: str) -> set[str]:
        environment = {
            "_TELLAPART_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split()) - 1),
        }
        return set(run(environment=environment).out.split())

    assert completed("tellapart t") == {"train", "test"}
    assert "--quality" in completed("tellapart train --q")
    assert completed("tellapart train --quality ") | {"fast"} >= {"fast"}


def test_info_json_is_the_manifest(model: Path) -> None:
    value = run_here("info", model, "--json").json()
    assert set(value["labels"]) == LABELS
    assert value["quality"] == "fast"
    assert json.dumps(value)
    text = run_here("info", model).out
    assert "fast (lite0)" in text
    assert "60 pictures" in text
    alone = run_here("info", model / "model.onnx", "--json").json()
    assert alone == value


def test_one_process_can_be_asked_for_one_command_after_another() -> None:
    program = """
import sys
from tellapart.cli.app import main

for command in ("guess", "what-if", "train", "cache"):
    sys.argv = ["tellapart", command, "--help"]
    try:
        main()
    except SystemExit as end:
        assert end.code == 0, command
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    for command in ("guess", "what-if", "train", "cache"):
        assert f"Usage: tellapart {command} " in found.stdout
