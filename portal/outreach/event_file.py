"""The appointment as a file for calendars (RFC 5545, RFC 5546 METHOD:PUBLISH): when and where, not why."""

from __future__ import annotations

from datetime import timedelta

from flask_babel import gettext as _
from icalendar import Calendar, Event, vCalAddress, vText

from portal.mail.addresses import own_domain
from portal.people.mail import sender_address
from portal.schedule.models import Appointment


def event_file(appointment: Appointment) -> bytes:
    """The file, in the current language.

    The same appointment keeps its UID and counts its SEQUENCE up, so that a calendar moves what it holds.
    """
    practice = appointment.practice
    event = Event()
    event.add("uid", f"{appointment.public_id}@{own_domain()}")
    event.add("sequence", appointment.version)
    event.add("dtstamp", appointment.updated_at)
    event.add("dtstart", appointment.starts_at)
    event.add("dtend", appointment.starts_at + timedelta(minutes=appointment.minutes))
    event.add("summary", _("Appointment with %(practice)s", practice=practice.name))
    event.add("location", appointment.office.name)
    event.add("status", "CONFIRMED")
    event.add("class", "PRIVATE")
    event.add("organizer", _organizer(practice.name, sender_address(practice)))
    calendar = Calendar()
    calendar.add("prodid", "-//Vestibule//Appointments//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def _organizer(name: str, address: str) -> vCalAddress:
    organizer = vCalAddress(f"mailto:{address}")
    organizer.params["cn"] = vText(name)
    return organizer
