"""How every import ends at the command line: what is told, and the exit code (12.1)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from portal.exchange import report as reports
from portal.exchange.record import UnreadableFile
from portal.exchange.report import Outcome


@contextmanager
def told_if_unreadable(*, as_json: bool) -> Iterator[None]:
    """What cannot be read ends the program with exit code 2."""
    try:
        yield
    except UnreadableFile as error:
        if as_json:
            click.echo(json.dumps(reports.unreadable_as_dict(error)))
        else:
            click.echo(reports.unreadable_as_text(error), err=True)
        sys.exit(2)


def end(done: Outcome, told: dict[str, Any] | str, *, skip_rejected: bool) -> None:
    """Tell what it came to; exit code 1 where rejected rows kept all of it from being applied."""
    click.echo(told if isinstance(told, str) else json.dumps(told))
    if done.rejected and not skip_rejected:
        sys.exit(1)
