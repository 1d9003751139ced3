"""What goes over the wire, as a proxy in front would compress it."""

from __future__ import annotations

import gzip
import re

from benchmarks.browser import LIST, Browser
from benchmarks.table import Line, Report

PAGE = 12 * 1024
FIRST_LOAD = 65 * 1024
_STATIC = re.compile(r'(?:href|src)="(/static/[^"#]+)')
_LEVEL = 6


def weigh(report: Report, browser: Browser) -> None:
    """A page of 50 rows, and everything that a browser fetches for its first one."""
    page = browser.get(LIST).data
    heavy = max(
        (browser.get(f"{LIST}?pill={pill}").data for pill in ("all", "invited", "active")),
        key=_size,
    )
    files = set(_STATIC.findall(page.decode()))
    everything = _size(page) + sum(_size(browser.get(file).data) for file in files)
    for name, size, bar in (
        ("50 rows, gzipped", _size(page), PAGE),
        ("50 rows of the heaviest pill, gzipped", _size(heavy), PAGE),
        (f"first load, gzipped ({len(files)} files)", everything, FIRST_LOAD),
    ):
        report.tell(Line(name, f"{size / 1024:.1f} KB", size / 1024, bar / 1024))


def _size(body: bytes) -> int:
    return len(gzip.compress(body, _LEVEL))
