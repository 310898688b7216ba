"""The minimum of a smooth convex function of many numbers, by L-BFGS.

Nocedal & Wright 2006, algorithms 7.4 and 7.5, with Armijo steps. Pure arithmetic.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from ..workers.pausing import pause

_ITERATIONS = 1000
_MEMORY = 12


def minimum(
    objective: Callable[[np.ndarray], tuple[float, np.ndarray]],
    start: np.ndarray,
    tolerance: float,
    left: float = 0.0,
    memory: int = _MEMORY,
) -> np.ndarray:
    """Minimise a smooth convex function, as precisely as `start` `[P]` is given; `memory` is of how
    many steps it learns the curvature, each of which takes the room of two such points.

    Ends where no entry of the gradient exceeds `tolerance`, or half its square, which is what is
    left to gain where the curvature is 1, is below a fraction `left` of the value; or at the limit
    of floating point.
    """
    point = start
    value, gradient = objective(point)
    pairs: deque[tuple[np.ndarray, np.ndarray, float]] = deque(maxlen=memory)
    for _ in range(_ITERATIONS):
        pause()
        if np.abs(gradient).max() < tolerance or gradient @ gradient < 2 * left * value:
            break
        direction = _two_loops(gradient, pairs)
        slope = float(direction @ gradient)
        step = 1.0
        while True:
            candidate = point + step * direction
            new_value, new_gradient = objective(candidate)
            if new_value <= value + 1e-4 * step * slope or step < 1e-10:
                break
            step /= 2
        moved, turned = candidate - point, new_gradient - gradient
        if step < 1e-10 or not (curvature := float(moved @ turned)) > 0:
            break  # the limit of floating point
        pairs.append((moved, turned, curvature))
        point, value, gradient = candidate, new_value, new_gradient
    return point


def _two_loops(
    gradient: np.ndarray, pairs: Sequence[tuple[np.ndarray, np.ndarray, float]]
) -> np.ndarray:
    """The quasi-Newton direction from the last steps (algorithm 7.4)."""
    direction = -gradient
    fractions = []
    for moved, turned, curvature in reversed(pairs):
        fraction = float(moved @ direction) / curvature
        fractions.append(fraction)
        direction = direction - fraction * turned
    if pairs:
        _, turned, curvature = pairs[-1]
        direction = direction * (curvature / float(turned @ turned))
    for (moved, turned, curvature), fraction in zip(pairs, reversed(fractions), strict=True):
        direction = direction + (fraction - float(turned @ direction) / curvature) * moved
    return direction
