"""A function's policy may deny the root of its own account (IAM user guide, "AWS account root
user"), but never the way to take that policy away."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from support.lambda_client import ACCOUNT, arn_of, make_code, refused
from support.server import LambdadServer

SOURCE = "def handler(event, context): return 1\n"


def deny(name: str, action: str) -> str:
    statement = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": arn_of(name)}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_deny_holds_for_root_until_root_removes_it(fresh_server: LambdadServer) -> None:
    client = fresh_server.client("lambda")
    name, other = make_code(client, SOURCE), make_code(client, SOURCE)
    client.put_resource_policy(ResourceArn=arn_of(name), Policy=deny(name, "lambda:*"))
    text = (
        f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: lambda:{{action}} on "
        f"resource: {arn_of(name)} with an explicit deny in a resource-based policy"
    )
    for method, action in (
        ("invoke", "InvokeFunction"),
        ("delete_function", "DeleteFunction"),
        ("get_function", "GetFunction"),
        ("update_function_configuration", "UpdateFunctionConfiguration"),
    ):
        found = refused(getattr(client, method), FunctionName=name)
        assert found["Error"]["Message"] == text.format(action=action)
    assert client.invoke(FunctionName=other)["StatusCode"] == 200
    fresh_server.restart()
    client = fresh_server.client("lambda")
    with pytest.raises(ClientError, match="explicit deny"):
        client.invoke(FunctionName=name)
    client.delete_resource_policy(ResourceArn=arn_of(name))
    assert client.invoke(FunctionName=name)["StatusCode"] == 200
