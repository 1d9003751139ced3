"""What tests of outgoing notices do and ask again and again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask_babel import force_locale
from sqlalchemy import select

from portal.extensions import db
from portal.invitations import automatic
from portal.invitations.models import Invitation
from portal.mail import registry
from portal.mail.registry import Composed, Outcome
from portal.mail.state import OutboxState
from portal.outreach import mail as outreach_mail
from portal.outreach import sending
from portal.transaction import atomic

TOMORROW = {"days": 1, "hours": 3}
"""From noon: at three in the afternoon."""


def send() -> int:
    return sending.send_due(within=60)


def starts(moment: Any, **span: float) -> Any:
    return moment.now + timedelta(**(span or TOMORROW))


def composed(message: Any, moment: Any) -> Composed:
    with force_locale(message.language):
        found = registry.compose(message, now=moment.now)
    assert found is not None
    return found


def wanted(message: Any, moment: Any) -> bool:
    asks = {
        automatic.CARRIED: automatic.is_wanted,
        outreach_mail.PURPOSE: outreach_mail.is_wanted,
    }
    return asks[message.purpose](message, now=moment.now)


def accept(
    message: Any, moment: Any, state: OutboxState = OutboxState.ACCEPTED, **more: Any
) -> None:
    with atomic():
        held = db.session.merge(message)
        held.state = state.value
        registry.tell(held, Outcome(state=state, **more), now=moment.now)


def states() -> list[tuple[str, str]]:
    db.session.rollback()
    return [
        (i.origin, i.state) for i in db.session.scalars(select(Invitation).order_by(Invitation.id))
    ]
