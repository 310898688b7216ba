"""Collecting: from a server that misbehaves in each way, a video, a folder and an archive."""

from __future__ import annotations

import csv
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import tellapart
from conftest import draw_scene, encoded, mostly_slow
from drawn import COMMAND, contents, run, run_here
from misbehaving import Misbehaving, misbehaving
from tellapart.collecting import addresses
from tellapart.collecting.addresses import why_refused
from tellapart.collecting.collect import Collected, undo
from tellapart.collecting.fetching import seconds_to_wait
from tellapart.dataset.sources import read_dataset
from tellapart.errors import DatasetError, MissingExtraError


@pytest.fixture
def server() -> Iterator[Misbehaving]:
    with misbehaving() as found:
        found.pictures = {
            "/a.jpg": encoded(draw_scene(300, 200, seed=1), "JPEG"),
            "/b.png": encoded(draw_scene(seed=2)),
        }
        yield found


@pytest.fixture
def collected(server: Misbehaving, tmp_path: Path) -> Callable[..., Collected]:
    """A function that collects these paths of the server, as roses, into `photos`."""

    def collect(*names: str, **options: Any) -> Collected:
        listed = tmp_path / "list.txt"
        listed.write_text("".join(f"{server.root}/{name}\n" for name in names))
        quick = {"label": "rose", "timeout": 5.0, "pause": 0.02, "allow_private": True}
        return tellapart.collect(listed, tmp_path / "photos", **{**quick, **options})

    return collect


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "collected.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def visible(folder: Path) -> list[str]:
    return [name for name in contents(folder) if not name.startswith(".")]


def test_a_list_becomes_labelled_pictures_with_their_provenance(
    server: Misbehaving, tmp_path: Path
) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text(
        "label,url,licence\n"
        f"rose,{server.root}/a.jpg,CC BY 4.0\n"
        f"ox eye,{server.root}/b.png?size=1#top,\n"
        f"rose,{server.root}/gone.jpg,\n"
    )
    server.pictures["/b.png"] = encoded(draw_scene(seed=2))
    ran = run("collect", listed, tmp_path / "photos", "--allow-private", "--json", "--strict")
    assert ran.code == 3  # one did not come
    said = ran.json()
    assert [one["path"] for one in said["failed"]] == [""]
    assert said["failed"][0]["reason"] == "the server answers 404 (not found)"
    photos = tmp_path / "photos"
    assert visible(photos) == ["collected.csv", "ox eye/b.png", "rose/a.jpg"]
    assert (photos / "rose" / "a.jpg").read_bytes() == server.pictures["/a.jpg"]
    by_name = {row["picture"]: row for row in rows(photos)}
    rose = by_name["rose/a.jpg"]
    assert (rose["licence"], rose["source"]) == ("CC BY 4.0", f"{server.root}/a.jpg")
    assert (rose["outcome"], by_name[""]["outcome"]) == ("collected", "failed")
    assert datetime.fromisoformat(rose["when"]).tzinfo is not None
    assert server.agents == {
        f"tellapart/{tellapart.__version__} (+https://github.com/tellapart/tellapart)"
    }


FAULTS = {
    "slow": "no whole answer within 1.5 s",
    "silent": "no whole answer within 1.5 s",
    "slow-head": "no whole answer within 1.5 s",
    "endless": "larger than 0.5 MB",
    "huge": "larger than 0.5 MB",
    "bomb": "larger than 0.5 MB",
    "too-short": "the answer is cut short, or not HTTP",
    "too-long": "cut short: the end of the file is missing",
    "no-http": "the answer is cut short, or not HTTP",
    "reset": "the connection broke off",
    "loop": "its redirects go round in a circle",
    "deep": "more than 10 redirects",
    "to-file": "not an address that begins with http:// or https:// (file:)",
    "page.jpg": "an HTML page in place of a picture",
    "drawing": "an SVG drawing in place of a picture",
    "empty": "an empty answer",
    "none.jpg": "the server answers 404 (not found)",
    "fails-once": "the server answers 500 (internal server error)",
    "wait": "the server answers 429 (too many requests)",
}


def test_each_way_of_misbehaving_is_named_and_harms_no_other(
    server: Misbehaving, collected: Callable[..., Collected], tmp_path: Path
) -> None:
    began = time.monotonic()
    result = collected("a.jpg", *FAULTS, retries=0, timeout=1.5, max_bytes=500_000, per_host=8)
    assert {one.source.rpartition("/")[2]: one.reason for one in result.failed} == FAULTS
    assert [one.picture for one in result.pictures] == ["rose/a.jpg"]
    assert visible(tmp_path / "photos") == ["collected.csv", "rose/a.jpg"]
    assert time.monotonic() - began < 30  # nothing waits for ever


