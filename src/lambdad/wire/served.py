"""One served service: its protocols, and its operations compiled when they are first used."""

from __future__ import annotations

from collections.abc import Mapping

from lambdad.wire.corrections import HOST_ONLY
from lambdad.wire.http import Request
from lambdad.wire.model import ServiceModel
from lambdad.wire.paths import Labels, PathTable
from lambdad.wire.protocols.protocol import CompiledOperation, Protocol, WriteError
from lambdad.wire.protocols.query import CompatibleQueryProtocol, Ec2Protocol, QueryProtocol
from lambdad.wire.protocols.rest import RestJsonProtocol, RestXmlProtocol
from lambdad.wire.protocols.rpc import CborRpcProtocol, JsonRpcProtocol
from lambdad.wire.query_names import QUERY_NAMES
from lambdad.wire.validate import Validator

PROTOCOLS: Mapping[str, type[Protocol]] = {
    protocol.name: protocol
    for protocol in (
        CborRpcProtocol,
        Ec2Protocol,
        JsonRpcProtocol,
        QueryProtocol,
        RestJsonProtocol,
        RestXmlProtocol,
    )
}
REST_PROTOCOLS = ("rest-json", "rest-xml")
FORM_PROTOCOLS = ("query", "ec2")


class ServedService:
    """A service's operations in every protocol that its model lists, and in the query protocol if
    its model once did."""

    def __init__(self, model: ServiceModel) -> None:
        self.model = model
        self._protocols: dict[str, Protocol] = {}
        self._compiled: dict[tuple[str, str], CompiledOperation] = {}
        self._validator = Validator(model.name)
        self._names = frozenset(model.operation_names)
        self._rest = next((name for name in REST_PROTOCOLS if name in model.protocols), None)
        self.paths: PathTable | None = None
        """Its REST operations; None if it has no REST protocol."""
        if self._rest is not None:
            routed = (name for name in model.operation_names if (model.name, name) not in HOST_ONLY)
            self.paths = PathTable(model, routed)

    def operation(self, protocol: str, name: str) -> CompiledOperation | None:
        """An operation in a protocol; None if the service has no such operation."""
        compiled = self._compiled.get((protocol, name))
        if compiled is None and name in self._names:
            spoken = self._speak(protocol)
            operation = spoken.service.operation(name)
            compiled = spoken.compile(operation, self._validator.compile(operation))
            self._compiled[protocol, name] = compiled
        return compiled

    def speaks(self, protocol: str) -> bool:
        """Whether requests in the protocol are answered."""
        return protocol in self.model.protocols or (
            protocol == "query" and self.model.name in QUERY_NAMES
        )

    def match_path(self, request: Request, path: str) -> tuple[CompiledOperation, Labels] | None:
        """The REST operation that a request means, with the labels of its path."""
        if self.paths is None or self._rest is None:
            return None
        found = self.paths.match(request, path)
        if found is None:
            return None
        name, labels = found
        compiled = self._compiled.get((self._rest, name)) or self.operation(self._rest, name)
        return None if compiled is None else (compiled, labels)

    def error_writer(self, protocol: str) -> WriteError:
        """What writes errors of the service where no operation is known."""
        return self._speak(protocol).error_writer(None)

    def _speak(self, protocol: str) -> Protocol:
        spoken = self._protocols.get(protocol)
        if spoken is None:
            listed = protocol in self.model.protocols or self.model.name not in QUERY_NAMES
            kind = PROTOCOLS[protocol] if listed else CompatibleQueryProtocol
            spoken = self._protocols[protocol] = kind(self.model)
        return spoken


def nobody() -> ServedService:
    """Stands for the service of a request that names none, to answer it with an error."""
    metadata = {"endpointPrefix": "", "protocol": "rest-json", "apiVersion": ""}
    return ServedService(ServiceModel("", {"metadata": metadata, "operations": {}, "shapes": {}}))
