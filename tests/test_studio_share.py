"""The studio's model is taken out: as a folder, a zip, a report, exports, and to a phone."""

from __future__ import annotations

import asyncio
import io
import re
import shlex
import shutil
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import segno

import tellapart
from conftest import draw_scene, encoded
from drawn import contents, few_of, run_here
from studio import PATIENCE, Opened, browser, page_of, studio
from tellapart.demo.walk import DemoPictures
from tellapart.exporters.export import TARGETS
from tellapart.files.zipped import zipped
from tellapart.server.process.addresses import Neighbourly, _order, neighbourly
from tellapart.studio.phone import Phone
from tellapart.studio.qr import code
from tellapart.studio.routes import phone as pages

LAN = pytest.mark.skipif(not neighbourly(), reason="this computer is in no network")


@pytest.fixture(scope="module")
def opened(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    folder = few_of(heroes, tmp_path_factory.mktemp("share") / "photos", 12)
    with studio(folder) as found:
        found.wait(lambda state: state["training"].get("value") is not None)
        yield found


def saved(opened: Opened, **asked: object) -> dict[str, Any]:
    answer = opened.ask("/api/share/save", {"name": "photos-model", **asked})
    assert answer.status == 200, answer.json
    found: dict[str, Any] = answer.json
    return found


def test_the_model_is_saved_beside_the_pictures_as_train_saves_it(
    opened: Opened, tmp_path: Path
) -> None:
    folder = opened.folder.parent / "photos-model"
    assert saved(opened) == {"folder": str(folder), "changed": "", "kept": ""}
    assert tellapart.load(folder).labels == ("dark_knight", "ice_queen")
    trained = tellapart.train(opened.folder, quality="fast").save(tmp_path / "trained")
    assert contents(folder)["model.onnx"] == contents(trained)["model.onnx"]
    assert (folder / "report.html").is_file()
    again = saved(opened, private=True)
    assert again["kept"] == f"{folder}.before"
    assert again["changed"].endswith("are left out now")
    assert b"000.jpg" not in b"".join(contents(folder).values())
    assert b"000.jpg" in b"".join(contents(Path(again["kept"])).values())


def test_what_is_no_model_of_these_pictures_is_left_alone(opened: Opened, served: Path) -> None:
    other = opened.folder.parent / "others"
    shutil.copytree(served, other)
    (other / "training.npz").unlink()
    said = opened.ask("/api/share/save", {"name": "others"})
    assert said.status == 409
    assert said.json["detail"].startswith(f"{other} is a model that does not say what it was tr")
    assert "or give “Replace it”: the old model then stays as others.before" in said.json["hint"]
    assert saved(opened, name="others", replace=True)["kept"] == f"{other}.before"
    (opened.folder.parent / "notes").mkdir()
    (opened.folder.parent / "notes" / "a.txt").write_text("mine")
    said = opened.ask("/api/share/save", {"name": "notes", "replace": True})
    assert said.status == 409
    assert "contains other things than a model, such as a.txt" in said.json["detail"]
    assert (opened.folder.parent / "notes" / "a.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "The folder needs a name."),
        ("..", ".. cannot be the name of a folder"),
        ("../x", "../x cannot be the name of a folder"),
        ("/tmp/x", "/tmp/x cannot be the name of a folder"),
        ("a\\b", "a\\b cannot be the name of a folder"),
        (".hidden", ".hidden cannot be the name of a folder"),
        ("nul", "nul cannot be the name of a folder"),
        ("x" * 300, "cannot be the name of a folder"),
        ("Photos", "Photos is the folder of the pictures."),
    ],
)
def test_a_name_is_no_path(name: str, said: str, opened: Opened) -> None:
    before = sorted(opened.folder.parent.iterdir())
    answer = opened.ask("/api/share/save", {"name": name})
    assert answer.status == 400
    assert said in answer.json["detail"]
    assert sorted(opened.folder.parent.iterdir()) == before


