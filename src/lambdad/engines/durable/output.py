"""What an invocation of a durable function comes to: its answer, or how it failed. Pure.

The protocol is that of AWS's durable execution SDKs: `{Status, Result | Error}`.
"""

from __future__ import annotations

from typing import Any

import orjson

from lambdad.core.value import Value
from lambdad.engines.durable.execution import ErrorObject

_TEXTS = ("ErrorMessage", "ErrorType", "ErrorData")


class Answer(Value):
    """What the function returned, in the protocol's terms."""

    UNSHOWN = ("result", "error")

    status: str
    """SUCCEEDED, FAILED or PENDING."""
    result: str | None = None
    error: ErrorObject | None = None


class Failure(Value):
    """The function raised, ran out of time or memory: worth another try."""

    UNSHOWN = ("error",)

    error: ErrorObject


class Breach(Value):
    """No other try would help: the function answered against the protocol, or is gone."""

    text: str
    kind: str = "InvalidParameterValueException"
    """AWS's code of the error."""

    @property
    def error(self) -> ErrorObject:
        return {"ErrorMessage": self.text, "ErrorType": self.kind}


class NotRun(Value):
    """The function was not reached: throttled, or not able to run for now."""


Outcome = Answer | Failure | Breach | NotRun


def answer_of(payload: bytes) -> Answer | Breach:
    """What a successful invocation returned."""
    try:
        body = orjson.loads(payload)
    except orjson.JSONDecodeError:
        body = None
    status = body.get("Status") if isinstance(body, dict) else None
    if status not in ("SUCCEEDED", "FAILED", "PENDING"):
        return Breach("Invalid Status in invocation output.")
    result, error = body.get("Result"), error_object(body.get("Error"))
    if status == "SUCCEEDED" and error is not None:
        return Breach("Cannot provide an Error for SUCCEEDED status.")
    if status == "FAILED" and result is not None:
        return Breach("Cannot provide a Result for FAILED status.")
    if result is not None and not isinstance(result, str):
        return Breach("Invalid Result in invocation output.")
    return Answer(status, result, error)


def error_object(given: Any) -> ErrorObject | None:
    """AWS's ErrorObject with the members that are what they should be."""
    if not isinstance(given, dict):
        return None
    error: dict[str, Any] = {
        name: given[name] for name in _TEXTS if isinstance(given.get(name), str)
    }
    trace = given.get("StackTrace")
    if isinstance(trace, list):
        error["StackTrace"] = [str(entry) for entry in trace]
    return error


def failure_of(payload: bytes, error_type: str | None) -> ErrorObject:
    """The ErrorObject of a function error, as runtimes report them."""
    try:
        body = orjson.loads(payload)
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        body = {"errorMessage": payload.decode(errors="replace")}
    return (
        error_object(
            {
                "ErrorMessage": body.get("errorMessage"),
                "ErrorType": body.get("errorType") or error_type,
                "StackTrace": body.get("stackTrace"),
            }
        )
        or {}
    )


def function_error(error: ErrorObject) -> bytes:
    """An ErrorObject as the payload of a failed synchronous invoke."""
    spelling = {
        "errorMessage": error.get("ErrorMessage"),
        "errorType": error.get("ErrorType"),
        "errorData": error.get("ErrorData"),
        "stackTrace": error.get("StackTrace"),
    }
    return orjson.dumps({name: value for name, value in spelling.items() if value is not None})
