"""Capacity providers and managed instances through boto3: placed on this machine.

Shapes: the service model; states and rules: AWS, "Lambda Managed Instances"."""

from __future__ import annotations

from typing import Any

from support.capacity_providers import (
    SOURCE,
    make_managed,
    make_provider,
    placement,
    provider_arn,
)
from support.lambda_client import (
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


def test_a_provider_has_tags(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make_provider(client, Tags={"a": "1"})
    client.tag_resource(Resource=provider_arn(name), Tags={"b": "2"})
    client.untag_resource(Resource=provider_arn(name), TagKeys=["a"])
    assert client.list_tags(Resource=provider_arn(name))["Tags"] == {"b": "2"}
    missing = not_found(f"Capacity provider not found: {provider_arn('no')}")
    assert refused(client.list_tags, Resource=provider_arn("no")) == missing


def test_a_function_runs_on_it_as_published_versions(server: LambdadServer) -> None:
    client = lambda_of(server)
    provider = make_provider(client)
    name = make_managed(client, provider)
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
    name = make_managed(client, make_provider(client))
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
    provider = make_provider(client)
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
    name = make_managed(client, provider)
    put = client.put_provisioned_concurrency_config
    refusal = refused(put, FunctionName=name, Qualifier="1", ProvisionedConcurrentExecutions=1)
    assert refusal == invalid(
        "Provisioned Concurrency is not supported for functions with a capacity provider."
    )
