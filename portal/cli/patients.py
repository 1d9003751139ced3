"""``patients import``: a patient file in (12.1)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click
from flask.cli import AppGroup

from portal import clock
from portal.audit.actor import system
from portal.cli.imports import end, told_if_unreadable
from portal.errors import NotFound
from portal.exchange import report as reports
from portal.exchange.service import import_patients
from portal.practices import service as practices

patients = AppGroup("patients", help="The practice's patients.")


@patients.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--practice", "practice_name", required=True)
@click.option(
    "--format", "file_format", type=click.Choice(["csv", "fhir"]), help="Default: by content."
)
@click.option(
    "--provider", "provider_email", help="Primary provider of new patients, by log-on e-mail."
)
@click.option("--dry-run", is_flag=True, help="Check and tell, change nothing.")
@click.option(
    "--skip-rejected", is_flag=True, help="Apply the usable rows although others are not."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def import_file(
    file: Path,
    practice_name: str,
    file_format: Literal["csv", "fhir"] | None,
    provider_email: str | None,
    dry_run: bool,
    skip_rejected: bool,
    as_json: bool,
) -> None:
    """Bring in a CSV or FHIR R4 file.

    Exit code 1: a row was unusable, so nothing of the file was applied. 2: the file cannot be read.
    """
    try:
        practice = practices.get_practice(practice_name)
        provider = None
        if provider_email:
            member = practices.get_staff_by_email(provider_email, practice_id=practice.id)
            provider = practices.provider_of(member)
            if provider is None:
                raise NotFound("provider")
    except NotFound as error:
        raise click.UsageError(f"This practice or provider is not known: {error}.") from error
    with told_if_unreadable(as_json=as_json):
        done = import_patients(
            file,
            practice=practice,
            by=system("Import"),
            now=clock.now(),
            file_format=file_format,
            provider=provider,
            dry_run=dry_run,
            skip_rejected=skip_rejected,
        )
    told = reports.as_dict(done) if as_json else reports.as_text(done)
    end(done, told, skip_rejected=skip_rejected)
