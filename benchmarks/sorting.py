"""How fast `sort` is against the bare network, and whether its memory grows with the pictures.

Sorts copies of every second picture of `heroes` and `flowers`, each made distinct by a number
after the end of its data, with a model of `--quality fast`. The whole process counts: start,
reading, decoding, resizing, network, copying, journal. The bare network has its pixels ready
(`bare.py`); the bare loop decodes each picture too, and does nothing else. The share of it that
sort reaches is printed for those small pictures and for pictures of 12 megapixels (`phone.py`).
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
PHONE = 300  # pictures of 12 megapixels
SHARE = 0.85  # of the bare network's pictures a second
LOOP_SHARE, PHONE_SHARE = 0.80, 0.90  # of the bare loop's, of small pictures and of large ones
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
    """Pictures a second of the bare network, in the faster of two ways, and of the bare loop, and
    the share of the network's rate which is left once pictures are decoded and resized as well."""
    output = run([sys.executable, Path(__file__).with_name("bare.py"), inbox]).output
    floor = json.loads(output)
    seconds = min(floor["on_all_cores"], floor["one_a_core"])
    with_pixels = floor["decoding"] + floor["from_decoded"]
    return {
        "rate": floor["pictures"] / seconds,
        "loop": floor["pictures"] / floor["bare_loop"],
        "at most": seconds / with_pixels,
    }


def met(value: float, target: float) -> list[str]:
    """A share, what it should be at least, and whether it is."""
    return [f"{value:.1%}", f">= {target:.0%}", "yes" if value >= target else "NO"]


def main() -> None:
    options = arguments(__doc__).parse_args()
    with machine(), tempfile.TemporaryDirectory() as folder:
        work, data = Path(folder), options.data
        model = work / "model"
        photos = data / "heroes" / "train"
        tellapart("train", photos, "-o", model, "--quality", "fast", cache=work / "cache")
        inboxes = {n: fill(work / f"inbox-{n}", data, n) for n in (FEW, TIMED, MANY)}
        phone = work / "phone"
        run([sys.executable, Path(__file__).with_name("phone.py"), photos, phone, f"{PHONE}"])
        rates, loops, most, sorted_rates, few, many = [], [], [], [], [], []
        phone_loops, phone_rates = [], []
        for _ in range(options.runs):
            floor = bare(inboxes[FEW])
            rates.append(floor["rate"])
            loops.append(floor["loop"])
            most.append(floor["at most"])
            sorted_rates.append(TIMED / sort(model, inboxes[TIMED]).seconds)
            phone_loops.append(bare(phone)["loop"])
            phone_rates.append(PHONE / sort(model, phone).seconds)
            few.append(sort(model, inboxes[FEW]).peak)
            many.append(sort(model, inboxes[MANY]).peak)
        share = median(mine / theirs for mine, theirs in zip(sorted_rates, rates, strict=True))
        of_loop = median(mine / all_ for mine, all_ in zip(sorted_rates, loops, strict=True))
        of_phone = median(mine / all_ for mine, all_ in zip(phone_rates, phone_loops, strict=True))
        growth = median(more / less for more, less in zip(many, few, strict=True))
        print_table(
            ["sort", f"median of {options.runs}", "target", "met"],
            [
                ["bare network on pixels, pictures a second", f"{median(rates):.0f}", "", ""],
                [f"sort of {TIMED}, pictures a second", f"{median(sorted_rates):.0f}", "", ""],
                ["the same as a share of the bare network", *met(share, SHARE)],
                ["bare loop, pictures a second", f"{median(loops):.0f}", "", ""],
                ["sort as a share of the bare loop", *met(of_loop, LOOP_SHARE)],
                ["bare loop, 12 megapixels", f"{median(phone_loops):.0f}", "", ""],
                [f"sort of {PHONE}, 12 megapixels", f"{median(phone_rates):.0f}", "", ""],
                ["the same as a share of the bare loop", *met(of_phone, PHONE_SHARE)],
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
