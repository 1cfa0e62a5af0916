"""PutResourcePolicy. API reference; the texts of AddPermission (semantics §1.8) where both say the
same thing. None of it is recorded."""

from __future__ import annotations

import json
from typing import Any

from support.lambda_client import (
    ABROAD,
    REVISION,
    arn_of,
    fresh_name,
    invalid,
    make,
    not_found,
    refused,
    stale,
    status_of,
    unreachable,
    user_error,
)
from support.policies import OTHER_REVISION, decoded, grant, statement


def document(resource: str, **changes: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [statement(resource, **changes)]}


def test_it_replaces_what_is_there(client: Any) -> None:
    name = make(client)
    arn = arn_of(name)
    client.add_permission(**grant(name, "before"))
    put = client.put_resource_policy(ResourceArn=arn, Policy=json.dumps(document(arn)))
    assert status_of(put) == 200
    assert decoded(put) == {"Policy": document(arn), "RevisionId": REVISION}
    assert decoded(client.get_policy(FunctionName=name)) == decoded(put)
    again = client.put_resource_policy(
        ResourceArn=arn,
        Policy=json.dumps(document(arn, sid="t")),
        RevisionId=put["RevisionId"],
    )
    assert decoded(again) == {"Policy": document(arn, sid="t"), "RevisionId": REVISION}
    assert again["RevisionId"] != put["RevisionId"]


def test_one_statement_needs_no_list(client: Any) -> None:
    arn = arn_of(make(client, Publish=True), "1")
    single = document(arn) | {"Statement": statement(arn)}
    put = client.put_resource_policy(ResourceArn=arn, Policy=json.dumps(single))
    assert decoded(put) == {"Policy": document(arn), "RevisionId": REVISION}


def test_refusals(client: Any) -> None:
    name, gone = make(client), fresh_name()

    def refusal(arn: str, policy: str | None = None, **more: str) -> dict[str, Any]:
        given = json.dumps(document(arn)) if policy is None else policy
        return refused(client.put_resource_policy, ResourceArn=arn, Policy=given, **more)

    assert refusal(arn_of(gone)) == not_found(f"Function not found: {arn_of(gone)}")
    assert refusal(arn_of(name, "none")) == not_found(
        f"Cannot find alias arn: {arn_of(name, 'none')}"
    )
    assert refusal(ABROAD) == unreachable()
    assert refusal(arn_of(name, "$LATEST")) == invalid(
        "We currently do not support adding policies for $LATEST."
    )
    assert refusal(arn_of(name), RevisionId=OTHER_REVISION) == stale("GetPolicy")
    malformed = refusal(arn_of(name), "{}")
    assert malformed == invalid(malformed["message"])


def test_a_policy_has_a_bound(tight_client: Any) -> None:
    """20 KB on AWS, less here (semantics §1.4)."""
    arn = arn_of(make(tight_client))
    policy = document(arn, Condition={"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::" + "b" * 900}})
    text = json.dumps(policy, separators=(",", ":"))
    error = refused(tight_client.put_resource_policy, ResourceArn=arn, Policy=text)
    assert error == user_error(
        "PolicyLengthExceededException",
        400,
        f"The final policy size ({len(text)}) is bigger than the limit (1024).",
    )
