"""The list of what an invitation needs (2.2): a tick or a cross, words, and the value as it may be shown."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.people.rules import (
    Identifier,
    IdentifiersOnFile,
    Requirements,
    format_phone,
    mask_ssn,
)
from portal.web.filters import short_day

LABELS = {
    Identifier.EMAIL: _l("Email"),
    Identifier.SSN: _l("Social security number"),
    Identifier.BIRTH_DATE: _l("Date of birth"),
    Identifier.PHONE: _l("Phone number"),
}


@dataclass(frozen=True, slots=True)
class RequirementRow:
    """One identifier."""

    label: str
    met: bool
    value: str
    words: str
    or_before: bool


def requirement_rows(
    on_file: IdentifiersOnFile, needs: Requirements, *, blocked: bool, country: str
) -> tuple[RequirementRow, ...]:
    """Every identifier in order; one that is missing but not needed says so.

    ``blocked``: whoever reads the address said "This is not me", so it does not count.
    """
    values = {
        Identifier.EMAIL: on_file.email or "",
        Identifier.SSN: mask_ssn(on_file.ssn_last_four) if on_file.ssn_last_four else "",
        Identifier.BIRTH_DATE: short_day(on_file.birth_date),
        Identifier.PHONE: format_phone(on_file.phones[0], country) if on_file.phones else "",
    }
    rows = []
    for identifier, held in needs.ticks:
        refused = blocked and identifier is Identifier.EMAIL
        needed = identifier in needs.missing
        rows.append(
            RequirementRow(
                label=str(LABELS[identifier]),
                met=held and not refused,
                value=values[identifier],
                words=_words(held=held, refused=refused, needed=needed),
                or_before=identifier is Identifier.BIRTH_DATE,
            )
        )
    return tuple(rows)


def _words(*, held: bool, refused: bool, needed: bool) -> str:
    if refused:
        return str(_("Not theirs"))
    if held:
        return str(_("On file"))
    return str(_("Missing") if needed else _("Not needed"))
