"""The words of the practice's lists."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from portal.schedule.keeping import Kind
from portal.schedule.states import AppointmentState as State

MEANINGS: dict[State, LazyString] = {
    State.SCHEDULED: _l("Planned"),
    State.CONFIRMED: _l("Confirmed"),
    State.ARRIVED: _l("The patient is here"),
    State.IN_ROOM: _l("The patient is in a room"),
    State.COMPLETED: _l("The visit is over"),
    State.NO_SHOW: _l("The patient did not come"),
    State.CANCELLED: _l("Cancelled"),
}
TITLES: dict[Kind, LazyString] = {
    Kind.OFFICE: _l("Offices"),
    Kind.ROOM: _l("Exam rooms"),
    Kind.PROFILE: _l("Profiles"),
    Kind.ELIGIBILITY: _l("Eligibility profiles"),
    Kind.STATUS: _l("Statuses"),
    Kind.CONSENT: _l("Consent forms"),
}
LEADS: dict[Kind, LazyString] = {
    Kind.OFFICE: _l("Where patients are seen. Times of appointments are those of the office."),
    Kind.PROFILE: _l("What kind of visit it is, and how long one usually takes."),
    Kind.ELIGIBILITY: _l("What the patient’s coverage is asked for."),
    Kind.STATUS: _l(
        "What you call how an appointment stands. The meaning is what the program goes by."
    ),
    Kind.CONSENT: _l(
        "What patients sign. Those that are ticked here are ticked on a new appointment."
    ),
}
NEW: dict[Kind, LazyString] = {
    Kind.OFFICE: _l("Add an office"),
    Kind.ROOM: _l("Add an exam room"),
    Kind.PROFILE: _l("Add a profile"),
    Kind.ELIGIBILITY: _l("Add an eligibility profile"),
    Kind.STATUS: _l("Add a status"),
    Kind.CONSENT: _l("Add a consent form"),
}
EDIT: dict[Kind, LazyString] = {
    Kind.OFFICE: _l("Edit office"),
    Kind.ROOM: _l("Edit exam room"),
    Kind.PROFILE: _l("Edit profile"),
    Kind.ELIGIBILITY: _l("Edit eligibility profile"),
    Kind.STATUS: _l("Edit status"),
    Kind.CONSENT: _l("Edit consent form"),
}
SAID: dict[str, LazyString] = {
    "added": _l("Added %(name)s."),
    "saved": _l("Saved %(name)s."),
    "unchanged": _l("Nothing was changed."),
    "closed": _l("Closed %(name)s. Appointments that have it keep it."),
    "opened": _l("%(name)s is offered again."),
    "name_taken": _l("There is one of this name already. A closed one can be opened again."),
    "last_one": _l(
        "Nothing was changed: %(name)s is the last one, and appointments cannot do without."
    ),
}
