"""Run every test the way CI does: what shares the machine well in parallel, the rest alone.

Ends with pytest's own exit status, and non-zero if a run collected nothing.
"""

from __future__ import annotations

import subprocess
import sys

# Real sandboxes, servers and kill -9 want the machine to themselves; pure tests do not.
RUNS = (
    ["-n", "2", "tests/unit", "tests/style", "tests/conformance"],
    ["tests/system", "tests/security", "tests/clients"],
)


def main() -> int:
    for arguments in RUNS:
        status = subprocess.call([sys.executable, "-m", "pytest", "-q", *arguments, *sys.argv[1:]])
        if status != 0:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
