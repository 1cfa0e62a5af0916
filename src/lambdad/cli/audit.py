"""`lambdad audit`: who called what, from where, and whether they were let in."""

from __future__ import annotations

import argparse
import re
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from lambdad.cli.console import Console
from lambdad.cli.place import add_data_dir, data_dir
from lambdad.core.errors import OperatorError
from lambdad.server.config import read_surroundings
from lambdad.telemetry.audit import ALLOWED, DENIED, MALFORMED, UNAUTHENTICATED, read_audit

_SINCE = re.compile(r"(?P<number>\d{1,6})(?P<unit>[smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SHOWN = 100

Record = dict[str, Any]


def configure(parser: argparse.ArgumentParser) -> None:
    """Which records."""
    parser.add_argument("--principal", metavar="TEXT", help="in the caller's ARN or access key")
    parser.add_argument("--action", metavar="TEXT", help="in the action, like iam: or Invoke")
    parser.add_argument("--since", metavar="AGE", help="not older than 90s, 10m, 2h, 7d")
    parser.add_argument("--decision", choices=[ALLOWED, DENIED, UNAUTHENTICATED, MALFORMED])
    parser.add_argument(
        "--limit", type=int, default=_SHOWN, help="the newest so many (%(default)s; 0: all)"
    )
    add_data_dir(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print records, oldest first; as JSON one a line."""
    folder = data_dir(arguments, read_surroundings()) / "audit"
    try:
        found = deque(_matching(arguments, read_audit(folder)), arguments.limit or None)
    except PermissionError:
        raise OperatorError(f"{folder} belongs to somebody else: run this as that user.") from None
    if console.json_output:
        for record in found:
            console.record(record)
        return 0
    if not found:
        console.note("Nothing was noted that fits.")
        return 0
    rows = [_row(record) for record in found]
    console.table(("TIME", "DECISION", "ACTION", "PRINCIPAL", "FROM", "REQUEST"), rows)
    return 0


def _matching(arguments: argparse.Namespace, records: Iterator[Record]) -> Iterator[Record]:
    after_ms = _after_ms(arguments.since)
    for record in records:
        if record["at_ms"] < after_ms:
            continue
        if arguments.decision and record.get("decision") != arguments.decision:
            continue
        if arguments.action and arguments.action.lower() not in _action(record).lower():
            continue
        who = f"{record.get('principal', '')} {record.get('access_key_id', '')}"
        if arguments.principal and arguments.principal.lower() not in who.lower():
            continue
        yield record


def _after_ms(since: str | None) -> float:
    if since is None:
        return 0.0
    found = _SINCE.fullmatch(since)
    if found is None:
        raise OperatorError(f"--since {since} is not like 90s, 10m, 2h or 7d.")
    return (time.time() - int(found["number"]) * _SECONDS[found["unit"]]) * 1000


def _action(record: Record) -> str:
    return f"{record.get('service', '')}:{record.get('operation', '')}"


def _row(record: Record) -> tuple[str, ...]:
    moment = datetime.fromtimestamp(record["at_ms"] / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if "dropped" in record:
        return (moment, "", f"{record['dropped']} calls were not noted", "", "", "")
    who = record["principal"] or record["access_key_id"] or "-"
    return (
        moment,
        record["decision"],
        _action(record),
        who,
        record["source_ip"],
        record["request_id"],
    )
