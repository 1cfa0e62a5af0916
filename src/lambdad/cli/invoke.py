"""`lambdad invoke NAME`: run a function and print its answer."""

from __future__ import annotations

import argparse
import base64
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from lambdad.cli.client import Answer, Client, find
from lambdad.cli.console import Console
from lambdad.cli.place import add_data_dir
from lambdad.core.errors import OperatorError
from lambdad.server.config import read_surroundings

FUNCTION_FAILED = 3
_FUNCTION_ERROR = "x-amz-function-error"


def configure(parser: argparse.ArgumentParser) -> None:
    """What to run with what."""
    parser.add_argument("name", help="the function's name or ARN")
    parser.add_argument(
        "--payload",
        default="{}",
        metavar="JSON|@FILE|-",
        help="the event: JSON, a file's content, or standard input (default: {})",
    )
    parser.add_argument("--qualifier", help="a version or alias")
    parser.add_argument("--log", action="store_true", help="show the end of the log on stderr")
    parser.add_argument("--event", action="store_true", help="do not wait for the answer")
    add_data_dir(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Invoke once; exit code 3 if the function itself failed."""
    payload = read_payload(arguments.payload)
    headers = {"x-amz-invocation-type": "Event" if arguments.event else "RequestResponse"}
    if arguments.log and not arguments.event:
        headers["x-amz-log-type"] = "Tail"
    client = Client(find(arguments.data_dir, read_surroundings()), "lambda")
    answer = send(client, arguments.name, payload, arguments.qualifier, headers)
    return show(arguments.name, answer, console, accepted=arguments.event)


def send(
    client: Client, name: str, payload: bytes, qualifier: str | None, headers: Mapping[str, str]
) -> Answer:
    """Invoke's answer. Raises ServiceError, OperatorError."""
    return client.rest(
        "POST",
        f"/2015-03-31/functions/{quote(name, safe='')}/invocations",
        payload,
        query={"Qualifier": qualifier} if qualifier else None,
        headers=headers,
    )


def show(name: str, answer: Answer, console: Console, *, accepted: bool = False) -> int:
    """Print what the function answered; the exit code. `accepted`: it has not run yet."""
    error = answer.headers.get(_FUNCTION_ERROR)
    if console.json_output:
        console.document(_described(answer, error))
    else:
        _show(name, answer, console, accepted=accepted)
    return FUNCTION_FAILED if error else 0


def read_given(text: str) -> bytes:
    """What `TEXT|@FILE|-` means. Raises OperatorError."""
    if text == "-":
        return sys.stdin.buffer.read()
    if not text.startswith("@"):
        return text.encode()
    try:
        return Path(text[1:]).read_bytes()
    except OSError as error:
        raise OperatorError(f"{text[1:]} cannot be read ({error.strerror}).") from None


def read_payload(text: str) -> bytes:
    """The event that --payload means. Raises OperatorError if it is not JSON."""
    payload = read_given(text)
    try:
        json.loads(payload or b"{}")
    except ValueError as error:
        raise OperatorError(
            f"The payload is not JSON ({error}). Quote it for the shell, like "
            """--payload '{"name": "value"}', or pass a file: --payload @event.json"""
        ) from None
    return payload


def _show(name: str, answer: Answer, console: Console, *, accepted: bool) -> None:
    log = answer.headers.get("x-amz-log-result")
    if log:
        console.note(base64.b64decode(log).decode("utf-8", "replace").rstrip("\n"))
    if accepted:
        console.note(f"Accepted; it runs in the background. Its log: lambdad logs {name}")
    else:
        console.line(answer.body.decode("utf-8", "replace"))
    if answer.headers.get(_FUNCTION_ERROR):
        console.note(f"The function failed; its error is above. Its log: lambdad logs {name}")


def _described(answer: Answer, error: str | None) -> dict[str, object]:
    described: dict[str, object] = {
        "StatusCode": answer.status,
        "RequestId": answer.headers.get("x-amzn-requestid"),
        "ExecutedVersion": answer.headers.get("x-amz-executed-version"),
        "FunctionError": error,
        "LogResult": answer.headers.get("x-amz-log-result"),
        "Payload": json.loads(answer.body) if answer.body else None,
    }
    return {name: value for name, value in described.items() if value is not None}
