"""Short ways to say a policy and a request, for tests of the evaluator."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from lambdad.iam.evaluate import AuthorizationRequest, Target
from lambdad.iam.matching import Context
from lambdad.iam.permissions import Permissions
from lambdad.iam.policy import Policy, PolicyKind, parse_policy
from lambdad.iam.principal import PrincipalKind
from lambdad.iam.principals import Caller

ACCOUNT, OTHER_ACCOUNT = "123456789012", "999999999999"
USER_ARN = f"arn:aws:iam::{ACCOUNT}:user/carlossalazar"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/examplerole"
SESSION_ARN = f"arn:aws:sts::{ACCOUNT}:assumed-role/examplerole/examplerolesessionname"
FEDERATED_ARN = f"arn:aws:sts::{ACCOUNT}:federated-user/carlossalazar"
ROOT_ARN = f"arn:aws:iam::{ACCOUNT}:root"

USER = Caller(PrincipalKind.USER, ACCOUNT, USER_ARN, USER_ARN)
SESSION = Caller(PrincipalKind.ASSUMED_ROLE, ACCOUNT, SESSION_ARN, ROLE_ARN)
FEDERATED = Caller(PrincipalKind.FEDERATED_USER, ACCOUNT, FEDERATED_ARN, USER_ARN)
ROOT = Caller(PrincipalKind.ROOT, ACCOUNT, ROOT_ARN, ROOT_ARN)


def policy(
    *statements: dict[str, Any], kind: PolicyKind = PolicyKind.IDENTITY, name: str = ""
) -> Policy:
    """A policy of these statements, of version 2012-10-17."""
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return parse_policy(json.dumps(document), kind, name=name)


def allow(action: str = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource} | more


def deny(action: str = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource} | more


def resource_policy(*statements: dict[str, Any]) -> Policy:
    return policy(*statements, kind=PolicyKind.RESOURCE)


def trust_policy(*principals: dict[str, Any], effect: str = "Allow", **more: Any) -> Policy:
    statements = [
        {"Effect": effect, "Principal": principal, "Action": "sts:AssumeRole"} | more
        for principal in principals
    ]
    return policy(*statements, kind=PolicyKind.TRUST)


def request(
    caller: Caller,
    action: str,
    resource: str = "*",
    identity: Iterable[Policy] = (),
    context: Context | None = None,
    **more: Any,
) -> AuthorizationRequest:
    """`more`: boundary, session, service_control; account, policy and must_be_named of Target."""
    limiting = ("boundary", "session", "service_control")
    permissions = {name: more.pop(name) for name in limiting if name in more}
    return AuthorizationRequest(
        caller,
        Permissions(tuple(identity), **permissions),
        action,
        Target(resource, more.pop("account", None), **more),
        context or {},
    )
