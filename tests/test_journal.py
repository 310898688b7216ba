"""The journal and undo on their own, for work that has nothing to do with models: files of a folder
are moved to other folders, renamed, and put into a bin."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from conftest import tried
from tellapart.errors import DestinationError, UsageError
from tellapart.files import transfer
from tellapart.files.journal.journal import Journal
from tellapart.files.journal.record import Entry, How, Placement
from tellapart.files.journal.state import locked, opened
from tellapart.files.journal.undo import undo
from tellapart.files.purpose import Purpose
from tellapart.files.skipped import SkippedFile

MENDING = Purpose(hidden=".tellapart-mend", done="mended")
Tree = dict[str, tuple[bytes, int] | None]
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process")


def tree(folder: Path) -> Tree:
    """Every file's bytes and time, and every folder, but for what the work keeps for itself."""
    found: Tree = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not name.startswith(MENDING.hidden + "/") and name != MENDING.hidden:
            whole = path.is_dir()
            found[name] = None if whole else (path.read_bytes(), path.stat().st_mtime_ns)
    return found


def fill(folder: Path, files: dict[str, bytes]) -> None:
    for number, (name, content) in enumerate(files.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, ns=(10**18 + number, 10**18 + 123_456_789 * number))


def mend(folder: Path, steps: Iterable[Placement]) -> list[Entry | SkippedFile]:
    with opened(folder, MENDING, request={"dataset": "flowers"}) as journal:
        return list(journal.carry_out(steps))


def move(source: str, target: str, how: How | None = None) -> Placement:
    return Placement(source, target, how)


FILES = {
    "rose/1.jpg": b"one",
    "rose/2.jpg": b"two",
    "tulip/1.jpg": b"tulip",
    "tulip/twin.jpg": b"one",
    "empty.jpg": b"",
}
STEPS = [
    move("rose/1.jpg", "tulip/3.jpg"),
    move("rose/2.jpg", "rose/1.jpg"),  # renamed, to where another one was
    move("tulip/1.jpg", ".bin/tulip/1.jpg"),  # deleted
    move("tulip/3.jpg", "tulip/1.jpg"),  # moved on
    move("empty.jpg", "new/deep/empty.jpg"),
    move("tulip/twin.jpg", "tulip/3.jpg"),  # as the one that was there
    move("tulip/1.jpg", "copies/1.jpg", "copy"),
    move("tulip/1.jpg", "rose/2.jpg", "link"),
    move("new/deep/empty.jpg", "empty"),
    move("empty", "tulip/twin.jpg"),
    move("copies/1.jpg", "empty/1.jpg"),  # a folder where a file was
]


@pytest.fixture
def flowers(tmp_path: Path) -> Path:
    fill(tmp_path / "flowers", FILES)
    return tmp_path / "flowers"


def test_mending_and_taking_it_back(flowers: Path) -> None:
    start = tree(flowers)
    done = mend(flowers, STEPS)
    assert [one.target for one in done if isinstance(one, Entry)] == [s.target for s in STEPS]
    held = {name: found[0] for name, found in tree(flowers).items() if found}
    assert held == {
        "rose/1.jpg": b"two",
        "rose/2.jpg": b"one",
        "tulip/1.jpg": b"one",
        "tulip/3.jpg": b"one",
        "tulip/twin.jpg": b"",
        "empty/1.jpg": b"one",
        ".bin/tulip/1.jpg": b"tulip",
    }
    result = undo(flowers, MENDING)
    assert (result.taken_back, result.left, result.unfinished) == (len(STEPS), (), False)
    assert tree(flowers) == start
    assert not (flowers / MENDING.hidden).exists()


