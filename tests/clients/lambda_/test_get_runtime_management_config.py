"""GetRuntimeManagementConfig. Semantics §1.14 and the API reference: the version only where it is
pinned."""

from __future__ import annotations

from typing import Any

from support.lambda_client import (
    ABROAD,
    arn_of,
    body_of,
    fresh_name,
    make,
    mismatch,
    not_found,
    refused,
    status_of,
    unreachable,
)


def test_auto_unless_said(client: Any) -> None:
    name = make(client, Publish=True)
    answer = client.get_runtime_management_config(FunctionName=name)
    auto = {"UpdateRuntimeOn": "Auto", "FunctionArn": arn_of(name, "$LATEST")}
    assert (status_of(answer), body_of(answer)) == (200, auto)
    update = {"UpdateRuntimeOn": "FunctionUpdate"}
    client.put_runtime_management_config(FunctionName=name, **update)
    assert body_of(client.get_runtime_management_config(FunctionName=name)) == auto | update
    one = client.get_runtime_management_config(FunctionName=name, Qualifier="1")
    assert body_of(one) == auto | {"FunctionArn": arn_of(name, "1")}


def test_refusals(client: Any) -> None:
    get, name, gone = client.get_runtime_management_config, make(client), fresh_name()
    assert refused(get, FunctionName=gone) == not_found(
        f"Function not found: {arn_of(gone, '$LATEST')}"
    )
    assert refused(get, FunctionName=f"{name}:7") == not_found(
        f"Function not found: {arn_of(name, '7')}"
    )
    assert refused(get, FunctionName=ABROAD) == unreachable()
    assert refused(get, FunctionName=f"{name}:1", Qualifier="2") == mismatch()
