"""Conditions of a statement: every operator, compiled once into a test of the request context.

Owns what an operator means. Knows nothing of actions, resources or principals. Pure: the time of
a request is a key of its context like any other.

Semantics (IAM user guide, "Condition operators" and "Set operators for multivalued keys"):
- the values of one key are alternatives (a negated operator: none of them may match), keys and
  operators all have to hold;
- an absent key fails an operator, satisfies a negated one and every `…IfExists`;
- `ForAllValues:` holds for an absent key, `ForAnyValue:` does not, whatever the operator;
- several values under an operator without either: one must match, of a negated one none may.
"""

from __future__ import annotations

import operator as comparison
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any

from lambdad.core.value import Value
from lambdad.iam.literals import (
    parse_address,
    parse_binary,
    parse_instant,
    parse_network,
    parse_number,
)
from lambdad.iam.matching import (
    Context,
    ContextTest,
    Test,
    compile_arn,
    compile_pattern,
    compile_texts,
    read_text,
)


class Quantifier(Enum):
    """How the several values of a multivalued key count."""

    NONE = ""
    ALL = "ForAllValues:"
    ANY = "ForAnyValue:"


class Reading(Value):
    """What a condition needs to know of its policy and statement."""

    variables: bool
    """The policy's version has variables (2012-10-17)."""
    allow: bool
    """An unresolved variable must neither satisfy an Allow nor switch off a Deny."""


class Operator(Value):
    """One operator, without quantifier and IfExists."""

    compile: Callable[[tuple[str, ...], Reading, bool], ContextTest]
    """Policy values, reading, negated → whether one of them matches a request value."""
    negated: bool = False


class Condition(Value):
    """One operator on one key."""

    operator: str
    """As written: `ForAllValues:StringLikeIfExists`."""
    key: str
    """As written."""
    values: tuple[str, ...]
    holds: Callable[[Context], bool]


def compile_condition(
    operator: str, key: str, values: Iterable[str], reading: Reading
) -> Condition:
    """A condition as a test. Raises KeyError for an operator that `is_operator` denies."""
    quantifier, name, if_exists = split_operator(operator)
    texts, place = tuple(values), key.lower()
    if name == "Null":
        return Condition(operator, key, texts, _null(place, texts))
    rule = OPERATORS[name]
    match = rule.compile(texts, reading, rule.negated)
    negated = rule.negated
    if quantifier is Quantifier.ALL:
        holds = _for_all(place, match, negated)
    elif quantifier is Quantifier.ANY:
        holds = _for_any(place, match, negated, if_exists)
    else:
        holds = _single(place, match, negated, if_exists or negated)
    return Condition(operator, key, texts, holds)


def is_operator(name: str) -> bool:
    """Whether AWS has the operator. The names are case-sensitive."""
    _, base, if_exists = split_operator(name)
    if base == "Null":
        return not if_exists
    return base in OPERATORS


def split_operator(name: str) -> tuple[Quantifier, str, bool]:
    """`ForAnyValue:StringLikeIfExists` → its quantifier, `StringLike`, whether IfExists."""
    for quantifier in (Quantifier.ALL, Quantifier.ANY):
        if name.startswith(quantifier.value):
            break
    else:
        quantifier = Quantifier.NONE
    base = name.removeprefix(quantifier.value)
    return quantifier, base.removesuffix("IfExists"), base.endswith("IfExists")


def request_values(context: Context, key: str) -> tuple[str, ...]:
    """The values of a key (lower case); none where it is absent."""
    value = context.get(key)
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


def _single(
    key: str, match: ContextTest, negated: bool, when_absent: bool
) -> Callable[[Context], bool]:
    def holds(context: Context) -> bool:
        value = context.get(key)
        if isinstance(value, str):
            return match(value, context) is not negated
        if not value:
            return when_absent
        return any(match(each, context) for each in value) is not negated

    return holds


def _for_all(key: str, match: ContextTest, negated: bool) -> Callable[[Context], bool]:
    def holds(context: Context) -> bool:
        values = _data_set(context, key)
        return all(match(value, context) is not negated for value in values)

    return holds


def _for_any(
    key: str, match: ContextTest, negated: bool, if_exists: bool
) -> Callable[[Context], bool]:
    def holds(context: Context) -> bool:
        values = _data_set(context, key)
        if not values:
            return if_exists and not request_values(context, key)
        return any(match(value, context) is not negated for value in values)

    return holds