def test_it_goes_on_and_gives_back_what_the_caller_said(flowers: Path) -> None:
    start = tree(flowers)
    said = {"why": "a tulip", "by": ["me"], "when": {"day": 1}}
    mend(flowers, [Placement("rose/1.jpg", "tulip/3.jpg", group="moved", extra=said)])
    with opened(flowers, MENDING, request={"another": 1}) as journal:
        assert journal.request == {"dataset": "flowers"}
        (entry,) = journal.live()
        assert (entry.group, journal.extra(entry)) == ("moved", said)
        (again,) = journal.carry_out([move("tulip/3.jpg", "tulip/4.jpg")])
        assert journal.live() == [again]
        assert journal.moved_on == [entry]
        with pytest.raises(ValueError, match="one of the names"):
            list(journal.carry_out([Placement("rose/2.jpg", "x", extra={"source": "?"})]))
    assert undo(flowers, MENDING).taken_back == 2
    assert tree(flowers) == start


def test_a_folder_that_was_renamed_is_taken_back_where_it_is(flowers: Path) -> None:
    start = tree(flowers)
    mend(flowers, STEPS)
    flowers.rename(flowers.with_name("plants"))
    assert undo(flowers.with_name("plants"), MENDING).left == ()
    assert tree(flowers.with_name("plants")) == start


def test_what_cannot_be_placed_is_told_and_left(flowers: Path) -> None:
    (flowers / "link.jpg").symlink_to("rose/1.jpg")
    start = tree(flowers)
    steps = [
        move("rose/1.jpg", "tulip/1.jpg"),
        move("gone.jpg", "tulip/5.jpg"),
        move("rose/1.jpg", "empty.jpg/below"),
        move("link.jpg", "tulip/6.jpg"),
    ]
    told = mend(flowers, steps)
    reasons = sorted((one.name, one.reason) for one in told if isinstance(one, SkippedFile))
    assert [name for name, _ in reasons] == ["gone.jpg", "link.jpg", "rose/1.jpg", "rose/1.jpg"]
    assert "cannot be opened" in reasons[0][1]
    assert "a link" in reasons[1][1]
    assert "something else is at" in reasons[2][1]
    assert tree(flowers) == start
    other = lambda one: move(one.source, one.target.replace("1", "1-2"))  # noqa: E731
    with opened(flowers, MENDING, request={}) as journal:
        (entry,) = journal.carry_out(steps[:1], other)
    assert isinstance(entry, Entry)
    assert entry.target == "tulip/1-2.jpg"
    assert undo(flowers, MENDING).taken_back == 1
    assert tree(flowers) == start


def test_sentences_take_the_word_of_the_work(flowers: Path) -> None:
    with pytest.raises(UsageError, match=r"Nothing was mended in .*flowers\."):
        undo(flowers, MENDING)
    mend(flowers, STEPS[:1])
    with (
        locked(flowers, MENDING),
        pytest.raises(DestinationError, match="is being mended in, or taken back, by another run"),
    ):
        undo(flowers, MENDING)
    (flowers / "tulip/3.jpg").write_bytes(b"edited")
    (left,) = undo(flowers, MENDING).left
    assert left.name == "tulip/3.jpg"
    assert left.reason.startswith("changed since it was mended; it came from ")


def test_two_purposes_do_not_meet(flowers: Path) -> None:
    start = tree(flowers)
    mend(flowers, STEPS[:2])
    gathering = Purpose(hidden=".tellapart-gather", done="gathered")
    with opened(flowers, gathering, request={}, how="copy") as journal:
        list(journal.carry_out([move("rose/1.jpg", "rose/9.jpg")]))
    assert undo(flowers, gathering).taken_back == 1
    assert undo(flowers, MENDING).taken_back == 2
    assert tree(flowers) == start


# Kills.

_CHANGES = frozenset(
    ["open", "os.truncate", "os.utime"]
    + [f"os.{name}" for name in ("link", "symlink", "remove", "rename", "mkdir", "rmdir")]
)


