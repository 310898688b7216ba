"""`check`: findings by kind, the dearest first, as text, as JSON and on a safe page."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import tellapart
from conftest import draw_scene, encoded
from drawn import FOUR, contents, only_sentences, run, run_here
from tellapart.assess.check.health import KINDS, kinds_of
from tellapart.demo.walk import DemoPictures
from tellapart.errors import UsageError

Draw = Callable[..., Path]
KEYS = {"kind", "paths", "label", "suggested", "sure", "score", "cost", "mend", "words"}
KEYS |= {"sides"}


@pytest.fixture
def uneven(draw_folder: Draw) -> Path:
    """Three labels, one of them with few pictures, and two files that cannot be read."""
    photos = draw_folder({"many": 24, "others": 20, "few": 3})
    (photos / "many" / "page.jpg").write_text("<html><body>not found</body></html>")
    (photos / "others" / "empty.png").touch()
    return photos


def test_json_has_the_names_that_others_rely_on(uneven: Path) -> None:
    found = run("check", uneven, "--quality", "fast", "--json", "-q").json()
    assert found["pictures"] == 47
    assert set(found["accuracy"]) == FOUR
    assert {"found", "why", "apart", "low", "high"} <= set(found["bursts"])
    assert all(set(one) == KEYS for one in found["findings"])
    assert {one["kind"] for one in found["findings"]} <= set(KINDS)
    [few] = [one for one in found["findings"] if one["kind"] == "imbalance"]
    assert (few["label"], len(few["paths"])) == ("few", 3)
    unread = [one for one in found["findings"] if one["kind"] == "unreadable"]
    assert sorted(path for one in unread for path in one["paths"]) == [
        "many/page.jpg",
        "others/empty.png",
    ]


def test_python_finds_the_same(uneven: Path) -> None:
    health = tellapart.check(uneven, quality="fast")
    found = run_here("check", uneven, "--quality", "fast", "--json", "-q").json()
    assert [(one.kind, list(one.paths)) for one in health.findings] == [
        (one["kind"], one["paths"]) for one in found["findings"]
    ]
    assert health.accuracy.n == found["accuracy"]["n"]


def test_the_dearest_come_first(uneven: Path) -> None:
    costs = [one.cost for one in tellapart.check(uneven, quality="fast").findings]
    assert costs == sorted(costs, reverse=True)


def test_it_fails_on_the_kinds_that_are_asked_for(uneven: Path) -> None:
    quick = ("check", uneven, "--quality", "fast", "-q")
    assert run_here(*quick, "--fail-on", "imbalance").code == 1
    assert run_here(*quick, "--fail-on", "unreadables,leaks").code == 1
    assert run_here(*quick, "--fail-on", "leaks,conflicts").code == 0
    assert run_here(*quick).code == 0
    refused = run_here(*quick, "--fail-on", "ugliness")
    assert refused.code == 2
    assert "--fail-on ugliness names no kind of finding" in refused.err
    assert only_sentences(refused.err.splitlines()[0])


def test_kinds_are_named_in_the_singular_or_the_plural() -> None:
    assert kinds_of("conflicts, leak,wrong-labels", "fail_on") == (
        "conflict",
        "leak",
        "wrong-label",
    )
    assert kinds_of(",".join(KINDS), "fail_on") == tuple(KINDS)
    with pytest.raises(UsageError):
        kinds_of("", "fail_on")


def test_nothing_of_the_pictures_is_changed(uneven: Path) -> None:
    before = contents(uneven)
    run_here("check", uneven, "--quality", "fast", "-q")
    assert contents(uneven) == before


def test_the_page_stands_alone_and_names_are_no_markup(draw_folder: Draw, tmp_path: Path) -> None:
    photos = draw_folder({"many": 22, "<b>few": 3, "others": 20})
    (photos / "many" / "<script>.jpg").write_text("<html>")
    page = tmp_path / "check.html"
    found = run_here("check", photos, "--quality", "fast", "-q", "--html", page)
    assert f"Written: {page}" in found.out
    text = page.read_text("utf-8")
    assert "<script" not in text
    assert "<b>few" not in text
    assert not re.search(r"""(?:src|href)=["'](?!data:image/jpeg;base64,|#)""", text)
    assert len(page.read_bytes()) < 5_000_000


def test_a_page_is_not_written_over_a_picture(uneven: Path) -> None:
    picture = next((uneven / "many").glob("*.png"))
    before = picture.read_bytes()
    refused = run_here("check", uneven, "--quality", "fast", "-q", "--html", picture)
    assert refused.code != 0
    assert "not a page that tellapart wrote" in refused.err
    assert picture.read_bytes() == before


def test_pictures_in_order_have_nothing_wrong(heroes: DemoPictures) -> None:
    found = run_here("check", heroes.photos, "--quality", "fast", "-q", "--fail-on", "conflicts")
    assert found.code == 0
    assert "likely has another label" not in found.out


def test_a_share_to_hold_out_is_refused(uneven: Path) -> None:
    with pytest.raises(tellapart.UsageError, match="holds none out"):
        tellapart.check(uneven, test=0.3)  # type: ignore[arg-type]


def test_what_holds_no_pictures_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.jpg").write_bytes(encoded(draw_scene(), "JPEG"))
    refused = run_here("check", tmp_path, "-q")
    assert refused.code != 0
    assert only_sentences(refused.err)


@pytest.mark.slow
def test_commands_ask_for_what_was_asked_for(draw_folder: Draw, tmp_path: Path) -> None:
    photos = draw_folder({"many": 14, "others": 14})
    draw_scene(seed=500).save(photos / "many" / "new.png")
    tested = tmp_path / "of-another-day"
    for label, seed in (("many", 500), ("others", 600)):
        (tested / label).mkdir(parents=True)
        draw_scene(seed=seed).save(tested / label / "-again.png")
    quick = ("--quality", "fast", "-q")
    found = run_here("check", photos, "--test", tested, *quick, "--json").json()["findings"]
    [leak] = [one for one in found if one["kind"] == "leak"]
    assert leak["mend"] == f"tellapart fix {tested} many/-again.png --drop --quality fast"
    health = tellapart.check(photos, quality="fast", test=tested, groups="none")
    assert health.walk("leak").endswith(f"--test {tested} --quality fast --groups none")


@pytest.mark.slow
def test_what_python_gives_has_no_commands() -> None:
    scenes = [(draw_scene(seed=seed), "ab"[seed % 2]) for seed in range(16)]
    dark = [(draw_scene(seed=seed).point(lambda value: value // 40), "a") for seed in range(20, 22)]
    health = tellapart.check([*scenes, *dark], quality="fast")
    assert {one.mend for one in health.findings} <= {""}


def test_groups_that_find_nothing_are_said(draw_folder: Draw) -> None:
    photos = draw_folder({"many": 14, "others": 14})
    for groups in ("time:60s", "folder", "name:zzz"):
        health = tellapart.check(photos, quality="fast", groups=groups)
        assert any("nothing is kept together" in note for note in health.notes)