def _data_set(context: Context, key: str) -> tuple[str, ...]:
    # "If the key values in the request resolve to an empty data set (for example, an empty
    # string)" (IAM user guide, multi-value conditions).
    values = request_values(context, key)
    return () if values == ("",) else values


def _null(key: str, texts: tuple[str, ...]) -> Callable[[Context], bool]:
    wanted = {text.lower() for text in texts}
    if_absent, if_present = "true" in wanted, "false" in wanted

    def holds(context: Context) -> bool:
        return if_present if request_values(context, key) else if_absent

    return holds


def _texts(
    *, wildcards: bool = False, fold: bool = False, compile_one: Callable[[str], Test]
) -> Callable[[tuple[str, ...], Reading, bool], ContextTest]:
    """An operator on texts; the only ones that take variables."""

    def compile_values(values: tuple[str, ...], reading: Reading, negated: bool) -> ContextTest:
        test = compile_texts(
            [
                read_text(value, wildcards=wildcards, variables=reading.variables)
                for value in values
            ],
            unresolved=negated and reading.allow,
            compile_one=(lambda pattern: compile_one(pattern.lower())) if fold else compile_one,
        )
        return (lambda value, context: test(value.lower(), context)) if fold else test

    return compile_values


def _parsed(
    parse: Callable[[str], Any], matches: Callable[[Any, Any], bool], parse_policy: Any = None
) -> Callable[[tuple[str, ...], Reading, bool], ContextTest]:
    """An operator on values with a type; a text that is not of the type matches nothing.

    The last answer is remembered: a caller's address is the same in call after call.
    """

    def compile_values(values: tuple[str, ...], reading: Reading, negated: bool) -> ContextTest:
        read = [(parse_policy or parse)(value) for value in values]
        bounds = tuple(bound for bound in read if bound is not None)
        last: tuple[str | None, bool] = (None, False)

        def match(value: str, context: Context) -> bool:
            nonlocal last
            text, answer = last
            if text != value:
                actual = parse(value)
                answer = actual is not None and any(matches(actual, bound) for bound in bounds)
                last = (value, answer)
            return answer

        return match

    return compile_values


def _parse_boolean(text: str) -> str | None:
    return text.lower() if text.lower() in ("true", "false") else None


def _operators() -> dict[str, Operator]:
    equal = _texts(compile_one=compile_pattern)
    like = _texts(wildcards=True, compile_one=compile_pattern)
    fold = _texts(fold=True, compile_one=compile_pattern)
    arn = _texts(wildcards=True, compile_one=compile_arn)
    address = _parsed(parse_address, lambda actual, network: actual in network, parse_network)
    table = {
        "StringEquals": Operator(equal),
        "StringNotEquals": Operator(equal, negated=True),
        "StringEqualsIgnoreCase": Operator(fold),
        "StringNotEqualsIgnoreCase": Operator(fold, negated=True),
        "StringLike": Operator(like),
        "StringNotLike": Operator(like, negated=True),
        "ArnEquals": Operator(arn),
        "ArnNotEquals": Operator(arn, negated=True),
        "ArnLike": Operator(arn),
        "ArnNotLike": Operator(arn, negated=True),
        "Bool": Operator(_parsed(_parse_boolean, comparison.eq)),
        "BinaryEquals": Operator(_parsed(parse_binary, comparison.eq)),
        "IpAddress": Operator(address),
        "NotIpAddress": Operator(address, negated=True),
    }
    for kind, parse in (("Numeric", parse_number), ("Date", parse_instant)):
        table |= {
            f"{kind}Equals": Operator(_parsed(parse, comparison.eq)),
            f"{kind}NotEquals": Operator(_parsed(parse, comparison.eq), negated=True),
            f"{kind}LessThan": Operator(_parsed(parse, comparison.lt)),
            f"{kind}LessThanEquals": Operator(_parsed(parse, comparison.le)),
            f"{kind}GreaterThan": Operator(_parsed(parse, comparison.gt)),
            f"{kind}GreaterThanEquals": Operator(_parsed(parse, comparison.ge)),
        }
    return table


OPERATORS: Mapping[str, Operator] = MappingProxyType(_operators())
"""Every operator but Null, which asks only whether its key is there."""
