"""The doorbell, on a real Valkey: rings, says nothing personal, and is not missed when it is gone."""

from __future__ import annotations

import json
import time
import zlib

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer
from structlog.testing import capture_logs

from portal import queue, sweep
from portal.extensions import db
from portal.invitations import service as invitations
from portal.mail import jobs
from portal.mail.models import OutboxMessage, SweepLease
from portal.transaction import atomic
from tests.conftest import free_port
from tests.factories import make_house, make_patient


@pytest.fixture
def valkey(configure, valkey_url):
    configure(redis_url=valkey_url)
    client = redis.Redis.from_url(valkey_url)
    client.flushall()
    yield client
    client.close()


def work_off() -> None:
    """One worker until the queue is empty."""
    worker = queue.make_worker()
    worker.work(burst=True, logging_level="ERROR")


def test_a_ring_is_a_name_and_an_opaque_id(app, valkey) -> None:
    assert queue.ring("mail.deliver", "abc")
    (key,) = valkey.keys("rq:job:*")
    held = valkey.hgetall(key)
    assert json.loads(zlib.decompress(held[b"data"])) == [
        "portal.queue.answer", None, ["mail.deliver", "abc"], {},
    ]  # fmt: skip
    assert held[b"description"] == b"mail.deliver abc"
    assert 0 < valkey.ttl(key) <= queue.UNHEARD_FOR


def test_a_worker_answers_and_leaves_nothing_behind(app, moment, smtp, valkey) -> None:
    make_invited(moment)
    work_off()
    assert len(smtp.received) == 1
    assert valkey.keys("rq:job:*") == []
    assert valkey.keys("rq:results:*") == []


def test_nothing_personal_stands_in_the_queue_even_after_an_error(
    app, moment, valkey, monkeypatch, caplog
) -> None:
    make_invited(moment)

    def broken(public_id):
        raise RuntimeError("Jenny Harris, 536-90-4399")

    monkeypatch.setitem(queue._jobs, "mail.deliver", broken)
    with capture_logs() as told:
        work_off()
    everything = b" ".join(valkey.dump(key) or b"" for key in valkey.keys("*"))
    for secret in (b"Jenny", b"Harris", b"536", b"example.com"):
        assert secret not in everything
    assert [line["event"] for line in told] == ["queue.job_failed"]
    assert "Jenny" not in f"{told} {caplog.text}"


def test_a_planted_job_does_not_run(app, valkey, tmp_path) -> None:
    harm = tmp_path / "harm"
    queue_ = Queue(queue.QUEUE, connection=valkey, serializer=JSONSerializer)
    queue_.enqueue_call("os.mkdir", args=(str(harm),))
    Queue(queue.QUEUE, connection=valkey).enqueue_call("os.mkdir", args=(str(harm),))  # pickled
    queue.ring("no.such.job", "abc")
    work_off()
    work_off()
    assert not harm.exists()


def test_without_a_queue_server_a_ring_is_quick_and_harmless(app, configure) -> None:
    configure(redis_url=f"redis://127.0.0.1:{free_port()}/0")
    began = time.monotonic()
    assert not queue.ring("mail.deliver", "abc")
    assert not queue.ping()
    assert time.monotonic() - began < 1.0


def test_a_queue_server_that_hangs_does_not_hold_a_page(app, configure) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as deaf:
        configure(redis_url=f"redis://127.0.0.1:{deaf.getsockname()[1]}/0")
        began = time.monotonic()
        assert not queue.ring("mail.deliver", "abc")
        assert time.monotonic() - began < 2.5


def test_emptied_between_enqueue_and_send_the_sweep_rings_again(app, moment, smtp, valkey) -> None:
    make_invited(moment)
    valkey.flushall()
    work_off()
    assert smtp.received == []
    jobs.sweep_outbox(moment.now)
    work_off()
    assert len(smtp.received) == 1


def test_without_a_queue_server_the_sweep_sends_by_itself(app, moment, smtp, configure) -> None:
    make_invited(moment)
    jobs.sweep_outbox(moment.now)
    assert len(smtp.received) == 1


def test_sweeps_run_under_a_lease_that_passes_on_when_its_holder_dies(app, moment) -> None:
    assert sweep.take_lease("mail", holder="one", now=moment.now)
    assert sweep.take_lease("mail", holder="one", now=moment.now), "the holder renews"
    assert not sweep.take_lease("mail", holder="two", now=moment.now)
    assert not sweep.take_lease("mail", holder="two", now=moment.pass_(seconds=29))
    assert sweep.take_lease("mail", holder="two", now=moment.pass_(seconds=1))
    assert db.session.get(SweepLease, "mail").holder == "two"


def test_one_task_that_fails_does_not_keep_the_others_from_their_turn(
    app, moment, monkeypatch
) -> None:
    ran = []

    def broken(now):
        raise RuntimeError("Jenny Harris")

    def leaves_a_write_open(now):
        with atomic():
            db.session.query(OutboxMessage).delete()
        raise KeyError("x")

    tasks = {"first": broken, "second": leaves_a_write_open, "third": ran.append}
    monkeypatch.setattr(sweep, "_tasks", tasks)
    with capture_logs() as told:
        assert sweep.once(holder="one", now=moment.now) == ["third"]
    assert ran == [moment.now]
    assert [(line["event"], line["task"]) for line in told] == [
        ("sweep.failed", "first"),
        ("sweep.failed", "second"),
    ]
    assert "Jenny" not in str(told)


def make_invited(moment) -> None:
    house = make_house()
    patient = make_patient(house)
    assert invitations.enable_and_invite(patient=patient, by=house.hand, now=moment.now)
