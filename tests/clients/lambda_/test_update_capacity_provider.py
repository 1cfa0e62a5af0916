"""UpdateCapacityProvider. Semantics §1.15; the texts are AWS's as its users report them."""

from __future__ import annotations

from typing import Any

from support.capacity_providers import POLICIES, make_provider, no_provider, shown
from support.lambda_client import body_of, invalid, refused, status_of


def test_what_is_absent_stays(client: Any) -> None:
    """The scaling configuration is changed member by member."""
    name = make_provider(client)
    scaling = {"ScalingMode": "Manual", "ScalingPolicies": POLICIES}
    answer = client.update_capacity_provider(
        CapacityProviderName=name, CapacityProviderScalingConfig=scaling
    )
    expected = shown(name, CapacityProviderScalingConfig={"MaxVCpuCount": 400} | scaling)
    assert (status_of(answer), body_of(answer)) == (202, expected)
    assert body_of(client.get_capacity_provider(CapacityProviderName=name)) == expected
    answer = client.update_capacity_provider(
        CapacityProviderName=name,
        CapacityProviderScalingConfig={"ScalingMode": "Auto", "MaxVCpuCount": 30},
    )
    automatic = {"ScalingMode": "Auto", "MaxVCpuCount": 30}
    assert body_of(answer) == shown(name, CapacityProviderScalingConfig=automatic)


def test_refusals(client: Any) -> None:
    update = client.update_capacity_provider
    assert refused(update, CapacityProviderName="none") == no_provider("none")
    manual = {"CapacityProviderScalingConfig": {"ScalingMode": "Manual"}}
    error = refused(update, CapacityProviderName=make_provider(client), **manual)
    assert error == invalid(
        "A scaling policy must be specified when the scalingMode is set to Manual"
    )
