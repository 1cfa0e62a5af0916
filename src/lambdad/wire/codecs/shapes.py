"""Compiling shapes into closures, once per shape, recursion included; and the one way to fail.

Every codec is a `Compiler`: a method per shape type builds the closure that reads or writes a
value of that shape. The closures are built when an operation is first used and called for every
request after, so everything that a model decides is decided at build time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from lambdad.core.limits import WIRE_LIMITS
from lambdad.wire.model import Shape

Closure = TypeVar("Closure", bound=Callable[..., Any])


class Malformed(Exception):
    """A request that is not of the operation's form; a protocol turns it into AWS's error."""


class MalformedBody(Malformed):
    """The same, in the body."""


class Compiler(Generic[Closure]):
    """Builds one closure per shape and remembers it.

    A subclass has a method per shape type, named after it; types without one go to `scalar`.
    """

    def __init__(self) -> None:
        self._done: dict[Shape, Closure] = {}
        self._begun: set[Shape] = set()

    def compile(self, shape: Shape) -> Closure:
        """The closure for a shape; built on the first call."""
        closure = self._done.get(shape)
        if closure is not None:
            return closure
        if shape in self._begun:
            return self.late(shape)
        self._begun.add(shape)
        build: Callable[[Shape], Closure] = getattr(self, shape.type, self.scalar)
        closure = self._done[shape] = build(shape)
        self._begun.discard(shape)
        return closure

    def scalar(self, shape: Shape) -> Closure:
        """The closure for a type that has no method of its own."""
        raise NotImplementedError(shape.type)

    def late(self, shape: Shape) -> Closure:
        """A closure for a shape inside itself. Looks the real one up, and bounds the nesting.

        Only recursive shapes pay for the count. It is exact as long as one thread at a time
        reads; a second one could only make the limit stricter.
        """
        done, depth = self._done, 0

        def descend(*arguments: Any) -> Any:
            nonlocal depth
            if depth >= WIRE_LIMITS.depth:
                raise Malformed("Nesting is too deep")
            depth += 1
            try:
                return done[shape](*arguments)
            finally:
                depth -= 1

        return descend  # type: ignore[return-value]


def body_members(shape: Shape) -> dict[str, Shape]:
    """The members of an input or output that are in the body: bound nowhere else, no stream."""
    return {
        name: member
        for name, member in shape.members.items()
        if member.location is None and not member.has("eventstream")
    }
