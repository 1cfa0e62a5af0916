"""DeleteCodeSigningConfig. Semantics §1.14; recorded, but the text of the conflict, which is
ours."""

from __future__ import annotations

from typing import Any

from support.lambda_client import body_of, conflict, make, refused, status_of
from support.layers import make_signing_config, no_signing_config
from support.tags import MISSING_CONFIG


def test_it_is_gone(client: Any) -> None:
    at = {"CodeSigningConfigArn": make_signing_config(client)}
    answer = client.delete_code_signing_config(**at)
    assert (status_of(answer), body_of(answer)) == (204, {})
    for call in (client.get_code_signing_config, client.delete_code_signing_config):
        assert refused(call, **at) == no_signing_config(at["CodeSigningConfigArn"])


def test_not_while_a_function_has_it(client: Any) -> None:
    at = {"CodeSigningConfigArn": make_signing_config(client)}
    name = make(client, **at)
    assert refused(client.delete_code_signing_config, **at) == conflict(
        "Unable to delete the code signing configuration because functions still use it."
    )
    client.delete_function(FunctionName=name)
    assert status_of(client.delete_code_signing_config(**at)) == 204


def test_one_that_is_not_there(client: Any) -> None:
    error = refused(client.delete_code_signing_config, CodeSigningConfigArn=MISSING_CONFIG)
    assert error == no_signing_config(MISSING_CONFIG)
