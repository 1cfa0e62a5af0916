"""`lambdad doctor`: what this machine offers, and what to do about the rest."""

from __future__ import annotations

import argparse

from lambdad.cli.console import Console
from lambdad.cli.place import add_data_dir, data_dir
from lambdad.server.config import DEFAULT_HOST, DEFAULT_PORT, read_surroundings
from lambdad.server.doctor import Verdict, examine

_MARKS = {Verdict.GOOD: "ok  ", Verdict.NOTE: "note", Verdict.BAD: "BAD "}


def configure(parser: argparse.ArgumentParser) -> None:
    """For which start."""
    parser.add_argument("--host", default=DEFAULT_HOST, help="(%(default)s)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="(%(default)s)")
    add_data_dir(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print every finding; exit code 1 if one of them keeps lambdad from working."""
    surroundings = read_surroundings()
    place = data_dir(arguments, surroundings)
    findings = examine(place, arguments.host, arguments.port, surroundings)
    if console.json_output:
        console.document(
            [
                {"verdict": one.verdict, "subject": one.subject, "finding": one.finding,
                 "remedy": one.remedy}
                for one in findings
            ]
        )  # fmt: skip
    else:
        for one in findings:
            console.line(f"{_MARKS[one.verdict]}  {one.subject:<9} {one.finding}")
            if one.remedy:
                console.line(f"{'':<16}→ {one.remedy}")
    return 1 if any(one.verdict is Verdict.BAD for one in findings) else 0
