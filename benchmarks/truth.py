"""Counters and rows after ten thousand random acts by eight processes at once, beside the truth; on both databases.

The acts are those of the tests' walker (enable, send, resend, edit, end, opt out, import, results of mail, sign-up,
log-on, "this is not me" and others), in a time that hurries, so that links expire and charts end meanwhile.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks import places
from benchmarks.table import Line, Report
from portal.audit import service as audit
from portal.roster import service as roster

ACTS = 10_000
PROCESSES = 8
PATIENTS = 40
_LONGEST = 1_800.0
"""Seconds; then something waits for something for ever."""


def run(acts: int) -> list[Report]:
    """On both databases."""
    return [_on(dialect, acts) for dialect in places.DIALECTS]


def _on(dialect: str, acts: int) -> Report:
    from tests.conftest import KEY  # what only tests need is not needed for the other benchmarks
    from tests.factories import make_house, make_patient
    from tests.integration.roster.walk import walk_at_once

    report = Report(f"{dialect}: {acts:,} random acts by {PROCESSES} processes")
    with tempfile.TemporaryDirectory(prefix="vestibule-truth-") as made:
        home = Path(made)
        home.chmod(0o755)
        (home / "key").write_text(KEY)
        with places.addresses(dialect, home) as address:
            url = address("truth")
            with places.application(url, home).app_context():
                house = make_house()
                for _ in range(PATIENTS):
                    make_patient(house)
                practice_id = house.practice.id
                places.forget_connections()
                begun = time.perf_counter()
                done, complaints, hurry = walk_at_once(
                    url=url,
                    key=KEY,
                    practice_id=practice_id,
                    processes=PROCESSES,
                    each=acts // PROCESSES,
                    timeout=_LONGEST,
                )
                taken = time.perf_counter() - begun
                now = hurry.now()
                roster.catch_up(now=now)
                wrong = roster.check(practice_id, now)
                broken = audit.first_broken_link(practice_id)
                held = roster.counts(practice_id=practice_id)
                places.forget_connections()
    total = sum(done.values())
    report.tell(Line("acts done", f"{total:,} in {taken:.0f} s", total, acts, at_least=True))
    for name, times in sorted(done.items()):
        report.tell(Line(f"  {name}", f"{times:,}"))
    report.tell(Line("pills", ", ".join(f"{n} {pill.value}" for pill, n in held.items())))
    report.tell(Line("rows and counters that differ", str(len(wrong)), len(wrong), 0))
    report.tell(Line("locked, deadlocked or failed", str(len(complaints)), len(complaints), 0))
    report.tell(Line("audit chain broken", str(broken or "no"), 0 if broken is None else 1, 0))
    for line in [*wrong, *complaints][:20]:
        report.tell(Line("!", line[-2_000:]))
    return report
