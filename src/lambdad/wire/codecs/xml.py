"""XML text to a light tree and strings to XML text. Reads what strangers send.

Own tree on expat, and not ElementTree: a document type is refused at its first letter, so there
are no entities to expand and nothing to fetch; depth and number of elements are bounded; and
namespaces are dropped, because AWS's clients disagree about them and AWS ignores them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.parsers import expat

from lambdad.core.limits import WIRE_LIMITS
from lambdad.wire.codecs.shapes import Malformed

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

_UNREPRESENTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"})
_ATTRIBUTE_ESCAPES = {**_ESCAPES, ord("\n"): "&#10;", ord("\t"): "&#9;"}
_SPECIAL = re.compile('[&<>"\r]')


class Element:
    """An element by its local name, with its attributes by theirs, its children and its text."""

    __slots__ = ("attributes", "children", "tag", "text")

    def __init__(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.children: list[Element] = []
        self.text = ""


def parse(body: bytes) -> Element:
    """The document's root element. Raises Malformed."""
    builder = _Builder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.characters
    parser.StartDoctypeDeclHandler = builder.refuse
    parser.EntityDeclHandler = builder.refuse
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise Malformed("The XML is not well-formed") from error
    return builder.root.children[0]


def escape(text: str) -> str:
    """Text as the content of an element. What XML cannot hold becomes U+FFFD."""
    text = _UNREPRESENTABLE.sub("\ufffd", text)
    return text.translate(_ESCAPES) if _SPECIAL.search(text) else text


def escape_attribute(text: str) -> str:
    """Text as the value of an attribute in double quotes."""
    return _UNREPRESENTABLE.sub("\ufffd", text).translate(_ATTRIBUTE_ESCAPES)


class _Builder:
    """expat's events to a tree."""

    def __init__(self) -> None:
        self.root = Element("", {})
        self._open = [self.root]
        self._elements = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > WIRE_LIMITS.xml_elements or len(self._open) > WIRE_LIMITS.depth:
            raise Malformed("The XML is nested too deeply or has too many elements")
        local = {name.rpartition(":")[2]: value for name, value in attributes.items()}
        element = Element(tag.rpartition(":")[2], local)
        self._open[-1].children.append(element)
        self._open.append(element)

    def end(self, tag: str) -> None:
        self._open.pop()

    def characters(self, text: str) -> None:
        # Text between elements is white space; keep only what is not followed by a child.
        self._open[-1].text += text

    def refuse(self, *_: object) -> None:
        raise Malformed("The XML has a document type")
