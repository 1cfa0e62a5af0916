"""CreateFunctionUrlConfig. Semantics §1.12, quirk 9; recorded. What answers at the address is
`tests/clients/function_urls`."""

from __future__ import annotations

from typing import Any

from support.function_url_configs import CREATED, PATTERN, no_function, url_config
from support.lambda_client import (
    ABROAD,
    arn_of,
    body_of,
    conflict,
    fresh_name,
    invalid,
    make,
    mismatch,
    refused,
    status_of,
    unreachable,
    validation,
)


def test_of_a_function_and_of_an_alias(client: Any) -> None:
    """The invoke mode is told only if it was given, and no modification."""
    name = make(client, Publish=True)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    answer = client.create_function_url_config(FunctionName=name, AuthType="NONE")
    assert (status_of(answer), body_of(answer)) == (201, url_config(name, **CREATED))
    cors = {
        "AllowCredentials": True,
        "AllowHeaders": ["x-a"],
        "AllowMethods": ["GET"],
        "AllowOrigins": ["https://a.example"],
        "ExposeHeaders": ["x-b"],
        "MaxAge": 5,
    }
    mode = {"InvokeMode": "RESPONSE_STREAM"}
    other = client.create_function_url_config(
        FunctionName=name, Qualifier="live", AuthType="AWS_IAM", Cors=cors, **mode
    )
    expected = url_config(name, "live", **CREATED | {"AuthType": "AWS_IAM", "Cors": cors} | mode)
    assert body_of(other) == expected
    assert other["FunctionUrl"] != answer["FunctionUrl"]


def test_one_each(client: Any) -> None:
    name = make(client)
    params = {"FunctionName": name, "AuthType": "NONE"}
    client.create_function_url_config(**params)
    assert refused(client.create_function_url_config, **params) == conflict(
        f"Failed to create function url config for [functionArn = {arn_of(name)}]. Error message:  "
        "FunctionUrlConfig exists for this Lambda function"
    )


def test_refusals(client: Any) -> None:
    name, auth = make(client, Publish=True), {"AuthType": "NONE"}
    create = client.create_function_url_config
    for given in (fresh_name(), f"{name}:none"):
        assert refused(create, FunctionName=given, **auth) == no_function()
    assert refused(create, FunctionName=ABROAD, **auth) == unreachable()
    assert refused(create, FunctionName=f"{name}:a", Qualifier="b", **auth) == mismatch()
    error = refused(create, FunctionName=name, Qualifier="1", **auth)
    assert error == validation(f"Value '1' at 'qualifier' {PATTERN}")


def test_not_of_a_function_that_isolates_its_tenants(client: Any) -> None:
    """Developer guide, "Tenant isolation"; the text is ours."""
    name = make(client, TenancyConfig={"TenantIsolationMode": "PER_TENANT"})
    error = refused(client.create_function_url_config, FunctionName=name, AuthType="NONE")
    assert error == invalid("Function URLs are not supported for functions with tenant isolation.")
