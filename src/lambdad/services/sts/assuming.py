"""Taking on a role: what AssumeRole and AssumeRoleWithWebIdentity have in common.

The role's trust policy decides, with the caller's own policies where it leaves the decision to the
caller's account (semantics §8.2). A root may assume a role that trusts its account: AWS forbids
that to roots, but a server that takes any credentials knows nobody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from lambdad.api.call import Call, Params, Result
from lambdad.core.arn import Arn, parse_arn
from lambdad.core.ids import AccountId
from lambdad.core.value import Value
from lambdad.iam.evaluate import AuthorizationRequest, Target, evaluate
from lambdad.iam.naming import assumed_role_arn
from lambdad.iam.permissions import Permissions
from lambdad.iam.principal import Principal, PrincipalKind, SessionTerms
from lambdad.iam.principals import Caller
from lambdad.iam.records import Role
from lambdad.services.sts.credentials import credentials
from lambdad.services.sts.errors import ValidationError
from lambdad.services.sts.service import StsService
from lambdad.services.sts.session_terms import Labels, Limits, packed_size

Context = dict[str, str | tuple[str, ...]]
CHAINED_SESSION_S = 3600
DEFAULT_SESSION_S = 3600


class Asker(Value):
    """Who wants to take on a role."""

    caller: Caller
    permissions: Permissions
    context: Mapping[str, str | tuple[str, ...]]


class Wanted(Value):
    """The session that is asked for."""

    role_arn: str
    account: AccountId
    session_name: str
    limits: Limits
    labels: Labels
    source_identity: str | None = None


def read_role_arn(text: str) -> Arn:
    """A well-formed ARN, of a role or not. Raises ValidationError (recorded)."""
    arn = parse_arn(text)
    if arn is None or not (arn.partition and arn.service and arn.resource):
        raise ValidationError(f"{text} is invalid")
    return arn


def find_role(service: StsService, arn: Arn) -> Role | None:
    """The role of exactly this ARN, in whatever account of this server."""
    records = service.store.account(AccountId(arn.account))
    role = records.named(Role, arn.resource.rpartition("/")[2])
    return role if role is not None and role.arn(arn.account) == str(arn) else None


def may_assume(
    service: StsService, asker: Asker, role: Role, wanted: Wanted, actions: tuple[str, ...]
) -> bool:
    """Whether every one of the actions is allowed on the role."""
    target = Target(
        resource=wanted.role_arn,
        account=wanted.account,
        policy=service.directory.trust(wanted.account, role),
        must_be_named=True,
    )
    return all(
        evaluate(
            AuthorizationRequest(asker.caller, asker.permissions, action, target, asker.context)
        ).allowed
        for action in actions
    )


def duration_s(params: Params, role: Role, principal: Principal | None) -> int:
    """How long the session is to last. Raises ValidationError past the role's maximum, or past
    an hour for a role assumed by a session of a role."""
    wanted: int = params.get("DurationSeconds", DEFAULT_SESSION_S)
    chained = principal is not None and principal.kind is PrincipalKind.ASSUMED_ROLE
    if chained and wanted > CHAINED_SESSION_S:
        raise ValidationError(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
            "role chaining"
        )
    if wanted > role.max_session_s:
        raise ValidationError(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    return wanted


def open_session(
    service: StsService, call: Call, role: Role, wanted: Wanted, lifetime_s: int
) -> Result:
    """The members that every answer has that gives out a role."""
    size = packed_size(wanted.limits, wanted.labels)
    now_s = service.now_s()
    terms = SessionTerms(
        identity=wanted.role_arn,
        issued_s=now_s,
        policies=wanted.limits.policies,
        policy_arns=wanted.limits.arns,
        tags=wanted.labels.tags,
        transitive_keys=wanted.labels.transitive_keys,
        source_identity=wanted.source_identity,
    )
    principal = Principal(
        kind=PrincipalKind.ASSUMED_ROLE,
        account=wanted.account,
        arn=assumed_role_arn(wanted.account, role.name, wanted.session_name),
        access_key_id="",
        unique_id=f"{role.id}:{wanted.session_name}",
        session=terms,
    )
    service.last_uses.note(wanted.account, role.id, "sts", call.region)
    return {
        "Credentials": credentials(service.sessions.grant(principal, now_s + lifetime_s)),
        "AssumedRoleUser": {"AssumedRoleId": principal.unique_id, "Arn": principal.arn},
        "PackedPolicySize": size,
        "SourceIdentity": wanted.source_identity,
    }


def request_context(service: StsService, call: Call, role: Role, wanted: Wanted) -> Context:
    """Context keys of a request to take on a role (IAM user guide, "IAM and STS condition context
    keys")."""
    now = datetime.fromtimestamp(service.now_s(), UTC)
    context: Context = {
        "aws:currenttime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:epochtime": str(service.now_s()),
        "aws:sourceip": call.source_ip,
        "aws:requestedregion": call.region,
        "aws:resourceaccount": wanted.account,
        "aws:securetransport": "true" if call.endpoint.startswith("https:") else "false",
        "sts:rolesessionname": wanted.session_name,
    }
    if wanted.source_identity is not None:
        context["sts:sourceidentity"] = wanted.source_identity
    for key, value in role.tags:
        context[f"aws:resourcetag/{key.lower()}"] = value
        context[f"iam:resourcetag/{key.lower()}"] = value
    for key, value in wanted.labels.tags:
        context[f"aws:requesttag/{key.lower()}"] = value
    if wanted.labels.tags:
        context["aws:tagkeys"] = tuple(key for key, _ in wanted.labels.tags)
    if wanted.labels.transitive_keys:
        context["sts:transitivetagkeys"] = wanted.labels.transitive_keys
    return context
