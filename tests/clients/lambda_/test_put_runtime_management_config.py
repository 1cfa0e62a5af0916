"""PutRuntimeManagementConfig. Semantics §1.14 and the API reference; what is said of parameters
that contradict each other is ours."""

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

AUTO = {"UpdateRuntimeOn": "Auto"}


def test_every_mode(client: Any) -> None:
    name = make(client, Publish=True)
    pinned = client.get_function_configuration(FunctionName=name)["RuntimeVersionConfig"]
    for setting in (
        {"UpdateRuntimeOn": "FunctionUpdate"},
        {"UpdateRuntimeOn": "Manual", "RuntimeVersionArn": pinned["RuntimeVersionArn"]},
        AUTO,
    ):
        for qualifier in (None, "1"):
            at = {"FunctionName": name} | ({"Qualifier": qualifier} if qualifier else {})
            answer = client.put_runtime_management_config(**at, **setting)
            expected = setting | {"FunctionArn": arn_of(name, qualifier or "$LATEST")}
            assert (status_of(answer), body_of(answer)) == (200, expected)
            assert body_of(client.get_runtime_management_config(**at)) == expected


def test_refusals(client: Any) -> None:
    put, name, gone = client.put_runtime_management_config, make(client), fresh_name()
    assert refused(put, FunctionName=gone, **AUTO) == not_found(
        f"Function not found: {arn_of(gone, '$LATEST')}"
    )
    assert refused(put, FunctionName=f"{name}:7", **AUTO) == not_found(
        f"Function not found: {arn_of(name, '7')}"
    )
    assert refused(put, FunctionName=ABROAD, **AUTO) == unreachable()
    assert refused(put, FunctionName=f"{name}:1", Qualifier="2", **AUTO) == mismatch()
    assert refused(put, FunctionName=name, UpdateRuntimeOn="Manual") == invalid(
        "RuntimeVersionArn must be specified when UpdateRuntimeOn is Manual."
    )
    pinned = {"RuntimeVersionArn": f"arn:aws:lambda:us-east-1::runtime:{'a' * 64}"}
    assert refused(put, FunctionName=name, **AUTO, **pinned) == invalid(
        "RuntimeVersionArn can only be specified when UpdateRuntimeOn is Manual."
    )
