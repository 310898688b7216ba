"""A folder that is watched: what arrives is sorted once it is whole, whatever happens meanwhile."""

from __future__ import annotations

import errno
import functools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tellapart
from conftest import draw_scene, mostly_slow
from drawn import COMMAND, few_of, model_of, run_here
from tellapart import (
    DestinationError,
    PictureError,
    SkippedFile,
    SortOptions,
    SortResult,
    SortStep,
    UsageError,
    WatchNotice,
)
from tellapart.cli.terminal.sorting import print_sort, step_printer
from tellapart.demo.walk import DemoPictures
from tellapart.files import transfer
from tellapart.files.journal.journal import Journal
from tellapart.sorting import arrivals, looking
from tellapart.sorting.sort import plan, sort, undo
from tellapart.sorting.watching import Told, watch
from tellapart.to_json.results import sorted_
from test_sorting import HOWS, Reader, everything, names, picture, table, tree

QUIET = 0.01  # seconds
SETTLED = 0.11  # seconds in which what can be told is told, also of what cannot be read
LOOKS = 8  # and as many looks, however busy the machine is
AT_MOST = 120  # seconds; what takes longer hangs


def watched(
    inbox: Path,
    destination: Path,
    *steps: Callable[[], object],
    reader: Reader | None = None,
    **options: Any,
) -> list[Told]:
    """All that a watch tells, during which one step after the other is taken."""
    stop = _Stop()
    quiet = options.pop("quiet_time", QUIET)
    left = [options.pop("idle", lambda: time.sleep(quiet)), *steps]
    told = []
    begun = {k: options.pop(k) for k in ("renewed",) if k in options}
    found = watch(
        reader or Reader(),
        inbox,
        destination,
        SortOptions(**options),
        quiet_time=quiet,
        stop=stop,
        **begun,
    )
    stop.idle = lambda: left.pop(0)() if left else stop.end()
    for one in found:
        stop.busy()
        told.append(one)
    return told


class _Stop:
    """As an event, but it is set when nothing has happened for a while and nothing is left to do;
    and nobody waits as long as it is asked to."""

    idle: Callable[[], object]

    def __init__(self) -> None:
        self.is_over = False
        self.busy()

    def busy(self) -> None:
        self.since = time.monotonic()
        self.waits = 0

    def end(self) -> None:
        self.is_over = True

    def is_set(self) -> bool:
        return self.is_over

    def wait(self, timeout: float | None = None) -> bool:
        time.sleep(min(timeout or 0, 0.01))
        self.waits += 1
        if time.monotonic() - self.since > SETTLED and self.waits > LOOKS:
            self.busy()
            self.idle()
        return self.is_over


def sorted_in(told: list[Told]) -> list[str]:
    return [one.source.name for one in told if isinstance(one, SortStep)]


def not_read(told: list[Told]) -> list[tuple[str, str]]:
    return [(one.name, one.reason) for one in told if isinstance(one, SkippedFile)]


def said(told: list[Told], kind: str) -> list[str]:
    return [one.text for one in told if isinstance(one, WatchNotice) and one.kind == kind]


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    picture(folder / "a.jpg", more="first")
    picture(folder / "sub" / "c.JPEG", 0.91, 1)
    return folder


@pytest.mark.parametrize("how", HOWS)
def test_it_ends_as_a_sort_of_all_that_came(inbox: Path, tmp_path: Path, how: Any) -> None:
    later = {"b.jpg": (0.99621, 0), "new/d.webp": (0.61, 1)}

    def arrive() -> None:
        for name, (score, label) in later.items():
            picture(inbox / name, score, label, more=name)

    picture(inbox / ".hidden.jpg")
    (inbox / "notes.txt").write_text("no picture")
    picture(tmp_path / "odd.jpg")
    before = everything(inbox)
    told = watched(inbox, tmp_path / "sorted", arrive, how=how, unsure_below=0.8)
    result = told[-1]
    assert isinstance(result, SortResult)
    assert sorted_in(told) == ["a.jpg", "c.JPEG", "b.jpg", "d.webp"]
    assert not_read(told) == [("notes.txt", "not a picture (.txt)")]
    assert result.counts == {"elsa": 2, "unsure": 1, "vader": 1}
    assert (result.already_done, result.hidden) == (0, 1)
    expected = {"elsa-0.99621.jpg", "elsa-0.99621-2.jpg", "vader-0.91000.JPEG"}
    expected |= {"unsure/vader-0.61000.webp", "results.csv"}
    assert names(tmp_path / "sorted") == expected
    if how == "move":
        assert names(inbox) == {".hidden.jpg", "notes.txt"}
    options = SortOptions(how=how, unsure_below=0.8)
    again = sort(Reader(), inbox, tmp_path / "sorted", options)
    assert (again.total, again.sorted_now) == (4, 0)
    assert names(tmp_path / "sorted") == expected
    assert undo(tmp_path / "sorted").taken_back == 4
    arrive()
    for name in before:
        assert everything(inbox)[name] == before[name]
    assert not (tmp_path / "sorted").exists()