def killed_at(step: int, below: Path, work: Callable[[], object]) -> bool:
    """Run `work` in a process that kills itself before its n-th change below a folder."""
    child = os.fork()
    if child == 0:
        count = 0

        def tick() -> None:
            nonlocal count
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)

        def watch(event: str, details: tuple[object, ...]) -> None:
            if event in _CHANGES and details and str(details[0]).startswith(str(below)):
                tick()

        def before(original: Callable[..., Any]) -> Callable[..., Any]:
            def call(*given: Any, **named: Any) -> Any:
                tick()
                return original(*given, **named)

            return call

        Journal.append = before(Journal.append)  # type: ignore[method-assign]
        Journal.strike = before(Journal.strike)  # type: ignore[method-assign]
        sys.addaudithook(watch)
        try:
            work()
            os._exit(0)
        except BaseException:
            os._exit(5)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL)
    return status != 0


def kill_everywhere(folder: Path, files: dict[str, bytes], steps: list[Placement]) -> None:
    def set_up() -> Tree:
        shutil.rmtree(folder, ignore_errors=True)
        fill(folder, files)
        return tree(folder)

    def take_back() -> None:
        with suppress(UsageError):  # killed before anything was done, or after all was taken back
            assert undo(folder, MENDING).left == ()

    start = set_up()
    mend(folder, steps)
    expected = tree(folder)
    held = {found[0] for found in start.values() if found}
    for step in itertools.count(1):
        set_up()
        killed = killed_at(step, folder, lambda: mend(folder, steps))
        assert held <= {found[0] for found in tree(folder).values() if found}, step
        if step % 2:  # at every other step it goes on, at the others it is taken back at once
            with opened(folder, MENDING, request={}) as journal:
                count = len(journal.entries) + len(journal.moved_on)
                list(journal.carry_out(steps[count:]))
            assert tree(folder) == expected, step
        take_back()
        assert tree(folder) == start, step
        if not killed:
            break
    for step in itertools.count(1):
        set_up()
        mend(folder, steps)
        killed = killed_at(step, folder, take_back)
        assert held <= {found[0] for found in tree(folder).values() if found}, step
        take_back()
        assert tree(folder) == start, step
        if not killed:
            break
    assert step > len(steps)


def refuse_link(*_: Any, **__: Any) -> None:
    raise PermissionError(1, "Operation not permitted")


@needs_fork
@pytest.mark.slow
@pytest.mark.parametrize("disk", ["", "without renames to a free name", "without hard links"])
def test_a_kill_before_any_change(
    flowers: Path, disk: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = STEPS
    if disk:
        monkeypatch.setattr(transfer, "rename_new", lambda *names: False)
    if disk == "without hard links":
        monkeypatch.setattr(os, "link", refuse_link)
        steps = [one for one in STEPS if one.how != "link"]
    kill_everywhere(flowers, FILES, steps)


# Any folder and any steps at all.

_NAMES = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)
_HOWS = st.sampled_from(["move", "move", "move", "copy", "link"])


@settings(
    max_examples=tried(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    files=st.dictionaries(_NAMES, st.sampled_from([b"", b"one", b"two"]), max_size=6),
    steps=st.lists(st.tuples(_NAMES, _NAMES, _HOWS), max_size=12),
)
@example(  # two files of one content change places
    files={"a": b"one", "b": b"one"},
    steps=[("a", "c", "move"), ("b", "a", "move"), ("c", "b", "move")],
)
def test_to_apply_and_to_undo_is_to_do_nothing(
    tmp_path: Path, files: dict[str, bytes], steps: list[tuple[str, str, How]]
) -> None:
    folder = tmp_path / "any"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    free = {
        name: content
        for name, content in files.items()
        if not any(up.as_posix() in files for up in PurePosixPath(name).parents)
    }
    fill(folder, free)
    start = tree(folder)
    done = mend(folder, itertools.starmap(move, steps))
    placed = [one for one in done if isinstance(one, Entry)]
    assert len(done) == len(steps)
    result = undo(folder, MENDING)
    assert (result.taken_back, result.left) == (len(placed), ())
    assert tree(folder) == start


@pytest.mark.slow
@needs_fork
def test_files_that_change_places_survive_a_kill_at_every_change(tmp_path: Path) -> None:
    steps = [move("a", "c"), move("b", "a"), move("c", "b")]
    kill_everywhere(tmp_path / "twins", {"a": b"one", "b": b"one"}, steps)
