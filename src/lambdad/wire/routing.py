"""From a request to the operation that it means, and the operation's way in and out.

A request names its service and operation in one of four ways, looked at in this order:

1. `X-Amz-Target: Logs_20140328.CreateLogGroup`              awsJson
2. `smithy-protocol`, path `/service/<prefix>/operation/<name>`   smithy-rpc-v2-cbor
3. `Action=…` in a form or in the query string               query, ec2
4. method and path                                           rest-json, rest-xml

For 3 and 4 the service is the one in the credential scope; of an unsigned request it is the one
that the host names, else the only one that fits. Models are read when a request first needs
them, so a router over many services costs nothing at start.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lambdad.core.errors import AwsError, UnknownOperationException
from lambdad.core.limits import WIRE_LIMITS
from lambdad.wire import addressing
from lambdad.wire.codecs import form
from lambdad.wire.codecs.shapes import Malformed
from lambdad.wire.http import Request, Response
from lambdad.wire.model import ServiceCatalog
from lambdad.wire.protocols.protocol import Captured, CompiledOperation, Params, Result
from lambdad.wire.protocols.refusals import RequestEntityTooLarge, UnknownAction, refusal
from lambdad.wire.query_names import QUERY_NAMES
from lambdad.wire.served import FORM_PROTOCOLS, REST_PROTOCOLS, ServedService, nobody

_FORM_TYPE = "application/x-www-form-urlencoded"
Fields = list[tuple[str, str]]


class Match:
    """A request's operation: what reads it, checks it, and writes its answer."""

    __slots__ = ("_captured", "_compiled", "operation", "service")

    def __init__(self, compiled: CompiledOperation, captured: Captured) -> None:
        self._compiled = compiled
        self._captured = captured
        self.service = compiled.service
        """botocore's name of the service: `lambda`, `stepfunctions`."""
        self.operation = compiled.operation
        """The operation's name: `GetFunction`."""

    @property
    def protocol(self) -> str:
        """The protocol of the request, as the models spell it: `rest-json`, `query`."""
        return self._compiled.protocol

    @property
    def signing_name(self) -> str:
        """The service as credential scopes name it: `lambda`, `states`."""
        return self._compiled.signing_name

    def parse(self, request: Request) -> Params:
        """The input's members. Raises SerializationException, or what the service calls it."""
        return self._compiled.parse(request, self._captured)

    def validate(self, params: Params) -> None:
        """Raises ValidationException in AWS's words if the input breaks a constraint."""
        self._compiled.validate(params)

    def serialize(self, result: Result, request_id: str) -> Response:
        """The answer. Members that are None are left out; raises TypeError on unknown ones."""
        return self._compiled.serialize(result, request_id)

    def serialize_error(self, error: AwsError, request_id: str) -> Response:
        """The answer that is an error, in the operation's protocol."""
        return self._compiled.serialize_error(error, request_id)


