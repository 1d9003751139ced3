"""Why a value is refused. The sentences are in :mod:`portal.people.wording`."""

from __future__ import annotations

from enum import StrEnum


class Refusal(StrEnum):
    """One reason each; the name of the field comes first."""

    SSN_SHAPE = "ssn_shape"
    SSN_IMPOSSIBLE = "ssn_impossible"
    SSN_DUMMY = "ssn_dummy"
    PHONE_UNREADABLE = "phone_unreadable"
    PHONE_IMPOSSIBLE = "phone_impossible"
    EMAIL_SHAPE = "email_shape"
    EMAIL_PLACEHOLDER = "email_placeholder"
    EMAIL_SEVERAL = "email_several"
    BIRTH_DATE_UNREADABLE = "birth_date_unreadable"
    BIRTH_DATE_PARTIAL = "birth_date_partial"
    BIRTH_DATE_FUTURE = "birth_date_future"
    BIRTH_DATE_TOO_OLD = "birth_date_too_old"
    DEATH_DATE_UNREADABLE = "death_date_unreadable"
    DEATH_DATE_FUTURE = "death_date_future"
    END_DATE_UNREADABLE = "end_date_unreadable"
    TEXT_CONTROL = "text_control"
    TEXT_TOO_LONG = "text_too_long"


class ValueRefused(ValueError):
    """A value cannot be what it is given for (2.4). It never carries the value itself (logs stay
    clean)."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal
