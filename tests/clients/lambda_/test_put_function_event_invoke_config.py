"""PutFunctionEventInvokeConfig. Semantics §1.11; recorded. What it does to events is
`test_outcomes.py`'s."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from support.event_invoke import event_invoke, no_function
from support.lambda_client import (
    ABROAD,
    ACCOUNT,
    arn_of,
    body_of,
    fresh_name,
    invalid,
    make,
    mismatch,
    refused,
    status_of,
    unreachable,
    validation,
)

QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
BUCKET = "arn:aws:s3:::b"
MISSING = arn_of("missing")


def destination(success: str | None = None, failure: str | None = None) -> dict[str, Any]:
    given = {"OnSuccess": success, "OnFailure": failure}
    return {
        "DestinationConfig": {
            name: {"Destination": arn} for name, arn in given.items() if arn is not None
        }
    }


def test_it_replaces_the_whole_of_it(client: Any) -> None:
    name, other = make(client), make(client)
    put = client.put_function_event_invoke_config
    answer = put(FunctionName=name, MaximumRetryAttempts=1)
    assert isinstance(answer["LastModified"], datetime.datetime)
    assert status_of(answer) == 200
    assert body_of(answer) == event_invoke(name, MaximumRetryAttempts=1)
    given = destination(arn_of(other), QUEUE)
    answer = put(FunctionName=name, MaximumEventAgeInSeconds=21_600, **given)
    expected = event_invoke(name, MaximumEventAgeInSeconds=21_600, **given)
    assert body_of(answer) == expected
    assert body_of(client.get_function_event_invoke_config(FunctionName=name)) == expected


def test_each_qualifier_has_its_own(client: Any) -> None:
    name = make(client, Publish=True)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    for qualifier in ("1", "live", "$LATEST"):
        answer = client.put_function_event_invoke_config(
            FunctionName=name, Qualifier=qualifier, MaximumRetryAttempts=0
        )
        assert body_of(answer) == event_invoke(name, qualifier, MaximumRetryAttempts=0)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({}, invalid("You must specify at least one of error handling or destination setting.")),
        (destination(failure=MISSING), invalid(f"The destination ARN {MISSING} is invalid.")),
        (
            destination(BUCKET),
            invalid(
                "The provided destination config DestinationConfig("
                f"onSuccess=OnSuccess(destination={BUCKET}), onFailure=null) is invalid."
            ),
        ),
        (
            {"MaximumRetryAttempts": 3},
            validation(
                "Value '3' at 'maximumRetryAttempts' failed to satisfy constraint: Member must "
                "have value less than or equal to 2"
            ),
        ),
        (
            {"MaximumEventAgeInSeconds": 59},
            validation(
                "Value '59' at 'maximumEventAgeInSeconds' failed to satisfy constraint: Member "
                "must have value greater than or equal to 60"
            ),
        ),
    ],
)
def test_refusals(client: Any, changes: dict[str, Any], error: dict[str, Any]) -> None:
    params = {"FunctionName": make(client)} | changes
    assert refused(client.put_function_event_invoke_config, **params) == error


def test_not_to_itself(client: Any) -> None:
    name = make(client)
    params = {"FunctionName": name} | destination(arn_of(name))
    assert refused(client.put_function_event_invoke_config, **params) == invalid(
        "You can't specify the function as a destination for itself."
    )


def test_what_is_not_there(client: Any) -> None:
    put, name, one = (
        client.put_function_event_invoke_config,
        make(client),
        {"MaximumRetryAttempts": 1},
    )
    for given in (fresh_name(), f"{name}:none", f"{name}:7"):
        assert refused(put, FunctionName=given, **one) == no_function()
    assert refused(put, FunctionName=f"{name}:1", Qualifier="2", **one) == mismatch()
    assert refused(put, FunctionName=ABROAD, **one) == unreachable()
