"""Options that several commands share: which server is meant, and where its data lies."""

from __future__ import annotations

import argparse
from pathlib import Path

from lambdad.server.config import Surroundings


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """--data-dir, as `up` takes it."""
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="the server's data directory (default: $LAMBDAD_DATA_DIR, or /var/lib/lambdad for "
        "root and ~/.local/share/lambdad for others)",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """--json behind an action too (`lambdad queue list --json`), as before it."""
    parser.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="print JSON for scripts"
    )


def data_dir(arguments: argparse.Namespace, surroundings: Surroundings) -> Path:
    """The data directory that is meant."""
    chosen: Path | None = arguments.data_dir
    return (chosen or surroundings.data_dir).absolute()
