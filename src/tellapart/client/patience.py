"""How long to wait before asking again, if at all: arithmetic alone."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

FIRST = 0.1  # seconds before the second try; before each further one twice as long
LONGEST = 5.0  # seconds, where the server does not say


def pause(tried: int, asked: float | None, chance: float) -> float:
    """Seconds to wait after `tried` tries, of which 1 is the first; `asked` are those that the
    server wants, if it said so.

    `chance`, from 0 to 1, spreads clients that were refused at the same moment: they wait for half
    of the time to all of it, or for up to that long beyond what the server wants.
    """
    growing = min(LONGEST, FIRST * 2.0 ** min(tried - 1, 32))
    if asked is None:
        return growing * (1 + chance) / 2
    return asked + growing * chance


def seconds_of(retry_after: str | None, now: datetime | None = None) -> float | None:
    """What a Retry-After header says, in seconds from `now`: it has seconds or a date (RFC 9110,
    10.2.3). None where there is none, or nothing that can be understood."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=timezone.utc)
    seconds = (until - (now or datetime.now(timezone.utc))).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None
