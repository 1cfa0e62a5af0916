"""Event patterns: which JSON objects a pattern accepts. Compiled once, matched often.

Owns the language: keys are AND, the alternatives of a field OR, `$or` over groups of fields. Pure:
no I/O, and no text makes it raise anything but InvalidPattern. Knows nothing of where events come
from; `filter.py` does.

Source: Lambda developer guide, "Control which events Lambda sends to your function" (filter rule
syntax); semantics §4.5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import orjson

Leaves = Sequence[object]
"""The scalars that a field holds: one, all of an array, or none where the field is absent."""
Test = Callable[[Leaves], bool]
Node = Callable[[Mapping[str, object]], bool]

_OR = "$or"
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    "=": lambda value, bound: value == bound,
    ">=": lambda value, bound: value >= bound,
    ">": lambda value, bound: value > bound,
}
_LOWER, _UPPER = (">", ">="), ("<", "<=")
_NESTING = 64
"""Levels of a pattern: deeper ones are refused, not recursed into."""


class InvalidPattern(ValueError):
    """The text is no event pattern."""


def parse_pattern(text: str) -> Mapping[str, object]:
    """The JSON object in `text`; the last of equal keys counts. Raises InvalidPattern."""
    try:
        pattern = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidPattern(str(error)) from None
    if not isinstance(pattern, dict):
        raise InvalidPattern("no object")
    return pattern


def compile_node(pattern: Mapping[str, object], depth: int = 0) -> Node:
    """What accepts an object of which every field of the pattern holds. Raises InvalidPattern."""
    if depth > _NESTING:
        raise InvalidPattern("nested too deeply")
    parts = [_part(key, value, depth) for key, value in pattern.items()]
    return lambda event: all(part(event) for part in parts)


def _part(key: str, value: object, depth: int) -> Node:
    if key == _OR and isinstance(value, list):
        return _either(value, depth)
    if isinstance(value, dict):
        node = compile_node(value, depth + 1)
        return lambda event: any(node(each) for each in _objects(event.get(key)))
    if isinstance(value, list) and value:
        tests = [_test(alternative) for alternative in value]

        def field(event: Mapping[str, object]) -> bool:
            leaves = _leaves(event.get(key)) if key in event else ()
            return any(test(leaves) for test in tests)

        return field
    raise InvalidPattern(f"the value of {key!r} is neither an object nor a list of alternatives")


def _either(groups: Sequence[object], depth: int) -> Node:
    """`$or`: one group of fields is enough. A group of one could be written without it."""
    if len(groups) < 2 or not all(isinstance(group, dict) and group for group in groups):
        raise InvalidPattern("$or takes two or more objects")
    nodes = [compile_node(group, depth + 1) for group in groups if isinstance(group, dict)]
    return lambda event: any(node(event) for node in nodes)


def _objects(value: object) -> Sequence[Mapping[str, object]]:
    """The objects under a field that a pattern looks into; an empty one where there is none, in
    which nothing exists."""
    if isinstance(value, dict):
        return (value,)
    if isinstance(value, list):
        return [each for each in value if isinstance(each, dict)] or ({},)
    return ({},)


def _leaves(value: object) -> Leaves:
    if isinstance(value, list):
        return [each for each in value if not isinstance(each, dict | list)]
    return () if isinstance(value, dict) else (value,)


# One alternative of a field.


def _test(alternative: object) -> Test:
    if not isinstance(alternative, dict):
        return _any_leaf(_equals(alternative))
    if len(alternative) != 1:
        raise InvalidPattern("an alternative has exactly one operator")
    ((name, operand),) = alternative.items()
    if name in _STRING_CONDITIONS:
        return _any_leaf(_STRING_CONDITIONS[name](operand))
    if name not in _OPERATORS:
        raise InvalidPattern(f"unknown operator {name!r}")
    return _OPERATORS[name](operand)


def _any_leaf(accepts: Callable[[object], bool]) -> Test:
    return lambda leaves: any(accepts(leaf) for leaf in leaves)


def _equals(expected: object) -> Callable[[object], bool]:
    """Equal and of one kind: true is not 1, and "1" is neither. 1 and 1.0 are the same number."""
    if isinstance(expected, list):
        raise InvalidPattern("an alternative cannot be a list")
    if _is_number(expected):
        return lambda leaf: _is_number(leaf) and leaf == expected
    return lambda leaf: type(leaf) is type(expected) and leaf == expected


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(operand: object) -> str:
    if not isinstance(operand, str):
        raise InvalidPattern("the operand is not a string")
    return operand


def _on_text(operand: object) -> Callable[[object], bool]:
    """`prefix`, `suffix` or `equals-ignore-case` as one condition of a leaf."""
    if not isinstance(operand, dict) or len(operand) != 1:
        raise InvalidPattern("no condition on a string")
    ((name, wanted),) = operand.items()
    condition = _STRING_CONDITIONS.get(name)
    if condition is None:
        raise InvalidPattern(f"unknown operator {name!r}")
    return condition(wanted)


def _prefix(operand: object) -> Callable[[object], bool]:
    start = _text(operand)
    return lambda leaf: isinstance(leaf, str) and leaf.startswith(start)


def _suffix(operand: object) -> Callable[[object], bool]:
    end = _text(operand)
    return lambda leaf: isinstance(leaf, str) and leaf.endswith(end)


def _ignoring_case(operand: object) -> Callable[[object], bool]:
    wanted = _text(operand).casefold()
    return lambda leaf: isinstance(leaf, str) and leaf.casefold() == wanted


_STRING_CONDITIONS: Mapping[str, Callable[[object], Callable[[object], bool]]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _ignoring_case,
}


def _anything_but(operand: object) -> Test:
    """A field that is there and is none of these; absent is not something else."""
    if isinstance(operand, dict):
        unwanted = [_on_text(operand)]
    else:
        values = operand if isinstance(operand, list) else [operand]
        if not values or not all(isinstance(value, str) or _is_number(value) for value in values):
            raise InvalidPattern("anything-but takes strings, numbers or one condition")
        unwanted = [_equals(value) for value in values]
    return _any_leaf(lambda leaf: not any(test(leaf) for test in unwanted))


def _numeric(operand: object) -> Test:
    """One comparison, or a range: a lower bound, then an upper bound above it."""
    if not isinstance(operand, list) or len(operand) not in (2, 4):
        raise InvalidPattern("numeric takes one or two comparisons")
    names, bounds = operand[::2], operand[1::2]
    if not all(isinstance(name, str) and name in _COMPARISONS for name in names):
        raise InvalidPattern("numeric knows <, <=, =, >= and >")
    if not all(_is_number(bound) for bound in bounds):
        raise InvalidPattern("numeric compares with numbers")
    if len(names) == 2 and not (
        names[0] in _LOWER and names[1] in _UPPER and bounds[0] < bounds[1]
    ):
        raise InvalidPattern("a range is a lower bound and a higher upper bound")
    comparisons = [(_COMPARISONS[name], bound) for name, bound in zip(names, bounds, strict=True)]

    def within(leaf: object) -> bool:
        if not isinstance(leaf, int | float) or isinstance(leaf, bool):
            return False
        return all(compare(leaf, bound) for compare, bound in comparisons)

    return _any_leaf(within)


def _exists(operand: object) -> Test:
    """Of a leaf; an object in its place is none (AWS: works on leaf nodes only)."""
    if not isinstance(operand, bool):
        raise InvalidPattern("exists is true or false")
    return lambda leaves: bool(leaves) is operand


_OPERATORS: Mapping[str, Callable[[object], Test]] = {
    "anything-but": _anything_but,
    "numeric": _numeric,
    "exists": _exists,
}
