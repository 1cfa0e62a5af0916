"""Capacity providers and managed instances through boto3: placed on this machine.

Shapes: the service model; states and rules: AWS, "Lambda Managed Instances"."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from support.lambda_client import (
    ACCOUNT,
    MODIFIED,
    ROLE,
    arn_of,
    body_of,
    conflict,
    creation,
    fresh_name,
    invalid,
    lambda_of,
    make_code,
    not_found,
    payload_of,
    refused,
    settled,
    status_of,
    untyped,
    user_error,
)
from support.server import LambdadServer

VPC = {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
SOURCE = """
import os
def handler(event, context):
    return os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
"""


def provider_arn(name: str) -> str:
    return f"arn:aws:lambda:us-east-1:{ACCOUNT}:capacity-provider:{name}"


def shown(name: str, state: str = "Active", **changes: Any) -> dict[str, Any]:
    members = {
        "CapacityProviderArn": provider_arn(name),
        "State": state,
        "VpcConfig": VPC,
        "PermissionsConfig": {"CapacityProviderOperatorRoleArn": ROLE},
        "InstanceRequirements": {"Architectures": ["x86_64"]},
        "CapacityProviderScalingConfig": {"MaxVCpuCount": 400, "ScalingMode": "Auto"},
        "LastModified": MODIFIED,
    }
    return {"CapacityProvider": members | changes}


def create(client: Any, name: str | None = None, **changes: Any) -> str:
    name = name or f"cp-{uuid.uuid4().hex[:8]}"
    params = {
        "CapacityProviderName": name,
        "VpcConfig": VPC,
        "PermissionsConfig": {"CapacityProviderOperatorRoleArn": ROLE},
    }
    answer = client.create_capacity_provider(**params | changes)
    assert status_of(answer) == 202
    return name


def placement(name: str, **more: Any) -> dict[str, Any]:
    managed = {"CapacityProviderArn": provider_arn(name)} | more
    return {"LambdaManagedInstancesCapacityProviderConfig": managed}


def managed_function(client: Any, provider: str, **changes: Any) -> str:
    return make_code(
        client,
        SOURCE,
        **{
            "Publish": True,
            "MemorySize": 2048,
            "CapacityProviderConfig": placement(provider),
        }
        | changes,
    )


def test_a_provider_lives(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = f"cp-{uuid.uuid4().hex[:8]}"
    params = {
        "CapacityProviderName": name,
        "VpcConfig": VPC,
        "PermissionsConfig": {"CapacityProviderOperatorRoleArn": ROLE},
    }
    assert body_of(client.create_capacity_provider(**params)) == shown(name, "Pending")
    for spelled in (name, provider_arn(name)):
        found = client.get_capacity_provider(CapacityProviderName=spelled)
        assert body_of(found) == shown(name)
    assert refused(client.create_capacity_provider, **params) == conflict(
        f"Capacity provider already exists: {name}"
    )
    policies = [
        {
            "PredefinedMetricType": "LambdaCapacityProviderAverageCPUUtilization",
            "TargetValue": 50.0,
        }
    ]
    scaling = {"ScalingMode": "Manual", "ScalingPolicies": policies}
    changed = shown(name, CapacityProviderScalingConfig={"MaxVCpuCount": 400} | scaling)
    updated = client.update_capacity_provider(
        CapacityProviderName=name, CapacityProviderScalingConfig=scaling
    )
    assert status_of(updated) == 202
    assert body_of(updated) == changed
    listed = client.list_capacity_providers()["CapacityProviders"]
    assert changed["CapacityProvider"] in listed
    assert client.list_capacity_providers(State="Failed")["CapacityProviders"] == []
    assert body_of(client.delete_capacity_provider(CapacityProviderName=name)) == {
        "CapacityProvider": changed["CapacityProvider"] | {"State": "Deleting"}
    }
    missing = not_found(f"Capacity provider not found: {provider_arn(name)}")
    assert refused(client.get_capacity_provider, CapacityProviderName=name) == missing


def test_providers_come_in_pages(server: LambdadServer) -> None:
    client = lambda_of(server)
    names = {create(client) for _ in range(3)}
    found: list[str] = []
    marker: dict[str, str] = {}
    while True:
        page = client.list_capacity_providers(MaxItems=1, **marker)
        found += [each["CapacityProviderArn"] for each in page["CapacityProviders"]]
        if "NextMarker" not in page:
            break
        marker = {"Marker": page["NextMarker"]}
    assert {provider_arn(name) for name in names} <= set(found)
    assert found == sorted(set(found))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {
                "CapacityProviderScalingConfig": {
                    "ScalingMode": "Auto",
                    "ScalingPolicies": [
                        {
                            "PredefinedMetricType": "LambdaCapacityProviderAverageCPUUtilization",
                            "TargetValue": 50.0,
                        }
                    ],
                }
            },
            "A scaling policy can't be specified when the scalingMode is set to Auto",
        ),
        (
            {"CapacityProviderScalingConfig": {"ScalingMode": "Manual"}},
            "A scaling policy must be specified when the scalingMode is set to Manual",
        ),
        (
            {
                "InstanceRequirements": {
                    "AllowedInstanceTypes": ["m8g.*"],
                    "ExcludedInstanceTypes": ["t3.*"],
                }
            },
            "AllowedInstanceTypes and ExcludedInstanceTypes can't be specified together.",
        ),
    ],
)
def test_what_a_provider_cannot_be(
    server: LambdadServer, changes: dict[str, Any], message: str
) -> None:
    client = lambda_of(server)
    params = {
        "CapacityProviderName": "never",
        "VpcConfig": VPC,
        "PermissionsConfig": {"CapacityProviderOperatorRoleArn": ROLE},
    }
    assert refused(client.create_capacity_provider, **params | changes) == invalid(message)


def test_a_provider_has_tags(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = create(client, Tags={"a": "1"})
    client.tag_resource(Resource=provider_arn(name), Tags={"b": "2"})
    client.untag_resource(Resource=provider_arn(name), TagKeys=["a"])
    assert client.list_tags(Resource=provider_arn(name))["Tags"] == {"b": "2"}
    missing = not_found(f"Capacity provider not found: {provider_arn('no')}")
    assert refused(client.list_tags, Resource=provider_arn("no")) == missing


def test_a_function_runs_on_it_as_published_versions(server: LambdadServer) -> None:
    client = lambda_of(server)
    provider = create(client)
    name = managed_function(client, provider)
    found = settled(client, name)
    assert found["CapacityProviderConfig"] == placement(
        provider,
        PerExecutionEnvironmentMaxConcurrency=16,
        ExecutionEnvironmentMemoryGiBPerVCpu=2.0,
    )
    assert found["LoggingConfig"]["LogFormat"] == "JSON"
    answer = client.invoke(FunctionName=name, Qualifier="1")
    assert payload_of(answer) == "lambda-managed-instances"
    unpublished = refused(client.invoke, FunctionName=name)
    assert unpublished == user_error(
        "NoPublishedVersionException",
        400,
        f"{arn_of(name)} runs on a capacity provider, which takes published versions only.",
        "Message",
    )
    listed = client.list_function_versions_by_capacity_provider(CapacityProviderName=provider)
    assert body_of(listed) == {
        "CapacityProviderArn": provider_arn(provider),
        "FunctionVersions": [
            {"FunctionArn": arn_of(name, "$LATEST"), "State": "Active"},
            {"FunctionArn": arn_of(name, "1"), "State": "Active"},
        ],
    }
    deletion = refused(client.delete_capacity_provider, CapacityProviderName=provider)
    assert deletion == conflict(
        f"Capacity provider {provider_arn(provider)} cannot be deleted: function versions still "
        "use it."
    )
    client.delete_function(FunctionName=name)
    client.delete_capacity_provider(CapacityProviderName=provider)


def test_its_scaling_is_configured(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = managed_function(client, create(client))
    at = {"FunctionName": name, "Qualifier": "1"}
    applied = "AppliedFunctionScalingConfig"
    arn = {"FunctionArn": arn_of(name, "1")}
    assert body_of(client.get_function_scaling_config(**at)) == arn | {
        applied: {"MinExecutionEnvironments": 3}
    }

    def scale(minimum: int, maximum: int) -> dict[str, Any]:
        bounds = {"MinExecutionEnvironments": minimum, "MaxExecutionEnvironments": maximum}
        answer = client.put_function_scaling_config(**at, FunctionScalingConfig=bounds)
        assert status_of(answer) == 202
        assert body_of(client.get_function_scaling_config(**at)) == arn | {applied: bounds}
        return body_of(answer)

    assert scale(1, 2) == {"FunctionState": "Active"}
    assert payload_of(client.invoke(**at)) == "lambda-managed-instances"
    assert scale(0, 0) == {"FunctionState": "Deactivating"}
    assert client.get_function_configuration(**at)["State"] == "Deactivated"
    assert refused(client.invoke, **at) == conflict(
        "The operation cannot be performed at this time. The function is currently in the "
        "following state: Deactivated"
    )
    assert scale(1, 1) == {"FunctionState": "Active"}
    assert payload_of(client.invoke(**at)) == "lambda-managed-instances"
    put = client.put_function_scaling_config
    for bounds, message in (
        (
            {"MinExecutionEnvironments": 1},
            "MinExecutionEnvironments and MaxExecutionEnvironments must be specified together.",
        ),
        (
            {"MinExecutionEnvironments": 2, "MaxExecutionEnvironments": 1},
            "MinExecutionEnvironments must not be greater than MaxExecutionEnvironments.",
        ),
    ):
        assert refused(put, **at, FunctionScalingConfig=bounds) == invalid(message)
    missing = refused(put, FunctionName=name, Qualifier="7", FunctionScalingConfig={})
    assert missing == not_found(f"Function not found: {arn_of(name, '7')}")


def test_others_are_not_scaled(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make_code(client, SOURCE, Publish=True)
    text = "The function provided by the arn does not contain a capacity provider configuration"
    for call in (client.get_function_scaling_config, client.put_function_scaling_config):
        refusal = refused(call, FunctionName=name, Qualifier="1")
        assert refusal == untyped("AccessDeniedException", 403, text)
    addition = refused(
        client.update_function_configuration,
        FunctionName=name,
        CapacityProviderConfig=placement("any"),
    )
    assert addition == invalid(
        "CapacityProviderConfig isn't supported for Lambda Default functions."
    )


def test_what_a_function_on_it_must_be(server: LambdadServer) -> None:
    client = lambda_of(server)
    provider = create(client)
    base = {"MemorySize": 2048, "CapacityProviderConfig": placement(provider)}
    small = refused(client.create_function, **creation(fresh_name(), **base | {"MemorySize": 2047}))
    assert small == untyped(
        "ValidationException",
        400,
        "Lambda Managed Instance functions must have memory size greater than or equal to 2048",
    )
    for changes, message in (
        (
            {
                "CapacityProviderConfig": placement(
                    provider, PerExecutionEnvironmentMaxConcurrency=65
                )
            },
            "PerExecutionEnvironmentMaxConcurrency 65 is more than the 64 that 1 vCPUs may have.",
        ),
        (
            {"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}},
            "Lambda Managed Instance functions do not support tenant isolation.",
        ),
        (
            {"LoggingConfig": {"LogFormat": "Text"}},
            "Lambda Managed Instance functions do not support the Text log format.",
        ),
    ):
        refusal = refused(client.create_function, **creation(fresh_name(), **base | changes))
        assert refusal == invalid(message)
    unknown = creation(fresh_name(), **base | {"CapacityProviderConfig": placement("no")})
    assert refused(client.create_function, **unknown) == not_found(
        f"Capacity provider not found: {provider_arn('no')}"
    )
    name = managed_function(client, provider)
    put = client.put_provisioned_concurrency_config
    refusal = refused(put, FunctionName=name, Qualifier="1", ProvisionedConcurrentExecutions=1)
    assert refusal == invalid(
        "Provisioned Concurrency is not supported for functions with a capacity provider."
    )
