"""A practice, a patient, and whatever the rooms above hear of the schedule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from portal.hooks import Hook
from portal.people.models import Patient
from portal.schedule import changes
from tests.factories import House, make_house, make_patient

HEARD = ("booked", "moved", "cancelled", "reopened", "completed")


@pytest.fixture
def house(app, moment) -> House:
    return make_house()


@pytest.fixture
def jenny(house) -> Patient:
    return make_patient(house, email="jenny@example.com")


@dataclass
class Ear:
    """What was heard since it was last asked, in order."""

    heard: list[str] = field(default_factory=list)

    def take(self) -> list[str]:
        told, self.heard = self.heard, []
        return told


@pytest.fixture
def ear() -> Iterator[Ear]:
    """Listens at every hook."""
    made, listening = Ear(), []
    for name in HEARD:
        hook: Hook[Any] = getattr(changes, name)

        def hear(*_: Any, said: str = name) -> None:
            made.heard.append(said)

        hook.register(hear)
        listening.append((hook, hear))
    yield made
    for hook, hear in listening:
        hook._callbacks.remove(hear)
