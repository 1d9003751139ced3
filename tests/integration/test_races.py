"""200 parallel redemptions of one link from 4 processes: exactly one account (faults.md, 9)."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections import Counter

from sqlalchemy import func, select

from portal import clock
from portal.accounts import sign_up
from portal.accounts.models import AccountPerson, PortalAccount
from portal.accounts.sign_up import NewAccount
from portal.audit.actor import Actor, ActorKind
from portal.audit.models import AuditEvent
from portal.audit.service import first_broken_link
from portal.extensions import db
from tests.conftest import KEY, ROOT
from tests.factories import PASSWORD, make_house, make_invitation

PROCESSES, EACH = 4, 50


def test_one_link_makes_one_account(app, database) -> None:
    house = make_house()
    invitation = make_invitation(house)
    practice_id, patient_id = house.practice.id, invitation.patient_id
    handles = [f"handle-{n}" for n in range(PROCESSES * EACH)]
    for n, handle in enumerate(handles):
        sign_up.begin(
            invitation=invitation,
            handle=handle,
            new=NewAccount("Jenny", invitation.email, f"jenny.{n}", PASSWORD, "en"),
            by=Actor(ActorKind.LINK, None, "Racer", handle),
            now=clock.now(),
        )
    db.session.remove()
    start_at = time.time() + 4
    racers = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.racer",
                database.url,
                KEY,
                str(start_at),
                *handles[n::PROCESSES],
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(PROCESSES)
    ]
    outcomes: Counter[str] = Counter()
    for racer in racers:
        out, err = racer.communicate(timeout=120)
        assert racer.returncode == 0, err
        assert "locked" not in err, err
        outcomes.update({name: int(times) for name, times in re.findall(r"(\w+)=(\d+)", out)})
    assert outcomes == {"passed": 1, "used": PROCESSES * EACH - 1}
    links = select(func.count()).where(AccountPerson.patient_id == patient_id)
    assert db.session.scalar(links) == 1
    assert db.session.scalar(select(func.count()).select_from(PortalAccount)) == 1
    created = select(func.count()).where(AuditEvent.event == "account.created")
    assert db.session.scalar(created) == 1
    assert first_broken_link(practice_id) is None
