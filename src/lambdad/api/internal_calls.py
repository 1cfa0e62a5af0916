"""Calls that AWS services make of their own accord: a poller with the execution role, S3 or SNS
under its own name. May they?

Owns who stands behind such a call and which condition keys come with it. What the resource's
policy and tags are, its service says (`api/authorizer.py`); the decision is `iam/evaluate.py`'s.
Carries nothing out and notes nothing.

Sources: IAM user guide, "AWS global condition context keys" (properties of the principal, of the
request), "AWS services" under "Principal"; semantics §8.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

from lambdad.api.authorizer import PolicyAuthorizer
from lambdad.api.requirement import NO_KEYS, Keys
from lambdad.api.role_decisions import Basis, Decided, Question, RoleDecisions, Timeless
from lambdad.core.arn import parse_arn
from lambdad.core.clock import Clock
from lambdad.core.ids import AccountId
from lambdad.iam.directory import Directory, Standing
from lambdad.iam.evaluate import AuthorizationRequest, Target, evaluate
from lambdad.iam.execution_roles import ExecutionRoles
from lambdad.iam.explain import denial_text
from lambdad.iam.permissions import Permissions
from lambdad.iam.principals import service_caller

_ACCOUNT_DIGITS = 12
_STRANGER = AccountId("")
"""The owner of a resource whose ARN names none: nobody's, so that only its own policy allows."""


class InternalAuthorizer(Protocol):
    """Decides whether a service may do something that no client asked for."""

    def refusal_for_role(
        self, role_arn: str, session: str, action: str, resource: str, keys: Keys = NO_KEYS
    ) -> str | None:
        """May a service that has assumed this execution role? None, or AWS's refusal.

        `session` is the name of the role session, `keys` (lower case) are those of the action's
        service. A role that is not there may nothing."""
        ...

    def refusal_for_service(
        self,
        service_principal: str,
        action: str,
        resource: str,
        *,
        source_arn: str | None,
        source_account: str | None,
    ) -> str | None:
        """May the service (`s3.amazonaws.com`) itself, on behalf of a resource of that ARN and
        account? Only the policy of `resource` can say so. None, or AWS's refusal."""
        ...


class AnyInternalCall:
    """With `--accept-any-credentials`: a role is a name, and nobody is asked."""

    def refusal_for_role(
        self, role_arn: str, session: str, action: str, resource: str, keys: Keys = NO_KEYS
    ) -> str | None:
        """Never refuses."""
        return None

    def refusal_for_service(
        self,
        service_principal: str,
        action: str,
        resource: str,
        *,
        source_arn: str | None,
        source_account: str | None,
    ) -> str | None:
        """Never refuses."""
        return None


class PolicyInternalAuthorizer:
    """Answers from memory; a change of any policy holds for the next question."""

    def __init__(
        self,
        authorizer: PolicyAuthorizer,
        directory: Directory,
        roles: ExecutionRoles,
        clock: Clock,
    ) -> None:
        self._authorizer = authorizer
        self._directory = directory
        self._roles = roles
        self._clock = clock
        self._decisions = RoleDecisions()

    def refusal_for_role(
        self, role_arn: str, session: str, action: str, resource: str, keys: Keys = NO_KEYS
    ) -> str | None:
        question = Question(role_arn, session, action, resource)
        known = None if keys else self._decisions.find(question)
        if known is not None and known.basis.holds(self._basis(known.account, resource)):
            return known.refusal
        principal = self._roles.principal(role_arn, session, self._clock.wall_ms() // 1000)
        if principal is None:
            return (
                f"User: {role_arn} is not authorized to perform: {action} on resource: {resource} "
                f"because no identity-based policy allows the {action} action"
            )
        standing = self._directory.standing(principal)
        account = principal.account if resource == "*" else _owner(resource)
        basis = self._basis(principal.account, resource)
        context = self._context(standing, resource, account, keys)
        refusal = _refusal(standing, action, Target(resource, account, basis.policy), context)
        if not keys and not context.asked_for_time:
            self._decisions.keep(question, Decided(principal.account, basis, refusal))
        return refusal

    def refusal_for_service(
        self,
        service_principal: str,
        action: str,
        resource: str,
        *,
        source_arn: str | None,
        source_account: str | None,
    ) -> str | None:
        called = _service_context(service_principal, source_arn, source_account)
        standing = Standing(service_caller(service_principal), Permissions(), called)
        account = _owner(resource)
        context = self._context(standing, resource, account, NO_KEYS)
        target = Target(resource, account, self._authorizer.policy_of(resource))
        return _refusal(standing, action, target, context)

    def _basis(self, account: AccountId, resource: str) -> Basis:
        return Basis(
            self._directory.version(account),
            self._authorizer.policy_of(resource),
            self._authorizer.tags_of(resource),
        )

    def _context(
        self, standing: Standing, resource: str, account: AccountId, keys: Keys
    ) -> Timeless:
        asked = circumstances(self._clock, resource, account)
        tags = {
            f"aws:resourcetag/{name.lower()}": value
            for name, value in self._authorizer.tags_of(resource).items()
        }
        transport = {"aws:securetransport": "true"}
        return Timeless({**asked, **transport, **tags, **keys, **standing.context})


def _refusal(standing: Standing, action: str, target: Target, context: Timeless) -> str | None:
    request = AuthorizationRequest(standing.caller, standing.permissions, action, target, context)
    decision = evaluate(request)
    return None if decision.allowed else denial_text(request, decision)


def circumstances(clock: Clock, resource: str, account: AccountId) -> Mapping[str, str]:
    """The condition keys of any request for a resource that is not an HTTP request: the moment,
    and what the ARN says."""
    now_ms = clock.wall_ms()
    moment = datetime.fromtimestamp(now_ms / 1000, UTC)
    keys = {
        "aws:currenttime": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:epochtime": str(now_ms // 1000),
        "aws:resourceaccount": account,
        "aws:viaawsservice": "false",
    }
    parsed = parse_arn(resource)
    if parsed is not None and parsed.region:
        keys["aws:requestedregion"] = parsed.region
    return keys


def _service_context(
    service_principal: str, source_arn: str | None, source_account: str | None
) -> Keys:
    """Keys of a direct call by a service principal. `aws:ViaAWSService` is not among them: that
    is for services that hand on the rights of who called them."""
    context: dict[str, str | tuple[str, ...]] = {
        "aws:principalisawsservice": "true",
        "aws:principalservicename": service_principal,
        "aws:principalservicenameslist": (service_principal,),
    }
    if source_arn:
        context["aws:sourcearn"] = source_arn
    if source_account:
        context["aws:sourceaccount"] = source_account
    return context


def _owner(resource: str) -> AccountId:
    parsed = parse_arn(resource)
    account = parsed.account if parsed else ""
    owned = len(account) == _ACCOUNT_DIGITS and account.isdigit()
    return AccountId(account) if owned else _STRANGER
