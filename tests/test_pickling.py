"""A classifier goes wherever a program sends it: pickled, copied, forked, and to threads."""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from conftest import draw_scene, mostly_slow
from drawn import few_of, model_of
from tellapart import Classifier, PictureError, Prediction, TrainResult, load, train
from tellapart.demo.walk import DemoPictures

COPIES: dict[str, Callable[[Classifier], Classifier]] = {
    "pickle": lambda one: pickle.loads(pickle.dumps(one)),
    "old pickle": lambda one: pickle.loads(pickle.dumps(one, protocol=0)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}
STATES: dict[str, Callable[[Classifier, list[Path]], object]] = {
    "fresh": lambda one, pictures: None,
    "after predict_many": lambda one, pictures: list(one.predict_many(pictures)),
    "after a failure": lambda one, pictures: list(one.predict_many([b""], errors="return")),
    "after predict": lambda one, pictures: one.predict(pictures[0]),
    "after its memory was read": lambda one, pictures: one.training_record,
    "after its digest": lambda one, pictures: one.digest,
}


@pytest.fixture(scope="module")
def pictures(heroes: DemoPictures) -> list[Path]:
    return sorted(heroes.kept_back.rglob("*.jpg"))[:4]


@pytest.fixture(scope="module")
def expected(heroes: DemoPictures, pictures: list[Path]) -> list[Prediction]:
    classifier = load(model_of(heroes))
    return [classifier.predict(path) for path in pictures]


@pytest.fixture
def classifier(heroes: DemoPictures) -> Classifier:
    return load(model_of(heroes))


@pytest.mark.parametrize("state", mostly_slow(STATES, 3))
@pytest.mark.parametrize("way", COPIES)
def test_a_copy_in_any_state_answers_alike(
    way: str,
    state: str,
    classifier: Classifier,
    pictures: list[Path],
    expected: list[Prediction],
) -> None:
    STATES[state](classifier, pictures)
    twin = COPIES[way](classifier.admitting(0.95))
    assert (twin.manifest, twin.admit) == (classifier.manifest, 0.95)
    twin = COPIES[way](classifier)
    assert [twin.predict(path) for path in pictures] == expected
    assert list(twin.predict_many(pictures)) == expected
    assert twin.required_record().names == classifier.required_record().names
    assert [classifier.predict(path) for path in pictures] == expected


@pytest.mark.parametrize("read", [False, True])
def test_a_copy_keeps_what_was_read_when_the_folder_moves(
    read: bool, heroes: DemoPictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(model_of(heroes), tmp_path / "here" / "heroes")
    monkeypatch.chdir(tmp_path / "here")
    classifier = load("heroes")
    monkeypatch.chdir(tmp_path)  # a relative path would now lead elsewhere
    twin = pickle.loads(pickle.dumps(classifier))
    assert twin.training_record.names == classifier.required_record().names
    if not read:
        classifier = load("here/heroes")
    (tmp_path / "here" / "heroes").rename(tmp_path / "there")
    twin = pickle.loads(pickle.dumps(classifier))
    assert twin.predict(draw_scene()) == classifier.predict(draw_scene())
    assert (twin.training_record is not None) == read


def test_a_result_of_training_is_saved_from_a_copy(
    heroes: DemoPictures, pictures: list[Path], tmp_path: Path
) -> None:
    result = train(few_of(heroes, tmp_path / "photos", 6), quality="fast")
    result.predict(pictures[0])
    twins: list[TrainResult] = [
        pickle.loads(pickle.dumps(result)),
        copy.deepcopy(result),
        copy.copy(result),
    ]
    result.save(tmp_path / "original")
    for number, twin in enumerate(twins):
        assert twin.predict(pictures[0]) == result.predict(pictures[0])
        assert twin.accuracy == result.accuracy
        twin.save(tmp_path / f"copy{number}")
        for file in (tmp_path / "original").iterdir():
            assert (tmp_path / f"copy{number}" / file.name).read_bytes() == file.read_bytes()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # of Python 3.12 and later
@pytest.mark.parametrize("start", multiprocessing.get_all_start_methods())
def test_processes_answer_alike(
    start: str, classifier: Classifier, pictures: list[Path], expected: list[Prediction]
) -> None:
    classifier.predict(pictures[0])  # something is open
    with ProcessPoolExecutor(2, multiprocessing.get_context(start)) as pool:
        answers = pool.map(classifier.predict, pictures)
        assert list(answers) == expected
        wrong = pool.submit(classifier.predict, b"no picture")
        with pytest.raises(PictureError) as caught:
            wrong.result(timeout=60)
    with pytest.raises(PictureError) as here:
        classifier.predict(b"no picture")
    assert (caught.value.message, caught.value.hint) == (here.value.message, here.value.hint)


def test_joblib_answers_alike(
    classifier: Classifier, pictures: list[Path], expected: list[Prediction]
) -> None:
    joblib = pytest.importorskip("joblib")
    classifier.predict(pictures[0])
    for backend in ("loky", "threading"):
        work = joblib.Parallel(2, backend=backend)
        answers = work(joblib.delayed(classifier.predict)(path) for path in pictures)
        assert answers == expected


@pytest.mark.slow
def test_threads_answer_alike_and_may_pickle_meanwhile(
    classifier: Classifier, pictures: list[Path], expected: list[Prediction]
) -> None:
    with ThreadPoolExecutor(8) as pool:
        many = [pool.submit(lambda: list(classifier.predict_many(pictures))) for _ in range(4)]
        one = [pool.submit(classifier.predict, path) for path in pictures]
        copies = [pool.submit(lambda: pickle.loads(pickle.dumps(classifier))) for _ in range(8)]
        assert [answer.result() for answer in one] == expected
        assert all(answers.result() == expected for answers in many)
        assert all(twin.result().predict(pictures[0]) == expected[0] for twin in copies)


FORKS = """
import os, signal, sys, threading
import numpy as np
import tellapart

classifier = tellapart.load(sys.argv[1])
pixels = np.zeros((40, 40, 3), np.uint8)
expected = classifier.predict(pixels)

def work():
    while True:
        classifier.predict(pixels)

for _ in range(2):
    threading.Thread(target=work, daemon=True).start()
wrong = 0
for _ in range(20):
    child = os.fork()
    if not child:
        signal.alarm(10)
        os._exit(classifier.predict(pixels) != expected)
    wrong += os.waitpid(child, 0)[1] != 0
    if wrong:
        break
print(wrong, flush=True)
os._exit(0)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_in_the_midst_of_work_does_not_hang(heroes: DemoPictures) -> None:
    """Another thread may hold a lock of the runtime's just then, which nobody would ever open."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKS, model_of(heroes)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (run.stdout, run.stderr) == ("0\n", "")
