"""Of copies that `check` finds, the one to keep is the largest that is not blown up."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

import tellapart
from drawn import few_of
from tellapart.demo.walk import DemoPictures


def test_a_blown_up_copy_is_not_the_one_to_keep(heroes: DemoPictures, tmp_path: Path) -> None:
    photos = few_of(heroes, tmp_path / "photos", 12)
    folder = photos / "ice_queen"
    for number in (3, 5):
        with Image.open(folder / f"{number:03d}.jpg") as opened:
            image = opened.convert("RGB").resize((120, 120), Image.Resampling.NEAREST)
        image.save(folder / f"{number:03d}.jpg", quality=95)
        side = 360 if number == 3 else 60  # blown up, or made smaller
        copy = image.resize((side, side), Image.Resampling.BICUBIC)
        copy.save(folder / f"{number}-again.png")
    found = tellapart.check(photos, quality="fast").of("duplicate")
    assert {finding.paths for finding in found} == {
        ("ice_queen/003.jpg", "ice_queen/3-again.png"),
        ("ice_queen/005.jpg", "ice_queen/5-again.png"),
    }
