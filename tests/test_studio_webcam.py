"""The webcam: known pictures before a fake camera, live answers, recordings, and its end."""

from __future__ import annotations

import io
import re
import shutil
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from PIL import Image

from studio import PATIENCE, Opened, browser, studio
from tellapart.dataset.groups import successive
from tellapart.demo.walk import DemoPictures
from tellapart.images.taken import taken

pytestmark = pytest.mark.slow

LASTS = 45  # frames, each as long as 1/30 s, that a picture is before the camera


def moving(pictures: list[Image.Image]) -> bytes:
    """A film of pictures, as motion JPEG: what a fake camera shows again and again."""
    film = io.BytesIO()
    for picture in pictures:
        frame = io.BytesIO()
        picture.convert("RGB").resize((640, 480)).save(frame, "JPEG", quality=92)
        film.write(frame.getvalue() * LASTS)
    return film.getvalue()


@pytest.fixture(scope="module")
def opened(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    folder = tmp_path_factory.mktemp("webcam") / "photos"
    shutil.copytree(heroes.photos, folder)
    with studio(folder) as found:
        found.wait(lambda state: state["training"].get("value") is not None)
        yield found


# Counts the guesses under way, keeps the camera's streams, and lets one go wrong as a test says.
WATCHED = """
    window.most = 0; window.streams = []; window.failing = ""; let now = 0;
    const fetched = window.fetch;
    window.fetch = async (...asked) => {
        if (!String(asked[0]).startsWith("/api/guess")) return fetched(...asked);
        window.most = Math.max(window.most, ++now);
        try { return await fetched(...asked) } finally { now -= 1 }
    };
    const media = navigator.mediaDevices;
    const given = media.getUserMedia.bind(media);
    media.getUserMedia = async (wishes) => {
        if (window.failing) throw new DOMException("no", window.failing);
        const stream = await given(wishes);
        window.streams.push(stream);
        return stream;
    };
"""
LIVE = "window.streams.flatMap((one) => one.getTracks()).filter((one) => one.readyState === 'live')"


@pytest.fixture(scope="module")
def page(opened: Opened, heroes: DemoPictures, tmp_path_factory: Any) -> Iterator[Any]:
    film = tmp_path_factory.mktemp("film") / "queen-knight-noise.mjpeg"
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    with (
        Image.open(heroes.kept_back / "ice_queen" / "009.jpg") as queen,
        Image.open(heroes.kept_back / "dark_knight" / "009.jpg") as knight,
    ):
        film.write_bytes(moving([queen, knight, Image.fromarray(noise)]))
    with browser(
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    ) as chromium:
        context = chromium.new_context(viewport={"width": 1280, "height": 800})
        context.add_init_script(WATCHED)
        found = context.new_page()
        found.goto(opened.link)
        yield found


def until(page: Any, expression: str) -> None:
    """Wait until an expression of the page is true; its policy forbids playwright's own waiting."""
    end = time.monotonic() + PATIENCE
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(30)


@pytest.fixture
def live(page: Any, opened: Opened) -> Any:
    """Test, with the webcam on."""
    page.goto(f"{opened.address}/?#/test")
    page.reload()
    page.get_by_role("button", name="Webcam").click()
    page.get_by_text("Camera on").wait_for()
    return page


def test_the_bars_follow_what_is_before_the_camera(live: Any) -> None:
    for heading in ("ice_queen", "dark_knight", "none of these"):
        live.get_by_role("heading", name=heading).wait_for()
    live.get_by_text(re.compile("^[0-9.]+ a second")).wait_for()
    assert live.evaluate("window.most") == 1


def test_a_frame_is_kept_as_a_file_with_its_time(live: Any, opened: Opened) -> None:
    before = set(opened.pictures())
    live.get_by_role("group", name="Keep this picture").wait_for()
    live.keyboard.press("2")
    live.get_by_text("Kept for training as ice_queen.").wait_for()
    (name,) = set(opened.pictures()) - before
    assert re.fullmatch(r"ice_queen/webcam-\d{8}-\d{6}-\d{3}\.jpg", name)
    assert_is_of_now((opened.folder / name).read_bytes())
    live.get_by_role("button", name="Undo").click()
    opened.wait(lambda state: all(one[1] != name for one in state["pictures"]))


def test_a_key_keeps_the_frame_that_is_shown(live: Any, opened: Opened) -> None:
    """Not one of before: the label that was guessed goes with what is seen."""
    before = set(opened.pictures())
    for label in ("ice_queen", "dark_knight"):
        live.get_by_role("heading", name=label).wait_for()
        live.keyboard.press("t")
        live.get_by_text(f"Kept for training as {label}.").first.wait_for()
    kept = [opened.folder / name for name in set(opened.pictures()) - before]
    assert {path.parent.name for path in kept} == {"ice_queen", "dark_knight"}
    for path in kept:
        assert opened.ask("/api/guess", path.read_bytes()).json["label"] == path.parent.name
    for _ in kept:
        opened.ask("/api/undo", {})
    assert set(opened.pictures()) == before


def assert_is_of_now(content: bytes) -> None:
    """A JPEG of 640 x 480 whose EXIF says that it was taken less than a minute ago."""
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.size) == ("JPEG", (640, 480))
    moment = taken(content)
    assert moment
    said = datetime(1970, 1, 1) + timedelta(days=moment[0], seconds=moment[1])
    assert timedelta() <= datetime.now() - said < timedelta(minutes=1)


