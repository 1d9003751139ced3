"""The doorbell: the only module that knows RQ and Redis.

The database is the truth and the queue only wakes workers (architecture, rule 1). A ring carries a job's name and an
opaque id, nothing else; whatever rings or does not ring, the sweep finds what is due. RQ alone lost or doubled jobs
in every configuration when workers were killed (security.md), so nothing here is relied on.
"""

from __future__ import annotations

import signal
import threading
import time
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any

import structlog
from flask import Flask, current_app
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue, SimpleWorker
from rq.cron import CronJob, CronScheduler
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.timeouts import BaseDeathPenalty
from rq.worker import WorkerStatus

from portal.settings import settings
from portal.transaction import after_commit

log = structlog.get_logger()

QUEUE = "vestibule"
UNHEARD_FOR = 600
"""Seconds after which a ring that nobody answered is forgotten; the sweep has seen to it long since."""
CONNECT_WITHIN = 0.5
ANSWER_WITHIN = 1.0
RECONNECT_EVERY = 2.0

stopping = threading.Event()
"""Set when this process was asked to end: whoever works finishes the piece in hand and stops."""

_jobs: dict[str, Callable[[str], object]] = {}


def job(name: str) -> Callable[[Callable[[str], object]], Callable[[str], object]]:
    """Decorator: this function answers rings of ``name``; it is given the opaque id, or ""."""

    def register(function: Callable[[str], object]) -> Callable[[str], object]:
        _jobs[name] = function
        return function

    return register


def ring(name: str, public_id: str = "") -> bool:
    """Wake a worker. Never raises: False when the queue server does not answer, and the sweep does it then."""
    if not settings().redis_url:
        return False
    try:
        _put(_client(), name, public_id)
    except RedisError as error:
        log.warning("queue.unreachable", job=name, error=type(error).__name__)
        return False
    return True


def _put(connection: Redis, name: str, public_id: str) -> Job:
    return Queue(QUEUE, connection=connection, serializer=JSONSerializer).enqueue_call(
        "portal.queue.answer",
        args=(name, public_id),
        timeout=-1,
        ttl=UNHEARD_FOR,
        result_ttl=0,
        failure_ttl=60,
        description=f"{name} {public_id}".strip(),
    )


def ring_after_commit(name: str, public_id: str = "") -> None:
    """Wake a worker once the surrounding ``atomic()`` has committed."""
    after_commit(lambda: ring(name, public_id))


def ping() -> bool:
    """Whether the queue server answers."""
    if not settings().redis_url:
        return False
    try:
        return bool(_client().ping())
    except RedisError:
        return False


def answer(name: str, public_id: str) -> None:
    """What RQ calls. Errors end here, told without any value: what RQ keeps of a failure would be kept in the queue."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    function = _jobs.get(name)
    if function is None:
        log.error("queue.unknown_job", job=name)
        return
    with app.app_context():
        try:
            function(public_id)
        except Exception as error:  # noqa: BLE001 (a failed job must not end the worker)
            log.error("queue.job_failed", job=name, id=public_id, **told(error))


def told(error: BaseException) -> dict[str, Any]:
    """An error for the log: its type and places, never its message, which may carry a person's data."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames]
    return {"error": type(error).__name__, "at": places}


def work() -> None:
    """Answer rings until this process is asked to end; a queue server that is gone is waited for.

    Must run in the main thread, inside an application context. SIGTERM and SIGINT let the job in hand finish.
    """
    _keep_at(lambda: make_worker().work(logging_level="ERROR"), on_signal=_stop)


def _keep_at(run: Callable[[], object], *, on_signal: Callable[..., None]) -> None:
    """Run it again and again until this process is asked to end."""
    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    told_missing = False
    try:
        while not stopping.is_set():
            try:
                if settings().redis_url:
                    run()
                    told_missing = False
            except RedisError as error:
                if not told_missing:
                    log.warning("queue.gone", error=type(error).__name__)
                    told_missing = True
            if not stopping.is_set():
                time.sleep(RECONNECT_EVERY)
    except StopRequested:
        pass


def make_worker() -> SimpleWorker:
    """A worker of the one queue.

    Raises:
        redis.exceptions.RedisError: the queue server does not answer.
    """
    global _worker
    connection = Redis.from_url(settings().redis_url, socket_connect_timeout=CONNECT_WITHIN)
    _worker = _Worker(
        [QUEUE], connection=connection, serializer=JSONSerializer, job_class=_Job, worker_ttl=60
    )
    return _worker


def keep_time(name: str, *, every: int) -> None:
    """Ring ``name`` every so many seconds by RQ's own cron scheduler, until this process is asked to end.

    Must run in the main thread, inside an application context. A queue server that is gone is waited for. Any number
    of schedulers may ring at once: a ring only wakes somebody.
    """
    _keep_at(
        lambda: make_scheduler(name, every=every).start(),  # type: ignore[no-untyped-call]
        on_signal=_stop_keeping_time,
    )


def make_scheduler(name: str, *, every: int) -> CronScheduler:
    """It keeps nothing of itself in the queue server but the name of a job, and times."""
    connection = Redis.from_url(
        settings().redis_url, socket_connect_timeout=CONNECT_WITHIN, socket_timeout=ANSWER_WITHIN
    )
    scheduler = _Scheduler(connection=connection, logging_level="WARNING")
    bell = _Bell(QUEUE, func=answer, args=(name, ""), interval=every, name=name)
    scheduler.get_jobs().append(bell)
    return scheduler


class _Scheduler(CronScheduler):
    def _install_signal_handlers(self) -> None:
        """They are :func:`keep_time`'s."""


class _Bell(CronJob):
    """Rings as everybody rings. RQ's own way would put a pickle into the queue, which no worker of ours reads."""

    def enqueue(self, connection: Redis) -> Job:
        return _put(connection, *self.args)


class _NoPenalty(BaseDeathPenalty):
    """No alarm: an exception thrown into the middle of a job could come between a mail and its record."""

    def setup_death_penalty(self) -> None: ...

    def cancel_death_penalty(self) -> None: ...


class _Job(Job):
    """Runs nothing but :func:`answer`, whatever somebody with access to the queue server may have planted."""

    @property
    def func(self) -> Any:
        if self.func_name != "portal.queue.answer":
            raise PermissionError("this job was not put here by the portal")
        return answer


class _Worker(SimpleWorker):
    death_penalty_class = _NoPenalty
    max_connection_wait_time = 5.0

    def _install_signal_handlers(self) -> None:
        """They are :func:`work`'s."""

    def subscribe(self) -> None:
        """Nobody commands a worker through the queue server."""

    def unsubscribe(self) -> None:
        """See :meth:`subscribe`."""


_worker: _Worker | None = None


def _stop(_signal: int, _frame: FrameType | None) -> None:
    if stopping.is_set():
        return
    stopping.set()
    if _worker is None or _worker.get_state() != WorkerStatus.BUSY:
        raise StopRequested
    _worker._stop_requested = True


def _stop_keeping_time(_signal: int, _frame: FrameType | None) -> None:
    if not stopping.is_set():
        stopping.set()
        raise StopRequested


def _client() -> Redis:
    held: Redis | None = current_app.extensions.get("vestibule.queue")
    if held is None:
        held = Redis.from_url(
            settings().redis_url,
            socket_connect_timeout=CONNECT_WITHIN,
            socket_timeout=ANSWER_WITHIN,
            retry=Retry(NoBackoff(), 0),
        )
        current_app.extensions["vestibule.queue"] = held
    return held
