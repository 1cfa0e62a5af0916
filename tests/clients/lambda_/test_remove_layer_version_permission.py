"""RemoveLayerVersionPermission. Semantics §1.7; recorded."""

from __future__ import annotations

from typing import Any

from support.lambda_client import body_of, invalid, not_found, refused, stale, status_of
from support.layers import fresh_layer, layer_arn, make_layer
from support.policies import decoded, layer_grant, layer_statement

NO_POLICY = "No policy is associated with the given resource."


def test_with_the_last_statement_the_policy_is_gone(client: Any) -> None:
    name = fresh_layer()
    make_layer(client, name)
    at: dict[str, Any] = {"LayerName": name, "VersionNumber": 1}
    for sid in ("s", "t"):
        client.add_layer_version_permission(**layer_grant(name, StatementId=sid))
    removed = client.remove_layer_version_permission(**at, StatementId="s")
    assert (status_of(removed), body_of(removed)) == (204, {})
    policy = client.get_layer_version_policy(**at)
    assert decoded(policy)["Policy"]["Statement"] == [layer_statement(name, Sid="t")]
    last = {"StatementId": "t", "RevisionId": policy["RevisionId"]}
    removed = client.remove_layer_version_permission(**at, **last)
    assert (status_of(removed), body_of(removed)) == (204, {})
    assert refused(client.get_layer_version_policy, **at) == not_found(NO_POLICY)


def test_refusals(client: Any) -> None:
    name = fresh_layer()
    make_layer(client, name)

    def refusal(**changes: Any) -> dict[str, Any]:
        params = {"LayerName": name, "VersionNumber": 1, "StatementId": "x"} | changes
        return refused(client.remove_layer_version_permission, **params)

    assert refusal() == not_found(NO_POLICY)
    assert refusal(VersionNumber=0) == invalid("Layer Version Cannot be less than 1")
    assert refusal(VersionNumber=7) == not_found(
        f"Layer version {layer_arn(name, 7)} does not exist."
    )
    client.add_layer_version_permission(**layer_grant(name))
    assert refusal() == not_found("Statement x is not found in resource policy.")
    assert refusal(StatementId="s", RevisionId="wrong") == stale("GetLayerPolicy")