def test_a_zip_and_a_report_with_and_without_pictures(opened: Opened) -> None:
    for query, shows in (("", True), ("?private=1", False)):
        answer = opened.ask(f"/api/share/model.zip{query}")
        headers = {name.lower(): value for name, value in answer.headers.items()}
        assert headers["content-disposition"] == ("attachment; filename*=UTF-8''photos-model.zip")
        assert headers["content-type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
            assert archive.testzip() is None
            found = {name: archive.read(name) for name in archive.namelist()}
        assert {name.partition("/")[0] for name in found} == {"photos-model"}
        assert (b"data:image/" in found["photos-model/report.html"]) == shows
        answer = opened.ask(f"/api/share/report{query}")
        headers = {name.lower(): value for name, value in answer.headers.items()}
        policy = headers["content-security-policy"]
        assert policy.startswith("sandbox allow-popups; default-src 'none'")
        assert "script" not in policy
        assert "connect" not in policy
        assert (b"data:image/" in answer.body) == shows
        assert (b"000.jpg" in answer.body) == shows
    assert opened.ask("/api/share/report?private=maybe").status == 400


@pytest.mark.slow
def test_the_commands_do_the_same(opened: Opened, tmp_path: Path) -> None:
    asked = "/api/share/commands?name=photos-model"
    model = opened.folder.parent / "photos-model"
    assert opened.ask(asked).json == {
        "train": f"tellapart train {opened.folder} --quality fast -o {model}",
        "export": f"tellapart export {model} --to onnx",
        "serve": f"tellapart serve {model}",
    }
    private = opened.ask(f"{asked}&private=1").json
    assert private["train"].endswith(" --no-pictures")
    saved(opened, private=True)
    done = run_here(*shlex.split(private["export"])[1:], cwd=tmp_path)  # as it stands there
    assert done.code == 0, done.err
    assert opened.ask("/api/share/commands?name=..").status == 400


def test_an_export_is_proved_and_taken_away(opened: Opened) -> None:
    targets = opened.ask("/api/share/targets").json
    assert [row["name"] for row in targets] == list(TARGETS)
    for row in targets:  # the page says in its own words what is missing: an extra, or npm
        assert bool(row["extra"]) == ("pip install" in row["missing"])
        assert row["extra"] in ("", TARGETS[row["name"]].extra)
        assert not row["fetches"] or re.search(r"\d+ MB", row["fetches"])
    assert opened.ask("/api/share/exports", {"to": "none"}).status == 400
    assert opened.ask("/api/share/exports/onnx.zip").status == 400
    begun = opened.ask("/api/share/exports", {"to": "onnx"})
    assert begun.status == 202
    assert begun.json["exports"]["onnx"]["state"] in ("working", "done")
    job = _over(opened, "onnx")
    assert (job["state"], job["older"]) == ("done", False)
    assert (job["pictures"], job["same_label"]) == (24, 24)
    answer = opened.ask("/api/share/exports/onnx.zip")
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert "photos-model-onnx/example.py" in archive.namelist()
    assert not list(opened.folder.glob("*onnx*"))
    opened.ask("/api/share/exports", {"to": "triton"})
    assert _over(opened, "triton")["state"] == "done"
    commands = opened.ask("/api/share/commands?name=photos-model").json
    assert commands["export"].endswith(" --to triton")  # the newest


def _over(opened: Opened, target: str) -> dict[str, Any]:
    """An export, once it is under way no more."""
    end = time.monotonic() + PATIENCE
    while (job := opened.ask("/api/share").json["exports"][target])["state"] == "working":
        assert time.monotonic() < end
        time.sleep(0.05)
    found: dict[str, Any] = job
    return found


def _shared(opened: Opened) -> dict[str, Any]:
    address = neighbourly()[0].address
    answer = opened.ask("/api/share/phone", {"address": address})
    assert answer.status == 200, answer.json
    found: dict[str, Any] = answer.json["phone"]
    assert found["link"].startswith(f"http://{address}:")
    return found


@LAN
def test_a_phone_gets_answers_and_nothing_else(opened: Opened, heroes: DemoPictures) -> None:
    phone = _shared(opened)
    root, _, key = phone["link"].partition("/#")
    picture = next(heroes.kept_back.rglob("*.jpg")).read_bytes()
    bearer = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=root, trust_env=False) as client:
        for path in pages.OPEN:
            said = client.get(path)
            assert said.status_code == 200
            assert "default-src 'none'" in said.headers["content-security-policy"]
        found = client.post("/guess", content=picture, headers=bearer).json()
        assert set(found["scores"]) == {"dark_knight", "ice_queen"}
        assert client.post("/guess", content=b"no picture", headers=bearer).status_code == 415
        assert client.post("/guess", content=picture).status_code == 401
        wrong = {"Authorization": f"Bearer {opened.token}"}
        assert client.post("/guess", content=picture, headers=wrong).status_code == 401
        for path in ("/api/state", "/api/share", "/page/app.js", "/api/pictures/1/file"):
            assert client.get(path, headers=bearer).status_code == 404
        evil = {**bearer, "Host": "evil.example"}
        assert client.post("/guess", content=picture, headers=evil).status_code == 421
        there = {**bearer, "Origin": "http://evil.example"}
        assert client.post("/guess", content=picture, headers=there).status_code == 403
        now = opened.ask("/api/share").json["phone"]
        assert (now["pictures"], now["phones"]) == (1, 1)
        assert now["until"] - time.time() <= 2 * 3600
        again = _shared(opened)["link"]
        assert again != phone["link"]
        with pytest.raises(httpx.TransportError):
            client.post("/guess", content=picture, headers=bearer)
    stopped = opened.ask("/api/share/phone/stop", {}).json["phone"]
    assert not stopped["on"]
    with pytest.raises(httpx.TransportError):
        httpx.get(again, trust_env=False)
    assert key not in opened.running.log.read_text()
    told = opened.ask("/api/share/phone", {"address": "127.0.0.1"})
    assert told.json["detail"].startswith("127.0.0.1 is no address of this computer in a local ne")


