"""ListFunctionEventInvokeConfigs. Semantics §1.11; recorded."""

from __future__ import annotations

from typing import Any

from support.event_invoke import event_invoke, no_function
from support.lambda_client import (
    ABROAD,
    body_of,
    fresh_name,
    make,
    refused,
    status_of,
    unreachable,
)


def test_every_qualifiers(client: Any) -> None:
    name = make(client, Publish=True)
    everything = client.list_function_event_invoke_configs
    assert body_of(everything(FunctionName=name)) == {"FunctionEventInvokeConfigs": []}
    for qualifier in ("$LATEST", "1"):
        client.put_function_event_invoke_config(
            FunctionName=name, Qualifier=qualifier, MaximumRetryAttempts=1
        )
    latest, one = (event_invoke(name, at, MaximumRetryAttempts=1) for at in ("$LATEST", "1"))
    answer = everything(FunctionName=name)
    assert status_of(answer) == 200
    assert body_of(answer) == {"FunctionEventInvokeConfigs": [latest, one]}
    page = body_of(everything(FunctionName=name, MaxItems=1))
    marker = page.pop("NextMarker")
    assert page == {"FunctionEventInvokeConfigs": [latest]}
    rest = body_of(everything(FunctionName=name, Marker=marker))
    assert rest == {"FunctionEventInvokeConfigs": [one]}


def test_refusals(client: Any) -> None:
    everything = client.list_function_event_invoke_configs
    assert refused(everything, FunctionName=fresh_name()) == no_function()
    assert refused(everything, FunctionName=ABROAD) == unreachable()
