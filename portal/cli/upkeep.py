"""``worker``, ``audit verify`` and ``doctor``: what operators run."""

from __future__ import annotations

import sys

import click
from flask import current_app
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import select

from portal import queue
from portal.audit.service import first_broken_link
from portal.extensions import db
from portal.outreach.jobs import DUE
from portal.practices.models import Practice
from portal.settings import settings
from portal.worker import run_worker

audit = AppGroup("audit", help="The audit trail.")


@click.command("worker")
@with_appcontext
def worker() -> None:
    """Send mail and sweep until stopped."""
    run_worker(current_app._get_current_object())  # type: ignore[attr-defined]


@click.command("scheduler")
@click.option(
    "--every", default=60, show_default=True, type=click.IntRange(1, 3600), help="Seconds."
)
@with_appcontext
def scheduler(every: int) -> None:
    """Wake a worker for the mails that the clock makes due, until stopped; more than one does no harm."""
    queue.keep_time(DUE, every=every)


@audit.command("verify")
def verify() -> None:
    """Prove every practice's hash chain; exit code 1 names the first link that does not hold."""
    broken = False
    for practice in db.session.scalars(select(Practice).order_by(Practice.id)).all():
        where = first_broken_link(practice.id)
        broken |= where is not None
        click.echo(
            f"{practice.name}: " + ("whole" if where is None else f"broken at event {where}")
        )
    sys.exit(1 if broken else 0)


@click.command("doctor")
@with_appcontext
def doctor() -> None:
    """Tell what this installation stands on and whether each part answers."""
    held = settings()
    click.echo(f"environment     {held.app_env}")
    click.echo(f"database        {db.engine.dialect.name}")
    click.echo(
        f"queue server    {'answers' if queue.ping() else 'does not answer (mail goes out by the sweep)'}"
    )
    click.echo(f"mail server     {held.mail_server or 'none'}:{held.mail_port}")
    click.echo(f"public address  {held.public_base_url}")
