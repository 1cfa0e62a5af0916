"""DeleteCapacityProvider. Semantics §1.15; the text of the conflict is ours."""

from __future__ import annotations

from typing import Any

from support.capacity_providers import (
    make_managed,
    make_provider,
    no_provider,
    provider_arn,
    shown,
)
from support.lambda_client import body_of, conflict, refused, status_of


def test_it_is_gone(client: Any) -> None:
    name = make_provider(client)
    answer = client.delete_capacity_provider(CapacityProviderName=name)
    assert (status_of(answer), body_of(answer)) == (202, shown(name, "Deleting"))
    for call in (client.get_capacity_provider, client.delete_capacity_provider):
        assert refused(call, CapacityProviderName=name) == no_provider(name)


def test_not_while_a_function_is_on_it(client: Any) -> None:
    name = make_provider(client)
    function = make_managed(client, name)
    error = refused(client.delete_capacity_provider, CapacityProviderName=name)
    assert error == conflict(
        f"Capacity provider {provider_arn(name)} cannot be deleted: function versions still use it."
    )
    client.delete_function(FunctionName=function)
    client.delete_capacity_provider(CapacityProviderName=name)
