"""Which context keys policies ask for: in conditions, and as policy variables."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from typing import Any

from lambdad.iam.policy import Policy, Statement

_VARIABLE = re.compile(r"\$\{\s*([A-Za-z][^{}',*?$]*?)\s*(?:,[^{}]*)?\}")


def statement_keys(statement: Statement) -> set[str]:
    """The keys of one statement, as written."""
    keys = {condition.key for condition in statement.conditions}
    return keys | {name for text in _texts(statement.source) for name in _VARIABLE.findall(text)}


def policy_keys(policies: Iterable[Policy]) -> list[str]:
    """The keys of all statements, as written, sorted."""
    return sorted(
        {key for each in policies for one in each.statements for key in statement_keys(one)}
    )


def missing_keys(policies: Iterable[Policy], action: str, known: Container[str]) -> list[str]:
    """The keys that statements on this action ask for and that are not `known` (lower case)."""
    asked = {
        key
        for policy in policies
        for statement in policy.statements
        if statement.covers_action(action.lower())
        for key in statement_keys(statement)
    }
    return sorted(key for key in asked if key.lower() not in known)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif hasattr(value, "values"):
        yield from _texts(list(value.values()))
