"""Which operation of a REST service a method, path, query string and headers mean.

The path templates of a service hang in one tree by their segments. Where several templates fit,
the most specific wins: a literal before a label before a greedy label, and of operations on one
template the one that asks for most of what the request has (S3 tells forty of them apart by
`?acl`, `?uploadId=…` and `x-amz-copy-source`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from lambdad.core.value import Value
from lambdad.wire.codecs import form
from lambdad.wire.http import Request
from lambdad.wire.model import Operation, ServiceModel

_LABEL = re.compile(r"\{([^}+]+)\+?\}")
_REMEMBERED_PATHS = 1024
_REMEMBERED_CHARACTERS = 256
Labels = tuple[str, ...]
"""What stands in the labels of a path, in the template's order, still percent-encoded."""


def label_names(request_uri: str) -> list[str]:
    """The labels of a template, in their order."""
    return _LABEL.findall(request_uri.partition("?")[0])


class Demands(Value):
    """What an operation asks of a request besides its method and path."""

    literals: tuple[tuple[str, str], ...]
    """Query parameters in the template: names, and values where the template gives them."""
    query: tuple[str, ...]
    """Required members in the query string."""
    headers: tuple[str, ...]
    """Required members in headers, lower case."""
    current: bool
    """Whether the operation is not deprecated."""

    @classmethod
    def of(cls, operation: Operation) -> Demands:
        """What the model says."""
        literals = form.pairs(operation.request_uri.partition("?")[2])
        shape = operation.input
        required = shape.traits.get("required", ()) if shape else ()
        members = [(name, shape.members[name]) for name in required] if shape else []
        return cls(
            tuple(literals),
            tuple(
                member.wire_name or name
                for name, member in members
                if member.location == "querystring"
            ),
            tuple(
                (member.wire_name or name).lower()
                for name, member in members
                if member.location == "header"
            ),
            not operation.deprecated,
        )

    def fit(
        self, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[int, bool, int, bool] | None:
        """How well a request fits; higher is better, None is not at all.

        The template's own parameters count most: `PUT /b/k?tagging` without its body must never
        be taken for the PutObject of the same path.
        """
        for name, value in self.literals:
            if name not in query or (value and query[name] != value):
                return None
        missing = sum(name not in query for name in self.query)
        missing += sum(name not in headers for name in self.headers)
        asked = len(self.query) + len(self.headers)
        return len(self.literals), missing == 0, asked - missing, self.current


class _End:
    """Where templates end: the operations of one method and path."""

    __slots__ = ("depth", "greedy", "names", "single")

    def __init__(self, depth: int, greedy: bool) -> None:
        self.depth = depth
        """Segments before the end, without the greedy label."""
        self.greedy = greedy
        self.names: list[str] = []
        self.single = True
        """Whether one operation ends here, and asks for nothing more."""

    def add(self, name: str, request_uri: str) -> None:
        """One more operation."""
        self.names.append(name)
        self.single = len(self.names) == 1 and "?" not in request_uri


class _Node:
    """A place in the tree: what follows it, and what ends at it by method."""

    __slots__ = ("ends", "greedy", "label", "literals")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.label: _Node | None = None
        self.greedy: dict[str, _End] = {}
        self.ends: dict[str, _End] = {}


class PathTable:
    """The REST operations of one service."""

    def __init__(self, service: ServiceModel, operations: Iterable[str]) -> None:
        self._service = service
        self._root = _Node()
        self._demands: dict[str, Demands] = {}
        self._known: dict[tuple[str, str], tuple[str, Labels]] = {}
        """By method and path, what was found before and depends on nothing else."""
        for name in operations:
            self._add(name, *service.request_uri(name))

    def match(self, request: Request, path: str) -> tuple[str, Labels] | None:
        """The operation and what stands in its labels; None if no template fits."""
        known = self._known.get((request.method, path))
        if known is not None:
            return known
        segments = path.split("/")
        del segments[0]
        if segments and not segments[-1]:
            segments.pop()
        found = _walk(self._root, request.method, segments, 0, ())
        if found is None:
            return None
        end, labels = found
        if end.greedy:
            # As it was sent, empty segments and trailing slash included: S3 keys may have both.
            labels = (*labels, path.split("/", end.depth + 1)[-1])
        if not end.single:
            name = self._choose(end.names, request)
            return None if name is None else (name, labels)
        answer = end.names[0], labels
        if len(path) <= _REMEMBERED_CHARACTERS:
            if len(self._known) >= _REMEMBERED_PATHS:
                self._known.clear()
            self._known[request.method, path] = answer
        return answer

    def _choose(self, names: list[str], request: Request) -> str | None:
        """Of operations with one method and path, the one that fits best."""
        query = dict(form.pairs(request.query))
        best = None
        for name in names:
            demands = self._demands.get(name)
            if demands is None:
                demands = self._demands[name] = Demands.of(self._service.operation(name))
            fit = demands.fit(query, request.headers)
            if fit is not None and (best is None or fit > best[0]):
                best = fit, name
        return None if best is None else best[1]

    def _add(self, name: str, method: str, request_uri: str) -> None:
        node = self._root
        segments = [segment for segment in request_uri.partition("?")[0].split("/") if segment]
        for depth, segment in enumerate(segments):
            if segment.endswith("+}"):
                if depth + 1 < len(segments):
                    raise ValueError(f"{name}: a greedy label that is not the last segment")
                node.greedy.setdefault(method, _End(depth, True)).add(name, request_uri)
                return
            if segment.startswith("{"):
                node.label = node.label or _Node()
                node = node.label
            else:
                node = node.literals.setdefault(segment, _Node())
        node.ends.setdefault(method, _End(len(segments), False)).add(name, request_uri)


def _walk(
    node: _Node, method: str, segments: list[str], depth: int, labels: Labels
) -> tuple[_End, Labels] | None:
    """Descend from the segment at `depth`, most specific first, with a way back."""
    if depth == len(segments):
        end = node.ends.get(method)
        return None if end is None else (end, labels)
    segment = segments[depth]
    literal = node.literals.get(segment)
    if literal is not None:
        found = _walk(literal, method, segments, depth + 1, labels)
        if found is not None:
            return found
    if node.label is not None and segment:
        found = _walk(node.label, method, segments, depth + 1, (*labels, segment))
        if found is not None:
            return found
    end = node.greedy.get(method)
    return None if end is None else (end, labels)
