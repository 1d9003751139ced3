"""``schedule import``: a folder of visits in."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click
from flask.cli import AppGroup

from portal import clock
from portal.audit.actor import system
from portal.cli.imports import end, told_if_unreadable
from portal.errors import NotFound
from portal.exchange import schedule_report
from portal.exchange.schedule_service import import_schedule
from portal.practices import service as practices

schedule = AppGroup("schedule", help="The practice's appointments.")


@schedule.command("import")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, path_type=Path))
@click.option("--practice", "practice_name", required=True)
@click.option(
    "--shift-to",
    type=click.DateTime(formats=["%Y-%m-%d"]),
    help="Move everything by whole weeks, so that an old export becomes a schedule around this date.",
)
@click.option("--dry-run", is_flag=True, help="Check and tell, change nothing.")
@click.option(
    "--skip-rejected", is_flag=True, help="Apply the usable rows although others are not."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def import_folder(
    folder: Path,
    practice_name: str,
    shift_to: datetime | None,
    dry_run: bool,
    skip_rejected: bool,
    as_json: bool,
) -> None:
    """Bring in visits from CSV (Synthea's encounters.csv with providers.csv and organizations.csv, or
    appointments.csv) or FHIR R4 (Appointment, Encounter).

    Import the patients first: a visit of a patient whom the practice does not have is left out and told. Exit code
    1: a row was unusable, so nothing was applied. 2: the folder cannot be read.
    """
    try:
        practice = practices.get_practice(practice_name)
    except NotFound as error:
        raise click.UsageError(f"This practice is not known: {practice_name}.") from error
    with told_if_unreadable(as_json=as_json):
        done = import_schedule(
            folder,
            practice=practice,
            by=system("Import"),
            now=clock.now(),
            shift_to=shift_to.date() if shift_to else None,
            dry_run=dry_run,
            skip_rejected=skip_rejected,
        )
    told = schedule_report.as_dict(done) if as_json else schedule_report.as_text(done)
    end(done, told, skip_rejected=skip_rejected)
