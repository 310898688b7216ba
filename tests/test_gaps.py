"""`gaps` names what is missing, says nothing where nothing is, and shows it on a safe page."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tellapart
from conftest import draw_scene
from drawn import contents, model_of, only_sentences, run_here
from tellapart.assess.gaps import Gaps, find_gaps
from tellapart.assess.gaps_source import Side
from tellapart.assess.gaps_words import advice_words, worth_words, wrong_words
from tellapart.demo.walk import DemoPictures
from tellapart.health.subgroups import Sample, Subgroup, find_subgroups, tail, to_add

LOOKS = 5  # planted in each of two labels
DIMENSIONS = 32


class World:
    """Two labels of a few looks each; pictures of them are drawn on demand."""

    def __init__(self, seed: int) -> None:
        self.lot = np.random.default_rng(seed)
        self.centres = self.lot.normal(size=(2, LOOKS, DIMENSIONS))
        self.drawn = 0

    def sample(
        self, counts: np.ndarray, wrong: dict[tuple[int, int], int] | None = None
    ) -> tuple[Sample, np.ndarray]:
        """`counts` `[2,LOOKS]` pictures, the first `wrong` of a look judged wrong; and the look
        of each."""
        vectors, labels, planted, scores = [], [], [], []
        for label, subgroup in np.ndindex(2, LOOKS):
            for number in range(counts[label, subgroup]):
                noise = self.lot.normal(scale=0.35, size=DIMENSIONS)
                vectors.append(self.centres[label, subgroup] + noise)
                labels.append(label)
                planted.append(LOOKS * label + subgroup)
                bad = number < (wrong or {}).get((label, subgroup), 0)
                scores.append([0.9, 0.1] if (label == 0) != bad else [0.1, 0.9])
        names = tuple(f"{self.drawn + i:032x}" for i in range(len(labels)))
        self.drawn += len(labels)
        judged = np.ones(len(labels), bool)
        sample = Sample(np.array(vectors), np.array(labels), np.array(scores), names, judged)
        return sample, np.array(planted)


def counts(each: int, **others: int) -> np.ndarray:
    """`each` of every look, but for those named `look_LABEL_NUMBER`."""
    found = np.full((2, LOOKS), each)
    for name, count in others.items():
        _, label, subgroup = name.split("_")
        found[int(label), int(subgroup)] = count
    return found


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("left", [0, 2])
def test_a_look_that_was_left_out_is_named_first(seed: int, left: int) -> None:
    world = World(seed)
    learnt, _ = world.sample(counts(14, look_1_3=left))
    tested, planted = world.sample(counts(5, look_1_3=10), wrong={(1, 3): 4})
    first = find_subgroups(learnt, tested, 2)[0]
    assert first.label == 1
    assert first.missing or left  # with a few left it may be too few to tell from chance
    assert set(planted[first.tested].tolist()) == {LOOKS + 3}
    assert len(first.tested) >= 3
    assert len(first.learnt) <= left
    assert first.wrong_tested is not None
    assert first.add >= 5
    assert first.mended.interval[0] < first.mended.value < first.mended.interval[1]


def test_without_labels_too_and_the_scores_say_how_many_are_wrong() -> None:
    world = World(0)
    learnt, _ = world.sample(counts(14, look_0_1=0))
    tested, planted = world.sample(counts(5, look_0_1=10))
    guessed = replace(tested, known=False, judged=np.zeros(len(tested.labels), bool))
    first = find_subgroups(learnt, guessed, 2)[0]
    assert first.missing
    assert set(planted[first.tested].tolist()) == {1}
    assert first.wrong_tested is None
    assert first.likely_wrong == pytest.approx(0.1 * len(first.tested))


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_what_is_never_wrong_is_not_said_to_be_mended(known: bool, seed: int) -> None:
    world = World(seed)
    some = {(1, 1): 2} if seed % 2 else {}
    learnt, _ = world.sample(counts(12, look_0_1=0, look_1_0=4, look_1_1=4), wrong=some)
    tested, _ = world.sample(counts(3, look_0_1=8), wrong={(1, 2): 2} if seed > 3 else {})
    sure = np.where(tested.scores > 0.5, 0.99, 0.01)
    if not known:
        tested = replace(tested, known=False, scores=sure, judged=np.zeros(len(sure), bool))
    one, other = (
        Side(s, s.digests, (None,) * len(s.labels), np.zeros(len(s.labels), bool))
        for s in (learnt, tested)
    )
    found = Gaps(("a", "b"), find_subgroups(learnt, tested, 2), one, other, "from here")
    assert any(subgroup.missing for subgroup in found.advice)
    for subgroup in (*found.advice, *found.maybe):
        nothing = re.search(r"\b0 of [\d,]+ (are|judged) wrong", wrong_words(found, subgroup))
        assert ("known to be wrong" in worth_words(found, subgroup)) == bool(nothing)
        assert not (nothing and any(subgroup is each for each in found.maybe))


def test_where_nothing_is_missing_little_is_ever_said_to_be() -> None:
    said = 0
    for seed in range(40):
        world = World(seed)
        learnt, _ = world.sample(counts(12))
        tested, _ = world.sample(counts(5))
        said += any(
            subgroup.missing or subgroup.hard for subgroup in find_subgroups(learnt, tested, 2)
        )
    assert said <= 6  # at most a chance in twenty for each of two labels


@pytest.mark.parametrize("with_test", [False, True])
def test_a_look_that_is_often_wrong_is_hard(with_test: bool) -> None:
    world = World(3)
    learnt, planted = world.sample(counts(12), wrong={(0, 2): 6, (1, 1): 1})
    tested = world.sample(counts(4))[0] if with_test else None
    found = find_subgroups(learnt, tested, 2)
    assert [
        (subgroup.label, subgroup.hard, subgroup.missing)
        for subgroup in found
        if subgroup.stands_out
    ] == [(0, True, False)]
    assert set(planted[found[0].learnt].tolist()) == {2}
    assert found[0].wrong.correct == 6
    assert found[0].rest.correct == 0
    assert found[0].mended.value > 0


def test_one_picture_looks_and_two_look() -> None:
    world = World(3)
    learnt, _ = world.sample(counts(12), wrong={(0, 2): 6})
    for number, said in ((1, "1 test picture like these"), (2, "2 test pictures like these")):
        tested, _ = world.sample(counts(0, look_0_2=number, look_1_0=5))
        known, seen = (
            Side(one, one.digests, (None,) * len(one.digests), np.zeros(len(one.digests), bool))
            for one in (learnt, tested)
        )
        gaps = Gaps(("a", "b"), find_subgroups(learnt, tested, 2), known, seen)
        assert said in advice_words(
            gaps, next(subgroup for subgroup in gaps.advice if subgroup.hard)
        )


def test_pictures_that_were_not_judged_are_not_wrong() -> None:
    learnt, _ = World(3).sample(counts(12), wrong={(0, 2): 6})
    unjudged = replace(learnt, judged=np.zeros(len(learnt.labels), bool))
    found = find_subgroups(unjudged, None, 2)
    assert not any(
        subgroup.stands_out or subgroup.wrong.n or subgroup.likely_wrong for subgroup in found
    )


def test_every_picture_is_in_one_look_of_its_label() -> None:
    world = World(1)
    learnt, _ = world.sample(counts(7))
    tested, _ = world.sample(counts(3, look_0_0=0))
    found = find_subgroups(learnt, tested, 2)
    for rows, sample in (("learnt", learnt), ("tested", tested)):
        seen = np.concatenate([getattr(subgroup, rows) for subgroup in found])
        assert sorted(seen.tolist()) == list(range(len(sample.labels)))
        for subgroup in found:
            assert set(sample.labels[getattr(subgroup, rows)].tolist()) <= {subgroup.label}


@given(st.data())
def test_the_tail_is_the_share_of_all_draws(data: st.DataObject) -> None:
    total = data.draw(st.integers(1, 30))
    drawn, special = data.draw(st.integers(0, total)), data.draw(st.integers(0, total))
    hits = data.draw(st.integers(0, total))
    ways = sum(
        math.comb(special, k) * math.comb(total - special, drawn - k)
        for k in range(hits, drawn + 1)
    )
    assert tail(hits, drawn, special, total) == pytest.approx(ways / math.comb(total, drawn))


@given(have=st.integers(0, 50), others=st.integers(0, 500), share=st.floats(0, 1))
def test_with_as_many_more_the_shares_are_equal(have: int, others: int, share: float) -> None:
    learnt = have + others
    add = to_add(have, learnt, share, usual=10)
    assert add >= 5
    assert add % 5 == 0
    assert (have + add) / (learnt + add) >= min(share, 0.5) - 1e-9


# The command, on drawn pictures


@pytest.fixture(scope="module")
def model(heroes: DemoPictures) -> Path:
    return model_of(heroes)


@pytest.fixture(scope="module")
def with_scenes(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pictures kept back, and ten of empty scenes that are said to be ice queens."""
    root = tmp_path_factory.mktemp("tested") / "photos"
    shutil.copytree(heroes.kept_back, root)
    for number in range(10):
        name = f"<b>scene {number}<b>.png"
        draw_scene(200, 150, seed=number).save(root / "ice_queen" / name)
    return root


