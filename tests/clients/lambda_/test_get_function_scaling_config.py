"""GetFunctionScalingConfig. Semantics §1.15; that another function lacks access is AWS's."""

from __future__ import annotations

from typing import Any

from support.capacity_providers import make_managed, make_provider
from support.lambda_client import (
    ABROAD,
    arn_of,
    body_of,
    make,
    not_found,
    refused,
    status_of,
    unreachable,
    untyped,
)


def test_three_unless_said(client: Any) -> None:
    """Developer guide, "Lambda Managed Instances"."""
    name = make_managed(client, make_provider(client))
    answer = client.get_function_scaling_config(FunctionName=name, Qualifier="1")
    expected = {
        "FunctionArn": arn_of(name, "1"),
        "AppliedFunctionScalingConfig": {"MinExecutionEnvironments": 3},
    }
    assert (status_of(answer), body_of(answer)) == (200, expected)
    client.delete_function(FunctionName=name)


def test_refusals(client: Any) -> None:
    get, name = client.get_function_scaling_config, make(client, Publish=True)
    assert refused(get, FunctionName=name, Qualifier="1") == untyped(
        "AccessDeniedException",
        403,
        "The function provided by the arn does not contain a capacity provider configuration",
    )
    assert refused(get, FunctionName=name, Qualifier="7") == not_found(
        f"Function not found: {arn_of(name, '7')}"
    )
    assert refused(get, FunctionName=ABROAD, Qualifier="1") == unreachable()