@pytest.mark.slow
@LAN
def test_in_a_browser(opened: Opened) -> None:
    with browser() as chromium:
        page = page_of(chromium, opened.link, viewport={"width": 390, "height": 844})
        page.get_by_role("link", name="Share").click()
        page.get_by_role("heading", name="Try it on a phone").wait_for()
        page.get_by_role("button", name="Start sharing").click()
        page.get_by_role("img", name="QR code of the link below").wait_for()
        link = page.get_by_role("region", name="Try it on a phone").locator("code").inner_text()
        phone = chromium.new_context(viewport={"width": 390, "height": 844}).new_page()
        complaints: list[str] = []
        phone.on("console", lambda message: complaints.append(message.text))
        phone.goto(link)
        dress = opened.folder / "ice_queen" / "000.jpg"
        phone.get_by_label("Choose a picture").set_input_files(dress)
        phone.get_by_role("heading", level=2).wait_for()
        assert phone.get_by_role("listitem").count() == 2
        page.get_by_text("1 picture from 1 phone").wait_for()
        assert complaints == []
        with page.expect_download() as download:
            page.get_by_role("link", name="Download as a zip").click()
        assert download.value.suggested_filename == "photos-model.zip"
        with page.context.expect_page() as shown:
            page.get_by_role("link", name="Open the report").click()
        report = shown.value
        report.get_by_role("heading").first.wait_for()
        assert report.evaluate("window.origin") == "null"
        page.get_by_role("button", name="Stop sharing").click()
        page.get_by_role("button", name="Start sharing").wait_for()
        phone.get_by_label("Choose a picture").set_input_files(dress)
        phone.get_by_role("alert").get_by_text("sharing has ended").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@LAN
def test_sharing_ends_by_itself(served: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = tellapart.load(served)
    told: list[bool] = []

    async def lives() -> None:
        phone = Phone(lambda: model, lambda: told.append(True), lambda _: None, lasts=0.2)
        await phone.share(neighbourly()[0].address)
        link = str(phone.state()["link"])
        assert told == [True]
        while len(told) < 2:
            await asyncio.sleep(0.05)
        assert not phone.state()["on"]
        async with httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(httpx.TransportError):
                await client.get(link)

    asyncio.run(asyncio.wait_for(lives(), PATIENCE))
    assert told == [True, True]
    assert not caplog.records


@LAN
def test_two_that_begin_at_once_leave_no_server_that_nobody_can_end(served: Path) -> None:
    model = tellapart.load(served)
    links: list[str] = []

    async def lives() -> None:
        phone = Phone(
            lambda: model, lambda: links.append(str(phone.state().get("link"))), lambda _: None
        )
        address = neighbourly()[0].address
        await asyncio.gather(phone.share(address), phone.share(address))
        await phone.stop()
        assert len({*links}) == 3  # of both, and none
        async with httpx.AsyncClient(trust_env=False) as client:
            for link in links[:2]:
                with pytest.raises(httpx.TransportError):
                    await client.get(link)

    asyncio.run(asyncio.wait_for(lives(), PATIENCE))


def test_a_code_is_the_one_of_the_text() -> None:
    text = "http://192.168.100.155:54321/#kTb_1VvKjK7opKQqriIdng"
    drawn = code(text)
    expected = [list(row) for row in segno.make(text, error="m", micro=False).matrix]
    size = len(expected)
    assert drawn.side == size + 8
    found = [[0] * size for _ in range(size)]
    runs = re.findall(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z", drawn.path)
    assert "".join(f"M{x} {y}h{n}v1h-{m}z" for x, y, n, m in runs) == drawn.path
    for x, y, length, back in runs:
        assert length == back
        for at in range(int(length)):
            found[int(y) - 4][int(x) - 4 + at] = 1
    assert found == expected


def test_a_zip_of_the_same_files_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "é.txt").write_text("x" * 3_000_000)
    (tmp_path / "a" / "c.jpg").write_bytes(encoded(draw_scene(), "JPEG"))
    (tmp_path / "a" / "link").symlink_to("/etc/passwd")
    first = b"".join(zipped(tmp_path / "a", "named"))
    (tmp_path / "a" / "c.jpg").touch()
    assert b"".join(zipped(tmp_path / "a", "named")) == first
    assert len(first) < 1_000_000
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["named/b/é.txt", "named/c.jpg"]


def test_addresses_of_neighbours_stand_before_those_of_containers() -> None:
    every = [
        Neighbourly("172.17.0.1", "docker0"),
        Neighbourly("8.8.8.8", "eth1"),
        Neighbourly("192.168.1.5", "wlan0"),
        Neighbourly("10.0.0.7", "eth0"),
    ]
    assert [one.interface for one in sorted(every, key=_order)] == [
        "eth0",
        "wlan0",
        "eth1",
        "docker0",
    ]
    assert not any(one.address.startswith("127.") for one in neighbourly())
