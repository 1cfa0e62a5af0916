"""The RPC protocols: awsJson 1.0 and 1.1, and smithy-rpc-v2-cbor.

The operation is named by a header or the path, every member is in the body.
"""

from __future__ import annotations

import zlib

from lambdad.core.errors import AwsError
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.wire.codecs.shapes import MalformedBody
from lambdad.wire.corrections import ERROR_NAMESPACES
from lambdad.wire.http import Request, Response
from lambdad.wire.model import Operation, ServiceModel
from lambdad.wire.protocols.error_trees import ErrorTrees
from lambdad.wire.protocols.formats import CborFormat, JsonFormat, TreeFormat
from lambdad.wire.protocols.protocol import (
    Captured,
    Params,
    Protocol,
    Read,
    Result,
    Write,
    WriteError,
)
from lambdad.wire.protocols.streams import EVENT_STREAM, EventStreamWriter

_GZIP = 16 + zlib.MAX_WBITS


class RpcProtocol(Protocol):
    """What the two have in common: everything but the format and some headers."""

    def __init__(self, service: ServiceModel, body: TreeFormat) -> None:
        super().__init__(service)
        self._format = body
        self._errors = ErrorTrees(service, self.name, body.writer)
        self._headers = [("Content-Type", body.content_type)]

    def reader(self, operation: Operation) -> Read:
        if operation.input is None:
            return _read_nothing
        read_body = self._format.payload_reader(operation.input)

        def read(request: Request, captured: Captured) -> Params:
            params: Params = read_body(request.body)
            return params

        def read_packed(request: Request, captured: Captured) -> Params:
            packed = request.headers.get("content-encoding", "").strip().lower() == "gzip"
            params: Params = read_body(unpack(request.body) if packed else request.body)
            return params

        return read_packed if operation.compressed else read

    def writer(self, operation: Operation) -> Write:
        headers = self._headers
        if operation.output is None:
            return lambda result, request_id: Response(
                200, [("x-amzn-RequestId", request_id), *headers]
            )
        write_body = self._format.body_writer(operation.output, "")
        stream = operation.event_stream
        if stream is not None:
            name, shape = stream
            frames = EventStreamWriter(shape, self._format)

            def write_stream(result: Result, request_id: str) -> Response:
                initial = write_body(result)
                return Response(
                    200,
                    [("x-amzn-RequestId", request_id), ("Content-Type", EVENT_STREAM)],
                    frames.frames(result[name], initial),
                )

            return write_stream

        def write(result: Result, request_id: str) -> Response:
            return Response(200, [("x-amzn-RequestId", request_id), *headers], write_body(result))

        return write

    def error_writer(self, operation: Operation | None) -> WriteError:
        errors, encode, modelled = self._errors, self._format.encode, self.service.errors
        own, foreign = ERROR_NAMESPACES.get(self.service.name, ("", ""))

        def write(error: AwsError, request_id: str) -> Response:
            form = errors.form(error)
            headers = [("x-amzn-RequestId", request_id), *self._headers]
            headers += errors.headers(form, error)
            namespace = own if error.code in modelled else foreign
            body = encode({"__type": f"{namespace}{form.code}", **errors.tree(form, error)})
            return Response(error.status, headers, body)

        return write


class JsonRpcProtocol(RpcProtocol):
    """awsJson 1.0 and 1.1."""

    name = "json"

    def __init__(self, service: ServiceModel) -> None:
        super().__init__(service, JsonFormat(f"application/x-amz-json-{service.json_version}"))


class CborRpcProtocol(RpcProtocol):
    """smithy-rpc-v2-cbor."""

    name = "smithy-rpc-v2-cbor"

    def __init__(self, service: ServiceModel) -> None:
        super().__init__(service, CborFormat())
        self._headers = [*self._headers, ("smithy-protocol", "rpc-v2-cbor")]


def unpack(body: bytes) -> bytes:
    """A gzipped body, as long as it does not grow past the limit for bodies."""
    decoder = zlib.decompressobj(_GZIP)
    try:
        unpacked = decoder.decompress(body, DEFAULT_LIMITS.http_body_bytes)
    except zlib.error as error:
        raise MalformedBody("The body is not valid gzip") from error
    if not decoder.eof or decoder.unused_data:
        raise MalformedBody("The gzipped body is cut short, goes on, or is too large")
    return unpacked


def _read_nothing(request: Request, captured: Captured) -> Params:
    return {}
