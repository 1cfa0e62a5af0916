"""InvokeAsync. API reference (deprecated); the errors are those of Invoke with an event."""

from __future__ import annotations

from typing import Any

from support.lambda_client import (
    ABROAD,
    arn_of,
    body_of,
    fresh_name,
    make,
    make_pending,
    not_found,
    pending,
    refused,
    status_of,
    unreachable,
    user_error,
)


def test_an_event(client: Any) -> None:
    answer = client.invoke_async(FunctionName=make(client), InvokeArgs=b"{}")
    assert (status_of(answer), body_of(answer)) == (202, {"Status": 202})


def test_refusals(client: Any) -> None:
    call, gone = client.invoke_async, fresh_name()
    error = refused(call, FunctionName=gone, InvokeArgs=b"{}")
    assert error == not_found(f"Function not found: {arn_of(gone, '$LATEST')}")
    assert refused(call, FunctionName=ABROAD, InvokeArgs=b"{}") == unreachable()
    broken = refused(call, FunctionName=make(client), InvokeArgs=b"{")
    text = broken["Error"]["Message"]
    assert broken == user_error("InvalidRequestContentException", 400, text)
    assert text.startswith("Could not parse request body into json: Could not parse payload into ")


def test_not_while_it_is_being_created(client: Any) -> None:
    """The text is recorded of changes."""
    error = refused(client.invoke_async, FunctionName=make_pending(client), InvokeArgs=b"{}")
    assert error == pending()
