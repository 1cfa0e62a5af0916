"""Capacity providers, and functions on them, through boto3."""

from __future__ import annotations

import uuid
from typing import Any

from support.lambda_client import ACCOUNT, MODIFIED, ROLE, make_code, not_found, status_of

VPC = {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
POLICIES = [
    {"PredefinedMetricType": "LambdaCapacityProviderAverageCPUUtilization", "TargetValue": 50.0}
]
SOURCE = """
import os
def handler(event, context):
    return os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
"""


def fresh_provider() -> str:
    return f"cp-{uuid.uuid4().hex[:8]}"


def provider_arn(name: str, *, region: str = "us-east-1") -> str:
    return f"arn:aws:lambda:{region}:{ACCOUNT}:capacity-provider:{name}"


def provider(name: str, **changes: Any) -> dict[str, Any]:
    """Parameters of a CreateCapacityProvider that succeeds."""
    return {
        "CapacityProviderName": name,
        "VpcConfig": VPC,
        "PermissionsConfig": {"CapacityProviderOperatorRoleArn": ROLE},
    } | changes


def shown(name: str, state: str = "Active", **changes: Any) -> dict[str, Any]:
    """An answer with the capacity provider that it makes."""
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


def make_provider(client: Any, name: str | None = None, **changes: Any) -> str:
    """A capacity provider; its name."""
    name = name or fresh_provider()
    answer = client.create_capacity_provider(**provider(name, **changes))
    assert status_of(answer) == 202
    return name


def placement(name: str, **more: Any) -> dict[str, Any]:
    """A CapacityProviderConfig."""
    managed = {"CapacityProviderArn": provider_arn(name)} | more
    return {"LambdaManagedInstancesCapacityProviderConfig": managed}


def make_managed(client: Any, name: str, **changes: Any) -> str:
    """A function on that provider, with version 1."""
    base = {"Publish": True, "MemorySize": 2048, "CapacityProviderConfig": placement(name)}
    return make_code(client, SOURCE, **base | changes)


def no_provider(name: str) -> dict[str, Any]:
    return not_found(f"Capacity provider not found: {provider_arn(name)}")
