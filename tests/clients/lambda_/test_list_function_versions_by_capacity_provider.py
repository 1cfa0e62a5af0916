"""ListFunctionVersionsByCapacityProvider. Semantics §1.15 and the service model."""

from __future__ import annotations

from typing import Any

from support.capacity_providers import make_managed, make_provider, no_provider, provider_arn
from support.lambda_client import arn_of, body_of, refused, status_of


def test_whole_and_in_pages(client: Any) -> None:
    name = make_provider(client)
    call, provider = (
        client.list_function_versions_by_capacity_provider,
        {"CapacityProviderArn": provider_arn(name)},
    )
    assert body_of(call(CapacityProviderName=name)) == provider | {"FunctionVersions": []}
    function = make_managed(client, name)
    versions = [
        {"FunctionArn": arn_of(function, version), "State": "Active"}
        for version in ("$LATEST", "1")
    ]
    for given in (name, provider_arn(name)):
        answer = call(CapacityProviderName=given)
        expected = provider | {"FunctionVersions": versions}
        assert (status_of(answer), body_of(answer)) == (200, expected)
    page = body_of(call(CapacityProviderName=name, MaxItems=1))
    marker = page.pop("NextMarker")
    assert page == provider | {"FunctionVersions": versions[:1]}
    rest = body_of(call(CapacityProviderName=name, Marker=marker))
    assert rest == provider | {"FunctionVersions": versions[1:]}
    client.delete_function(FunctionName=function)


def test_one_that_is_not_there(client: Any) -> None:
    call = client.list_function_versions_by_capacity_provider
    assert refused(call, CapacityProviderName="none") == no_provider("none")
