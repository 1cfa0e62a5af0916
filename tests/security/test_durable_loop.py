"""A durable function that invokes itself without end is stopped as any other would be."""

from __future__ import annotations

import json

from support.durable_functions import await_status, begin, make_durable
from support.packages import zip_of
from support.patience import wait_for
from support.server import LambdadServer

CHAIN = """
import boto3, json, os

client = boto3.client("lambda")


def handler(event, context):
    operations = {at["Id"]: at for at in event["InitialExecutionState"]["Operations"]}
    root = event["InitialExecutionState"]["Operations"][0]
    depth = json.loads(root["ExecutionDetails"]["InputPayload"])
    if depth == 25:
        return {"Status": "SUCCEEDED", "Result": json.dumps([depth, None])}
    if "next" not in operations:
        answer = client.checkpoint_durable_execution(
            DurableExecutionArn=event["DurableExecutionArn"],
            CheckpointToken=event["CheckpointToken"],
            Updates=[{
                "Id": "next", "Type": "CHAINED_INVOKE", "Action": "START",
                "Payload": json.dumps(depth + 1),
                "ChainedInvokeOptions": {
                    "FunctionName": os.environ["AWS_LAMBDA_FUNCTION_NAME"] + ":$LATEST"
                },
            }],
        )
        operations = {at["Id"]: at for at in answer["NewExecutionState"]["Operations"]}
    child = operations["next"]
    details = child.get("ChainedInvokeDetails", {})
    if child["Status"] == "STARTED":
        return {"Status": "PENDING"}
    result = details.get("Result") or json.dumps([depth, details["Error"]["ErrorType"]])
    return {"Status": "SUCCEEDED", "Result": result}
"""
MAY_INVOKE = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"}],
    }
)


def test_a_chain_of_durable_executions_is_stopped(server: LambdadServer) -> None:
    name = make_durable(server, zip_of({"index.py": CHAIN}), MAY_INVOKE)
    execution = await_status(server, begin(server, name, 1))
    assert json.loads(execution["Result"]) == [16, "RecursiveInvocationException"]


EVENTS = """
import boto3, json, os

def handler(event, context):
    root = event["InitialExecutionState"]["Operations"][0]
    depth = json.loads(root["ExecutionDetails"]["InputPayload"])
    print("RAN", depth, flush=True)
    try:
        if depth < 25:
            boto3.client("lambda").invoke(
                FunctionName=os.environ["AWS_LAMBDA_FUNCTION_NAME"] + ":$LATEST",
                InvocationType="Event", Payload=json.dumps(depth + 1),
            )
        told = "it went on"
    except Exception as error:
        told = type(error).__name__
    print("END" if depth == 25 or told != "it went on" else "AND SO ON", depth, told, flush=True)
    return {"Status": "SUCCEEDED", "Result": json.dumps(told)}
"""


def test_a_loop_of_events_to_a_durable_function_is_stopped(server: LambdadServer) -> None:
    name = make_durable(server, zip_of({"index.py": EVENTS}), MAY_INVOKE)
    begin(server, name, 1)
    assert ended(server, name) == ["END 16 RecursiveInvocationException"]


def ended(server: LambdadServer, name: str) -> list[str]:
    """What the last run wrote, when it has."""
    logs = server.client("logs")

    def last() -> list[str]:
        try:
            found = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}", filterPattern="END")
        except logs.exceptions.ResourceNotFoundException:
            return []
        lines = [each["message"].strip() for each in found["events"]]
        return [line for line in lines if line.startswith("END ") and "RequestId" not in line]

    return wait_for(last)
