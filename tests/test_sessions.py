"""A model is opened once, and cut down to its answer for those who ask often: the same answers."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import tellapart
from conftest import draw_scene, encoded
from tellapart.backbones import session
from tellapart.backbones.runtime import open_session
from tellapart.model import sessions

PICTURES = [encoded(draw_scene(60 + 9 * n, 80, seed=n)) for n in range(4)]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the files that were opened."""
    sizes: list[int] = []

    def counted(content: bytes) -> object:
        sizes.append(len(content))
        return open_session(content)

    monkeypatch.setattr(session, "open_session", counted)
    return sizes


def test_the_answers_of_a_prepared_model_are_those_of_the_whole(served: Path) -> None:
    whole, prepared = tellapart.load(served), tellapart.load(served).prepare()
    for picture in PICTURES:
        first, second = (c.predict(picture, evidence=True) for c in (whole, prepared))
        assert whole.predict(picture) == prepared.predict(picture) == first == second
        assert first.evidence
        assert second.evidence
        for label, seen in first.evidence.items():
            assert (seen == second.evidence[label]).all()
    assert pickle.loads(pickle.dumps(prepared)).predict(PICTURES[0]) == whole.predict(PICTURES[0])


def test_whatever_is_admitted_a_model_is_opened_once(served: Path, opened: list[int]) -> None:
    classifier = tellapart.load(served).prepare()
    for fraction in (0.95, 1.0, 0.95):
        classifier.admitting(fraction).predict(PICTURES[0])
    assert len(opened) == 1
    assert opened[0] < len(classifier.content)


def test_whoever_asks_often_gets_the_copy_that_is_cut_down(
    served: Path, opened: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "_OFTEN", 3)
    classifier = tellapart.load(served)
    answers = [classifier.predict(PICTURES[0]) for _ in range(5)]
    assert answers.count(answers[0]) == 5
    assert len(opened) == 2
    assert opened[0] == len(classifier.content) > opened[1]


def test_what_is_asked_for_beside_the_answer_comes_of_the_same_run(
    served: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = tellapart.load(served)
    (embedding,), (expected,) = (
        classifier.embed([PICTURES[0]]),
        classifier.predict_many(PICTURES[:1]),
    )
    runs: list[tuple[str, ...]] = []
    run = sessions.Sessions.run

    def counted(self: sessions.Sessions, outputs: Sequence[str], pixels: np.ndarray) -> object:
        runs.append(tuple(outputs))
        return run(self, outputs, pixels)

    monkeypatch.setattr(sessions.Sessions, "run", counted)
    found = classifier.predict(PICTURES[0], evidence=True, embedding=True)
    assert found == expected
    assert found.evidence
    assert found.embedding is not None
    np.testing.assert_allclose(found.embedding, embedding, rtol=1e-3, atol=1e-4)
    assert runs == [("scores", "novelty", "evidence", "embedding")]
    assert expected.embedding is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # of Python 3.12 and later
def test_a_process_that_is_forked_while_the_copy_is_cut_cuts_its_own(
    served: Path, opened: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "_OFTEN", 1)
    cut, cutting, forked = session.beginning, threading.Event(), threading.Event()

    def slowly(content: bytes, *outputs: str) -> bytes:
        cutting.set()
        forked.wait(60)
        return cut(content, *outputs)

    monkeypatch.setattr(sessions, "beginning", slowly)
    classifier = tellapart.load(served)
    thread = threading.Thread(target=classifier.predict, args=(PICTURES[0],))
    thread.start()
    assert cutting.wait(60)
    child = os.fork()
    if not child:
        forked.set()
        classifier.predict(PICTURES[0])
        os._exit(opened != [len(cut(classifier.content, *sessions.ANSWER))])
    forked.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0
