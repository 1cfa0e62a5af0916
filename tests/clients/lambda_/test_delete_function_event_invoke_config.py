"""DeleteFunctionEventInvokeConfig. Semantics §1.11; recorded."""

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


def test_it_is_gone(client: Any) -> None:
    """Another qualifier's stays; a second time there is none to delete."""
    name = make(client, Publish=True)
    for qualifier in ("$LATEST", "1"):
        client.put_function_event_invoke_config(
            FunctionName=name, Qualifier=qualifier, MaximumRetryAttempts=1
        )
    answer = client.delete_function_event_invoke_config(FunctionName=name)
    assert (status_of(answer), body_of(answer)) == (204, {})
    for call in (
        client.get_function_event_invoke_config,
        client.delete_function_event_invoke_config,
    ):
        assert refused(call, FunctionName=name) == has_none(name)
    one = client.get_function_event_invoke_config(FunctionName=f"{name}:1")
    assert body_of(one) == event_invoke(name, "1", MaximumRetryAttempts=1)


def test_refusals(client: Any) -> None:
    delete, gone = client.delete_function_event_invoke_config, fresh_name()
    assert refused(delete, FunctionName=gone) == has_none(gone)
    assert refused(delete, FunctionName=f"{gone}:1", Qualifier="2") == mismatch()
    assert refused(delete, FunctionName=ABROAD) == unreachable()