def test_it_goes_on_where_a_sort_stopped_and_where_it_stopped_itself(
    inbox: Path, tmp_path: Path
) -> None:
    sort(Reader(), inbox, tmp_path / "sorted")
    told = watched(inbox, tmp_path / "sorted", lambda: picture(inbox / "z.jpg"))
    assert sorted_in(told) == ["z.jpg"]
    assert isinstance(told[-1], SortResult)
    assert (told[-1].total, told[-1].already_done) == (3, 2)
    (tmp_path / "sorted" / "elsa-0.99621.jpg").unlink()  # taken out: it was sorted all the same
    assert sorted_in(watched(inbox, tmp_path / "sorted")) == []
    with pytest.raises(DestinationError, match=r"\(without into_folders=True\)"):
        watched(inbox, tmp_path / "sorted", into_folders=True)


def test_a_file_is_left_alone_while_it_grows(inbox: Path, tmp_path: Path) -> None:
    reader = Reader()
    looked: list[int] = []

    def write_slowly() -> None:
        for number in range(12):
            with (inbox / "slow.jpg").open("ab") as stream:
                stream.write(b"0 0.5 " if number == 0 else b"more ")
            time.sleep(0.02)
            looked.append(reader.asked)

    writer = threading.Thread(target=write_slowly)
    wait = [writer.join, lambda: time.sleep(0.7)] + 4 * [lambda: None]
    told = watched(inbox, tmp_path / "sorted", writer.start, *wait, reader=reader, quiet_time=0.6)
    assert sorted_in(told) == ["a.jpg", "c.JPEG", "slow.jpg"]
    assert set(looked[:-1]) == {2}
    (copy,) = (tmp_path / "sorted").glob("elsa-0.50000*")
    assert copy.read_bytes() == (inbox / "slow.jpg").read_bytes()


@pytest.mark.parametrize(
    "name",
    mostly_slow(["x.tmp", ".x.jpg.Ab12Cd", "x.jpg.part", "x.jpg.crdownload", "~syncthing~x"], 2),
)
def test_a_renamed_file_is_taken_at_once_and_not_before(
    inbox: Path, tmp_path: Path, name: str
) -> None:
    at: dict[str, float] = {}

    def rename() -> None:
        at["renamed"] = time.monotonic()
        os.rename(inbox / name, inbox / "x.jpg")

    picture(inbox / name)
    stop = _Stop()
    stop.idle = rename
    for told in watch(Reader(), inbox, tmp_path / "sorted", quiet_time=100, stop=stop):
        if isinstance(told, SortStep):
            assert told.source == inbox / "x.jpg"
            break
    assert "renamed" in at
    assert names(tmp_path / "sorted") == {"elsa-0.99621.jpg", "results.csv"}


def test_what_cannot_be_read_is_told_once_and_tried_again_when_it_changes(
    inbox: Path, tmp_path: Path
) -> None:
    broken = inbox / "broken.jpg"
    broken.write_bytes(b"broken")
    changes = [
        lambda: broken.write_bytes(b"broken too"),
        lambda: picture(broken, 0.7),
        lambda: picture(broken, 0.7),  # touched
        lambda: picture(broken, 0.8),
    ]
    told = watched(inbox, tmp_path / "sorted", *changes)
    reason = "damaged: its header cannot be read"
    assert not_read(told) == [("broken.jpg", reason)] * 2
    assert sorted_in(told) == ["a.jpg", "c.JPEG", "broken.jpg", "broken.jpg"]
    assert isinstance(told[-1], SortResult)
    assert told[-1].unreadable == ()
    rows = [row for row in table(tmp_path / "sorted" / "results.csv") if row["path"] == broken.name]
    assert [row["score"] for row in rows] == ["0.70000", "0.80000"]


