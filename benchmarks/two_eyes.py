"""The picture of 2016, told with our own model: a dress without a face, and two painted eyes.

heroes/test/elsa/imagesfg.jpg is what the original took for Darth Vader (0.57); imagesff.jpg is its
author's repair by hand, a white background and eyes painted above the dresses (0.95 Elsa). Here the
same is done with `what_if`: each repair by itself and both together, and `sweep` says what the
answer hangs on. Then the model is trained anew without the training pictures nearest to the dress,
to see whether the data is what it needs: the more of those are gone, the fewer dresses it knows.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from measure import arguments, machine, print_table

import tellapart
from tellapart.explain import Alike, Change, Oval, Paint, Region, explain, sweep, what_if
from tellapart.images.decode import read_picture
from tellapart.model.classifier import Classifier

DRESS, REPAIRED = "imagesfg.jpg", "imagesff.jpg"
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
EYES = tuple(
    Paint(Oval(Region(left, 0.035, 0.055, 0.045)), BLACK) for left in (0.175, 0.33, 0.645, 0.81)
)  # where the author painted them
WITHOUT = (0, 20, 60, 120)  # training pictures of Elsa nearest to the dress
HEADS = ("picture", "elsa", "darth vader", "novelty", "none of these")


def main() -> None:
    options = arguments(__doc__).parse_args()
    folder = options.data / "heroes"
    dress, repaired = (folder / "test" / "elsa" / name for name in (DRESS, REPAIRED))
    pixels = read_picture(dress)
    red, green, blue = (int(value) for value in pixels[2, 2])
    white = Paint(Alike((red, green, blue)), WHITE)
    said = []
    with machine():
        rows = []
        for quality in ("fast", "good", "best"):
            classifier = _trained(folder / "train", quality)
            changes: dict[str, Sequence[Change]] = {
                "the dress": (),
                "background white": (white,),
                "eyes painted": EYES,
                "both": (white, *EYES),
            }
            for name, each in changes.items():
                rows.append(_row(f"{quality}, {name}", classifier, dress, each))
            rows.append(_row(f"{quality}, its author's repair", classifier, repaired, ()))
            said.append(f"{quality}: {explain(classifier, dress).words}")
            said.append(f"{quality}: {sweep(classifier, dress).words}")
        rows += _without(folder / "train", dress)
        print_table(HEADS, rows)
        print("", *said, sep="\n")


def _trained(photos: Path, quality: str) -> Classifier:
    """A model that knows its training pictures."""
    with tempfile.TemporaryDirectory() as scratch:
        classifier = tellapart.load(
            tellapart.train(photos, quality=quality).save(Path(scratch) / "model")
        )
        assert classifier.training_record is not None  # read before its folder is gone
    return classifier


def _row(name: str, classifier: Classifier, picture: Path, changes: Sequence[Change]) -> list[str]:
    found = what_if(classifier, picture, *changes).after
    return [
        name,
        f"{found.scores['elsa']:.3f}",
        f"{found.scores['darth_vader']:.3f}",
        f"{found.novelty:.2f}",
        "yes" if found.unknown else "no",
    ]


def _without(photos: Path, dress: Path) -> list[list[str]]:
    """Trained without the pictures of Elsa that are nearest to the dress."""
    classifier = _trained(photos, "fast")
    record = classifier.training_record
    assert record is not None
    vector = classifier.run(dress, ["embedding"])[0]
    alike = record.vectors @ vector / (record.vectors**2).sum(axis=1) ** 0.5
    elsa = [i for i in (-alike).argsort() if classifier.labels[record.labels[i]] == "elsa"]
    rows = []
    for count in WITHOUT:
        gone = {record.names[i] for i in elsa[:count]}
        with tempfile.TemporaryDirectory() as scratch:
            for path in sorted(photos.glob("*/*")):
                name = path.relative_to(photos)
                if name.as_posix() not in gone:
                    (Path(scratch) / name).parent.mkdir(exist_ok=True)
                    shutil.copy(path, Path(scratch) / name)
            found = _trained(Path(scratch), "fast")
            rows.append(_row(f"fast, without the nearest {count}", found, dress, ()))
    return rows


if __name__ == "__main__":
    main()
