"""The policy simulator, deciding with the evaluator that decides real calls."""

from __future__ import annotations

from collections.abc import Mapping

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.value import Value
from lambdad.iam.evaluate import AuthorizationRequest, Decision, Reason, Target
from lambdad.iam.explain import Finding, Outcome, explain
from lambdad.iam.permissions import Permissions
from lambdad.iam.policy import Policy, PolicyKind
from lambdad.iam.principals import Caller
from lambdad.services.iam.context_keys import missing_keys, policy_keys
from lambdad.services.iam.paging import page
from lambdad.services.iam.positions import Position, statement_spans
from lambdad.services.iam.service import IamService
from lambdad.services.iam.simulated import (
    Source,
    find_identity,
    given_caller,
    given_sources,
    identity_caller,
    identity_context,
    identity_sources,
)

_GRANTING = (PolicyKind.IDENTITY, PolicyKind.RESOURCE)
_DECISIONS = {Reason.EXPLICIT_DENY: "explicitDeny", Reason.IMPLICIT_DENY: "implicitDeny"}


class Simulation(Value):
    """What is simulated: who asks, under which policies, in which circumstances."""

    sources: tuple[Source, ...]
    permissions: Permissions
    """What the sources come to."""
    caller: Caller
    context: Mapping[str, str | tuple[str, ...]]
    resource_owner: str | None
    in_organization: bool
    """Whether the answer speaks of the organization's policies."""

    def result(self, action: str, resource: str | None) -> Result:
        """The EvaluationResult for an action, on a resource where one was named."""
        name = resource or "*"
        policies = _policies(self.sources, PolicyKind.RESOURCE)
        target = Target(name, self.resource_owner, policies[0] if policies else None)
        explanation = explain(
            AuthorizationRequest(self.caller, self.permissions, action, target, self.context)
        )
        decision = explanation.decision
        verdict = "allowed" if decision.allowed else _DECISIONS[decision.reason]
        shown = {
            "MatchedStatements": self._matched(decision, explanation.findings),
            "MissingContextValues": missing_keys(
                (each.policy for each in self.sources), action, self.context
            ),
        }
        boundary = self._boundary_detail(explanation.findings)
        result: Result = {
            "EvalActionName": action,
            "EvalResourceName": name,
            "EvalDecision": verdict,
            "EvalDecisionDetails": {},
            "PermissionsBoundaryDecisionDetail": boundary,
        } | shown
        if self.in_organization:
            allowed = decision.kind is not PolicyKind.SERVICE_CONTROL
            result["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": allowed}
        if resource is not None:
            result["ResourceSpecificResults"] = [
                {
                    "EvalResourceName": resource,
                    "EvalResourceDecision": verdict,
                    "PermissionsBoundaryDecisionDetail": boundary,
                }
                | shown
            ]
        return result

    def _matched(self, decision: Decision, findings: tuple[Finding, ...]) -> list[Result]:
        """The statements that made the decision: all that allow, or all that deny."""
        return [
            self._statement(finding)
            for finding in findings
            if finding.outcome is Outcome.APPLIES
            and (
                (decision.allowed and finding.clause.kind in _GRANTING)
                if finding.clause.statement.allow
                else decision.reason is Reason.EXPLICIT_DENY
            )
        ]

    def _statement(self, finding: Finding) -> Result:
        source = next(each for each in self.sources if each.policy is finding.clause.policy)
        span = statement_spans(source.text)[finding.clause.statement.index]
        return {
            "SourcePolicyId": source.policy.name,
            "SourcePolicyType": source.type,
            "StartPosition": _position(span.start),
            "EndPosition": _position(span.end),
        }

    def _boundary_detail(self, findings: tuple[Finding, ...]) -> Result | None:
        if self.permissions.boundary is None:
            return None
        effects = {
            finding.clause.statement.allow
            for finding in findings
            if finding.clause.kind is PolicyKind.BOUNDARY and finding.outcome is Outcome.APPLIES
        }
        return {"AllowedByPermissionsBoundary": effects == {True}}


