"""The directions of architecture.md hold, and the check would notice if they did not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

LINT = Path(sys.executable).parent / "lint-imports"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(LINT), "--no-cache"], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_directions_hold() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


def test_a_wrong_import_is_noticed(tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "portal", tmp_path / "portal", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("pyproject.toml", "config.py"):
        shutil.copy(ROOT / name, tmp_path)
    wrong = tmp_path / "portal" / "people" / "service.py"
    wrong.write_text(wrong.read_text() + "\nfrom portal.access import service as upwards\n")
    rules = tmp_path / "portal" / "access" / "rules.py"
    rules.write_text(rules.read_text() + "\nfrom portal.extensions import db\n")
    done = lint(tmp_path)
    assert done.returncode == 1
    assert "Rooms stand on each other in one line BROKEN" in done.stdout
    assert "Rules are pure BROKEN" in done.stdout
