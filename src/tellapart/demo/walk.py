"""Draws the data set of the demo: can you tell the Dark Knight from the Ice Queen?

A folder and a seed go in; labelled pictures to train on, others kept back for testing (five of
them hard, because training holds nothing like them) and an unsorted inbox come out. This module
plans what is drawn where and writes it; `tellapart.demo.drawing` draws.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path, PurePosixPath
from random import Random

from PIL import Image, ImageStat

from ..errors import DestinationError, TellapartError
from ..files.atomic import CLUTTER
from ..files.leftovers import TEMPORARY
from ..model.classifier import load
from ..sorting.sort import inbox_of
from ..text import shown
from .drawing.brush import OVERSAMPLING, Camera, Pen
from .drawing.figures import Pose, strike_pose
from .drawing.knight import DARK_KNIGHT, helmet
from .drawing.queen import ICE_QUEEN
from .drawing.scenery import SCENERY, Scenery, castle, forest, mountains, night
from .drawing.styles import STYLES, Style, cartoon

LABELS = ("dark_knight", "ice_queen")
CHARACTERS = dict(zip(LABELS, (DARK_KNIGHT, ICE_QUEEN), strict=True))

PICTURES = Path("pictures")  # below the demo's folder
INBOX = PICTURES / "inbox"

KEPT_BACK_PER_LABEL = 20
INBOX_PICTURES = 13
BROKEN_IN_INBOX = 7
INK = (28, 22, 46)
MOONLIGHT = (0.3, 0.34, 0.46)

BROKEN_PAGE = b"""<!DOCTYPE html>
<html>
<head><title>404 Not Found</title></head>
<body><h1>Not Found</h1><p>The picture you are looking for has moved.</p></body>
</html>
"""
"""What a download that went wrong leaves behind: a web page with a picture's name."""


@dataclass(frozen=True)
class DemoPictures:
    """Where the demo's pictures are; `hard` are those kept back that training does not cover."""

    folder: Path
    photos: Path
    kept_back: Path
    inbox: Path
    hard: tuple[Path, ...]


@dataclass(frozen=True)
class _Plan:
    """One picture to draw: its place below the folder, and who is in it, where and how."""

    path: PurePosixPath
    label: str
    scenery: Scenery
    style: Style
    hard: bool = False


def draw_demo(folder: Path, pictures: int = 240, seed: int = 2016) -> DemoPictures:
    """Draw `pictures` training pictures plus test pictures and an inbox below `folder`.

    The same seed gives the same files, so drawing again changes nothing, and asking for more
    pictures adds to those that are there. No file is ever overwritten; what a drawing that was
    killed has left is cleared away.

    Raises `DestinationError` if `folder` holds anything that this call would not draw.
    """
    if pictures < len(LABELS):
        raise ValueError(f"pictures must be at least {len(LABELS)}, but is {pictures}")
    plans = tuple(_plan_demo(pictures, seed))
    broken = PurePosixPath("inbox", f"IMG_{BROKEN_IN_INBOX:04d}.jpg")
    _refuse_foreign(folder, {plan.path for plan in plans} | {broken})
    files = {plan.path: _to_jpeg(plan, Random(f"{seed}/{plan.path}")) for plan in plans}
    _write(folder, files | {broken: BROKEN_PAGE})
    return DemoPictures(
        folder=folder,
        photos=folder / "photos",
        kept_back=folder / "kept-back",
        inbox=folder / INBOX.name,
        hard=tuple(folder / plan.path for plan in plans if plan.hard),
    )


def check_own(folder: Path) -> None:
    """Whether `model` and `sorted` in a folder are what an earlier demo made, to be made anew.

    Raises:
        DestinationError: one of them is not, and is left alone.
    """
    inbox = Path(os.path.realpath(folder / INBOX))
    for name in ("model", "sorted"):
        place = folder / name
        if not os.path.lexists(place) or (os.path.isdir(place) and not os.listdir(place)):
            continue
        try:
            own = load(place).labels == LABELS if name == "model" else inbox_of(place) == inbox
        except TellapartError:  # whatever it is, no demo has left it
            own = False
        if not own:
            raise DestinationError(
                f"{shown(place)} is there already, and is not a demo's.",
                hint="Nothing was changed. Name a folder that does not exist yet.",
            )


