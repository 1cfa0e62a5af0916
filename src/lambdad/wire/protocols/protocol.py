"""What every protocol has in common: an operation, compiled into four closures."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any

from lambdad.core.errors import AwsError
from lambdad.core.value import Value
from lambdad.wire.codecs.shapes import Malformed
from lambdad.wire.http import Request, Response
from lambdad.wire.model import Operation, ServiceModel
from lambdad.wire.protocols.refusals import refusal

Params = dict[str, Any]
Result = dict[str, Any]
Captured = Any
"""What routing has read of the request already: the labels of the path as they were sent, or the
fields of the form."""

Read = Callable[[Request, Captured], Params]
Write = Callable[[Result, str], Response]
WriteError = Callable[[AwsError, str], Response]
Validate = Callable[[Params], None]


class CompiledOperation(Value, eq=False):
    """An operation of a service in one protocol, ready to read requests and write answers."""

    service: str
    operation: str
    signing_name: str
    protocol: str
    parse: Read
    validate: Validate
    serialize: Write
    serialize_error: WriteError


class Protocol(abc.ABC):
    """One protocol as one service speaks it. Made with the service's model alone."""

    name: str
    """As the models spell it."""

    def __init__(self, service: ServiceModel) -> None:
        self.service = service

    @abc.abstractmethod
    def reader(self, operation: Operation) -> Read:
        """Requests to input members. The closure raises Malformed."""

    @abc.abstractmethod
    def writer(self, operation: Operation) -> Write:
        """Output members to answers."""

    @abc.abstractmethod
    def error_writer(self, operation: Operation | None) -> WriteError:
        """Errors to answers; no operation if none was recognised."""

    def compile(self, operation: Operation, validate: Validate) -> CompiledOperation:
        """The operation's closures, with what cannot be read refused in AWS's words."""
        read, service, protocol = self.reader(operation), self.service.name, self.name

        def parse(request: Request, captured: Captured) -> Params:
            try:
                return read(request, captured)
            except Malformed as error:
                raise refusal(service, protocol, error) from None

        return CompiledOperation(
            service=service,
            operation=operation.name,
            signing_name=self.service.signing_name,
            protocol=protocol,
            parse=parse,
            validate=validate,
            serialize=self.writer(operation),
            serialize_error=self.error_writer(operation),
        )
