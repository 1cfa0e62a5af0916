"""The policies that come with a caller, and those of their statements that a request concerns.

Owns the search for statements by action and resource, which it remembers: what is left to ask on
a warm call are the conditions of the few statements that match. Decides nothing. Pure: what is
remembered follows from the policies alone, and a changed policy is a new Permissions.
"""

from __future__ import annotations

from collections.abc import Iterator

from lambdad.core.limits import DEFAULT_LIMITS, Limits
from lambdad.core.value import Value
from lambdad.iam.policy import Policy, PolicyKind, Statement


class Clause(Value):
    """A statement in its place."""

    kind: PolicyKind
    """What the policy is here: a managed policy may be identity-based or a boundary."""
    policy: Policy
    statement: Statement


Clauses = tuple[Clause, ...]


class Selection(Value):
    """The statements that speak of one action and may cover one resource."""

    denies: Clauses
    service_control: tuple[Clauses, ...]
    """Allows, level by level."""
    identity: Clauses
    boundary: Clauses
    session: Clauses


class Permissions:
    """Immutable, but for what it remembers. Made when policies change, not per request."""

    __slots__ = ("_limits", "_selected", "boundary", "identity", "service_control", "session")

    def __init__(
        self,
        identity: tuple[Policy, ...] = (),
        boundary: Policy | None = None,
        session: tuple[Policy, ...] = (),
        service_control: tuple[tuple[Policy, ...], ...] = (),
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self.identity = identity
        """Inline and managed, of the user and his groups or of the role."""
        self.boundary = boundary
        self.session = session
        """Passed to AssumeRole or GetFederationToken; together they are one limit."""
        self.service_control = service_control
        """Level by level from the organization's root to the account; each level must allow."""
        self._limits = limits
        self._selected: dict[tuple[str, str], Selection] = {}

    def policies(self) -> Iterator[tuple[PolicyKind, Policy]]:
        """Every policy, in the order in which denies are looked for."""
        for level in self.service_control:
            for policy in level:
                yield PolicyKind.SERVICE_CONTROL, policy
        for policy in self.identity:
            yield PolicyKind.IDENTITY, policy
        if self.boundary is not None:
            yield PolicyKind.BOUNDARY, self.boundary
        for policy in self.session:
            yield PolicyKind.SESSION, policy

    def select(self, action: str, resource: str) -> Selection:
        """The statements that concern an action on a resource."""
        place = (action, resource)
        found = self._selected.get(place)
        if found is None:
            found = self._search(action, resource)
            if len(self._selected) >= self._limits.permissions_remembered_requests:
                self._selected.clear()
            self._selected[place] = found
        return found

    def _search(self, action: str, resource: str) -> Selection:
        def allows(kind: PolicyKind, policies: tuple[Policy, ...]) -> Clauses:
            return tuple(
                Clause(kind, policy, statement)
                for policy in policies
                for statement in policy.relevant(action).allows
                if statement.may_cover(resource)
            )

        return Selection(
            denies=tuple(
                Clause(kind, policy, statement)
                for kind, policy in self.policies()
                for statement in policy.relevant(action).denies
                if statement.may_cover(resource)
            ),
            service_control=tuple(
                allows(PolicyKind.SERVICE_CONTROL, level) for level in self.service_control
            ),
            identity=allows(PolicyKind.IDENTITY, self.identity),
            boundary=allows(PolicyKind.BOUNDARY, (self.boundary,) if self.boundary else ()),
            session=allows(PolicyKind.SESSION, self.session),
        )