def test_what_may_pass_is_asked_again(
    server: Misbehaving, collected: Callable[..., Collected]
) -> None:
    result = collected("reset", "fails-once")
    assert len(result.pictures) + len(result.duplicates) == 2
    assert server.asked["/reset"] == 3
    assert server.asked["/fails-once"] == 2


@pytest.mark.parametrize(("name", "least"), [("wait", 1.0), ("wait-date", 0.9)])
def test_a_server_that_wants_a_pause_gets_it_for_all_its_pictures(
    server: Misbehaving, collected: Callable[..., Collected], name: str, least: float
) -> None:
    result = collected(name, "b.png", per_host=1)
    assert len(result.pictures) == 2
    first, again = server.times[f"/{name}"]
    assert again - first >= least
    assert server.times["/b.png"][0] - first >= least


def test_a_server_that_wants_a_long_pause_is_left_for_the_next_run(
    server: Misbehaving, collected: Callable[..., Collected]
) -> None:
    (failed,) = collected("wait-long").failed
    assert failed.reason.endswith("asks to come back in 120 minutes")
    assert server.asked["/wait-long"] == 1


@given(st.integers(0, 10**6), st.integers(0, 2 * 10**9))
def test_retry_after_is_seconds_or_a_date(seconds: int, now: int) -> None:
    date = format_datetime(datetime.fromtimestamp(now + seconds, timezone.utc), usegmt=True)
    assert seconds_to_wait(str(seconds), now) == seconds
    assert seconds_to_wait(date, now) == seconds
    assert seconds_to_wait(f"soon {seconds}", now) is None


def test_few_requests_at_a_time_go_to_one_host(
    server: Misbehaving, collected: Callable[..., Collected]
) -> None:
    server.delay = 0.03
    server.pictures = {f"/{n}.png": encoded(draw_scene(seed=n)) for n in range(12)}
    assert len(collected(*(name[1:] for name in server.pictures), per_host=3).pictures) == 12
    assert 1 < server.at_once <= 3


def test_the_same_picture_is_kept_once(
    server: Misbehaving, collected: Callable[..., Collected], tmp_path: Path
) -> None:
    image = draw_scene(400, 300, seed=5)
    (tmp_path / "photos" / "tulip").mkdir(parents=True)
    image.save(tmp_path / "photos" / "tulip" / "mine.png")
    server.pictures = {
        "/same.png": encoded(image),
        "/again.jpg": encoded(image, "JPEG", quality=40),
        "/small.webp": encoded(image.resize((120, 90)), "WEBP"),
        "/other.png": encoded(draw_scene(400, 300, seed=6)),
    }
    result = collected(*(name[1:] for name in server.pictures))
    assert [one.picture for one in result.pictures] == ["rose/other.png"]
    assert {one.picture for one in result.duplicates} == {"tulip/mine.png"}
    again = collected(*(name[1:] for name in server.pictures))
    assert (again.already_done, again.duplicates, again.pictures) == (4, (), ())


def test_an_address_that_is_listed_twice_is_asked_once(server: Misbehaving, tmp_path: Path) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text("".join(f"{label},{server.root}/a.jpg\n" for label in ("rose", "rose", "ox")))
    for count in (1, 0):
        result = tellapart.collect(listed, tmp_path / "photos", allow_private=True)
        assert len(result.pictures) == count
        assert [(one.collected_as, one.reason) for one in result.failed] == [
            ("ox", "listed in line 1 with the label rose")
        ]
        assert [row["picture"] for row in rows(tmp_path / "photos")] == ["rose/a.jpg"]
    assert server.asked["/a.jpg"] == 1


def test_another_label_than_before_is_told(
    server: Misbehaving, collected: Callable[..., Collected]
) -> None:
    collected("a.jpg", "b.png")
    assert collected("a.jpg", "b.png", label="tulip").notes == (
        "2 pictures came in an earlier run under another label, and stayed there: rose/a.jpg is "
        "now listed as tulip.",
    )


