"""How often a copy that is blown up is told from its original, and an original from smaller copies.

python benchmarks/blown_up.py [--each 40]
"""

from __future__ import annotations

import io

import numpy as np
from measure import arguments, machine, print_table
from PIL import Image

from tellapart.health.copies import blown_up
from tellapart.images.decode import decode_with_sides, read_picture
from tellapart.images.properties import PROPERTIES, properties_of

SETS = ("flowers", "clothing", "groceries")  # photographs
FACTORS = (0.5, 0.75, 1.5, 2.0, 3.0)
WAYS = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)


def measured(image: Image.Image) -> tuple[int, float]:
    """Pixels and detail of a picture that is saved as a JPEG."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=90)
    properties = properties_of(decode_with_sides(stream.getvalue()), stream.getvalue())
    return image.width * image.height, float(properties[PROPERTIES.index("detail")])


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--each", type=int, default=40, help="pictures of each set")
    asked = parser.parse_args()
    found = np.zeros((len(FACTORS), len(SETS)), int)
    with machine():
        for column, name in enumerate(SETS):
            paths = sorted((asked.data / name).rglob("*.jpg"))
            for at in np.random.default_rng(0).choice(len(paths), asked.each, replace=False):
                original = Image.fromarray(read_picture(paths[at]))
                for row, factor in enumerate(FACTORS):
                    size = round(original.width * factor), round(original.height * factor)
                    for way in WAYS:
                        two = measured(original), measured(original.resize(size, way))
                        pixels, detail = np.array(two).T
                        found[row, column] += blown_up(pixels, detail).any()
        count = asked.each * len(WAYS)
        rows = [
            [f"at {factor:g} times the size", *(f"{n} of {count}" for n in found[row])]
            for row, factor in enumerate(FACTORS)
        ]
        print_table(["the larger is called blown up", *SETS], rows)


if __name__ == "__main__":
    main()
