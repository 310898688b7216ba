"""Folders, tables and journals that anybody may have made: carrying out never leaves the folder."""

from __future__ import annotations

import hashlib
import json
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from conftest import tried
from drawn import contents, run_here
from tellapart.assess.carrying_out import carry_out, undo_carried_out
from tellapart.dataset.decisions import decide
from tellapart.dataset.sources import read_dataset
from tellapart.errors import TellapartError, UsageError

NAMES = tuple(f"{label}/{number}.png" for label in ("elsa", "vader") for number in range(2))
LABELS = st.lists(
    st.sampled_from([".", "..", "/", "outside", "vader", "set-aside", "a", " ", "\\", "x" * 300]),
    min_size=1,
    max_size=4,
).map("".join)


def photos_in(folder: Path) -> Path:
    photos = folder / "photos"
    for name in NAMES:
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        (photos / name).write_text(name)
    return photos


def table(photos: Path, label: str) -> None:
    digest = hashlib.sha256((photos / "elsa/0.png").read_bytes()).hexdigest()
    line = f'elsa/0.png,{digest},relabel,"{label}"\n'
    (photos / "tellapart.csv").write_text(f"path,sha256,decision,new_label\n{line}")


@settings(max_examples=tried(40))
@given(label=LABELS, at=st.sampled_from(["photos", "above"]))
@example(label="../outside", at="photos")
@example(label=".", at="photos")
@example(label="vader/sub", at="photos")
@example(label="set-aside", at="photos")
@example(label="/tmp", at="photos")
def test_no_label_leads_out_of_the_folder_or_away_from_the_labels(label: str, at: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / at
        photos = photos_in(root)
        for there in (root / "outside", photos / "vader" / "sub", photos / "set-aside"):
            there.mkdir()
        table(photos, label)
        try:
            was = len(read_dataset(photos, at_least=0).items)
        except TellapartError:
            return
        done = carry_out(photos)
        kept = {n: c for n, c in contents(photos).items() if n.endswith(".png")}
        assert sorted(kept.values()) == sorted(name.encode() for name in NAMES)
        assert len(done.moved) + len(done.left) <= 1
        assert list((root / "outside").iterdir()) == []
        assert len(read_dataset(photos, at_least=0).items) == was


@pytest.mark.parametrize("label", ["anna", None])
def test_nothing_is_moved_through_a_link(tmp_path: Path, label: str | None) -> None:
    photos, outside = photos_in(tmp_path), tmp_path / "outside"
    outside.mkdir()
    (photos / (label or "set-aside")).symlink_to(outside)
    if label:
        decide(photos, "elsa/0.png", relabel=label)
    else:
        decide(photos, "elsa/0.png", drop=True)
    [left] = carry_out(photos).left
    assert left.reason.endswith("is a link, and nothing is moved through it")
    assert (photos / "elsa/0.png").exists()
    assert list(outside.iterdir()) == []


def test_undo_waits_where_a_folder_has_become_a_link(tmp_path: Path) -> None:
    photos = photos_in(tmp_path)
    tree = contents(photos)
    decide(photos, "elsa/0.png", relabel="anna")
    carry_out(photos)
    (photos / "anna").rename(tmp_path / "away")
    (photos / "anna").symlink_to(tmp_path / "away")
    back = undo_carried_out(photos)
    assert (back.taken_back, back.unfinished) == (0, True)
    assert back.left[0].reason.endswith("is a link now")
    (photos / "anna").unlink()
    (tmp_path / "away").rename(photos / "anna")
    assert undo_carried_out(photos).taken_back == 1
    assert {n: c for n, c in contents(photos).items() if n.endswith(".png")} == tree


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("label", ["anna", None])
def test_what_stands_where_a_folder_is_to_be_is_said(
    tmp_path: Path, label: str | None, broken: bool
) -> None:
    photos = photos_in(tmp_path)
    place = photos / (label or "set-aside")
    place.symlink_to(tmp_path / "nowhere") if broken else place.write_text("notes")
    if label:
        decide(photos, "elsa/0.png", relabel=label)
    else:
        decide(photos, "elsa/0.png", drop=True)
    [left] = carry_out(photos).left
    assert (left.name, str(place) in left.reason) == ("elsa/0.png", True)


def test_a_name_that_is_too_long_keeps_no_other_from_being_moved(tmp_path: Path) -> None:
    photos = photos_in(tmp_path)
    name = f"{'x' * 251}.png"
    for label in ("elsa", "vader"):
        (photos / label / name).write_text(label)
    decide(photos, [f"elsa/{name}", "elsa/1.png"], relabel="vader")
    decide(photos, "elsa/0.png", relabel="y" * 300)
    done = carry_out(photos)
    assert [before for before, _ in done.moved] == ["elsa/1.png", f"elsa/{name}"]
    assert [one.name for one in done.left] == ["elsa/0.png"]
    undo_carried_out(photos)
    assert (photos / "elsa" / name).read_text() == "elsa"


def test_a_group_stays_with_a_copy_that_is_left_out(tmp_path: Path) -> None:
    photos = photos_in(tmp_path)
    (photos / "elsa/twin.png").write_text("elsa/0.png")
    decide(photos, "elsa/0.png", group="a burst")
    decide(photos, "elsa/0.png", drop=True)
    tree = contents(photos)
    carry_out(photos)
    assert {item.group for item in read_dataset(photos).items} == {None}
    undo_carried_out(photos)
    assert contents(photos) == tree


OUT = st.sampled_from(["../victim/new", "../victim/v.txt", "/VICTIM/v.txt", "out/v.txt", "out/new"])
IN = st.sampled_from(["vader/0.png", "vader/new.png"])


@settings(max_examples=tried(60))
@given(
    source=OUT | IN,
    target=OUT | IN,
    how=st.sampled_from(["move", "copy"]),
    done=st.booleans(),
    token=st.sampled_from(["ab", "pass", "../victim/x", ""]),
    what=st.sampled_from(["", "secret", "vader/0.png"]),
    extra=st.sampled_from([{"folder": "../victim/empty"}, {"results": "../victim/v.txt"}, None]),
    again=st.booleans(),
)
@example("vader/0.png", "../victim/v.txt", "move", False, "pass", "", None, True)
@example("../victim/new", "vader/0.png", "move", True, "ab", "vader/0.png", None, False)
def test_a_journal_that_came_with_a_folder_touches_nothing_outside(
    source: str,
    target: str,
    how: str,
    done: bool,
    token: str,
    what: str,
    extra: dict[str, str] | None,
    again: bool,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        photos, victim = photos_in(Path(folder)), Path(folder) / "victim"
        (victim / "empty").mkdir(parents=True)
        (victim / "v.txt").write_text("pass" if token == "pass" else what)
        (photos / "out").symlink_to(victim)
        decide(photos, "elsa/0.png", drop=True)
        source, target = (n.replace("/VICTIM", str(victim)) for n in (source, target))
        digest = hashlib.sha256(what.encode()).hexdigest()
        content = {"size": len(what), "mtime_ns": 0, "sha256": digest}
        header = {"version": 1, "token": token, "made": [], "root": "", "how": "move"}
        lines: list[dict[str, object]] = [{**header, "request": {}}]
        lines += [{**extra, "sha256": digest}] if extra else []
        lines += [{"source": source, "target": target, "how": how, "content": content}]
        lines += [{"done": [target], "lost": []}] if done else []
        (photos / ".tellapart-mend").mkdir()
        journal = photos / ".tellapart-mend" / "journal.jsonl"
        journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
        before = contents(victim), sorted(victim.iterdir())
        for step in (carry_out, undo_carried_out) if again else (undo_carried_out,):
            with suppress(TellapartError):
                step(photos)
        assert (contents(victim), sorted(victim.iterdir())) == before


@pytest.mark.parametrize("name", ["", "journal.jsonl", "lock"])
def test_a_hidden_folder_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    photos, victim = photos_in(tmp_path), tmp_path / "victim"
    victim.mkdir()
    (victim / "file").write_text("no end of line")
    place = photos / ".tellapart-mend"
    if name:
        place.mkdir()
        (place / name).symlink_to(victim / "file")
    else:
        place.symlink_to(victim)
    decide(photos, "elsa/0.png", drop=True)
    for step in (carry_out, undo_carried_out):
        with pytest.raises(TellapartError):
            step(photos)
    assert contents(victim) == {"file": b"no end of line"}
    assert (photos / "elsa/0.png").exists()


def test_what_is_decided_in_a_part_is_carried_out_there(tmp_path: Path) -> None:
    for part in ("train", "test"):
        photos_in(tmp_path / "photos" / part).rename(tmp_path / "photos" / f"{part}-")
        (tmp_path / "photos" / part).rmdir()
        (tmp_path / "photos" / f"{part}-").rename(tmp_path / "photos" / part)
    decide(tmp_path / "photos" / "train", "elsa/0.png", drop=True)
    with pytest.raises(UsageError, match="no decision to carry out") as caught:
        carry_out(tmp_path / "photos")
    assert str(tmp_path / "photos" / "train") in "\n".join(caught.value.said)
    assert len(carry_out(tmp_path / "photos" / "train").moved) == 1


@pytest.mark.parametrize("kind", ["file", "link", "broken link"])
def test_collect_ends_where_no_folder_can_be(tmp_path: Path, kind: str) -> None:
    more, into, outside = tmp_path / "more", tmp_path / "into", tmp_path / "outside"
    for folder in (more / "rose", into, outside):
        folder.mkdir(parents=True)
    Image.new("RGB", (32, 32), "red").save(more / "rose" / "1.png")
    if kind == "file":
        (into / "rose").write_text("notes")
    else:
        (into / "rose").symlink_to(outside if kind == "link" else tmp_path / "nowhere")
    run = run_here("collect", more, into, "--json")
    assert "rose" in run.out + run.err
    assert run.json()["pictures"] == []
    assert list(outside.iterdir()) == []
    assert not (tmp_path / "nowhere").exists()
