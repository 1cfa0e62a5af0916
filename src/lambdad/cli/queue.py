"""`lambdad queue`: what is in the queues. List, peek, send, redrive, purge."""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from typing import Any

from lambdad.cli.client import Client, find
from lambdad.cli.console import Console
from lambdad.cli.invoke import read_given
from lambdad.cli.operator import ask
from lambdad.cli.place import add_data_dir, add_json
from lambdad.core.errors import OperatorError
from lambdad.server.config import read_surroundings

_SHOWN_CHARS = 80
_REDRIVE_LOOK_S = 0.2
"""Between two looks at a running move task: the API has no other way to wait for one."""
_COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Which of the five."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="show the queues and how much is in them")
    listing.add_argument("prefix", nargs="?", default="", help="only names that begin with this")
    peek = _named(actions, "peek", "show messages without receiving them")
    peek.add_argument("--limit", type=int, default=10, help="at most so many (%(default)s)")
    send = _named(actions, "send", "send a message")
    _add_message(send)
    redrive = _named(
        actions, "redrive", "move a dead-letter queue's messages back to where they came from"
    )
    redrive.add_argument("--to", metavar="QUEUE", help="to this queue instead")
    redrive.add_argument("--rate", type=int, metavar="N", help="at most N messages per second")
    redrive.add_argument("--no-wait", action="store_true", help="do not wait for the end")
    purge = _named(actions, "purge", "delete all messages of a queue")
    purge.add_argument("--yes", action="store_true", help="do not ask")
    for action in (listing, peek, send, redrive, purge):
        add_data_dir(action)
        add_json(action)


def _named(actions: Any, name: str, summary: str) -> argparse.ArgumentParser:
    action: argparse.ArgumentParser = actions.add_parser(name, help=summary)
    action.add_argument("name", help="the queue's name")
    return action


