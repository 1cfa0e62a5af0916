"""ListDurableExecutionsByFunction. API reference; the texts as `engines/durable/errors.py` has
them."""

from __future__ import annotations

from typing import Any

from support.answers import RECENT, body
from support.durable_answers import WAITING
from support.durable_functions import SPEAKER, await_status, begin, make_durable
from support.lambda_client import (
    ABROAD,
    arn_of,
    fresh_name,
    invalid,
    not_found,
    refused,
    unreachable,
)
from support.packages import zip_of
from support.server import LambdadServer


def test_newest_first_by_what_is_asked_for(server: LambdadServer, client: Any) -> None:
    name = make_durable(server, zip_of({"index.py": SPEAKER}))
    call = client.list_durable_executions_by_function
    assert body(call(FunctionName=name)) == {"DurableExecutions": []}
    first = begin(server, name, WAITING, DurableExecutionName="first")
    second = begin(server, name, {"lines": []}, DurableExecutionName="second")
    await_status(server, second)
    common = {"FunctionArn": arn_of(name, "$LATEST"), "StartTimestamp": RECENT}
    running = common | {
        "DurableExecutionArn": first,
        "DurableExecutionName": "first",
        "Status": "RUNNING",
    }
    over = common | {
        "DurableExecutionArn": second,
        "DurableExecutionName": "second",
        "Status": "SUCCEEDED",
        "EndTimestamp": RECENT,
    }
    assert body(call(FunctionName=name)) == {"DurableExecutions": [over, running]}
    for chosen, found in (
        ({"ReverseOrder": True}, [running, over]),
        ({"Statuses": ["SUCCEEDED"]}, [over]),
        ({"DurableExecutionName": "first"}, [running]),
        ({"Qualifier": "$LATEST"}, [over, running]),
    ):
        assert body(call(FunctionName=name, **chosen)) == {"DurableExecutions": found}
    page = body(call(FunctionName=name, MaxItems=1))
    marker = page.pop("NextMarker")
    assert page == {"DurableExecutions": [over]}
    assert body(call(FunctionName=name, Marker=marker)) == {"DurableExecutions": [running]}
    client.stop_durable_execution(DurableExecutionArn=first)


def test_refusals(client: Any, speaker: str) -> None:
    call, gone = client.list_durable_executions_by_function, fresh_name()
    assert refused(call, FunctionName=gone) == not_found(f"Function not found: {arn_of(gone)}")
    assert refused(call, FunctionName=speaker, Qualifier="none") == not_found(
        f"Cannot find alias arn: {arn_of(speaker, 'none')}"
    )
    assert refused(call, FunctionName=ABROAD) == unreachable()
    assert refused(call, FunctionName=speaker, Statuses=["RUNNING", "FAILED"]) == invalid(
        "Cannot filter by more than one status"
    )
    assert refused(call, FunctionName=speaker, Marker="!") == invalid("Invalid Marker")