def test_a_name_is_safe_and_ends_as_the_content_says(
    server: Misbehaving, collected: Callable[..., Collected]
) -> None:
    names = ["%2e%2e%2fup.php", "a%3Ab%0A%22.jpeg", "con.png", ".hidden", "blume-%C3%BC.JPG", "x/"]
    for number, name in enumerate(names):
        decoded = {"%2e%2e%2fup.php": "/%2e%2e%2fup.php"}.get(name, f"/{name}")
        server.pictures[decoded] = encoded(draw_scene(seed=10 + number))
    result = collected(*names)
    assert not result.failed
    assert sorted(one.picture for one in result.pictures) == sorted(
        [
            "rose/up.php.png",
            "rose/a_b__.png",
            "rose/_con.png",
            "rose/hidden.png",
            "rose/blume-ü.png",
            "rose/x.png",
        ]
    )


def test_nothing_is_overwritten(
    server: Misbehaving, collected: Callable[..., Collected], tmp_path: Path
) -> None:
    mine = tmp_path / "photos" / "rose" / "a.jpg"
    mine.parent.mkdir(parents=True)
    draw_scene(seed=9).save(mine)
    (tmp_path / "photos" / "collected.csv").write_text("my,own\n1,2\n")
    before = mine.read_bytes()
    result = collected("a.jpg")
    assert [one.picture for one in result.pictures] == ["rose/a-2.jpg"]
    assert mine.read_bytes() == before
    assert result.table.name == "collected-2.csv"
    assert (tmp_path / "photos" / "collected.csv").read_text() == "my,own\n1,2\n"


