"""What both characters are made of: poses, outfits, arms, and the table row of a character."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from .brush import Color, Pen, Point, vary


@dataclass(frozen=True)
class Pose:
    """How a character stands.

    Attributes:
        turn: from -1 (left) to 1 (right).
        wind: from -1 (left) to 1 (right).
        left_arm: degrees outward from hanging straight down.
        right_arm: degrees outward from hanging straight down.
        stride: how far the legs are apart.
        head: the size of the head.
        holding: what is in the hand.
        expression: the expression of the face.
        from_behind: whether the character is seen from behind.
    """

    turn: float
    wind: float
    left_arm: float
    right_arm: float
    stride: float
    head: float
    holding: str
    expression: str
    from_behind: bool = False


@dataclass(frozen=True)
class Outfit:
    """A character's colours.

    Attributes:
        main: the armour or dress.
        cloth: the cape or train.
        trim: the bronze or silver.
        glow: the eyes and jewels.
        skin: the skin.
        hair: the hair.
    """

    main: Color
    cloth: Color
    trim: Color
    glow: Color
    skin: Color = (250, 226, 214)
    hair: Color = (212, 204, 238)

    def varied(self, random: Random) -> Outfit:
        """Shift the colours a little, as another light or another costume maker would."""
        return replace(
            self,
            main=vary(self.main, random),
            cloth=vary(self.cloth, random, 20),
            trim=vary(self.trim, random),
            skin=vary(self.skin, random, 5),
        )


Body = Callable[[Pen, Pose, Outfit], None]


@dataclass(frozen=True)
class Character:
    """One label of the demo: its two bodies, what it wears, what it may hold."""

    body: Body
    brick_body: Body
    outfits: tuple[Outfit, ...]
    holds: tuple[str, ...]


def strike_pose(random: Random, holds: tuple[str, ...]) -> Pose:
    """Choose a pose; both characters are given the very same choices."""
    arms = ((12, 12), (20, 95), (100, 25), (135, 135), (70, 70), (35, 140), (55, 15), (8, 60))
    left, right = random.choice(arms)
    return Pose(
        turn=random.choice((-1.0, -0.6, 0.0, 0.0, 0.6, 1.0)),
        wind=random.uniform(-1, 1),
        left_arm=left + random.uniform(-10, 10),
        right_arm=right + random.uniform(-10, 10),
        stride=random.uniform(0, 1),
        head=random.choice((1.0, 1.15, 1.35, 1.6)),
        holding=random.choice(holds),
        expression=random.choice(("smiling", "smiling", "singing", "asleep")),
    )


def bent_arm(side: int, angle: float, shoulder: Point, length: float) -> tuple[Point, Point, Point]:
    """Place shoulder, elbow and hand; the lower arm bends further up than the upper one."""
    upper, lower = math.radians(angle), math.radians(angle * 1.25 + 8)
    elbow = (
        shoulder[0] + side * length * math.sin(upper),
        shoulder[1] + length * math.cos(upper),
    )
    hand = (elbow[0] + side * length * math.sin(lower), elbow[1] + length * math.cos(lower))
    return shoulder, elbow, hand


def brick_arms(pen: Pen, pose: Pose, sleeve: Color, hand_color: Color) -> list[Point]:
    """Draw a toy's two arms and give back where its hands are: left, then right."""
    hands = []
    for side, angle in ((-1, pose.left_arm), (1, pose.right_arm)):
        shoulder, elbow, hand = bent_arm(side, min(angle, 130) * 0.8 + 12, (side * 15, -58), 11)
        pen.oval(*hand, 5, 5, hand_color)
        pen.limb([shoulder, elbow, ((elbow[0] + hand[0]) / 2, (elbow[1] + hand[1]) / 2)], 8, sleeve)
        hands.append(hand)
    return hands