def _plan_demo(pictures: int, seed: int) -> Iterator[_Plan]:
    """List everything to draw. Number n of either label has the same scenery and style, which
    makes sure that neither can tell the labels apart; all else about it is drawn by lot.
    """
    for folder in ("photos", "kept-back"):
        settings = list(product(SCENERY, STYLES))
        Random(f"{seed}/{folder}").shuffle(settings)
        for position, label in enumerate(LABELS):
            count = (pictures + 1 - position) // 2 if folder == "photos" else KEPT_BACK_PER_LABEL
            for number in range(count):
                scenery, style = settings[number % len(settings)]
                yield _Plan(
                    PurePosixPath(folder, label, f"{number:03d}.jpg"), label, scenery, style
                )

    lot = Random(f"{seed}/inbox")
    for number in range(1, INBOX_PICTURES + 1):
        if number != BROKEN_IN_INBOX:
            path = PurePosixPath("inbox", f"IMG_{number:04d}.jpg")
            yield _Plan(path, lot.choice(LABELS), lot.choice(SCENERY), lot.choice(STYLES))

    for label, name, sceneries in (
        ("dark_knight", "helmet-in-the-snow", (mountains, mountains)),
        ("ice_queen", "dress-from-behind", (castle, night, forest)),
    ):
        for number, scenery in enumerate(sceneries, start=1):
            path = PurePosixPath("kept-back", label, f"{name}-{number}.jpg")
            yield _Plan(path, label, scenery, Style(cartoon), hard=True)


def _refuse_foreign(folder: Path, expected: set[PurePosixPath]) -> None:
    """Raise if there is a file below `folder` which the demo has no plan for."""
    if folder.exists() and not folder.is_dir():
        raise DestinationError(
            f"{folder} is a file, but the demo needs a folder to draw in.",
            hint="Name a folder that does not exist yet.",
        )
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or path.name in CLUTTER or path.name.startswith(TEMPORARY):
            continue
        if PurePosixPath(path.relative_to(folder).as_posix()) not in expected:
            raise _foreign(path)


def _write(folder: Path, files: dict[PurePosixPath, bytes]) -> None:
    """Write what is missing; check all that is there first, so that a refusal changes nothing."""
    missing = []
    for name, content in files.items():
        path = folder / name
        if not path.exists():
            missing.append(path)
        elif not path.is_file() or path.read_bytes() != content:
            raise _foreign(path)
    for path in sorted(folder.rglob(f"{TEMPORARY}*")):  # of a drawing that was killed
        path.unlink(missing_ok=True)
    part = folder / f"{TEMPORARY}{os.getpid()}.jpg"
    for path in missing:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(files[PurePosixPath(path.relative_to(folder).as_posix())])
            os.rename(part, path)  # whole, or not at all
        except OSError as error:
            raise DestinationError(
                f"{path} cannot be written: {error.strerror}.",
                hint="Name a folder that you may write to, on a disk that has room.",
            ) from error


def _foreign(path: Path) -> DestinationError:
    return DestinationError(
        f"{path} already exists, and the demo would draw something else.",
        hint="Name a folder that does not exist yet, or an empty one.",
    )


def _to_jpeg(plan: _Plan, random: Random) -> bytes:
    picture = _draw_hard(plan, random) if plan.hard else _draw(plan, random)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=random.randint(*plan.style.quality))
    return file.getvalue()


def _picture_size(random: Random) -> tuple[int, int]:
    """Choose a size, upright or lying, with sides of 160 to 280 pixels."""
    long = random.randint(200, 280)
    short = max(160, round(long * random.uniform(0.75, 0.85)))
    return random.choice(((long, short), (short, long)))


