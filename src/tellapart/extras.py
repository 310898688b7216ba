"""Optional features and the packages they need: what is missing, why, and the exact command."""

from __future__ import annotations

from .errors import MissingExtraError


def need(extra: str, *, why: str) -> MissingExtraError:
    """The error to raise when `extra` is not installed; `why` names what asked for it."""
    return MissingExtraError(
        f"This needs {why}, which is not installed.",
        hint=f'Type: pip install "tellapart[{extra}]"',
    )
