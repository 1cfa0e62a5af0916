"""Permissions, concurrency, event invoke settings, URLs, recursion and runtime management through
boto3 and the AWS CLI. Sources: semantics §1.8, §1.9, §1.11, §1.12, §1.14."""

from __future__ import annotations

import datetime
import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from support.lambda_client import (
    MODIFIED,
    REVISION,
    Matching,
    arn_of,
    body_of,
    conflict,
    fresh_name,
    invalid,
    lambda_of,
    make,
    make_code,
    not_found,
    refused,
    status_of,
    untyped,
    user_error,
    validation,
)
from support.server import LambdadServer

URL = Matching(r"http://[a-z0-9]{32}\.lambda-url\.us-east-1\.localhost:\d+/")
TIME = Matching(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
GONE = "The resource you requested does not exist."


def test_permissions(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make(client)
    grant: dict[str, Any] = {
        "FunctionName": name,
        "StatementId": "s",
        "Action": "lambda:InvokeFunction",
        "Principal": "s3.amazonaws.com",
        "SourceArn": "arn:aws:s3:::b",
    }
    answer = client.add_permission(**grant)
    assert status_of(answer) == 201
    statement = {
        "Sid": "s",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": arn_of(name),
        "Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"}},
    }
    assert list(body_of(answer)) == ["Statement"]
    assert json.loads(answer["Statement"]) == statement
    policy = body_of(client.get_policy(FunctionName=name))
    assert policy["RevisionId"] == REVISION
    assert json.loads(policy["Policy"]) == {
        "Version": "2012-10-17",
        "Id": "default",
        "Statement": [statement],
    }
    assert refused(client.add_permission, **grant) == conflict(
        "The statement id (s) provided already exists. Please provide a new statement id, or "
        "remove the existing statement."
    )
    assert refused(client.add_permission, **grant | {"StatementId": "a.b"}) == validation(
        "Value 'a.b' at 'statementId' failed to satisfy constraint: Member must satisfy regular "
        "expression pattern: ([a-zA-Z0-9-_]+)"
    )
    whole = client.get_resource_policy(ResourceArn=arn_of(name))
    assert body_of(whole) == policy
    removed = client.remove_permission(
        FunctionName=name, StatementId="s", RevisionId=policy["RevisionId"]
    )
    assert (status_of(removed), body_of(removed)) == (204, {})
    assert refused(client.get_policy, FunctionName=name) == not_found(GONE)