def test_a_large_picture_is_saved_to_fit(
    server: Misbehaving, collected: Callable[..., Collected], tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif.get_ifd(0x8769)[0x9003] = "2016:08:25 12:00:00"
    large = draw_scene(600, 200, seed=3)
    server.pictures = {
        "/large.png": encoded(large, "JPEG", exif=exif),
        "/small.png": encoded(draw_scene(90, 60, seed=4)),
    }
    collected("large.png", "small.png", max_side=120)
    rose = tmp_path / "photos" / "rose"
    with Image.open(rose / "large.jpg") as image:
        assert (image.format, image.size) == ("JPEG", (40, 120))
        assert image.getexif().get(0x0112) is None
        assert image.getexif().get_ifd(0x8769)[0x9003] == "2016:08:25 12:00:00"
    assert (rose / "small.png").read_bytes() == server.pictures["/small.png"]


def test_what_is_there_is_not_fetched_again_and_what_failed_is(
    server: Misbehaving, collected: Callable[..., Collected], tmp_path: Path
) -> None:
    late = server.pictures.pop("/b.png")
    first = collected("a.jpg", "b.png")
    assert (len(first.pictures), len(first.failed)) == (1, 1)
    server.pictures["/b.png"] = late
    moved = tmp_path / "photos" / "tulip"
    moved.mkdir()
    (tmp_path / "photos" / "rose" / "a.jpg").rename(moved / "a.jpg")  # by the user, who looked
    second = collected("a.jpg", "b.png")
    assert (second.already_done, len(second.pictures), len(second.failed)) == (1, 1, 0)
    assert server.asked["/a.jpg"] == 1
    assert [row["picture"] for row in rows(tmp_path / "photos")] == ["tulip/a.jpg", "rose/b.png"]


def test_undo_takes_back_just_that(
    server: Misbehaving, collected: Callable[..., Collected], tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    draw_scene(seed=9).save(tmp_path / "mine.png")
    photos.mkdir()
    (tmp_path / "mine.png").rename(photos / "mine.png")
    before = contents(photos)
    collected("a.jpg")
    collected("b.png")
    ran = run_here("collect", "--undo", photos, "--json")
    assert (ran.code, ran.json()["taken_back"]) == (0, 2)
    assert contents(photos) == before
    assert run_here("collect", "--undo", photos).code == 2


def test_undo_leaves_no_folder_of_its_own_and_what_was_edited(
    collected: Callable[..., Collected], tmp_path: Path
) -> None:
    collected("a.jpg", "b.png")
    photos = tmp_path / "photos"
    draw_scene(seed=33).save(photos / "rose" / "b.png")  # edited
    result = undo(photos)
    assert [(one.name, one.reason) for one in result.left] == [
        ("rose/b.png", "changed since it was collected")
    ]
    assert visible(photos) == ["rose/b.png"]
    (photos / "rose" / "b.png").unlink()
    (photos / "rose").rmdir()
    photos.rmdir()
    collected("a.jpg")
    undo(photos)
    assert not photos.exists()


@pytest.mark.parametrize("number", mostly_slow([signal.SIGKILL, signal.SIGINT], 1))
def test_a_run_that_is_stopped_leaves_whole_pictures_and_goes_on(
    server: Misbehaving, tmp_path: Path, number: signal.Signals
) -> None:
    server.pictures = {f"/{n}.png": encoded(draw_scene(seed=n)) for n in range(8)}
    photos, listed = tmp_path / "photos", tmp_path / "list.txt"
    listed.write_text("".join(f"{server.root}{name}\n" for name in (*server.pictures, "/silent")))
    call = [
        *COMMAND,
        "collect",
        str(listed),
        str(photos),
        "--label",
        "rose",
        "--allow-private",
        "-q",
    ]
    process = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until = time.monotonic() + 20
    while len(list(photos.glob("rose/*.png"))) < 8 and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    assert b"Traceback" not in err
    there = contents(photos / "rose")
    assert sorted(there.values()) == sorted(server.pictures.values())
    asked = server.asked.copy()
    result = tellapart.collect(
        listed, photos, label="rose", allow_private=True, retries=0, timeout=0.3
    )
    assert (result.already_done, len(result.failed)) == (8, 1)
    assert {name for name in server.asked if server.asked[name] > asked[name]} == {"/silent"}
    assert contents(photos / "rose") == there


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limit")
def test_where_nothing_more_can_be_written_it_says_so_and_loses_nothing(
    server: Misbehaving, tmp_path: Path
) -> None:
    import resource

    server.pictures["/large.png"] = encoded(draw_scene(seed=3).resize((400, 400)), "BMP")
    listed = tmp_path / "list.txt"
    listed.write_text(f"{server.root}/a.jpg\n")
    call = ("collect", listed, tmp_path / "photos", "--label", "rose", "--allow-private")
    assert run(*call).code == 0
    listed.write_text(f"{server.root}/a.jpg\n{server.root}/large.png\n")
    limit = (100_000, 100_000)  # bytes of a file: what the system then says is as of a full disk
    ran = run(*call, before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    assert ran.code == 2
    assert "photos cannot be written: file too large." in ran.err
    assert visible(tmp_path / "photos") == ["collected.csv", "rose/a.jpg"]
    assert run(*call).code == 0
    assert visible(tmp_path / "photos") == ["collected.csv", "rose/a.jpg", "rose/large.bmp"]


def test_a_label_goes_into_its_folder_however_that_is_written(
    collected: Callable[..., Collected], tmp_path: Path
) -> None:
    (tmp_path / "photos" / "cafe\u0301").mkdir(parents=True)  # as macOS writes it
    (picture,) = collected("a.jpg", label="caf\u00e9").pictures
    assert picture.picture == "cafe\u0301/a.jpg"


# What may be connected to.


NOT_PUBLIC = """
    127.0.0.1 127.8.8.8 0.0.0.0 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 224.0.0.1
    255.255.255.255 240.0.0.1 198.18.0.1 192.0.0.8 192.0.2.1 ::1 :: fe80::1 fe80::1%eth0 fc00::1
    fd12::1 ff02::1 fec0::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 64:ff9b::7f00:1
    64:ff9b::a9fe:a9fe 2002:7f00:1:: 2002:a00:1:: 2001:db8::1 2001:0:7f00:1:: rose
"""


@pytest.mark.parametrize("address", NOT_PUBLIC.split())
def test_no_address_is_asked_that_is_not_public(address: str) -> None:
    assert why_refused(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_may_be_asked(address: str) -> None:
    assert why_refused(address) == ""


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.0.0.1", "[::1]", "0.0.0.0"]
)
def test_this_machine_is_not_asked_under_any_name(
    server: Misbehaving, collected: Callable[..., Collected], tmp_path: Path, host: str
) -> None:
    listed = tmp_path / "one.txt"
    listed.write_text(f"http://{host}:{server.server_port}/a.jpg")
    (failed,) = tellapart.collect(listed, tmp_path / "photos", label="rose", retries=0).failed
    assert "this machine itself" in failed.reason or "not an address" in failed.reason
    assert not server.asked


def test_a_name_that_leads_to_this_machine_is_looked_up_once_and_refused(
    server: Misbehaving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that gives a public address first and this machine's later gains nothing: what
    was looked up is what is connected to."""
    answers = iter(["93.184.216.34", "127.0.0.1"])
    looked_up: list[str] = []
    connected: list[str] = []

    def lookup(host: str, port: int, **_: object) -> list[Any]:
        looked_up.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    def connect(address: tuple[str, int], *rest: Any, **options: Any) -> socket.socket:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    monkeypatch.setattr(socket, "create_connection", connect)
    listed = tmp_path / "one.txt"
    listed.write_text(f"http://rose.example:{server.server_port}/a.jpg")
    (failed,) = tellapart.collect(
        listed, tmp_path / "photos", label="rose", retries=1, pause=0.01
    ).failed
    assert (looked_up, connected) == (["rose.example"] * 2, ["93.184.216.34"])
    assert failed.reason == "not asked: rose.example leads to 127.0.0.1, this machine itself"


def test_a_redirect_to_a_private_address_is_refused(
    server: Misbehaving,
    collected: Callable[..., Collected],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server of this test is on this machine, so it alone is taken for a public one."""
    real = addresses.why_refused
    monkeypatch.setattr(
        addresses, "why_refused", lambda found: "" if found == "127.0.0.1" else real(found)
    )
    result = collected("inward", "moved", allow_private=False)
    assert len(result.pictures) == 1
    assert [one.reason for one in result.failed] == [
        "not asked: 169.254.169.254 is a link-local address"
    ]


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("file:///etc/passwd", "begins with http:// or https:// (file:)"),
        ("ftp://rose.example/a.jpg", "begins with http:// or https:// (ftp:)"),
        ("http://me:secret@127.0.0.1/a.jpg", "a name or password"),
        ("http:///a.jpg", "without a host"),
        ("http://[::1/a.jpg", "not an address of the web"),
    ],
)
def test_other_addresses_are_refused(tmp_path: Path, address: str, reason: str) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text(f"rose,{address}\n")
    (failed,) = tellapart.collect(listed, tmp_path / "photos", allow_private=True).failed
    assert reason in failed.reason


def test_an_address_without_its_beginning_is_named(tmp_path: Path) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text("label,url\nrose,//rose.example/a.jpg\nrose,http://127.0.0.1:9/b.jpg\n")
    reasons = [one.reason for one in tellapart.collect(listed, tmp_path / "photos").failed]
    assert "not an address that begins with http:// or https://" in reasons


def test_where_this_machine_is_refused_the_option_is_named(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("http://localhost:9/a.jpg\n")
    ran = run_here("collect", tmp_path / "list.txt", tmp_path / "photos", "--label", "rose")
    assert "not asked: localhost leads to 127.0.0.1" in ran.out
    assert "private networks are asked only with --allow-private." in ran.out


def test_no_proxy_is_used(
    server: Misbehaving, collected: Callable[..., Collected], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    result = collected("a.jpg")
    assert len(result.pictures) == 1
    assert result.notes[0].startswith("A proxy is set (HTTP_PROXY), and is not used")


def test_without_pyav_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = tmp_path / "walk.mp4"
    walk.write_bytes(b"\0\0\0\x20ftypisom" + bytes(64))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r'pip install "tellapart\[video\]"'):
        tellapart.collect(walk, tmp_path / "photos", label="garden")
    assert not (tmp_path / "photos").exists()


# Lists.


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "label,url\nrose,{0}/a.jpg\ntulip,{0}/b.png\n"),
        ("a.csv", "\ufeffURL;Class;Rights\n{0}/a.jpg;rose;CC0\n{0}/b.png;tulip;\n"),
        ("a.csv", "rose,{0}/a.jpg,CC0\ntulip,{0}/b.png,CC0\n"),
        ("a.tsv", "{0}/a.jpg\trose\n{0}/b.png\ttulip\n"),
        ("a.txt", "# mine\nrose,{0}/a.jpg\n\ntulip,{0}/b.png\n"),
        (
            "a.jsonl",
            '{{"url": "{0}/a.jpg", "label": "rose"}}\n{{"image": "{0}/b.png", "class": "tulip"}}\n',
        ),
    ],
)
def test_lists_are_read_as_people_write_them(
    server: Misbehaving, tmp_path: Path, name: str, text: str
) -> None:
    listed = tmp_path / name
    listed.write_text(text.format(server.root), encoding="utf-8")
    result = tellapart.collect(listed, tmp_path / "photos", allow_private=True)
    assert sorted(one.picture for one in result.pictures) == ["rose/a.jpg", "tulip/b.png"]


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("a.txt", "rose,pictures from https://rose.invalid/"),
        ("a.csv", "tulip,see http://rose.invalid/"),
        ("a.csv", "tulip,http://rose.invalid/b.jpg," + 140_000 * "x"),
    ],
)
def test_a_first_line_that_is_none_is_told_and_the_others_are_read(
    server: Misbehaving, tmp_path: Path, name: str, first: str
) -> None:
    listed = tmp_path / name
    listed.write_text(f"{first}\nrose,{server.root}/a.jpg\n")
    result = tellapart.collect(listed, tmp_path / "photos", allow_private=True)
    assert [one.picture for one in result.pictures] == ["rose/a.jpg"]
    assert [(one.name, one.reason) for one in result.unread] == [
        (f"{name}, line 1", "names no address")
    ]


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.md"])
@pytest.mark.parametrize("text", ["rose,see http://rose.invalid/", "[x](http://rose.invalid/)"])
def test_a_list_without_an_address_of_its_own_gets_a_sentence(
    tmp_path: Path, name: str, text: str
) -> None:
    listed = tmp_path / name
    listed.write_text(text)
    ran = run_here("collect", listed, tmp_path / "photos", "--label", "rose")
    assert ran.code == 2
    assert "lists no addresses of pictures" in ran.err


