"""CreateCapacityProvider. Semantics §1.15; the texts are AWS's as its users report them, but that
of the limit. How functions run on one is `test_capacity_providers.py`'s."""

from __future__ import annotations

from typing import Any

import pytest

from support.capacity_providers import (
    POLICIES,
    fresh_provider,
    make_provider,
    provider,
    provider_arn,
    shown,
)
from support.lambda_client import (
    ACCOUNT,
    body_of,
    conflict,
    invalid,
    refused,
    status_of,
    user_error,
)


def test_the_answer_is_of_the_moment(client: Any) -> None:
    name = fresh_provider()
    answer = client.create_capacity_provider(**provider(name))
    assert (status_of(answer), body_of(answer)) == (202, shown(name, "Pending"))
    assert body_of(client.get_capacity_provider(CapacityProviderName=name)) == shown(name)


def test_every_setting(client: Any) -> None:
    name = fresh_provider()
    settings = {
        "InstanceRequirements": {"Architectures": ["arm64"], "AllowedInstanceTypes": ["m8g.*"]},
        "CapacityProviderScalingConfig": {
            "MaxVCpuCount": 30,
            "ScalingMode": "Manual",
            "ScalingPolicies": POLICIES,
        },
        "KmsKeyArn": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/k",
    }
    answer = client.create_capacity_provider(**provider(name, Tags={"a": "b"}, **settings))
    assert body_of(answer) == shown(name, "Pending", **settings)
    assert body_of(client.list_tags(Resource=provider_arn(name))) == {"Tags": {"a": "b"}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {
                "CapacityProviderScalingConfig": {
                    "ScalingMode": "Auto",
                    "ScalingPolicies": POLICIES,
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
def test_refusals(client: Any, changes: dict[str, Any], message: str) -> None:
    params = provider(fresh_provider(), **changes)
    assert refused(client.create_capacity_provider, **params) == invalid(message)


def test_a_name_is_taken_once(client: Any) -> None:
    name = make_provider(client)
    error = refused(client.create_capacity_provider, **provider(name))
    assert error == conflict(f"Capacity provider already exists: {name}")


def test_as_many_as_there_may_be(tight_client: Any) -> None:
    """1000 on AWS, fewer here."""
    name = make_provider(tight_client)
    error = refused(tight_client.create_capacity_provider, **provider(fresh_provider()))
    assert error == user_error(
        "CapacityProviderLimitExceededException",
        400,
        "This account has 1 capacity providers in us-east-1, the most that there may be.",
    )
    tight_client.delete_capacity_provider(CapacityProviderName=name)
