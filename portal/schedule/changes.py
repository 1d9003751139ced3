"""What the rooms above hear of, inside the commit of the change; each of them hangs its callbacks on here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from portal.audit.actor import Actor
from portal.hooks import Hook
from portal.schedule.models import Appointment

booked: Hook[[Appointment, Actor, datetime]] = Hook()
"""An appointment was made, one by one (an import says :data:`imported`)."""
moved: Hook[[Appointment, Actor, datetime]] = Hook()
"""Its start changed."""
cancelled: Hook[[Appointment, Actor, datetime]] = Hook()
reopened: Hook[[Appointment, Actor, datetime]] = Hook()
"""It was cancelled, and will take place after all."""
completed: Hook[[Appointment, Actor, datetime]] = Hook()
"""It was marked complete, for the first time."""
imported: Hook[[Sequence[int], Actor, datetime]] = Hook()
"""Appointments with these numbers came in, or were changed, by a file."""