def _permissions(sources: tuple[Source, ...]) -> Permissions:
    boundaries = _policies(sources, PolicyKind.BOUNDARY)
    levels = sorted({each.level for each in sources if each.level is not None})
    return Permissions(
        identity=_policies(sources, PolicyKind.IDENTITY),
        boundary=boundaries[0] if boundaries else None,
        service_control=tuple(
            tuple(each.policy for each in sources if each.level == level) for level in levels
        ),
    )


def _policies(sources: tuple[Source, ...], kind: PolicyKind) -> tuple[Policy, ...]:
    return tuple(each.policy for each in sources if each.kind is kind)


@operation("iam", "SimulateCustomPolicy")
async def simulate_custom_policy(service: IamService, call: Call, params: Params) -> Result:
    sources = tuple(given_sources(params))
    simulation = Simulation(
        sources=sources,
        permissions=_permissions(sources),
        caller=given_caller(params, call.account),
        context=_given_context(params),
        resource_owner=_owner(params),
        in_organization="OrderedOrganizationPolicyInputList" in params,
    )
    return _answer(simulation, params)


@operation("iam", "SimulatePrincipalPolicy")
async def simulate_principal_policy(service: IamService, call: Call, params: Params) -> Result:
    identity = find_identity(service, call.account, params["PolicySourceArn"])
    given = list(given_sources(params))
    # A boundary that is given takes the place of the identity's own.
    replaced = any(source.kind is PolicyKind.BOUNDARY for source in given)
    own = [
        source
        for source in identity_sources(service, call.account, identity)
        if not (replaced and source.kind is PolicyKind.BOUNDARY)
    ]
    sources = (*own, *given)
    simulation = Simulation(
        sources=sources,
        permissions=_permissions(sources),
        caller=given_caller(params, call.account)
        if "CallerArn" in params
        else identity_caller(call.account, identity),
        context=identity_context(call.account, identity) | _given_context(params),
        resource_owner=_owner(params),
        in_organization=True,
    )
    return _answer(simulation, params)


@operation("iam", "GetContextKeysForCustomPolicy")
async def get_context_keys_for_custom_policy(
    service: IamService, call: Call, params: Params
) -> Result:
    return {"ContextKeyNames": policy_keys(source.policy for source in given_sources(params))}


@operation("iam", "GetContextKeysForPrincipalPolicy")
async def get_context_keys_for_principal_policy(
    service: IamService, call: Call, params: Params
) -> Result:
    identity = find_identity(service, call.account, params["PolicySourceArn"])
    sources = [*identity_sources(service, call.account, identity), *given_sources(params)]
    return {"ContextKeyNames": policy_keys(source.policy for source in sources)}


def _answer(simulation: Simulation, params: Params) -> Result:
    """Only the results of the page asked for are worked out."""
    resources: list[str | None] = params.get("ResourceArns") or [None]
    asked = [(action, resource) for action in params["ActionNames"] for resource in resources]
    chosen, rest = page(asked, params, lambda place: f"{place[0]} {place[1]}")
    return {"EvaluationResults": [simulation.result(*place) for place in chosen]} | rest


def _given_context(params: Params) -> dict[str, str | tuple[str, ...]]:
    context: dict[str, str | tuple[str, ...]] = {}
    for entry in params.get("ContextEntries", ()):
        values = tuple(entry.get("ContextKeyValues", ()))
        listed = entry.get("ContextKeyType", "").endswith("List") or len(values) != 1
        context[entry.get("ContextKeyName", "").lower()] = values if listed else values[0]
    return context


def _owner(params: Params) -> str | None:
    """Not given, a resource belongs to the caller's account (API reference)."""
    owner: str | None = params.get("ResourceOwner")
    return owner.split(":")[4] if owner is not None and owner.count(":") >= 5 else owner


def _position(position: Position) -> Result:
    return {"Line": position.line, "Column": position.column}


OPERATIONS: tuple[Implementation, ...] = (
    simulate_custom_policy,
    simulate_principal_policy,
    get_context_keys_for_custom_policy,
    get_context_keys_for_principal_policy,
)
