"""An open list learns what others did: rows that changed, the pills, and nothing else (issue of live truth)."""

from __future__ import annotations

import html
import json
import re

from portal import clock
from portal.access import service as access
from portal.invitations import service as invitations
from tests.doors import sign_up
from tests.factories import make_house, make_invitation, make_patient
from tests.integration.staff.clerk import Clerk, markup
from tests.integration.staff.onboarding import URL, cells, pills

NEWS = f"{URL}/news"


def carried(page) -> dict[str, object]:
    """What the open page sends when it asks."""
    rows = [
        html.unescape(value) for value in re.findall(r'name="row" value="([^"]*)"', markup(page))
    ]
    return {"row": rows, **values(page)}


def values(answer) -> dict[str, object]:
    found = re.search(r"hx-vals='([^']*)'", markup(answer))
    assert found
    return json.loads(html.unescape(found[1]))


def seconds(answer) -> int:
    return int(re.findall(r'hx-trigger="every (\d+)s', markup(answer))[0])


def test_nothing_new_is_a_few_bytes_and_asks_ever_more_seldom(clerk, jenny) -> None:
    page = clerk.get(URL)
    asked, waits = carried(page), [seconds(page)]

    for _ in range(9):
        answer = clerk.post(NEWS, htmx=True, **asked)
        assert "<tr" not in markup(answer)
        assert 'id="pills"' not in markup(answer)
        assert len(answer.data) < 600
        waits.append(seconds(answer))
        asked |= values(answer)

    assert waits == [3, 5, 8, 13, 20, 30, 60, 60, 60, 60]


def test_what_a_colleague_did_comes_with_the_pills(clerk, house, jenny) -> None:
    make_patient(house, family_name="Unchanged")
    page = clerk.get(URL)
    access.enable(patient=jenny, by=house.hand, now=clock.now())

    answer = clerk.post(NEWS, htmx=True, **(carried(page) | {"step": 6}))

    assert cells(answer, jenny)[0].startswith("Ready to invite")
    assert markup(answer).count("<tr ") == 1
    assert pills(answer)["Ready to invite"] == "1"
    assert json.loads(answer.headers["HX-Trigger"]) == {"news": "Jenny H.: Ready to invite"}
    assert seconds(answer) == 3


def test_a_patient_who_signed_up_turns_green(app, clerk, house, jenny) -> None:
    invitation = make_invitation(house, jenny)
    page = clerk.get(URL)
    sign_up(app, invitation)

    answer = clerk.post(NEWS, htmx=True, **carried(page))

    assert cells(answer, jenny)[0].startswith("Active")


def test_own_acts_are_no_news(clerk, jenny) -> None:
    page = clerk.get(URL)
    asked = carried(page)
    done = clerk.post(f"{URL}/{jenny.public_id}/enable", htmx=True)
    asked["row"] = carried_rows(done)

    answer = clerk.post(NEWS, htmx=True, **asked)

    assert "<tr" not in markup(answer)
    assert 'id="pills"' in markup(answer), "the page never saw these counts under this fingerprint"


def carried_rows(answer) -> list[str]:
    return [html.unescape(v) for v in re.findall(r'name="row" value="([^"]*)"', markup(answer))]


def test_rows_of_another_practice_are_not_answered(clerk, jenny) -> None:
    stranger = make_patient(make_house("Elsewhere"))

    answer = clerk.post(NEWS, htmx=True, row=[f"{stranger.public_id} old"])

    assert stranger.public_id not in markup(answer)


def test_it_never_keeps_a_log_on_alive(clerk: Clerk, jenny, moment) -> None:
    asked = carried(clerk.get(URL))
    for _ in range(4):
        moment.pass_(minutes=4)
        answer = clerk.post(NEWS, htmx=True, **asked)

    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"].endswith("/staff/login")


def test_many_changes_are_told_in_one_sentence(clerk, house, jenny) -> None:
    other = make_patient(house, family_name="Other", email="other@example.com")
    page = clerk.get(URL)
    for patient in (jenny, other):
        invitations.enable_and_invite(patient=patient, by=house.hand, now=clock.now())

    answer = clerk.post(NEWS, htmx=True, **carried(page))

    assert json.loads(answer.headers["HX-Trigger"]) == {"news": "2 patients have changed"}
