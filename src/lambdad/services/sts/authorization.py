"""What the operations of STS require (Service Authorization Reference, "AWS Security Token
Service").

Of AssumeRole and its kin the role's trust policy decides, inside the operation; GetCallerIdentity
and GetSessionToken require nothing (`api/dispatch.DECIDED_BY_SERVICE`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lambdad.api.call import Call, Params
from lambdad.api.requirement import Requirement, Rule, ServiceRules, request_tags
from lambdad.iam.errors import AccessDenied
from lambdad.iam.naming import federated_user_arn
from lambdad.services.sts.service import StsService


def _federation_token(_: StsService, call: Call, params: Params) -> Iterable[Requirement]:
    arn = federated_user_arn(call.account, params["Name"])
    tags = [(tag["Key"], tag["Value"]) for tag in params.get("Tags") or ()]
    required = [Requirement("sts:GetFederationToken", arn, request_tags(tags))]
    if tags:
        required.append(Requirement("sts:TagSession", arn, request_tags(tags)))
    return required


_RULES: Mapping[str, Rule] = {
    "GetFederationToken": _federation_token,
    "GetAccessKeyInfo": lambda _, __, ___: (Requirement("sts:GetAccessKeyInfo"),),
    "DecodeAuthorizationMessage": lambda _, __, ___: (
        Requirement("sts:DecodeAuthorizationMessage"),
    ),
}
RULES = ServiceRules("sts", _RULES, AccessDenied)
