"""GetProvisionedConcurrencyConfig. Semantics §1.9; recorded."""

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
from support.provisioned import none_provisioned, provision, provisioned, reached


def test_when_it_is_there(client: Any) -> None:
    name = make(client, Publish=True)
    provision(client, name, "1", 2)
    reached(client, name, "1")
    answer = client.get_provisioned_concurrency_config(FunctionName=name, Qualifier="1")
    assert (status_of(answer), body_of(answer)) == (200, provisioned(2, 2, "READY"))
    client.delete_provisioned_concurrency_config(FunctionName=name, Qualifier="1")


def test_refusals(client: Any) -> None:
    get, name, gone = (
        client.get_provisioned_concurrency_config,
        make(client, Publish=True),
        fresh_name(),
    )
    assert refused(get, FunctionName=name, Qualifier="1") == none_provisioned()
    assert refused(get, FunctionName=name, Qualifier="$LATEST") == invalid(
        "The function resource provided must be an alias or a published version."
    )
    assert refused(get, FunctionName=name, Qualifier="none") == not_found(
        f"Cannot find alias arn: {arn_of(name, 'none')}"
    )
    assert refused(get, FunctionName=gone, Qualifier="1") == not_found(
        f"Function not found: {arn_of(gone, '1')}"
    )
    assert refused(get, FunctionName=f"{name}:1", Qualifier="2") == mismatch()
    assert refused(get, FunctionName=ABROAD, Qualifier="1") == unreachable()
