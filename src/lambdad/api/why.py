"""Why may he, or why not? The authorizer's question, asked on somebody's behalf and explained.

Owns finding the identity that is meant and the context of a call that nobody makes. Explanations
and proposals are `iam/explain.py`'s and `iam/gatekeeper.py`'s. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdad.api.authorizer import PolicyAuthorizer
from lambdad.api.internal_calls import circumstances
from lambdad.core.arn import parse_arn
from lambdad.core.clock import Clock
from lambdad.core.errors import ClientError
from lambdad.core.ids import AccountId
from lambdad.core.value import Value, field
from lambdad.iam.directory import Directory
from lambdad.iam.evaluate import AuthorizationRequest, Target
from lambdad.iam.execution_roles import ExecutionRoles
from lambdad.iam.explain import explain, label, lines, to_json
from lambdad.iam.gatekeeper import Proposal, propose
from lambdad.iam.policy import Policy
from lambdad.iam.principal import Principal, PrincipalKind
from lambdad.iam.records import Role, User
from lambdad.iam.store import IamStore

_SESSION = "lambdad-why"


class NoSuchIdentity(ClientError):
    code = "NoSuchIdentity"
    status = 404


class Question(Value):
    """May this identity do that?"""

    action: str
    resource: str
    identity: str
    """A user or role: ARN, `user/…`, `role/…`, or just the name where only one has it."""
    context: Mapping[str, str] = field(default_factory=dict)
    """Further condition keys, in any case."""


class Why:
    """Answers from memory."""

    def __init__(
        self,
        store: IamStore,
        directory: Directory,
        roles: ExecutionRoles,
        authorizer: PolicyAuthorizer,
        clock: Clock,
    ) -> None:
        self._store = store
        self._directory = directory
        self._roles = roles
        self._authorizer = authorizer
        self._clock = clock

    def answer(self, account: AccountId, question: Question) -> dict[str, Any]:
        """The explanation as data and as lines, and what would allow it. Raises NoSuchIdentity."""
        principal = self._principal(account, question.identity)
        standing = self._directory.standing(principal)
        request = AuthorizationRequest(
            standing.caller,
            standing.permissions,
            question.action,
            self._target(account, question),
            {**standing.context, **self._context(account, question)},
        )
        explanation = explain(request)
        return {
            **to_json(explanation),
            "Lines": list(lines(explanation)),
            "Proposals": [_proposal(each) for each in propose(request)],
        }

    def _principal(self, account: AccountId, identity: str) -> Principal:
        records = self._store.account(account)
        arn = parse_arn(identity)
        kind, _, name = (arn.resource if arn else identity).rpartition("/")
        kind = kind.partition("/")[0]
        user = records.named(User, name) if kind in ("", "user") else None
        role = records.named(Role, name) if kind in ("", "role") else None
        if arn is not None:
            user = user if user and user.arn(account) == identity else None
            role = role if role and role.arn(account) == identity else None
        if user is not None and role is not None:
            raise NoSuchIdentity(f"{name} is a user and a role: say user/{name} or role/{name}.")
        if user is not None:
            return Principal(PrincipalKind.USER, account, user.arn(account), "", user.id)
        if role is not None:
            now_s = self._clock.wall_ms() // 1000
            found = self._roles.principal(role.arn(account), _SESSION, now_s)
            if found is not None:
                return found
        raise NoSuchIdentity(f"There is no user or role {identity} in account {account}.")

    def _target(self, account: AccountId, question: Question) -> Target:
        arn = question.resource
        assumed = self._roles.find(arn)
        if assumed is not None and question.action.lower().startswith("sts:"):
            owner, role = assumed
            trust = self._directory.trust(owner, role)
            return Target(arn, owner, trust, must_be_named=True)
        parsed = parse_arn(arn)
        owner = AccountId(parsed.account) if parsed and parsed.account.isdigit() else account
        policy: Policy | None = self._authorizer.policy_of(arn)
        return Target(arn, owner, policy)

    def _context(self, account: AccountId, question: Question) -> dict[str, str | tuple[str, ...]]:
        asked = circumstances(self._clock, question.resource, account)
        context: dict[str, str | tuple[str, ...]] = {**asked}
        for name, value in self._authorizer.tags_of(question.resource).items():
            context[f"aws:resourcetag/{name.lower()}"] = value
        return context | {name.lower(): value for name, value in question.context.items()}


def _proposal(proposal: Proposal) -> dict[str, Any]:
    return {
        "PolicyKind": proposal.kind.name,
        "AttachTo": proposal.attach_to,
        "Document": None if proposal.document is None else dict(proposal.document),
        "Remove": None if proposal.remove is None else label(proposal.remove),
    }
