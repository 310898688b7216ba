"""What a model sees comes through the cache, and is what the whole model says, bit for bit."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest

from conftest import draw_scene, encoded
from tellapart.assess.gaps import find_gaps
from tellapart.assess.suggesting import suggest
from tellapart.assess.testing import evaluate
from tellapart.demo.walk import DemoPictures
from tellapart.errors import PictureError
from tellapart.images.decode import read_picture
from tellapart.model.classifier import Classifier
from tellapart.model.observe import Observation, Observer, observe
from tellapart.training.train import train
from tellapart.workers.local import batches_of


@pytest.fixture(scope="module")
def classifier(heroes: DemoPictures) -> Classifier:
    return train(heroes.photos, quality="fast", test=0).classifier


@pytest.fixture
def unknown_pictures(tmp_path: Path) -> list[Path]:
    """Pictures that no training has seen, in two folders named as labels."""
    found = []
    for number in range(12):
        path = tmp_path / "new" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encoded(draw_scene(60 + number, 50, seed=1000 + number)))
        found.append(path)
    return found


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TELLAPART_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def seen(classifier: Classifier, paths: list[Path]) -> list[Observation]:
    found = list(observe(classifier, paths))
    assert all(isinstance(one, Observation) for one in found)
    return [one for one in found if isinstance(one, Observation)]


def test_an_observation_is_what_the_whole_model_says(
    classifier: Classifier, unknown_pictures: list[Path], cache: Path
) -> None:
    for _ in ("new", "from the cache"):
        for path, one in zip(unknown_pictures, seen(classifier, unknown_pictures), strict=True):
            names = ["scores", "embedding", "novelty"]
            scores, embedding, novelty = classifier.run(path, names)
            assert one.digest == hashlib.sha256(path.read_bytes()).hexdigest()
            assert np.array_equal(one.scores, scores)
            assert np.array_equal(one.embedding, embedding)
            assert one.novelty == novelty
            assert one.unknown == classifier.predict(path).unknown
            assert np.allclose(np.exp(one.logits) / np.exp(one.logits).sum(), one.scores, atol=1e-6)


def test_pictures_are_seen_alike_alone_and_beside_others(
    classifier: Classifier, unknown_pictures: list[Path], tmp_path: Path, cache: Path
) -> None:
    """Whatever is beside a picture in its batch, unreadable ones too, its answer is the same."""
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"broken")
    observer = Observer(classifier)
    observer.start()
    alone = {path: observer.observe(path) for path in unknown_pictures}
    for size in (1, 2, 3, 5, 12):
        for batch in batches_of([broken, *unknown_pictures, broken], size):
            found = observer.process(batch)
            assert [isinstance(one, PictureError) for one in found] == [p == broken for p in batch]
            for path, one in zip(batch, found, strict=True):
                if isinstance(one, Observation):
                    assert np.array_equal(one.logits, alone[path].logits)
                    assert np.array_equal(one.scores, alone[path].scores)
                    assert np.array_equal(one.embedding, alone[path].embedding)
                    assert (one.novelty, one.digest) == (alone[path].novelty, alone[path].digest)
    observer.finish()


def test_pixels_are_seen_as_their_file_is(
    classifier: Classifier, unknown_pictures: list[Path], cache: Path
) -> None:
    path = unknown_pictures[0]
    of_file, of_bytes, of_pixels = observe(
        classifier, [path, path.read_bytes(), read_picture(path)]
    )
    assert isinstance(of_file, Observation)
    assert isinstance(of_bytes, Observation)
    assert isinstance(of_pixels, Observation)
    assert of_file.digest == of_bytes.digest
    assert of_pixels.digest == ""
    assert np.array_equal(of_file.scores, of_bytes.scores)
    assert np.array_equal(of_file.scores, of_pixels.scores)


def test_what_cannot_be_read_stands_in_its_place(
    classifier: Classifier, unknown_pictures: list[Path], tmp_path: Path, cache: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_text("<html>")
    found = list(observe(classifier, [unknown_pictures[0], broken, unknown_pictures[1]]))
    assert [isinstance(one, PictureError) for one in found] == [False, True, False]


def test_known_pictures_do_without_the_network(
    classifier: Classifier,
    unknown_pictures: list[Path],
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All that looks at pictures: each is embedded by the first, whichever it is."""
    folder = unknown_pictures[0].parent
    first = seen(classifier, unknown_pictures)
    monkeypatch.setattr("tellapart.backbones.embed.LazySession", None)  # the network's
    again = seen(classifier, unknown_pictures)
    assert [one.scores.tobytes() for one in again] == [one.scores.tobytes() for one in first]
    answers = list(classifier.predict_many(unknown_pictures))
    assert [answer.novelty for answer in answers] == [one.novelty for one in first]
    assert suggest(classifier, folder, 3).looked_at == len(unknown_pictures)
    gaps = find_gaps(classifier, folder)
    looked_at = len(gaps.tested.names) if gaps.tested else 0
    assert looked_at + len(gaps.unknown) == len(unknown_pictures)
    labelled = folder.parent / "labelled" / classifier.labels[0]
    labelled.mkdir(parents=True)
    for path in unknown_pictures:
        (labelled / path.name).write_bytes(path.read_bytes())
    assert len(evaluate(classifier, labelled.parent).evaluation.names) == 12
    assert "onnxruntime" in sys.modules  # the end of the model is run


def test_what_was_learnt_from_is_known(
    heroes: DemoPictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model knows its pictures by what its network is, so training and looking share a cache."""
    classifier = train(heroes.photos, quality="fast", test=0).classifier
    monkeypatch.setattr("tellapart.backbones.embed.LazySession", None)
    paths = sorted(heroes.photos.rglob("*.jpg"))[:8]
    record = classifier.required_record()
    rows = {digest: row for row, digest in enumerate(record.digests)}
    for one in seen(classifier, paths):
        assert np.array_equal(one.embedding, record.vectors[rows[one.digest]])
