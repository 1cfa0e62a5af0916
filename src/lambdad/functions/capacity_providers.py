"""What is kept of a capacity provider: an immutable value, by name.

Pure data. Members that lambdad only keeps and shows are of JSON's types, in AWS's spelling.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdad.core.arn import PARTITION
from lambdad.core.value import Value, field


class CapacityProvider(Value):
    """Where functions on managed instances run. The place is this machine, whatever network and
    instances are named; what they say is kept and shown."""

    id: str
    """Its name."""
    operator_role: str
    modified_ms: int
    vpc: Mapping[str, Any]
    """SubnetIds and SecurityGroupIds."""
    instances: Mapping[str, Any]
    """InstanceRequirements."""
    scaling: Mapping[str, Any]
    """CapacityProviderScalingConfig."""
    kms_key_arn: str | None = None
    propagate_tags: Mapping[str, Any] | None = None
    telemetry: Mapping[str, Any] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


def capacity_provider_arn(account: str, region: str, name: str) -> str:
    """The ARN of a capacity provider; a name that is an ARN already is taken as it is."""
    if ":" in name:
        return name
    return f"arn:{PARTITION}:lambda:{region}:{account}:capacity-provider:{name}"
