"""Provisioned concurrency through boto3: environments that are really there before the call.

States and members: AWS, "Configuring provisioned concurrency"; semantics §1.9."""

from __future__ import annotations

import json
import time
from typing import Any

from support.lambda_client import (
    body_of,
    lambda_of,
    make_code,
    payload_of,
    refused,
    settled,
    user_error,
)
from support.packages import zip_of
from support.patience import wait_for
from support.provisioned import provision, provisioned, reached
from support.server import LambdadServer, ServerFactory

SOURCE = """
import os, time
MADE = time.time_ns()

def handler(event, context):
    time.sleep(event.get("sleep", 0))
    if event.get("exit"):
        os._exit(1)
    return {"made": MADE, "kind": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]}
"""


def call(client: Any, name: str, qualifier: str, **event: Any) -> Any:
    return payload_of(
        client.invoke(FunctionName=name, Qualifier=qualifier, Payload=json.dumps(event))
    )


def test_a_version_has_environments_before_anybody_calls(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make_code(client, SOURCE, Publish=True)
    assert body_of(provision(client, name, "1", 2)) == provisioned(2, 0, "IN_PROGRESS")
    assert reached(client, name, "1") == provisioned(2, 2, "READY")
    before = time.time_ns()
    answer = call(client, name, "1")
    assert answer["kind"] == "provisioned-concurrency"
    assert answer["made"] < before
    assert call(client, name, "$LATEST")["kind"] == "on-demand"
    arn = client.get_function_configuration(FunctionName=name, Qualifier="1")["FunctionArn"]
    listed = body_of(client.list_provisioned_concurrency_configs(FunctionName=name))
    assert listed == {
        "ProvisionedConcurrencyConfigs": [provisioned(2, 2, "READY") | {"FunctionArn": arn}]
    }
    client.delete_provisioned_concurrency_config(FunctionName=name, Qualifier="1")
    assert call(client, name, "1")["kind"] == "on-demand"


def test_one_that_dies_is_replaced(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make_code(client, SOURCE, Publish=True)
    provision(client, name, "1", 1)
    reached(client, name, "1")
    first = call(client, name, "1")["made"]
    assert call(client, name, "1", exit=True)["errorType"] == "Runtime.ExitError"
    wait_for(  # READY it stays meanwhile
        lambda: reached(client, name, "1"), lambda found: found == provisioned(1, 1, "READY")
    )
    second = call(client, name, "1")
    assert second["kind"] == "provisioned-concurrency"
    assert second["made"] > first


def test_an_alias_takes_it_along(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make_code(client, SOURCE, Publish=True)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    provision(client, name, "live", 1)
    reached(client, name, "live")
    first = call(client, name, "live")
    client.update_function_code(
        FunctionName=name, ZipFile=zip_of({"index.py": SOURCE + "\n# two\n"}), Publish=True
    )
    settled(client, name)
    client.get_waiter("published_version_active").wait(FunctionName=name, Qualifier="2")
    client.update_alias(FunctionName=name, Name="live", FunctionVersion="2")
    assert reached(client, name, "live") == provisioned(1, 1, "READY")
    second = call(client, name, "live")
    assert second["kind"] == "provisioned-concurrency"
    assert second["made"] > first["made"]
    assert call(client, name, "1")["kind"] == "on-demand"


def test_a_broken_function_fails_it(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make_code(client, "raise ValueError('no')", Publish=True)
    provision(client, name, "1", 3)
    found = reached(client, name, "1", "FAILED")
    assert found == provisioned(3, 0, "FAILED", StatusReason="FUNCTION_ERROR_INIT_FAILURE")


def test_it_is_there_again_after_a_crash(start_server: ServerFactory) -> None:
    server = start_server()
    client = lambda_of(server)
    name = make_code(client, SOURCE, Publish=True)
    provision(client, name, "1", 1)
    reached(client, name, "1")
    server.kill9()
    server.restart()
    client = lambda_of(server)
    assert reached(client, name, "1") == provisioned(1, 1, "READY")
    assert call(client, name, "1")["kind"] == "provisioned-concurrency"


def test_a_function_that_isolates_tenants_has_none(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make_code(
        client, SOURCE, Publish=True, TenancyConfig={"TenantIsolationMode": "PER_TENANT"}
    )
    put = client.put_provisioned_concurrency_config
    assert refused(put, FunctionName=name, Qualifier="1", ProvisionedConcurrentExecutions=1) == (
        user_error(
            "InvalidParameterValueException",
            400,
            "Provisioned Concurrency is not supported for functions with tenant isolation.",
        )
    )
