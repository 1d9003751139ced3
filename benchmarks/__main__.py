"""``python -m benchmarks [NAME ...] [--size N]``: run them; the exit code is 1 where a bar is not kept."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence

from benchmarks import (
    demo_million,
    flat,
    import_patients,
    import_schedule,
    issuing,
    post,
    roster,
    schedule,
    truth,
)
from benchmarks.table import Report

BENCHMARKS: dict[str, tuple[Callable[[int], object], int]] = {
    "import_patients": (import_patients.run, import_patients.SIZE),
    "import_schedule": (import_schedule.run, import_schedule.SIZE),
    "demo_million": (demo_million.run, demo_million.SIZE),
    "roster": (roster.run, roster.SIZE),
    "schedule": (schedule.run, schedule.SIZE),
    "truth": (truth.run, truth.ACTS),
    "issuing": (issuing.run, issuing.SIZE),
    "post": (post.run, post.SIZE),
}
"""Name -> what runs it, and its usual size."""
PARTS = {
    "roster_sqlite": (roster.run_sqlite, roster.SIZE),
    "roster_postgresql": (roster.run_postgresql, roster.SIZE),
    "post_sending": (post.run_sending, post.SIZE),
    "post_sqlite": (post.run_sqlite, post.SIZE),
    "post_postgresql": (post.run_postgresql, post.SIZE),
    "flat": (flat.run, flat.SIZE),
    "flat_postgresql": (flat.run_postgresql, flat.SIZE),
}
"""By name only: of one that is long, or long itself."""


def main() -> int:
    """Read the arguments, run, tell."""
    every = BENCHMARKS | PARTS
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(every))
    parser.add_argument("--size", type=int, help="instead of each one's usual size")
    given = parser.parse_args()
    unknown = set(given.names) - set(every)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    begun = time.perf_counter()
    failed = []
    for name in given.names or BENCHMARKS:
        run, usual = every[name]
        failed += _failed(name, run(given.size or usual))
    minutes = (time.perf_counter() - begun) / 60
    print(f"{minutes:.1f} minutes; {len(failed)} below the bar", *failed, sep="\n  ", flush=True)
    return 1 if failed else 0


def _failed(name: str, found: object) -> list[str]:
    """What did not keep its bar; a benchmark without bars is just printed."""
    if not isinstance(found, Sequence):
        print(f"{name}: {found}", flush=True)
        return []
    reports: Sequence[Report] = found
    return [
        f"{report.title}: {line.name}" for report in reports for line in report.lines if not line.ok
    ]


if __name__ == "__main__":
    sys.exit(main())
