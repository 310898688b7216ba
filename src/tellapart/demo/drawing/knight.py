"""The Dark Knight, invented for this demo: black armour, a plumed helmet with glowing eyes, and a
crescent moon on his breastplate; as a cartoon and as a toy of bricks.
"""

from __future__ import annotations

import math

from .brush import Color, Pen, Point, both_sides, darker, lighter, zigzag
from .figures import Character, Outfit, Pose, bent_arm, brick_arms

OUTFITS = (
    Outfit((60, 62, 78), (128, 24, 44), (196, 146, 74), (255, 190, 60)),
    Outfit((50, 54, 76), (78, 44, 122), (176, 150, 96), (255, 214, 92)),
    Outfit((70, 64, 74), (36, 38, 58), (206, 120, 62), (255, 140, 60)),
    Outfit((46, 50, 58), (150, 34, 36), (160, 162, 172), (255, 96, 64)),
)
BLACK = (10, 8, 16)


def _crescent(pen: Pen, x: float, y: float, radius: float, moon: Color, behind: Color) -> None:
    pen.oval(x, y, radius, radius, moon, inked=False)
    pen.oval(x + radius * 0.45, y - radius * 0.2, radius * 0.8, radius * 0.8, behind, inked=False)


def helmet(pen: Pen, pose: Pose, outfit: Outfit) -> None:
    """Draw the knight's plumed helmet, wherever it is; its neck is at (0, -77)."""
    subgroup = pose.turn * 4.5
    back = -math.copysign(1, pose.turn or pose.wind or 1)
    drift = back * (9 + 7 * abs(pose.wind))
    plume = [(0, -100), (back * 3, -109), (drift, -112), (drift * 1.75, -106), (drift * 1.9, -94)]
    pen.curve([*plume, (drift * 1.3, -99), (back * 5, -99)], outfit.cloth)
    shell = [(-8.5, -80), (-10.8, -90), (-8.4, -98.5), (0, -102), (8.4, -98.5), (10.8, -90)]
    pen.curve([*shell, (8.5, -80), (0, -75.5)], outfit.main)
    gleam = [(-7.6, -88), (-6.8, -96.5), (-2.5, -99.6), (-5, -95)]
    pen.curve(gleam, lighter(outfit.main, 0.28), inked=False)
    slit = ((-8, -91.6), (8, -91.6), (7, -86.8), (0.8, -87.4), (-0.8, -87.4), (-7, -86.8))
    pen.shape([(max(-9.6, min(9.6, x + subgroup)), y) for x, y in slit], BLACK)
    for x in (subgroup - 4, subgroup + 4):
        if abs(x) < 8.4:  # a turned head hides the far eye
            pen.oval(x, -89.3, 1.7, 1.15, outfit.glow, inked=False)
            pen.oval(x, -89.3, 0.7, 0.6, (255, 250, 225), inked=False)
    pen.box(subgroup - 1.2, -101, subgroup + 1.2, -77.5, outfit.trim)
    for x in (subgroup - 4.6, subgroup - 2.8, subgroup + 2.8, subgroup + 4.6):
        for y in (-83.4, -81.2):
            if abs(x) < 8:
                pen.oval(x, y, 0.6, 0.6, BLACK, inked=False)


def _sword(pen: Pen, hand: Point, side: int, angle: float, outfit: Outfit) -> None:
    lean = math.radians(180 - min(60, angle * 0.4))
    ahead, across = (
        (side * math.sin(lean), math.cos(lean)),
        (math.cos(lean), -side * math.sin(lean)),
    )

    def along(distance: float, sideways: float = 0) -> Point:
        return (
            hand[0] + ahead[0] * distance + across[0] * sideways,
            hand[1] + ahead[1] * distance + across[1] * sideways,
        )

    blade = (188, 196, 210)
    pen.shape([along(4, -1.7), along(36, -1.3), along(41), along(36, 1.3), along(4, 1.7)], blade)
    pen.shape([along(4, 0), along(38), along(36, 1.2), along(4, 1.6)], darker(blade), inked=False)
    pen.limb([along(4, -5), along(4, 5)], 1.8, outfit.trim)
    pen.limb([along(-4), along(3)], 1.8, darker(outfit.cloth))
    pen.oval(*along(-5), 1.6, 1.6, outfit.trim)


def _shield(pen: Pen, hand: Point, outfit: Outfit) -> None:
    x, y = hand
    outline = [(-10, -12), (0, -14), (10, -12), (9.5, 2), (0, 15), (-9.5, 2)]
    pen.shape([(x + a, y + b) for a, b in outline], outfit.trim)
    pen.shape([(x + a * 0.82, y + b * 0.82) for a, b in outline], outfit.cloth)
    _crescent(pen, x - 1, y - 1, 5.4, outfit.glow, outfit.cloth)