def test_what_a_server_and_a_list_say_moves_no_terminal(
    server: Misbehaving, tmp_path: Path
) -> None:
    listed = tmp_path / "list.csv"
    twice = f"\x1b[31mred,{server.root}/a.jpg\nrose,{server.root}/a.jpg\n"
    listed.write_text(f"{twice}rose,{server.root}/escape\n")
    ran = run_here("collect", listed, tmp_path / "photos", "--allow-private")
    assert ran.code == 0
    assert "packed as \\x1b[31mred, which was not asked for" in ran.out
    assert "listed in line 1 with the label \\x1b[31mred" in ran.out
    assert "\x1b" not in ran.out + ran.err


# Labels whose pictures nobody would read.

NEVER = {
    "set-aside": "dropped pictures are there",
    "Set-Aside": "dropped pictures are there",
    "train": "a part of a data set",
    "test_set": "a part of a data set",
    "unsure": "where sort puts pictures that are scored low",
    "none of these": "what pictures of no label are called",
    "tellapart.csv": "decisions are written there",
    "x.Tellapart.csv": "decisions are written there",
    "collected.csv": "where pictures come from is written there",
    "note": "note is a file, and has to be a folder",
    "linked": "linked is a link to a folder, not followed",
    "lost": "lost is a broken link",
}


