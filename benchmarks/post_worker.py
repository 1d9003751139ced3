"""One of two processes that send: ours, a bare loop, or single jobs. Told "go" on its input, it tells what it did.

``python -m benchmarks.post_worker ours|bare|jobs``, with ``BENCH_URL`` and ``BENCH_DATA`` as for gunicorn, the mail
server's port in ``BENCH_SMTP``, and how many connections a worker may keep in ``MAIL_CONNECTIONS``.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import resource
import smtplib
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask
from flask_mail import Mail, Message
from sqlalchemy import select

from benchmarks import places
from portal.extensions import db

_LONGEST = 600.0
_BELL = 0.002
"""Seconds until a worker that has nothing to do hears the bell; it does not ask the database meanwhile."""


def main() -> int:
    """Answer each line of input: ``go NUMBER``."""
    work = {"ours": _ours, "run": _run, "bare": _bare, "jobs": _jobs}[sys.argv[1]]()
    print("ready", flush=True)
    for line in sys.stdin:
        told = line.split()[1]
        used = time.process_time()
        done = work(told)
        used = time.process_time() - used
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"done {done} {used:.4f} {memory}", flush=True)
    return 0


def application() -> Flask:
    """On ``BENCH_URL``, with its mail going to ``BENCH_SMTP``."""
    os.environ["MAIL_SERVER"], os.environ["MAIL_PORT"] = "127.0.0.1", os.environ["BENCH_SMTP"]
    return places.served()


def _ours() -> Callable[[str], int]:
    from portal.mail import delivery

    app = application()

    def work(_: str) -> int:
        with app.app_context():
            done = delivery.deliver(within=_LONGEST)
            places.forget_connections()
            return done.accepted

    return _profiled(work) if os.environ.get("BENCH_PROFILE") else work


def _run() -> Callable[[str], int]:
    from portal.bulk import jobs as bulk_jobs
    from portal.bulk.models import BulkRun
    from portal.mail import delivery

    app = application()
    taken = 0
    real = delivery.deliver

    def counted(*args: Any, **more: Any) -> delivery.Delivered:
        nonlocal taken
        done = real(*args, **more)
        taken += done.accepted
        return done

    delivery.deliver = counted

    def work(run: str) -> int:
        nonlocal taken
        taken = 0
        with app.app_context():
            while True:
                bulk_jobs.work_on(run, within=5.0)
                done = counted(within=5.0)
                state = db.session.scalar(select(BulkRun.state).where(BulkRun.public_id == run))
                db.session.rollback()
                if not done.claimed:
                    if state == "done":
                        break
                    time.sleep(_BELL)
            places.forget_connections()
        return taken

    return work


def _bare() -> Callable[[str], int]:
    raw = Path(os.environ["BENCH_MAIL"]).read_bytes()

    def work(told: str) -> int:
        number = int(told)
        with smtplib.SMTP("127.0.0.1", int(os.environ["BENCH_SMTP"]), "localhost") as kept:
            for _ in range(number):
                kept.sendmail("bounce@localhost", ["jenny@example.com"], raw)
        return number

    return work


def _jobs() -> Callable[[str], int]:
    """One Flask-Mail message per RQ job, as one would do it who has read both manuals."""
    from redis import Redis
    from rq import Queue, SimpleWorker

    from benchmarks import post_worker  # this module as the jobs know it, not __main__

    connection = Redis.from_url(os.environ["BENCH_REDIS"])

    def work(_: str) -> int:
        before = len(post_worker.SENT)
        worker = SimpleWorker([Queue("single", connection=connection)], connection=connection)
        worker.work(burst=True, logging_level="ERROR")
        return len(post_worker.SENT) - before

    return work


def send_one(number: int) -> None:
    """The job: a message of Flask-Mail's, with text and HTML, over a connection of its own."""
    text = Path(os.environ["BENCH_MAIL"]).read_text()
    with _plain().app_context():
        message = Message(
            "Connect with Family Practice via the patient portal",
            sender="no-reply@localhost",
            recipients=[f"jenny{number}@example.com"],
            body=text[:1_200],
            html=text[1_200:],
        )
        _mail.send(message)
    SENT.append(number)


SENT: list[int] = []
"""What jobs have sent in this process."""


@lru_cache(maxsize=1)
def _plain() -> Flask:
    app = Flask("plain")
    app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=int(os.environ["BENCH_SMTP"]))
    _mail.init_app(app)
    return app


_mail = Mail()


def _profiled(work: Callable[[str], int]) -> Callable[[str], int]:
    def profiled(told: str) -> int:
        profile = cProfile.Profile(time.thread_time)
        done = profile.runcall(work, told)
        with Path(os.environ["BENCH_PROFILE"]).open("a") as file:
            pstats.Stats(profile, stream=file).sort_stats("tottime").print_stats(45)
        return done

    return profiled


if __name__ == "__main__":
    sys.exit(main())