def test_json_names_the_look_first_with_its_pictures(model: Path, with_scenes: Path) -> None:
    found = run_here("gaps", model, with_scenes, "--json").json()
    assert found["stands_out"] >= 1
    assert found["labelled"] is True
    first = found["subgroups"][0]
    assert first["label"] == "ice_queen"
    assert first["missing"]
    names = first["pictures_tested"]
    assert len(names) == first["tested"] >= 6
    assert all("scene" in name for name in names)
    assert first["wrong_tested"]["n"] == len(names)
    assert set(first["wrong"]) == {"wrong", "n", "fraction", "interval"}
    assert set(first["mended_in_100"]) == {"value", "interval"}
    total = sum(subgroup["tested"] for subgroup in found["subgroups"])
    assert total == found["tested"] == len(list(with_scenes.rglob("*.*")))


def test_text_says_what_to_add_and_shows_three(model: Path, with_scenes: Path) -> None:
    found = run_here("gaps", model, with_scenes)
    assert found.code == 0
    assert re.search(r"1  ice queen: \d+ pictures like these from .*Add \d+ more\.", found.out)
    assert len(re.findall(r"^ +\S.*scene \d<b>\.png", found.out, re.MULTILINE)) >= 3


def test_a_folder_without_labels_will_do(model: Path, with_scenes: Path, tmp_path: Path) -> None:
    for number, path in enumerate(sorted(with_scenes.rglob("*.*"))):
        shutil.copy(path, tmp_path / f"{number:03d}{path.suffix}")
    (tmp_path / "broken.jpg").write_text("<html>")
    before = contents(tmp_path)
    found = run_here("gaps", model, tmp_path, "--json").json()
    assert found["labelled"] is False
    assert found["subgroups"][0]["wrong_tested"] is None
    assert found["skipped"] == [{"path": "broken.jpg", "reason": "an HTML page saved as .jpg"}]
    assert run_here("gaps", model, tmp_path, "--strict").code == 3
    assert contents(tmp_path) == before