def test_it_is_off_when_the_page_is_left_or_out_of_sight(live: Any) -> None:
    assert live.evaluate(f"{LIVE}.length") == 1
    live.evaluate("""
        Object.defineProperty(document, "hidden", { value: true, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
        delete document.hidden;
    """)
    live.get_by_text("The camera is off.").wait_for()
    assert live.evaluate(f"{LIVE}.length") == 0
    live.get_by_role("button", name="Start the camera").click()
    live.get_by_text("Camera on").wait_for()
    live.get_by_role("link", name="Collect").click()
    until(live, f"!{LIVE}.length")


@pytest.mark.parametrize(
    ("failing", "words"),
    [
        ("NotAllowedError", "This page may not use the camera."),
        ("NotFoundError", "There is no camera."),
        ("NotReadableError", "The camera gives no picture."),
    ],
)
def test_why_there_is_no_camera_is_a_sentence(failing: str, words: str, live: Any) -> None:
    live.get_by_role("button", name="Webcam").click()
    live.evaluate(f"window.failing = '{failing}'")
    live.get_by_role("button", name="Webcam").click()
    live.get_by_text(words).wait_for()
    live.evaluate("window.failing = ''")
    live.get_by_role("button", name="Start the camera").click()
    live.get_by_text("Camera on").wait_for()


def test_without_https_it_says_so(page: Any, opened: Opened) -> None:
    page.goto(f"{opened.address}/?#/test")
    page.reload()
    page.evaluate("Object.defineProperty(window, 'isSecureContext', { value: false })")
    page.get_by_role("button", name="Webcam").click()
    page.get_by_text("Browsers give no camera to this address.").wait_for()


@pytest.fixture
def panel(page: Any, opened: Opened) -> Any:
    """The panel that records."""
    page.goto(f"{opened.address}/?#/collect")
    page.reload()
    page.get_by_role("navigation").wait_for()
    page.get_by_role("button", name="Webcam", exact=True).click()
    page.get_by_text("Camera on").wait_for()
    return page


def test_a_recording_is_files_of_one_occasion(panel: Any, opened: Opened) -> None:
    before = set(opened.pictures())
    panel.get_by_label("Label", exact=True).fill("new label")
    panel.get_by_label("Pictures a second").select_option("10")
    panel.get_by_role("button", name="Hold to record").focus()
    panel.keyboard.down(" ")
    until(panel, "Number(document.querySelector('.recording')?.textContent) >= 4")
    panel.keyboard.up(" ")
    said = panel.get_by_text(re.compile("^[0-9]+ pictures recorded")).inner_text()
    count = int(said.split()[0])
    opened.wait(lambda state: len(state["pictures"]) == len(before) + count)
    names = sorted(set(opened.pictures()) - before)
    assert all(name.startswith("new label/webcam-") for name in names)
    for name in names:
        assert_is_of_now((opened.folder / name).read_bytes())
    first, _ = successive(names, ["new label"] * count)
    assert len(first) == count - 1  # by their names too they are of one occasion
    opened.ask("/api/undo", {})
    assert set(opened.pictures()) == before


