"""What `train --quality auto` takes, says and costs, and what each quality does on the test folder.

Each data set is trained with a cold cache, whole process; then with each quality by its name, from
the same cache, for its figures on the test folder, which had no say in the choice.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from measure import arguments, machine, print_table, tellapart

DATA_SETS = ("heroes", "flowers", "clothing", "groceries")
QUALITIES = ("fast", "good", "best")


def rows_of(data: Path, kind: str, within: str, runs: int) -> list[list[str]]:
    """A row for each quality of one data set; the figures are those of the last run."""
    seconds, of_cores = [], []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(runs):
            cache = Path(folder, f"cache {number}")
            command = ("train", data / kind, "-o", Path(folder, "model"), "--json", "--quality")
            auto = tellapart(*command, "auto", "--within", within, cache=cache)
            seconds.append(auto.seconds)
            of_cores.append(auto.cpu_seconds)
        choice = json.loads(auto.output)["choice"]
        held = {
            name: json.loads(tellapart(*command, name, cache=cache).output)["held_out"]
            for name in QUALITIES
        }
    return [
        [
            kind,
            one["quality"] + (", taken" if one["quality"] == choice["quality"] else ""),
            f"{choice['pictures']} of {choice['of']}",
            "" if one["accuracy"] is None else f"{one['accuracy']['accuracy']:.1%}",
            gain(one),
            "" if one["times_slower"] is None else f"{one['times_slower']:.1f}",
            f"{held[one['quality']]['correct']}/{held[one['quality']]['n']}",
            f"{choice['seconds']:.0f} of {choice['time_limit']:.0f}",
            f"{median(seconds):.0f}",
            f"{median(of_cores):.0f}",
        ]
        for one in choice["qualities"]
    ]


def gain(one: Mapping[str, Any]) -> str:
    """`+1.2 (0.3 to 2.1)`, in points."""
    if not one["gain"]:
        return ""
    low, high = (100 * bound for bound in one["gain"]["interval"])
    return f"{100 * one['gain']['value']:+.1f} ({low:.1f} to {high:.1f})"


def main() -> None:
    parser = arguments(__doc__, runs=1)
    parser.add_argument("--within", default="5m", help="the time for choosing and training")
    options = parser.parse_args()
    with machine():
        rows = [
            row
            for kind in DATA_SETS
            for row in rows_of(options.data, kind, options.within, options.runs)
        ]
        print_table(
            [
                "data",
                "quality",
                "compared on",
                "cross-validated",
                "points over fast",
                "times slower",
                "test",
                "choosing, s",
                "whole, s",
                "CPU s",
            ],
            rows,
        )


if __name__ == "__main__":
    main()
