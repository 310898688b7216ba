"""How much of the bare network `tellapart serve` leaves to those who ask it over HTTP.

In one run, in turn: a bare loop that decodes the same files and runs ONNX Runtime (`bare_serving`),
`tellapart serve`, and with `--rivals PYTHON` servers of the usual kind (`usual_servers`). Each is
asked by a client of our own (`knocking`), which runs on the same cores; what it costs is counted
too. First in a closed loop at 1, 4, 16 and 64 connections; then ours in an open loop at 0.5, 0.8, 1
and 2 times its capacity; then for `--minutes N` at 16 connections, for its memory.

Pictures a second mean nothing on a machine that does something else. "core ms" are milliseconds of
processor time for a picture, of a server's processes with all their threads, and the share is of
those: what the bare loop takes over what the server and the client take together.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from measure import arguments, machine, print_table, run, tellapart

from tellapart.workers.local import cores

HERE = Path(__file__).parent
CONNECTIONS = (1, 4, 16, 64)
LOADS = (0.5, 0.8, 1.0, 2.0)
GOAL = 0.85  # of the bare loop, at 16 connections
HELD = 64 + cores()  # pictures that a server holds
RIVALS = ("fastapi", "litserve", "bentoml")
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Server:
    """A server that runs, with all its processes."""

    def __init__(self, process: subprocess.Popen[str], port: int, path: str, field: str) -> None:
        self.process, self.port, self.path, self.field = process, port, path, field

    def _processes(self) -> list[Path]:
        found, new = [], [self.process.pid]
        while new:
            process = new.pop()
            found.append(Path(f"/proc/{process}"))
            for task in Path(f"/proc/{process}/task").glob("*/children"):
                new += map(int, task.read_text().split())
        return found

    def cpu(self) -> float:
        """Seconds of processor time until now."""
        ticks = 0
        for process in self._processes():
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / _TICK

    def memory(self) -> float:
        """Resident, of all processes, in MB."""
        pages = [int((p / "statm").read_text().split()[1]) for p in self._processes()]
        return sum(pages) * _PAGE / 1e6

    def knock(self, pictures: Path, seconds: float, *how: object) -> dict[str, Any]:
        """Ask it; what the client saw, and what it cost."""
        before = self.cpu()
        told = run(
            [
                *(sys.executable, HERE / "knocking.py", str(self.port), self.path, pictures),
                *("--field", self.field, "--seconds", str(seconds), *map(str, how)),
            ]
        )
        found: dict[str, Any] = json.loads(told.output)
        found["count"] = count = sum(found["statuses"].values())
        found["answered"] = found["statuses"].get("200", 0)
        found["core_ms"] = 1000 * (self.cpu() - before) / max(1, found["answered"])
        found["client_ms"] = 1000 * found["cpu"] / max(1, count)
        return found


@contextmanager
def started(
    command: list[object], path: str, field: str, port: int = 0, env: Mapping[str, str] = {}
) -> Iterator[Server]:
    """A server in a session of its own, which ends with it."""
    with tempfile.TemporaryFile("w") as log:
        process = subprocess.Popen(
            list(map(str, command)),
            stdout=subprocess.PIPE if not port else log,
            stderr=log,
            text=True,
            env={**os.environ, **env},
            start_new_session=True,
        )
        try:
            if not port:
                assert process.stdout
                port = int(process.stdout.readline().rpartition(":")[2])
            yield Server(process, port, path, field)
        finally:
            for number in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(process.pid, number)
                    process.wait(10)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    pass


def ours(model: Path, *more: object) -> Any:
    command = [Path(sys.executable), "-m", "tellapart", "serve", model, "--port", 0, *more]
    return started(command, "/v1/guess", "")


def rival(python: Path, kind: str, model: Path) -> Any:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1] % 10_000 + 20_000  # not one that a client may be given
    command = [python, HERE / "usual_servers.py", kind, port]
    return started(command, "/predict", "picture", port, {"MODEL": str(model), "KIND": kind})


def answers(server: Server, picture: bytes, patience: float = 60) -> bool:
    """Whether it comes to answer."""
    begin = time.monotonic()
    boundary, kind = b"b", "application/octet-stream"
    if server.field:
        kind = "multipart/form-data; boundary=b"
        head = b'--b\r\nContent-Disposition: form-data; name="%b"; filename="p.jpg"\r\n'
        picture = (
            head % server.field.encode()
            + b"Content-Type: image/jpeg\r\n\r\n"
            + picture
            + b"\r\n--%b--\r\n" % boundary
        )
    while time.monotonic() - begin < patience and server.process.poll() is None:
        asked = urllib.request.Request(
            f"http://127.0.0.1:{server.port}{server.path}", picture, {"Content-Type": kind}
        )
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                answer.read()
            return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.01)
    return False


def first_answer(model: Path, picture: bytes) -> tuple[float, float]:
    """Seconds from the command to the first answered guess, on the clock and of processor time."""
    begin = time.perf_counter()
    with ours(model) as server:
        assert answers(server, picture)
        return time.perf_counter() - begin, server.cpu()


def bare(model: Path, pictures: Path, seconds: float, *more: str) -> dict[str, dict[str, float]]:
    told = run([sys.executable, HERE / "bare_serving.py", model, pictures, f"{seconds}", *more])
    found: dict[str, dict[str, float]] = json.loads(told.output)
    return found


def ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f}"


def closed(
    model: Path, pictures: Path, rivals: Path | None, seconds: float, runs: int, more: list[str]
) -> tuple[list[list[str]], float]:
    """The rows of the closed loop, and our capacity in pictures a second."""
    one = next(iter(sorted(pictures.iterdir()))).read_bytes()
    kinds: dict[str, Callable[[], Any]] = {"tellapart": partial(ours, model, *more)}
    if rivals:
        kinds |= {kind: partial(rival, rivals, kind, model) for kind in RIVALS}
    floors: list[dict[str, dict[str, float]]] = []
    seen: dict[tuple[str, int], list[dict[str, Any]]] = {}
    memory: dict[str, tuple[float, float]] = {}
    for _ in range(runs):
        for kind, start in kinds.items():
            with start() as server:
                if not answers(server, one):
                    print(f"{kind} did not come to answer, so it has no row.")
                    continue
                before = server.memory()
                for connections in CONNECTIONS:
                    floors.append(bare(model, pictures, seconds))
                    found = server.knock(pictures, seconds, "--connections", connections)
                    found["floor"] = floors[-1]
                    seen.setdefault((kind, connections), []).append(found)
                memory[kind] = (before, server.memory())

    rows = []
    for name in ("one thread", "a thread a core"):
        rates = median(floor[name]["rate"] for floor in floors)
        core = median(floor[name]["cpu_ms"] for floor in floors)
        rows.append([f"bare loop, {name}", "", f"{rates:.0f}", "", f"{core:.2f}", *[""] * 8])
    for (kind, connections), all_of in seen.items():
        rate = median(f["answered"] / f["seconds"] for f in all_of)
        of = median(
            f["answered"] / f["seconds"] / max(floor["rate"] for floor in f["floor"].values())
            for f in all_of
        )
        share = median(
            f["floor"]["a thread a core"]["cpu_ms"] / (f["core_ms"] + f["client_ms"])
            for f in all_of
        )
        refused = sum(f["count"] - f["answered"] for f in all_of)
        rows.append(
            [
                kind,
                f"{connections}",
                f"{rate:.0f}",
                f"{of:.0%}",
                f"{median(f['core_ms'] for f in all_of):.2f}",
                f"{median(f['client_ms'] for f in all_of):.2f}",
                f"{share:.0%}",
                *(ms(median(f[p] for f in all_of)) for p in ("p50", "p95", "p99")),
                f"{refused}",
                *(f"{m:.0f}" for m in memory[kind]),
            ]
        )
    capacity = median(f["answered"] / f["seconds"] for f in seen["tellapart", 16])
    return rows, capacity


def opened(model: Path, pictures: Path, seconds: float, runs: int, more: list[str]) -> None:
    """The open loop, at rates of the capacity that is measured just before each."""
    rows = []
    with ours(model, *more) as server:
        for load in LOADS:
            found = []
            for _ in range(runs):
                at_most = server.knock(pictures, seconds, "--connections", 16)
                capacity = at_most["answered"] / at_most["seconds"]
                told = server.knock(pictures, seconds, "--rate", load * capacity)
                told["limit"] = HELD / capacity  # one picture takes a core longer than that
                found.append(told)
            statuses = {status for told in found for status in told["statuses"]}
            shed = median(1 - told["answered"] / max(1, told["count"]) for told in found)
            rows.append(
                [
                    f"{load:g}",
                    f"{median(told['count'] / told['seconds'] for told in found):.0f}",
                    f"{median(told['answered'] / told['seconds'] for told in found):.0f}",
                    *(ms(median(told[p] for told in found)) for p in ("p50", "p95", "p99")),
                    ms(median(told["limit"] for told in found)),
                    ms(cores() * median(told["limit"] for told in found)),
                    f"{shed:.1%}",
                    ", ".join(sorted(statuses - {"200"})) or "none",
                ]
            )
    heads = ["times capacity", "asked /s", "answered /s", "p50 ms", "p95", "p99"]
    print()
    print_table([*heads, "queue / capacity, ms", "queue x service", "refused", "with"], rows)


def lasting(model: Path, pictures: Path, minutes: float, more: list[str]) -> None:
    """Memory at 16 connections, over so many minutes."""
    rows = []
    with ours(model, *more) as server:
        for part in range(11):
            rows.append([f"{minutes * part / 10:.1f}", f"{server.memory():.1f}"])
            if part < 10:
                server.knock(pictures, 6 * minutes, "--connections", 16)
    print()
    print_table(["minutes", "MB"], rows)


def main() -> None:
    parser = arguments(__doc__, runs=3)
    parser.add_argument("--model", type=Path, help="a model folder; without, `fast` is trained")
    parser.add_argument("--rivals", type=Path, metavar="PYTHON", help="see usual_servers.py")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--minutes", type=float, default=0.0, help="for which memory is watched")
    parser.add_argument("--workers", type=int, default=1, help="of tellapart serve")
    options = parser.parse_args()
    if not Path("/proc/self/statm").exists():
        sys.exit("This reads processor time and memory from /proc: it needs Linux.")
    with machine(), tempfile.TemporaryDirectory() as folder:
        model = options.model or Path(folder, "model")
        if not options.model:
            photos = options.data / "heroes" / "train"
            tellapart("train", photos, "-o", model, "--quality", "fast", cache=Path(folder, "c"))
        pictures = Path(folder, "pictures")
        pictures.mkdir()
        for number, path in enumerate(sorted((options.data / "heroes" / "test").rglob("*.*"))):
            (pictures / f"{number:03}{path.suffix}").write_bytes(path.read_bytes())
        more = ["--workers", str(options.workers)] if options.workers > 1 else []
        rows, _ = closed(model, pictures, options.rivals, options.seconds, options.runs, more)
        heads = ["server", "connections", "pictures /s", "of bare", "core ms", "client's"]
        last = ["p50 ms", "p95", "p99", "not 200", "MB before", "after"]
        print_table([*heads, "share, goal 85 %", *last], rows)
        opened(model, pictures, options.seconds, options.runs, more)
        batches = bare(model, pictures, options.seconds, "batches")
        print()
        print_table(
            ["bare ONNX Runtime", "pictures /s", "core ms"],
            [[name, f"{f['rate']:.0f}", f"{f['cpu_ms']:.2f}"] for name, f in batches.items()],
        )
        one = next(iter(sorted(pictures.iterdir()))).read_bytes()
        begun = [first_answer(model, one) for _ in range(options.runs)]
        print(
            f"\nFirst answer {median(wall for wall, _ in begun):.2f} s after the command "
            f"({median(cpu for _, cpu in begun):.2f} s of processor time); goal: below 1 s."
        )
        if options.minutes:
            lasting(model, pictures, options.minutes, more)


if __name__ == "__main__":
    main()