@pytest.mark.slow
def test_no_label_is_collected_that_is_never_read(server: Misbehaving, tmp_path: Path) -> None:
    photos, outside = tmp_path / "photos", tmp_path / "outside"
    photos.mkdir()
    outside.mkdir()
    (photos / "note").write_text("mine")
    (photos / "linked").symlink_to(outside, target_is_directory=True)
    (photos / "lost").symlink_to(tmp_path / "nowhere")
    listed = tmp_path / "list.csv"
    lines = [f"{label},{server.root}/{at}.jpg,CC0\n" for at, label in enumerate(NEVER)]
    listed.write_text("".join([*lines, f"rose,{server.root}/a.jpg,CC0\n"]))
    result = tellapart.collect(listed, photos, allow_private=True)
    assert [one.picture for one in result.pictures] == ["rose/a.jpg"]
    reasons = {one.collected_as: one.reason for one in result.failed}
    assert list(reasons) == list(NEVER)
    assert all(said in reasons[label] for label, said in NEVER.items())
    assert sum(server.asked.values()) == 1
    assert not list(outside.iterdir())
    assert set(read_dataset(photos, at_least=1).labels) == {"rose"}
    for label in NEVER:
        ran = run_here("collect", listed, photos, "--label", label)
        assert (ran.code, "Nothing was collected: " in ran.err) == (2, True)


