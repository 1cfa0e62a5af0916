"""Calling operation functions directly, as the dispatcher would."""

from __future__ import annotations

from lambdad.api.call import Call
from lambdad.core.ids import DEFAULT_ACCOUNT, DEFAULT_REGION, AccountId, Region, RequestId
from lambdad.iam.principal import Principal, PrincipalKind


def root_call(account: str = DEFAULT_ACCOUNT, region: str = DEFAULT_REGION) -> Call:
    """A call by the root of an account."""
    root = Principal(
        PrincipalKind.ROOT, AccountId(account), f"arn:aws:iam::{account}:root", "AKIAEXAMPLE"
    )
    return Call(
        account=AccountId(account),
        region=Region(region),
        principal=root,
        request_id=RequestId("11111111-2222-4333-8444-555555555555"),
        endpoint="http://127.0.0.1:4566",
        source_ip="127.0.0.1",
        headers={},
    )
