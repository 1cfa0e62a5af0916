"""Temporary credentials of users: GetSessionToken, GetFederationToken."""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.value import replace
from lambdad.iam.errors import AccessDenied
from lambdad.iam.naming import federated_user_arn
from lambdad.iam.principal import Principal, PrincipalKind, SessionTerms
from lambdad.iam.records import User
from lambdad.services.sts.credentials import credentials
from lambdad.services.sts.mfa import authenticated_s
from lambdad.services.sts.service import StsService
from lambdad.services.sts.session_terms import packed_size, read_labels, read_limits

DEFAULT_SESSION_S = 43_200
ROOT_SESSION_S = 3600
"""The most a root gets (STS API reference, GetSessionToken)."""
_LONG_TERM = (PrincipalKind.ROOT, PrincipalKind.USER)


@operation("sts", "GetSessionToken")
async def get_session_token(service: StsService, call: Call, params: Params) -> Result:
    principal = _require_long_term(call, "GetSessionToken")
    mfa_s = await authenticated_s(service, call, params)
    now_s = service.now_s()
    terms = SessionTerms(identity=principal.arn, issued_s=now_s, mfa_s=mfa_s)
    session = replace(principal, session=terms, unique_id=_unique_id(service, principal))
    expires_s = now_s + _duration_s(params, principal)
    return {"Credentials": credentials(service.sessions.grant(session, expires_s))}


@operation("sts", "GetFederationToken")
async def get_federation_token(service: StsService, call: Call, params: Params) -> Result:
    principal = _require_long_term(call, "GetFederationToken")
    limits, labels = read_limits(params, service.quotas), read_labels(params)
    size, now_s, name = packed_size(limits, labels), service.now_s(), params["Name"]
    terms = SessionTerms(
        identity=principal.arn,
        issued_s=now_s,
        policies=limits.policies,
        policy_arns=limits.arns,
        tags=labels.tags,
    )
    federated = Principal(
        kind=PrincipalKind.FEDERATED_USER,
        account=call.account,
        arn=federated_user_arn(call.account, name),
        access_key_id="",
        unique_id=f"{call.account}:{name}",
        session=terms,
    )
    expires_s = now_s + _duration_s(params, principal)
    # Recorded: the size is told here even where there is nothing to pack.
    return {
        "Credentials": credentials(service.sessions.grant(federated, expires_s)),
        "FederatedUser": {"FederatedUserId": federated.unique_id, "Arn": federated.arn},
        "PackedPolicySize": size or 0,
    }


def _require_long_term(call: Call, name: str) -> Principal:
    principal = call.principal
    if principal.kind not in _LONG_TERM or principal.session is not None:
        raise AccessDenied(f"Cannot call {name} with session credentials")
    return principal


def _duration_s(params: Params, principal: Principal) -> int:
    wanted: int = params.get("DurationSeconds", DEFAULT_SESSION_S)
    return min(wanted, ROOT_SESSION_S) if principal.kind is PrincipalKind.ROOT else wanted


def _unique_id(service: StsService, principal: Principal) -> str:
    if principal.kind is PrincipalKind.ROOT:
        return principal.account
    name = principal.arn.rpartition("/")[2]
    user = service.store.account(principal.account).named(User, name)
    return user.id if user else principal.unique_id


OPERATIONS: tuple[Implementation, ...] = (get_session_token, get_federation_token)
