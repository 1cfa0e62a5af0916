"""`lambdad logs NAME`: what a function printed, and with --follow what it prints."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from lambdad.cli.client import Client, ServiceError, Target, find
from lambdad.cli.console import Console
from lambdad.cli.place import add_data_dir
from lambdad.core.errors import OperatorError
from lambdad.server.config import read_surroundings

_FOLLOW_PAUSE_S = 0.5
_OVERLAP_MS = 5_000
"""How far back each look goes again: lines of parallel environments arrive out of order."""
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}

Event = dict[str, Any]


def configure(parser: argparse.ArgumentParser) -> None:
    """Which lines."""
    parser.add_argument("name", help="the function's name")
    parser.add_argument("--follow", "-f", action="store_true", help="go on until interrupted")
    parser.add_argument(
        "--since", metavar="TIME", help="10m, 2h, 1d … ago, or an ISO time (default: everything)"
    )
    parser.add_argument("--filter", metavar="PATTERN", help="a CloudWatch Logs filter pattern")
    add_data_dir(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print the lines there are, then those that come."""
    target = find(arguments.data_dir, read_surroundings())
    reader = LogReader(Client(target, "logs"), log_group(target, arguments.name), arguments.filter)
    now_ms = int(time.time() * 1000)
    since_ms = parse_since(arguments.since, now_ms) if arguments.since else 0
    printed = False
    for event in reader.read(since_ms):
        _print(event, console)
        printed = True
    if not printed and not arguments.follow:
        console.note(f"No lines in {reader.group}. The function may not have run yet.")
    while arguments.follow:
        time.sleep(_FOLLOW_PAUSE_S)
        for event in reader.read_new():
            _print(event, console)
    return 0


class LogReader:
    """Reads one log group forwards, every event once."""

    def __init__(self, client: Client, group: str, pattern: str | None) -> None:
        self.group = group
        self._client = client
        self._pattern = pattern
        self._latest_ms = 0
        self._seen: dict[str, int] = {}

    def read(self, since_ms: int) -> Iterator[Event]:
        """Events from `since_ms` on that were not read before; none if there is no group yet."""
        request: Event = {"logGroupName": self.group, "startTime": since_ms, "interleaved": True}
        if self._pattern:
            request["filterPattern"] = self._pattern
        while True:
            try:
                page = self._client.json("Logs_20140328.FilterLogEvents", request)
            except ServiceError as error:
                if error.code == "ResourceNotFoundException":
                    return
                raise
            for event in page.get("events", []):
                if event["eventId"] not in self._seen:
                    self._seen[event["eventId"]] = event["timestamp"]
                    self._latest_ms = max(self._latest_ms, event["timestamp"])
                    yield event
            if not page.get("nextToken"):
                return
            request["nextToken"] = page["nextToken"]

    def read_new(self) -> Iterator[Event]:
        """Events that came since the last look."""
        horizon_ms = self._latest_ms - _OVERLAP_MS
        self._seen = {key: at for key, at in self._seen.items() if at >= horizon_ms}
        return self.read(max(0, horizon_ms))


def log_group(target: Target, name: str) -> str:
    """Where the function logs to. Raises ServiceError if there is no such function and no such
    log group either: a deleted function's log stays readable."""
    bare = name.rpartition("function:")[2].partition(":")[0]
    usual = f"/aws/lambda/{bare}"
    path = f"/2015-03-31/functions/{quote(name, safe='')}/configuration"
    try:
        configuration = Client(target, "lambda").rest("GET", path).document()
    except ServiceError as error:
        if error.code != "ResourceNotFoundException" or not _group_exists(target, usual):
            raise
        return usual
    group: str = configuration.get("LoggingConfig", {}).get("LogGroup") or usual
    return group


def _group_exists(target: Target, group: str) -> bool:
    found = Client(target, "logs").json(
        "Logs_20140328.DescribeLogGroups", {"logGroupNamePrefix": group}
    )
    return any(one["logGroupName"] == group for one in found.get("logGroups", []))


def parse_since(text: str, now_ms: int) -> int:
    """`10m` before now, or an ISO time, as epoch milliseconds. Raises OperatorError."""
    ago = re.fullmatch(r"(\d+)([smhdw])", text)
    if ago:
        return max(0, now_ms - int(ago[1]) * _UNITS_S[ago[2]] * 1000)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise OperatorError(
            f"--since {text} is not a time. Use 30s, 10m, 2h, 1d, or like 2026-01-31T12:00."
        ) from None
    return int((moment if moment.tzinfo else moment.astimezone()).timestamp() * 1000)


def _print(event: Event, console: Console) -> None:
    if console.json_output:
        console.record(event)
        return
    moment = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    stamp = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{event['timestamp'] % 1000:03d}Z"
    console.line(f"{stamp} {event['message'].rstrip()}")
