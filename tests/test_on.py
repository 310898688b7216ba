"""`--on`: the same bytes and answers wherever the work runs, whoever is killed meanwhile."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import tellapart
from conftest import draw_scene
from drawn import contents, few_of, model_of, only_sentences, run, run_here
from tellapart.demo.walk import DemoPictures
from tellapart.errors import MissingExtraError, UsageError
from tellapart.workers.places import current_place, place_of, working_on
from tellapart.workers.ray_folder import own_folder

HERE = Path(__file__).parent
FEW = 6


@pytest.fixture(scope="module")
def photos(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return few_of(heroes, tmp_path_factory.mktemp("few") / "photos", FEW)


def own_cache_of(folder: Path, word: str) -> dict[str, str]:
    return {"TELLAPART_CACHE": str(folder / f"cache-{word.partition(':')[0]}")}


@pytest.mark.parametrize("word", ["", "cloud", "processes:0", "processes:x", "rays", "ray://"])
def test_a_word_for_no_place_is_refused(word: str, heroes: DemoPictures, tmp_path: Path) -> None:
    refused = run_here("guess", model_of(heroes), tmp_path, "--on", word)
    assert refused.code == 2
    assert only_sentences(refused.err)
    assert "--on" in refused.err
    with pytest.raises(UsageError, match="on= "):
        tellapart.train(tmp_path, on=word)


def test_without_ray_its_extra_is_named(
    heroes: DemoPictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r'pip install "tellapart\[ray\]"'):
        tellapart.load(model_of(heroes)).test(heroes.photos, on="ray")


def test_where_work_runs_is_said_for_a_block_and_a_thread() -> None:
    assert current_place().name == "threads"
    with working_on("processes:3"):
        assert (current_place().name, current_place().is_far) == ("processes:3", True)
        with working_on(None):
            assert current_place().name == "processes:3"
        with working_on("threads"):
            assert not current_place().is_far
    assert not current_place().is_far


def test_tensorflow_goes_with_threads_alone(photos: Path) -> None:
    with pytest.raises(UsageError, match=r"engine= does not go with on="):
        tellapart.train(photos, on="processes", engine=tellapart.TensorFlow())


def test_evidence_goes_with_threads_alone(heroes: DemoPictures, photos: Path) -> None:
    refused = run_here(
        "guess", model_of(heroes), photos, "--json", "--evidence", "--on", "processes"
    )
    assert (refused.code, "--on" in refused.err) == (2, True)


def test_processes_answer_as_threads_do(heroes: DemoPictures, photos: Path, tmp_path: Path) -> None:
    (photos / "empty.jpg").touch()
    model = model_of(heroes)
    asked = ("guess", model, photos, "-", "--json")
    content = next(photos.rglob("*.jpg")).read_bytes()
    said = [
        run_here(*asked, "--on", word, stdin=content, environment=own_cache_of(tmp_path, word)).out
        for word in ("threads", "processes:2")
    ]
    (photos / "empty.jpg").unlink()
    assert said[0] == said[1]
    assert said[0].count("\n") == 2 * FEW + 2


def test_a_program_in_python_says_it_too(heroes: DemoPictures, photos: Path) -> None:
    classifier = tellapart.load(model_of(heroes))
    pictures = sorted(photos.rglob("*.jpg"))
    far = [*classifier.predict_many(pictures, on="processes:1")]
    assert far == [*classifier.predict_many(pictures)]
    assert current_place().name == "threads"


def commands(photos: Path, model: Path, folder: Path) -> dict[str, tuple[str | Path, ...]]:
    """What each command is asked; what it writes goes into `folder`."""
    return {
        "train": ("train", photos, "-o", folder / "model", "--quality", "fast"),
        "guess": ("guess", model, photos, "--json"),
        "guess --to": ("guess", model, photos, "--to", folder / "answers", "--per-part", "5"),
        "test": ("test", model, photos, "--json"),
        "check": ("check", photos, "--json", "--quality", "fast"),
        "sort": ("sort", model, photos, folder / "sorted"),
    }


def all_of(
    photos: Path, model: Path, folder: Path, word: str, **environment: str
) -> dict[str, object]:
    """What all the commands say and write at a place."""
    found: dict[str, object] = {}
    work = folder / "work"  # named alike, as answers hold names
    work.mkdir(parents=True)
    environment |= own_cache_of(folder, word)
    for name, words in commands(photos, model, work).items():
        done = run(*words, "--on", word, environment=environment)
        assert done.code in (0, 1), (name, done.err)
        if "--json" in words:
            found[name] = done.out
    for path, content in contents(work).items():
        if path.endswith((".onnx", ".txt", ".npz", ".csv", ".jpg")):
            found[path] = content
    return found


@pytest.fixture(scope="module")
def with_threads(
    heroes: DemoPictures, photos: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, object]:
    return all_of(photos, model_of(heroes), tmp_path_factory.mktemp("threads"), "threads")


@pytest.mark.slow
def test_all_commands_give_the_same_bytes_with_processes(
    heroes: DemoPictures, photos: Path, tmp_path: Path, with_threads: dict[str, object]
) -> None:
    found = all_of(photos, model_of(heroes), tmp_path, "processes:2")
    assert found == with_threads
    assert {"model/model.onnx", "answers/part-00002.csv", "sorted/results.csv"} <= found.keys()


@dataclass
class Cluster:
    """A Ray cluster in a process of its own."""

    process: subprocess.Popen[str]
    address: str

    def remove_a_raylet(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write("remove\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "removed\n"


@pytest.fixture
def cluster() -> Iterator[Callable[[int], Cluster]]:
    pytest.importorskip("ray")
    made: list[Cluster] = []

    def of(count: int) -> Cluster:
        process = subprocess.Popen(
            [sys.executable, HERE / "ray_cluster.py", str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert process.stdout
        made.append(Cluster(process, process.stdout.readline().strip()))
        assert made[-1].address
        return made[-1]

    yield of
    for one in made:
        one.process.communicate()


@pytest.mark.slow
def test_all_commands_give_the_same_bytes_on_a_cluster(
    heroes: DemoPictures,
    photos: Path,
    tmp_path: Path,
    with_threads: dict[str, object],
    cluster: Callable[[int], Cluster],
) -> None:
    address = cluster(2).address
    assert all_of(photos, model_of(heroes), tmp_path, "ray", RAY_ADDRESS=address) == with_threads


@dataclass
class Driver:
    """A process that embeds pictures at a place; what it has said."""

    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)

    def until(self, word: str, least: int = 0) -> str:
        """Read on until it says a word, with a number that is not less."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.said.append(line.strip())
            first, _, rest = line.strip().partition(" ")
            if first == word and (not least or int(rest) >= least):
                return rest
        raise AssertionError(self.said[-5:])

    def lost(self) -> list[str]:
        return [line for line in self.said if line.startswith("lost")]


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[Callable[..., Driver]]:
    """A function that has pictures embedded at a place, by a process of its own."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for seed in range(COUNT):
        draw_scene(64, 48, seed=seed).save(folder / f"{seed:04d}.png", compress_level=1)
        os.utime(folder / f"{seed:04d}.png", (1e9, 1e9))
    (folder / f"{COUNT // 2:04d}.png").write_bytes(b"<html>")
    started: list[subprocess.Popen[str]] = []

    def start(word: str, cache: str, **environment: str) -> Driver:
        process = subprocess.Popen(
            [sys.executable, HERE / "far_driver.py", folder, tmp_path / cache, word],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        )
        started.append(process)
        return Driver(process)

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()


COUNT = 1200


def workers_of(address: str) -> list[int]:
    """The processes of the actors of ours that are at work."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().startswith(b"ray::_Actor"):
                found.append(int(path.parent.name))
        except OSError:  # it has gone
            continue
    return found


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self"), reason="needs /proc")
def test_whoever_is_killed_what_comes_out_is_what_threads_give(
    drive: Callable[..., Driver], cluster: Callable[[int], Cluster]
) -> None:
    expected = drive("threads", "threads").until("hash")
    own = cluster(3)
    where = {"RAY_ADDRESS": own.address}

    driver = drive("ray", "far", **where)
    driver.until("done", 1)
    os.kill(workers_of(own.address)[0], signal.SIGKILL)
    driver.until("lost")
    driver.until("done", 200)
    own.remove_a_raylet()
    driver.until("lost")
    done = int(driver.until("done", 500))
    driver.process.kill()  # the driver, and it is run again
    driver.process.wait()

    again = drive("ray", "far", **where)
    known = int(again.until("known"))
    assert again.until("hash") == expected
    assert done - 32 <= known <= COUNT
    assert again.lost() == []
    words = {line.partition(" ")[0] for line in driver.said + again.said}
    assert words == {"done", "lost", "known", "hash"}, "Ray prints nothing"
    until = time.monotonic() + 60
    while workers_of(own.address):
        assert time.monotonic() < until, "no actor outlives its driver"
        time.sleep(0.2)


