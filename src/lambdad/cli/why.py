"""`lambdad why ACTION RESOURCE --as WHO`: a decision explained, and the least that changes it."""

from __future__ import annotations

import argparse
import json
from typing import Any

from lambdad.cli.console import Console
from lambdad.cli.operator import ask
from lambdad.cli.place import add_data_dir
from lambdad.core.errors import OperatorError

_DENIED = 3


def configure(parser: argparse.ArgumentParser) -> None:
    """Who wants to do what."""
    parser.add_argument("action", help="like lambda:InvokeFunction")
    parser.add_argument("resource", nargs="?", default="*", help="an ARN (default: *)")
    parser.add_argument(
        "--as", dest="identity", required=True, metavar="ROLE_OR_USER",
        help="an ARN, user/NAME, role/NAME, or a name",
    )  # fmt: skip
    parser.add_argument(
        "--context", action="append", default=[], metavar="KEY=VALUE",
        help="a condition key of the call, like aws:SourceIp=10.0.0.1; may be repeated",
    )  # fmt: skip
    add_data_dir(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print the explanation; 0 if it is allowed, 3 if it is denied."""
    question = {
        "Action": arguments.action,
        "Resource": arguments.resource,
        "As": arguments.identity,
        "Context": _context(arguments.context),
    }
    answer = ask(arguments, "why", question)
    if console.json_output:
        console.document(answer)
    else:
        console.line("Allowed." if answer["Allowed"] else "Denied.")
        for line in answer["Lines"]:
            console.line(line)
        for proposal in answer["Proposals"]:
            _show(proposal, console)
    return 0 if answer["Allowed"] else _DENIED


def _show(proposal: dict[str, Any], console: Console) -> None:
    console.line()
    if proposal["Remove"] is not None:
        console.line(f"To allow it, remove or narrow the deny in: {proposal['Remove']}")
        return
    kind = proposal["PolicyKind"].lower().replace("_", " ")
    console.line(f"The least that would allow it ({kind} policy of {proposal['AttachTo']}):")
    console.line(json.dumps(proposal["Document"], indent=2))


def _context(pairs: list[str]) -> dict[str, str]:
    context = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise OperatorError(f"--context {pair} is not of the form KEY=VALUE.")
        context[name] = value
    return context
