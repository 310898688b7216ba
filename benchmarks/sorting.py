"""How fast `sort` is against the bare network, and whether its memory grows with the pictures.

Sorts copies of every second picture of `heroes` and `flowers`, each made distinct by a number
after the end of its data, with a model of `--quality fast`. The whole process counts: start,
reading, decoding, resizing, network, copying, journal. The bare network has its pixels ready
(`bare.py`); the share that it would have if a picture were also decoded and brought to its size,
and nothing else done, is what a sort could come to at most.
"""

from __future__ import annotations

import json
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path
from statistics import median

from measure import Process, arguments, machine, print_table, run, tellapart

TIMED = 2000
FEW, MANY = 500, 5000
SHARE = 0.85  # of the bare network's pictures a second
GROWTH = 1.05  # memory that differs by less is the same


def fill(inbox: Path, data: Path, count: int) -> Path:
    """Write `count` distinct pictures."""
    inbox.mkdir()
    sources = sorted(path for kind in ("heroes", "flowers") for path in (data / kind).rglob("*.*"))
    sources = sources[::2]  # no more than FEW: every inbox holds them all, the largest too
    for number, source in enumerate(islice(cycle(sources), count)):
        mark = f"{number}".encode()
        (inbox / f"{number:05}{source.suffix}").write_bytes(source.read_bytes() + mark)
    return inbox


def sort(model: Path, inbox: Path) -> Process:
    """Sort into a fresh folder beside the inbox, which is removed."""
    with tempfile.TemporaryDirectory(dir=inbox.parent) as folder:
        return tellapart("sort", model, inbox, Path(folder, "sorted"), cache=Path(folder, "cache"))


def bare(inbox: Path) -> dict[str, float]:
    """Pictures a second of the bare network, in the faster of two ways, and the share of that rate
    which is left once pictures are decoded and resized as well."""
    output = run([sys.executable, Path(__file__).with_name("bare.py"), inbox]).output
    floor = json.loads(output)
    seconds = min(floor["on_all_cores"], floor["one_a_core"])
    with_pixels = floor["decoding"] + floor["from_decoded"]
    return {"rate": floor["pictures"] / seconds, "at most": seconds / with_pixels}


def main() -> None:
    options = arguments(__doc__).parse_args()
    with machine(), tempfile.TemporaryDirectory() as folder:
        work, data = Path(folder), options.data
        model = work / "model"
        photos = data / "heroes" / "train"
        tellapart("train", photos, "-o", model, "--quality", "fast", cache=work / "cache")
        inboxes = {n: fill(work / f"inbox-{n}", data, n) for n in (FEW, TIMED, MANY)}
        rates, most, sorted_rates, few, many = [], [], [], [], []
        for _ in range(options.runs):
            floor = bare(inboxes[FEW])
            rates.append(floor["rate"])
            most.append(floor["at most"])
            sorted_rates.append(TIMED / sort(model, inboxes[TIMED]).seconds)
            few.append(sort(model, inboxes[FEW]).peak)
            many.append(sort(model, inboxes[MANY]).peak)
        share = median(mine / theirs for mine, theirs in zip(sorted_rates, rates, strict=True))
        growth = median(more / less for more, less in zip(many, few, strict=True))
        print_table(
            ["sort", f"median of {options.runs}", "target", "met"],
            [
                ["bare network on pixels, pictures a second", f"{median(rates):.0f}", "", ""],
                [f"sort of {TIMED}, pictures a second", f"{median(sorted_rates):.0f}", "", ""],
                [
                    "the same as a share of the bare network",
                    f"{share:.1%}",
                    f">= {SHARE:.0%}",
                    "yes" if share >= SHARE else "NO",
                ],
                ["what decoding and resizing leave of it", f"{median(most):.1%}", "", ""],
                [f"peak memory for {FEW} pictures, MB", f"{median(few):.0f}", "", ""],
                [f"peak memory for {MANY} pictures, MB", f"{median(many):.0f}", "", ""],
                [
                    f"{MANY} against {FEW}",
                    f"{growth:.2f}",
                    f"<= {GROWTH:.2f}",
                    "yes" if growth <= GROWTH else "NO",
                ],
            ],
        )


if __name__ == "__main__":
    main()
