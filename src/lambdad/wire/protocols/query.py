"""The query protocols: awsQuery and ec2. Fields of a form come in, XML goes out."""

from __future__ import annotations

from lambdad.core.errors import AwsError
from lambdad.wire.codecs.form import Ec2FormReader, FormReader, LenientFormReader, tree
from lambdad.wire.codecs.xml import DECLARATION, escape, escape_attribute
from lambdad.wire.codecs.xml_shapes import Write as WriteElement
from lambdad.wire.codecs.xml_shapes import XmlWriter
from lambdad.wire.http import Request, Response
from lambdad.wire.model import Operation, ServiceModel
from lambdad.wire.protocols.errors import ErrorForms
from lambdad.wire.protocols.protocol import (
    Captured,
    Params,
    Protocol,
    Read,
    Result,
    Write,
    WriteError,
)
from lambdad.wire.query_names import QUERY_NAMES, query_model

_CONTENT_TYPE = ("Content-Type", "text/xml")
_ADDRESS_SLASHES = 2
"""`/<account>/<name>` is the path of a resource, `/` of the service."""


class QueryProtocol(Protocol):
    """awsQuery: results in a wrapper, metadata beside it."""

    name = "query"

    def __init__(self, service: ServiceModel) -> None:
        super().__init__(service)
        self._fields = self.form_reader()
        self._writer = XmlWriter()
        self._errors: ErrorForms[WriteElement] = ErrorForms(
            service, self.name, self._writer.compile
        )
        self._namespace = escape_attribute(service.xml_namespace or "")

    def form_reader(self) -> FormReader:
        """What reads the form's fields."""
        return FormReader()

    def reader(self, operation: Operation) -> Read:
        """The captured fields of the form to members."""
        if operation.input is None:
            return lambda request, captured: {}
        convert = self._fields.compile(operation.input)

        def read(request: Request, captured: Captured) -> Params:
            params: Params = convert(tree(captured))
            return params

        return read

    def writer(self, operation: Operation) -> Write:
        tag, wrapper = f"{operation.name}Response", operation.result_wrapper
        before = f'{DECLARATION}<{tag} xmlns="{self._namespace}">'
        between = "<ResponseMetadata><RequestId>"
        after = f"</RequestId></ResponseMetadata></{tag}>"
        if wrapper is not None:
            before, between = f"{before}<{wrapper}>", f"</{wrapper}>{between}"
        content = self._writer.content(operation.output) if operation.output else None

        def write(result: Result, request_id: str) -> Response:
            out = [before]
            if content is not None:
                content(out, result)
            out += (between, escape(request_id), after)
            return _response(200, request_id, out)

        return write

    def error_writer(self, operation: Operation | None) -> WriteError:
        opening = f'{DECLARATION}<ErrorResponse xmlns="{self._namespace}"><Error><Type>'

        def write(error: AwsError, request_id: str) -> Response:
            fault = "Sender" if error.fault == "client" else "Receiver"
            out = [f"{opening}{fault}</Type>"]
            self._describe(out, error)
            out.append(f"</Error><RequestId>{escape(request_id)}</RequestId></ErrorResponse>")
            return _response(error.status, request_id, out)

        return write

    def _describe(self, out: list[str], error: AwsError) -> None:
        """Code, message and members of an error."""
        form = self._errors.of(error.code)
        code = form.query_code if error.code in self.service.errors else form.code
        out.append(f"<Code>{escape(code)}</Code>")
        out.append(f"<Message>{escape(error.message or '')}</Message>")
        for name, value in error.members.items():
            if value is not None and name in form.members:
                tag, convert = form.members[name]
                convert(out, tag, value)


class CompatibleQueryProtocol(QueryProtocol):
    """awsQuery for services whose models speak JSON by now (wire/query_names.py)."""

    def __init__(self, service: ServiceModel) -> None:
        super().__init__(query_model(service))
        self._address = QUERY_NAMES[service.name].address

    def form_reader(self) -> FormReader:
        return LenientFormReader()

    def reader(self, operation: Operation) -> Read:
        """As the query protocol, and the resource may be addressed by the path alone."""
        read, address = super().reader(operation), self._address
        if operation.input is None or address not in operation.input.members:
            return read

        def read_addressed(request: Request, captured: Captured) -> Params:
            params = read(request, captured)
            if address not in params and request.path.count("/") >= _ADDRESS_SLASHES:
                params[address] = request.path
            return params

        return read_addressed

    def _describe(self, out: list[str], error: AwsError) -> None:
        super()._describe(out, error)
        out.append("<Detail/>")


class Ec2Protocol(QueryProtocol):
    """ec2: no wrapper, other names, other errors."""

    name = "ec2"

    def form_reader(self) -> FormReader:
        return Ec2FormReader()

    def writer(self, operation: Operation) -> Write:
        tag = f"{operation.name}Response"
        before = f'{DECLARATION}<{tag} xmlns="{self._namespace}"><requestId>'
        content = self._writer.content(operation.output) if operation.output else None

        def write(result: Result, request_id: str) -> Response:
            out = [before, escape(request_id), "</requestId>"]
            if content is not None:
                content(out, result)
            out.append(f"</{tag}>")
            return _response(200, request_id, out)

        return write

    def error_writer(self, operation: Operation | None) -> WriteError:
        def write(error: AwsError, request_id: str) -> Response:
            out = [f"{DECLARATION}<Response><Errors><Error>"]
            self._describe(out, error)
            out.append("</Error></Errors>")
            out.append(f"<RequestID>{escape(request_id)}</RequestID></Response>")
            return _response(error.status, request_id, out)

        return write


def _response(status: int, request_id: str, out: list[str]) -> Response:
    headers = [("x-amzn-RequestId", request_id), _CONTENT_TYPE]
    return Response(status, headers, "".join(out).encode())
