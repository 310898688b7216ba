"""What `pip install` of this project adds to a fresh virtual environment, and what takes it.

Sizes are of the files as their bytes are counted, compiled Python files included. What an empty
environment holds, pip above all, is not counted.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from pathlib import Path

from measure import machine, print_table, run

PROJECT = Path(__file__).parents[1]
TARGET = 300.0  # MB
LARGEST = 10


def megabytes(files: Iterable[Path]) -> float:
    """The size of all files together."""
    return (
        sum(path.stat().st_size for path in files if path.is_file() and not path.is_symlink()) / 1e6
    )


def files_of(package: Distribution) -> list[Path]:
    """All that a package has installed."""
    return [Path(str(file.locate())) for file in package.files or ()]


def site_of(environment: Path) -> Path:
    """Where the packages of an environment lie."""
    (site,) = environment.glob("lib/python*/site-packages")
    return site


def main() -> None:
    with machine(), tempfile.TemporaryDirectory() as folder:
        environment = Path(folder, "venv")
        run([sys.executable, "-m", "venv", environment])
        python = environment / "bin" / "python"
        empty = megabytes(environment.rglob("*"))
        before = {
            package.metadata["Name"] for package in distributions(path=[str(site_of(environment))])
        }
        run([python, "-m", "pip", "install", "--quiet", "--no-input", PROJECT])
        sizes = {
            package.metadata["Name"]: megabytes(files_of(package))
            for package in distributions(path=[str(site_of(environment))])
            if package.metadata["Name"] not in before
        }
        total = megabytes(environment.rglob("*")) - empty
        largest = sorted(sizes, key=lambda name: -sizes[name])[:LARGEST]
        rest = total - sum(sizes[name] for name in largest)
        print_table(
            ["added by", "MB"],
            [
                *([name, f"{sizes[name]:.1f}"] for name in largest),
                ["all else", f"{rest:.1f}"],
                ["in all", f"{total:.1f}"],
                ["target", f"< {TARGET:.0f}: {'yes' if total < TARGET else 'NO'}"],
            ],
        )


if __name__ == "__main__":
    main()