@pytest.mark.slow
def test_unknown_pictures_without_labels_are_in_no_subgroup_and_nobody_is_told_to_add_them(
    heroes: DemoPictures, model: Path, tmp_path: Path
) -> None:
    queens = sorted((heroes.kept_back / "ice_queen").iterdir())
    for path in queens:
        shutil.copy(path, tmp_path / f"queen-{path.name}")
    scenes = {f"scene-{number}.png" for number in range(5)}
    for number, name in enumerate(sorted(scenes)):
        draw_scene(200, 150, seed=number).save(tmp_path / name)
    page = tmp_path / "gaps.html"
    found = run_here("gaps", model, tmp_path, "--json").json()
    unknown = {one["path"] for one in found["unknown"]}
    assert scenes <= unknown
    assert found["tested"] + len(unknown) == len(queens) + len(scenes)
    assert not scenes & {
        name for subgroup in found["subgroups"] for name in subgroup["pictures_tested"]
    }
    said = (
        f"{len(unknown)} pictures are unlike everything the model learnt from, and in no subgroup."
    )
    text = run_here("gaps", model, tmp_path, "-o", page).out
    assert f"{said} If they show one of your labels, label and add them." in text
    assert scenes <= {Path(line.strip()).name for line in text.splitlines()}
    assert said in page.read_text("utf-8")


