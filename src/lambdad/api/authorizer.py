"""May they? Every operation of every service, decided by the policies of the caller.

Owns the way from a call to the evaluator: what the operation requires, who stands behind the
caller, the first requirement that is not met in AWS's words. The decision itself is
`iam/evaluate.py`'s. Answers from memory; what it holds of policies follows every change at once,
because the directory looks at the account's version on each call.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lambdad.api.call import Call, Params
from lambdad.api.operation import OperationName
from lambdad.api.request_context import RequestContext
from lambdad.api.requirement import NO_TAGS, Requirement, Rule, ServiceRules, Tags
from lambdad.core.clock import Clock
from lambdad.core.errors import AccessDeniedException, ClientError
from lambdad.core.value import Value, replace
from lambdad.iam.directory import Directory, Standing
from lambdad.iam.evaluate import AuthorizationRequest, Decision, Reason, Target, evaluate
from lambdad.iam.explain import denial_text
from lambdad.iam.policy import Policy
from lambdad.iam.principal import PrincipalKind


class _Served(Value):
    """A service and its rules."""

    service: object
    rules: ServiceRules

    def tags_of(self, arn: str) -> Tags:
        if self.rules.tags_of is None:
            return NO_TAGS
        return self.rules.tags_of(self.service, arn)


class PolicyAuthorizer:
    """The Authorizer (api/dispatch.py) of a server that checks who calls."""

    def __init__(self, directory: Directory, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock
        self._served: dict[str, _Served] = {}

    def serve(self, service: object, rules: ServiceRules) -> None:
        """Add what the operations of a service require; `service` is handed to its rules."""
        self._served[rules.service] = _Served(service, rules)

    def tags_of(self, arn: str) -> Tags:
        """The tags of a resource of any service."""
        served = self._served.get(_service_of(arn))
        return NO_TAGS if served is None else served.tags_of(arn)

    def policy_of(self, arn: str) -> Policy | None:
        """The policy of a resource of any service."""
        served = self._served.get(_service_of(arn))
        if served is None or served.rules.policy_of is None:
            return None
        return served.rules.policy_of(served.service, arn)

    def authorize(self, call: Call, name: OperationName, params: Params) -> Call:
        """The call on the account that it is for, if every requirement is met. Raises
        AccessDenied(Exception)."""
        served = self._served.get(name.service)
        if served is not None:
            call = _addressed(call, served.rules, name.operation, params)
        if _is_unbound_root(call, served, name.operation):
            return call  # Operations reach nothing outside `call.account`, where it may everything.
        rule = None if served is None else served.rules.rules.get(name.operation)
        if served is None or rule is None:
            raise _refusal(served)(_unknown(call, name))
        self._require(call, served, rule, params)
        return call

    def _require(self, call: Call, served: _Served, rule: Rule, params: Params) -> None:
        standing = self._directory.standing(call.principal)
        for requirement in rule(served.service, call, params):
            tags = partial(served.tags_of, requirement.resource)
            request = self._request(call, standing, requirement, tags)
            decision = evaluate(request)
            if decision.allowed or _allowed_instead(request, decision, requirement):
                continue
            raise served.rules.refusal(_refusal_text(request, decision, requirement))

    def _request(
        self,
        call: Call,
        standing: Standing,
        requirement: Requirement,
        tags: Callable[[], Tags],
    ) -> AuthorizationRequest:
        return AuthorizationRequest(
            standing.caller,
            standing.permissions,
            requirement.action,
            Target(requirement.resource, call.account, requirement.policy),
            RequestContext(call, self._clock, standing.context, requirement.keys, tags),
        )


class AccountAuthorizer(PolicyAuthorizer):
    """The Authorizer of a server that accepts any credentials: whoever is of an account may do
    everything in it, where a function could as well call itself root. Policies bind those who come
    from another account."""

    def authorize(self, call: Call, name: OperationName, params: Params) -> Call:
        served = self._served.get(name.service)
        if served is not None:
            addressed = _addressed(call, served.rules, name.operation, params)
            if addressed.account != call.principal.account:
                return super().authorize(call, name, params)
        return call


def _addressed(call: Call, rules: ServiceRules, operation: str, params: Params) -> Call:
    """The call on the account whose resource it names. Whoever calls stays who he is, and both
    accounts' policies have to allow it (`iam/evaluate.py`)."""
    owner_of = rules.owners.get(operation)
    owner = None if owner_of is None else owner_of(params)
    return call if owner is None or owner == call.account else call._replace(account=owner)


def _is_unbound_root(call: Call, served: _Served | None, operation: str) -> bool:
    principal = call.principal
    if principal.kind is not PrincipalKind.ROOT or principal.account != call.account:
        return False
    bounds = None if served is None else served.rules.root
    if served is None or bounds is None or not bounds.denying(served.service, call.account):
        return True
    return operation in bounds.exempt


def _allowed_instead(
    request: AuthorizationRequest, decision: Decision, requirement: Requirement
) -> bool:
    """Whether the other action, if there is one, makes up for one that nothing allows."""
    if requirement.instead is None or decision.reason is Reason.EXPLICIT_DENY:
        return False
    return evaluate(replace(request, action=requirement.instead)).allowed


def _refusal(served: _Served | None) -> type[ClientError]:
    return AccessDeniedException if served is None else served.rules.refusal


def _unknown(call: Call, name: OperationName) -> str:
    """For an operation without a rule: it is denied, whatever the policies say."""
    action = f"{name.service}:{name.operation}"
    return (
        f"User: {call.principal.arn} is not authorized to perform: {action} on resource: * "
        f"because no identity-based policy allows the {action} action"
    )


def _refusal_text(
    request: AuthorizationRequest, decision: Decision, requirement: Requirement
) -> str:
    if requirement.shown is not None:
        request = replace(request, target=replace(request.target, resource=requirement.shown))
    return denial_text(request, decision)


def _service_of(arn: str) -> str:
    parts = arn.split(":", 3)
    return parts[2] if len(parts) == 4 else ""
