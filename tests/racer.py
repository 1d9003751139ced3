"""One process of a race: every thread tries to finish with its own door on the same link at the same moment."""

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


def main(what: str, url: str, key: str, start_at: float, handles: list[str]) -> None:
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

    with ThreadPoolExecutor(THREADS) as pool:
        time.sleep(max(0.0, start_at - time.time()))
        outcomes = Counter(pool.map(redeem, handles))
    print(" ".join(f"{name}={times}" for name, times in sorted(outcomes.items())))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]), sys.argv[5:])
