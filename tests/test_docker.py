"""The original's commands: on this machine, and through a Docker that is played.

The played one checks what a real one is asked for, and runs the command here: paths have the same
names inside and outside. No image is built.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from conftest import draw_scene, encoded, mostly_slow
from drawn import few_of
from serving import serving
from tellapart.demo.walk import DemoPictures

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="they are shell scripts")

SCRIPTS = Path(__file__).parents[1] / "docker"
NAMES = ("train.sh", "guess.sh", "guessDir.sh")
LINE = re.compile(r"(dark knight|ice queen) \(score = [01]\.\d{5}\)")
PLAYED_DOCKER = """#!/bin/sh
printf '%s\\n' "$@" >> "$DOCKER_LOG"
case $1 in
info) [ -z "${DOCKER_ASLEEP:-}" ] && echo "[name=seccomp${DOCKER_KIND:-}]"; exit ;;
image) [ -z "${DOCKER_EMPTY:-}" ]; exit ;;
esac
while [ "$1" != tellapart ]; do shift; done
exec "$@"
"""


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `tellapart`, `tellapart-alone`, which finds no TensorFlow, and the tools of a
    small system: what PATH is here."""
    folder = tmp_path_factory.mktemp("bin")
    blind = (
        "import sys; sys.modules['tensorflow'] = None; from tellapart.cli import app; app.main()"
    )
    for name, call in (("tellapart", "-m tellapart"), ("tellapart-alone", f'-c "{blind}"')):
        (folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {call} "$@"\n')
        (folder / name).chmod(0o755)
    for name in ("sh", "cat", "dirname", "grep", "id", "mkdir", "mktemp", "mv", "rm", "sed"):
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    return folder


@pytest.fixture
def with_docker(tools: Path, tmp_path: Path) -> dict[str, str]:
    """Variables for a played Docker."""
    folder = tmp_path / "docker-bin"
    folder.mkdir()
    (folder / "docker").write_text(PLAYED_DOCKER)
    (folder / "docker").chmod(0o755)
    return {
        "PATH": f"{folder}:{tools}",
        "TELLAPART_NO_DOCKER": "",
        "DOCKER_LOG": str(tmp_path / "docker.log"),
    }


def call(
    script: str, *arguments: str | Path, where: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a script in a folder; TELLAPART_NO_DOCKER is set unless it is said otherwise."""
    variables = {**os.environ, "TELLAPART_NO_DOCKER": "1", **environment}
    return subprocess.run(
        [SCRIPTS / script, *arguments],
        cwd=where,
        env=variables,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.fixture(scope="module")
def trained(
    heroes: DemoPictures,
    tools: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A folder that holds `my heroes`, trained without TensorFlow by a relative path, and `in`."""
    here = tmp_path_factory.mktemp("docker") / "a folder, with a comma"
    few_of(heroes, here / "my heroes" / "data", 14)
    (here / "in").mkdir()
    for number, picture in enumerate(sorted(heroes.inbox.iterdir())[:4]):
        shutil.copy(picture, here / "in" / f"picture {number}{picture.suffix}")
    environment = {"PATH": str(tools), "TELLAPART": "tellapart-alone"}
    run = call("train.sh", "my heroes", "--quality", "fast", where=here, environment=environment)
    assert run.returncode == 0, run.stderr
    assert "cross-validated" in run.stdout
    assert "retrained_graph.pb was not written, for want of TensorFlow" in run.stderr
    assert 'pip install "tellapart[tensorflow]"' in run.stderr
    return here


@pytest.mark.slow
def test_training_without_tensorflow_leaves_the_model_and_nothing_half_done(trained: Path) -> None:
    assert {path.name for path in (trained / "my heroes").iterdir()} == {"data", "model"}
    assert (trained / "my heroes" / "model" / "model.onnx").is_file()


@pytest.mark.skipif(find_spec("tensorflow") is None, reason="TensorFlow is not installed")
def test_training_with_tensorflow_leaves_the_originals_files(
    trained: Path,
    tools: Path,
    tmp_path: Path,
) -> None:
    shutil.copytree(trained / "my heroes" / "data", tmp_path / "h" / "data")
    environment = {"PATH": str(tools)}
    run = call("train.sh", "h", "--quality", "fast", where=tmp_path, environment=environment)
    assert run.returncode == 0, run.stderr
    names = {path.name for path in (tmp_path / "h").iterdir()}
    assert names == {"data", "model", "retrained_graph.pb", "retrained_labels.txt"}
    assert (tmp_path / "h" / "retrained_labels.txt").read_text() == "dark knight\nice queen\n"


@pytest.mark.parametrize(
    "folder", mostly_slow(["in/../my heroes", "my heroes/", "./my heroes", "my heroes"], 2)
)
def test_guess_prints_the_originals_lines(trained: Path, tools: Path, folder: str) -> None:
    picture = "in/picture 0.jpg"
    run = call("guess.sh", folder, picture, where=trained, environment={"PATH": str(tools)})
    assert run.returncode == 0, run.stderr
    assert [bool(LINE.fullmatch(line)) for line in run.stdout.splitlines()] == [True, True]


@pytest.mark.slow
def test_guess_takes_absolute_paths_and_pictures_in_the_current_folder(
    trained: Path,
    tools: Path,
) -> None:
    environment = {"PATH": str(tools), "CDPATH": "/"}
    model = trained / "my heroes"
    one = call("guess.sh", model, "picture 0.jpg", where=trained / "in", environment=environment)
    other = call(
        "guess.sh", model, trained / "in" / "picture 0.jpg", where=tools, environment=environment
    )
    assert one.stdout == other.stdout != ""


@pytest.mark.slow
def test_sorting_makes_the_folder_and_names_the_copies(
    trained: Path,
    tools: Path,
    tmp_path: Path,
) -> None:
    out = Path(os.path.relpath(tmp_path / "deep" / "out put", trained))
    environment = {"PATH": str(tools)}
    run = call("guessDir.sh", "my heroes", "in", out, where=trained, environment=environment)
    assert run.returncode == 0, run.stderr
    names = [path.name for path in (trained / out).glob("*.jpg")]
    assert len(names) == 4
    assert all(re.fullmatch(r"(dark_knight|ice_queen)-[01]\.\d{5}\.jpg", name) for name in names)
    assert len(list((trained / "in").iterdir())) == 4


@pytest.mark.parametrize(
    ("script", "arguments", "said"),
    [
        ("train.sh", [], "Usage: train.sh DIR [OPTIONS OF tellapart train]"),
        ("guess.sh", ["my heroes"], "Usage: guess.sh DIR IMAGE"),
        ("guess.sh", ["my heroes", "a", "b"], "Usage: guess.sh DIR IMAGE"),
        ("guessDir.sh", ["my heroes", "in"], "Usage: guessDir.sh DIR IN OUT"),
        ("train.sh", ["nowhere"], "There is no folder nowhere."),
        ("train.sh", [""], "There is no folder ."),
        ("train.sh", ["in"], "There is no folder {here}/in/data."),
        ("guess.sh", ["in", "in/picture 0.jpg"], "There is no model in {here}/in."),
        ("guess.sh", ["my heroes", "in/nothing.jpg"], "There is no file in/nothing.jpg."),
        ("guess.sh", ["my heroes", "in"], "There is no file in."),
        ("guessDir.sh", ["my heroes", "nowhere", "out"], "There is no folder nowhere."),
    ],
)
def test_wrong_arguments_are_told_in_a_line(
    trained: Path,
    tools: Path,
    script: str,
    arguments: list[str],
    said: str,
) -> None:
    run = call(script, *arguments, where=trained, environment={"PATH": str(tools)})
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr.startswith(said.format(here=trained))
    assert not (trained / "out").exists()


@pytest.mark.slow
def test_what_tellapart_refuses_is_passed_on(trained: Path, tools: Path) -> None:
    environment = {"PATH": str(tools)}
    run = call("guessDir.sh", "my heroes", "in", "in", where=trained, environment=environment)
    assert run.returncode == 2
    assert "cannot be sorted into itself" in run.stderr
    run = call("train.sh", "my heroes", "--quality", "x", where=trained, environment=environment)
    assert run.returncode == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"PATH": "{tools}"}, "Docker is not installed."),
        ({"DOCKER_ASLEEP": "1"}, "Docker does not answer"),
        ({"DOCKER_EMPTY": "1"}, "There is no image tellapart yet."),
        ({"TELLAPART_NO_DOCKER": "1", "TELLAPART": "nonesuch"}, "There is no command nonesuch."),
    ],
)
def test_what_is_missing_is_told_before_anything_is_done(
    trained: Path,
    tools: Path,
    with_docker: dict[str, str],
    change: dict[str, str],
    said: str,
) -> None:
    environment = {
        **with_docker,
        **{key: value.format(tools=tools) for key, value in change.items()},
    }
    for script, more in (("train.sh", []), ("guess.sh", ["in/picture 0.jpg"])):
        run = call(script, "my heroes", *more, where=trained, environment=environment)
        assert run.returncode == 2
        assert run.stderr.startswith(said)
        assert run.stdout == ""
        assert "TELLAPART" in run.stderr  # how to do without


