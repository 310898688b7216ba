"""The command line, ready for Ctrl-C before it is loaded."""

from __future__ import annotations

from .cli import interrupts as stopping


def main() -> None:
    """Run the command line."""
    stopping.end_at_once()
    from .cli.app import main as run

    run()


if __name__ == "__main__":
    main()
