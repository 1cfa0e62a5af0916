"""What only its own make targets run is not forgotten when what it uses changes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_soak_tests_can_be_collected() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "tests/soak"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
