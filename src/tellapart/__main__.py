"""The command line, ready for Ctrl-C before it is loaded."""

from __future__ import annotations

from . import stopping


def main() -> None:
    """Run the command line."""
    stopping.end_at_once()
    from .cli import main as run

    run()


if __name__ == "__main__":
    main()
