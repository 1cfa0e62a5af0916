"""The coverage ledger is what the code, the model and the tests say today."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_ledger_is_not_stale() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "coverage_ledger.py", "--check"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, f"run `make coverage`:\n{done.stdout}{done.stderr}"
