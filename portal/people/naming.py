"""How a person's name is written for staff. Pure."""

from __future__ import annotations

from typing import Protocol


class Named(Protocol):
    """Whoever has the names of a chart."""

    given_name: str
    middle_name: str
    family_name: str
    preferred_name: str
    record_number: str


def chart_name(person: Named) -> str:
    """ "Jenny (Jen) Harris": the heading of a chart (3.1). Without any name, the record number."""
    names = [_given(person), _nickname(person), person.family_name]
    return " ".join(name for name in names if name) or person.record_number


def list_name(person: Named) -> str:
    """ "Harris, Jenny (Jen)": a line of a list ordered by family name."""
    first = " ".join(name for name in (_given(person), _nickname(person)) if name)
    return ", ".join(name for name in (person.family_name, first) if name) or person.record_number


def short_name(person: Named) -> str:
    """ "Jenny H." for staff; without a first name the last one, without any the record number."""
    return hello_name(person) or person.family_name or person.record_number


def hello_name(person: Named) -> str:
    """ "Jenny H.": first name and initial, where others may read along (8.1, 8.12); empty without a first name."""
    if not person.given_name:
        return ""
    initial = f"{person.family_name[0].upper()}." if person.family_name else ""
    return f"{person.given_name} {initial}".rstrip()


def _given(person: Named) -> str:
    return " ".join(name for name in (person.given_name, person.middle_name) if name)


def _nickname(person: Named) -> str:
    preferred = person.preferred_name
    return f"({preferred})" if preferred and preferred != person.given_name else ""
