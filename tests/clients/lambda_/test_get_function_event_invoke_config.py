"""GetFunctionEventInvokeConfig. Semantics §1.11; recorded."""

from __future__ import annotations

from typing import Any

from support.event_invoke import event_invoke, has_none
from support.lambda_client import (
    ABROAD,
    body_of,
    fresh_name,
    make,
    mismatch,
    refused,
    status_of,
    unreachable,
)


def test_the_settings(client: Any) -> None:
    name = make(client, Publish=True)
    for qualifier, retries in (("$LATEST", 1), ("1", 0)):
        client.put_function_event_invoke_config(
            FunctionName=name, Qualifier=qualifier, MaximumRetryAttempts=retries
        )
    for given, qualifier, retries in ((name, "$LATEST", 1), (f"{name}:1", "1", 0)):
        answer = client.get_function_event_invoke_config(FunctionName=given)
        expected = event_invoke(name, qualifier, MaximumRetryAttempts=retries)
        assert (status_of(answer), body_of(answer)) == (200, expected)


def test_refusals(client: Any) -> None:
    """One text, whatever it is that is not there."""
    get, name, gone = client.get_function_event_invoke_config, make(client), fresh_name()
    assert refused(get, FunctionName=name) == has_none(name)
    assert refused(get, FunctionName=name, Qualifier="x") == has_none(name, "x")
    assert refused(get, FunctionName=gone) == has_none(gone)
    assert refused(get, FunctionName=f"{name}:1", Qualifier="2") == mismatch()
    assert refused(get, FunctionName=ABROAD) == unreachable()
