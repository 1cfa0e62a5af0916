"""The REST protocols, rest-json and rest-xml: the operation is a method and a path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lambdad.core.errors import AwsError
from lambdad.wire.codecs import xml
from lambdad.wire.codecs.shapes import body_members
from lambdad.wire.codecs.xml_shapes import Write as WriteElement
from lambdad.wire.corrections import XML_NAMESPACES, XML_ROOTS, XML_UNWRAPPED
from lambdad.wire.http import Response
from lambdad.wire.model import Operation, ServiceModel, Shape
from lambdad.wire.protocols.bindings import header_writer, request_reader
from lambdad.wire.protocols.error_trees import ErrorTrees
from lambdad.wire.protocols.errors import ErrorForms
from lambdad.wire.protocols.formats import Format, JsonFormat, XmlFormat
from lambdad.wire.protocols.protocol import Protocol, Read, Result, Write, WriteError
from lambdad.wire.protocols.streams import EVENT_STREAM, EventStreamWriter

_WITHOUT_BODY = frozenset({204, 205, 304})
_Body = Callable[[Result], Any]
"""An output to the body of the answer: bytes, or an async iterator of bytes."""


class RestProtocol(Protocol):
    """What the two have in common: everything but the format and the errors."""

    id_header: str
    """The header that carries the request id."""
    blob_type: str
    """Content type of a blob whose output names none."""

    def __init__(self, service: ServiceModel, body: Format) -> None:
        super().__init__(service)
        self._format = body

    def reader(self, operation: Operation) -> Read:
        return request_reader(operation, self._format)

    def writer(self, operation: Operation) -> Write:
        id_header, status, output = self.id_header, operation.status, operation.output
        if output is None:
            return lambda result, request_id: Response(status, [(id_header, request_id)])
        add_headers = header_writer(output)
        content_type, write_body = self._body(operation, output)
        own_type = next(
            (
                name
                for name, member in output.members.items()
                if member.location == "header" and (member.wire_name or name) == "Content-Type"
            ),
            None,
        )

        def write(result: Result, request_id: str) -> Response:
            response = Response(status, [(id_header, request_id)])
            add_headers(response, result)
            if response.status in _WITHOUT_BODY:
                return response
            if content_type is not None and (own_type is None or result.get(own_type) is None):
                response.headers.append(("Content-Type", content_type))
            response.body = write_body(result)
            return response

        return write

    def _body(self, operation: Operation, output: Shape) -> tuple[str | None, _Body]:
        """Content type of the answer and what writes its body."""
        name: str | None = output.traits.get("payload")
        stream = operation.event_stream
        if stream is not None:
            name, union = stream
            frames = EventStreamWriter(union, self._format)
            return EVENT_STREAM, lambda result: frames.frames(result[stream[0]], None)
        root = XML_ROOTS.get((self.service.name, operation.name), f"{operation.name}Result")
        if operation.method == "HEAD" or (name is None and not body_members(output)):
            # rest-json answers `{}` even where there is nothing to say.
            empty = b"{}" if self.name == "rest-json" and operation.method != "HEAD" else b""
            return self._format.content_type if empty else None, lambda result: empty
        if name is None:
            return self._format.content_type, self._format.body_writer(output, root)
        payload = output.members[name]
        if payload.type == "blob":
            return self.blob_type, lambda result: result.get(name) or b""
        if payload.type == "string":
            content_type = self._format.content_type if self.name == "rest-json" else "text/plain"
            return content_type, lambda result: (result.get(name) or "").encode()
        write = self._format.payload_writer(payload, payload.wire_name or name)
        return self._format.content_type, lambda result: write(result.get(name) or {})


class RestJsonProtocol(RestProtocol):
    """rest-json. Lambda speaks it."""

    name = "rest-json"
    id_header = "x-amzn-RequestId"
    blob_type = "application/json"

    def __init__(self, service: ServiceModel) -> None:
        body = JsonFormat()
        super().__init__(service, body)
        self._encode = body.encode
        self._errors = ErrorTrees(service, self.name, body.writer)

    def error_writer(self, operation: Operation | None) -> WriteError:
        errors, encode = self._errors, self._encode

        def write(error: AwsError, request_id: str) -> Response:
            form = errors.form(error)
            headers = [
                (self.id_header, request_id),
                ("x-amzn-ErrorType", form.code),
                ("Content-Type", "application/json"),
                *errors.headers(form, error),
            ]
            return Response(error.status, headers, encode(errors.tree(form, error)))

        return write


class RestXmlProtocol(RestProtocol):
    """rest-xml. Of our services only S3 speaks it, so errors have S3's form."""

    name = "rest-xml"
    id_header = "x-amz-request-id"
    blob_type = "binary/octet-stream"

    def __init__(self, service: ServiceModel) -> None:
        namespace = XML_NAMESPACES.get(service.name) or service.xml_namespace
        body = XmlFormat(namespace)
        super().__init__(service, body)
        self._namespace = namespace
        self._writer = body.writer
        self._errors: ErrorForms[WriteElement] = ErrorForms(service, self.name, body.writer.compile)

    def _body(self, operation: Operation, output: Shape) -> tuple[str | None, _Body]:
        if (self.service.name, operation.name) in XML_UNWRAPPED:
            return self._format.content_type, self._unwrapped(output)
        return super()._body(operation, output)

    def _unwrapped(self, output: Shape) -> _Body:
        """The output's only member as the root element; empty if it is not given."""
        ((name, member),) = body_members(output).items()
        tag = member.wire_name or name
        namespace = xml.escape_attribute(self._namespace or "")
        opening = f'{xml.DECLARATION}<{tag} xmlns="{namespace}">'
        return lambda result: f"{opening}{xml.escape(result.get(name) or '')}</{tag}>".encode()

    def error_writer(self, operation: Operation | None) -> WriteError:
        silent = operation is not None and operation.method == "HEAD"

        def write(error: AwsError, request_id: str) -> Response:
            headers = [(self.id_header, request_id)]
            if silent or error.status in _WITHOUT_BODY:
                return Response(error.status, headers)
            headers.append(("Content-Type", self._format.content_type))
            form = self._errors.of(error.code)
            out = [xml.DECLARATION, f"<Error><Code>{xml.escape(form.code)}</Code>"]
            out.append(f"<Message>{xml.escape(error.message or '')}</Message>")
            for name, value in error.members.items():
                if value is not None and name in form.members:
                    tag, convert = form.members[name]
                    convert(out, tag, value)
                elif value is not None:
                    out.append(f"<{name}>{xml.escape(str(value))}</{name}>")
            out.append(f"<RequestId>{xml.escape(request_id)}</RequestId>")
            out.append("<HostId></HostId></Error>")
            return Response(error.status, headers, "".join(out).encode())

        return write
