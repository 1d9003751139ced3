"""A chart's appointments, and the charting window: the visit note with Patient messaging beside it."""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from typing import Any

from portal.extensions import db
from portal.schedule import notes
from portal.schedule.models import VisitNote
from tests.factories import make_appointment, make_house, make_patient
from tests.integration.staff.clerk import Clerk, audited, field, markup, status_region, text


def note_url(made: Any) -> str:
    return f"/staff/appointments/{made.public_id}/note"


def dates(answer: Any) -> list[str]:
    return re.findall(r'id="open-[^>]*>([A-Z][a-z]{2} \d+, \d{4}), ', markup(answer))


def test_past_and_coming_the_latest_first(house, clerk, jenny) -> None:
    make_appointment(house, jenny, day=date(2026, 11, 2), reason="Cough")
    make_appointment(house, jenny, day=date(2026, 12, 2))
    make_appointment(house, make_patient(house, given_name="Sam"), day=date(2026, 12, 3))
    page = clerk.get(f"/staff/patients/{jenny.public_id}/appointments")
    assert dates(page) == ["Dec 2, 2026", "Nov 2, 2026"]
    assert text(page).count("Coming") == 1
    assert "Cough" in text(page)
    assert 'aria-current="page">Appointments' in markup(page)
    assert audited("chart.viewed")[-1].data == {"page": "appointments"}


def test_pages_there_and_back(house, clerk, jenny) -> None:
    first = date(2026, 1, 5)
    for n in range(60):
        # several at one moment: a page may end between them
        make_appointment(house, jenny, day=first + timedelta(days=n // 3))
    seen, address = [], f"/staff/patients/{jenny.public_id}/appointments"
    forwards = [address]
    while True:
        page = clerk.get(address)
        seen += re.findall(r'id="open-([\w-]+)"', markup(page))
        link = re.search(r'rel="next" href="([^"]*)"', markup(page))
        if not link:
            break
        address = link[1]
        forwards.append(address)
    assert len(seen) == len(set(seen)) == 60
    assert len(forwards) == 3
    back = re.search(r'rel="prev" href="([^"]*)"', markup(page))
    assert back
    assert re.findall(r'id="open-([\w-]+)"', markup(clerk.get(back[1]))) == seen[25:50]


def test_none_yet(clerk, jenny) -> None:
    page = clerk.get(f"/staff/patients/{jenny.public_id}/appointments")
    assert "This patient has none yet" in text(page)


def test_a_place_in_another_chart_is_none(house, clerk, jenny) -> None:
    other = make_appointment(house, make_patient(house, given_name="Sam"))
    foreign = make_appointment(make_house("Lakeside Clinic"))
    for edge in (other, foreign):
        path = f"/staff/patients/{jenny.public_id}/appointments?before={edge.public_id}"
        assert clerk.get(path).status_code == 404


def test_a_note_is_written_without_javascript(house, clerk, jenny) -> None:
    made = make_appointment(house, jenny, wall=time(9), reason="Cough")
    page = clerk.get(note_url(made))
    assert "Visit on November 23, 2026, 9:00 a.m." in text(page)
    assert field(page, "version") == "0"
    answer = clerk.post(note_url(made), text="Lungs clear.\r\nRest.", version="0")
    page = clerk.follow(answer)
    assert "Saved the visit note of Jenny H." in text(page)
    assert "Lungs clear.\nRest." in markup(page)
    assert "Last saved by James Smith, November 21, 2026, 12:00 p.m." in text(page)
    assert audited("visit_note.saved")[0].data == {"appointment": made.public_id, "version": 1}


def test_a_note_is_saved_in_place(house, clerk, jenny) -> None:
    made = make_appointment(house, jenny)
    answer = clerk.post(note_url(made), htmx=True, text="One", version="0")
    assert status_region(answer) == "Saved the visit note of Jenny H."
    assert field(answer, "version") == "1"
    again = clerk.post(note_url(made), htmx=True, text="Two", version="1")
    assert field(again, "version") == "2"


def test_the_same_text_twice_is_one_save(house, clerk, jenny) -> None:
    made = make_appointment(house, jenny)
    for _ in range(2):
        assert clerk.post(note_url(made), text="One", version="0").status_code == 303
    assert len(audited("visit_note.saved")) == 1


def test_two_who_write_at_once_see_both_texts(app, house, clerk, jenny) -> None:
    made = make_appointment(house, jenny)
    Clerk(app, house.provider_member).post(note_url(made), text="Theirs", version="0")
    for htmx in (True, False):
        answer = clerk.post(note_url(made), htmx=htmx, text="Mine", version="0")
        assert answer.status_code == 409
        assert "Theirs" in text(answer)
        assert "Mine</textarea>" in markup(answer)
        assert field(answer, "version") == "1"
        assert "Last saved by Dr. Who" in text(answer)
    clerk.post(note_url(made), text="Mine and theirs", version="1")
    db.session.rollback()
    note = db.session.get(VisitNote, made.id)
    assert note is not None
    assert (note.text, note.version) == ("Mine and theirs", 2)


def test_a_note_that_is_too_long(house, clerk, jenny) -> None:
    made = make_appointment(house, jenny)
    answer = clerk.post(note_url(made), text="x" * (notes.LONGEST + 1), version="0")
    assert answer.status_code == 422
    assert "This is too long" in text(answer)


def test_the_charting_window_invites(house, clerk, jenny) -> None:
    made = make_appointment(house, jenny)
    page = clerk.get(note_url(made))
    assert "Send patient portal invite" in text(page)
    assert field(page, "to") == note_url(made)
    answer = clerk.post(
        f"/staff/patients/{jenny.public_id}/messaging/send",
        to=note_url(made), address=field(page, "address"), template="invitation",
    )  # fmt: skip
    assert answer.headers["Location"] == note_url(made)
    assert "Re-send patient portal invite" in text(clerk.follow(answer))
