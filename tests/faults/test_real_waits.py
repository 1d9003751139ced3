"""The waits as they are in real life, for the scenarios run at a fraction of them (faults.md "How to run them")."""

from __future__ import annotations

from config import Settings
from portal import worker
from portal.mail import rules, transport
from portal.queue import RECONNECT_EVERY
from tests.faults.ground import FULL, SCALE, SHORT_LEASE


def test_the_real_waits_are_those_of_the_design(monkeypatch) -> None:
    for name in FULL.waits:
        monkeypatch.delenv(name, raising=False)
    real = Settings(_env_file=None)  # type: ignore[call-arg]
    assert real.mail_retry_scale == 1.0
    assert real.sweep_interval == 30
    assert real.mail_lease == 60, "so long a killed worker's mails wait"
    assert transport.BEFORE_DOT * real.mail_timeout == 60, "no worker is stuck for longer"
    assert transport.AFTER_DOT * real.mail_timeout == 600, "but at the dot (RFC 5321 §4.5.3.2.6)"
    assert rules.PROBES[0].total_seconds() == 5, "a closed server is not asked more often"
    assert rules.PROBES[-1].total_seconds() == 60, "nor less often (interface.md Bulk)"
    assert rules.DOUBT_WAIT.total_seconds() == 15 * 60
    assert rules.DOUBTFUL_TRIES == 2, "it repeats once"
    assert worker.GRACE < 30, "a worker ends within half a minute of SIGTERM"
    assert RECONNECT_EVERY < 60, "the queue server is found again"


def test_the_real_waits_are_run_at_a_twentieth_of_them() -> None:
    real = Settings(_env_file=None)  # type: ignore[call-arg]
    assert float(FULL.waits["MAIL_LEASE"]) == real.mail_lease, "where nobody dies nobody loses it"
    for name, value in {**FULL.waits, "MAIL_LEASE": SHORT_LEASE}.items():
        assert float(value) == getattr(real, name.lower()) * SCALE
