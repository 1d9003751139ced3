"""A practice's pictures: set, removed, read."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from sqlalchemy import select

from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.errors import NotFound
from portal.extensions import db
from portal.pictures.models import Picture, Purpose
from portal.pictures.rules import CleanPicture
from portal.transaction import atomic


def of_practice(practice_id: int) -> dict[Purpose, Picture]:
    """Its pictures, without their bytes."""
    query = select(Picture).where(Picture.practice_id == practice_id)
    return {Purpose(picture.purpose): picture for picture in db.session.scalars(query)}


def get(*, practice_id: int, public_id: str) -> Picture:
    """One of the practice's pictures.

    Raises:
        NotFound: there is none of this id, or it is another practice's.
    """
    query = select(Picture).where(
        Picture.practice_id == practice_id, Picture.public_id == public_id
    )
    picture = db.session.scalar(query)
    if picture is None:
        raise NotFound("picture")
    return picture


def data_of(picture: Picture) -> bytes:
    """Its bytes; of the pictures in use they are kept in memory, for every mail asks for them."""
    return _data(picture.public_id)


def put(
    *, practice_id: int, purpose: Purpose, picture: CleanPicture, by: Actor, now: datetime
) -> Picture:
    """Set the practice's picture for a purpose; the one before is gone for good."""
    with atomic():
        _delete(practice_id, purpose)
        row = Picture(
            practice_id=practice_id,
            purpose=purpose.value,
            media_type=picture.media_type,
            width=picture.width,
            height=picture.height,
            data=picture.data,
            added_at=now,
        )
        db.session.add(row)
        db.session.flush()
        audit.record(
            "picture.set",
            practice_id=practice_id,
            by=by,
            now=now,
            subject=("picture", row.id),
            picture=row.public_id,
            purpose=purpose.value,
        )
    return row


def remove(*, practice_id: int, purpose: Purpose, by: Actor, now: datetime) -> bool:
    """Take the picture of a purpose away; False when there was none."""
    with atomic():
        gone = _delete(practice_id, purpose)
        if gone is None:
            return False
        audit.record(
            "picture.removed",
            practice_id=practice_id,
            by=by,
            now=now,
            subject=("picture", gone.id),
            picture=gone.public_id,
            purpose=purpose.value,
        )
    return True


def _delete(practice_id: int, purpose: Purpose) -> Picture | None:
    picture = of_practice(practice_id).get(purpose)
    if picture is not None:
        db.session.delete(picture)
        db.session.flush()
    return picture


@lru_cache(maxsize=64)
def _data(public_id: str) -> bytes:
    return db.session.scalars(select(Picture.data).where(Picture.public_id == public_id)).one()