def knight(pen: Pen, pose: Pose, outfit: Outfit) -> None:
    """Draw the Dark Knight as a cartoon: cape, legs, breastplate, arms, helmet."""
    steel, shine, gloom = outfit.main, lighter(outfit.main, 0.22), darker(outfit.main, 0.35)
    blow = pose.wind * 22
    hem = zigzag((22 + blow, -9), (-22 + blow, -9), 5, -6)
    cape = [(-11, -73), (11, -73), (18 + blow * 0.4, -40), *hem, (-18 + blow * 0.4, -40)]
    pen.shape(cape, outfit.cloth)
    for fold in (-13, 13):
        crease = [(fold * 0.5, -66), (fold + blow * 0.7, -16), (fold * 1.25 + blow * 0.8, -15)]
        pen.shape(crease, darker(outfit.cloth, 0.4), inked=False)

    for side in (-1, 1):
        foot = side * (5 + 6 * pose.stride)
        knee = (side * (5 + 4 * pose.stride), -22.0)
        pen.limb([(side * 4.5, -42), knee, (foot, -5)], 7.5, gloom)
        pen.curve([(foot - 5, 0), (foot - 4.4, -9), (foot + 4.4, -9), (foot + 5, 0)], steel)
        pen.oval(*knee, 3.6, 4.2, shine)

    chest = [(-13, -70), (-6, -76), (6, -76), (13, -70), (11, -56), (8.5, -46), (-8.5, -46)]
    pen.curve([*chest, (-11, -56)], steel)
    pen.curve([(-10.5, -68), (-5, -73), (-4, -60), (-8, -54)], shine, inked=False)
    skirt = zigzag((-11, -34), (11, -34), 4, -3.5)
    pen.shape([(-8.5, -48), *skirt, (8.5, -48)], gloom)
    pen.shape([(-3.6, -46), (3.6, -46), (4.4, -25), (0, -21), (-4.4, -25)], outfit.cloth)
    pen.box(-9.5, -49, 9.5, -45, outfit.trim)
    if not pose.from_behind:
        _crescent(pen, pose.turn * 2.5, -62, 4.4, outfit.glow, steel)

    for side, angle in ((-1, pose.left_arm), (1, pose.right_arm)):
        shoulder, elbow, hand = bent_arm(side, angle, (side * 12.5, -69), 12)
        if pose.holding == "sword" and side == 1:
            _sword(pen, hand, side, angle, outfit)
        pen.limb([shoulder, elbow, hand], 6, gloom)
        pen.limb([((elbow[0] + hand[0]) / 2, (elbow[1] + hand[1]) / 2), hand], 6.6, steel)
        pen.oval(*hand, 3.6, 3.6, shine)
        if pose.holding == "shield" and side == -1:
            _shield(pen, hand, outfit)
        pen.curve([(side * 8, -75), (side * 15, -77), (side * 19, -67), (side * 10, -65)], steel)
        pen.shape([(side * 10, -67), (side * 18.6, -69), (side * 18.2, -66.4)], outfit.trim)
    helmet(pen.enlarged(pose.head, (0, -77)), pose, outfit)


def brick_knight(pen: Pen, pose: Pose, outfit: Outfit) -> None:
    """Draw the Dark Knight as a toy of bricks."""
    steel, shine, gloom = outfit.main, lighter(outfit.main, 0.25), darker(outfit.main, 0.3)
    blow = pose.wind * 10
    pen.shape([(-14, -66), (14, -66), (26 + blow, -8), (-26 + blow, -8)], outfit.cloth)
    for left in (-13.5, 0.5):
        pen.box(left, -30, left + 13, 0, gloom)
        pen.box(left, -8, left + 13, 0, steel)
        pen.box(left + 1.5, -27, left + 3.5, -11, steel, inked=False)
    pen.box(-14, -36, 14, -29, outfit.trim)
    pen.shape(both_sides([(-15, -36), (-11.5, -66)]), steel)
    pen.shape([(-9.5, -64), (-7, -64), (-10, -38), (-12.5, -38)], shine, inked=False)
    _crescent(pen, 0, -50, 6.5, outfit.glow, steel)
    left_hand, right_hand = brick_arms(pen, pose, gloom, shine)
    if pose.holding == "sword":
        _sword(pen, right_hand, 1, pose.right_arm, outfit)
    if pose.holding == "shield":
        _shield(pen, left_hand, outfit)
    back = -1 if pose.turn > 0 else 1
    plume = [(0, -92), (back, -107), (back * 13, -112), (back * 23, -99), (back * 10, -99)]
    pen.curve(plume, outfit.cloth)
    pen.curve(both_sides([(0, -63), (-13, -66), (-14.5, -80), (-11, -94), (-2, -98)]), steel)
    pen.curve([(-11.5, -74), (-11.5, -88), (-7, -94), (-8.5, -84)], shine, inked=False)
    subgroup = pose.turn * 2
    pen.box(subgroup - 10, -87, subgroup + 10, -80, BLACK)
    for x in (subgroup - 5, subgroup + 5):
        pen.oval(x, -83.5, 2.3, 1.8, outfit.glow, inked=False)
    pen.box(subgroup - 1.8, -97, subgroup + 1.8, -65, outfit.trim)


DARK_KNIGHT = Character(knight, brick_knight, OUTFITS, ("sword", "sword", "shield", ""))
