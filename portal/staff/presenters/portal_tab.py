"""The tab Patient Portal of Edit Information (3.5), from the facts of one patient's access."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask_babel import gettext as _

from portal.access.rules import Status
from portal.accounts.models import PortalAccount
from portal.accounts.rules import DeskRefusal
from portal.people.naming import chart_name
from portal.staff.facts import AccessFacts
from portal.staff.presenters.details import details
from portal.staff.presenters.onboarding_row import NEWEST, WAS, Act
from portal.staff.presenters.reset_act import RESET, ResetStanding, why_no_reset
from portal.staff.presenters.status import Detail, StatusView, status_view

Url = Callable[[str], str]
"""From an endpoint to its address for this patient."""


@dataclass(frozen=True, slots=True)
class ManualPassword:
    """The part that administrators see."""

    refused: str
    """Why the password cannot be set here; empty where it can."""
    hint: str
    suggest_url: str


@dataclass(frozen=True, slots=True)
class PortalTab:
    """Everything the tab shows."""

    status: StatusView
    details: tuple[Detail, ...]
    enable: Act | None
    disable: Act | None
    effect: str
    """Who loses what; asked before it is done. Empty where nothing is lost."""
    mail: str
    send: Act | None
    username: str
    credentials: bool
    """Whether there is anything to save."""
    no_credentials: str
    check_url: str
    manual: ManualPassword | None


@dataclass(frozen=True, slots=True)
class Around:
    """What the tab needs beside the facts of access."""

    account: PortalAccount | None
    reset: ResetStanding | None
    """Of an active patient."""
    desk: DeskRefusal | None
    administrator: bool
    fields: dict[str, str]
    """What every form carries: where the dialog was opened."""


def portal_tab(facts: AccessFacts, around: Around, url: Url) -> PortalTab:
    """The tab."""
    mail, send = _mail(facts, around, url)
    account = around.account
    manual = _manual(facts, around, url) if around.administrator else None
    return PortalTab(
        status=status_view(facts.status),
        details=details(facts),
        enable=_enable(facts, around, url),
        disable=_disable(facts, around, url),
        effect=_effect(facts),
        mail=mail,
        send=send,
        username=account.username if account is not None else "",
        credentials=account is not None or (manual is not None and not manual.refused),
        no_credentials=_("There is no account yet: the patient chooses a username at sign-up."),
        check_url=url("staff.check_username"),
        manual=manual,
    )


def _enable(facts: AccessFacts, around: Around, url: Url) -> Act | None:
    if facts.status is not Status.NOT_ENABLED or facts.chart_ended:
        return None
    return Act(url("staff.edit_portal_enable"), _("Enable access"), around.fields)


def _disable(facts: AccessFacts, around: Around, url: Url) -> Act | None:
    grant = facts.current
    if facts.status is Status.NOT_ENABLED or grant is None:
        return None
    fields = around.fields | {"grant": grant.public_id, WAS: facts.status.value}
    return Act(url("staff.edit_portal_disable"), _("Disable access"), fields)


def _effect(facts: AccessFacts) -> str:
    name = chart_name(facts.patient)
    match facts.status:
        case Status.INVITED:
            return _(
                "What was sent or handed to %(name)s stops working for good, and portal access ends."
                " To let them in later, enable access again and send a new invitation.",
                name=name,
            )
        case Status.ACTIVE:
            return _(
                "%(name)s can no longer log on to this chart; whoever is logged on now is logged off."
                " The record and the Access History stay. Access can be enabled again later.",
                name=name,
            )
        case _:
            return ""


def _mail(facts: AccessFacts, around: Around, url: Url) -> tuple[str, Act | None]:
    """What a click on **Send invitation/reset email** would send, or why there is nothing to click."""
    email = facts.patient.email
    if facts.obstacles or email is None:
        return _("No email can be sent: see Portal access for what stands in the way."), None
    if facts.status is Status.NOT_ENABLED:
        return _("Enable access first. Then an invitation can go to %(email)s.", email=email), None
    fields = around.fields | {"address": email}
    if around.reset is not None:
        if around.reset.obstacle is not None:
            return why_no_reset(around.reset.obstacle, facts.patient), None
        words = _(
            "The patient has an account: a reset email goes to %(email)s. Its link works for one hour.",
            email=email,
        )
        fields[RESET] = around.reset.newest
    else:
        days = facts.patient.practice.invitation_days
        words = _(
            "An invitation goes to %(email)s. Its link works for %(days)s days.",
            email=email,
            days=days,
        )
        if facts.status is Status.INVITED and facts.newest is not None:
            fields[NEWEST] = facts.newest.public_id
    return words, Act(url("staff.edit_portal_send"), _("Send invitation/reset email"), fields)


def _manual(facts: AccessFacts, around: Around, url: Url) -> ManualPassword:
    hint = _("15 characters or more. It is shown once after saving, on a card to print.")
    return ManualPassword(
        refused=_refused(facts, around), hint=hint, suggest_url=url("staff.suggest_password")
    )


def _refused(facts: AccessFacts, around: Around) -> str:
    if facts.chart_ended:
        return _("No password can be set here: the chart has ended.")
    match around.desk:
        case DeskRefusal.SECOND_FACTOR:
            return _("No password can be set here: the account has a second factor.")
        case DeskRefusal.OTHER_PERSON:
            return _("No password can be set here: the account holds another person, too.")
        case DeskRefusal.OTHER_PRACTICE:
            return _("No password can be set here: the account is used at another practice, too.")
        case _:
            return ""
