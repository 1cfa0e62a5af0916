"""AWS's durable execution SDK for Python, unmodified, in functions on a real server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.durable_functions import (
    await_event,
    await_status,
    begin,
    events,
    history,
    make_durable,
    sdk_package,
)
from support.lambda_client import lambda_of, make_code, payload_of
from support.server import LambdadServer

SOURCE = """
from aws_durable_execution_sdk_python import durable_execution
from aws_durable_execution_sdk_python.config import (
    CallbackConfig, Duration, MapConfig, StepConfig, WaitForCallbackConfig,
)
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig, WaitForConditionDecision


def note(text):
    with open("/tmp/notes", "a") as file:
        file.write(text + "\\n")


@durable_execution
def handler(event, context):
    return globals()[event["do"]](event, context)


def steps(event, context):
    first = context.step(lambda _: event["number"] + 1, name="add")
    context.wait(Duration.from_seconds(1), name="pause")
    return context.step(lambda _: first * 2, name="double")


def retries(event, context):
    def flaky(step):
        if step.attempt < 3:
            raise ValueError(f"attempt {step.attempt}")
        return f"attempt {step.attempt}"

    strategy = create_retry_strategy(
        RetryStrategyConfig(max_attempts=3, initial_delay=Duration.from_seconds(1), backoff_rate=1)
    )
    return context.step(flaky, name="flaky", config=StepConfig(retry_strategy=strategy))


def fails(event, context):
    def broken(_):
        raise ValueError("no way")

    strategy = create_retry_strategy(RetryStrategyConfig(max_attempts=1))
    return context.step(broken, name="broken", config=StepConfig(retry_strategy=strategy))


def waits_for_callback(event, context):
    callback = context.create_callback(
        name="approval",
        config=CallbackConfig(
            timeout=Duration.from_seconds(event.get("timeout", 300)),
            heartbeat_timeout=Duration.from_seconds(event.get("heartbeat", 0)),
        ),
    )
    return {"answer": callback.result()}


def parallel(event, context):
    def branch(number):
        def run(child):
            child.wait(Duration.from_seconds(1), name=f"wait {number}")
            return child.step(lambda _: number * number, name=f"square {number}")
        return run

    return context.parallel([branch(number) for number in range(3)], name="squares").get_results()


def maps(event, context):
    def one(child, item, index, items):
        return child.step(lambda _: item.upper(), name=f"upper {index}")

    return context.map(event["items"], one, name="uppers").get_results()


def child(event, context):
    def inside(nested):
        one = nested.step(lambda _: 1, name="one")
        nested.wait(Duration.from_seconds(1))
        return one + nested.step(lambda _: 2, name="two")

    return context.run_in_child_context(inside, name="inside")


def chain(event, context):
    return context.invoke(event["function"], event["input"], name="other")
