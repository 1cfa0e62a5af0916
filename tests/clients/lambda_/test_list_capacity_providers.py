"""ListCapacityProviders. Semantics §1.15 and the service model."""

from __future__ import annotations

from typing import Any

from support.capacity_providers import make_provider
from support.lambda_client import body_of, lambda_of, refused, status_of, validation
from support.server import LambdadServer

REGION = "ca-west-1"
"""Where no other test makes providers."""


def test_whole_in_pages_and_by_state(server: LambdadServer) -> None:
    client = lambda_of(server, region_name=REGION)
    assert body_of(client.list_capacity_providers()) == {"CapacityProviders": []}
    names = sorted(make_provider(client) for _ in range(2))
    both = [
        client.get_capacity_provider(CapacityProviderName=name)["CapacityProvider"]
        for name in names
    ]
    answer = client.list_capacity_providers()
    assert (status_of(answer), body_of(answer)) == (200, {"CapacityProviders": both})
    assert body_of(client.list_capacity_providers(State="Active")) == {"CapacityProviders": both}
    assert body_of(client.list_capacity_providers(State="Failed")) == {"CapacityProviders": []}
    page = body_of(client.list_capacity_providers(MaxItems=1))
    marker = page.pop("NextMarker")
    assert page == {"CapacityProviders": both[:1]}
    rest = body_of(client.list_capacity_providers(Marker=marker))
    assert rest == {"CapacityProviders": both[1:]}


def test_refusals(client: Any) -> None:
    assert refused(client.list_capacity_providers, MaxItems=51) == validation(
        "Value '51' at 'maxItems' failed to satisfy constraint: Member must have value less than "
        "or equal to 50"
    )