@pytest.mark.slow
@pytest.mark.parametrize(("how", "address"), [(signal.SIGINT, ""), (signal.SIGKILL, "local")])
def test_a_cluster_of_this_machine_ends_with_its_command(
    how: signal.Signals, address: str, drive: Callable[..., Driver]
) -> None:
    pytest.importorskip("ray")
    driver = drive("ray", "far", RAY_ADDRESS=address)
    driver.until("done", 1)
    of_ray = children_of(driver.process.pid)
    assert len(of_ray) >= 3
    (folder,) = {folder for number in of_ray for folder in folders_of(number)}
    assert folder.is_dir()
    driver.process.send_signal(how)
    driver.process.wait(60)
    # A killed command ends none of Ray's own helpers, which look for their raylet now and then.
    until = time.monotonic() + (200 if how == signal.SIGKILL else 10)
    while any(is_alive(number) for number in of_ray):
        assert time.monotonic() < until, [
            Path(f"/proc/{number}/cmdline").read_bytes() for number in of_ray if is_alive(number)
        ]
        time.sleep(0.2)
    if how == signal.SIGKILL:  # what it has left is deleted by the next
        drive("ray", "far", RAY_ADDRESS="").until("hash")
    assert not folder.exists()


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_cluster_of_this_machine_that_only_begins_ends_with_its_command(
    how: signal.Signals, heroes: DemoPictures, tmp_path: Path
) -> None:
    pytest.importorskip("ray")
    words = ["guess", model_of(heroes), heroes.inbox, "--to", tmp_path / "out", "--on", "ray"]
    with subprocess.Popen(
        [sys.executable, "-m", "tellapart", *map(str, words)],
        env={**os.environ, "RAY_ADDRESS": ""},
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as command:
        until = time.monotonic() + 60
        while len(of_ray := children_of(command.pid)) < 2:  # its store of names, and its raylet
            assert time.monotonic() < until
            assert command.poll() is None
            time.sleep(0.05)
        command.send_signal(how)
        _, said = command.communicate(timeout=60)
    assert command.returncode == 130
    assert said.startswith(b"Stopped.")
    until = time.monotonic() + 10
    while any(is_alive(number) for number in of_ray):
        assert time.monotonic() < until
        time.sleep(0.2)


class Interrupting:
    """Its end is where Ctrl-C comes, and Python ignores what is raised there, as while it forks."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def test_ctrl_c_that_python_ignores_while_ray_begins_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ray = pytest.importorskip("ray")
    monkeypatch.setenv("RAY_ADDRESS", "local")
    monkeypatch.setattr(ray, "init", lambda *given, **named: Interrupting())
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), place_of("ray"):
            raise AssertionError("it was lost")
    finally:
        signal.signal(signal.SIGINT, before)


def children_of(number: int) -> list[int]:
    """All processes below one."""
    found = []
    for path in Path(f"/proc/{number}/task").glob("*/children"):
        for child in map(int, path.read_text().split()):
            found += [child, *children_of(child)]
    return found


def folders_of(number: int) -> list[Path]:
    """The temporary folders of Ray that a process was begun with."""
    words = Path(f"/proc/{number}/cmdline").read_text()
    return [Path(found) for found in re.findall(r"/[\w/.-]*?/tellapart-ray-\w+", words)]


def is_alive(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.slow
@pytest.mark.parametrize("word", ["ray://127.0.0.1:9", "ray", "ray://nohost.invalid:10001"])
def test_a_cluster_that_is_not_there_is_told(word: str, heroes: DemoPictures, photos: Path) -> None:
    pytest.importorskip("ray")
    refused = run(
        "guess", model_of(heroes), photos, "--on", word,
        environment={"RAY_ADDRESS": "127.0.0.1:9"},
    )  # fmt: skip
    assert refused.code == 2
    assert only_sentences(refused.err)
    place = word if "://" in word else "127.0.0.1:9"
    why = "there is no machine called" if "nohost" in word else "connection refused"
    first, then, *_ = refused.err.splitlines()
    assert first == f"Connecting to the Ray cluster {place}."
    assert then.startswith(f"The Ray cluster {place} cannot be used: {why}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("says", "why"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "who listens there is no Ray."),
        (b"", "it did not answer within 5 seconds."),
    ],
)
def test_who_listens_and_is_no_cluster_is_told(
    says: bytes, why: str, heroes: DemoPictures, photos: Path
) -> None:
    pytest.importorskip("ray")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"ray://127.0.0.1:{server.getsockname()[1]}"
        talking: list[socket.socket] = []

        def talk() -> None:
            talking.append(server.accept()[0])
            talking[0].sendall(says)

        threading.Thread(target=talk, daemon=True).start()
        refused = run("guess", model_of(heroes), photos, "--on", address)
        talking[0].close()
    assert (refused.code, only_sentences(refused.err)) == (2, True)
    assert refused.err.splitlines()[1] == f"The Ray cluster {address} cannot be used: {why}"


def test_places_do_no_harm_where_nothing_is_far() -> None:
    with place_of("threads") as place:
        assert not place.is_far


def test_only_what_a_killed_command_left_is_deleted() -> None:
    pytest.importorskip("fcntl")
    with own_folder() as first:  # names a folder for temporary ones
        place = Path(first).parents[1]
    left, other = (Path(tempfile.mkdtemp(prefix="tellapart-ray-", dir=place)) for _ in range(2))
    (left / "ray" / "session").mkdir(parents=True)
    (other / "results.csv").write_text("path,label\n")
    with own_folder():
        assert not left.exists()
        assert (other / "results.csv").exists()
    shutil.rmtree(other)
