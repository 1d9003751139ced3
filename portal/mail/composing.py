"""From rows of the outbox to mails that are ready to go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

import structlog
from flask_babel import force_locale
from sqlalchemy.exc import DBAPIError

from portal import queue
from portal.mail import registry, skeleton
from portal.mail.addresses import BadAddress
from portal.mail.message import letter
from portal.mail.models import OutboxMessage
from portal.mail.registry import Composed
from portal.mail.rules import Kind, Reason, Result
from portal.mail.templates import Draft
from portal.mail.transport import Letter

log = structlog.get_logger()

Written = dict[int, Letter | Result]
"""By the mail's number: the mail, or why there is none."""


def write(messages: Sequence[OutboxMessage], *, now: datetime) -> Written:
    """All of these mails, from the rows of their rooms as they are now.

    What fails fails alone: one mail that cannot be written must not hold up the others.
    """
    together = defaultdict(list)
    for message in messages:
        together[message.purpose, message.language].append(message)
    written: Written = {}
    for (purpose, language), alike in together.items():
        with force_locale(language):
            if registry.drafts_many(purpose):
                written |= _from_drafts(alike, now=now)
            else:
                written |= {message.id: _compose(message, now=now) for message in alike}
    return written


def _from_drafts(messages: Sequence[OutboxMessage], *, now: datetime) -> Written:
    try:
        drafts = registry.drafts(messages, now=now)
    except DBAPIError:
        raise
    except Exception as error:  # noqa: BLE001 (which of them it is shows one by one)
        if len(messages) == 1:
            return {messages[0].id: _cannot(messages[0], error)}
        return dict(_one_by_one(messages, now=now))
    return {message.id: _finish(message, drafts.get(message.id), now=now) for message in messages}


def _one_by_one(
    messages: Sequence[OutboxMessage], *, now: datetime
) -> Iterator[tuple[int, Letter | Result]]:
    for message in messages:
        yield from _from_drafts([message], now=now).items()


def _compose(message: OutboxMessage, *, now: datetime) -> Letter | Result:
    try:
        composed = registry.compose(message, now=now)
    except DBAPIError:
        raise
    except Exception as error:  # noqa: BLE001 (see write)
        return _cannot(message, error)
    return _finish(message, composed, now=now)


def _finish(
    message: OutboxMessage, what: Draft | Composed | None, *, now: datetime
) -> Letter | Result:
    if what is None:
        return Result(Kind.NOT_WANTED)
    try:
        if isinstance(what, Composed):
            return letter(message, what, now=now)
        ready = skeleton.letter(message, what, now=now)
        return ready or letter(message, what.composed(), now=now)
    except BadAddress:
        return Result(Kind.PERMANENT, Reason.BAD_ADDRESS)
    except Exception as error:  # noqa: BLE001 (see write)
        return _cannot(message, error)


def _cannot(message: OutboxMessage, error: Exception) -> Result:
    log.error("mail.cannot_compose", purpose=message.purpose, **queue.told(error))
    return Result(Kind.PERMANENT, Reason.CANNOT_COMPOSE)
