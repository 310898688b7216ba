"""What it takes to mend pictures that were embedded once: check, fix, train.

Copies heroes, puts five pictures of each label into the other's folder, embeds all once, and then
runs whole processes: `check`, `fix` of one picture by its name, `fix --above 0.9`, `train`. In one
process: what telling the accuracy after a decision takes, by the data set.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

from measure import Process, arguments, machine, print_table, run, tellapart

EACH = 5  # pictures of a label that are put into the other folder
SECONDS = 2.0  # that check, fix and train may take together
AT_ONCE = 0.2  # seconds in which the accuracy is told after a decision
AFTER = """
import sys, time
from pathlib import Path
from tellapart.assess.check.checking import looked_at
from tellapart.assess.check.mending import Mend
from tellapart.assess.check.rescoring import accuracy_after
from tellapart.assess.sides import choose_sides
from tellapart.dataset.sources import read_dataset

for folder in sys.argv[1:]:
    looked = looked_at(choose_sides(read_dataset(folder)))
    drop = Mend((looked.name(0),), "drop")
    times = []
    for _ in range(5):
        begin = time.perf_counter(), time.process_time()
        accuracy_after(looked, [drop])
        times.append((time.process_time() - begin[1], time.perf_counter() - begin[0]))
    cpu, wall = sorted(times)[2]
    print(Path(folder).parent.name, len(looked.rows), len(looked.pictures.labels), cpu, wall)
"""


def mixed(folder: Path, data: Path) -> list[str]:
    """Copies with wrong labels, and their names."""
    shutil.copytree(data / "heroes" / "train", folder)
    labels = sorted(path.name for path in folder.iterdir())
    chosen = [(label, sorted((folder / label).iterdir())[7::37][:EACH]) for label in labels]
    names = []
    for (label, paths), other in zip(chosen, reversed(labels), strict=True):
        for path in paths:
            target = folder / other / f"{label}-{path.name}"
            path.rename(target)
            names.append(f"{other}/{target.name}")
    return names


def main() -> None:
    asked = arguments(__doc__).parse_args()
    with machine(), tempfile.TemporaryDirectory() as place:
        photos, cache, model = Path(place, "photos"), Path(place, "cache"), Path(place, "model")
        name = mixed(photos, asked.data)[0]
        label = "elsa" if name.startswith("darth_vader") else "darth_vader"
        steps: dict[str, tuple[str | Path, ...]] = {
            "check": ("check", photos, "-q", "--json"),
            "fix NAME --relabel": ("fix", photos, name, "--relabel", label, "-q"),
            "fix --above 0.9": ("fix", photos, "--above", "0.9", "-q"),
            "train": ("train", photos, "-o", model, "--replace", "-q"),
        }
        first = tellapart(*steps["check"], cache=cache)
        found: dict[str, list[Process]] = {step: [] for step in steps}
        for _ in range(asked.runs):
            for step, command in steps.items():
                found[step].append(tellapart(*command, cache=cache))
            tellapart("fix", photos, "--undo", "all", "-q", cache=cache)
        rows = [["check, first", f"{first.seconds:.2f}", f"{first.cpu_seconds:.2f}"]]
        for step, runs in found.items():
            seconds, cpu = (
                median(getattr(r, of) for r in runs) for of in ("seconds", "cpu_seconds")
            )
            rows.append([step, f"{seconds:.2f}", f"{cpu:.2f}"])
        sums = [
            sum(found[step][at].seconds for step in steps if step != "fix NAME --relabel")
            for at in range(asked.runs)
        ]
        cpus = [
            sum(found[step][at].cpu_seconds for step in steps if step != "fix NAME --relabel")
            for at in range(asked.runs)
        ]
        rows.append(
            [
                f"check, fix, train (at most {SECONDS:.0f})",
                f"{median(sums):.2f}",
                f"{median(cpus):.2f}",
            ]
        )
        print_table(["step", "seconds", "CPU seconds"], rows)
        sets = [asked.data / kind / "train" for kind in ("heroes", "flowers", "clothing")]
        told = run([sys.executable, "-c", AFTER, *sets], {"TELLAPART_CACHE": str(cache)}).output
        lines = [line.split() for line in told.splitlines()]
        print_table(
            ["accuracy after a decision", "pictures", "labels", "CPU seconds", "seconds"],
            [
                [kind, n, k, f"{float(cpu):.3f}", f"{float(wall):.3f}"]
                for kind, n, k, cpu, wall in lines
            ],
        )


if __name__ == "__main__":
    main()