def test_folders_of_such_names_are_not_copied(
    draw_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = draw_folder({"rose": 2, "unsure": 1})
    result = tellapart.collect(folder, tmp_path / "into")
    assert [one.picture for one in result.pictures] == ["rose/000.png", "rose/001.png"]
    assert ["where sort puts" in one.reason for one in result.failed] == [True]


def test_a_list_without_labels_asks_for_one(tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text("https://rose.example/a.jpg\n")
    ran = run_here("collect", listed, tmp_path / "photos")
    assert (ran.code, ran.err) == (
        2,
        f"{listed}, line 1, names no label.\nWrite lines of label,url or give --label LABEL.\n",
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing.csv", "photos"], "nothing.csv does not exist."),
        (["https://rose.example/a.jpg", "photos"], "Write the address into a text file"),
        (["note.txt", "photos"], "lists no addresses of pictures"),
        (
            ["picture.png", "photos"],
            "is neither a list of addresses, a video, a folder nor an arch",
        ),
        (["photos", "photos"], "cannot be collected into itself"),
        (["photos", "."], "photos is inside ., so its pictures are there already."),
        (["list.txt", "note.txt", "--label", "a"], "is a file, and pictures are collected into a"),
        (["list.txt", "photos", "--max-bytes", "many"], "--max-bytes many is not a size."),
        (["list.txt", "photos", "--per-host", "0"], "--per-host 0 is too small"),
        (["list.txt", "photos", "--timeout", "0"], "--timeout 0 is not a number of seconds"),
        (["list.txt", "photos", "--label", " "], "A label has at least one letter."),
        (["walk.mp4", "photos"], "is a video, which has no label."),
        (["list.txt", "--undo", "photos"], "SOURCE does not go with --undo"),
        (["list.txt"], "Give what to collect from"),
    ],
)
def test_bad_input_gets_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    Path("note.txt").write_text("buy milk\n")
    Path("list.txt").write_text("https://rose.example/a.jpg\n")
    Path("walk.mp4").write_bytes(b"\0\0\0\x20ftypisom" + bytes(64))
    draw_scene().save("picture.png")
    ran = run_here("collect", *arguments)
    assert ran.code == 2
    assert said in ran.err
    assert list(Path("photos").iterdir()) == []


# From folders, archives and videos.


def test_another_folder_is_copied_without_what_is_there(
    draw_folder: Callable[..., Path], tmp_path: Path
) -> None:
    more = draw_folder({"rose": 3, "tulip": 2}, tmp_path / "more")
    (more / "rose" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    photos = draw_folder({"rose": 1}, tmp_path / "photos")  # the same as the first of `more`
    before = contents(more)
    ran = run_here("collect", more, photos, "--json")
    said = ran.json()
    assert ran.code == 0
    assert sorted(one["path"] for one in said["pictures"]) == [
        "rose/001.png",
        "rose/002.png",
        "tulip/000.png",
        "tulip/001.png",
    ]
    assert [one["path"] for one in said["duplicates"]] == ["rose/000.png"]
    assert len(said["failed"]) == 1
    assert contents(more) == before
    assert run_here("collect", more, photos, "--json").json()["already_done"] == 5
    assert undo(photos).taken_back == 4
    assert visible(photos) == ["rose/000.png"]


def test_a_picture_of_the_test_part_is_not_collected_into_the_other(
    draw_folder: Callable[..., Path], tmp_path: Path
) -> None:
    more = draw_folder({"rose": 3, "tulip": 3}, tmp_path / "more")
    data = tmp_path / "data"
    draw_folder({"rose": 1, "tulip": 1}, data / "test")  # the first of each
    (data / "train" / "daisy").mkdir(parents=True)
    draw_scene(seed=77).save(data / "train" / "daisy" / "a.png")
    with pytest.raises(tellapart.UsageError, match=r"has parts .*Give one, such as .*train"):
        tellapart.collect(more, data)
    result = tellapart.collect(more, data / "train")
    assert len(result.pictures) == 4
    assert [one.reason for one in result.duplicates] == [
        "the same picture as ../test/rose/000.png",
        "the same picture as ../test/tulip/000.png",
    ]


def test_a_flat_folder_needs_a_label(draw_folder: Callable[..., Path], tmp_path: Path) -> None:
    flat = draw_folder({"heap": 2}, tmp_path) / "heap"
    with pytest.raises(DatasetError, match="Give label="):
        tellapart.collect(flat, tmp_path / "photos")
    result = tellapart.collect(flat, tmp_path / "photos", label="rose")
    assert sorted(one.picture for one in result.pictures) == ["rose/000.png", "rose/001.png"]


@pytest.mark.parametrize("label", [None, "rose"])
def test_an_archive_is_unpacked_and_its_pictures_stay(
    draw_folder: Callable[..., Path], tmp_path: Path, label: str | None
) -> None:
    more = draw_folder({"rose": 2, "tulip": 1}, tmp_path / "more")
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as packed:
        for name, content in contents(more).items():
            packed.writestr(f"all/{name}", content)
    result = tellapart.collect(tmp_path / "more.zip", tmp_path / "photos", label=label)
    found = {one.picture for one in result.pictures}
    assert found == (
        {"rose/000.png", "rose/001.png", "tulip/000.png"}
        if label is None
        else {"rose/000.png", "rose/001.png", "rose/000-2.png"}
    )
    assert undo(tmp_path / "photos").taken_back == 3


def test_the_table_beside_the_pictures_is_none_of_labelled_pictures(
    draw_folder: Callable[..., Path], tmp_path: Path
) -> None:
    more = draw_folder({"rose": 2, "tulip": 2}, tmp_path / "more")
    photos = tmp_path / "photos"
    tellapart.collect(more, photos)
    found = read_dataset(photos)
    assert (found.labels, len(found.items), found.skipped) == (("rose", "tulip"), 4, ())
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as packed:
        for name in visible(photos):
            packed.write(photos / name, f"photos/{name}")
    packed_again = read_dataset(tmp_path / "photos.zip")
    assert (packed_again.labels, len(packed_again.items)) == (("rose", "tulip"), 4)


def scenes(*seeds: int) -> list[Image.Image]:
    """Ten frames of each drawn scene."""
    return [draw_scene(96, 64, seed=seed) for seed in seeds for _ in range(10)]


def video_of(path: Path, images: list[Image.Image]) -> Path:
    """A video of these frames, ten a second."""
    av = pytest.importorskip("av", reason="tellapart[video] is not installed")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.bit_rate = 4_000_000
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_image(image)))
        container.mux(stream.encode())
    return path


