"""The stories, each a list of when and what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from portal.demo.history import Life, Scene
from portal.demo.person import Person, Story
from portal.mail.rules import Kind, Reason, Result

Verb = Callable[[Life, datetime], None]
Step = tuple[timedelta, Verb]
"""When it happens: after the story's beginning or, if negative, before now."""


def after(days: int = 0, hours: int = 0, minutes: int = 0) -> timedelta:
    """So long after the story's beginning."""
    return timedelta(days=days, hours=hours, minutes=minutes)


def ago(days: int, hours: int = 0) -> timedelta:
    """So long before now."""
    return -timedelta(days=days, hours=hours)


_INVITED: tuple[Step, ...] = ((after(), Life.invite), (after(minutes=1), Life.pass_scanner))
_REGISTERED: tuple[Step, ...] = (
    *_INVITED,
    (after(hours=26), Life.open_link),
    (after(hours=26, minutes=6), Life.register),
)
_LOCKED: tuple[Step, ...] = (
    *_INVITED,
    (after(hours=5), Life.open_link),
    *((after(hours=5, minutes=2 + n), Life.guess_wrong) for n in range(5)),
)

STORIES: dict[Story, tuple[Step, ...]] = {
    Story.UNTOLD: (),
    Story.READY: ((after(), Life.enable),),
    Story.INVITED: ((after(), Life.invite), (after(minutes=2), Life.be_away)),
    Story.OPENED: (*_INVITED, (after(hours=7), Life.open_link)),
    Story.TRIED: (
        *_INVITED,
        (after(hours=4), Life.open_link),
        (after(hours=4, minutes=3), Life.guess_wrong),
        (after(hours=4, minutes=5), Life.guess_wrong),
    ),
    Story.RESENT: (*_INVITED, (after(hours=25), Life.resend)),
    Story.MAIL_DELAYED: ((after(), Life.invite),),
    Story.MAIL_DOUBTFUL: ((after(), Life.invite),),
    Story.BOUNCED: ((after(), Life.invite), (after(minutes=9), Life.bounce)),
    Story.EXPIRED: _INVITED,
    Story.FRESH_LINK: (
        *_INVITED,
        (ago(days=2, hours=1), Life.open_link),
        (ago(days=2), Life.ask_fresh_link),
    ),
    Story.EMAIL_CHANGED: (
        (after(), Life.invite),
        (after(days=2), Life.change_email),
        (after(days=2, minutes=4), Life.resend),
    ),
    Story.MAIL_FAILED: ((after(), Life.invite),),
    Story.RESEND_FAILED: (*_INVITED, (after(days=3), Life.resend)),
    Story.LOCKED: _LOCKED,
    Story.NOT_ME: (
        *_INVITED,
        (after(hours=3), Life.open_link),
        (after(hours=3, minutes=1), Life.say_not_me),
    ),
    Story.REVOKED: (*_INVITED, (after(hours=20), Life.complain), (after(days=1), Life.revoke)),
    Story.ACTIVE: (*_REGISTERED, (after(days=5), Life.visit), (ago(days=1), Life.visit)),
    Story.ACTIVE_AFTER_LOCK: (
        *_LOCKED,
        (after(days=1), Life.invite),
        (after(days=1, hours=8), Life.open_link),
        (after(days=1, hours=8, minutes=5), Life.register),
        (ago(days=5), Life.visit),
    ),
    Story.DISABLED: (*_REGISTERED, (after(days=40), Life.visit), (after(days=90), Life.disable)),
    Story.BACK: (
        *_REGISTERED,
        (after(days=30), Life.visit),
        (after(days=120), Life.disable),
        (after(days=200), Life.invite),
        (ago(days=3), Life.visit),
    ),
    Story.BACK_UNSEEN: (
        *_REGISTERED,
        (after(days=60), Life.disable),
        (ago(days=6), Life.invite),
    ),
    Story.LEFT: (*_REGISTERED, (after(days=100), Life.visit), (ago(days=45), Life.set_end_date)),
    Story.LEAVING: (*_REGISTERED, (ago(days=2), Life.set_end_date)),
    Story.DIED: ((after(), Life.note_death),),
    Story.DIED_ACTIVE: (
        *_REGISTERED,
        (after(days=200), Life.visit),
        (ago(days=60), Life.note_death),
    ),
    Story.OPTED_OUT: ((after(), Life.opt_out),),
    Story.OPTED_OUT_ACTIVE: (*_REGISTERED, (ago(days=12), Life.opt_out)),
}

ANSWERS: dict[Story, tuple[Result, ...]] = {
    Story.MAIL_DELAYED: (
        Result(Kind.TEMPORARY, Reason.MAILBOX_FULL, "452 4.2.2 Mailbox full, try again later"),
    ),
    Story.MAIL_DOUBTFUL: (Result(Kind.UNKNOWN, Reason.CUT_OFF),) * 2,
    Story.MAIL_FAILED: (
        Result(Kind.PERMANENT, Reason.NO_SUCH_MAILBOX, "550 5.1.1 No such mailbox here"),
    ),
    Story.RESEND_FAILED: (
        Result(Kind.ACCEPTED),
        Result(Kind.PERMANENT, Reason.MAILBOX_DISABLED, "550 5.2.1 Mailbox disabled"),
    ),
}
"""What the mail server says in a story, mail by mail; beyond that it accepts."""


def begin(scene: Scene, people: tuple[Person, ...]) -> None:
    """Lay out what happens to these people; ``scene.chronicle`` plays it."""
    for number, person in enumerate(people, start=1):
        life = Life(scene, person, number=number)
        life.expect(*ANSWERS.get(person.story, ()))
        start = _start(scene, person, number)
        scene.chronicle.add(_enrolled(scene, person, number), life.enroll)
        for offset, verb in STORIES[person.story]:
            at = start + offset if offset >= timedelta(0) else scene.chronicle.until + offset
            scene.chronicle.add(at, _act(verb, life))


def _start(scene: Scene, person: Person, number: int) -> datetime:
    if person.since < 1:
        return scene.chronicle.until - timedelta(days=person.since)
    return scene.moment(days_before=int(person.since), minute=_office_minute(number))


def _enrolled(scene: Scene, person: Person, number: int) -> datetime:
    days = int(person.since) + 20 + number * 11 % 300
    return scene.moment(days_before=days, minute=_office_minute(number + 5))


def _office_minute(number: int) -> int:
    """A minute between nine and five, not the same for everybody."""
    return 9 * 60 + number * 37 % 470


def _act(verb: Verb, life: Life) -> Callable[[datetime], None]:
    return lambda when: verb(life, when)
