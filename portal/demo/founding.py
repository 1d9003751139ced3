"""Found a practice of the demo: its staff members and providers, hired long ago."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.addresses import email_key
from portal.audit import service as audit
from portal.audit.actor import system
from portal.demo import names
from portal.demo.chronicle import Chronicle
from portal.demo.history import Scene
from portal.errors import NotFound
from portal.extensions import db
from portal.practices import service as practices
from portal.practices.models import Practice, Role, StaffMember

HAND = system("Demo")
_OPENED = timedelta(days=1200)
"""How long a practice has existed: longer than any chart in it."""
_OFFICE = "198.51.100.20"


@dataclass(frozen=True, slots=True)
class Post:
    """One staff member to be."""

    local_part: str
    """Of the log-on address."""
    name: str
    role: Role
    is_provider: bool = False
    shares_patients: bool = False


FAMILY_PRACTICE = (
    Post("admin", "James Smith", Role.ADMINISTRATOR),
    Post("provider", "Dr. Who", Role.PROVIDER, is_provider=True, shares_patients=True),
    Post("provider2", "Dr. What", Role.PROVIDER, is_provider=True, shares_patients=True),
    Post("provider3", "Dr. Which", Role.PROVIDER, is_provider=True),
    Post("frontdesk", "Rosa Martin", Role.FRONT_DESK),
)
LAKESIDE_CLINIC = (
    Post("admin2", "Alan Shore", Role.ADMINISTRATOR),
    Post("lake", "Dr. Lake", Role.PROVIDER, is_provider=True),
)


@dataclass(frozen=True, slots=True)
class Founded:
    """What stands now."""

    scene: Scene
    staff: tuple[StaffMember, ...]


def found(
    name: str, posts: tuple[Post, ...], *, chronicle: Chronicle, password_hash: str
) -> Founded:
    """A practice with its people, in the caller's transaction.

    They log on at example.com or, where somebody has these addresses already, at a domain of the practice.
    """
    opened_at = chronicle.until - _OPENED
    domain = "example.com"
    if _taken(f"{posts[0].local_part}@{domain}"):
        domain = f"{names.slug(name).replace('.', '-')}.{domain}"
    practice = practices.add_practice(
        name=name,
        time_zone="America/New_York",
        phone="+16175550100",
        country="US",
        by=HAND,
        now=opened_at,
    )
    staff = tuple(
        _hire(practice, post, f"{post.local_part}@{domain}", password_hash, now=opened_at)
        for post in posts
    )
    providers = {
        post.name: practices.add_provider(
            practice=practice,
            name=post.name,
            shares_patients=post.shares_patients,
            staff=member,
            by=HAND,
            now=opened_at,
        ).id
        for post, member in zip(posts, staff, strict=True)
        if post.is_provider
    }
    scene = Scene(
        practice=practice,
        providers=providers,
        hands=tuple(practices.actor(member, client=_OFFICE) for member in staff),
        chronicle=chronicle,
        password_hash=password_hash,
        username_ending="" if domain == "example.com" else f".{domain.partition('.')[0]}",
    )
    return Founded(scene, staff)


def _hire(
    practice: Practice, post: Post, email: str, password_hash: str, *, now: datetime
) -> StaffMember:
    # As practices.add_staff does it, which hashes each password anew and so cannot be called inside a
    # transaction; here all have one password, chosen by whoever started the demo.
    member = StaffMember(
        practice_id=practice.id,
        email=email,
        email_key=email_key(email),
        name=post.name,
        role=post.role.value,
        password_hash=password_hash,
        created_at=now,
    )
    db.session.add(member)
    db.session.flush()
    audit.record(
        "staff.added",
        practice_id=practice.id,
        by=HAND,
        now=now,
        subject=("staff", member.id),
        staff=member.public_id,
        role=post.role.value,
    )
    return member


def _taken(email: str) -> bool:
    try:
        practices.get_staff_by_email(email)
    except NotFound:
        return False
    return True
