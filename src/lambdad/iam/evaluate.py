"""May he? The decision over all policies that have a say in one request.

Owns AWS's evaluation logic. Pure: no clock, no store, no I/O; the same request has always the
same answer. What the decision is called in words is `explain.py`'s.

Order (semantics §8.2; IAM user guide, "Policy evaluation logic" and "Cross-account policy
evaluation logic"):
1. an explicit deny anywhere decides;
2. every level of service control policies must allow;
3. within one account a resource policy that names the caller himself, or everybody, decides;
4. identity policies, permissions boundary and session policies must each allow. A resource policy
   that names the role of a session stands in for the identity policies;
5. across accounts both sides must allow; what has no identity policies (services, federated
   identities, strangers) needs the resource policy alone.
"""

from __future__ import annotations

from enum import StrEnum

from lambdad.core.value import Value
from lambdad.iam.matching import Context
from lambdad.iam.permissions import Clause, Clauses, Permissions, Selection
from lambdad.iam.policy import Policy, PolicyKind, Statement
from lambdad.iam.principal import PrincipalKind
from lambdad.iam.principals import Caller, Grant


class Target(Value):
    """What is asked for."""

    resource: str
    """ARN, or `*` for actions that have no resource."""
    account: str | None
    """Owner of the resource, always to be said; None: whoever asks owns what he asks for."""
    policy: Policy | None = None
    """The resource's policy, or the trust policy of a role."""
    must_be_named: bool = False
    """Role trust policies and KMS key policies: without their allow nothing else counts."""

    @property
    def policy_kind(self) -> PolicyKind:
        return PolicyKind.RESOURCE if self.policy is None else self.policy.kind


class AuthorizationRequest(Value):
    """One action on one resource; an operation may need several."""

    caller: Caller
    permissions: Permissions
    action: str
    """As AWS writes it: `lambda:InvokeFunction`."""
    target: Target
    context: Context


class Reason(StrEnum):
    """How a decision came about."""

    ROOT = "the root user of the account"
    ALLOWED = "a statement allows it"
    EXPLICIT_DENY = "a statement denies it"
    IMPLICIT_DENY = "no statement allows it"


class Decision(Value):
    """Allowed or not, and why: which statement of which policy, or which kind was missing."""

    allowed: bool
    reason: Reason
    kind: PolicyKind | None = None
    """Of the deciding policy; for an implicit deny the kind that had to allow and did not."""
    clause: Clause | None = None
    """The deciding statement in its policy."""

    @property
    def policy(self) -> Policy | None:
        return self.clause.policy if self.clause else None

    @property
    def statement(self) -> Statement | None:
        return self.clause.statement if self.clause else None


_ROOT = Decision(True, Reason.ROOT)
_MISSING = {kind: Decision(False, Reason.IMPLICIT_DENY, kind) for kind in PolicyKind}


def evaluate(request: AuthorizationRequest) -> Decision:
    """The decision. Denies whatever no policy allows."""
    target, caller = request.target, request.caller
    selected = request.permissions.select(request.action, target.resource)
    denial = _find(request, selected.denies) or _resource_denial(request)
    if denial is not None:
        return Decision(False, Reason.EXPLICIT_DENY, denial.kind, denial)
    for level in selected.service_control:
        if _find(request, level) is None:
            return _MISSING[PolicyKind.SERVICE_CONTROL]
    grant, granting = _resource_grant(request)
    if granting is None and (target.must_be_named or not caller.has_identity):
        return _MISSING[target.policy_kind]
    if granting is not None and not caller.has_identity:
        return _allowed(granting)
    if target.account is None or target.account == caller.account:
        return _within_account(request, selected, grant, granting)
    if granting is None:
        return _MISSING[target.policy_kind]
    return _by_identity(request, selected)


def _within_account(
    request: AuthorizationRequest, selected: Selection, grant: Grant, granting: Clause | None
) -> Decision:
    if granting is not None and grant is Grant.DIRECT:
        return _allowed(granting)
    if granting is not None and grant is Grant.IDENTITY:
        return _limited(request, selected, _allowed(granting))
    return _by_identity(request, selected)


def _by_identity(request: AuthorizationRequest, selected: Selection) -> Decision:
    if request.caller.is_root:
        return _ROOT
    allowing = _find(request, selected.identity)
    if allowing is None:
        return _MISSING[PolicyKind.IDENTITY]
    return _limited(request, selected, _allowed(allowing))


def _limited(request: AuthorizationRequest, selected: Selection, allowed: Decision) -> Decision:
    """The decision after boundary and session policies, which allow nothing but may withhold."""
    permissions = request.permissions
    if permissions.boundary is not None and _find(request, selected.boundary) is None:
        return _MISSING[PolicyKind.BOUNDARY]
    # A federated user without a session policy has no rights of his own ("Session policies").
    limited = permissions.session or request.caller.kind is PrincipalKind.FEDERATED_USER
    if limited and _find(request, selected.session) is None:
        return _MISSING[PolicyKind.SESSION]
    return allowed


def _allowed(clause: Clause) -> Decision:
    return Decision(True, Reason.ALLOWED, clause.kind, clause)


def _find(request: AuthorizationRequest, clauses: Clauses) -> Clause | None:
    resource, context = request.target.resource, request.context
    for clause in clauses:
        if clause.statement.holds(resource, context):
            return clause
    return None


def _resource_denial(request: AuthorizationRequest) -> Clause | None:
    target, policy = request.target, request.target.policy
    if policy is None:
        return None
    for statement in policy.relevant(request.action).denies:
        principals = statement.principals
        if principals is not None and principals.denies(request.caller):
            resource = target.resource
            if statement.may_cover(resource) and statement.holds(resource, request.context):
                return Clause(target.policy_kind, policy, statement)
    return None


def _resource_grant(request: AuthorizationRequest) -> tuple[Grant, Clause | None]:
    """How strongly the resource's policy allows the request, and by which statement."""
    best, granting = Grant.NONE, None
    target, policy = request.target, request.target.policy
    if policy is None:
        return best, granting
    for statement in policy.relevant(request.action).allows:
        principals = statement.principals
        grant = Grant.NONE if principals is None else principals.grant(request.caller)
        if grant > best:
            resource = target.resource
            if statement.may_cover(resource) and statement.holds(resource, request.context):
                best, granting = grant, Clause(target.policy_kind, policy, statement)
    return best, granting
