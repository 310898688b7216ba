"""The Ice Queen, invented for this demo: silver hair in a braid, a crown of icicles, a collar of
frost and a long dress; as a cartoon and as a toy of bricks.
"""

from __future__ import annotations

from .brush import Pen, Point, blend, both_sides, darker, lighter, star, zigzag
from .figures import Character, Outfit, Pose, bent_arm, brick_arms

OUTFITS = (
    Outfit((150, 212, 240), (208, 236, 250), (236, 246, 255), (96, 190, 240)),
    Outfit((122, 192, 232), (184, 214, 248), (226, 232, 250), (130, 120, 230)),
    Outfit((172, 226, 238), (150, 198, 232), (244, 250, 255), (70, 176, 214)),
    Outfit((142, 184, 236), (216, 226, 252), (220, 236, 255), (90, 150, 250)),
)
ROSY = (246, 178, 186)
LIPS = (206, 92, 120)
PUPIL = (58, 52, 92)
WHITE = (255, 255, 255)
NECK = (0.0, -77.0)


def _braid(pen: Pen, start: Point, sway: float, outfit: Outfit, knots: int = 6) -> None:
    """Draw a plait knot by knot, swinging further out towards its end, and its bow."""
    for knot in range(knots):
        fraction = knot / knots
        x, y = start[0] + sway * fraction**1.5, start[1] + knot * 4.6
        tone = outfit.hair if knot % 2 else darker(outfit.hair, 0.1)
        pen.oval(x, y, 3.6 - 1.4 * fraction, 3.4, tone)
    end = (start[0] + sway, start[1] + knots * 4.6 - 1)
    pen.shape(star(*end, 3.4, 6, 0.5), outfit.glow)


def _crown(pen: Pen, half: float, base: float, spikes: tuple[float, ...], outfit: Outfit) -> None:
    """Draw a crown of icicles that lean outwards; `spikes` are their heights, gaps included."""
    last = len(spikes) - 1
    tips = [
        (half * (2 * number / last - 1) * (1 + height / 60), base - height)
        for number, height in enumerate(spikes)
    ]
    pen.shape([(-half, base + 3), *tips, (half, base + 3)], outfit.trim)


def _eye(pen: Pen, x: float, turn: float, outfit: Outfit, *, closed: bool) -> None:
    if closed:
        pen.limb([(x - 1.4, -87), (x, -86.4), (x + 1.4, -87)], 0.7, PUPIL, inked=False)
    else:
        pen.oval(x, -87.2, 1.75, 2.2, WHITE, inked=False)
        pen.oval(x + turn * 0.5, -87, 1.3, 1.9, outfit.glow, inked=False)
        pen.oval(x + turn * 0.6, -87, 0.75, 1.1, PUPIL, inked=False)
        pen.oval(x + 0.5, -88, 0.5, 0.5, WHITE, inked=False)
        pen.limb([(x - 1.9, -88.6), (x, -89.6), (x + 1.9, -88.6)], 0.6, PUPIL, inked=False)
    brow = darker(outfit.hair, 0.45)
    pen.limb([(x - 1.7, -91), (x, -91.9), (x + 1.7, -91)], 0.5, brow, inked=False)


def _head(pen: Pen, pose: Pose, outfit: Outfit) -> None:
    """Draw face, hair and crown; turning the head moves the face across it."""
    subgroup = pose.turn * 2.2
    chin = [(-7.4, -91), (0, -97), (7.4, -91), (5.6, -81.5), (0, -77.6), (-5.6, -81.5)]
    pen.curve(chin, outfit.skin)
    for side in (-1, 1):
        cheek = max(-4.7, min(4.7, side * 4.2 + subgroup))
        pen.oval(cheek, -83.6, 1.4, 0.9, ROSY, inked=False)
        _eye(pen, side * 2.9 + subgroup, pose.turn, outfit, closed=pose.expression == "asleep")
    nose = darker(outfit.skin, 0.2)
    pen.limb([(subgroup * 1.3, -85), (subgroup * 1.4 + 0.3, -84.2)], 0.5, nose, inked=False)
    if pose.expression == "singing":
        pen.oval(subgroup, -81, 1.5, 1.5, darker(LIPS), inked=False)
    else:
        smile = [(subgroup - 2, -81.8), (subgroup, -81), (subgroup + 2, -81.8)]
        pen.limb(smile, 0.8, LIPS, inked=False)
    part = subgroup * 0.7
    for side in (-1, 1):
        outer = [(part, -97.5), (side * 6, -97), (side * 9, -90), (side * 8.2, -82)]
        pen.curve([*outer, (side * 6.8, -89), (side * 3 + part, -93)], outfit.hair)
    _crown(pen, 7.2, -97.5, (2, 6, 3, 9, 4, 13, 4, 9, 3, 6, 2), outfit)
    pen.shape([(-1.2, -99.5), (0, -107), (1.2, -99.5)], outfit.cloth, inked=False)
    pen.shape(star(subgroup * 0.5, -98.6, 1.9, 4, 0.55), outfit.glow)


