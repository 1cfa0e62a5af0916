"""Form bodies and query strings; and the dotted fields of the query and ec2 protocols to values.

`Filters.member.1.Values.member.2=x` is first hung into a tree of dictionaries by its dots, then
read by shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import unquote

from lambdad.core.limits import WIRE_LIMITS
from lambdad.wire.codecs import scalars
from lambdad.wire.codecs.shapes import Compiler, Malformed
from lambdad.wire.model import Shape

Node = dict[str, Any]
"""Children by name: each a Node or the text of a field."""
Read = Callable[[Any], Any]

_INDEX_DIGITS = 9


def pairs(text: str) -> list[tuple[str, str]]:
    """Names and values of a query string or form, decoded, in their order."""
    found = []
    for field in text.split("&"):
        if field:
            name, _, value = field.partition("=")
            found.append((decode(name), decode(value)))
    return found


def decode(text: str) -> str:
    """Percent escapes and plus signs as what they stand for."""
    if "+" in text:
        text = text.replace("+", " ")
    return unquote(text) if "%" in text else text


def form(body: bytes) -> list[tuple[str, str]]:
    """The fields of a form body. Raises Malformed if it is too much or not UTF-8."""
    if body.count(b"&") >= WIRE_LIMITS.form_fields:
        raise Malformed("The form has too many fields")
    try:
        return pairs(body.decode())
    except UnicodeDecodeError as error:
        raise Malformed("The form is not UTF-8") from error


def tree(fields: Iterable[tuple[str, str]]) -> Node:
    """Fields hung into a tree by the dots in their names. A branch wins over a leaf."""
    root: Node = {}
    for name, value in fields:
        parts = name.split(".", WIRE_LIMITS.form_name_parts)
        if len(parts) > WIRE_LIMITS.form_name_parts:
            raise Malformed("A field name has too many parts")
        node = root
        for part in parts[:-1]:
            child = node.get(part)
            if type(child) is not dict:
                child = node[part] = {}
            node = child
        node.setdefault(parts[-1], value)
    return root


class FormReader(Compiler[Read]):
    """Trees of the query protocol to values. Unknown fields are passed over."""

    def member_name(self, shape: Shape, name: str) -> str:
        """What a member is called in the form."""
        if shape.type == "list" and shape.flattened and shape.member.wire_name:
            return shape.member.wire_name
        return shape.wire_name or name

    def structure(self, shape: Shape) -> Read:
        members: dict[str, tuple[str, Read]] = {}
        for name, member in shape.members.items():
            entry = (name, self.compile(member))
            members.setdefault(self.member_name(member, name), entry)
            if member.flattened:  # an empty list travels under its own name
                members.setdefault(member.wire_name or name, entry)

        def read(node: Any) -> dict[str, Any]:
            result = {}
            for key, child in branch(node).items():
                if key in members:
                    name, convert = members[key]
                    result[name] = convert(child)
            return result

        return read

    def list(self, shape: Shape) -> Read:
        convert = self.compile(shape.member)
        inner = None if self.is_flat(shape) else shape.member.wire_name or "member"

        def read(node: Any) -> Any:
            children = branch(node)
            if inner is not None:
                children = branch(children.get(inner, ""))
            return [convert(child) for child in in_order(children)]

        return read

    def is_flat(self, shape: Shape) -> bool:
        """Whether a list's indexes follow its name directly."""
        return shape.flattened

    def map(self, shape: Shape) -> Read:
        key_name, value_name = shape.key.wire_name or "key", shape.value.wire_name or "value"
        convert = self.compile(shape.value)
        flat = shape.flattened

        def read(node: Any) -> Any:
            children = branch(node)
            if not flat:
                children = branch(children.get("entry", ""))
            result = {}
            for child in self.entries(children, key_name):
                pair = branch(child)
                key = pair.get(key_name)
                if type(key) is not str or value_name not in pair:
                    raise Malformed(f"A map entry lacks its {key_name} or {value_name}")
                result[key] = convert(pair[value_name])
            return result

        return read

    def entries(self, children: Node, key_name: str) -> Sequence[Any]:
        """The entries of a map."""
        return in_order(children)

    def scalar(self, shape: Shape) -> Read:
        convert = scalars.text_reader(shape)

        def read(node: Any) -> Any:
            if type(node) is not str:
                raise Malformed("A structure was found where a value was expected")
            return convert(node)

        return read


class LenientFormReader(FormReader):
    """The query protocol's variant in which a list or a map of one may come without its number:
    `AttributeName=All`, `Attribute.Name=DelaySeconds&Attribute.Value=5` (API reference of SQS,
    examples)."""

    def list(self, shape: Shape) -> Read:
        several, convert = super().list(shape), self.compile(shape.member)

        def read(node: Any) -> Any:
            return [convert(node)] if type(node) is str and node else several(node)

        return read

    def entries(self, children: Node, key_name: str) -> Sequence[Any]:
        return [children] if key_name in children else super().entries(children, key_name)


class Ec2FormReader(FormReader):
    """The ec2 protocol's variant: lists are always flat, names are capitalised."""

    def member_name(self, shape: Shape, name: str) -> str:
        query_name: str | None = shape.traits.get("queryName")
        if query_name is not None:
            return query_name
        if shape.wire_name is not None:
            return shape.wire_name[:1].upper() + shape.wire_name[1:]
        return name

    def is_flat(self, shape: Shape) -> bool:
        return True


def branch(node: Any) -> Node:
    """The children of a node; an empty text is a branch without any, as empty lists are sent."""
    if type(node) is dict:
        return node
    if node == "":
        return {}
    raise Malformed("A value was found where a structure was expected")


def in_order(children: Node) -> list[Any]:
    """The elements of a list by their numbers."""
    numbered = []
    for name, child in children.items():
        if not (name.isascii() and name.isdigit() and len(name) <= _INDEX_DIGITS):
            raise Malformed("A list has an element that is not numbered")
        numbered.append((int(name), child))
    numbered.sort(key=lambda pair: pair[0])
    return [child for _, child in numbered]
