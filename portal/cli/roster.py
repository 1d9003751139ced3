"""``counters check``: prove the list of patients and its counters."""

from __future__ import annotations

import sys

import click
from flask.cli import AppGroup
from sqlalchemy import select

from portal import clock
from portal.extensions import db
from portal.practices.models import Practice
from portal.roster import service

counters = AppGroup("counters", help="The list of all patients and its counters.")


@counters.command("check")
def check() -> None:
    """Compare every row and counter with the facts they follow from; exit code 1 lists the differences."""
    wrong = False
    for practice_id, name in _practices():
        found = service.check(practice_id, clock.now())
        wrong |= bool(found)
        click.echo(f"{name}: " + (f"{len(found)} differences" if found else "true"))
        for difference in found:
            click.echo(f"  {difference}")
    sys.exit(1 if wrong else 0)


@counters.command("rebuild")
def rebuild() -> None:
    """Make all rows and counters anew from the facts."""
    for practice_id, name in _practices():
        service.rebuild(practice_id, now=clock.now())
        click.echo(f"{name}: made anew")


def _practices() -> list[tuple[int, str]]:
    rows = db.session.execute(select(Practice.id, Practice.name).order_by(Practice.id))
    return [(practice_id, name) for practice_id, name in rows]
