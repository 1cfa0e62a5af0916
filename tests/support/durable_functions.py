"""Durable functions for tests: packages with AWS's own SDK in them, and with a handler that speaks
the protocol by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_durable_execution_sdk_python

from support.lambda_client import ACCOUNT, RUNTIME, fresh_name
from support.packages import zip_of
from support.patience import wait_for
from support.server import LambdadServer

DURABLE_POLICY = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicDurableExecutionRolePolicy"
ROLE_NAME = "durable"
_CLOSED = ("SUCCEEDED", "FAILED", "STOPPED", "TIMED_OUT")
SPEAKER = '''
import json, os, boto3

client = boto3.client("lambda")


def handler(event, context):
    """Follows the script in the input: what to say of each invocation, by how many have been."""
    root = event["InitialExecutionState"]["Operations"][0]
    script = json.loads(root["ExecutionDetails"]["InputPayload"])
    known = {at["Id"]: at for at in event["InitialExecutionState"]["Operations"]}
    token, told = event["CheckpointToken"], []
    for line in script["lines"]:
        if any(update["Id"] in known and update["Action"] == "START" for update in line):
            continue
        answer = client.checkpoint_durable_execution(
            DurableExecutionArn=event["DurableExecutionArn"], CheckpointToken=token, Updates=line
        )
        told.append(answer["NewExecutionState"]["Operations"])
        token = answer.get("CheckpointToken")
        if token is None:
            break
    if told and script.get("pending"):
        return {"Status": "PENDING"}
    return script.get("output") or {"Status": "SUCCEEDED", "Result": json.dumps(told, default=str)}
'''
"""A handler that needs no SDK."""
HANDING_OVER = """
import json, time


def handler(event, context):
    print("TOKEN", json.dumps([event["DurableExecutionArn"], event["CheckpointToken"]]), flush=True)
    time.sleep(20)
    return {"Status": "PENDING"}
"""
"""A handler that logs its token and waits, so that a test speaks in its place."""


def sdk_package(source: str) -> bytes:
    """A zip of `index.py` and AWS's SDK."""
    folder = Path(aws_durable_execution_sdk_python.__file__).parent
    files: dict[str, str | bytes] = {
        f"{folder.name}/{path.relative_to(folder)}": path.read_bytes()
        for path in sorted(folder.rglob("*.py"))
    }
    return zip_of(files | {"index.py": source})


def durable_role(server: LambdadServer, *policies: str) -> str:
    """A role with AWS's policy for durable functions, and further inline policies."""
    arn = server.execution_role(ROLE_NAME, *policies)
    server.client("iam").attach_role_policy(RoleName=ROLE_NAME, PolicyArn=DURABLE_POLICY)
    return arn


def make_durable(
    server: LambdadServer, package: bytes, *policies: str, timeout_s: int = 600, **parameters: Any
) -> str:
    """The name of a new durable function that is Active."""
    client, name = server.client("lambda"), fresh_name()
    client.create_function(
        **{
            "FunctionName": name,
            "Runtime": RUNTIME,
            "Role": durable_role(server, *policies),
            "Handler": "index.handler",
            "Code": {"ZipFile": package},
            "Timeout": 30,
            "DurableConfig": {"ExecutionTimeout": timeout_s},
        }
        | parameters
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    return name


def begin(server: LambdadServer, name: str, payload: Any = None, **parameters: Any) -> str:
    """The ARN of an execution of `$LATEST`, begun asynchronously."""
    answer = server.client("lambda").invoke(
        FunctionName=f"{name}:$LATEST",
        InvocationType="Event",
        Payload=json.dumps(payload).encode(),
        **parameters,
    )
    arn: str = answer["DurableExecutionArn"]
    return arn


def await_status(server: LambdadServer, arn: str, *statuses: str) -> dict[str, Any]:
    """The execution when it has one of these statuses; when it is over, without any."""
    client = server.client("lambda")
    return wait_for(
        lambda: client.get_durable_execution(DurableExecutionArn=arn),
        lambda execution: execution["Status"] in (statuses or _CLOSED),
    )


def await_event(server: LambdadServer, arn: str, kind: str, count: int = 1) -> list[dict[str, Any]]:
    """The history when it has so many events of a kind."""
    return wait_for(
        lambda: history(server, arn),
        lambda found: sum(event["EventType"] == kind for event in found) >= count,
    )


def history(server: LambdadServer, arn: str) -> list[dict[str, Any]]:
    """All events of an execution."""
    client = server.client("lambda")
    pages = client.get_paginator("get_durable_execution_history").paginate(DurableExecutionArn=arn)
    return [event for page in pages for event in page["Events"]]


def events(server: LambdadServer, arn: str) -> list[str]:
    """Their types."""
    return [event["EventType"] for event in history(server, arn)]


def execution_arn(name: str, execution: str = r"[0-9a-f-]{36}", version: str = r"\$LATEST") -> str:
    """A pattern of its ARN."""
    return (
        rf"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}:{version}"
        rf"/durable-execution/{execution}/[0-9a-f-]{{36}}"
    )


def handed_over(server: LambdadServer, name: str, arn: str) -> dict[str, str]:
    """Parameters that name an invocation of HANDING_OVER under way and its token, out of its
    log."""
    logs = server.client("logs")

    def look() -> dict[str, str]:
        try:
            found = logs.filter_log_events(
                logGroupName=f"/aws/lambda/{name}", filterPattern="TOKEN"
            )["events"]
        except logs.exceptions.ResourceNotFoundException:
            return {}
        for event in found:
            execution, token = json.loads(event["message"].partition(" ")[2])
            if execution == arn:
                return {"DurableExecutionArn": arn, "CheckpointToken": str(token)}
        return {}

    return wait_for(look)
