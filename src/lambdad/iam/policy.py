"""A policy: from its document to statements that can be asked.

Owns parsing and the compiled form. What a document may look like is `grammar.py`'s and
`resource_grammar.py`'s; what the answers of statements add up to is `evaluate.py`'s. Pure.

    policy = parse_policy(document, PolicyKind.IDENTITY, name="arn:aws:iam::…:policy/p")
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from lambdad.core.limits import DEFAULT_LIMITS, Limits
from lambdad.core.value import Value
from lambdad.iam import grammar, resource_grammar
from lambdad.iam.conditions import Condition, Reading, compile_condition
from lambdad.iam.grammar import MalformedPolicy as MalformedPolicy
from lambdad.iam.matching import (
    Context,
    ContextTest,
    Template,
    Test,
    any_of,
    compile_texts,
    complete_arn,
    read_text,
)
from lambdad.iam.principals import Principals, read_principals

_NO_CONTEXT: Context = MappingProxyType({})


class PolicyKind(StrEnum):
    """What a policy is attached to, and so what it can do."""

    IDENTITY = "identity-based"
    RESOURCE = "resource-based"
    TRUST = "role trust"
    BOUNDARY = "permissions boundary"
    SESSION = "session"
    SERVICE_CONTROL = "service control"


class Statement(Value):
    """One statement, compiled."""

    index: int
    """From 0."""
    sid: str
    allow: bool
    source: Mapping[str, Any]
    """As written."""
    covers_action: Test
    """Of an action in lower case."""
    covers_resource: ContextTest | None
    """None: every resource."""
    variable_resource: bool
    """Which resources it covers depends on the context."""
    principals: Principals | None
    """None: the policy is attached to the principal."""
    conditions: tuple[Condition, ...]

    def may_cover(self, resource: str) -> bool:
        """Whether it covers the resource, as far as that can be said without a context."""
        covers = self.covers_resource
        return covers is None or self.variable_resource or covers(resource, _NO_CONTEXT)

    def holds(self, resource: str, context: Context) -> bool:
        """Whether it applies, once `may_cover` was asked; the principal is asked elsewhere."""
        covers = self.covers_resource
        if self.variable_resource and covers is not None and not covers(resource, context):
            return False
        for condition in self.conditions:  # noqa: SIM110 - on the hot path
            if not condition.holds(context):
                return False
        return True


class Relevant(Value):
    """The statements of a policy that speak of one action."""

    denies: tuple[Statement, ...]
    allows: tuple[Statement, ...]


_IRRELEVANT = Relevant((), ())


class Policy:
    """A policy whose document was checked. Compiled when it is first asked; else immutable.

    That most of a server's policies are seldom asked is why ten thousand load in a moment.
    """

    __slots__ = ("_document", "_limits", "_relevant", "_statements", "kind", "name")

    def __init__(
        self, kind: PolicyKind, name: str, document: str | Mapping[str, Any], limits: Limits
    ) -> None:
        self.kind = kind
        self.name = name
        """ARN of a managed policy, name of an inline one, ARN of the resource it belongs to."""
        self._document = document
        self._limits = limits
        self._statements: tuple[Statement, ...] | None = None
        self._relevant: dict[str, Relevant] = {}

    @property
    def document(self) -> Mapping[str, Any]:
        """The document as read from its JSON."""
        if isinstance(self._document, str):
            self._document = MappingProxyType(json.loads(self._document))
        return self._document

    @property
    def statements(self) -> tuple[Statement, ...]:
        """All statements, in the order of the document."""
        if self._statements is None:
            self._statements = _compile_statements(self.document)
        return self._statements

    def relevant(self, action: str) -> Relevant:
        """The statements that speak of an action such as `lambda:InvokeFunction`."""
        found = self._relevant.get(action)
        if found is None:
            found = self._select(action.lower())
            if len(self._relevant) >= self._limits.policy_remembered_actions:
                self._relevant.clear()
            self._relevant[action] = found
        return found

    def _select(self, action: str) -> Relevant:
        covering = [each for each in self.statements if each.covers_action(action)]
        if not covering:
            return _IRRELEVANT
        return Relevant(
            tuple(each for each in covering if not each.allow),
            tuple(each for each in covering if each.allow),
        )


def parse_policy(
    document: str, kind: PolicyKind, *, name: str = "", limits: Limits = DEFAULT_LIMITS
) -> Policy:
    """A policy from its document. Raises MalformedPolicy with AWS's text.

    Quotas (2,048 to 10,240 characters, depending on what it is attached to) are the caller's;
    the document is bounded by `limits.policy_bytes` all the same.
    """
    if kind is PolicyKind.TRUST:
        resource_grammar.check_beginning(document)
        read = grammar.read_json(document, resource_grammar.INVALID_JSON, limits.policy_bytes)
        resource_grammar.check_trust(read)
    elif kind is PolicyKind.RESOURCE:
        read = grammar.read_json(document, resource_grammar.INVALID_JSON, limits.policy_bytes)
        resource_grammar.check_resource(read)
    else:
        read = grammar.read_json(document, grammar.SYNTAX, limits.policy_bytes)
        grammar.check_identity(read)
        grammar.check_beginning(document)
    return Policy(kind, name, MappingProxyType(read), limits)


def stored_policy(
    document: str | Mapping[str, Any],
    kind: PolicyKind,
    *,
    name: str = "",
    limits: Limits = DEFAULT_LIMITS,
) -> Policy:
    """A policy from a document that `parse_policy` took before, such as one out of the store.

    Costs nothing yet: a text is not even read before the policy is first asked.
    """
    return Policy(kind, name, document, limits)


def _compile_statements(document: Mapping[str, Any]) -> tuple[Statement, ...]:
    variables = document.get("Version") == grammar.LATEST_VERSION
    return tuple(
        _compile_statement(index, source, variables)
        for index, source in enumerate(grammar.statements_of(document))
    )


def _compile_statement(index: int, source: Mapping[str, Any], variables: bool) -> Statement:
    allow = source["Effect"] == "Allow"
    reading = Reading(variables, allow)
    resources, variable = _compile_resources(source, reading)
    return Statement(
        index=index,
        sid=source.get("Sid", ""),
        allow=allow,
        source=source,
        covers_action=_compile_actions(source),
        covers_resource=resources,
        variable_resource=variable,
        principals=_compile_principals(source),
        conditions=tuple(
            compile_condition(operator, key, values, reading)
            for operator, key, values in grammar.condition_items(source)
        ),
    )


def _compile_actions(source: Mapping[str, Any]) -> Test:
    negated = "NotAction" in source
    listed = grammar.texts_of(source, "NotAction" if negated else "Action")
    # Action names are not case-sensitive and take no variables.
    patterns = [str(read_text(each.lower(), wildcards=True, variables=False)) for each in listed]
    test = any_of(patterns)
    return (lambda action: not test(action)) if negated else test


def _compile_resources(
    source: Mapping[str, Any], reading: Reading
) -> tuple[ContextTest | None, bool]:
    """The test, None for every resource, and whether it depends on the context."""
    negated = "NotResource" in source
    listed = grammar.texts_of(source, "NotResource" if negated else "Resource")
    if not listed or ("*" in listed and not negated):
        return None, False
    texts = [read_text(each, wildcards=True, variables=reading.variables) for each in listed]
    test = compile_texts(
        [text if isinstance(text, Template) else complete_arn(text) for text in texts],
        unresolved=negated and reading.allow,
    )
    variable = any(isinstance(text, Template) for text in texts)
    return (_negation(test) if negated else test), variable


def _negation(test: ContextTest) -> ContextTest:
    return lambda text, context: not test(text, context)


def _compile_principals(source: Mapping[str, Any]) -> Principals | None:
    if "Principal" in source:
        return read_principals(source["Principal"], negated=False)
    if "NotPrincipal" in source:
        return read_principals(source["NotPrincipal"], negated=True)
    return None
