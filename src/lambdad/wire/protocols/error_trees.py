"""Errors as trees: a dictionary with the message and the members, for JSON and CBOR protocols."""

from __future__ import annotations

from typing import Any

from lambdad.core.errors import AwsError
from lambdad.wire.codecs.documents import DocumentWriter, Read
from lambdad.wire.codecs.scalars import header_text, text_writer
from lambdad.wire.model import ServiceModel
from lambdad.wire.protocols.errors import ErrorForm, ErrorForms


class ErrorTrees:
    """A service's errors as trees, and the headers that go with them."""

    def __init__(self, service: ServiceModel, protocol: str, writer: DocumentWriter) -> None:
        self._forms: ErrorForms[Read] = ErrorForms(service, protocol, writer.compile)
        self._query_compatible = service.query_compatible

    def form(self, error: AwsError) -> ErrorForm[Read]:
        """How the error is sent."""
        return self._forms.of(error.code)

    def tree(self, form: ErrorForm[Read], error: AwsError) -> dict[str, Any]:
        """Message and members; members that the shape lacks as they are."""
        tree: dict[str, Any] = {form.message_key: error.message}
        for name, value in error.members.items():
            if name in form.members:
                wire_name, convert = form.members[name]
                tree[wire_name] = None if value is None else convert(value)
            elif name not in form.headers:
                tree[name] = value
        return tree

    def headers(self, form: ErrorForm[Read], error: AwsError) -> list[tuple[str, str]]:
        """Members bound to headers, and the query protocol's code for clients that knew it."""
        headers = [
            (shape.wire_name or name, header_text(text_writer(shape, "rfc822")(value)))
            for name, shape in form.headers.items()
            if (value := error.members.get(name)) is not None
        ]
        if self._query_compatible:
            fault = "Sender" if error.fault == "client" else "Receiver"
            headers.append(("x-amzn-query-error", f"{form.query_code};{fault}"))
        return headers
