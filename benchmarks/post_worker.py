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
from pathlib import Path

from flask import Flask

from benchmarks import places

_LONGEST = 600.0


def main() -> int:
    """Answer each line of input: ``go NUMBER``."""
    work = {"ours": _ours, "bare": _bare, "jobs": _jobs}[sys.argv[1]]()
    print("ready", flush=True)
    for line in sys.stdin:
        number = int(line.split()[1])
        begun, used = time.perf_counter(), time.process_time()
        done = work(number)
        took, used = time.perf_counter() - begun, time.process_time() - used
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"done {done} {took:.4f} {used:.4f} {memory}", flush=True)
    return 0


def application() -> Flask:
    """On ``BENCH_URL``, with its mail going to ``BENCH_SMTP``."""
    os.environ["MAIL_SERVER"], os.environ["MAIL_PORT"] = "127.0.0.1", os.environ["BENCH_SMTP"]
    return places.served()


def _ours() -> Callable[[int], int]:
    from portal.mail import delivery

    app = application()

    def work(_: int) -> int:
        with app.app_context():
            done = delivery.deliver(within=_LONGEST)
            places.forget_connections()
            return done.accepted

    return _profiled(work) if os.environ.get("BENCH_PROFILE") else work


def _bare() -> Callable[[int], int]:
    raw = Path(os.environ["BENCH_MAIL"]).read_bytes()

    def work(number: int) -> int:
        with smtplib.SMTP("127.0.0.1", int(os.environ["BENCH_SMTP"]), "localhost") as kept:
            for _ in range(number):
                kept.sendmail("bounce@localhost", ["jenny@example.com"], raw)
        return number

    return work


def _jobs() -> Callable[[int], int]:
    """One Flask-Mail message per RQ job, as one would do it who has read both manuals."""
    from redis import Redis
    from rq import Queue, SimpleWorker

    connection = Redis.from_url(os.environ["BENCH_REDIS"])

    def work(_: int) -> int:
        worker = SimpleWorker([Queue("single", connection=connection)], connection=connection)
        worker.work(burst=True, logging_level="ERROR")
        return worker.successful_job_count

    return work


def send_one(number: int) -> None:
    """The job: a message of Flask-Mail's, with text and HTML, over a connection of its own."""
    from flask_mail import Mail, Message

    global _plain
    if _plain is None:
        _plain = Flask("plain")
        _plain.config |= {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": int(os.environ["BENCH_SMTP"])}
        Mail(_plain)
    text = Path(os.environ["BENCH_MAIL"]).read_text()
    with _plain.app_context():
        message = Message(
            "Connect with Family Practice via the patient portal",
            sender="no-reply@localhost",
            recipients=[f"jenny{number}@example.com"],
            body=text[:1_200],
            html=text[1_200:],
        )
        _plain.extensions["mail"].send(message)


_plain: Flask | None = None


def _profiled(work: Callable[[int], int]) -> Callable[[int], int]:
    def profiled(number: int) -> int:
        profile = cProfile.Profile(time.thread_time)
        done = profile.runcall(work, number)
        with Path(os.environ["BENCH_PROFILE"]).open("a") as file:
            pstats.Stats(profile, stream=file).sort_stats("tottime").print_stats(45)
        return done

    return profiled


if __name__ == "__main__":
    sys.exit(main())
