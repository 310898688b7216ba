"""What mending in the studio takes: 300 and 5,000 drawn pictures of 10 labels, quality `fast`.

The studio has trained, so that embeddings are known. Then: seconds from opening Mend to its cards,
beside those of a whole `tellapart check` on the same pictures; of one decision, milliseconds until
it is written and the next card may be answered, and until the training after it has told the score;
and the same for undo.

    python benchmarks/studio_mending.py [--pictures 300 5000]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from checking import draw
from measure import machine, print_table, run

DECISIONS = 8
Ask = Callable[..., Any]


@contextmanager
def studio(photos: Path, environment: Mapping[str, str]) -> Iterator[Ask]:
    """A studio on a folder, to be asked as its page does."""
    command = [sys.executable, "-m", "tellapart", "studio", str(photos)]
    command += ["--no-open", "--quality", "fast"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )
    assert process.stdout
    address, _, token = process.stdout.readline().strip().partition("/?token=")

    def ask(path: str, body: object = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {token}"}
        asked = urllib.request.Request(address + path, content, headers)
        with urllib.request.urlopen(asked) as answer:
            return json.loads(answer.read())

    try:
        yield ask
    finally:
        process.terminate()
        process.wait()


def until(ask: Ask, path: str, holds: Callable[[Any], object]) -> tuple[Any, float]:
    """The answer once something holds of it, and the seconds until then."""
    begun = time.perf_counter()
    while not holds(found := ask(path)):
        time.sleep(0.02)
    return found, time.perf_counter() - begun


def told(found: Any) -> bool:
    return found["checked"] is not None and not found["doing"]


def trained(state: Any) -> bool:
    return not (state["training"]["doing"] or state["training"]["waiting"])


def timed(ask: Ask, path: str, body: object) -> tuple[float, float]:
    """Milliseconds until something is answered, and until the score that it has made is told."""
    last = ask("/api/state")["training"]["round"]
    begun = time.perf_counter()
    ask(path, body)
    answered = time.perf_counter() - begun
    until(ask, "/api/state", lambda state: trained(state) and state["training"]["round"] > last)
    return 1000 * answered, 1000 * (time.perf_counter() - begun)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, nargs="+", default=[300, 5_000])
    asked = parser.parse_args()
    rows = []
    with machine():
        for pictures in asked.pictures:
            with tempfile.TemporaryDirectory() as name:
                photos, known = Path(name, "photos"), {"XDG_CACHE_HOME": str(Path(name, "cache"))}
                draw(photos, 10, pictures)
                rows.append([f"{pictures:,}", *measured(photos, known)])
    heads = ["pictures", "cards s", "check s", "cards", "decided ms", "score ms"]
    print_table([*heads, "undone ms", "score ms"], rows)


def measured(photos: Path, known: Mapping[str, str]) -> list[str]:
    decided, undone = [], []
    with studio(photos, {**os.environ, **known}) as ask:
        until(ask, "/api/state", lambda state: state["training"].get("value") is not None)
        until(ask, "/api/state", trained)
        found, cards = until(ask, "/api/mend", told)
        command: list[str | Path] = [sys.executable, "-m", "tellapart", "check", photos]
        check = run([*command, "--quality", "fast", "--json", "--quiet"], known)
        for card in [one for one in found["cards"] if one["answers"]][:DECISIONS]:
            answer = card["answers"][0]
            decided.append(timed(ask, "/api/mend/decide", {**answer, "key": card["key"]}))
            undone.append(timed(ask, "/api/undo", {}))
    times = [median(column) for column in (*zip(*decided, strict=True), *zip(*undone, strict=True))]
    return [
        f"{cards:.1f}",
        f"{check.seconds:.1f}",
        f"{found['to_answer']:,}",
        *(f"{one:.0f}" for one in times),
    ]


if __name__ == "__main__":
    main()
