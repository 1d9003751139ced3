"""200 parallel redemptions of one link from 4 processes: exactly one account, or one new password (faults.md, 9)."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections import Counter

from sqlalchemy import func, select

from portal import clock
from portal.accounts import reset_passwords, sign_up
from portal.accounts.models import AccountPerson, PortalAccount
from portal.accounts.sign_up import NewAccount
from portal.audit.actor import Actor, ActorKind
from portal.audit.models import AuditEvent
from portal.audit.service import first_broken_link
from portal.extensions import db
from tests.conftest import KEY, ROOT, Database
from tests.factories import PASSWORD, make_house, make_invitation
from tests.resets import NEW, make_active, send_reset

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
    outcomes = race("sign-up", database, handles)
    assert outcomes == {"passed": 1, "used": PROCESSES * EACH - 1}
    links = select(func.count()).where(AccountPerson.patient_id == patient_id)
    assert db.session.scalar(links) == 1
    assert db.session.scalar(select(func.count()).select_from(PortalAccount)) == 1
    created = select(func.count()).where(AuditEvent.event == "account.created")
    assert db.session.scalar(created) == 1
    assert first_broken_link(practice_id) is None


def race(what: str, database: Database, handles: list[str]) -> Counter[str]:
    """Everybody at once; what came of it, counted."""
    db.session.remove()
    start_at = time.time() + 4
    racers = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.racer",
                what,
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
    return outcomes


def test_one_reset_changes_one_password(app, database) -> None:
    house = make_house()
    patient = make_active(app, house)
    reset = send_reset(house, patient)
    handles = [f"handle-{n}" for n in range(PROCESSES * EACH)]
    for handle in handles:
        reset_passwords.begin(
            reset=reset,
            handle=handle,
            password=NEW,
            by=Actor(ActorKind.LINK, None, "Racer", handle),
            now=clock.now(),
        )
    practice_id = house.practice.id
    outcomes = race("reset", database, handles)
    # whoever comes after the winner finds the link used, or what they had typed gone with it
    assert outcomes["passed"] == 1
    assert outcomes["passed"] + outcomes["used"] + outcomes["pending_gone"] == PROCESSES * EACH
    changed = select(func.count()).where(AuditEvent.event == "account.password_changed")
    assert db.session.scalar(changed) == 1
    assert first_broken_link(practice_id) is None
