"""PutProvisionedConcurrencyConfig. Semantics §1.9; recorded. What it brings about is
`test_provisioned_concurrency.py`'s."""

from __future__ import annotations

from typing import Any

import pytest

from support.lambda_client import (
    ABROAD,
    arn_of,
    body_of,
    conflict,
    fresh_name,
    invalid,
    lambda_of,
    make,
    mismatch,
    not_found,
    refused,
    status_of,
    unreachable,
    untyped,
    validation,
)
from support.provisioned import provision, provisioned, reached
from support.server import LambdadServer

REGION = "eu-central-2"
"""Where no other test takes of the account's pool."""


@pytest.fixture
def live(client: Any) -> str:
    """A function with version 1 and the alias `live`."""
    name = make(client, Publish=True)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    return name


@pytest.mark.parametrize("qualifier", ["1", "live"])
def test_of_a_version_and_of_an_alias(client: Any, live: str, qualifier: str) -> None:
    """It is the one thing that gives a version another revision (semantics §1.5)."""
    one = {"FunctionName": live, "Qualifier": "1"}
    before = client.get_function_configuration(**one)["RevisionId"]
    answer = provision(client, live, qualifier, 1)
    assert (status_of(answer), body_of(answer)) == (202, provisioned(1, 0, "IN_PROGRESS"))
    assert reached(client, live, qualifier) == provisioned(1, 1, "READY")
    after = client.get_function_configuration(**one)["RevisionId"]
    assert (after == before) is (qualifier == "live")


def test_a_version_is_provisioned_one_way(client: Any, live: str) -> None:
    put, amount = client.put_provisioned_concurrency_config, {"ProvisionedConcurrentExecutions": 1}
    provision(client, live, "1", 1)
    assert refused(put, FunctionName=live, Qualifier="live", **amount) == conflict(
        "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned "
        "version"
    )
    client.delete_provisioned_concurrency_config(FunctionName=live, Qualifier="1")
    provision(client, live, "live", 1)
    assert refused(put, FunctionName=live, Qualifier="1", **amount) == conflict(
        "Version is pointed by a Provisioned Concurrency alias"
    )


def test_it_has_to_fit(server: LambdadServer) -> None:
    client = lambda_of(server, region_name=REGION)
    name = make(client, Publish=True)
    put, at = client.put_provisioned_concurrency_config, {"FunctionName": name, "Qualifier": "1"}
    for amount, message in (
        (
            1001,
            "Specified ConcurrentExecutions for function is greater than account's unreserved "
            "concurrency [1000].",
        ),
        (
            901,
            "Specified ConcurrentExecutions for function decreases account's "
            "UnreservedConcurrentExecution below its minimum value of [100].",
        ),
    ):
        error = untyped("InvalidParameterValueException", 400, message) | {"message": message}
        assert refused(put, **at, ProvisionedConcurrentExecutions=amount) == error
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=2)
    assert refused(put, **at, ProvisionedConcurrentExecutions=3) == invalid(
        "Requested Provisioned Concurrency should not be greater than the "
        "reservedConcurrentExecution for function"
    )


def test_refusals(client: Any, live: str) -> None:
    def refusal(name: str, qualifier: str, amount: int = 1) -> dict[str, Any]:
        params = {"FunctionName": name, "Qualifier": qualifier}
        put = client.put_provisioned_concurrency_config
        return refused(put, **params, ProvisionedConcurrentExecutions=amount)

    gone = fresh_name()
    assert refusal(live, "$LATEST") == invalid(
        "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
    )
    assert refusal(live, "none") == not_found(f"Cannot find alias arn: {arn_of(live, 'none')}")
    assert refusal(live, "7") == not_found(f"Function not found: {arn_of(live, '7')}")
    assert refusal(gone, "1") == not_found(f"Function not found: {arn_of(gone, '1')}")
    assert refusal(f"{live}:1", "2") == mismatch()
    assert refusal(ABROAD, "1") == unreachable()
    assert refusal(live, "1", 0) == validation(
        "Value '0' at 'provisionedConcurrentExecutions' failed to satisfy constraint: Member must "
        "have value greater than or equal to 1"
    )
