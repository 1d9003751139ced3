"""How times, dates and numbers are shown (3.3: "May 17, 2022, 3:04 p.m."), always in the practice's time zone."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from flask import Flask
from flask_babel import get_locale

from portal.people import rules


def init_app(app: Flask) -> None:
    """Register them for templates."""
    app.add_template_filter(day)
    app.add_template_filter(short_day)
    app.add_template_filter(moment)
    app.add_template_filter(phone)


def day(value: date | None, *, zone: str | None = None) -> str:
    """ "May 17, 2022"; a moment needs the ``zone`` whose calendar is meant."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        value = value.astimezone(ZoneInfo(zone or "UTC")).date()
    return format_date(value, format="long" if _spanish() else "MMMM d, y", locale=locale())


def short_day(value: date | None, *, zone: str | None = None) -> str:
    """ "May 17, 2022" with the month cut short: "Nov 14, 2026"."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        value = value.astimezone(ZoneInfo(zone or "UTC")).date()
    return format_date(value, format="d MMM y" if _spanish() else "MMM d, y", locale=locale())


def day_of_year(value: date) -> str:
    """ "Nov 14": the day without its year."""
    return format_date(value, format="d MMM" if _spanish() else "MMM d", locale=locale())


def moment(value: datetime | None, zone: str) -> str:
    """ "May 17, 2022, 3:04 p.m." in the IANA time zone ``zone``."""
    if value is None:
        return ""
    local = value.astimezone(ZoneInfo(zone))
    return f"{day(local.date())}, {clock_time(local)}"


def clock_time(local: datetime) -> str:
    """ "3:04 p.m." of a local time."""
    text = format_time(local, format="h:mm", locale=locale(), tzinfo=local.tzinfo)
    before, after = ("a. m.", "p. m.") if _spanish() else ("a.m.", "p.m.")
    return f"{text} {before if local.hour < 12 else after}"


def phone(e164: str | None, country: str = "US") -> str:
    """National format for the practice's own country, else international."""
    return rules.format_phone(e164, country) if e164 else ""


def locale() -> str:
    """The language of this request."""
    found = get_locale()
    return str(found) if found else "en"


def _spanish() -> bool:
    return locale().startswith("es")
