"""Tenant isolation through boto3: nothing of one tenant is ever seen by another.

AWS, "Tenant isolation" of the Lambda developer guide; the invoke texts are AWS's own."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from support.lambda_client import (
    body_of,
    configuration,
    fresh_name,
    invalid,
    lambda_of,
    make,
    make_code,
    payload_of,
    refused,
    settled,
)
from support.server import LambdadServer

PER_TENANT = {"TenantIsolationMode": "PER_TENANT"}
SOURCE = """
import os
SEEN = []

def handler(event, context):
    SEEN.append(context.tenant_id)
    with open("/tmp/seen", "a") as file:
        file.write(context.tenant_id + "\\n")
    with open("/tmp/seen") as file:
        return {"globals": SEEN, "tmp": file.read().split("\\n")[:-1]}
"""
MISSING = (
    "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your "
    "request and try again."
)
SURPLUS = (
    "The invoked function is not enabled with tenancy configuration. Remove the tenant ID from "
    "your request and try again."
)


@pytest.fixture(scope="module")
def isolated(server: LambdadServer) -> str:
    return make_code(lambda_of(server), SOURCE, TenancyConfig=PER_TENANT)


def test_two_tenants_see_nothing_of_each_other(server: LambdadServer, isolated: str) -> None:
    client = lambda_of(server)

    def call(tenant: str) -> Any:
        return payload_of(client.invoke(FunctionName=isolated, TenantId=tenant))

    for count in (1, 2, 3):
        for tenant in ("blue", "green", "a b/c:d=e+f@g.h-i_j"):
            only = [tenant] * count
            assert call(tenant) == {"globals": only, "tmp": only}


def test_the_tenant_is_named_if_and_only_if_it_is_isolated(
    server: LambdadServer, isolated: str
) -> None:
    client = lambda_of(server)
    shared = make(client)
    for kind in ("RequestResponse", "Event"):
        call = {"InvocationType": kind}
        assert refused(client.invoke, FunctionName=isolated, **call) == invalid(MISSING)
        surplus = refused(client.invoke, FunctionName=shared, TenantId="blue", **call)
        assert surplus == invalid(SURPLUS)


def test_an_event_runs_as_its_tenant(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make_code(client, SOURCE, TenancyConfig=PER_TENANT)
    client.invoke(FunctionName=name, TenantId="later", InvocationType="Event")
    seen: list[str] = []
    while len(seen) < 2:  # its turn may come after the event's or before
        seen = payload_of(client.invoke(FunctionName=name, TenantId="later"))["tmp"]
    assert set(seen) == {"later"}


def test_it_is_decided_at_creation_and_shown(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make(client, TenancyConfig=PER_TENANT)
    assert settled(client, name) == configuration(name, TenancyConfig=PER_TENANT)
    client.update_function_configuration(FunctionName=name, Description="other")
    assert settled(client, name)["TenancyConfig"] == PER_TENANT
    published = body_of(client.publish_version(FunctionName=name))
    assert published["TenancyConfig"] == PER_TENANT


def test_what_does_not_go_with_it(server: LambdadServer, isolated: str) -> None:
    client = lambda_of(server)
    assert refused(
        client.create_function_url_config, FunctionName=isolated, AuthType="AWS_IAM"
    ) == invalid("Function URLs are not supported for functions with tenant isolation.")
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName=fresh_name())["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    assert refused(
        client.create_event_source_mapping,
        FunctionName=isolated,
        EventSourceArn=queue["QueueArn"],
    ) == invalid("Event source mappings are not supported for functions with tenant isolation.")
    assert refused(
        client.update_function_configuration,
        FunctionName=isolated,
        Runtime="python3.12",
        SnapStart={"ApplyOn": "PublishedVersions"},
    ) == invalid("SnapStart is not supported for functions with tenant isolation.")


def test_json_logs_name_the_tenant(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make_code(
        client,
        "def handler(event, context): pass",
        TenancyConfig=PER_TENANT,
        LoggingConfig={"LogFormat": "JSON"},
    )
    answer = client.invoke(FunctionName=name, TenantId="blue", LogType="Tail")
    lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
    tenants = {
        event["type"]: event["record"].get("tenantId")
        for event in map(json.loads, lines)
        if "type" in event
    }
    assert tenants["platform.start"] == tenants["platform.report"] == "blue"
