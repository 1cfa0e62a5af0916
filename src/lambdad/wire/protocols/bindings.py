"""Where the members of a REST operation travel: path, query string, headers, status, body.

Owns the bindings of inputs and outputs; how a body is written is the format's business.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from lambdad.wire.codecs import form
from lambdad.wire.codecs.scalars import header_text, text_reader, text_writer
from lambdad.wire.codecs.shapes import Malformed, MalformedBody, body_members
from lambdad.wire.http import Request, Response
from lambdad.wire.model import Operation, Shape
from lambdad.wire.paths import label_names
from lambdad.wire.protocols.formats import Format
from lambdad.wire.protocols.protocol import Captured, Params, Read, Result

_Part = Callable[[Request, Captured, Params], None]
"""Reads one part of a request into the members."""
_LIST_ITEM = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^,]*))\s*(?:,|$)')
_SIGNING = "x-amz-"


def request_reader(operation: Operation, body: Format) -> Read:
    """Requests to members, part by part; parts that the operation does not use cost nothing."""
    shape = operation.input
    if shape is None:
        return lambda request, captured: {}
    parts = [
        part
        for part in (
            _labels(operation, shape),
            _query(operation, shape),
            _headers(shape),
            _prefixed_headers(shape),
            _body(shape, body),
        )
        if part is not None
    ]

    def read(request: Request, captured: Captured) -> Params:
        params: Params = {}
        for part in parts:
            part(request, captured, params)
        return params

    return read


def _bound(shape: Shape, location: str) -> list[tuple[str, Shape]]:
    return [(name, member) for name, member in shape.members.items() if member.location == location]


def _plain_string(shape: Shape) -> bool:
    return shape.type == "string" and not shape.has("jsonvalue")


def _labels(operation: Operation, shape: Shape) -> _Part | None:
    """Labels of the path, in the template's order, still percent-encoded."""
    members = {member.wire_name or name: (name, member) for name, member in _bound(shape, "uri")}
    bound = [members[label] for label in label_names(operation.request_uri)]
    if not bound:
        return None
    readers = [
        (name, None if _plain_string(member) else text_reader(member)) for name, member in bound
    ]

    def read(request: Request, captured: Captured, params: Params) -> None:
        for (name, convert), text in zip(readers, captured, strict=True):
            if "%" in text:
                text = unquote(text)
            params[name] = text if convert is None else convert(text)

    return read


def _query(operation: Operation, shape: Shape) -> _Part | None:
    single: dict[str, tuple[str, Callable[[str], Any]]] = {}
    many: dict[str, tuple[str, Callable[[str], Any]]] = {}
    gather: Callable[[Params, str, str], None] | None = None
    for name, member in _bound(shape, "querystring"):
        wire_name = member.wire_name or name
        if member.type == "map":
            gather = _query_map(operation, name, member)
        elif member.type == "list":
            many[wire_name] = (name, text_reader(member.member))
        else:
            single[wire_name] = (name, text_reader(member))
    if not single and not many and gather is None:
        return None

    def read(request: Request, captured: Captured, params: Params) -> None:
        if not request.query:
            return
        for key, text in form.pairs(request.query):
            if key in single:
                name, convert = single[key]
                params[name] = convert(text)
            elif key in many:
                name, convert = many[key]
                params.setdefault(name, []).append(convert(text))
            elif gather is not None:
                gather(params, key, text)

    return read


def _query_map(operation: Operation, name: str, shape: Shape) -> Callable[[Params, str, str], None]:
    """A map that takes the parameters that are bound to nothing else and are no signature's."""
    literals = {key for key, _ in form.pairs(operation.request_uri.partition("?")[2])}
    to_lists = shape.value.type == "list"

    def gather(params: Params, key: str, text: str) -> None:
        if key in literals or key.lower().startswith(_SIGNING):
            return
        found = params.setdefault(name, {})
        if to_lists:
            found.setdefault(key, []).append(text)
        else:
            found[key] = text

    return gather


def _headers(shape: Shape) -> _Part | None:
    readers = [
        (
            (member.wire_name or name).lower(),
            name,
            None if _plain_string(member) else _header_reader(member),
        )
        for name, member in _bound(shape, "header")
    ]
    if not readers:
        return None

    def read(request: Request, captured: Captured, params: Params) -> None:
        headers = request.headers
        for header, name, convert in readers:
            text = headers.get(header)
            if text is not None:
                params[name] = text if convert is None else convert(text)

    return read


def _header_reader(shape: Shape) -> Callable[[str], Any]:
    if shape.type != "list":
        return text_reader(shape)
    convert = text_reader(shape.member)
    return lambda text: [convert(item) for item in _split_list(text)]


def _split_list(text: str) -> list[str]:
    """The items of a header that is a list; quoted ones may hold commas."""
    items = []
    position = 0
    while position < len(text):
        match = _LIST_ITEM.match(text, position)
        if match is None:
            raise Malformed("A header is not a list")
        quoted, plain = match.groups()
        items.append(plain.strip() if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
        position = match.end()
    return items


def _prefixed_headers(shape: Shape) -> _Part | None:
    """Maps whose keys are the ends of header names, such as S3's x-amz-meta-*."""
    prefixes = [
        ((member.wire_name or "").lower(), name) for name, member in _bound(shape, "headers")
    ]
    if not prefixes:
        return None

    def read(request: Request, captured: Captured, params: Params) -> None:
        for prefix, name in prefixes:
            found = {
                header[len(prefix) :]: text
                for header, text in request.headers.items()
                if header.startswith(prefix)
            }
            if found:
                params[name] = found

    return read


def _body(shape: Shape, body: Format) -> _Part | None:
    name = shape.traits.get("payload")
    if name is None:
        if not body_members(shape):
            return None
        read_body = body.body_reader(shape)

        def read_members(request: Request, captured: Captured, params: Params) -> None:
            if request.body:
                params.update(read_body(request.body))

        return read_members
    read_payload = _payload_reader(shape.members[name], body)

    def read(request: Request, captured: Captured, params: Params) -> None:
        if request.body:
            params[name] = read_payload(request.body)

    return read


def _payload_reader(shape: Shape, body: Format) -> Callable[[bytes], Any]:
    if shape.type == "blob":
        return lambda payload: payload
    if shape.type == "string":
        return _text_payload
    return body.payload_reader(shape)


def _text_payload(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise MalformedBody("The body is not UTF-8") from error


def header_writer(output: Shape) -> Callable[[Response, Result], None]:
    """Adds an output's status and headers to the answer."""
    status = [name for name, _ in _bound(output, "statusCode")]
    writers = [
        (name, member.wire_name or name, _header_text(member))
        for name, member in _bound(output, "header")
    ]
    prefixes = [(name, member.wire_name or "") for name, member in _bound(output, "headers")]

    def write(response: Response, result: Result) -> None:
        headers = response.headers
        for name in status:
            code = result.get(name)
            if code is not None:
                response.status = code
        for name, header, convert in writers:
            value = result.get(name)
            if value is not None:
                headers.append((header, header_text(value if convert is None else convert(value))))
        for name, prefix in prefixes:
            for key, text in (result.get(name) or {}).items():
                headers.append((prefix + key, header_text(text)))

    return write


def _header_text(shape: Shape) -> Callable[[Any], str] | None:
    """What makes a header's text of a member; None for text."""
    if shape.type == "list":
        convert = text_writer(shape.member, "rfc822")
        return lambda items: ",".join(convert(item) for item in items)
    return None if _plain_string(shape) else text_writer(shape, "rfc822")