def _add_message(send: argparse.ArgumentParser) -> None:
    send.add_argument(
        "body",
        metavar="TEXT|@FILE|-",
        help="the message: text, a file's content, or standard input",
    )
    send.add_argument("--group", metavar="ID", help="message group (FIFO queues need one)")
    send.add_argument("--deduplication-id", metavar="ID", help="for FIFO queues")
    send.add_argument("--delay", type=int, metavar="SECONDS", help="not to be seen before")
    send.add_argument(
        "--attribute",
        action="append",
        default=[],
        metavar="NAME=TEXT",
        help="a message attribute; may be given several times",
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Do it."""
    return _ACTIONS[arguments.action](arguments, console)


class _Sqs:
    """SQS of the server that is meant. Queues are called by their names."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._client = Client(find(arguments.data_dir, read_surroundings()), "sqs")

    def call(self, operation: str, **params: Any) -> Any:
        """The answer; members that are None are not sent. Raises ServiceError."""
        given = {name: value for name, value in params.items() if value is not None}
        return self._client.json(f"AmazonSQS.{operation}", given)

    def attributes(self, name: str, *names: str) -> dict[str, str]:
        """Of one queue."""
        answer = self.call("GetQueueAttributes", QueueUrl=name, AttributeNames=list(names))
        attributes: dict[str, str] = answer.get("Attributes", {})
        return attributes


def _list(arguments: argparse.Namespace, console: Console) -> int:
    sqs = _Sqs(arguments)
    urls = sqs.call("ListQueues", QueueNamePrefix=arguments.prefix or None).get("QueueUrls", [])
    names = [url.rpartition("/")[2] for url in urls]
    queues = [{"QueueName": name, **sqs.attributes(name, "All")} for name in names]
    if console.json_output:
        console.document({"Queues": queues})
    elif not queues:
        console.note(
            'No queues. Make one: aws --endpoint-url "$AWS_ENDPOINT_URL" '
            "sqs create-queue --queue-name NAME"
        )
    else:
        heads = ("NAME", "VISIBLE", "IN FLIGHT", "DELAYED", "DEAD LETTERS TO")
        console.table(heads, [_row(queue) for queue in queues])
    return 0


def _row(queue: dict[str, str]) -> tuple[str, ...]:
    policy = json.loads(queue.get("RedrivePolicy", "{}"))
    target = policy.get("deadLetterTargetArn", "").rpartition(":")[2]
    redrive = f"{target} after {policy['maxReceiveCount']}" if target else "-"
    return (queue["QueueName"], *(queue[name] for name in _COUNTS), redrive)


def _peek(arguments: argparse.Namespace, console: Console) -> int:
    question = {"QueueName": arguments.name, "Limit": arguments.limit}
    messages = ask(arguments, "queues/peek", question)["Messages"]
    if console.json_output:
        console.document({"Messages": messages})
    elif not messages:
        console.note(f"{arguments.name} is empty.")
    else:
        console.table(("ID", "SENT", "RECEIVED", "BODY"), [_message_row(m) for m in messages])
    return 0


def _message_row(message: dict[str, Any]) -> tuple[str, ...]:
    attributes = message["Attributes"]
    sent = datetime.fromtimestamp(int(attributes["SentTimestamp"]) / 1000, UTC)
    body = " ".join(message["Body"].split())
    shown = body if len(body) <= _SHOWN_CHARS else f"{body[: _SHOWN_CHARS - 1]}…"
    times = f"{attributes['ApproximateReceiveCount']}x"
    return (message["MessageId"], f"{sent:%Y-%m-%dT%H:%M:%SZ}", times, shown)


def _send(arguments: argparse.Namespace, console: Console) -> int:
    answer = _Sqs(arguments).call(
        "SendMessage",
        QueueUrl=arguments.name,
        MessageBody=read_given(arguments.body).decode("utf-8", "replace"),
        MessageGroupId=arguments.group,
        MessageDeduplicationId=arguments.deduplication_id,
        DelaySeconds=arguments.delay,
        MessageAttributes=_attributes(arguments.attribute) or None,
    )
    if console.json_output:
        console.document(answer)
    else:
        console.line(answer["MessageId"])
    return 0


def _attributes(given: list[str]) -> dict[str, dict[str, str]]:
    attributes = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise OperatorError(f"--attribute takes NAME=TEXT, not {text}.")
        attributes[name] = {"DataType": "String", "StringValue": value}
    return attributes


def _redrive(arguments: argparse.Namespace, console: Console) -> int:
    sqs = _Sqs(arguments)
    source = sqs.attributes(arguments.name, "QueueArn")["QueueArn"]
    target = sqs.attributes(arguments.to, "QueueArn")["QueueArn"] if arguments.to else None
    started = sqs.call(
        "StartMessageMoveTask",
        SourceArn=source,
        DestinationArn=target,
        MaxNumberOfMessagesPerSecond=arguments.rate,
    )
    if arguments.no_wait:
        console.document(started) if console.json_output else console.note("Started.")
        return 0
    task = _wait(sqs, source)
    if console.json_output:
        console.document(task)
    else:
        count, status = task["ApproximateNumberOfMessagesMoved"], task["Status"].lower()
        console.note(f"Moved {_messages(count)}: {task.get('FailureReason') or status}.")
    return 0 if task["Status"] == "COMPLETED" else 1


def _wait(sqs: _Sqs, source: str) -> dict[str, Any]:
    """The source's latest move task, once it is over."""
    while True:
        task: dict[str, Any] = sqs.call("ListMessageMoveTasks", SourceArn=source)["Results"][0]
        if task["Status"] not in ("RUNNING", "CANCELLING"):
            return task
        time.sleep(_REDRIVE_LOOK_S)


def _purge(arguments: argparse.Namespace, console: Console) -> int:
    sqs = _Sqs(arguments)
    if not arguments.yes:
        counts = sqs.attributes(arguments.name, *_COUNTS)
        _confirm(arguments.name, sum(map(int, counts.values())))
    sqs.call("PurgeQueue", QueueUrl=arguments.name)
    console.note(f"{arguments.name} is empty.")
    return 0


def _confirm(name: str, count: int) -> None:
    if not sys.stdin.isatty():
        raise OperatorError(
            f"{name} has {_messages(count)}, which cannot be brought back. Say --yes."
        )
    answer = input(f"{name} has {_messages(count)}. Delete everything? [y/N] ")
    if answer.strip().lower() not in ("y", "yes"):
        raise OperatorError("Nothing was deleted.")


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count} messages"


_ACTIONS = {
    "list": _list,
    "peek": _peek,
    "send": _send,
    "redrive": _redrive,
    "purge": _purge,
}