@pytest.mark.slow
def test_a_container_has_no_network_and_sees_what_it_needs(
    trained: Path, with_docker: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / 'a "quoted" place'
    run = call("guessDir.sh", "my heroes", "in", out, where=trained, environment=with_docker)
    assert run.returncode == 0, run.stderr
    assert len(list(out.glob("*.jpg"))) == 4
    asked = Path(with_docker["DOCKER_LOG"]).read_text().splitlines()
    options = asked[asked.index("run") :]
    for option in ("--network\nnone", "--read-only", "--cap-drop\nALL", "--tmpfs\n/tmp"):
        assert f"\n{option}\n" in "\n".join(options)
    assert f"{os.getuid()}:{os.getgid()}" == options[options.index("--user") + 1]
    mounts = [line for line in options if line.startswith("type=bind")]
    model, inbox = trained / "my heroes" / "model", trained / "in"
    quoted = str(out).replace('"', '""')
    assert mounts == [
        f'type=bind,"source={model}","target={model}",readonly',
        f'type=bind,"source={inbox}","target={inbox}",readonly',
        f'type=bind,"source={quoted}","target={quoted}"',
    ]


@pytest.mark.slow
def test_a_container_trains_and_keeps_its_bottlenecks_beside_the_pictures(
    trained: Path, with_docker: dict[str, str], tmp_path: Path
) -> None:
    shutil.copytree(trained / "my heroes" / "data", tmp_path / "h" / "data")
    environment = {**with_docker, "DOCKER_KIND": ",name=rootless"}
    run = call("train.sh", "h", "--quality", "fast", where=tmp_path, environment=environment)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "h" / "model" / "model.onnx").is_file()
    asked = Path(with_docker["DOCKER_LOG"]).read_text().splitlines()
    assert asked[asked.index("--user") + 1] == "0:0"
    assert asked[asked.index("--env") + 1] == f"TELLAPART_CACHE={tmp_path}/h/bottlenecks"
    assert f'type=bind,"source={tmp_path}/h/data","target={tmp_path}/h/data",readonly' in asked
    if find_spec("tensorflow") is None:
        assert "--build-arg EXTRAS=tensorflow-cpu" in run.stderr


