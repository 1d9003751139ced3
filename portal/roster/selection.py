"""Select patients of the list: rows, or all that match as a snapshot (5.6)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Select, bindparam, delete, insert, literal, select, update

from portal import tokens
from portal.extensions import db
from portal.logons.models import Logon
from portal.people.models import Patient
from portal.roster import service as roster
from portal.roster.rows import RosterFilter
from portal.roster.selection_models import Selection, SelectionItem
from portal.transaction import atomic

KEPT = timedelta(hours=12)
"""Longer than any log-on of staff lasts."""
_CHUNK = 20_000
_OF_LOGON = select(Selection).where(Selection.logon_id == bindparam("logon"))


def find(*, logon_id: int) -> Selection | None:
    """What this log-on has selected; None: nobody yet."""
    return db.session.scalar(_OF_LOGON, {"logon": logon_id})


def mark(
    *,
    practice_id: int,
    logon_id: int,
    shown: Collection[str],
    ticks: Collection[str],
    now: datetime,
) -> int:
    """The rows of one page as they are ticked; whoever is not on that page stays as they were.

    Args:
        shown: public ids of the page's patients; other practices' are passed over.
        ticks: those of them that are to be selected.

    Returns:
        How many are selected now.
    """
    with atomic():
        selection = _own(practice_id=practice_id, logon_id=logon_id, now=now)
        known = {
            public_id: number
            for number, public_id in db.session.execute(
                select(Patient.id, Patient.public_id).where(
                    Patient.practice_id == practice_id, Patient.public_id.in_(shown)
                )
            )
        }
        inside = set(
            db.session.scalars(
                patient_ids(selection).where(SelectionItem.patient_id.in_(known.values()))
            )
        )
        wanted = {number for public_id, number in known.items() if public_id in ticks}
        leaving = inside - wanted
        joining = wanted - inside
        if leaving:
            db.session.execute(
                delete(SelectionItem).where(
                    SelectionItem.selection_id == selection.id,
                    SelectionItem.patient_id.in_(leaving),
                )
            )
        if joining:
            db.session.execute(
                insert(SelectionItem),
                [{"selection_id": selection.id, "patient_id": number} for number in joining],
            )
        selection.number += len(joining) - len(leaving)
        return selection.number


def select_all(
    *,
    practice_id: int,
    logon_id: int,
    filter: RosterFilter,  # noqa: A002 (the field's word)
    now: datetime,
) -> int:
    """All that match at this moment, instead of whoever was selected before; returns how many.

    Who matches later is not in it, and who ceases to match stays.
    """
    with atomic():
        _let_go(logon_id)
        selection = _own(practice_id=practice_id, logon_id=logon_id, now=now)
        matching = roster.matching_ids(practice_id=practice_id, filter=filter, now=now).subquery()
        done = db.session.execute(
            insert(SelectionItem).from_select(
                ["selection_id", "patient_id"],
                # in the order of the key: a million rows go in without jumping about (1.1 s instead of 13)
                select(literal(selection.id), matching.c.patient_id).order_by(
                    matching.c.patient_id
                ),
            ),
            execution_options={"preserve_rowcount": True},
        )
        selection.number = int(getattr(done, "rowcount", 0))
        return selection.number


def clear(*, logon_id: int) -> None:
    """Nobody is selected any more."""
    with atomic():
        _let_go(logon_id)


def ticked(selection: Selection, public_ids: Collection[str]) -> set[str]:
    """Which of these patients, by public id, are in it."""
    return set(
        db.session.scalars(
            select(Patient.public_id)
            .join(SelectionItem, SelectionItem.patient_id == Patient.id)
            .where(SelectionItem.selection_id == selection.id, Patient.public_id.in_(public_ids))
        )
    )


def patient_ids(selection: Selection) -> Select[int]:
    """All who are in it, as a query: for ``INSERT … SELECT``."""
    return select(SelectionItem.patient_id).where(SelectionItem.selection_id == selection.id)


def forget_old(*, now: datetime) -> int:
    """The sweep: take away what was cleared or used, and what outlived its log-on; returns how many items.

    In short commits, for a selection may hold a million patients.
    """
    gone = 0
    over = Selection.logon_id.is_(None) | (Selection.made_at < now - KEPT)
    while True:
        with atomic():
            number = db.session.scalar(select(Selection.id).where(over).limit(1))
            if number is None:
                return gone
            some = (
                select(SelectionItem.patient_id)
                .where(SelectionItem.selection_id == number)
                .limit(_CHUNK)
            )
            done = db.session.execute(
                delete(SelectionItem).where(
                    SelectionItem.selection_id == number, SelectionItem.patient_id.in_(some)
                )
            )
            removed = int(getattr(done, "rowcount", 0))
            gone += removed
            if removed < _CHUNK:
                db.session.execute(delete(Selection).where(Selection.id == number))


def _own(*, practice_id: int, logon_id: int, now: datetime) -> Selection:
    """The log-on's selection, locked; a new one if there is none."""
    # two first ticks at once would both make one: the log-on's row lets one pass after the other
    db.session.execute(select(Logon.id).where(Logon.id == logon_id).with_for_update())
    selection = find(logon_id=logon_id)
    if selection is None:
        selection = Selection(
            public_id=tokens.public_id(),
            practice_id=practice_id,
            logon_id=logon_id,
            number=0,
            made_at=now,
        )
        db.session.add(selection)
        db.session.flush()
    return selection


def _let_go(logon_id: int) -> None:
    db.session.execute(
        update(Selection).where(Selection.logon_id == logon_id).values(logon_id=None)
    )