def test_it_says_so_where_all_pictures_are_unknown(model: Path, tmp_path: Path) -> None:
    draw_scene(200, 150).save(tmp_path / "scene.png")
    assert run_here("gaps", model, tmp_path, "--json").json()["tested"] == 0
    text = run_here("gaps", model, tmp_path).out
    assert (
        "1 picture is unlike everything the model learnt from, and in no subgroup. If it shows"
    ) in text
    assert "This used only the training pictures" not in text


@pytest.mark.slow
def test_unknown_pictures_with_a_label_stay_in_their_subgroup_and_are_marked(
    model: Path, with_scenes: Path, tmp_path: Path
) -> None:
    found = run_here("gaps", model, with_scenes, "--json").json()
    unknown = [name for subgroup in found["subgroups"] for name in subgroup["pictures_unknown"]]
    assert sum("scene" in name for name in unknown) == 10
    assert found["unknown"] == []
    text = run_here("gaps", model, with_scenes, "-o", tmp_path / "gaps.html").out
    assert re.search(r"scene \d<b>\.png.*  unlike everything learnt$", text, re.MULTILINE)
    assert (
        f"{len(unknown)} pictures from {with_scenes} are unlike everything the model learnt from. "
        "Check"
    ) in text
    page = (tmp_path / "gaps.html").read_text("utf-8")
    assert "<strong>unlike everything learnt</strong>" in page


@pytest.mark.slow
def test_a_hard_look_is_to_be_checked_before_more_is_added(
    heroes: DemoPictures, tmp_path: Path
) -> None:
    photos = Path(shutil.copytree(heroes.photos, tmp_path / "photos"))
    for number in range(6):  # one look of scenes, said to be of both labels
        for label in ("dark_knight", "ice_queen", "ice_queen"):
            where = photos / label / f"scene-{number}-{len(list((photos / label).iterdir()))}.png"
            draw_scene(200, 150, seed=number).resize((200 + number, 150)).save(where)
    tellapart.train(photos, quality="fast", test=0).save(tmp_path / "m")
    text = run_here("gaps", tmp_path / "m").out
    assert re.search(
        r"1  dark knight: .* judged wrong \(of the label's other pictures [\d.]+ %\)\. "
        r"First check that these really show dark knight\. If they do, add \d+ more\.\n"
        r"    That would prevent .* gets [\d.]+ to [\d.]+ % of these wrong \(95 % interval\)\.\n"
        r" .*scene-.*taken for ice queen",
        text,
    ), text


def test_without_photos_it_goes_by_those_kept_back(model: Path) -> None:
    record = tellapart.load(model).training_record
    assert record
    found = run_here("gaps", model, "--json").json()
    assert found["tested"] == record.held_out.sum()
    assert found["learnt"] == (~record.held_out).sum()


@pytest.mark.slow
def test_a_model_with_none_kept_back_says_what_it_cannot_tell(
    heroes: DemoPictures, tmp_path: Path
) -> None:
    tellapart.train(heroes.photos, quality="fast", test=0).save(tmp_path / "all")
    found = run_here("gaps", tmp_path / "all")
    assert "cannot show what they lack" in found.out
    assert run_here("gaps", tmp_path / "all", "--json").json()["tested"] is None