@pytest.mark.slow
def test_an_older_graph_is_named_where_no_new_one_is_written(
    trained: Path,
    tools: Path,
    tmp_path: Path,
) -> None:
    shutil.copytree(trained / "my heroes", tmp_path / "h")
    (tmp_path / "h" / "retrained_graph.pb").write_bytes(b"old")
    environment = {"PATH": str(tools), "TELLAPART": "tellapart-alone"}
    run = call("train.sh", "h", "--quality", "fast", where=tmp_path, environment=environment)
    assert run.returncode == 0, run.stderr
    assert "is of an earlier training" in run.stderr
    assert (tmp_path / "h" / "retrained_graph.pb").read_bytes() == b"old"


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_the_scripts_are_sound() -> None:
    command = ["shellcheck", "-x", "-P", "SCRIPTDIR", *NAMES]
    run = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


def test_the_image_is_not_root_and_holds_only_what_it_needs() -> None:
    lines = (SCRIPTS / "Dockerfile").read_text().splitlines()
    assert "USER 1000:1000" in lines
    extras = re.findall(r"^ARG EXTRAS=(.+)$", "\n".join(lines), re.MULTILINE)
    project = (SCRIPTS.parent / "pyproject.toml").read_text()
    assert [f"\n{extra} = [" in project for extra in extras] == [True]
    copied = [line for line in lines if line.startswith("COPY") and "--from" not in line]
    allowed = (SCRIPTS / "Dockerfile.dockerignore").read_text().splitlines()
    names = {name for line in copied for name in line.split()[1:-1]}
    assert {f"!{name}" for name in names} <= set(allowed)
    assert allowed[0] == "*"


@pytest.mark.parametrize("name", ["compose.yaml", "compose-page.yaml"])
def test_what_is_served_is_not_root_and_writes_nowhere(name: str) -> None:
    (service,) = yaml.safe_load((SCRIPTS / name).read_text())["services"].values()
    assert service["user"] == "1000:1000"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(volume["read_only"] for volume in service["volumes"])
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a container runs Linux")
def test_the_container_serves_a_model_and_its_health_check_says_so(
    served: Path, tmp_path: Path
) -> None:
    """Its own command and health check, run here: on a free port of this computer, with the paths
    of this computer."""
    described = yaml.safe_load((SCRIPTS / "compose.yaml").read_text())
    service = described["services"]["serve"]
    assert service["secrets"] == list(described["secrets"]) == ["token"]
    (tmp_path / "token").write_text("0123456789abcdef0123456789abcdef\n")
    places = {
        "/models/${MODEL:-heroes}": str(served),
        "--host=0.0.0.0": "--host=127.0.0.1",
        "--token-file=/run/secrets/token": f"--token-file={tmp_path / 'token'}",
    }
    assert places.keys() <= set(service["command"])
    arguments = [places.get(one, one) for one in service["command"][1:]]
    health = service["healthcheck"]["test"]
    assert health[:2] == ["CMD", "python3"]
    with serving(tmp_path, *arguments) as server:
        picture = encoded(draw_scene())
        assert server.ask("/v1/guess", picture).status == 401
        token = {"Authorization": f"Bearer {(tmp_path / 'token').read_text().strip()}"}
        assert server.ask("/v1/guess", picture, headers=token).status == 200
        checks = [sys.executable, *health[2:-1], health[-1].replace(":8000", f":{server.port}")]
        assert subprocess.run(checks).returncode == 0
    assert subprocess.run(checks, stderr=subprocess.DEVNULL).returncode != 0
