"""Bodies as bytes: the three formats in which a structure travels as a whole.

A format hides the difference between trees (JSON, CBOR) and elements (XML) from the protocols.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any

import orjson

from lambdad.wire.codecs import cbor, xml
from lambdad.wire.codecs.documents import CborReader, CborWriter, DocumentReader, DocumentWriter
from lambdad.wire.codecs.shapes import Malformed, MalformedBody
from lambdad.wire.codecs.xml_shapes import XmlReader, XmlWriter, namespace_attribute
from lambdad.wire.model import Shape

ReadBytes = Callable[[bytes], Any]
WriteBytes = Callable[[Any], bytes]


class Format(abc.ABC):
    """How one service's structures become bytes. Readers raise MalformedBody."""

    content_type: str

    @abc.abstractmethod
    def body_reader(self, shape: Shape) -> ReadBytes:
        """An input's members that are in the body; none if the body is empty."""

    @abc.abstractmethod
    def payload_reader(self, shape: Shape) -> ReadBytes:
        """The one member that is the body."""

    @abc.abstractmethod
    def body_writer(self, shape: Shape, root: str) -> WriteBytes:
        """An output's members that are in the body. `root` names the element around them."""

    @abc.abstractmethod
    def payload_writer(self, shape: Shape, root: str) -> WriteBytes:
        """The one member that is the body."""


class TreeFormat(Format):
    """Formats that decode to trees of dictionaries and lists."""

    reader: DocumentReader
    writer: DocumentWriter

    @abc.abstractmethod
    def decode(self, body: bytes) -> Any:
        """Bytes to a tree. Raises MalformedBody."""

    @abc.abstractmethod
    def encode(self, tree: Any) -> bytes:
        """A tree to bytes."""

    def body_reader(self, shape: Shape) -> ReadBytes:
        return self._reader(self.reader.body(shape))

    def payload_reader(self, shape: Shape) -> ReadBytes:
        return self._reader(self.reader.compile(shape))

    def body_writer(self, shape: Shape, root: str) -> WriteBytes:
        return self._writer(self.writer.body(shape))

    def payload_writer(self, shape: Shape, root: str) -> WriteBytes:
        return self._writer(self.writer.compile(shape))

    def _reader(self, convert: Callable[[Any], Any]) -> ReadBytes:
        decode = self.decode

        def read(body: bytes) -> Any:
            if not body:
                return {}
            try:
                return convert(decode(body))
            except Malformed as error:
                raise MalformedBody(str(error)) from None

        return read

    def _writer(self, convert: Callable[[Any], Any]) -> WriteBytes:
        encode = self.encode
        return lambda value: encode(convert(value))


class JsonFormat(TreeFormat):
    """JSON, in UTF-8. Of a name that occurs twice the last one counts, as in AWS's parser."""

    def __init__(self, content_type: str = "application/json") -> None:
        self.content_type = content_type
        self.reader = DocumentReader()
        self.writer = DocumentWriter()

    def decode(self, body: bytes) -> Any:
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise MalformedBody(str(error)) from None

    def encode(self, tree: Any) -> bytes:
        return orjson.dumps(tree)


class CborFormat(TreeFormat):
    """CBOR, for smithy-rpc-v2-cbor."""

    content_type = "application/cbor"

    def __init__(self) -> None:
        self.reader = CborReader()
        self.writer = CborWriter()

    def decode(self, body: bytes) -> Any:
        return cbor.decode(body)

    def encode(self, tree: Any) -> bytes:
        return cbor.encode(tree)


class XmlFormat(Format):
    """XML with one root element. The root's own name is not looked at."""

    content_type = "application/xml"

    def __init__(self, namespace: str | None) -> None:
        self.reader = XmlReader()
        self.writer = XmlWriter()
        self._namespace = f' xmlns="{xml.escape_attribute(namespace)}"' if namespace else ""

    def body_reader(self, shape: Shape) -> ReadBytes:
        return self._reader(self.reader.body(shape))

    def payload_reader(self, shape: Shape) -> ReadBytes:
        return self._reader(self.reader.compile(shape))

    def _reader(self, convert: Callable[[xml.Element], Any]) -> ReadBytes:
        def read(body: bytes) -> Any:
            if not body:
                return {}
            try:
                return convert(xml.parse(body))
            except Malformed as error:
                raise MalformedBody(str(error)) from None

        return read

    def body_writer(self, shape: Shape, root: str) -> WriteBytes:
        return self._writer(self.writer.content(shape), f"<{root}{self._namespace}>", root)

    def payload_writer(self, shape: Shape, root: str) -> WriteBytes:
        namespace = namespace_attribute(shape) or self._namespace
        return self._writer(self.writer.content(shape), f"<{root}{namespace}>", root)

    def _writer(
        self, content: Callable[[list[str], Any], None], opening: str, root: str
    ) -> WriteBytes:
        def write(value: Any) -> bytes:
            out = [xml.DECLARATION, opening]
            content(out, value)
            out.append(f"</{root}>")
            return "".join(out).encode()

        return write
