"""The `lambdad` command: which subcommands there are, and how they fail.

Each subcommand is a module with `configure(parser)` and `run(arguments, console) -> int`. Only the
one that is asked for is imported: `lambdad env` in a shell's start-up file should cost nothing.
Exit codes: 0 done, 1 it went wrong, 2 used wrongly, 3 the function failed (invoke), 130 stopped.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NamedTuple

from lambdad import __version__
from lambdad.cli.console import Console
from lambdad.core.errors import AwsError, OperatorError

FAILED = 1


class Command(NamedTuple):
    """A subcommand and where it lives."""

    name: str
    summary: str
    module: str


COMMANDS = (
    Command("up", "start the server in the foreground", "lambdad.cli.up"),
    Command("deploy", "make a function of a file or folder", "lambdad.cli.deploy"),
    Command("invoke", "run a function and print its answer", "lambdad.cli.invoke"),
    Command("logs", "show what a function printed", "lambdad.cli.logs"),
    Command("functions", "list the functions", "lambdad.cli.functions"),
    Command("events", "record, list, replay events; print samples", "lambdad.cli.events"),
    Command("queue", "list, peek, send, redrive, purge queues", "lambdad.cli.queue"),
    Command("runtimes", "list or install runtimes", "lambdad.cli.runtimes"),
    Command("accounts", "list, create accounts, change root keys", "lambdad.cli.accounts"),
    Command("why", "explain why an identity may do something or not", "lambdad.cli.why"),
    Command("audit", "show who called what", "lambdad.cli.audit"),
    Command("tls", "make a certificate authority of your own", "lambdad.cli.tls"),
    Command("env", "print what points AWS tools at the server", "lambdad.cli.env"),
    Command("limits", "list the limits that can be set", "lambdad.cli.limits"),
    Command("doctor", "check what this machine offers", "lambdad.cli.doctor"),
    Command("version", "print the version", "lambdad.cli.version"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; the process's exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = _parser(words[0] if words else "")
    arguments = parser.parse_args(words)
    if arguments.command is None:
        parser.print_help()
        return 2
    console = Console(json_output=arguments.json)
    module = _load(_find(arguments.command))
    try:
        code: int = module.run(arguments, console)
    except (OperatorError, AwsError) as error:
        console.error(str(error))
        return FAILED
    except BrokenPipeError:
        console.silence()
        return FAILED
    except KeyboardInterrupt:
        return 130
    return code


def _parser(chosen: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lambdad",
        description="AWS Lambda as a daemon.",
        epilog='Start with: lambdad up; then, in another shell: eval "$(lambdad env)"',
    )
    parser.add_argument("--version", action="version", version=f"lambdad {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for command in COMMANDS:
        sub = commands.add_parser(command.name, help=command.summary, description=command.summary)
        sub.add_argument("--json", action="store_true", help="print JSON for scripts")
        if command.name == chosen:
            _load(command).configure(sub)
    return parser


def _load(command: Command) -> ModuleType:
    """Its module, imported without looking for garbage: imports make a lot, and hardly any."""
    gc.disable()
    try:
        return importlib.import_module(command.module)
    finally:
        gc.enable()


def _find(name: str) -> Command:
    return next(command for command in COMMANDS if command.name == name)


if __name__ == "__main__":
    sys.exit(main())
