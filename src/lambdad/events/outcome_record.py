"""What is said of an asynchronous invocation that is over: to a destination, to a dead-letter
queue. Pure; recorded (semantics §3).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from lambdad.core.arn import function_arn
from lambdad.engines.durable.execution import Execution
from lambdad.functions.names import LATEST
from lambdad.invoke.event_queue import AsyncEvent
from lambdad.invoke.retry import Over
from lambdad.runtime.invocation import InvokeResult

_MESSAGE_BYTES = 1024
"""Of an error's message in a dead letter."""
_OK, _THROTTLED = 200, 429


def destination_record(
    event: AsyncEvent, payload: bytes, over: Over, result: InvokeResult | None, now_ms: int
) -> bytes:
    """The JSON that a destination gets. What the function answered is in it if it ran last."""
    moment = datetime.fromtimestamp(now_ms / 1000, UTC)
    arn = function_arn(event.region, event.account, event.name, event.qualifier or LATEST)
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": arn,
            "condition": over.condition,
            "approximateInvokeCount": over.progress.attempts,
        },
        "requestPayload": _document(payload or b"{}"),
    }
    if result is not None:
        context: dict[str, Any] = {
            "statusCode": _OK,
            "executedVersion": result.executed_version,
        }
        if result.function_error is not None:
            context["functionError"] = result.function_error
        record["responseContext"] = context
        record["responsePayload"] = _document(result.payload or b"null")
    return orjson.dumps(record)


def dead_letter_attributes(
    event: AsyncEvent, over: Over, result: InvokeResult | None
) -> Mapping[str, Mapping[str, str]]:
    """The message attributes of a dead letter; its body is the event. ErrorCode is an HTTP status:
    a function that failed has been invoked all right (recorded)."""
    code = _OK if result is not None else _THROTTLED
    return _attributes(event.request_id, code, _reported(result), over.condition)


def execution_attributes(execution: Execution) -> Mapping[str, Mapping[str, str]]:
    """Likewise of a durable execution, whose name is the request id of the event that began it
    unless its caller named it. AWS does not publish these; ours are as for a function's error."""
    message = (execution.error or {}).get("ErrorMessage")
    return _attributes(execution.origin.name, _OK, message, execution.status)


def _attributes(
    request_id: str, code: int, message: object, instead: str
) -> Mapping[str, Mapping[str, str]]:
    """SQS takes no empty attribute: `instead` stands for a message that is none."""
    text = message if isinstance(message, str) and message else instead
    shown = text.encode(errors="replace")[:_MESSAGE_BYTES].decode(errors="ignore")
    return {
        "RequestID": {"DataType": "String", "StringValue": request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": str(code)},
        "ErrorMessage": {"DataType": "String", "StringValue": shown},
    }


def _reported(result: InvokeResult | None) -> object:
    """The error message in what the function answered."""
    try:
        reply = orjson.loads(result.payload) if result is not None else None
    except orjson.JSONDecodeError:
        return None
    return reply.get("errorMessage") if isinstance(reply, dict) else None


def _document(text: bytes) -> object:
    """JSON as it came, without being read again but for being sound; anything else as a text."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return text.decode(errors="replace")
    return orjson.Fragment(text)
