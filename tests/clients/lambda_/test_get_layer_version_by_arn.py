"""GetLayerVersionByArn. Semantics §1.7; recorded."""

from __future__ import annotations

from typing import Any

from support.lambda_client import (
    ACCOUNT,
    GONE,
    body_of,
    not_found,
    refused,
    status_of,
    untyped,
)
from support.layers import fresh_layer, layer_arn, make_layer, whole_layer


def test_a_version(client: Any) -> None:
    name = fresh_layer()
    for _ in range(2):
        make_layer(client, name)
    answer = client.get_layer_version_by_arn(Arn=layer_arn(name, 2))
    assert (status_of(answer), body_of(answer)) == (200, whole_layer(name, 2))


def test_refusals(client: Any) -> None:
    """AWS's own layers are no exception: there are none here."""
    get = client.get_layer_version_by_arn
    far = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:layer:l:1"
    for arn in (layer_arn(fresh_layer(), 1), far, "arn:aws:lambda:::awslayer:AmazonLinux1703"):
        assert refused(get, Arn=arn) == not_found(GONE)
    foreign = "arn:aws:lambda:us-east-1:123456789012:layer:l:1"
    assert refused(get, Arn=foreign) == untyped(
        "AccessDeniedException",
        403,
        f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: lambda:GetLayerVersion "
        f"on resource: {foreign} because no resource-based policy allows the "
        "lambda:GetLayerVersion action",
    )
