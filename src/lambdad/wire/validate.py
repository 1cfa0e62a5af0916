"""Input against the model's constraints, and AWS's exact words where it breaks them.

A valid input costs one pass of compiled predicates that knows no paths and builds no strings.
Only an input that fails is walked a second time to be described.

Source of the words: semantics §1.1 and the recordings ("validation error detected").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from lambdad.core.errors import AwsError, ClientError, ValidationException
from lambdad.core.limits import WIRE_LIMITS
from lambdad.core.value import Value
from lambdad.wire.corrections import (
    BODY_NAMED,
    LENGTH_MESSAGES,
    NULL_NAMED,
    NULL_NOT_NAMED,
    OWN_VALIDATION,
    PATTERNS,
    UNCHECKED,
    VALIDATION_CODES,
    VALUES_HIDDEN,
)
from lambdad.wire.java_text import is_secret, lower_first, set_order, shown
from lambdad.wire.model import Operation, Shape
from lambdad.wire.patterns import matcher

Check = Callable[[Any], bool]
Validate = Callable[[dict[str, Any]], None]

_NUMBERS = frozenset({"integer", "long", "float", "double"})
_CONTAINERS = frozenset({"structure", "list", "map"})
_NULL = "Member must not be null"


class InvalidParameterException(ClientError):
    """ValidationException as CloudWatch Logs calls it."""

    code = "InvalidParameterException"


_ERRORS: dict[str, type[AwsError]] = {
    error.code: error for error in (ValidationException, InvalidParameterException)
}


class _WholeMessage(Exception):
    """A violation that a service reports alone and in words of its own."""


class Constraint(Value):
    """One constraint of one shape."""

    holds: Check
    text: str
    """`Member must …`."""


class Validator:
    """The checks of one service, compiled once per shape."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._constraints: dict[Shape, tuple[Constraint, ...]] = {}
        self._checks: dict[Shape, Check | None] = {}
        self._hidden = service in VALUES_HIDDEN
        self._error = _ERRORS[VALIDATION_CODES.get(service, ValidationException.code)]

    def compile(self, operation: Operation) -> Validate:
        """The check of an operation's input. Raises ValidationException, or what the service
        calls it."""
        shape = operation.input
        check = None if shape is None or self._service in OWN_VALIDATION else self.check(shape)
        if shape is None or check is None:
            return _accept
        prefix = ""
        if self._service in BODY_NAMED:
            prefix = f"{lower_first(operation.name)}Input."

        def validate(params: dict[str, Any]) -> None:
            if not check(params):
                raise self._error(self._message(shape, params, prefix))

        return validate

    def _message(self, shape: Shape, params: dict[str, Any], prefix: str) -> str:
        found = []
        try:
            for violation in self._structure(shape, params, "", prefix):
                found.append(violation)
                if len(found) == WIRE_LIMITS.violations:
                    break
        except _WholeMessage as message:
            return str(message)
        plural = "" if len(found) == 1 else "s"
        return f"{len(found)} validation error{plural} detected: {'; '.join(found)}"

    def constraints(self, shape: Shape) -> tuple[Constraint, ...]:
        """A shape's own constraints, in the order in which AWS lists them in brackets."""
        known = self._constraints.get(shape)
        if known is None:
            known = self._constraints[shape] = tuple(self._of(shape))
        return known

    def _of(self, shape: Shape) -> Iterator[Constraint]:
        traits = shape.traits
        low, high = traits.get("min"), traits.get("max")
        if shape.type in _NUMBERS:
            if high is not None:
                yield Constraint(
                    lambda value: bool(value <= high),
                    f"Member must have value less than or equal to {high}",
                )
            if low is not None:
                yield Constraint(
                    lambda value: bool(value >= low),
                    f"Member must have value greater than or equal to {low}",
                )
            return
        if high is not None:
            yield Constraint(
                lambda value: len(value) <= high,
                f"Member must have length less than or equal to {high}",
            )
        if low is not None:
            yield Constraint(
                lambda value: len(value) >= low,
                f"Member must have length greater than or equal to {low}",
            )
        pattern = PATTERNS.get((self._service, shape.name), traits.get("pattern"))
        if pattern is not None and shape.type == "string":
            yield Constraint(
                matcher(pattern, high),
                f"Member must satisfy regular expression pattern: {pattern}",
            )
        enum = traits.get("enum")
        if enum:
            members = "" if self._hidden else f": [{', '.join(set_order(enum))}]"
            yield Constraint(
                frozenset(enum).__contains__, f"Member must satisfy enum value set{members}"
            )

    def check(self, shape: Shape) -> Check | None:
        """Whether a value is valid, all the way down; None if every value is."""
        if shape in self._checks:
            return self._checks[shape]
        if not self._constrained(shape, set()):
            self._checks[shape] = None
            return None
        # A shape inside itself is looked up when it is met; the readers bounded its nesting.
        self._checks[shape] = lambda value: (self._checks[shape] or _anything)(value)
        parts = [constraint.holds for constraint in self.constraints(shape)]
        if shape.type == "structure":
            parts.extend(self._structure_check(shape))
        elif shape.type == "list":
            parts.extend(_each(self.check(shape.member), iter))
        elif shape.type == "map":
            parts.extend(_each(self.check(shape.key), iter))
            parts.extend(_each(self.check(shape.value), dict.values))
        self._checks[shape] = _all(parts)
        return self._checks[shape]

    def _constrained(self, shape: Shape, seen: set[Shape]) -> bool:
        """Whether the shape, or anything inside it, has a constraint."""
        if shape in seen:
            return False
        seen.add(shape)
        if self.constraints(shape) or shape.traits.get("required"):
            return True
        inner: list[Shape] = list(shape.members.values()) if shape.type == "structure" else []
        if shape.type == "list":
            inner = [shape.member]
        elif shape.type == "map":
            inner = [shape.key, shape.value]
        return any(self._constrained(part, seen) for part in inner)

    def _structure_check(self, shape: Shape) -> Iterator[Check]:
        required = tuple(shape.traits.get("required", ()))
        checks = tuple(
            (name, check)
            for name, member in shape.members.items()
            if (check := self._member_check(shape, name, member)) is not None
        )
        if not required and not checks:
            return

        def holds(value: dict[str, Any]) -> bool:
            for name in required:
                if value.get(name) is None:
                    return False
            for name, check in checks:
                item = value.get(name)
                if item is not None and not check(item):
                    return False
            return True

        yield holds

    def _member_check(self, shape: Shape, name: str, member: Shape) -> Check | None:
        if member.has("eventstream") or (self._service, shape.name, name) in UNCHECKED:
            return None
        return self.check(member)

    # From here on the describing walk, over an input that is known to be invalid.

    def _structure(
        self, shape: Shape, value: dict[str, Any], path: str, body_prefix: str = ""
    ) -> Iterator[str]:
        required = shape.traits.get("required", ())
        for name, member in shape.members.items():
            if (self._service, shape.name, name) in UNCHECKED:
                continue
            prefix = body_prefix if member.location is None else ""
            where = f"{path}{prefix}{lower_first(name)}"
            item = value.get(name)
            if item is not None:
                yield from self._value(member, item, where)
            elif name in required:
                yield f"Value null at '{where}' failed to satisfy constraint: {_NULL}"

    def _value(self, shape: Shape, value: Any, path: str) -> Iterator[str]:
        # Of one member the pattern is reported before the length (recorded: events).
        broken = [one for one in self.constraints(shape) if not one.holds(value)]
        for constraint in sorted(broken, key=lambda one: "length" in one.text):
            if "length" in constraint.text and (self._service, shape.name) in LENGTH_MESSAGES:
                raise _WholeMessage(LENGTH_MESSAGES[self._service, shape.name])
            yield self._violation(shape, value, path, constraint.text)
        if shape.type == "structure":
            yield from self._structure(shape, value, f"{path}.")
        elif shape.type == "list":
            opening = "Member must satisfy constraint"
            yield from self._parts(shape, shape.member, value, path, opening)
            if shape.member.type in _CONTAINERS:
                for number, item in enumerate(value, 1):
                    yield from self._value(shape.member, item, f"{path}.{number}.member")
        elif shape.type == "map":
            keys, values = "Map keys must satisfy constraint", "Map value must satisfy constraint"
            yield from self._parts(shape, shape.key, value, path, keys)
            yield from self._parts(shape, shape.value, value, path, values)
            if shape.value.type in _CONTAINERS:
                for key, item in value.items():
                    yield from self._value(shape.value, item, f"{path}.{key}.member")

    def _parts(
        self, shape: Shape, part: Shape, value: Any, path: str, opening: str
    ) -> Iterator[str]:
        """Scalars in a list or map are reported together, as a violation of their container."""
        if part.type in _CONTAINERS:
            return
        is_key = shape.type == "map" and part is shape.key
        items = value if shape.type == "list" or is_key else value.values()
        constraints = self.constraints(part)
        if all(constraint.holds(item) for item in items for constraint in constraints):
            return
        texts = [constraint.text for constraint in constraints]
        never_null = (self._service, shape.name) not in NULL_NOT_NAMED
        if not is_key and self._service in NULL_NAMED and never_null:
            texts.append(_NULL)
        yield self._violation(shape, value, path, f"{opening}: [{', '.join(texts)}]")

    def _violation(self, shape: Shape, value: Any, path: str, text: str) -> str:
        quoted = ""
        if not self._hidden and not is_secret(shape):
            quoted = f" '{shown(value, shape)[: WIRE_LIMITS.shown_chars]}'"
        return f"Value{quoted} at '{path}' failed to satisfy constraint: {text}"


def _each(check: Check | None, parts: Callable[[Any], Any]) -> Iterator[Check]:
    """A check of every part of a container."""
    if check is not None:
        yield lambda value: all(map(check, parts(value)))


def _all(checks: list[Check]) -> Check | None:
    """Several checks as one."""
    if len(checks) < 2:
        return checks[0] if checks else None
    if len(checks) == 2:
        first, second = checks
        return lambda value: first(value) and second(value)
    return lambda value: all(check(value) for check in checks)


def _anything(value: Any) -> bool:
    return True


def _accept(params: dict[str, Any]) -> None:
    """Every input is valid."""
