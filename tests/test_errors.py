"""Errors name settings; what those are called is for Python, the command line or retrain to say."""

from __future__ import annotations

import ast
import copy
import pickle
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.main import get_command

import tellapart
from conftest import draw_scene
from drawn import run_here
from tellapart.cli.app import app
from tellapart.cli.flags import in_flags
from tellapart.cli.retrain.flags import Flags, spelt
from tellapart.dataset.sources import read_dataset
from tellapart.errors import PictureError, TellapartError, UsageError, option
from tellapart.explain.notation import parse_change
from tellapart.files.atomic import cannot_write
from tellapart.head.sgd import SgdSettings
from tellapart.model.folder import check_replaceable
from tellapart.sorting.plan import SortOptions
from tellapart.text import shown
from tellapart.training.tensorflow_settings import TensorFlow

SOURCE = Path(tellapart.__file__).parent

# Message and hint of an error; in Python; on the command line; in retrain's flags.
FACES = [
    (
        f"Leave out {option('test')}.",
        "Leave out test=.",
        "Leave out --test.",
        "Leave out --testing_percentage.",
    ),
    (
        f"Give {option('test=0')} to train without testing.",
        "Give test=0 to train without testing.",
        "Give --test none to train without testing.",
        "Give --testing_percentage 0 to train without testing.",
    ),
    (
        f"Choose another{option('destination', lead=' with ')}.",
        "Choose another.",
        "Choose another with -o.",
        "Choose another with --output_model.",
    ),
    (
        f"Give {option('replace=True')}.",
        "Give replace=True.",
        "Give --replace.",
        "Give --replace_model.",
    ),
    (
        f"Take one such as {option('learning_rate=0.01')}.",
        "Take one such as learning_rate=0.01.",
        "Take one such as --learning-rate 0.01.",
        "Take one such as --learning_rate 0.01.",
    ),
    (
        f"Keep more with {option('validation')}.",
        "Keep more with validation=.",
        "Keep more with --validation.",
        "Keep more with --validation_percentage.",
    ),
    (
        f"Choose another folder with {option('checkpoints')}.",
        "Choose another folder with checkpoints=.",
        "Choose another folder with --checkpoints.",
        "Choose another folder with --checkpoint_path.",
    ),
    (
        f"Without {option('how=move')}, pictures are copied.",
        "Without how='move', pictures are copied.",
        "Without --move, pictures are copied.",
        None,
    ),
    (
        f"Take it back with {option('undo')}.",
        "Take it back with undo().",
        "Take it back with --undo.",
        None,
    ),
    (
        f"Name it with {option('backbone_output')}.",
        "Name it with output=.",
        "Name it with --backbone-output.",
        None,
    ),
]


@pytest.mark.parametrize(("hint", "python", "command_line", "retrain"), FACES)
def test_each_face_calls_a_setting_by_its_own_name(
    hint: str, python: str, command_line: str, retrain: str | None
) -> None:
    error = UsageError("That cannot be.", hint=hint)
    assert error.hint == python
    assert str(error) == f"That cannot be. {python}"
    assert in_flags(error).hint == in_flags(error).said[1] == command_line
    if retrain:
        assert error.spelt(lambda name: spelt(name, "--output_model")).hint == retrain


def test_a_face_has_the_last_word_once() -> None:
    error = UsageError("No.", hint=f"Give {option('test=0')}.")
    theirs = in_flags(error.spelt(spelt))
    assert str(theirs) == "No. Give --testing_percentage 0."
    assert str(error) == "No. Give test=0."  # as it was


def test_an_error_tells_which_settings_it_is_about() -> None:
    error = UsageError(f"{option('cdn=True')} is for pages.", hint=f"Or {option('test')}.")
    assert error.options == ("cdn", "test")
    assert UsageError("No.", hint="Do that.").options == ()


def test_a_copy_says_the_same() -> None:
    error = PictureError("gone", hint=f"Give {option('test=0')}.", path="a.jpg").about("a.jpg")
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is PictureError
        assert (twin.said, twin.path, repr(twin)) == (error.said, "a.jpg", repr(error))
        assert str(in_flags(twin)) == "a.jpg: gone Give --test none."


