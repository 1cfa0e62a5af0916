"""UpdateFunctionEventInvokeConfig. Semantics §1.11; recorded."""

from __future__ import annotations

from typing import Any

from support.event_invoke import event_invoke, has_none, no_function
from support.lambda_client import (
    ABROAD,
    ACCOUNT,
    body_of,
    fresh_name,
    invalid,
    make,
    mismatch,
    refused,
    status_of,
    unreachable,
)

QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"


def test_what_is_absent_stays(client: Any) -> None:
    """An empty destination clears it."""
    name = make(client)
    client.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    update = client.update_function_event_invoke_config
    answer = update(FunctionName=name, MaximumEventAgeInSeconds=60)
    both = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    assert (status_of(answer), body_of(answer)) == (200, event_invoke(name, **both))
    given = {"OnSuccess": {}, "OnFailure": {"Destination": QUEUE}}
    answer = update(FunctionName=name, DestinationConfig=given)
    assert body_of(answer) == event_invoke(name, **both, DestinationConfig=given)
    answer = update(FunctionName=name, DestinationConfig={"OnFailure": {"Destination": ""}})
    assert body_of(answer) == event_invoke(name, **both)
    assert body_of(client.get_function_event_invoke_config(FunctionName=name)) == body_of(answer)


def test_refusals(client: Any) -> None:
    update, name, one = (
        client.update_function_event_invoke_config,
        make(client),
        {"MaximumRetryAttempts": 1},
    )
    assert refused(update, FunctionName=name) == invalid(
        "You must specify at least one of error handling or destination setting."
    )
    assert refused(update, FunctionName=name, **one) == has_none(name)
    assert refused(update, FunctionName=fresh_name(), **one) == no_function()
    assert refused(update, FunctionName=f"{name}:none", **one) == no_function()
    assert refused(update, FunctionName=f"{name}:1", Qualifier="2", **one) == mismatch()
    assert refused(update, FunctionName=ABROAD, **one) == unreachable()
