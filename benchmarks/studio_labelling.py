"""Keys that a person presses in the studio to label a heap, and how right the labels are then.

In a real browser, with real keys: a folder of folders (the flowers by default, 300 pictures of 5
labels) is laid in one heap under names that tell nothing. A simulated person who knows the truth
(`tests/labelling_person.py`) names piles, then goes through what is suggested, until no picture is
left. Every key counts: each arrow, each letter of a name. The first table says how it ended, the
second how the share of right labels grew with the keys.

Minutes are those of a person under an assumption: 0.3 s a key, 0.4 s for each picture that is
looked at, and 1.35 s to make up one's mind about what is shown anew (the `M` of Card, Moran &
Newell 1980, "The keystroke-level model"). What the machine takes meanwhile is its own column.

    python benchmarks/studio_labelling.py [FOLDER ...] [--content 0 0.1] [--by pages singles]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from measure import machine, print_table

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from labelling_person import Person, heap_of  # noqa: E402
from studio import browser, page_of, studio  # noqa: E402

KEY, LOOK, DECISION = 0.3, 0.4, 1.35  # seconds of a person
POINTS = (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)  # of the keys, in percent


def labelled(folder: Path, content: float, by: str, quality: str, count: int) -> Person:
    """A person who has labelled a heap of a folder's pictures."""
    with tempfile.TemporaryDirectory() as scratch:
        truth = heap_of(folder, Path(scratch) / "heap", count)
        with studio(Path(scratch) / "heap", "--quality", quality) as opened, browser() as chromium:
            person = Person(page_of(chromium, opened.link + "#/label"), opened, truth, content)
            person.label_all(by)
        return person


def main() -> None:
    data = HERE.parents[1] / "shared" / "data" / "flowers" / "train"
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="*", type=Path, default=[data], help="of labelled folders")
    parser.add_argument("--content", nargs="+", type=float, default=[0.1, 0.0])
    parser.add_argument("--by", nargs="+", default=["pages"], choices=["pages", "singles"])
    parser.add_argument("--quality", default="fast")
    parser.add_argument("--pictures", type=int, default=300, help="at most, of each folder")
    asked = parser.parse_args()
    ends, curves = [], []
    with machine():
        for folder in asked.folders:
            for by in asked.by:
                for content in asked.content:
                    begun = time.monotonic()
                    person = labelled(folder, content, by, asked.quality, asked.pictures)
                    seconds = time.monotonic() - begun
                    ends.append(_end(folder, by, content, person, seconds))
                    curves.append(_curve(folder, by, content, person))
        print_table(
            (
                "set",
                "by",
                "wrong let pass",
                "pictures",
                "keys",
                "keys a picture",
                "keys at 90 % right",
                "right at the end",
                "screens",
                "person, min",
                "whole run, s",
            ),
            ends,
        )
        print("\nRight labels, in percent of all pictures, after so much of the keys:")
        print_table(("set", "by", "wrong let pass", *(f"{point} %" for point in POINTS)), curves)


def _end(folder: Path, by: str, content: float, person: Person, seconds: float) -> list[str]:
    pictures = len(person.truth)
    spent = KEY * person.keys + LOOK * person.looked + DECISION * person.screens
    enough = [one.keys for one in person.trail if one.right >= 0.9]
    return [
        folder.parent.name if folder.name in ("train", "test") else folder.name,
        by,
        f"{content:.0%}",
        str(pictures),
        str(person.keys),
        f"{person.keys / pictures:.2f}",
        str(enough[0]) if enough else "-",
        f"{person.trail[-1].right:.1%}",
        str(person.screens),
        f"{spent / 60:.1f}",
        f"{seconds:.0f}",
    ]


def _curve(folder: Path, by: str, content: float, person: Person) -> list[str]:
    def right(keys: float) -> str:
        return f"{100 * max(one.right for one in person.trail if one.keys <= keys):.0f}"

    start = [folder.parent.name if folder.name in ("train", "test") else folder.name, by]
    return [*start, f"{content:.0%}", *(right(person.keys * point / 100) for point in POINTS)]


if __name__ == "__main__":
    main()