def _staff(pen: Pen, hand: Point, outfit: Outfit) -> None:
    x, y = hand
    pen.limb([(x, y + 32), (x, y - 26)], 1.8, darker(outfit.trim, 0.25))
    pen.shape(star(x, y - 31, 9, 6, 0.3), outfit.trim)
    pen.oval(x, y - 31, 2.2, 2.2, outfit.glow)


def _flurry(pen: Pen, hand: Point, outfit: Outfit) -> None:
    """Draw snow crystals whirling above an open hand."""
    for number, (dx, dy) in enumerate(((0, -9), (6, -14), (-5, -16), (2, -22), (-9, -9), (9, -6))):
        crystal = star(hand[0] + dx, hand[1] + dy, 4 - 0.35 * number, 6)
        pen.shape(crystal, (outfit.trim, outfit.glow)[number % 2], inked=False)


def _train(pen: Pen, blow: float, outfit: Outfit) -> None:
    """Draw the train, which hangs from her shoulders: the nearest thing when seen from behind."""
    hem = zigzag((33 + blow * 3, -1), (-33 + blow * 3, -1), 8, 3)
    train = [(-22 + blow * 2, -30), (-10, -70), (10, -70), (22 + blow * 2, -30), *hem]
    pen.shape(train, outfit.cloth)
    for x in (-5, 1, 6):
        fold = [(x, -64), (x * 3 + blow * 2, -5), (x * 3 + 3 + blow * 2, -5)]
        pen.shape(fold, darker(outfit.cloth, 0.2), inked=False)


def _collar_and_hair(pen: Pen, outfit: Outfit) -> None:
    """Draw what is behind the head: the collar of frost and the fall of the hair."""
    frost = [(-5, -72), (-17, -75), (-14, -80), (-21, -86), (-14, -88), (-17, -98), (-6, -94)]
    pen.shape(both_sides(frost), blend(outfit.trim, outfit.main, 0.35))
    fall = [(-6, -74), (-9.5, -84), (-8, -97), (0, -100), (8, -97), (9.5, -84), (6, -74)]
    pen.curve(fall, darker(outfit.hair, 0.12))


def _skirt(pen: Pen, subgroup: float, blow: float, outfit: Outfit) -> None:
    """Draw the long dress below the waist: folds, a pale panel in front, crystals, icicle hem."""
    pale, deep = lighter(outfit.main, 0.4), darker(outfit.main, 0.22)
    right = [(6.4, -52), (12 + blow * 0.2, -36), (18 + blow * 0.6, -16)]
    left = [(-18 + blow * 0.6, -16), (-12 + blow * 0.2, -36), (-6.4, -52)]
    hem = zigzag((23 + blow, -0.5), (-23 + blow, -0.5), 7, 2.5)
    pen.shape([*right, *hem, *left], outfit.main)
    near, low = subgroup + blow * 0.6, subgroup + blow
    panel = [
        (subgroup * 0.3, -52),
        (6 + near, -18),
        (8 + low, -3),
        (-8 + low, -3),
        (-6 + near, -18),
    ]
    pen.shape(panel, pale, inked=False)
    for side in (-5, 5):
        fold = [(side, -46), (side * 3 + blow * 0.8, -5), (side * 3.5 + blow * 0.8, -5)]
        pen.shape(fold, deep, inked=False)
    for x, y, radius in ((0, -34, 2), (-3, -23, 2.4), (4, -14, 2.8), (-2, -7, 2.2)):
        pen.shape(star(x + near, y, radius, 6), outfit.trim, inked=False)
    for x in (-13, 13):
        pen.shape(star(x + near, -11, 2, 6), outfit.trim, inked=False)


def _bodice(pen: Pen, pose: Pose, subgroup: float, outfit: Outfit) -> None:
    """Draw the dress above the waist and its jewelled neckline."""
    waist = [(-6, -51), (-8, -62), (-8.5, -71), (0, -73.5), (8.5, -71), (8, -62), (6, -51)]
    pen.curve(waist, outfit.main)
    if not pose.from_behind:
        neckline = [(-3, -79), (3, -79), (5.5, -71.5), (subgroup, -66), (-5.5, -71.5)]
        pen.shape(neckline, outfit.skin)
        pen.shape(star(subgroup, -66.5, 2.4, 4, 0.5), outfit.glow)
    pen.shape([(-6.8, -53.5), (6.8, -53.5), (subgroup, -48)], outfit.trim)


