"""``practice add`` and ``staff add``: the first things a new installation needs."""

from __future__ import annotations

import sys

import click
from flask.cli import AppGroup

from portal import clock
from portal.audit.actor import system
from portal.errors import NotFound, Refused
from portal.people import rules
from portal.people.rules import ValueRefused
from portal.people.wording import REFUSALS
from portal.practices import service as practices
from portal.practices.models import Role

HAND = system("Command line")

practice = AppGroup("practice", help="Practices of this installation.")
staff = AppGroup("staff", help="People who work at a practice.")

_WORDS = {
    "name_taken": "There is a practice of this name already.",
    "time_zone_unknown": "This is no IANA time zone. Example: America/New_York.",
    "email_taken": "Somebody logs on with this address already.",
    "password_too_short": "The password needs at least 15 characters.",
    "password_too_long": "The password is longer than 256 characters.",
    "password_common": "This password stands on the lists that attackers try first.",
    "password_repetitive": "The password repeats itself or runs along the keyboard.",
    "password_personal": "The password is made of the person's or the practice's own words.",
}


@practice.command("add")
@click.argument("name")
@click.option("--time-zone", default="America/New_York", show_default=True, help="IANA time zone.")
@click.option("--phone", help="The number that patients are told to call.")
@click.option("--country", default="US", show_default=True, help="ISO country code.")
def add_practice(name: str, time_zone: str, phone: str | None, country: str) -> None:
    """Add a practice."""
    try:
        number = rules.parse_phone(phone, country).e164 if phone else None
        practices.add_practice(
            name=name.strip(),
            time_zone=time_zone,
            phone=number,
            country=country.upper(),
            by=HAND,
            now=clock.now(),
        )
    except ValueRefused as error:
        raise click.ClickException(str(REFUSALS[error.refusal])) from error
    except Refused as error:
        raise click.ClickException(_WORDS[error.code]) from error
    click.echo(f"Added the practice {name}. Next: flask --app wsgi staff add …")


@staff.command("add")
@click.argument("email")
@click.option("--practice", "practice_name", required=True)
@click.option(
    "--role",
    type=click.Choice([role.value.replace("_", "-") for role in Role]),
    required=True,
)
@click.option("--name", required=True, help="As colleagues and the Access History know the person.")
@click.option(
    "--provider/--no-provider", default=None, help="Also a provider of care (default: by role)."
)
@click.option(
    "--shares-patients",
    is_flag=True,
    help="The provider shares patients with the others who share.",
)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def add_staff(
    email: str,
    practice_name: str,
    role: str,
    name: str,
    provider: bool | None,
    shares_patients: bool,
    password_stdin: bool,
) -> None:
    """Add a staff member; asks for a password of at least 15 characters."""
    password = (
        sys.stdin.readline().rstrip("\r\n")
        if password_stdin
        else click.prompt("Password", hide_input=True, confirmation_prompt=True)
    )
    kind = Role(role.replace("-", "_"))
    try:
        home = practices.get_practice(practice_name)
        member = practices.add_staff(
            practice=home,
            email=rules.parse_email(email),
            name=name.strip(),
            role=kind,
            password=password,
            by=HAND,
            now=clock.now(),
        )
        if provider if provider is not None else kind is Role.PROVIDER:
            practices.add_provider(
                practice=home,
                name=name.strip(),
                shares_patients=shares_patients,
                staff=member,
                by=HAND,
                now=clock.now(),
            )
    except NotFound as error:
        raise click.ClickException(f"There is no practice called {practice_name}.") from error
    except ValueRefused as error:
        raise click.ClickException(str(REFUSALS[error.refusal])) from error
    except Refused as error:
        raise click.ClickException(_WORDS[error.code]) from error
    click.echo(f"Added {name}, {role} of {practice_name}.")
