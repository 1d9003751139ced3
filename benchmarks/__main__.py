"""``python -m benchmarks [NAME ...] [--size N]``: run them and print one line each."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from benchmarks import demo_million, import_patients, roster

BENCHMARKS: dict[str, tuple[Callable[[int], object], int]] = {
    "import_patients": (import_patients.run, import_patients.SIZE),
    "demo_million": (demo_million.run, demo_million.SIZE),
    "roster": (roster.run, roster.SIZE),
    "roster_postgresql": (roster.run_postgresql, roster.SIZE),
}
"""Name -> what runs it, and its usual size."""


def main() -> int:
    """Read the arguments, run, tell."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--size", type=int, help="instead of each one's usual size")
    given = parser.parse_args()
    unknown = set(given.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    for name in given.names or BENCHMARKS:
        run, usual = BENCHMARKS[name]
        print(f"{name}: {run(given.size or usual)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
