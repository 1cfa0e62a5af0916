"""`lambdad runtimes`: which runtimes this machine can run, and installing further ones."""

from __future__ import annotations

import argparse

from lambdad.cli.console import Console
from lambdad.cli.place import add_data_dir, data_dir
from lambdad.server.config import read_surroundings
from lambdad.server.packs import install_pack, survey


def configure(parser: argparse.ArgumentParser) -> None:
    """List, or install NAME."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("list", help="list them (the default)")
    install = actions.add_parser("install", help="install what a runtime needs")
    install.add_argument("runtime", help="like python3.12 or nodejs22.x")
    add_data_dir(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print a table or install."""
    surroundings = read_surroundings()
    place = data_dir(arguments, surroundings)
    if arguments.action == "install":
        install_pack(arguments.runtime, place, surroundings, console.note)
        if console.json_output:
            console.document({"installed": arguments.runtime})
        return 0
    found = survey(place, surroundings)
    if console.json_output:
        console.document(
            [
                {"runtime": one.runtime, "installed": one.installed, "reason": one.reason,
                 "command": one.command}
                for one in found
            ]
        )  # fmt: skip
        return 0
    rows = [(one.runtime, "yes" if one.installed else "no", one.command or "") for one in found]
    console.table(("RUNTIME", "HERE", "TO INSTALL"), rows)
    return 0