@pytest.mark.parametrize("how", mostly_slow(HOWS, 1))
def test_a_picture_that_is_replaced_gets_no_name_of_the_one_before(
    inbox: Path, tmp_path: Path, how: Any
) -> None:
    class Camera(Reader):
        """It saves its newest picture over the one before, once that was looked into."""

        def predict_many(self, pictures: Any, *, errors: str) -> Any:
            for answer in super().predict_many(pictures, errors=errors):
                if self.asked == 2:
                    os.replace(picture(inbox / ".new", 0.8, 1), inbox / "a.jpg")
                yield answer

    told = watched(inbox, tmp_path / "sorted", reader=Camera(), how=how)
    assert not_read(told) == []
    assert sorted(sorted_in(told)) == ["a.jpg", "c.JPEG"]
    assert names(tmp_path / "sorted") == {"vader-0.80000.jpg", "vader-0.91000.JPEG", "results.csv"}


@pytest.mark.parametrize("how", mostly_slow(["copy", "link"], 1))
def test_a_picture_of_the_size_and_time_of_the_one_it_replaces_is_sorted(
    inbox: Path, tmp_path: Path, how: Any
) -> None:
    def replace() -> None:
        times = (inbox / "a.jpg").stat()
        new = picture(inbox / "a.tmp", 0.87654, more="first")
        os.utime(new, ns=(times.st_atime_ns, times.st_mtime_ns))
        os.replace(new, inbox / "a.jpg")

    def other_rights() -> None:
        (inbox / "a.jpg").chmod(0o600)

    reader = Reader()
    told = watched(inbox, tmp_path / "sorted", other_rights, replace, reader=reader, how=how)
    assert sorted_in(told) == ["a.jpg", "c.JPEG", "a.jpg"]
    assert reader.asked == 3  # for other rights nothing is asked again
    assert sorted_in(watched(inbox, tmp_path / "sorted", how=how)) == []


@pytest.mark.parametrize("may_pass", [True, False])
def test_what_may_pass_is_tried_again_though_the_file_is_as_it_was(
    inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, may_pass: bool
) -> None:
    monkeypatch.setattr("tellapart.sorting.arrivals._AGAIN", 0.05)

    class Loose(Reader):
        """What reads nothing until its wire is mended."""

        mended = False

        def predict_many(self, pictures: Any, *, errors: str) -> Any:
            if self.mended:
                return super().predict_many(pictures, errors=errors)
            return (PictureError("the wire is loose", may_pass=may_pass) for _ in pictures)

    reader = Loose()
    told = watched(
        inbox, tmp_path / "sorted", lambda: setattr(reader, "mended", True), reader=reader
    )
    assert [reason for _, reason in not_read(told)] == ["the wire is loose"] * 2
    assert sorted(sorted_in(told)) == (["a.jpg", "c.JPEG"] if may_pass else [])


def test_an_inbox_that_goes_away_is_waited_for(inbox: Path, tmp_path: Path) -> None:
    away = tmp_path / "unplugged"

    def back() -> None:
        picture(away / "z.jpg")
        os.rename(away, inbox)

    told = watched(inbox, tmp_path / "sorted", lambda: os.rename(inbox, away), back)
    assert said(told, "inbox") == [
        f"{inbox} cannot be looked through: no such file or directory. Waiting until it can.",
        f"{inbox} is back.",
    ]
    assert sorted_in(told) == ["a.jpg", "c.JPEG", "z.jpg"]


