"""Settings of asynchronous invocations through boto3."""

from __future__ import annotations

from typing import Any

from support.answers import RECENT
from support.lambda_client import arn_of, not_found


def event_invoke(name: str, qualifier: str = "$LATEST", **changes: Any) -> dict[str, Any]:
    """A FunctionEventInvokeConfig (semantics §1.11; recorded)."""
    return {
        "LastModified": RECENT,
        "FunctionArn": arn_of(name, qualifier),
        "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}},
    } | changes


def has_none(name: str, qualifier: str = "$LATEST") -> dict[str, Any]:
    return not_found(f"The function {arn_of(name, qualifier)} doesn't have an EventInvokeConfig")


def no_function() -> dict[str, Any]:
    return not_found("The function doesn't exist.")
