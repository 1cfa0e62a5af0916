"""AssumeRole."""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.ids import AccountId
from lambdad.iam.errors import AccessDenied
from lambdad.services.sts.assuming import (
    Asker,
    Wanted,
    duration_s,
    find_role,
    may_assume,
    open_session,
    read_role_arn,
    request_context,
)
from lambdad.services.sts.mfa import authenticated_s, mfa_keys
from lambdad.services.sts.service import StsService
from lambdad.services.sts.session_terms import inherit, read_labels, read_limits


@operation("sts", "AssumeRole")
async def assume_role(service: StsService, call: Call, params: Params) -> Result:
    arn = read_role_arn(params["RoleArn"])
    wanted = _read(service, call, params, AccountId(arn.account))
    role = find_role(service, arn)
    actions = _actions(call, params, wanted)
    if role is None:
        raise _denied(call, wanted)
    standing = service.directory.standing(call.principal)
    mfa_s = await authenticated_s(service, call, params)
    context = {
        **standing.context,
        **request_context(service, call, role, wanted),
        **mfa_keys(service, call.principal, mfa_s),
    }
    if "ExternalId" in params:
        context["sts:externalid"] = params["ExternalId"]
    asker = Asker(standing.caller, standing.permissions, context)
    if not may_assume(service, asker, role, wanted, actions):
        raise _denied(call, wanted)
    return open_session(service, call, role, wanted, duration_s(params, role, call.principal))


def _read(service: StsService, call: Call, params: Params, account: AccountId) -> Wanted:
    labels = read_labels(params)
    calling = call.principal.session
    if calling is not None:
        labels = inherit(labels, calling.tags, calling.transitive_keys)
    # A source identity, once set, stays along a chain of roles (STS API reference).
    inherited = None if calling is None else calling.source_identity
    return Wanted(
        role_arn=params["RoleArn"],
        account=account,
        session_name=params["RoleSessionName"],
        limits=read_limits(params, service.quotas),
        labels=labels,
        source_identity=inherited or params.get("SourceIdentity"),
    )


def _actions(call: Call, params: Params, wanted: Wanted) -> tuple[str, ...]:
    """What a request needs to be allowed; tags and a source identity are actions of their own."""
    actions = ["sts:AssumeRole"]
    if wanted.labels.tags:
        actions.append("sts:TagSession")
    if wanted.source_identity is not None:
        actions.append("sts:SetSourceIdentity")
    return tuple(actions)


def _denied(call: Call, wanted: Wanted) -> AccessDenied:
    """The same answer for a role that is not there: whether it is, is nobody's business."""
    return AccessDenied(
        f"User: {call.principal.arn} is not authorized to perform: sts:AssumeRole on resource: "
        f"{wanted.role_arn}"
    )


OPERATIONS: tuple[Implementation, ...] = (assume_role,)
