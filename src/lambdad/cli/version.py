"""`lambdad version`."""

from __future__ import annotations

import argparse
import platform

from lambdad import __version__
from lambdad.cli.console import Console


def configure(parser: argparse.ArgumentParser) -> None:
    """No options but --json."""


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print the version."""
    if console.json_output:
        console.document({"lambdad": __version__, "python": platform.python_version()})
    else:
        console.line(f"lambdad {__version__} (Python {platform.python_version()})")
    return 0
