"""The backbone frozen against fine-tuned, on `flowers`: how right, and how many minutes.

Needs `tellapart[tensorflow]`. All rows are whole processes with a cold cache and `--quality fast`,
tested on the same pictures, which had no say in anything.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from accuracy import percent
from measure import arguments, machine, print_table, tellapart

FINE_TUNE = ("--fine-tune", "6", "--validation", "20%", "--flip-left-right")
WAYS = {
    "frozen, exact head": (),
    "frozen, TensorFlow, 4000 steps": ("--engine", "tensorflow"),
    "fine-tuned": ("--engine", "tensorflow", *FINE_TUNE),
}


def row(data: Path, way: str, options: tuple[str, ...]) -> list[str]:
    """Train once; what is random in it is seeded."""
    with tempfile.TemporaryDirectory() as folder:
        trained = tellapart(
            *("train", data / "flowers", "-o", Path(folder, "model"), "--quality", "fast"),
            *("--json", *options),
            cache=Path(folder, "cache"),
        )
    result = json.loads(trained.output)
    held, seen = result["held_out"], result["cross_validated"] or result["validation"]
    return [
        way,
        percent(held),
        f"{held['correct']}/{held['n']}",
        f"{held['log_loss']:.3f}",
        percent(seen),
        "cross-validated" if result["cross_validated"] else "validation",
        f"{trained.seconds / 60:.1f}",
        f"{trained.peak:,.0f}",
    ]


def main() -> None:
    options = arguments(__doc__, runs=1).parse_args()
    heads = ["flowers, fast", "test", "right", "log loss", "training", "by", "minutes", "peak, MB"]
    with machine():
        print_table(heads, [row(options.data, way, chosen) for way, chosen in WAYS.items()])


if __name__ == "__main__":
    main()
