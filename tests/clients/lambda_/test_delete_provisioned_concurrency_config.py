"""DeleteProvisionedConcurrencyConfig. Semantics §1.9; recorded."""

from __future__ import annotations

from typing import Any

from support.lambda_client import (
    ABROAD,
    arn_of,
    body_of,
    fresh_name,
    invalid,
    make,
    mismatch,
    not_found,
    refused,
    status_of,
    unreachable,
)
from support.provisioned import none_provisioned, provision


def test_it_is_gone_and_may_be_gone_before(client: Any) -> None:
    name = make(client, Publish=True)
    at = {"FunctionName": name, "Qualifier": "1"}
    provision(client, name, "1", 1)
    for _ in range(2):
        answer = client.delete_provisioned_concurrency_config(**at)
        assert (status_of(answer), body_of(answer)) == (204, {})
        assert refused(client.get_provisioned_concurrency_config, **at) == none_provisioned()


def test_refusals(client: Any) -> None:
    delete, name, gone = (
        client.delete_provisioned_concurrency_config,
        make(client),
        fresh_name(),
    )
    assert refused(delete, FunctionName=name, Qualifier="$LATEST") == invalid(
        "The function resource provided must be an alias or a published version."
    )
    assert refused(delete, FunctionName=name, Qualifier="none") == not_found(
        f"Cannot find alias arn: {arn_of(name, 'none')}"
    )
    assert refused(delete, FunctionName=gone, Qualifier="1") == not_found(
        f"Function not found: {arn_of(gone, '1')}"
    )
    assert refused(delete, FunctionName=f"{name}:1", Qualifier="2") == mismatch()
    assert refused(delete, FunctionName=ABROAD, Qualifier="1") == unreachable()
