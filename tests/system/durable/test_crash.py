"""kill -9 in the middle of durable executions: they go on, and no step that is over runs again."""

from __future__ import annotations

import json

from support.durable_functions import (
    await_event,
    await_status,
    begin,
    events,
    make_durable,
    sdk_package,
)
from support.lambda_client import lambda_of
from support.server import LambdadServer

SOURCE = '''
import time, urllib.request
from aws_durable_execution_sdk_python import durable_execution
from aws_durable_execution_sdk_python.config import Duration
import boto3

logs = boto3.client("logs")


def note(what):
    """Counted outside: a log stream outlives the environment and the server."""
    print("RAN", what, flush=True)


@durable_execution
def handler(event, context):
    def step(name, seconds=0):
        def run(_):
            note(name)
            time.sleep(seconds)
            return name
        return run

    done = [context.step(step("first"), name="first")]
    context.wait(Duration.from_seconds(event["wait"]), name="wait")
    done.append(context.step(step("slow", event["slow"]), name="slow"))
    callback = context.create_callback(name="callback")
    done.append(context.step(step("third"), name="third"))
    done.append(callback.result())
    return done
'''


def ran(server: LambdadServer, name: str) -> list[str]:
    """The steps that were run, however often."""
    group = f"/aws/lambda/{name}"
    found = server.client("logs").filter_log_events(logGroupName=group, filterPattern="RAN")
    return sorted(event["message"].split()[1] for event in found["events"])


def test_an_execution_outlives_the_server(fresh_server: LambdadServer) -> None:
    server = fresh_server
    name = make_durable(server, sdk_package(SOURCE))
    arn = begin(server, name, {"wait": 3, "slow": 2})

    await_event(server, arn, "WaitStarted")
    await_event(server, arn, "InvocationCompleted")
    server.kill9()  # while it waits
    server.start()

    await_event(server, arn, "StepStarted", 2)
    server.kill9()  # while a step runs, which is then not over
    server.start()

    happened = await_event(server, arn, "InvocationCompleted", 2)
    callback = next(at for at in happened if at["EventType"] == "CallbackStarted")
    server.kill9()  # while it waits for somebody
    server.start()

    lambda_of(server).send_durable_execution_callback_success(
        CallbackId=callback["CallbackStartedDetails"]["CallbackId"], Result=b'"thanks"'
    )
    execution = await_status(server, arn)
    assert execution["Status"] == "SUCCEEDED"
    assert json.loads(execution["Result"]) == ["first", "slow", "third", '"thanks"']
    happened_types = events(server, arn)
    assert happened_types.count("StepSucceeded") == 3
    assert happened_types.count("ExecutionSucceeded") == 1
    runs = ran(server, name)
    assert runs.count("first") <= 1
    assert runs.count("third") <= 1


def test_a_chained_invoke_outlives_the_server(fresh_server: LambdadServer) -> None:
    source = """
from aws_durable_execution_sdk_python import durable_execution
from aws_durable_execution_sdk_python.config import Duration


@durable_execution
def handler(event, context):
    if event["depth"] == 0:
        context.wait(Duration.from_seconds(4))
        return ["bottom"]
    return [event["depth"], *context.invoke(event["me"], event | {"depth": event["depth"] - 1})]
"""
    policy = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"}],
        }
    )
    server = fresh_server
    name = make_durable(server, sdk_package(source), policy)
    arn = begin(server, name, {"me": f"{name}:$LATEST", "depth": 2})
    await_event(server, arn, "ChainedInvokeStarted")
    await_event(server, arn, "InvocationCompleted")
    server.kill9()
    server.start()
    execution = await_status(server, arn)
    assert (execution["Status"], json.loads(execution["Result"])) == (
        "SUCCEEDED",
        [2, 1, "bottom"],
    )
    listed = lambda_of(server).list_durable_executions_by_function(FunctionName=name)
    assert [at["Status"] for at in listed["DurableExecutions"]] == ["SUCCEEDED"] * 3