def test_reserved_concurrency_throttles(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make_code(client, "def handler(event, context):\n    return 1\n")
    off = {"ReservedConcurrentExecutions": 0}
    assert body_of(client.put_function_concurrency(FunctionName=name, **off)) == off
    assert body_of(client.get_function_concurrency(FunctionName=name)) == off
    with pytest.raises(ClientError) as throttled:
        client.invoke(FunctionName=name)
    assert throttled.value.response["Error"]["Code"] == "TooManyRequestsException"
    assert throttled.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    answer = client.delete_function_concurrency(FunctionName=name)
    assert (status_of(answer), body_of(answer)) == (204, {})
    assert body_of(client.get_function_concurrency(FunctionName=name)) == {}
    assert client.invoke(FunctionName=name)["Payload"].read() == b"1"
    message = (
        "Specified ReservedConcurrentExecutions for function decreases account's "
        "UnreservedConcurrentExecution below its minimum value of [100]."
    )
    assert refused(
        client.put_function_concurrency, FunctionName=name, ReservedConcurrentExecutions=901
    ) == untyped("InvalidParameterValueException", 400, message) | {"message": message}


def test_provisioned_concurrency(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make(client, Publish=True)
    at = {"FunctionName": name, "Qualifier": "1"}
    answer = client.put_provisioned_concurrency_config(**at, ProvisionedConcurrentExecutions=1)
    assert status_of(answer) == 202
    assert body_of(answer) == {
        "RequestedProvisionedConcurrentExecutions": 1,
        "AvailableProvisionedConcurrentExecutions": 0,
        "AllocatedProvisionedConcurrentExecutions": 0,
        "Status": "IN_PROGRESS",
        "LastModified": MODIFIED,
    }
    assert client.get_provisioned_concurrency_config(**at)["Status"] == "READY"
    listed = client.list_provisioned_concurrency_configs(FunctionName=name)
    (one,) = listed["ProvisionedConcurrencyConfigs"]
    assert one["FunctionArn"] == arn_of(name, "1")
    assert status_of(client.delete_provisioned_concurrency_config(**at)) == 204
    assert refused(client.get_provisioned_concurrency_config, **at) == user_error(
        "ProvisionedConcurrencyConfigNotFoundException",
        404,
        "No Provisioned Concurrency Config found for this function",
    )
    latest = at | {"Qualifier": "$LATEST", "ProvisionedConcurrentExecutions": 1}
    assert refused(client.put_provisioned_concurrency_config, **latest) == invalid(
        "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
    )


def test_event_invoke_settings(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make(client)
    answer = client.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=1)
    modified = answer["LastModified"]
    assert isinstance(modified, datetime.datetime)
    expected = {
        "LastModified": modified,
        "FunctionArn": arn_of(name, "$LATEST"),
        "MaximumRetryAttempts": 1,
        "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}},
    }
    assert body_of(answer) == expected
    assert body_of(client.get_function_event_invoke_config(FunctionName=name)) == expected
    listed = client.list_function_event_invoke_configs(FunctionName=name)
    assert body_of(listed) == {"FunctionEventInvokeConfigs": [expected]}
    client.update_function_event_invoke_config(FunctionName=name, MaximumEventAgeInSeconds=60)
    assert status_of(client.delete_function_event_invoke_config(FunctionName=name)) == 204
    assert refused(client.get_function_event_invoke_config, FunctionName=name) == not_found(
        f"The function {arn_of(name, '$LATEST')} doesn't have an EventInvokeConfig"
    )
    assert refused(client.put_function_event_invoke_config, FunctionName=name) == invalid(
        "You must specify at least one of error handling or destination setting."
    )
    assert refused(
        client.list_function_event_invoke_configs, FunctionName=fresh_name()
    ) == not_found("The function doesn't exist.")


def test_urls(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make(client)
    answer = client.create_function_url_config(FunctionName=name, AuthType="NONE")
    expected = {
        "FunctionUrl": URL,
        "FunctionArn": arn_of(name),
        "AuthType": "NONE",
        "CreationTime": TIME,
    }
    assert (status_of(answer), body_of(answer)) == (201, expected)
    expected |= {"LastModifiedTime": TIME, "InvokeMode": "BUFFERED"}
    got = body_of(client.get_function_url_config(FunctionName=name))
    assert got == expected | {"FunctionUrl": answer["FunctionUrl"]}
    listed = client.list_function_url_configs(FunctionName=name)
    assert body_of(listed) == {"FunctionUrlConfigs": [expected]}
    updated = client.update_function_url_config(FunctionName=name, AuthType="AWS_IAM")
    assert updated["AuthType"] == "AWS_IAM"
    assert updated["FunctionUrl"] == answer["FunctionUrl"]
    assert status_of(client.delete_function_url_config(FunctionName=name)) == 204
    assert refused(client.get_function_url_config, FunctionName=name) == not_found(GONE)
    assert refused(
        client.create_function_url_config, FunctionName=name, Qualifier="1", AuthType="NONE"
    ) == validation(
        "Value '1' at 'qualifier' failed to satisfy constraint: Member must satisfy regular "
        r"expression pattern: ((?!^\d+$)^[0-9a-zA-Z-_]+$)"
    )


def test_recursion_and_runtime_management(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make(client)
    terminate, allow = {"RecursiveLoop": "Terminate"}, {"RecursiveLoop": "Allow"}
    assert body_of(client.get_function_recursion_config(FunctionName=name)) == terminate
    assert body_of(client.put_function_recursion_config(FunctionName=name, **allow)) == allow
    assert body_of(client.get_function_recursion_config(FunctionName=name)) == allow
    auto = {"UpdateRuntimeOn": "Auto", "FunctionArn": arn_of(name, "$LATEST")}
    assert body_of(client.get_runtime_management_config(FunctionName=name)) == auto
    update = {"UpdateRuntimeOn": "FunctionUpdate"}
    answer = client.put_runtime_management_config(FunctionName=name, **update)
    assert body_of(answer) == auto | update


def test_all_of_it_survives_kill_9_and_goes_with_the_function(fresh_server: LambdadServer) -> None:
    client = lambda_of(fresh_server)
    name = make(client)

    def everything() -> list[Any]:
        url = body_of(client.get_function_url_config(FunctionName=name))
        url["FunctionUrl"] = urlsplit(url["FunctionUrl"]).hostname  # the port is of each start
        return [
            body_of(client.get_policy(FunctionName=name)),
            url,
            body_of(client.get_function_event_invoke_config(FunctionName=name)),
            body_of(client.get_function_concurrency(FunctionName=name)),
        ]

    client.add_permission(
        FunctionName=name, StatementId="s", Action="lambda:*", Principal="111111111111"
    )
    client.create_function_url_config(FunctionName=name, AuthType="NONE")
    client.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=3)
    before = everything()
    fresh_server.kill9()
    fresh_server.start()
    client = lambda_of(fresh_server)
    assert everything() == before
    client.delete_function(FunctionName=name)
    make(client, name)
    assert refused(client.get_policy, FunctionName=name) == not_found(GONE)
    assert refused(client.get_function_url_config, FunctionName=name) == not_found(GONE)
    assert body_of(client.get_function_concurrency(FunctionName=name)) == {}


def test_with_the_aws_cli(server: LambdadServer) -> None:
    name = make(lambda_of(server))
    at = ("--function-name", name)
    server.aws(
        "lambda", "add-permission", *at, "--statement-id", "s",
        "--action", "lambda:InvokeFunction", "--principal", "events.amazonaws.com",
    )  # fmt: skip
    assert "Policy" in server.aws("lambda", "get-policy", *at)
    server.aws("lambda", "put-function-concurrency", *at, "--reserved-concurrent-executions", "2")
    assert server.aws("lambda", "get-function-concurrency", *at) == {
        "ReservedConcurrentExecutions": 2
    }