@given(st.text())
def test_no_name_of_a_file_is_taken_for_a_setting(name: str) -> None:
    name = shown(f"{name}{option('test')}{name}")
    error = UsageError(f"{name} is no folder.")
    assert error.options == ()
    assert in_flags(error).message == error.message == f"{name} is no folder."


@given(st.text(st.characters(exclude_characters="\x0e\x0f\x1f")))
def test_whatever_stands_in_a_value_comes_out(text: str) -> None:
    error = UsageError(f"{option(f'paint={text}')} has no colour.")
    assert error.message == f"paint={text} has no colour."


# The same mistake at each door


def folder_of(place: Path, *labels: str, count: int = 3) -> Path:
    for label in labels:
        (place / label).mkdir(parents=True)
        for number in range(count):
            draw_scene(40, 30, seed=hash_of(label) + number).save(place / label / f"{number}.png")
    return place


def hash_of(label: str) -> int:
    return sum(map(ord, label))


def test_a_source_that_says_itself_what_is_for_testing(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for part in ("train", "test"):
        folder_of(photos / part, "day", "night")
    with pytest.raises(UsageError, match="for testing") as caught:
        tellapart.train(photos, test=0.5)
    assert caught.value.hint == "Leave out test=, or give test=0 to train without testing."
    assert caught.value.options == ("test",)
    found = run_here("train", photos, "-o", tmp_path / "m", "--test", "50%")
    assert "Leave out --test, or give --test none to train without testing." in found.err
    given = ("--image_dir", photos, "--output_graph", tmp_path / "g.pb")
    found = run_here("retrain", *given, "--output_labels", tmp_path / "l.txt")
    assert "Leave out --testing_percentage, or give --testing_percentage 0 to" in found.err


def test_a_folder_that_holds_other_things(tmp_path: Path) -> None:
    photos = folder_of(tmp_path / "photos", "day", "night")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    with pytest.raises(TellapartError, match="other things than a model") as caught:
        check_replaceable(tmp_path / "mine")
    assert caught.value.hint == "Nothing was changed there. Choose a new folder."
    found = run_here("train", photos, "-o", tmp_path / "mine")
    assert "Choose a new folder with -o." in found.err
    given = ("--image_dir", photos, "--output_graph", tmp_path / "g.pb")
    found = run_here("retrain", *given, "--output_model", tmp_path / "mine")
    assert "Choose a new folder with --output_model." in found.err


def test_too_long_a_step(tmp_path: Path) -> None:
    photos = folder_of(tmp_path / "photos", "day", "night", count=8)
    with pytest.raises(UsageError, match="ran away") as caught:
        tellapart.train(photos, quality="fast", sgd=SgdSettings(learning_rate=1e30))
    assert caught.value.hint == "Give a smaller one, such as learning_rate=0.01."
    given = ("--quality", "fast", "--solver", "sgd", "--learning-rate", "1e30")
    found = run_here("train", photos, "-o", tmp_path / "m", *given)
    assert "Give a smaller one, such as --learning-rate 0.01." in found.err
    found = run_here(
        *("retrain", "--image_dir", photos, "--learning_rate", "1e30"),
        *("--architecture", "fast", "--output_graph", tmp_path / "g.pb"),
    )
    assert "Give a smaller one, such as --learning_rate 0.01." in found.err


def test_where_retrain_cannot_write_it_names_the_flag(tmp_path: Path) -> None:
    photos = folder_of(tmp_path / "photos", "day", "night", count=8)
    (tmp_path / "file").touch()
    found = run_here(
        *("retrain", "--image_dir", photos, "--architecture", "fast"),
        *("--how_many_training_steps", "5", "--output_graph", tmp_path / "g.pb"),
        *("--output_labels", tmp_path / "file" / "labels.txt"),
    )
    assert found.code == 2
    assert "choose another place with --output_labels." in found.err


def linked(place: Path) -> Path:
    photos = folder_of(place / "photos", "day")
    (photos / "night").symlink_to(folder_of(place / "elsewhere", "night") / "night")
    return photos


def raised(call: Callable[[], object]) -> TellapartError:
    with pytest.raises(TellapartError) as caught:
        call()
    return caught.value


def test_a_label_behind_a_link(tmp_path: Path) -> None:
    photos = linked(tmp_path)
    error = raised(lambda: read_dataset(photos))
    assert error.hint == "If a link leads to a label's pictures, give follow_links=True."
    found = run_here("train", photos, "-o", tmp_path / "m")
    assert "If a link leads to a label's pictures, give --follow-links." in found.err


@pytest.mark.parametrize(
    ("call", "python", "command_line"),
    [
        (
            lambda: parse_change("paint", "1%,2%,3%x4%"),
            "paint=1%,2%,3%x4% has no colour.",
            "--paint 1%,2%,3%x4% has no colour.",
        ),
        (
            lambda: SortOptions(unsure_below=80),
            "Give a number such as unsure_below=0.8.",
            "Give a number such as --unsure-below 0.8.",
        ),
        (
            lambda: tellapart.TrainOptions(engine=TensorFlow(), repeats=2),
            "Give a whole number from 1, and leave out engine=.",
            "Give a whole number from 1, and leave out --engine tensorflow.",
        ),
    ],
)
def test_python_and_the_command_line(
    call: Callable[[], object], python: str, command_line: str
) -> None:
    error = raised(call)
    assert python in str(error)
    assert command_line in str(in_flags(error))


def test_the_system_refuses_a_place() -> None:
    error = cannot_write(Path("there"), OSError(28, "No space left on device"), "report")
    assert "or choose another place with report=." in error.hint
    assert "or choose another place with --report." in in_flags(error).hint


# No flag in the library

# These write or repeat whole commands, or belong to programs of their own.
COMMANDS = {
    "assess/check/mending.py",
    "training/command.py",
    "model/privacy.py",
    "report/provenance.py",
    "exporters/proof.py",
    "exporters/examples/pictures.py",
    "studio/commands.py",
}
WHOLE_COMMAND = re.compile(
    r"(tellapart [a-z]|pip install|docker run|docker compose|tritonserver|npm ).*"
)


def flags_of(command: object) -> set[str]:
    """All flags of a command, and of those below it."""
    own = {flag for each in getattr(command, "params", ()) for flag in each.opts}
    below = getattr(command, "commands", {}).values()
    return {flag for flag in own if flag.startswith("-")}.union(*map(flags_of, below))


OURS = flags_of(get_command(app)) | {f"--{name}" for name in vars(Flags())}


def texts(path: Path) -> list[tuple[int, str]]:
    """The strings of a module, those within f-strings too, without docstrings; or a template."""
    if path.suffix != ".py":
        return list(enumerate(path.read_text("utf-8").splitlines(), 1))
    tree = ast.parse(path.read_text("utf-8"))
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
    ]


def test_no_text_of_the_library_names_a_flag() -> None:
    assert {"-o", "--test", "--follow-links", "--output_model"} <= OURS
    found = []
    for path in sorted([*SOURCE.rglob("*.py"), *SOURCE.glob("pages/templates/*.[hm]*")]):
        name = path.relative_to(SOURCE).as_posix()
        if name.startswith("cli/") or name in COMMANDS:
            continue
        for line, text in texts(path):
            rest = WHOLE_COMMAND.sub("", text)
            flags = set(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", rest)) & OURS
            found += [f"{name}:{line} names {flag}" for flag in sorted(flags)]
    assert found == []


def test_each_setting_that_the_library_names_is_a_flag_of_the_command_line() -> None:
    calls = [
        node
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "option"
    ]
    named = {str(call.args[0].value) for call in calls if isinstance(call.args[0], ast.Constant)}
    assert "test=0" in named
    for setting in named:
        words = in_flags(UsageError(option(setting))).message.split()
        assert words[0] in OURS, setting
