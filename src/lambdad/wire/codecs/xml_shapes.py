"""Values of a shape to XML elements and back, for rest-xml and for the query protocols' answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lambdad.wire.codecs import scalars
from lambdad.wire.codecs.shapes import Compiler, Malformed, body_members
from lambdad.wire.codecs.xml import Element, escape, escape_attribute
from lambdad.wire.model import Shape

Read = Callable[[Element], Any]
Write = Callable[[list[str], str, Any], None]
"""Appends the element of a given name to the pieces of a document."""
_Gather = Callable[[Any, Element], Any]
"""What has been read so far of a flattened list or map, and one more element of it."""


class XmlReader(Compiler[Read]):
    """Elements to values. Unknown elements are passed over."""

    def structure(self, shape: Shape) -> Read:
        return self._structure(shape.members)

    def body(self, shape: Shape) -> Read:
        """The members of an input that travel in the body (see `DocumentReader.body`)."""
        return self._structure(body_members(shape))

    def _structure(self, shapes: dict[str, Shape]) -> Read:
        plain: dict[str, tuple[str, Read]] = {}
        flat: dict[str, tuple[str, _Gather]] = {}
        attributes: dict[str, str] = {}
        for name, member in shapes.items():
            tag = member.wire_name or name
            if member.has("xmlAttribute"):
                attributes[tag.rpartition(":")[2]] = name
            elif member.flattened:
                flat[tag] = flat[repeated_tag(member, tag)] = (name, self._gather(member))
            else:
                plain[tag] = (name, self.compile(member))

        def read(element: Element) -> dict[str, Any]:
            result: dict[str, Any] = {}
            for child in element.children:
                tag = child.tag
                if tag in plain:
                    name, convert = plain[tag]
                    result[name] = convert(child)
                elif tag in flat:
                    name, gather = flat[tag]
                    result[name] = gather(result.get(name), child)
            for tag, text in element.attributes.items():
                if tag in attributes:
                    result[attributes[tag]] = text
            return result

        return read

    def list(self, shape: Shape) -> Read:
        convert = self.compile(shape.member)
        return lambda element: [convert(child) for child in element.children]

    def map(self, shape: Shape) -> Read:
        pair = self._pair(shape)
        return lambda element: dict(pair(child) for child in element.children)

    def scalar(self, shape: Shape) -> Read:
        convert = scalars.text_reader(shape)

        def read(element: Element) -> Any:
            if element.children:
                raise Malformed(f"{element.tag} has elements instead of text")
            return convert(element.text)

        return read

    def _gather(self, shape: Shape) -> _Gather:
        if shape.type == "map":
            pair = self._pair(shape)

            def gather_pair(so_far: Any, element: Element) -> Any:
                pairs = {} if so_far is None else so_far
                key, value = pair(element)
                pairs[key] = value
                return pairs

            return gather_pair
        convert = self.compile(shape.member)

        def gather(so_far: Any, element: Element) -> Any:
            items = [] if so_far is None else so_far
            items.append(convert(element))
            return items

        return gather

    def _pair(self, shape: Shape) -> Callable[[Element], tuple[str, Any]]:
        key_tag, value_tag = entry_tags(shape)
        convert = self.compile(shape.value)

        def pair(element: Element) -> tuple[str, Any]:
            parts = {child.tag: child for child in element.children}
            if key_tag not in parts or value_tag not in parts:
                raise Malformed(f"{element.tag} lacks its {key_tag} or {value_tag}")
            return parts[key_tag].text, convert(parts[value_tag])

        return pair


class XmlWriter(Compiler[Write]):
    """Values to elements. A member that is None is left out; one that the model lacks is a bug."""

    def structure(self, shape: Shape) -> Write:
        namespace = namespace_attribute(shape)
        content = self.content(shape)
        attributes = {
            name: member.wire_name or name
            for name, member in shape.members.items()
            if member.has("xmlAttribute")
        }

        def write(out: list[str], tag: str, value: Any) -> None:
            opening = f"<{tag}{namespace}"
            for name, attribute in attributes.items():
                if value.get(name) is not None:
                    opening += f' {attribute}="{escape_attribute(value[name])}"'
            out.append(opening + ">")
            content(out, value)
            out.append(f"</{tag}>")

        return write

    def content(self, shape: Shape) -> Callable[[list[str], Any], None]:
        """The members of a structure without an element around them; attributes are left out."""
        members: dict[str, tuple[str, Write] | None] = {}
        for name, member in shape.members.items():
            tag = member.wire_name or name
            if member.flattened:
                members[name] = (repeated_tag(member, tag), self.compile(member))
            elif member.has("xmlAttribute") or member.location is not None:
                members[name] = None
            else:
                members[name] = (tag, self.compile(member))

        def write(out: list[str], value: Any) -> None:
            for name, item in value.items():
                if item is not None:
                    try:
                        member = members[name]
                    except KeyError:
                        raise TypeError(f"{shape.name} has no member {name!r}") from None
                    if member is not None:
                        tag, convert = member
                        convert(out, tag, item)

        return write

    def list(self, shape: Shape) -> Write:
        convert = self.compile(shape.member)
        if shape.flattened:

            def write_flat(out: list[str], tag: str, value: Any) -> None:
                for item in value:
                    convert(out, tag, item)

            return write_flat
        inner = shape.member.wire_name or "member"
        namespace = namespace_attribute(shape)

        def write(out: list[str], tag: str, value: Any) -> None:
            out.append(f"<{tag}{namespace}>")
            for item in value:
                convert(out, inner, item)
            out.append(f"</{tag}>")

        return write

    def map(self, shape: Shape) -> Write:
        key_tag, value_tag = entry_tags(shape)
        convert = self.compile(shape.value)
        namespace = namespace_attribute(shape)

        def entries(out: list[str], tag: str, value: Any) -> None:
            for key, item in value.items():
                out.append(f"<{tag}><{key_tag}>{escape(key)}</{key_tag}>")
                convert(out, value_tag, item)
                out.append(f"</{tag}>")

        if shape.flattened:
            return entries

        def write(out: list[str], tag: str, value: Any) -> None:
            out.append(f"<{tag}{namespace}>")
            entries(out, "entry", value)
            out.append(f"</{tag}>")

        return write

    def scalar(self, shape: Shape) -> Write:
        text = scalars.text_writer(shape, "iso8601")
        namespace = namespace_attribute(shape)
        safe = shape.type not in ("string", "character")

        def write(out: list[str], tag: str, value: Any) -> None:
            content = text(value) if safe else escape(text(value))
            out.append(f"<{tag}{namespace}>{content}</{tag}>")

        return write


def repeated_tag(shape: Shape, tag: str) -> str:
    """What a flattened list calls its elements: by the element's own name if it has one."""
    return (shape.member.wire_name if shape.type == "list" else None) or tag


def entry_tags(shape: Shape) -> tuple[str, str]:
    """What a map calls its keys and its values."""
    return shape.key.wire_name or "key", shape.value.wire_name or "value"


def namespace_attribute(shape: Shape) -> str:
    """The `xmlns` attribute that the shape's xmlNamespace trait asks for, or nothing."""
    namespace = shape.traits.get("xmlNamespace")
    if not namespace:
        return ""
    if isinstance(namespace, str):
        return f' xmlns="{escape_attribute(namespace)}"'
    prefix = f":{namespace['prefix']}" if namespace.get("prefix") else ""
    return f' xmlns{prefix}="{escape_attribute(namespace["uri"])}"'