def test_a_video_gives_the_frames_that_differ(tmp_path: Path) -> None:
    walk = video_of(tmp_path / "walk.mp4", scenes(1, 1, 2, 1, 3))
    ran = run_here("collect", walk, tmp_path / "photos", "--label", "garden", "--json")
    said = ran.json()
    names = [one["path"] for one in said["pictures"]]
    assert names == [
        f"garden/walk-{second}s.jpg" for second in ("00000.00", "00002.00", "00004.00")
    ]
    assert [one["source"].rpartition("#")[2] for one in said["pictures"]] == [
        "t=0.000",
        "t=2.000",
        "t=4.000",
    ]
    with Image.open(tmp_path / "photos" / names[1]) as image:
        apart = np.asarray(image, float) - np.asarray(draw_scene(96, 64, seed=2), float)
    assert np.abs(apart).mean() < 8
    again = run_here("collect", walk, tmp_path / "photos", "--label", "garden", "--json").json()
    assert again["pictures"] == []


def test_what_passes_a_fixed_camera_is_seen(tmp_path: Path) -> None:
    images = []
    for number in range(60):
        image = draw_scene(96, 64, seed=1)
        if 20 <= number < 40:
            image.paste(draw_scene(18, 14, seed=40), (number, 30))
        images.append(image)
    walk = video_of(tmp_path / "walk.mp4", images)
    result = tellapart.collect(walk, tmp_path / "photos", label="garden")
    assert len(result.pictures) == 2


def test_a_frame_is_upright_as_the_video_says(tmp_path: Path) -> None:
    """A phone that is held upright films lying frames, and writes into the track's header that they
    are to be turned by a quarter, clockwise (ISO/IEC 14496-12, 8.3.2)."""
    walk = video_of(tmp_path / "walk.mp4", scenes(1))
    content = bytearray(walk.read_bytes())
    at = content.index(b"tkhd") + 44
    assert struct.unpack_from(">9i", content, at) == (65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    struct.pack_into(">9i", content, at, 0, 65536, 0, -65536, 0, 0, 64 << 16, 0, 1 << 30)
    walk.write_bytes(content)
    (picture,) = tellapart.collect(walk, tmp_path / "photos", label="garden").pictures
    with Image.open(tmp_path / "photos" / picture.picture) as image:
        turned = draw_scene(96, 64, seed=1).transpose(Image.Transpose.ROTATE_270)
        assert image.size == (64, 96)
        assert np.abs(np.asarray(image, float) - np.asarray(turned, float)).mean() < 8


def test_a_playlist_is_no_video(tmp_path: Path) -> None:
    """FFmpeg would open what it names, whatever that is."""
    walk = tmp_path / "walk.mp4"
    walk.write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n")
    (failed,) = tellapart.collect(walk, tmp_path / "photos", label="garden").failed
    assert failed.reason == "not asked: 127.0.0.1 is this machine itself"
    walk.write_text("ffconcat version 1.0\nfile x.ts\n")
    with pytest.raises(DatasetError, match="lists no addresses"):
        tellapart.collect(walk, tmp_path / "photos", label="garden")


def test_a_damaged_video_is_named(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="tellapart[video] is not installed")
    (tmp_path / "walk.mp4").write_bytes(b"\0\0\0\x20ftypisom" + bytes(500))
    ran = run_here("collect", tmp_path / "walk.mp4", tmp_path / "photos", "--label", "garden")
    assert ran.code == 2
    assert "cannot be read as a video" in ran.err
