"""The backbone frozen against fine-tuned, with default settings: how right, how many minutes.

Needs `tellapart[tensorflow]`. All rows are whole processes with a cold cache and `--quality fast`,
tested on the same pictures, which had no say in anything. Where tuning is not better by more than
luck on the validation, the frozen model is what is written, and the row says so.
"""

from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path

from accuracy import percent
from measure import arguments, machine, print_table, tellapart

SETS = ("flowers", "heroes", "clothing", "groceries")
TOGETHER = "together"
WAYS: dict[str, tuple[str, ...]] = {
    "frozen": (),
    "fine-tuned": ("--engine", "tensorflow", "--fine-tune"),
}


def source(data: Path, name: str, folder: Path) -> Path:
    """A folder of pictures, or all of them as one set of 29 labels, in a table."""
    if name != TOGETHER:
        return data / name
    table = folder / "together.csv"
    with table.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "label", "split"])
        for path in sorted(data.glob("*/t*/*/*")):
            whole, split, label, _ = path.relative_to(data).parts
            if whole in SETS and split in ("train", "test"):
                writer.writerow([path, f"{whole} {label}", split])
    return table


def row(data: Path, name: str, way: str, options: tuple[str, ...]) -> list[str]:
    """Train once; what is random in it is seeded."""
    with tempfile.TemporaryDirectory() as folder:
        trained = tellapart(
            *(
                "train",
                source(data, name, Path(folder)),
                "-o",
                Path(folder, "model"),
                "--quality",
                "fast",
            ),
            *("--json", *options),
            cache=Path(folder, "cache"),
        )
    result = json.loads(trained.output)
    held, seen = result["held_out"], result["cross_validated"] or result["validation"]
    kept = "" if way == "frozen" else "yes" if result["validation"] else "no"
    return [
        name,
        way,
        percent(held),
        f"{held['correct']}/{held['n']}",
        f"{held['log_loss']:.3f}",
        percent(seen),
        kept,
        f"{trained.seconds / 60:.1f}",
        f"{trained.peak:,.0f}",
    ]


def main() -> None:
    parser = arguments(__doc__, runs=1)
    parser.add_argument("--sets", nargs="*", default=[*SETS, TOGETHER])
    options = parser.parse_args()
    heads = ["data", "fast", "test", "right", "log loss", "training", "kept", "minutes", "peak, MB"]
    with machine():
        print_table(
            heads,
            [
                row(options.data, name, way, chosen)
                for name in options.sets
                for way, chosen in WAYS.items()
            ],
        )


if __name__ == "__main__":
    main()
