"""Throttling through boto3: which limit refuses an invocation, and how AWS says so.

Recorded for the reservation; Reason's values and the rates: the service model, and AWS, "Lambda
quotas" and "Understanding concurrency and requests per second"."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from support.lambda_client import lambda_of, make_code, payload_of, refused, settled, throttled
from support.server import LambdadServer

SOURCE = """
import time
def handler(event, context):
    time.sleep(event.get("sleep", 0))
    return event
"""


def reserve(client: Any, name: str, amount: int) -> None:
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=amount)


@pytest.fixture
def name(server: LambdadServer) -> str:
    return make_code(lambda_of(server), SOURCE, Timeout=30)


def test_zero_reserved_switches_it_off(server: LambdadServer, name: str) -> None:
    client = lambda_of(server)
    reserve(client, name, 0)
    assert refused(client.invoke, FunctionName=name) == throttled(
        "ReservedFunctionConcurrentInvocationLimitExceeded"
    )
    client.delete_function_concurrency(FunctionName=name)
    assert payload_of(client.invoke(FunctionName=name)) == {}


def test_what_is_reserved_is_the_most(server: LambdadServer, name: str) -> None:
    client = lambda_of(server)
    reserve(client, name, 1)
    call = {"FunctionName": name, "Payload": json.dumps({"sleep": 2})}
    both = threading.Barrier(2)
    outcomes: list[str] = []

    def run() -> None:
        mine = lambda_of(server)
        both.wait()
        try:
            outcomes.append(mine.invoke(**call)["ExecutedVersion"])
        except mine.exceptions.TooManyRequestsException as error:
            outcomes.append(error.response["Reason"])

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["$LATEST", "ReservedFunctionConcurrentInvocationLimitExceeded"]
    client.delete_function_concurrency(FunctionName=name)
    assert payload_of(client.invoke(FunctionName=name)) == {}


def test_ten_requests_per_second_for_each_that_is_reserved(
    server: LambdadServer, name: str
) -> None:
    client = lambda_of(server)
    client.invoke(FunctionName=name)
    reserve(client, name, 1)
    refusals: list[dict[str, Any]] = []
    for _ in range(200):  # much faster than ten per second
        try:
            client.invoke(FunctionName=name)
        except client.exceptions.TooManyRequestsException as error:
            refusals.append(error.response)
    assert refusals
    assert {refusal["Reason"] for refusal in refusals} == {
        "ReservedFunctionInvocationRateLimitExceeded"
    }


def test_a_new_version_of_the_code_has_the_same_limit(server: LambdadServer, name: str) -> None:
    client = lambda_of(server)
    reserve(client, name, 0)
    client.update_function_configuration(FunctionName=name, Description="other")
    settled(client, name)
    assert refused(client.invoke, FunctionName=name) == throttled(
        "ReservedFunctionConcurrentInvocationLimitExceeded"
    )
