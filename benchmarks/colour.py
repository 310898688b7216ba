"""What colour management costs: reading JPEGs without a profile, with sRGB's, with Display P3.

Pictures of flowers are read in turn in every way, by one thread of one process: as large as they
are, and enlarged to the 12 megapixels of a phone, of which a quarter of each side is decoded.
"""

from __future__ import annotations

import io
import statistics
import time

from measure import arguments, machine, print_table
from PIL import Image, ImageCms

from tellapart.images.decode import read_picture
from tellapart.images.primaries import coded

_PHONE = (4032, 3024)
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
_PROFILES = {"none": None, "sRGB": _SRGB, "Display P3": coded(12, 13)}  # the codes of its colours


def main() -> None:
    options = arguments(__doc__).parse_args()
    paths = sorted((options.data / "flowers" / "train").glob("*/*.jpg"))[::10]
    with machine():
        rows = []
        for size, name, some in (
            (None, "as they are", paths),
            (_PHONE, "12 megapixels", paths[::5]),
        ):
            pictures = [Image.open(path).convert("RGB") for path in some]
            pictures = [one.resize(size) if size else one for one in pictures]
            contents = {kind: [_jpeg(one, p) for one in pictures] for kind, p in _PROFILES.items()}
            runs = [[_seconds(contents[kind]) for kind in _PROFILES] for _ in range(options.runs)]
            for at, kind in enumerate(_PROFILES):
                each = statistics.median(run[at] / len(pictures) for run in runs)
                ratio = statistics.median(run[at] / run[0] for run in runs)
                rows.append([f"{name}, {kind}", f"{1000 * each:.2f}", f"{ratio:.2f}"])
        print_table(["pictures, profile", "ms a picture", "ratio to none"], rows)


def _seconds(contents: list[bytes]) -> float:
    start = time.perf_counter()
    for content in contents:
        read_picture(content)
    return time.perf_counter() - start


def _jpeg(picture: Image.Image, profile: bytes | None) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=90, icc_profile=profile)
    return stream.getvalue()


if __name__ == "__main__":
    main()
