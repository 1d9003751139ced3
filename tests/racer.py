"""One process of a race: every thread tries to finish with its own door on the same link at the same moment.

What comes through the pipe is one race: the moment at which to begin, and the handles of this process.
"""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

from portal import clock, create_app
from portal.accounts import reset_passwords, sign_up
from portal.audit.actor import Actor, ActorKind
from portal.errors import Refused
from portal.extensions import db
from portal.identity.rules import SsnClaim
from tests.conftest import make_settings

THREADS = 10
CLAIM = SsnClaim("536904399")


def finish_sign_up(handle: str, by: Actor) -> str:
    return sign_up.finish(
        handle=handle, claim=CLAIM, client=handle, by=by, now=clock.now()
    ).verdict.value


def finish_reset(handle: str, by: Actor) -> str:
    return reset_passwords.finish(
        handle=handle, claim=CLAIM, client=handle, by=by, now=clock.now()
    ).value


FINISH = {"sign-up": finish_sign_up, "reset": finish_reset}


def main(what: str, url: str, key: str, *, pipe: Connection) -> None:
    app = create_app(make_settings(url, data_encryption_key=key))

    def redeem(handle: str) -> str:
        with app.app_context():
            by = Actor(ActorKind.LINK, None, "Racer", handle)
            try:
                return FINISH[what](handle, by)
            except Refused as error:
                return error.code
            finally:
                db.session.remove()

    pipe.send("ready")
    with ThreadPoolExecutor(THREADS) as pool:
        while True:
            start_at, handles = pipe.recv()
            time.sleep(max(0.0, start_at - time.time()))
            pipe.send(Counter(pool.map(redeem, handles)))
