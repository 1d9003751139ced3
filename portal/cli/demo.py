"""``demo``: a believable practice to look around in."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from portal import clock
from portal.demo import service
from portal.errors import Refused
from portal.settings import settings

_WORDS = {
    "production": "The demo has no place in production (APP_ENV).",
    "practice_exists": "There is a practice of this name already, so the demo is not made again."
    " Choose another --practice, or an empty PORTAL_DATA_DIR.",
}
_TELL_EVERY = 50_000


@click.command("demo")
@click.option(
    "--patients",
    type=click.IntRange(min=0),
    help="How many patients, up to millions. Default: the sixty.",
)
@click.option("--practice", "practice_name", default=service.PRACTICE, show_default=True)
@with_appcontext
def demo(patients: int | None, practice_name: str) -> None:
    """Make a practice with patients in every state. All log-ins have one password.

    It is taken from PORTAL_DEMO_PASSWORD; without that one is made up, and printed here only.
    """
    given = settings().portal_demo_password.get_secret_value()
    password = given or service.new_password()
    try:
        made = service.make(
            password=password,
            now=clock.now(),
            practice_name=practice_name.strip(),
            patients=patients,
            told=_tell_progress,
        )
    except Refused as error:
        raise click.ClickException(_WORDS[error.code]) from error
    click.echo(f"Made {made.practice} with {made.patients:,} patients.")
    log_ins = [log_in for log_in in (*made.staff, made.patient) if log_in is not None]
    if given:
        names = ", ".join(log_in.name for log_in in log_ins)
        click.echo(f"Log in with the password of PORTAL_DEMO_PASSWORD as {names}.")
        return
    click.echo(f"All of these have the password (shown this once)  {password}")
    for log_in in log_ins:
        click.echo(f"  {log_in.name:28}{log_in.who}")


def _tell_progress(done: int) -> None:
    if done % _TELL_EVERY == 0:
        click.echo(f"  {done:,} patients …", err=True)
