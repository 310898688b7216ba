"""What `tellapart studio` prints, opens, refuses and leaves behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import draw_scene, mostly_slow
from drawn import few_of, run_here
from serving import Running, running
from studio import Opened, studio
from tellapart.dataset.sources import read_dataset
from tellapart.demo import playing
from tellapart.demo.playing import draw_to_play
from tellapart.demo.walk import DemoPictures
from tellapart.errors import DestinationError
from tellapart.studio.session import kept_key

PATIENCE = 20.0  # seconds for a loaded machine


@pytest.fixture
def photos(draw_folder: Callable[..., Path]) -> Path:
    return draw_folder({"rose": 3, "tulip": 3})


def cookie_of(opened: Opened) -> str:
    """What a browser would hold once the link was opened."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            return None

    with pytest.raises(urllib.error.HTTPError, match="303") as answer:
        urllib.request.build_opener(Stay).open(opened.link)
    answer.value.close()
    return str(answer.value.headers["Set-Cookie"])


def listening(opened: Opened, cookie: str) -> threading.Thread:
    """A page that hears the events until the studio ends them."""
    asked = urllib.request.Request(
        f"{opened.address}/api/events", headers={"Cookie": cookie.partition(";")[0]}
    )
    stream = urllib.request.urlopen(asked)
    stream.readline()

    def hear() -> None:
        with stream:
            stream.read()

    thread = threading.Thread(target=hear)
    thread.start()
    return thread


@pytest.mark.parametrize("number", mostly_slow([signal.SIGINT, signal.SIGTERM], 1))
def test_it_ends_with_its_streams_and_a_page_goes_on_after_the_next_start(
    number: int, photos: Path
) -> None:
    with studio(photos) as first:
        cookie = cookie_of(first)
        assert cookie.startswith(f"tellapart-{first.running.port}=")
        assert first.token not in cookie
        heard = listening(first, cookie)
        first.running.process.send_signal(number)
        assert first.running.process.wait(PATIENCE) == 0
        heard.join(PATIENCE)
        assert not heard.is_alive()
        assert first.running.log.read_text() == ""
    if number != signal.SIGINT:
        return
    with studio(photos, "--port", first.running.port) as second:
        held = {"Cookie": cookie.partition(";")[0]}
        assert second.running.ask("/api/state", headers=held).status == 200
        old = {"Authorization": f"Bearer {first.token}"}
        assert second.running.ask("/api/state", headers=old).status == 401
        assert second.token != first.token
        twice = run_here("studio", photos, "--no-open")
        assert (twice.code, twice.out) == (2, "")
        assert twice.err.startswith(f"{photos} is open in another studio.\nGo on in its page")
    assert not any(first.token in str(path) for path in photos.rglob("*"))


