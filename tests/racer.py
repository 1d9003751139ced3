"""One process of a race: every thread tries to finish with its own door on the same link at the same moment.

Each line on standard input is one race: the moment at which to begin, and the handles of this process.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

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


def main(what: str, url: str, key: str) -> None:
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

    print("ready", flush=True)
    with ThreadPoolExecutor(THREADS) as pool:
        for line in sys.stdin:
            start_at, *handles = line.split()
            time.sleep(max(0.0, float(start_at) - time.time()))
            outcomes = Counter(pool.map(redeem, handles))
            told = (f"{name}={times}" for name, times in sorted(outcomes.items()))
            print(" ".join(told), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3])
