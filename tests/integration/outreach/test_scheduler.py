"""RQ's own cron scheduler rings, and nothing but a name stands in the queue."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zlib
from datetime import timedelta
from typing import Any

import pytest
import redis

from portal import queue
from portal.outreach.jobs import DUE
from tests.conftest import ROOT, free_port
from tests.factories import make_patient
from tests.integration.outreach import diary


@pytest.fixture
def valkey(app: Any, valkey_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    held = app.extensions["vestibule.settings"].model_copy(update={"redis_url": valkey_url})
    monkeypatch.setitem(app.extensions, "vestibule.settings", held)
    monkeypatch.delitem(app.extensions, "vestibule.queue", raising=False)
    client = redis.Redis.from_url(valkey_url)
    client.flushall()
    yield client
    client.close()
    app.extensions.pop("vestibule.queue", None)


def test_a_ring_of_the_scheduler_is_a_ring_like_any_other(app: Any, valkey: Any) -> None:
    scheduler = queue.make_scheduler(DUE, every=60)
    scheduler.enqueue_jobs()
    scheduler.enqueue_jobs()  # within the same minute: nothing
    (key,) = valkey.keys("rq:job:*")
    assert json.loads(zlib.decompress(valkey.hget(key, "data"))) == [
        "portal.queue.answer", None, [DUE, ""], {},
    ]  # fmt: skip


def test_two_schedulers_ring_twice_and_it_goes_out_once(
    house: Any, moment: Any, valkey: Any
) -> None:
    diary.book(house, make_patient(house), moment.now + timedelta(days=3))
    for _ in range(2):
        queue.make_scheduler(DUE, every=60).enqueue_jobs()
    assert len(valkey.keys("rq:job:*")) == 2
    queue.make_worker().work(burst=True, logging_level="ERROR")
    assert len(diary.mails()) == 1


def test_nothing_personal_stands_in_the_queue(house: Any, moment: Any, valkey: Any) -> None:
    scheduler = queue.make_scheduler(DUE, every=60)
    scheduler.register_birth()
    scheduler.enqueue_jobs()
    scheduler.save()
    held = b" ".join(valkey.dump(key) or b"" for key in valkey.keys("*"))
    for secret in (b"Jenny", b"Harris", b"example.com", b"pickle"):
        assert secret not in held
    scheduler.register_death()


def test_the_command_waits_for_a_queue_server_that_is_gone_and_ends_when_asked(app: Any) -> None:
    held = app.extensions["vestibule.settings"]
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "wsgi", "scheduler"],
        cwd=ROOT,
        env={
            **os.environ,
            "APP_ENV": "testing",
            "DATABASE_URL": held.database,
            "SECRET_KEY": held.secret_key.get_secret_value(),
            "DATA_ENCRYPTION_KEY": held.data_encryption_key.get_secret_value(),
            "PUBLIC_BASE_URL": held.public_base_url,
            "PORTAL_DATA_DIR": str(held.portal_data_dir),
            "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    assert "queue.gone" in process.stdout.readline()
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert time.monotonic() - began < 5
    process.stdout.close()