def _choose_camera(random: Random, pose: Pose) -> Camera:
    """Frame the whole figure, the whole figure small and off centre, a bust or a face."""
    top = 77 + 34 * pose.head
    head = 77 + 12 * pose.head
    tilt, mirrored = random.choice((0.0, 0.0, random.uniform(-9, 9))), random.random() < 0.5
    shot = random.choice(("whole", "whole", "whole", "small", "bust", "bust", "face"))
    if shot == "whole":
        return Camera(
            random.uniform(-5, 5), -top * 0.49, top * random.uniform(1.1, 1.25), tilt, mirrored
        )
    if shot == "small":
        wide = random.choice((-1, 1)) * random.uniform(15, 30)
        return Camera(wide, -top * 0.55, top * random.uniform(1.3, 1.5), tilt, mirrored)
    if shot == "bust":
        return Camera(random.uniform(-9, 9), -head + 8, 54 + 24 * pose.head, tilt, mirrored)
    return Camera(random.uniform(-6, 6), -head, 34 * pose.head, tilt, mirrored)


def _stage(plan: _Plan, random: Random) -> tuple[Image.Image, Image.Image]:
    """Make the background and an empty layer for the figure, both oversampled."""
    width, height = _picture_size(random)
    size = (width * OVERSAMPLING, height * OVERSAMPLING)
    return plan.scenery(size, random), Image.new("RGBA", size)


def _finish(
    plan: _Plan, background: Image.Image, layer: Image.Image, random: Random
) -> Image.Image:
    """Reduce to the final size and apply the style."""
    return plan.style.finish(background.reduce(OVERSAMPLING), layer.reduce(OVERSAMPLING), random)


def _expose(picture: Image.Image, random: Random) -> Image.Image:
    """Light the picture, a little warmer or colder than it is.

    As a camera would, this lightens dark pictures and darkens light ones, so that brightness
    says little about who is in the picture.
    """
    brightness = ImageStat.Stat(picture.convert("L")).mean[0]
    light = (random.uniform(90, 150) / max(brightness, 1)) ** 0.5
    light, warmth = min(1.1, max(0.75, light)), random.uniform(-0.08, 0.08)
    return _tinted(picture, (light * (1 + warmth), light, light * (1 - warmth)))


def _tinted(picture: Image.Image, gains: tuple[float, float, float]) -> Image.Image:
    """Multiply red, green and blue, each by its own gain."""
    return picture.point([min(255, round(tone * gain)) for gain in gains for tone in range(256)])


def _draw(plan: _Plan, random: Random) -> Image.Image:
    character = CHARACTERS[plan.label]
    background, layer = _stage(plan, random)
    pose = strike_pose(random, character.holds)
    outfit = random.choice(character.outfits).varied(random)
    pen = Pen(layer, _choose_camera(random, pose), INK if plan.style.outlined else None)
    pen.shadow(0, 0, 30, 4)
    body = character.brick_body if plan.style.bricks else character.body
    body(pen, pose, outfit)
    return _expose(_finish(plan, background, layer, random), random)


def _draw_hard(plan: _Plan, random: Random) -> Image.Image:
    """Draw what training never shows: a helmet on the ground, or a dress with no face to it."""
    character = CHARACTERS[plan.label]
    background, layer = _stage(plan, random)
    outfit = random.choice(character.outfits).varied(random)
    turn = random.choice((-0.6, 0.6))
    if plan.label == "dark_knight":
        tilt, sunk = math.radians(random.choice((-1, 1)) * random.uniform(55, 70)), 16
        x, y = -sunk * math.sin(tilt), -90 - sunk * math.cos(tilt)
        camera = Camera(x, y, 76, tilt=math.degrees(tilt))
        helmet(Pen(layer, camera, INK), Pose(turn, turn, 0, 0, 0, 1, "", ""), outfit)
        return _expose(_finish(plan, background, layer, random), random)
    camera = Camera(random.uniform(-10, 10), -31, random.choice((74, 58, 50)))
    pose = Pose(0, turn, 14, 14, 0, 1, "", "", from_behind=True)
    character.body(Pen(layer, camera), pose, outfit)
    return _finish(plan, _tinted(background, (0.2, 0.2, 0.25)), _moonlit(layer), random)


def _moonlit(layer: Image.Image) -> Image.Image:
    """Darken a figure as at night, and leave its transparency."""
    figure = _tinted(layer.convert("RGB"), MOONLIGHT)
    figure.putalpha(layer.getchannel("A"))
    return figure
