"""The evaluator against a second one (`support/policy_oracle.py`) over random cases.

A failure prints the seed of its case and the case itself; `check(seed)`, or
`check_conditions(seed)`, runs it again.
"""

from __future__ import annotations

import dataclasses
import json
import secrets
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from lambdad.iam.evaluate import AuthorizationRequest, Reason, Target, evaluate
from lambdad.iam.gatekeeper import propose
from lambdad.iam.permissions import Permissions
from lambdad.iam.policy import Policy, PolicyKind, parse_policy
from lambdad.iam.principal import PrincipalKind
from lambdad.iam.principals import Caller
from support.policy_cases import CALLERS, conditional_policies, policies_for, question
from support.policy_oracle import Question, answer

SETS, CONDITION_SETS, QUESTIONS_EACH = 3500, 2000, 6
"""21,000 cases of everything, and 12,000 where only conditions decide."""
PROPOSALS_EVERY = 10
LIMITING = ("IDENTITY", "RESOURCE", "BOUNDARY", "SESSION", "SERVICE_CONTROL")


def compiled(document: Any, kind: PolicyKind) -> Policy:
    return parse_policy(json.dumps(document), kind)


def request_of(asked: Question, policies: dict[str, Any]) -> AuthorizationRequest:
    return AuthorizationRequest(
        caller=Caller(
            PrincipalKind(asked.kind),
            asked.account,
            asked.arn,
            asked.identity_arn,
            asked.unique_id,
        ),
        permissions=policies["permissions"],
        action=asked.action,
        target=Target(
            asked.resource,
            asked.resource_account,
            policies["resource_policy"],
            asked.must_be_named,
        ),
        context=asked.context,
    )


def compile_all(policies: dict[str, Any]) -> dict[str, Any]:
    boundary, attached = policies.get("boundary"), policies.get("resource_policy")
    return {
        "permissions": Permissions(
            tuple(compiled(each, PolicyKind.IDENTITY) for each in policies.get("identity", [])),
            compiled(boundary, PolicyKind.BOUNDARY) if boundary else None,
            tuple(compiled(each, PolicyKind.SESSION) for each in policies.get("session", [])),
            tuple(
                tuple(compiled(each, PolicyKind.SERVICE_CONTROL) for each in level)
                for level in policies.get("levels", [])
            ),
        ),
        "resource_policy": compiled(attached, PolicyKind.RESOURCE) if attached else None,
    }


def check(seed: str) -> Counter[str]:
    random = Random(seed)
    caller = random.choice(CALLERS)
    return compare(seed, random, caller, policies_for(random, caller[0]))


def check_conditions(seed: str) -> Counter[str]:
    random = Random(seed)
    user = next(caller for caller in CALLERS if caller[0] == "user")
    return compare(seed, random, user, conditional_policies(random))


def compare(seed: str, random: Random, caller: Any, policies: dict[str, Any]) -> Counter[str]:
    ready = compile_all(policies)
    seen: Counter[str] = Counter()
    for number in range(QUESTIONS_EACH):
        asked = question(random, caller, policies)
        request = request_of(asked, ready)
        told, decided = answer(asked), evaluate(request)
        where = f"seed {seed}, question {number}: {told}\n{decided}\n{dataclasses.asdict(asked)}"
        assert decided.allowed == told.allowed, where
        kind = decided.kind.name if decided.kind else ""
        if decided.reason is Reason.EXPLICIT_DENY:
            assert kind in told.denied_by, where
            assert decided.statement is not None, where
            assert not decided.statement.allow, where
        elif not decided.allowed:
            assert not told.denied_by, where
            assert kind in told.missing, where
        seen[f"{asked.kind} {decided.reason.name} {kind}"] += 1
        if not decided.allowed and random.randrange(PROPOSALS_EVERY) == 0:
            check_proposals(asked, request, where)
    return seen


def check_proposals(asked: Question, request: AuthorizationRequest, where: str) -> None:
    """What is proposed makes the other evaluator say yes, where no deny has to go."""
    proposals = propose(request)
    assert proposals, where
    if any(proposal.remove for proposal in proposals):
        return
    changed = dataclasses.replace(asked)
    for proposal in proposals:
        added = json.loads(json.dumps(proposal.document))
        if proposal.kind is PolicyKind.IDENTITY:
            changed.identity = [*changed.identity, added]
        elif proposal.kind is PolicyKind.SESSION:
            changed.session = [*changed.session, added]
        elif proposal.kind is PolicyKind.SERVICE_CONTROL:
            changed.levels = [[*level, added] for level in changed.levels]
        elif proposal.kind is PolicyKind.BOUNDARY:
            changed.boundary = merged(changed.boundary, added)
        else:
            changed.resource_policy = merged(changed.resource_policy, added)
    assert answer(changed).allowed, f"{where}\nproposed {proposals}"


def merged(policy: Any, added: Any) -> Any:
    if policy is None:
        return added
    statements = policy["Statement"]
    listed = statements if isinstance(statements, list) else [statements]
    return {**policy, "Statement": [*listed, *added["Statement"]]}


def run(checked: Callable[[str], Counter[str]], sets: int) -> Counter[str]:
    seed = secrets.token_hex(4)
    print(f"seed {seed}")
    seen: Counter[str] = Counter()
    for number in range(sets):
        seen += checked(f"{seed}/{number}")
    print(seen)
    return seen


def test_both_evaluators_say_the_same() -> None:
    seen = run(check, SETS)
    assert seen.total() >= 20_000
    reached = {tuple(each.split(" ")[1:]) for each in seen}
    assert {("EXPLICIT_DENY", kind) for kind in LIMITING} <= reached
    assert {("IMPLICIT_DENY", kind) for kind in LIMITING} <= reached
    assert {("ALLOWED", "IDENTITY"), ("ALLOWED", "RESOURCE"), ("ROOT", "")} <= reached


def test_both_evaluators_mean_the_same_by_conditions() -> None:
    seen = run(check_conditions, CONDITION_SETS)
    for outcome in ("ALLOWED", "EXPLICIT_DENY", "IMPLICIT_DENY"):
        assert seen[f"user {outcome} IDENTITY"] > 1000
