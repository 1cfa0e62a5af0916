"""`lambdad limits`: every limit, its value, and how to change it."""

from __future__ import annotations

import argparse

from lambdad.cli.console import Console
from lambdad.core.limit_settings import every_limit
from lambdad.core.limits import DEFAULT_LIMITS


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("text", nargs="?", default="", help="only those with this in their name")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print names and values; what they mean is said beside them in core/limits.py."""
    chosen = {name: value for name, value in every_limit(DEFAULT_LIMITS) if arguments.text in name}
    if console.json_output:
        console.document(chosen)
        return 0
    width = max(map(len, chosen), default=0)
    for name, value in chosen.items():
        console.line(f"{name:<{width}}  {value:,}")
    console.line("Set one at the start: lambdad up --limit NAME=VALUE")
    return 0
