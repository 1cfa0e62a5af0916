"""PutFunctionScalingConfig. Semantics §1.15; that another function lacks access is AWS's, the other
texts are ours. What it brings about is `test_capacity_providers.py`'s."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.capacity_providers import make_managed, make_provider
from support.lambda_client import (
    ABROAD,
    arn_of,
    body_of,
    invalid,
    make,
    not_found,
    refused,
    status_of,
    unreachable,
    untyped,
)


@pytest.fixture
def managed(client: Any) -> Iterator[str]:
    name = make_managed(client, make_provider(client))
    yield name
    client.delete_function(FunctionName=name)


def bounds(minimum: int, maximum: int) -> dict[str, Any]:
    return {"MinExecutionEnvironments": minimum, "MaxExecutionEnvironments": maximum}


def test_it_holds_at_once(client: Any, managed: str) -> None:
    """Both zero switches the version off."""
    at = {"FunctionName": managed, "Qualifier": "1"}
    for minimum, maximum, state in ((1, 2, "Active"), (0, 0, "Deactivating"), (1, 1, "Active")):
        scaling = bounds(minimum, maximum)
        answer = client.put_function_scaling_config(**at, FunctionScalingConfig=scaling)
        assert (status_of(answer), body_of(answer)) == (202, {"FunctionState": state})
        assert body_of(client.get_function_scaling_config(**at)) == {
            "FunctionArn": arn_of(managed, "1"),
            "AppliedFunctionScalingConfig": scaling,
        }


def test_refusals(client: Any, managed: str) -> None:
    put = client.put_function_scaling_config
    for scaling, message in (
        (
            {"MinExecutionEnvironments": 1},
            "MinExecutionEnvironments and MaxExecutionEnvironments must be specified together.",
        ),
        (
            bounds(2, 1),
            "MinExecutionEnvironments must not be greater than MaxExecutionEnvironments.",
        ),
    ):
        params = {"FunctionName": managed, "Qualifier": "1", "FunctionScalingConfig": scaling}
        assert refused(put, **params) == invalid(message)
    assert refused(put, FunctionName=managed, Qualifier="7") == not_found(
        f"Function not found: {arn_of(managed, '7')}"
    )
    assert refused(put, FunctionName=ABROAD, Qualifier="1") == unreachable()
    other = make(client, Publish=True)
    assert refused(put, FunctionName=other, Qualifier="1") == untyped(
        "AccessDeniedException",
        403,
        "The function provided by the arn does not contain a capacity provider configuration",
    )
