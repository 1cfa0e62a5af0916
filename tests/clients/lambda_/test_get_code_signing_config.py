"""GetCodeSigningConfig. Semantics §1.14; recorded, also that the refusal has no Type."""

from __future__ import annotations

from typing import Any

from support.lambda_client import body_of, refused, status_of
from support.layers import make_signing_config, no_signing_config, signing_config
from support.tags import MISSING_CONFIG


def test_a_configuration(client: Any) -> None:
    arn = make_signing_config(client, "Enforce", Description="d")
    answer = client.get_code_signing_config(CodeSigningConfigArn=arn)
    assert status_of(answer) == 200
    assert body_of(answer) == signing_config(arn, "Enforce", Description="d")


def test_one_that_is_not_there(client: Any) -> None:
    for arn in (MISSING_CONFIG, MISSING_CONFIG.replace("us-east-1", "eu-west-1")):
        error = refused(client.get_code_signing_config, CodeSigningConfigArn=arn)
        assert error == no_signing_config(arn)