@pytest.mark.slow
def test_a_browser_is_led_to_the_link_and_others_see_nothing_of_it(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told.json"
    script = (
        "import json, os, sys, urllib.request, urllib.parse; page = urllib.parse.unquote("
        "urllib.parse.urlparse(sys.argv[1]).path); json.dump([sys.argv, open(page).read(), "
        f"os.stat(page).st_mode], open({str(told)!r} + '~', 'w')); "
        f"os.rename({str(told)!r} + '~', {str(told)!r})"
    )
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{script}" "$@"\n')
    browser.chmod(0o700)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    monkeypatch.setenv("DISPLAY", ":0")
    command = ("-m", "tellapart", "studio", str(photos), "--quality", "fast", "--port", "0")
    with running(tmp_path, *command) as found:
        end = time.monotonic() + PATIENCE
        while not told.exists():
            assert time.monotonic() < end, found.log.read_text()
            time.sleep(0.05)
        arguments, page, mode = json.loads(told.read_text())
        token = found.address.partition("token=")[2]
        assert token not in " ".join(arguments)
        assert found.address in page
        assert stat.S_IMODE(mode) == 0o600
        place = Path(arguments[-1].removeprefix("file://"))
        assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
        found.process.send_signal(signal.SIGTERM)
        assert found.process.wait(PATIENCE) == 0
    assert not place.parent.exists()


def test_there_is_something_to_play_with(
    heroes: DemoPictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playing, "draw_demo", lambda *_: heroes)
    folder = tmp_path / "tellapart-studio"
    assert draw_to_play(folder)
    dataset = read_dataset(folder)
    learn = [item for item in dataset.items if item.split != "test"]
    assert Counter(item.label for item in learn) == {"dark_knight": 15, "ice_queen": 14}
    assert len(dataset.items) - len(learn) == 45
    contents = Counter(item.file.read_bytes() for item in learn)
    assert sorted(contents.values())[-2:] == [1, 2]
    wrong = (folder / "dark_knight" / "014.jpg").read_bytes()
    assert wrong == (heroes.photos / "ice_queen" / "013.jpg").read_bytes()
    assert len(list(folder.glob("*.jpg"))) == 60 - 28


@pytest.mark.slow
def test_without_a_folder_it_opens_the_pictures_as_they_were_left(
    heroes: DemoPictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = few_of(heroes, tmp_path / "tellapart-studio", 2)
    (folder / "dark_knight" / "000.jpg").rename(folder / "IMG_0001.jpg")
    command = ("-m", "tellapart", "studio", "--no-open", "--quality", "fast", "--port", "0")
    with running(tmp_path, *command) as found:
        assert found.process.stdout
        second = found.process.stdout.readline()
        assert second == f"The pictures to play with are in {folder}\n"
        address = found.address.partition("/?")[0]
        there = Opened(found.address, folder, Running(address, found.process, found.log))
        assert {one["part"] for one in there.pictures().values()} == {"learn", "heap"}
    assert (folder / "IMG_0001.jpg").exists()


def test_the_pictures_to_play_with_are_there_in_one_step(
    heroes: DemoPictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playing, "draw_demo", lambda *_: heroes)
    monkeypatch.setattr(playing, "LABELS", ("dark_knight", "none of them"))  # so that it breaks
    with pytest.raises((DestinationError, OSError)):
        draw_to_play(tmp_path / "play")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "play").touch()
    with pytest.raises(DestinationError, match="play is a file, but the pictures need a folder"):
        draw_to_play(tmp_path / "play")


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("none", "none does not exist.\nTo begin with an empty folder: mkdir none\n"),
        ("a.csv", "a.csv is a file; the studio opens a folder of pictures.\nName the folder of "),
        ("a.zip", "a.zip is a file; the studio opens a folder of pictures.\nUnpack it, or open an"),
        ("heroes", "heroes is a model; the studio opens a folder of pictures.\nName the folder t"),
        ("/proc/self/net", "cannot be written to, and the studio labels pictures by moving them."),
    ],
)
def test_it_says_what_it_cannot_open(named: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    (tmp_path / "a.zip").touch()
    (tmp_path / "heroes").mkdir()
    (tmp_path / "heroes" / "model.onnx").touch()
    if named.startswith("/proc") and not os.path.isdir(named):
        pytest.skip("needs a folder that nobody may write to")
    told = run_here("studio", named, "--no-open", cwd=tmp_path)
    assert said in told.err
    assert (told.code, told.out) == (2, "")


def test_labels_that_one_cannot_tell_apart_are_told_before_it_opens(tmp_path: Path) -> None:
    for label in ("rose", "Rose"):
        (tmp_path / label).mkdir()
        draw_scene().save(tmp_path / label / f"{label}.png")
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("this disk takes both for one")
    told = run_here("studio", tmp_path, "--no-open")
    assert told.err.startswith("The labels 'Rose' and 'rose' differ only in case or encoding.")
    assert (told.code, told.out) == (2, "")


def test_a_port_that_is_taken(photos: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        told = run_here("studio", photos, "--no-open", "--port", str(port))
        assert told.err == (
            f"127.0.0.1:{port} is in use.\nChoose another with --port; 0 takes a free one.\n"
        )
        assert (told.code, told.out) == (2, "")


def test_a_page_is_let_in_again_by_a_key_that_is_nobody_elses(tmp_path: Path) -> None:
    draw_scene().save(tmp_path / "a.png")
    key = kept_key(tmp_path)
    assert kept_key(tmp_path) == key
    (link := tmp_path.with_name(f"{tmp_path.name}-link")).symlink_to(tmp_path)
    assert kept_key(link) == key
    assert kept_key(tmp_path / "other") != key
    cache = Path(os.environ["TELLAPART_CACHE"]) / "studio-keys"
    (kept,) = [path for path in cache.iterdir() if path.read_text() == key]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    month = time.time() - 31 * 86400
    os.utime(kept, (month, month))
    newer = kept_key(tmp_path)
    assert newer not in ("", key)
    kept.chmod(0o644)
    assert kept_key(tmp_path) != newer
    kept.write_text("known to somebody else, and so of no use at all")
    kept.chmod(0o600)
    assert "somebody" not in kept_key(tmp_path)
