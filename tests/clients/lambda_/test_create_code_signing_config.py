"""CreateCodeSigningConfig. Semantics §1.14; recorded."""

from __future__ import annotations

from typing import Any

from support.lambda_client import (
    MODIFIED,
    Matching,
    body_of,
    invalid,
    refused,
    status_of,
    validation,
)
from support.layers import PROFILE, signing_config

PUBLISHERS = {"AllowedPublishers": {"SigningProfileVersionArns": [PROFILE]}}


def test_it_warns_unless_said(client: Any) -> None:
    answer = client.create_code_signing_config(**PUBLISHERS)
    assert (status_of(answer), body_of(answer)) == (
        201,
        {
            "CodeSigningConfig": {
                **PUBLISHERS,
                "CodeSigningConfigId": Matching("csc-[a-z0-9]{17}"),
                "CodeSigningConfigArn": Matching(
                    "arn:aws:lambda:us-east-1:000000000000:code-signing-config:csc-[a-z0-9]{17}"
                ),
                "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Warn"},
                "LastModified": MODIFIED,
            }
        },
    )


def test_every_setting(client: Any) -> None:
    answer = client.create_code_signing_config(
        **PUBLISHERS,
        Description="d",
        CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Enforce"},
        Tags={"a": "b"},
    )
    arn = answer["CodeSigningConfig"]["CodeSigningConfigArn"]
    assert body_of(answer) == signing_config(arn, "Enforce", Description="d")
    assert body_of(client.list_tags(Resource=arn)) == {"Tags": {"a": "b"}}


def test_refusals(client: Any) -> None:
    create = client.create_code_signing_config
    assert refused(create) == validation(
        "Value null at 'allowedPublishers' failed to satisfy constraint: Member must not be null"
    )
    many = {f"k{number}": "v" for number in range(51)}
    assert refused(create, **PUBLISHERS, Tags=many) == invalid(
        "Number of tags exceeds resource tag limit."
    )