class Router:
    """The operations of the services that are served."""

    def __init__(self, catalog: ServiceCatalog, services: Sequence[str]) -> None:
        self._catalog = catalog
        self._unread = list(services)
        self._services: dict[str, ServedService] = {}
        self._by_signing_name: dict[str, list[ServedService]] = {}
        self._by_target: dict[str, Match] = {}
        self._nobody = nobody()

    def preload(self, services: Iterable[str]) -> None:
        """Read these models now: for a server that wants no slow first request."""
        for name in services:
            if name in self._unread:
                self._read(name)

    def match(self, request: Request) -> Match:
        """The operation that a request means. Raises UnknownOperationException."""
        target = request.headers.get("x-amz-target")
        if target is not None:
            return self._by_target.get(target) or self._match_target(target)
        if "smithy-protocol" in request.headers:
            return self._match_service_path(request.path)
        fields = self._form_fields(request)
        signed_for = addressing.signing_name(request)
        found = self._find(request, signed_for, fields)
        if found is None and self._unread:
            self._all()
            found = self._find(request, signed_for, fields)
        if found is None:
            raise self._unknown_action(signed_for, fields) or _unknown(
                f"{request.method} {request.path}"
            )
        return found

    def _find(
        self, request: Request, signed_for: str | None, fields: Fields | None
    ) -> Match | None:
        if signed_for is None:
            candidates = self._unsigned(request)
        else:
            candidates = self._signed(signed_for)
        if fields is not None:
            return self._match_action(candidates, fields)
        return self._match_path(candidates, request)

    def serialize_error(self, request: Request, error: AwsError, request_id: str) -> Response:
        """An error about a request that no operation was found for, in the form that its sender
        most likely reads."""
        signed_for = addressing.signing_name(request)
        served = [] if signed_for is None else self._signed(signed_for)
        service = served[0] if served else self._nobody
        return service.error_writer(self._protocol_of(request, service))(error, request_id)

    # Finding the service.

    def _read(self, name: str) -> ServedService:
        self._unread.remove(name)
        service = ServedService(self._catalog.service(name))
        self._services[name] = service
        self._by_signing_name.setdefault(service.model.signing_name, []).append(service)
        return service

    def _all(self) -> Iterable[ServedService]:
        for name in tuple(self._unread):
            self._read(name)
        return self._services.values()

    def _signed(self, name: str) -> list[ServedService]:
        """The services that credential scopes call by this name."""
        if name in self._unread:  # it often is the service's own name
            self._read(name)
        if name not in self._by_signing_name:
            self._all()
        return self._by_signing_name.get(name, [])

    def _unsigned(self, request: Request) -> list[ServedService]:
        """The services that a request without a signature can be for."""
        services = list(self._all())
        if addressing.bucket_of_host(request) is not None:
            return [service for service in services if service.model.name == "s3"]
        label = addressing.first_label(request)
        hosted = [
            service
            for service in services
            if label in (service.model.endpoint_prefix, service.model.signing_name)
        ]
        return hosted or services

    # Finding the operation.

    def _match_target(self, target: str) -> Match:
        prefix, _, operation = target.rpartition(".")
        compiled = self._rpc("json", prefix, operation)
        if compiled is None:
            raise _unknown(target)
        match = self._by_target[target] = Match(compiled, None)
        return match

    def _match_service_path(self, path: str) -> Match:
        parts = path.rsplit("/", 4)
        if len(parts) == 5 and parts[1] == "service" and parts[3] == "operation":
            compiled = self._rpc("smithy-rpc-v2-cbor", parts[2], parts[4])
            if compiled is not None:
                return Match(compiled, None)
        raise _unknown(path)

    def _rpc(self, protocol: str, prefix: str, operation: str) -> CompiledOperation | None:
        """The operation by the service's target prefix."""
        for services in (lambda: tuple(self._services.values()), self._all):
            for service in services():
                if service.model.target_prefix == prefix and protocol in service.model.protocols:
                    return service.operation(protocol, operation)
        return None

    def _form_fields(self, request: Request) -> Fields | None:
        """The fields of a query-protocol request; None for any other request."""
        in_query = request.query.startswith("Action=") or "&Action=" in request.query
        content_type = request.headers.get("content-type", "")
        in_body = request.method == "POST" and content_type.startswith(_FORM_TYPE)
        if not in_query and not (in_body and b"Action=" in request.body):
            return None
        fields = form.pairs(request.query) if in_query else []
        if in_body:
            if len(request.body) > WIRE_LIMITS.form_bytes:
                raise RequestEntityTooLarge("The form is larger than any operation needs")
            try:
                fields += form.form(request.body)
            except Malformed as error:
                raise refusal("", "query", error) from None
        return fields

    def _match_action(self, candidates: list[ServedService], fields: Fields) -> Match | None:
        named = dict(reversed(fields))
        action, version = named.get("Action", ""), named.get("Version")
        found = [
            compiled
            for service in candidates
            for protocol in FORM_PROTOCOLS
            if service.speaks(protocol)
            and version in (None, service.model.api_version)
            and (compiled := service.operation(protocol, action)) is not None
        ]
        return Match(found[0], fields) if len(found) == 1 else None

    def _unknown_action(
        self, signed_for: str | None, fields: Fields | None
    ) -> UnknownOperationException | None:
        """What a service of the query protocol says to an Action that it does not have; None where
        it is not known to be such a service."""
        if signed_for is None or fields is None:
            return None
        named = dict(reversed(fields))
        action, version = named.get("Action", "")[:200], named.get("Version", "")[:200]
        for service in self._signed(signed_for):
            if service.model.name in QUERY_NAMES:
                text = QUERY_NAMES[service.model.name].unknown_action
                return UnknownAction(text.format(action))
            if service.speaks("query"):
                version = version or service.model.api_version
                return UnknownAction(f"Could not find operation {action} for version {version}")
        return None

    def _match_path(self, candidates: list[ServedService], request: Request) -> Match | None:
        """The one service whose templates fit; S3, whose templates fit everything, at last."""
        found: list[Match] = []
        for service in candidates:
            if service.model.name != "s3" and service.paths is not None:
                hit = service.match_path(request, request.path)
                if hit is not None:
                    found.append(Match(*hit))
        if not found:
            found = [
                Match(*hit)
                for service in candidates
                if service.model.name == "s3"
                and (hit := service.match_path(request, _path_style(request))) is not None
            ]
        return found[0] if len(found) == 1 else None

    def _protocol_of(self, request: Request, service: ServedService) -> str:
        """The protocol in which the sender of a request expects its errors."""
        if "x-amz-target" in request.headers:
            return "json"
        if "smithy-protocol" in request.headers:
            return "smithy-rpc-v2-cbor"
        if service is self._nobody:
            is_form = request.headers.get("content-type", "").startswith(_FORM_TYPE)
            return "query" if is_form or "Action=" in request.query else "rest-json"
        if service.speaks("query"):
            return "query"
        spoken = (*REST_PROTOCOLS, *FORM_PROTOCOLS, "json")
        return next(name for name in spoken if name in service.model.protocols)


def _path_style(request: Request) -> str:
    """The path with the bucket in it, wherever the client put the bucket."""
    bucket = addressing.bucket_of_host(request)
    return request.path if bucket is None else f"/{bucket}{request.path}"


def _unknown(what: str) -> UnknownOperationException:
    return UnknownOperationException(f"No operation is known here for {what[:200]!r}")