"""


@pytest.fixture(scope="module")
def name(server: LambdadServer) -> str:
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"}],
    }
    return make_durable(server, sdk_package(SOURCE), json.dumps(policy))


def run(server: LambdadServer, name: str, **event: Any) -> dict[str, Any]:
    answer = lambda_of(server).invoke(
        FunctionName=f"{name}:$LATEST", Payload=json.dumps(event).encode()
    )
    answer["Payload"] = payload_of(answer)
    return answer


def test_steps_and_a_wait(server: LambdadServer, name: str) -> None:
    answer = run(server, name, do="steps", number=4)
    assert (answer["StatusCode"], answer["Payload"]) == (200, 10)
    assert "FunctionError" not in answer
    assert events(server, answer["DurableExecutionArn"]) == [
        "ExecutionStarted",
        "StepStarted",
        "StepSucceeded",
        "WaitStarted",
        "InvocationCompleted",
        "WaitSucceeded",
        "StepStarted",
        "StepSucceeded",
        "InvocationCompleted",
        "ExecutionSucceeded",
    ]


def test_a_step_is_retried(server: LambdadServer, name: str) -> None:
    answer = run(server, name, do="retries")
    assert answer["Payload"] == "attempt 3"
    happened = history(server, answer["DurableExecutionArn"])
    attempts = [
        (event["EventType"], event[f"{event['EventType']}Details"]["RetryDetails"])
        for event in happened
        if event["EventType"] in ("StepFailed", "StepSucceeded")
    ]
    assert attempts == [
        ("StepFailed", {"CurrentAttempt": 1, "NextAttemptDelaySeconds": 1}),
        ("StepFailed", {"CurrentAttempt": 2, "NextAttemptDelaySeconds": 1}),
        ("StepSucceeded", {"CurrentAttempt": 3}),
    ]


def test_a_failure(server: LambdadServer, name: str) -> None:
    answer = run(server, name, do="fails")
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorMessage"] == "no way"
    arn = answer["DurableExecutionArn"]
    assert await_status(server, arn)["Error"]["ErrorMessage"] == "no way"
    assert events(server, arn)[-3:] == ["StepFailed", "InvocationCompleted", "ExecutionFailed"]


def callback_of(server: LambdadServer, arn: str) -> str:
    happened = await_event(server, arn, "CallbackStarted")
    started = next(event for event in happened if event["EventType"] == "CallbackStarted")
    identifier: str = started["CallbackStartedDetails"]["CallbackId"]
    return identifier


def test_a_callback_succeeds(server: LambdadServer, name: str) -> None:
    client = lambda_of(server)
    arn = begin(server, name, {"do": "waits_for_callback"})
    callback = callback_of(server, arn)
    client.send_durable_execution_callback_heartbeat(CallbackId=callback)
    client.send_durable_execution_callback_success(CallbackId=callback, Result=b'"yes"')
    execution = await_status(server, arn)
    assert (execution["Status"], json.loads(execution["Result"])) == (
        "SUCCEEDED",
        {"answer": '"yes"'},
    )


def test_a_callback_fails(server: LambdadServer, name: str) -> None:
    arn = begin(server, name, {"do": "waits_for_callback"})
    lambda_of(server).send_durable_execution_callback_failure(
        CallbackId=callback_of(server, arn),
        Error={"ErrorMessage": "refused", "ErrorType": "Refusal"},
    )
    execution = await_status(server, arn)
    assert (execution["Status"], execution["Error"]["ErrorMessage"]) == ("FAILED", "refused")


@pytest.mark.parametrize(
    ("event", "kind"),
    [({"timeout": 1}, "Callback.Timeout"), ({"heartbeat": 1}, "Callback.Heartbeat")],
)
def test_a_callback_times_out(
    server: LambdadServer, name: str, event: dict[str, Any], kind: str
) -> None:
    arn = begin(server, name, {"do": "waits_for_callback", **event})
    assert await_status(server, arn)["Status"] == "FAILED"
    over = next(at for at in history(server, arn) if at["EventType"] == "CallbackTimedOut")
    assert over["CallbackTimedOutDetails"]["Error"] == {
        "Payload": {"ErrorType": kind},
        "Truncated": False,
    }


def test_parallel_branches(server: LambdadServer, name: str) -> None:
    assert run(server, name, do="parallel")["Payload"] == [0, 1, 4]


def test_a_map(server: LambdadServer, name: str) -> None:
    assert run(server, name, do="maps", items=["a", "b", "c"])["Payload"] == ["A", "B", "C"]


def test_a_child_context(server: LambdadServer, name: str) -> None:
    answer = run(server, name, do="child")
    assert answer["Payload"] == 3
    happened = events(server, answer["DurableExecutionArn"])
    assert happened.count("ContextStarted") == happened.count("ContextSucceeded") == 1


def test_another_function_is_invoked(server: LambdadServer, name: str) -> None:
    other = make_code(lambda_of(server), "def handler(event, _):\n    return {'got': event}\n")
    answer = run(server, name, do="chain", function=other, input=[1])
    assert answer["Payload"] == {"got": [1]}


def test_another_durable_function_is_invoked(server: LambdadServer, name: str) -> None:
    event = {"do": "steps", "number": 1}
    answer = run(server, name, do="chain", function=f"{name}:$LATEST", input=event)
    assert answer["Payload"] == 4
    started = next(
        at
        for at in history(server, answer["DurableExecutionArn"])
        if at["EventType"] == "ChainedInvokeStarted"
    )
    child = started["ChainedInvokeStartedDetails"]["DurableExecutionArn"]
    assert await_status(server, child)["Result"] == "4"


def test_the_example(server: LambdadServer) -> None:
    """docs/durable-functions.md."""
    source = (Path(__file__).parents[3] / "examples" / "durable" / "order.py").read_text()
    order = make_durable(server, sdk_package(source))
    arn = begin(server, order, {"id": "order-1", "amount": 12})
    client = lambda_of(server)
    client.send_durable_execution_callback_success(
        CallbackId=callback_of(server, arn), Result=b'"Ada"'
    )
    assert json.loads(await_status(server, arn)["Result"]) == {
        "charge": "charged 12",
        "approved_by": '"Ada"',
        "shipment": "shipped order-1",
    }


def test_a_failed_function_is_an_error(server: LambdadServer, name: str) -> None:
    other = make_code(lambda_of(server), "def handler(event, _):\n    raise KeyError('x')\n")
    answer = run(server, name, do="chain", function=other, input=None)
    assert (answer["FunctionError"], answer["Payload"]["errorMessage"]) == ("Unhandled", "'x'")
