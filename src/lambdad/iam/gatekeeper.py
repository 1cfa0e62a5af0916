"""The least that has to change for a denied request to be allowed.

Owns the proposals of `lambdad why`. Changes nothing itself: each proposal is tried on a copy of
the request until the evaluator says yes, so that what is proposed is known to be enough. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lambdad.core.arn import parse_arn
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import Value, replace
from lambdad.iam.evaluate import AuthorizationRequest, Decision, Reason, evaluate
from lambdad.iam.grammar import LATEST_VERSION, statements_of
from lambdad.iam.permissions import Clause, Permissions
from lambdad.iam.policy import Policy, PolicyKind
from lambdad.iam.principal import PrincipalKind
from lambdad.iam.principals import Caller

_MAX_STEPS = 64
"""More denies than this over one request, and the proposal ends unfinished."""
_NAME = "proposed"


class Proposal(Value):
    """One change. All proposals for a request together allow it."""

    kind: PolicyKind
    attach_to: str
    """ARN of the identity or resource whose policy changes."""
    statement: Mapping[str, Any] | None
    """To be added; None: a deny must go."""
    remove: Clause | None = None
    """The deny that must go, or be narrowed."""

    @property
    def document(self) -> Mapping[str, Any] | None:
        """The statement as a policy of its own."""
        if self.statement is None:
            return None
        return {"Version": LATEST_VERSION, "Statement": [self.statement]}


def propose(request: AuthorizationRequest) -> tuple[Proposal, ...]:
    """What allows the request; nothing for one that is allowed already."""
    return tuple(_steps(request))


def _steps(request: AuthorizationRequest) -> Iterator[Proposal]:
    for _ in range(_MAX_STEPS):
        decision = evaluate(request)
        if decision.allowed:
            return
        proposal = _proposal(request, decision)
        yield proposal
        request = _apply(request, proposal)


def _proposal(request: AuthorizationRequest, decision: Decision) -> Proposal:
    kind = decision.kind or PolicyKind.IDENTITY
    on_resource = kind in (PolicyKind.RESOURCE, PolicyKind.TRUST)
    attach_to = request.target.resource if on_resource else request.caller.identity
    if decision.reason is Reason.EXPLICIT_DENY:
        return Proposal(kind, attach_to, None, decision.clause)
    return Proposal(kind, attach_to, _statement(request, kind))


def _statement(request: AuthorizationRequest, kind: PolicyKind) -> Mapping[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow"}
    if kind in (PolicyKind.RESOURCE, PolicyKind.TRUST):
        statement["Principal"] = _principal(request.caller)
    statement["Action"] = request.action
    if kind is not PolicyKind.TRUST:
        # Wildcards in an ARN that is asked for (a log group's `:*`) are meant in a policy too.
        statement["Resource"] = request.target.resource.replace("${", "${$}{")
    if request.caller.kind is PrincipalKind.SERVICE:
        statement |= _source(request)
    return statement


def _principal(caller: Caller) -> str | dict[str, str]:
    if caller.kind is PrincipalKind.ANONYMOUS:
        return "*"
    if caller.kind is PrincipalKind.SERVICE:
        return {"Service": caller.arn}
    if caller.kind is PrincipalKind.FEDERATED:
        return {"Federated": caller.arn}
    return {"AWS": caller.identity}


def _source(request: AuthorizationRequest) -> dict[str, Any]:
    # A service is trusted only on behalf of who makes it call ("The confused deputy problem").
    arn = request.context.get("aws:sourcearn")
    if isinstance(arn, str) and parse_arn(arn):
        return {"Condition": {"ArnLike": {"aws:SourceArn": arn}}}
    account = request.context.get("aws:sourceaccount")
    if isinstance(account, str):
        return {"Condition": {"StringEquals": {"aws:SourceAccount": account}}}
    return {}


def _apply(request: AuthorizationRequest, proposal: Proposal) -> AuthorizationRequest:
    if proposal.remove is not None:
        return _without(request, proposal.remove)
    kind, target, permissions = proposal.kind, request.target, request.permissions
    if kind in (PolicyKind.RESOURCE, PolicyKind.TRUST):
        return replace(request, target=replace(target, policy=_with(target.policy, proposal)))
    changed = {
        PolicyKind.IDENTITY: permissions.identity,
        PolicyKind.SESSION: permissions.session,
    }
    if kind in changed:
        changed[kind] += (_with(None, proposal),)
    boundary, levels = permissions.boundary, permissions.service_control
    if kind is PolicyKind.BOUNDARY:
        boundary = _with(boundary, proposal)
    if kind is PolicyKind.SERVICE_CONTROL:
        levels = tuple((*level, _with(None, proposal)) for level in levels)
    return replace(
        request,
        permissions=Permissions(
            changed[PolicyKind.IDENTITY], boundary, changed[PolicyKind.SESSION], levels
        ),
    )


def _with(policy: Policy | None, proposal: Proposal) -> Policy:
    if policy is None:
        return Policy(proposal.kind, _NAME, proposal.document or {}, DEFAULT_LIMITS)
    statements = [*statements_of(policy.document), proposal.statement]
    return Policy(
        policy.kind, policy.name, {**policy.document, "Statement": statements}, DEFAULT_LIMITS
    )


def _without(request: AuthorizationRequest, clause: Clause) -> AuthorizationRequest:
    def cut(policy: Policy) -> Policy:
        if policy is not clause.policy:
            return policy
        kept = [
            source
            for index, source in enumerate(statements_of(policy.document))
            if index != clause.statement.index
        ]
        document = {**policy.document, "Statement": kept}
        return Policy(policy.kind, policy.name, document, DEFAULT_LIMITS)

    permissions, target = request.permissions, request.target
    return replace(
        request,
        permissions=Permissions(
            tuple(cut(policy) for policy in permissions.identity),
            cut(permissions.boundary) if permissions.boundary else None,
            tuple(cut(policy) for policy in permissions.session),
            tuple(tuple(cut(policy) for policy in level) for level in permissions.service_control),
        ),
        target=replace(target, policy=cut(target.policy) if target.policy else None),
    )
