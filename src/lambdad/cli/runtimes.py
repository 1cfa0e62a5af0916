"""`lambdad runtimes`: which runtimes this machine can run, and installing further ones."""

from __future__ import annotations

import argparse

from lambdad.cli.console import Console
from lambdad.cli.place import add_data_dir, add_json, data_dir
from lambdad.server.config import read_surroundings
from lambdad.server.packs import PackState, install_pack, survey


def configure(parser: argparse.ArgumentParser) -> None:
    """List, or install NAME."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    listing = actions.add_parser("list", help="list them (the default)")
    install = actions.add_parser("install", help="install what a runtime needs")
    install.add_argument("runtime", help="like python3.12, nodejs22.x or java21")
    for action in (listing, install):
        add_json(action)
    add_data_dir(parser)


def _state(pack: PackState) -> str:
    return "ready" if pack.installed else "missing"


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
    rows = [(one.runtime, _state(one), one.command or one.reason) for one in found]
    console.table(("RUNTIME", "STATE", "TO INSTALL"), rows)
    return 0
