"""Commands (``flask --app wsgi …``), thin: each reads its arguments, calls a service and tells what it did."""

from __future__ import annotations

from flask import Flask

from portal.cli import demo, mail, patients, people, roster, schedule, upkeep


def init_app(app: Flask) -> None:
    """Register every command."""
    for group in (
        people.practice,
        people.staff,
        patients.patients,
        schedule.schedule,
        roster.counters,
        upkeep.audit,
        mail.mail,
    ):
        app.cli.add_command(group)
    for command in (demo.demo, upkeep.worker, upkeep.scheduler, upkeep.doctor):
        app.cli.add_command(command)
