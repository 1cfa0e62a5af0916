"""`lambdad events`: what functions are sent, recorded and sent again; and samples of it."""

from __future__ import annotations

import argparse
import base64
import json
from datetime import UTC, datetime
from typing import Any

from lambdad.cli import invoke
from lambdad.cli.client import Client, find
from lambdad.cli.console import Console
from lambdad.cli.operator import ask
from lambdad.cli.place import add_data_dir, add_json
from lambdad.core.errors import OperatorError
from lambdad.events import samples
from lambdad.server.config import read_surroundings


def configure(parser: argparse.ArgumentParser) -> None:
    """Which of the four."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    record = actions.add_parser("record", help="keep the last events that a function receives")
    record.add_argument("name", help="the function's name or ARN")
    record.add_argument("--off", action="store_true", help="no longer, and forget them")
    listing = actions.add_parser("list", help="show the events that are kept")
    listing.add_argument("name", help="the function's name or ARN")
    replay = actions.add_parser("replay", help="send a kept event again")
    replay.add_argument("name", help="the function's name or ARN")
    replay.add_argument("id", nargs="?", help="which one (default: the newest)")
    replay.add_argument("--log", action="store_true", help="show the end of the log on stderr")
    sample = actions.add_parser("sample", help="print a ready-made event of a source")
    sample.add_argument("source", nargs="?", help="its name; without one, all names")
    for action in (record, listing, replay):
        add_data_dir(action)
    for action in (record, listing, replay, sample):
        add_json(action)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Do it; exit code 3 if a function to which an event was sent again failed."""
    return _ACTIONS[arguments.action](arguments, console)


def _record(arguments: argparse.Namespace, console: Console) -> int:
    page = "events/stop" if arguments.off else "events/record"
    answer = ask(arguments, page, {"FunctionName": arguments.name})
    if console.json_output:
        console.document(answer)
    elif arguments.off:
        console.note(f"{arguments.name} is no longer recorded; its events are gone.")
    else:
        console.note(f"Recording what {arguments.name} receives, encrypted on the server's disk.")
        console.note(f"Show it: lambdad events list {arguments.name}")
    return 0


def _list(arguments: argparse.Namespace, console: Console) -> int:
    answer = ask(arguments, "events/list", {"FunctionName": arguments.name})
    if console.json_output:
        console.document(answer)
    elif answer["Events"]:
        console.table(("ID", "RECEIVED", "BYTES", "INVOKED"), [_row(e) for e in answer["Events"]])
    elif answer["Recorded"]:
        console.note(f"{arguments.name} has received nothing since recording began.")
    else:
        console.note(f"Nothing is recorded. Begin: lambdad events record {arguments.name}")
    return 0


def _row(event: dict[str, Any]) -> tuple[str, str, str, str]:
    received = datetime.fromtimestamp(event["ReceivedMs"] / 1000, UTC)
    invoked = event["InvokedArn"].partition(":function:")[2]
    return event["Id"], f"{received:%Y-%m-%dT%H:%M:%SZ}", str(event["PayloadBytes"]), invoked


def _replay(arguments: argparse.Namespace, console: Console) -> int:
    question = {"FunctionName": arguments.name}
    if arguments.id:
        question["Id"] = arguments.id
    event = ask(arguments, "events/get", question)
    name, _, qualifier = event["InvokedArn"].partition(":function:")[2].partition(":")
    headers = {"x-amz-invocation-type": "RequestResponse"}
    if event.get("ClientContext"):
        context = base64.b64encode(event["ClientContext"].encode()).decode()
        headers["x-amz-client-context"] = context
    if arguments.log:
        headers["x-amz-log-type"] = "Tail"
    client = Client(find(arguments.data_dir, read_surroundings()), "lambda")
    payload = base64.b64decode(event["Payload"])
    answer = invoke.send(client, name, payload, qualifier or None, headers)
    return invoke.show(name, answer, console)


def _sample(arguments: argparse.Namespace, console: Console) -> int:
    if arguments.source is None:
        if console.json_output:
            console.document({"Sources": samples.names()})
        else:
            console.line("\n".join(samples.names()))
        return 0
    text = samples.sample(arguments.source)
    if text is None:
        raise OperatorError(
            f"There is no sample of {arguments.source}. The names: lambdad events sample"
        )
    console.document(json.loads(text))
    return 0


_ACTIONS = {"record": _record, "list": _list, "replay": _replay, "sample": _sample}