def queen(pen: Pen, pose: Pose, outfit: Outfit) -> None:
    """Draw the Ice Queen as a cartoon: train, collar, dress, arms, braid, head.

    Seen from behind she has no head: only the dress is meant to be in the picture then.
    """
    head = pen.enlarged(pose.head, NECK)
    subgroup, blow, pale = pose.turn * 1.6, pose.wind * 7, lighter(outfit.main, 0.4)
    if not pose.from_behind:
        _train(pen, blow, outfit)
        _collar_and_hair(head, outfit)
    _skirt(pen, subgroup, blow, outfit)
    _bodice(pen, pose, subgroup, outfit)
    for side, angle in ((-1, pose.left_arm), (1, pose.right_arm)):
        shoulder, elbow, hand = bent_arm(side, angle, (side * 8.2, -69), 12)
        if pose.holding == "staff" and side == 1:
            _staff(pen, hand, outfit)
        if pose.holding == "flurry" and side == -1:
            _flurry(pen, hand, outfit)
        pen.oval(*hand, 2.4, 2.4, outfit.skin)
        wrist = (elbow[0] + (hand[0] - elbow[0]) * 0.75, elbow[1] + (hand[1] - elbow[1]) * 0.75)
        pen.limb([shoulder, elbow, wrist], 4.4, outfit.main)
        pen.limb([elbow, wrist], 2.6, pale, inked=False)
        pen.oval(*wrist, 2.9, 2.9, outfit.trim)
        pen.oval(side * 8.6, -69.5, 4, 3.4, pale)
    if pose.from_behind:
        _train(pen, blow, outfit)
    else:
        side = -1 if pose.turn > 0 else 1
        _braid(pen, (side * 7.5 * pose.head, -79), side * 2 + pose.wind * 7, outfit)
        _head(head, pose, outfit)


def brick_queen(pen: Pen, pose: Pose, outfit: Outfit) -> None:
    """Draw the Ice Queen as a toy of bricks."""
    dress, pale, deep = outfit.main, lighter(outfit.main, 0.4), darker(outfit.main, 0.18)
    blow = pose.wind * 10
    pen.shape([(-13, -66), (13, -66), (28 + blow, -6), (-28 + blow, -6)], outfit.cloth)
    frost = [(-8, -62), (-20, -68), (-17, -76), (-25, -84), (-17, -88), (-17, -98), (-6, -92)]
    pen.shape(both_sides(frost), blend(outfit.trim, dress, 0.35))
    pen.curve(both_sides([(-12, -60), (-14.5, -74), (-14, -92), (-3, -100)]), outfit.hair)
    pen.shape(both_sides([(-21, 0), (-21, -4), (-11, -38)]), dress)
    pen.shape(both_sides([(-9, -1), (-4, -38)]), pale, inked=False)
    pen.shape(both_sides([(-21, 0), (-21, -4)]), deep)
    for x, y in ((0, -28), (-3, -18), (4, -10), (-14, -11), (14, -11)):
        pen.shape(star(x, y, 3, 6), outfit.trim, inked=False)
    pen.shape(both_sides([(-12, -38), (-10.5, -66)]), dress)
    pen.shape([(-8.5, -64), (-6, -64), (-7.5, -41), (-10, -41)], pale, inked=False)
    pen.shape(both_sides([(-8, -66), (-4, -61), (0, -63)]), outfit.trim)
    pen.shape(star(0, -52, 4, 6), outfit.trim, inked=False)
    pen.shape([(-12, -41), (12, -41), (0, -35)], outfit.trim)
    left_hand, right_hand = brick_arms(pen, pose, deep, outfit.skin)
    if pose.holding == "staff":
        _staff(pen, right_hand, outfit)
    if pose.holding == "flurry":
        _flurry(pen, left_hand, outfit)
    pen.shape(both_sides([(-7, -66), (-10, -70), (-10, -94)]), outfit.skin)
    subgroup = pose.turn * 2.5
    for eye in (subgroup - 4.2, subgroup + 4.2):
        pen.oval(eye, -82, 1.7, 2.2, PUPIL, inked=False)
        pen.oval(eye + 0.6, -82.9, 0.6, 0.6, WHITE, inked=False)
        pen.oval(eye * 1.35, -77, 1.8, 1.1, ROSY, inked=False)
    pen.limb(
        [(subgroup - 3.2, -75), (subgroup, -73.6), (subgroup + 3.2, -75)], 1, LIPS, inked=False
    )
    fringe = [(-6, -92), (-12, -84), (-11, -96), (0, -100), (11, -96), (12, -84), (6, -92)]
    pen.curve(fringe, lighter(outfit.hair, 0.2))
    _crown(pen, 10.5, -98, (4, 0, 9, 3, 12, 3, 9, 0, 4), outfit)
    braid_side = -1 if pose.turn > 0 else 1
    _braid(pen, (braid_side * 12, -72), braid_side * 2, outfit, knots=5)


ICE_QUEEN = Character(queen, brick_queen, OUTFITS, ("staff", "flurry", "flurry", ""))