def test_the_page_stands_alone_and_names_are_no_markup(
    model: Path, with_scenes: Path, tmp_path: Path
) -> None:
    page = tmp_path / "gaps.html"
    found = run_here("gaps", model, with_scenes, "-o", page)
    assert f"Written: {page}" in found.out
    text = page.read_text("utf-8")
    bare = re.sub(r"data:image/jpeg;base64,[\w+/=]+", "", text)
    assert "default-src 'none'; img-src data:; style-src 'sha256-" in bare
    assert not re.search(r"https?:|<script|<b>|<link|javascript|\son\w+=", bare)
    assert "&lt;b&gt;scene" in bare
    assert text.count("data:image/jpeg") > 20
    assert "What to photograph next" in bare


@pytest.mark.slow
def test_pictures_that_were_moved_are_found_again(
    heroes: DemoPictures, draw_folder: Callable[..., Path], tmp_path: Path
) -> None:
    photos = draw_folder({"a": 6, "b": 6}, tmp_path / "photos")
    tellapart.train(photos, quality="fast", test=0).save(tmp_path / "m")
    photos.rename(tmp_path / "elsewhere")
    lost = run_here("gaps", tmp_path / "m", "-o", tmp_path / "p.html")
    assert "12 pictures cannot be shown, because the files are gone" in lost.out
    assert "not found" in (tmp_path / "p.html").read_text("utf-8")
    call = ("gaps", tmp_path / "m", "--pictures", tmp_path / "elsewhere", "--json")
    assert run_here(*call).json()["missing_pictures"] == 0


def test_of_a_source_that_says_what_is_for_testing_only_that_is_looked_at(
    model: Path, with_scenes: Path, tmp_path: Path
) -> None:
    pictures = sorted(with_scenes.rglob("*.jpg"))[:6]
    rows = ["path,label,split"]
    for number, path in enumerate(pictures):
        shutil.copy(path, tmp_path / f"{number}.jpg")
        label = "stranger" if number == 5 else path.parent.name
        rows.append(f"{number}.jpg,{label},{'train' if number < 2 else 'test'}")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    found = run_here("gaps", model, tmp_path / "labels.csv", "--json").json()
    assert found["tested"] == 3
    assert found["other_labels"] == {"stranger": 1}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nothing-there", "/nothing-there does not exist."),
        ("empty", "has no pictures in it."),
        ("broken", "None of these pictures can be read: "),
        ("notes.txt", "is neither a folder"),
    ],
)
def test_bad_input_is_a_sentence(model: Path, tmp_path: Path, source: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.jpg").write_text("<html>")
    (tmp_path / "notes.txt").write_text("milk")
    found = run_here("gaps", model, tmp_path / source)
    assert found.code == 2
    assert found.out == ""
    assert message in found.err
    assert only_sentences(found.err)


def test_a_model_file_alone_remembers_nothing(model: Path, tmp_path: Path) -> None:
    shutil.copy(model / "model.onnx", tmp_path)
    found = run_here("gaps", tmp_path / "model.onnx")
    assert found.code == 2
    assert "has no training record" in found.err


def test_a_page_that_cannot_be_written_is_a_sentence(model: Path, tmp_path: Path) -> None:
    found = run_here("gaps", model, "-o", tmp_path / "no" / "gaps.html")
    assert found.code == 2
    assert "cannot be written" in found.err


def test_the_api_gives_what_the_command_prints(model: Path, with_scenes: Path) -> None:
    found = find_gaps(tellapart.load(model), with_scenes)
    value = run_here("gaps", model, with_scenes, "--json").json()
    assert [found.label(subgroup) for subgroup in found.subgroups] == [
        row["label"] for row in value["subgroups"]
    ]
    assert found.advice == tuple(subgroup for subgroup in found.subgroups if subgroup.stands_out)
    assert isinstance(found.advice[0], Subgroup)
    assert all(
        isinstance(one.path, Path) and one.path.is_file() for one in found.pictures(found.advice[0])
    )
    assert json.dumps(value)