def test_a_mouse_holds_the_button_and_the_rate_is_kept(page: Any, opened: Opened) -> None:
    before = set(opened.pictures())
    page.goto(f"{opened.address}/?#/collect")
    page.reload()
    page.get_by_role("button", name="Record ice_queen from the webcam").click()
    page.get_by_text("Camera on").wait_for()
    assert page.get_by_label("Label", exact=True).input_value() == "ice_queen"
    page.get_by_label("Pictures a second").select_option("5")
    page.get_by_role("button", name="Hold to record").hover()
    begun = time.monotonic()
    page.mouse.down()
    until(page, "Number(document.querySelector('.recording')?.textContent) >= 4")
    page.mouse.up()
    lasted = time.monotonic() - begun
    said = page.get_by_text(re.compile("^[0-9]+ pictures recorded")).inner_text()
    count = int(said.split()[0])
    assert count <= 5 * lasted + 1
    opened.wait(lambda state: len(state["pictures"]) == len(before) + count)
    assert all(name.startswith("ice_queen/") for name in set(opened.pictures()) - before)
    opened.ask("/api/undo", {})  # all of a recording is one change
    assert set(opened.pictures()) == before


@pytest.mark.slow
def test_a_countdown_records_for_five_seconds_and_ends(panel: Any, opened: Opened) -> None:
    before = set(opened.pictures())
    panel.get_by_label(re.compile("Count down")).check()
    panel.get_by_label("Pictures a second").select_option("2")
    panel.get_by_role("button", name="Record", exact=True).press(" ")
    panel.get_by_role("timer").wait_for()
    panel.get_by_text(re.compile("^[0-9]+ pictures recorded")).wait_for()
    panel.get_by_label(re.compile("Count down")).uncheck()
    opened.wait(lambda state: len(state["pictures"]) > len(before))
    panel.get_by_text("still to save").wait_for(state="detached")
    assert 1 <= len(opened.pictures()) - len(before) <= 11
    opened.ask("/api/undo", {})
    assert set(opened.pictures()) == before


def test_the_countdown_is_ended_by_a_second_press(panel: Any, opened: Opened) -> None:
    before = set(opened.pictures())
    panel.get_by_label(re.compile("Count down")).check()
    record = panel.get_by_role("button", name="Record", exact=True)
    record.click()
    panel.get_by_role("timer").wait_for()
    panel.get_by_role("button", name="Stop").click()
    record.wait_for()
    assert set(opened.pictures()) == before
    panel.get_by_label(re.compile("Count down")).uncheck()


def test_a_frame_says_its_time_and_speed(page: Any) -> None:
    """The arithmetic of frames, for a JPEG of any camera."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG")
    written = page.evaluate(
        """async (bytes) => {
            const frames = await import("/page/parts/frames.js");
            const time = new Date(2031, 0, 2, 3, 4, 5, 67);
            return {
                bytes: [...frames.withTime(new Uint8Array(bytes), time)],
                name: frames.frameName(time, 12),
                sizes: [[1280, 720], [720, 1280], [320, 240]].map((size) => frames.sizeOf(...size)),
                speed: frames.perSecond([0, 5000, 5100, 5200, 5300], 5300),
                none: frames.perSecond([1], 2),
            };
        }""",
        list(file.getvalue()),
    )
    day = (datetime(2031, 1, 2) - datetime(1970, 1, 1)).days
    assert taken(bytes(written["bytes"])) == pytest.approx((day, 3 * 3600 + 4 * 60 + 5.067))
    with Image.open(io.BytesIO(bytes(written["bytes"]))) as image:
        image.load()
    assert written["name"] == "webcam-20310102-030405-012.jpg"
    assert written["sizes"] == [[853, 480], [480, 853], [320, 240]]
    assert (written["speed"], written["none"]) == (10, 0)
