"""UpdateCodeSigningConfig. Semantics §1.14; recorded."""

from __future__ import annotations

from typing import Any

from support.lambda_client import body_of, refused, status_of
from support.layers import PROFILE, make_signing_config, no_signing_config, signing_config
from support.tags import MISSING_CONFIG


def test_what_is_absent_stays(client: Any) -> None:
    arn = make_signing_config(client, Description="d")
    update = client.update_code_signing_config
    answer = update(
        CodeSigningConfigArn=arn,
        CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Enforce"},
    )
    assert status_of(answer) == 200
    assert body_of(answer) == signing_config(arn, "Enforce", Description="d")
    publishers = {"AllowedPublishers": {"SigningProfileVersionArns": [PROFILE + "2"]}}
    answer = update(CodeSigningConfigArn=arn, Description="", **publishers)
    expected = signing_config(arn, "Enforce", Description="", **publishers)
    assert body_of(answer) == expected
    assert body_of(client.get_code_signing_config(CodeSigningConfigArn=arn)) == expected


def test_one_that_is_not_there(client: Any) -> None:
    error = refused(client.update_code_signing_config, CodeSigningConfigArn=MISSING_CONFIG)
    assert error == no_signing_config(MISSING_CONFIG)
