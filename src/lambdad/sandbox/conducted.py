"""Entry of a process of tier D with external extensions: `python -I -S <this file> <plan's fd>`.

It starts them and then, in a child, becomes the function's runtime. The plan is JSON:

    {"extensions": what guest/conductor.py is told, "runtime_api": address, "argv": [...]}
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # Started without site-packages and without PYTHONPATH: only what lambdad itself consists of.
    sys.path.insert(0, str(Path(__file__).parents[2]))

from lambdad.guest.conductor import Conductor


def main(plan_fd: int) -> None:
    """Never returns."""
    with os.fdopen(plan_fd) as file:
        plan: dict[str, Any] = json.load(file)
    Conductor(plan["runtime_api"]).conduct(plan["extensions"])
    os.execvp(plan["argv"][0], plan["argv"])  # noqa: S606 - running it is the point


if __name__ == "__main__":
    main(int(sys.argv[1]))