def test_an_inbox_that_goes_away_while_much_is_sorted_is_told_of_once(
    inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tellapart.sorting.watching._AT_ONCE", 5)
    away = tmp_path / "unplugged"
    for number in range(20):
        picture(inbox / f"{number}.jpg")

    class Unplugged(Reader):
        """Its folder goes away once it has looked into a few pictures."""

        def predict_many(self, pictures: Any, *, errors: str) -> Any:
            for answer in super().predict_many(pictures, errors=errors):
                yield answer
                if self.asked == 3:
                    os.rename(inbox, away)

    back = [lambda: None, lambda: os.rename(away, inbox)]
    told = watched(inbox, tmp_path / "sorted", *back, reader=Unplugged())
    assert not_read(told) == []
    assert len(said(told, "inbox")) == 2
    assert len(sorted_in(told)) == 22


def test_a_destination_that_goes_away_is_not_made_anew(
    inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    destination, away = tmp_path / "sorted", tmp_path / "unplugged"
    made = []

    def arrive() -> None:
        os.rename(destination, away)
        picture(inbox / "z.jpg")

    def back() -> None:
        made.append(destination.exists())
        os.rename(away, destination)

    told = watched(inbox, destination, arrive, back)
    assert said(told, "destination") == [
        f"{destination} is not there any more, or not what it was. Trying again from time to time.",
        f"{destination} can be written to again.",
    ]
    assert made == [False]
    assert sorted_in(told) == ["a.jpg", "c.JPEG", "z.jpg"]
    assert undo(destination).taken_back == 3


def test_a_full_destination_is_said_once_and_tried_again(
    inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, is_full = transfer._copy, [True]

    def full(*arguments: Any) -> None:
        if is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        copy(*arguments)

    monkeypatch.setattr(transfer, "_copy", full)
    told = watched(inbox, tmp_path / "sorted", lambda: None, is_full.clear)
    assert said(told, "destination") == [
        f"{tmp_path / 'sorted'} cannot be written: no space left on device. "
        "Trying again from time to time.",
        f"{tmp_path / 'sorted'} can be written to again.",
    ]
    assert sorted_in(told) == ["a.jpg", "c.JPEG"]
    assert names(tmp_path / "sorted") == {"elsa-0.99621.jpg", "vader-0.91000.JPEG", "results.csv"}


def test_a_picture_that_cannot_be_moved_away_keeps_no_other_waiting(
    inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink, before = Path.unlink, everything(inbox)["a.jpg"]
    picture(inbox / "z.jpg", 0.7)

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path == inbox / "a.jpg":
            raise PermissionError(errno.EACCES, "Permission denied")
        unlink(path, missing_ok=missing_ok)

    def other_disk(source: Any, target: Any, **_: Any) -> None:
        if Path(source).parent != Path(target).parent:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        link(source, target)

    link = os.link
    monkeypatch.setattr(transfer, "rename_new", lambda *names: False)  # refused as well
    monkeypatch.setattr(Path, "unlink", refuse)
    for destination in (tmp_path / "sorted", tmp_path / "elsewhere"):
        told = watched(inbox, destination, lambda: picture(inbox / "new.jpg", 0.8), how="move")
        assert not_read(told) == [("a.jpg", "cannot be moved away: permission denied")]
        assert said(told, "destination") == []
        assert sorted_in(told)[-1] == "new.jpg"
        assert names(inbox) == {"a.jpg"}
        assert len(names(destination)) == len(sorted_in(told)) + 1  # and results.csv
        monkeypatch.setattr(os, "link", other_disk)
    assert everything(inbox)["a.jpg"] == before


def test_a_newer_model_goes_on(inbox: Path, tmp_path: Path) -> None:
    old, new = Reader(), Reader(("elsa", "vader", "yoda"), b"2")
    given: list[Reader] = []

    def replace() -> None:
        given.append(new)

    def renewed() -> Any:
        return given.pop() if given else None

    told = watched(
        inbox,
        tmp_path / "sorted",
        replace,
        lambda: picture(inbox / "y.jpg", 0.9, 2),
        renewed=renewed,
    )
    (text,) = said(told, "model")
    assert text.startswith("The model was replaced: the new one")
    assert names(tmp_path / "sorted") >= {"elsa-0.99621.jpg", "yoda-0.90000.jpg"}
    (row,) = [row for row in table(tmp_path / "sorted" / "results.csv") if row["path"] == "y.jpg"]
    assert row["yoda"] == "0.90000"
    assert list(plan(new, inbox, tmp_path / "sorted")) == []
    with pytest.raises(DestinationError, match="sorted by another model"):
        sort(old, inbox, tmp_path / "sorted")
    with pytest.raises(DestinationError, match="sorted by another model"):
        watched(inbox, tmp_path / "sorted", reader=old)
    newest = Reader(("elsa", "vader", "yoda"), b"3")
    assert said(watched(inbox, tmp_path / "sorted", reader=newest), "model") == [text]
    assert undo(tmp_path / "sorted").taken_back == 3


@pytest.mark.slow
def test_a_model_that_takes_the_place_of_another_is_used(
    heroes: DemoPictures, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model_of(heroes), folder)
    other = tellapart.train(few_of(heroes, tmp_path / "few", 8), quality="fast")
    inbox = tmp_path / "inbox"
    drawn(inbox / "1.jpg", 1)
    stop = _Stop()
    steps = [lambda: other.save(folder, replace=True), lambda: drawn(inbox / "2.jpg", 2), stop.end]
    stop.idle = lambda: steps.pop(0)()
    watching = tellapart.load(folder).watch(
        inbox, tmp_path / "sorted", quiet_time=QUIET, stop=stop, reload_from=folder
    )
    told = []
    for one in watching:
        stop.busy()
        told.append(one)
    assert len(said(told, "model")) == 1
    first, second = (one for one in told if isinstance(one, SortStep))
    assert second.scores == tellapart.load(folder).predict(inbox / "2.jpg").scores
    assert first.scores == tellapart.load(model_of(heroes)).predict(inbox / "1.jpg").scores
    assert tellapart.load(folder).sort(inbox, tmp_path / "sorted").already_done == 2


def test_a_table_that_cannot_be_written_keeps_no_picture_waiting(
    inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, is_shut = Journal.write_table, [True]

    def refuse(*arguments: Any) -> Path:
        if is_shut:
            raise PermissionError(errno.EACCES, "Permission denied")
        return write(*arguments)

    monkeypatch.setattr("tellapart.sorting.watching._TABLE_EVERY", 0.0)
    monkeypatch.setattr(Journal, "write_table", refuse)
    told = watched(
        inbox, tmp_path / "sorted", lambda: picture(inbox / "z.jpg"), lambda: None, is_shut.clear
    )
    assert sorted_in(told) == ["a.jpg", "c.JPEG", "z.jpg"]
    (text,) = said(told, "destination")
    assert text.endswith("cannot be written: permission denied. Pictures are sorted all the same.")
    assert len(table(tmp_path / "sorted" / "results.csv")) == 3


def test_a_model_that_lacks_a_label_does_not_go_on(inbox: Path, tmp_path: Path) -> None:
    given = [Reader(("vader", "yoda"), b"2")]
    told = watched(
        inbox,
        tmp_path / "sorted",
        lambda: picture(inbox / "z.jpg"),
        renewed=lambda: given.pop() if given else None,
    )
    (text,) = said(told, "model")
    assert "does not know the label elsa" in text
    assert sorted_in(told) == ["a.jpg", "c.JPEG", "z.jpg"]


@pytest.mark.parametrize("how", mostly_slow(HOWS, 1))
def test_what_was_sorted_is_not_taken_for_what_arrives(tmp_path: Path, how: Any) -> None:
    inbox = tmp_path / "inbox"
    picture(inbox / "a.jpg")
    told = watched(inbox, inbox / "sorted", lambda: picture(inbox / "b.jpg", 0.7), how=how)
    assert sorted_in(told) == ["a.jpg", "b.jpg"]
    outer = tmp_path / "outer"
    picture(outer / "inbox" / "a.jpg")
    told = watched(outer / "inbox", outer, lambda: picture(outer / "inbox" / "b.jpg", 0.7), how=how)
    assert sorted_in(told) == ["a.jpg", "b.jpg"]


def test_what_is_no_file_of_a_picture(inbox: Path, tmp_path: Path) -> None:
    (inbox / "folder.jpg").mkdir()
    picture(inbox / "folder.jpg" / "in it.jpg", 0.7)
    os.symlink("nowhere.jpg", inbox / "dangling.jpg")
    os.symlink("loop.jpg", inbox / "loop.jpg")
    os.symlink(inbox / "sub", inbox / "linked")
    os.symlink(picture(tmp_path / "elsewhere.jpg"), inbox / "link.jpg")
    picture(inbox / "new\nline.jpg", 0.6)
    picture(inbox / "photo.download" / "half.jpg")
    (inbox / "tellapart.csv").write_text("path,decision\n")
    told = watched(inbox, tmp_path / "sorted", how="move")
    assert sorted(sorted_in(told)) == ["a.jpg", "c.JPEG", "in it.jpg", "new\nline.jpg"]
    assert dict(not_read(told)) == {
        "linked": "a link to a folder, not followed",
        "link.jpg": "a link; only files themselves are moved",
        "loop.jpg": "cannot be opened: too many levels of symbolic links",
    }


def test_what_is_not_whole_at_the_end_is_told_of(
    inbox: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = watched(inbox, tmp_path / "sorted", quiet_time=100, idle=lambda: None)
    assert isinstance(told[-1], SortResult)
    assert told[-1].waiting == ("a.jpg", "sub/c.JPEG")
    assert sorted_(told[-1])["waiting"] == ["a.jpg", "sub/c.JPEG"]
    print_sort(told[-1])
    text = capsys.readouterr().out
    assert "Not sorted yet: 2 files (the first: a.jpg). They are sorted next time." in text
    assert "No pictures to sort" not in text
    (inbox / "a.jpg").write_bytes(b"broken")
    told = watched(inbox, tmp_path / "sorted", quiet_time=0.4)
    print_sort(told[-1])  # type: ignore[arg-type]
    assert not_read(told) == []
    assert "Not sorted yet: 1 file (a.jpg). It is sorted next time." in capsys.readouterr().out
    assert watched(inbox, tmp_path / "sorted")[-1].waiting == ()  # type: ignore[union-attr]


def test_a_line_names_a_file_as_the_folder_was_typed(
    inbox: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox / "notes.txt").write_text("no picture")
    monkeypatch.chdir(inbox.parent)
    typed = Path(os.path.basename(inbox))
    print_step = step_printer(typed)
    for one in plan(Reader(), typed, "sorted"):
        print_step(one)
    assert capsys.readouterr().out.splitlines() == [
        "inbox/notes.txt  not read: not a picture (.txt)",
        "inbox/a.jpg  ->  elsa-0.99621.jpg",
        "inbox/sub/c.JPEG  ->  vader-0.91000.JPEG",
    ]


def test_asking_no_more_ends_it(inbox: Path, tmp_path: Path) -> None:
    for told in watch(Reader(), inbox, tmp_path / "sorted", quiet_time=0):
        if isinstance(told, SortStep):
            break
    assert sort(Reader(), inbox, tmp_path / "sorted").total == 2


@pytest.mark.parametrize("inbox_name", ["missing", "a.jpg", "."])
def test_refused(tmp_path: Path, inbox_name: str) -> None:
    picture(tmp_path / "a.jpg")
    with pytest.raises(UsageError):
        watch(Reader(), tmp_path / inbox_name, tmp_path)


class started:  # noqa: N801
    """`tellapart watch` as a process of its own, in a folder."""

    def __init__(self, work: Path, *arguments: str) -> None:
        self.errors = (work / "errors.txt").open("ab")
        self.process = subprocess.Popen(
            [*COMMAND, "watch", *arguments, "--json", "--quiet-time", "0.1s"],
            cwd=work,
            stdout=subprocess.PIPE,
            stderr=self.errors,
        )

    def __enter__(self) -> started:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()
        self.errors.close()

    def next(self) -> Any:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def ended(self, number: int) -> list[Any]:
        self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=AT_MOST)
        return [json.loads(line) for line in out.splitlines()]


needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")


def by_path(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(lines, key=lambda line: str(line["path"]))


def drawn(path: Path, seed: int) -> Path:
    """A picture that comes as a scanner brings it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draw_scene(seed=seed).save(path.with_suffix(".tmp"), "JPEG")
    os.rename(path.with_suffix(".tmp"), path)
    return path


@needs_signals
@pytest.mark.parametrize("number", mostly_slow([signal.SIGTERM, signal.SIGINT], 1))
def test_the_command(heroes: DemoPictures, tmp_path: Path, number: int) -> None:
    inbox = tmp_path / "inbox"
    shutil.copytree(heroes.inbox, inbox)
    model = str(model_of(heroes))
    planned = run_here("sort", model, inbox, tmp_path / "sorted", "--dry-run", "--json")
    with started(tmp_path, model, "inbox", "sorted") as process:
        there = [process.next() for _ in planned.json_lines()]
        assert by_path(there) == by_path(planned.json_lines())
        drawn(inbox / "late.jpg", 1)
        assert process.next()["path"] == str(inbox / "late.jpg")
        (result,) = process.ended(number)
        assert process.process.returncode == 0
    count = sum("error" not in line for line in there) + 1
    assert sum(result["counts"].values()) == count
    assert f"Watching {inbox}. Ctrl-C ends it.\n" in (tmp_path / "errors.txt").read_text()
    again = run_here("sort", model, inbox, tmp_path / "sorted", "--json")
    assert again.json()["already_done"] == count
    assert again.json()["counts"] == result["counts"]
    taken = run_here("sort", "--undo", tmp_path / "sorted", "--json")
    assert taken.json()["taken_back"] == count
    assert not (tmp_path / "sorted").exists()


@pytest.mark.slow
@needs_signals
@pytest.mark.parametrize("number", [getattr(signal, "SIGHUP", 0), signal.SIGTERM])
def test_a_terminal_that_closes_and_a_signal_sent_twice_at_once_end_it_in_order(
    heroes: DemoPictures, tmp_path: Path, number: int
) -> None:
    drawn(tmp_path / "inbox" / "1.jpg", 1)
    with started(tmp_path, str(model_of(heroes)), "inbox", "sorted") as process:
        process.next()
        process.process.send_signal(number)
        (result,) = process.ended(number)
        assert process.process.returncode == 0
    assert sum(result["counts"].values()) == 1
    assert len(table(tmp_path / "sorted" / "results.csv")) == 1


@pytest.mark.slow
@needs_signals
@pytest.mark.parametrize("seed", mostly_slow(range(6), 1))
def test_killed_at_any_moment(heroes: DemoPictures, tmp_path: Path, seed: int) -> None:
    lot, how = random.Random(seed), "" if seed % 2 else "--move"
    inbox, model = tmp_path / "inbox", str(model_of(heroes))
    count = 0
    kept: dict[bytes, str] = {}
    options = [how] if how else []
    for _ in range(2):
        with started(tmp_path, model, "inbox", "sorted", *options) as process:
            inbox.mkdir(exist_ok=True)
            for _ in range(lot.randint(3, 9)):
                count += 1
                path = drawn(inbox / f"{count}.jpg", count)
                kept[path.read_bytes()] = path.name if path.exists() else ""
            process.next()
            time.sleep(lot.random() * 0.1)
    with started(tmp_path, model, "inbox", "sorted", *options) as process:
        drawn(inbox / "last.jpg", 0)
        while process.next()["path"] != str(inbox / "last.jpg"):
            pass
        (result,) = process.ended(signal.SIGTERM)
    assert sum(result["counts"].values()) == count + 1
    copies = [held for name, held in tree(tmp_path / "sorted").items() if name.endswith(".jpg")]
    assert len(copies) == count + 1
    assert set(kept) <= set(copies)
    assert len(table(tmp_path / "sorted" / "results.csv")) == count + 1
    assert len(names(inbox)) == (0 if how else count + 1)


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is looked at, and tried again, more often than a person would want it."""
    monkeypatch.setattr("tellapart.sorting.arrivals._SHARE", 1.0)
    monkeypatch.setattr("tellapart.sorting.watching._FIRST_RETRY", 0.01)


def test_more_pictures_than_are_waited_for_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "_MOST", 7)
    for number in range(40):
        picture(tmp_path / f"in/{number % 3}/{number}.jpg", more=str(number))
    told = watched(tmp_path / "in", tmp_path / "out")
    assert sorted(sorted_in(told)) == sorted(f"{number}.jpg" for number in range(40))
    again = watched(tmp_path / "in", tmp_path / "out")
    assert sorted_in(again) == []


def test_a_picture_that_is_replaced_in_a_folder_that_takes_long_to_look_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "_SHARE", 1e-4)  # most looks ask only what is not known
    monkeypatch.setattr(arrivals, "LONGEST", 0.3)
    for number in range(5):
        picture(tmp_path / f"in/{number}.jpg", more=str(number))

    def replace_one() -> None:
        picture(tmp_path / "in/3.jpg", 0.7, 1, more="another picture")

    pause = functools.partial(time.sleep, 0.3)
    told = watched(tmp_path / "in", tmp_path / "out", replace_one, pause, pause, pause)
    assert sorted_in(told).count("3.jpg") == 2
