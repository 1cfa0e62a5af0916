"""GetCapacityProvider. Semantics §1.15; the text of the refusal is recorded of its tags."""

from __future__ import annotations

from typing import Any

from support.capacity_providers import make_provider, no_provider, provider_arn, shown
from support.lambda_client import body_of, not_found, refused, status_of


def test_by_name_and_by_arn(client: Any) -> None:
    name = make_provider(client)
    for given in (name, provider_arn(name)):
        answer = client.get_capacity_provider(CapacityProviderName=given)
        assert (status_of(answer), body_of(answer)) == (200, shown(name))


def test_one_that_is_not_there(client: Any) -> None:
    get = client.get_capacity_provider
    assert refused(get, CapacityProviderName="none") == no_provider("none")
    far = provider_arn("none", region="eu-west-1")
    error = refused(get, CapacityProviderName=far)
    assert error == not_found(f"Capacity provider not found: {far}")
