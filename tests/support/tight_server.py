"""A server with small limits, so that a test reaches them: `python -m support.tight_server up`.

The limits are what an operator could set; nothing else of the server is changed.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import lambdad.core.limits as limits
from support.server import LambdadServer

TIGHT = {
    "aliases_per_function": 2,
    "capacity_providers": 1,
    "code_storage_bytes": 20_000,
    "resource_policy_bytes": 1024,
}


class TightServer(LambdadServer):
    """`lambdad up` under the limits of TIGHT."""

    module = "support.tight_server"

    def environment(self) -> dict[str, str]:
        variables = super().environment()
        paths = [str(Path(__file__).parents[1]), *filter(None, [variables.get("PYTHONPATH")])]
        return variables | {"PYTHONPATH": os.pathsep.join(paths)}


def main() -> int:
    """Set the limits before anything reads them, then be lambdad."""
    limits.DEFAULT_LIMITS = replace(limits.DEFAULT_LIMITS, **TIGHT)  # type: ignore[arg-type]
    from lambdad.cli.main import main as lambdad_main

    return lambdad_main()


if __name__ == "__main__":
    sys.exit(main())
