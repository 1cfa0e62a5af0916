"""A decision in words: AWS's one sentence, and the account of every statement.

Owns the texts. Decides nothing: it asks the compiled statements again, one aspect at a time, and
is called only for a denied call or for someone who wants to know why. Pure.

Source of the sentences: IAM user guide, "Troubleshoot access denied error messages".
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from lambdad.core.value import Value
from lambdad.iam.conditions import Condition, request_values
from lambdad.iam.evaluate import AuthorizationRequest, Decision, Reason, evaluate
from lambdad.iam.permissions import Clause
from lambdad.iam.policy import Policy, PolicyKind

_WITH_ARTICLE = {
    PolicyKind.IDENTITY: "an identity-based policy",
    PolicyKind.RESOURCE: "a resource-based policy",
    PolicyKind.TRUST: "the role trust policy",
    PolicyKind.BOUNDARY: "a permissions boundary",
    PolicyKind.SESSION: "a session policy",
    PolicyKind.SERVICE_CONTROL: "a service control policy",
}


class Outcome(StrEnum):
    """What a statement had to say of a request."""

    APPLIES = "applies"
    OTHER_ACTION = "does not cover the action"
    OTHER_PRINCIPAL = "does not name the caller"
    OTHER_RESOURCE = "does not cover the resource"
    UNMET_CONDITION = "has a condition that is not met"


class UnmetCondition(Value):
    """A condition that kept its statement from applying."""

    condition: Condition
    actual: tuple[str, ...]
    """The values in the request; none: the key is absent."""

    def __str__(self) -> str:
        actual = ", ".join(self.actual) if self.actual else "absent"
        wanted = ", ".join(self.condition.values)
        return f"{self.condition.operator} {self.condition.key}: {wanted} (is: {actual})"


class Finding(Value):
    """One statement and its part in the decision."""

    clause: Clause
    outcome: Outcome
    unmet: tuple[UnmetCondition, ...] = ()


class Explanation(Value):
    """The decision with every statement of every policy that has a say."""

    request: AuthorizationRequest
    decision: Decision
    findings: tuple[Finding, ...]


def denial_text(request: AuthorizationRequest, decision: Decision) -> str:
    """AWS's text for a decision that denies: `User: … is not authorized to perform: …`."""
    return (
        f"User: {request.caller.arn} is not authorized to perform: {request.action}"
        f" on resource: {request.target.resource} {_because(request, decision)}"
    )


def _because(request: AuthorizationRequest, decision: Decision) -> str:
    named = _WITH_ARTICLE[decision.kind or PolicyKind.IDENTITY]
    if decision.reason is Reason.EXPLICIT_DENY:
        return f"with an explicit deny in {named}"
    missing = named.split(" ", 1)[1]
    return f"because no {missing} allows the {request.action} action"


def explain(request: AuthorizationRequest) -> Explanation:
    """Decide, and say of each statement whether it applies and why it does not."""
    return Explanation(request, evaluate(request), tuple(_findings(request)))


def _findings(request: AuthorizationRequest) -> Iterator[Finding]:
    policies: list[tuple[PolicyKind, Policy]] = list(request.permissions.policies())
    if request.target.policy is not None:
        policies.append((request.target.policy_kind, request.target.policy))
    for kind, policy in policies:
        for statement in policy.statements:
            yield _finding(request, Clause(kind, policy, statement))


def _finding(request: AuthorizationRequest, clause: Clause) -> Finding:
    statement, resource, context = clause.statement, request.target.resource, request.context
    if not statement.covers_action(request.action.lower()):
        return Finding(clause, Outcome.OTHER_ACTION)
    if not _names_caller(request, clause):
        return Finding(clause, Outcome.OTHER_PRINCIPAL)
    if statement.covers_resource is not None and not statement.covers_resource(resource, context):
        return Finding(clause, Outcome.OTHER_RESOURCE)
    unmet = tuple(
        UnmetCondition(condition, request_values(context, condition.key.lower()))
        for condition in statement.conditions
        if not condition.holds(context)
    )
    return Finding(clause, Outcome.UNMET_CONDITION if unmet else Outcome.APPLIES, unmet)


def _names_caller(request: AuthorizationRequest, clause: Clause) -> bool:
    if clause.kind not in (PolicyKind.RESOURCE, PolicyKind.TRUST):
        return True
    principals = clause.statement.principals
    if principals is None:
        return False
    if clause.statement.allow:
        return bool(principals.grant(request.caller))
    return principals.denies(request.caller)


def lines(explanation: Explanation) -> Iterator[str]:
    """The explanation as a person reads it, for `lambdad why`."""
    yield summary(explanation)
    for finding in explanation.findings:
        clause = finding.clause
        effect = "Allow" if clause.statement.allow else "Deny"
        yield f"{label(clause)}: {effect} {finding.outcome}"
        for unmet in finding.unmet:
            yield f"  {unmet}"


def summary(explanation: Explanation) -> str:
    """The decision in one sentence."""
    request, decision = explanation.request, explanation.decision
    if not decision.allowed:
        return denial_text(request, decision)
    asked = f"{request.caller.arn} may perform {request.action} on {request.target.resource}"
    if decision.clause is None:
        return f"{asked}: {decision.reason}"
    return f"{asked}: allowed by {label(decision.clause)}"


def label(clause: Clause) -> str:
    """Where a statement stands: its kind, its policy, its number (from 1) and id."""
    sid = f" ({clause.statement.sid})" if clause.statement.sid else ""
    name = f" {clause.policy.name}" if clause.policy.name else ""
    kind = _WITH_ARTICLE[clause.kind].split(" ", 1)[1]
    return f"{kind}{name}, statement {clause.statement.index + 1}{sid}"


def to_json(explanation: Explanation) -> dict[str, Any]:
    """The explanation as plain data, for the API behind `lambdad why` and the console."""
    request, decision = explanation.request, explanation.decision
    return {
        "Caller": request.caller.arn,
        "Action": request.action,
        "Resource": request.target.resource,
        "Allowed": decision.allowed,
        "Reason": decision.reason.name,
        "PolicyKind": decision.kind.name if decision.kind else None,
        "Summary": summary(explanation),
        "Statements": [_finding_json(finding) for finding in explanation.findings],
    }


def _finding_json(finding: Finding) -> dict[str, Any]:
    clause = finding.clause
    return {
        "PolicyKind": clause.kind.name,
        "Policy": clause.policy.name,
        "Index": clause.statement.index,
        "Sid": clause.statement.sid,
        "Effect": "Allow" if clause.statement.allow else "Deny",
        "Outcome": finding.outcome.name,
        "Conditions": [
            {
                "Operator": unmet.condition.operator,
                "Key": unmet.condition.key,
                "Values": list(unmet.condition.values),
                "Actual": list(unmet.actual),
            }
            for unmet in finding.unmet
        ],
        "Statement": dict(clause.statement.source),
    }
