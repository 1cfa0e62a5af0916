"""AWS's service models as plain values: shapes with their traits, operations, errors.

Owns where the models are found and how they are read. It is the one module that knows botocore,
and of botocore it uses only the data: importing its loader and model classes costs 180 ms at
start, reading one model file costs about 7 ms. It compiles nothing and knows no protocol.
"""

from __future__ import annotations

import gzip
import importlib.util
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from lambdad.core.value import Value

Traits = Mapping[str, Any]


class Shape:
    """A shape as one place refers to it: its definition, and the traits of the reference on top.

    The same reference always gives the same object, so shapes are compared and memoised by
    identity and recursive models are finite.
    """

    __slots__ = ("_members", "_service", "name", "traits", "type")

    def __init__(self, service: ServiceModel, name: str, traits: Traits) -> None:
        self._service = service
        self._members: dict[str, Shape] | None = None
        self.name = name
        self.traits = traits
        self.type: str = traits["type"]
        """structure, list, map, string, integer, long, float, double, boolean, blob, timestamp."""

    @property
    def service(self) -> str:
        """botocore's name of the service whose shape it is."""
        return self._service.name

    @property
    def members(self) -> dict[str, Shape]:
        """Members of a structure by AWS's names, in the model's order."""
        if self._members is None:
            references = self.traits.get("members", {})
            self._members = {
                name: self._service.shape(reference) for name, reference in references.items()
            }
        return self._members

    @property
    def member(self) -> Shape:
        """The elements of a list."""
        return self._service.shape(self.traits["member"])

    @property
    def key(self) -> Shape:
        """The keys of a map."""
        return self._service.shape(self.traits["key"])

    @property
    def value(self) -> Shape:
        """The values of a map."""
        return self._service.shape(self.traits["value"])

    @property
    def location(self) -> str | None:
        """header, headers, querystring, uri, statusCode; None is the body."""
        return self.traits.get("location")

    @property
    def wire_name(self) -> str | None:
        """The `locationName` trait: what the member is called on the wire, if not by its name."""
        return self.traits.get("locationName")

    @property
    def flattened(self) -> bool:
        """Whether a list or map repeats its own element instead of being wrapped in one."""
        return bool(self.traits.get("flattened"))

    def has(self, trait: str) -> bool:
        """Whether a boolean trait is set."""
        return bool(self.traits.get(trait))

    def __repr__(self) -> str:
        return f"<Shape {self.name}: {self.type}>"


class Operation(Value, eq=False):
    """One operation of a service. Shapes are None where the model gives none."""

    name: str
    method: str
    request_uri: str
    """The path template, with the literal part of the query string if there is one."""
    status: int
    """The HTTP status of success, unless the output says another."""
    input: Shape | None
    output: Shape | None
    result_wrapper: str | None
    """The element around the result in the query protocol."""
    compressed: bool
    """Whether clients may gzip the body (trait requestcompression)."""
    deprecated: bool

    @property
    def event_stream(self) -> tuple[str, Shape] | None:
        """The output member that is an event stream, with its name."""
        for name, shape in (self.output.members if self.output else {}).items():
            if shape.has("eventstream"):
                return name, shape
        return None


class ServiceModel:
    """One service: its metadata, operations, and error shapes. Everything is made on first use."""

    def __init__(self, name: str, document: Mapping[str, Any]) -> None:
        metadata: dict[str, Any] = document["metadata"]
        self.name = name
        """botocore's name, such as `stepfunctions`."""
        self.document = document
        """The model as it was read: metadata, operations, shapes."""
        self.endpoint_prefix: str = metadata["endpointPrefix"]
        self.signing_name: str = metadata.get("signingName", self.endpoint_prefix)
        self.protocols: tuple[str, ...] = tuple(
            metadata.get("protocols") or (metadata["protocol"],)
        )
        self.api_version: str = metadata["apiVersion"]
        self.json_version: str = metadata.get("jsonVersion", "1.0")
        self.target_prefix: str | None = metadata.get("targetPrefix")
        self.xml_namespace: str | None = metadata.get("xmlNamespace")
        self.query_compatible: bool = "awsQueryCompatible" in metadata
        self._definitions: dict[str, Traits] = document["shapes"]
        self._operations: dict[str, Any] = document["operations"]
        self._made: dict[str, Operation] = {}
        self._shapes: dict[int, Shape] = {}

    @property
    def operation_names(self) -> tuple[str, ...]:
        """Every operation, in the model's order."""
        return tuple(self._operations)

    def operation(self, name: str) -> Operation:
        """The operation of that name. Raises KeyError if there is none."""
        operation = self._made.get(name)
        if operation is None:
            operation = self._made[name] = self._make(name, self._operations[name])
        return operation

    def request_uri(self, name: str) -> tuple[str, str]:
        """HTTP method and path template, without making the operation's shapes."""
        http = self._operations[name]["http"]
        return http["method"], http["requestUri"]

    @cached_property
    def errors(self) -> Mapping[str, Shape]:
        """Error shapes by shape name and by the code that the query protocol knows them by."""
        found: dict[str, Shape] = {}
        for name, traits in self._definitions.items():
            if traits.get("exception"):
                shape = found[name] = Shape(self, name, traits)
                code = traits.get("error", {}).get("code")
                if code is not None:
                    found.setdefault(code, shape)
        return found

    def shape(self, reference: Traits) -> Shape:
        """What a reference inside the model refers to."""
        shape = self._shapes.get(id(reference))
        if shape is None:
            name = reference["shape"]
            shape = Shape(self, name, {**self._definitions[name], **reference})
            self._shapes[id(reference)] = shape
        return shape

    def _make(self, name: str, raw: Mapping[str, Any]) -> Operation:
        http = raw["http"]
        return Operation(
            name=name,
            method=http["method"],
            request_uri=http["requestUri"],
            status=http.get("responseCode", 200),
            input=self.shape(raw["input"]) if "input" in raw else None,
            output=self.shape(raw["output"]) if "output" in raw else None,
            result_wrapper=raw.get("output", {}).get("resultWrapper"),
            compressed="gzip" in raw.get("requestcompression", {}).get("encodings", ()),
            deprecated=bool(raw.get("deprecated")),
        )


class ServiceCatalog:
    """The models of all services that the installed botocore carries, each read on first use."""

    def __init__(self) -> None:
        self._services: dict[str, ServiceModel] = {}

    def service(self, name: str) -> ServiceModel:
        """The model by botocore's name. Raises LookupError if botocore has no such service."""
        model = self._services.get(name)
        if model is None:
            model = self._services[name] = ServiceModel(name, _read(name))
        return model


def _read(name: str) -> dict[str, Any]:
    """The newest version of a service's model, amended as botocore amends it, undocumented."""
    spec = importlib.util.find_spec("botocore")
    if spec is None or not spec.submodule_search_locations:
        raise LookupError("botocore is not installed; install lambdad with its dependencies")
    versions = sorted(Path(spec.submodule_search_locations[0], "data", name).glob("*-*-*"))
    if not versions:
        raise LookupError(f"botocore has no service {name!r}")
    packed = versions[-1] / "service-2.json.gz"
    plain = versions[-1] / "service-2.json"
    text = gzip.decompress(packed.read_bytes()) if packed.exists() else plain.read_bytes()
    document: dict[str, Any] = orjson.loads(text)
    extras = versions[-1] / "service-2.sdk-extras.json"
    if extras.exists():
        _merge(document, orjson.loads(extras.read_bytes())["merge"])
    _drop_documentation(document)
    return document


def _merge(base: dict[str, Any], extra: Mapping[str, Any]) -> None:
    """Lay `extra` over `base`, dictionary by dictionary."""
    for key, value in extra.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value


def _drop_documentation(document: dict[str, Any]) -> None:
    """Forget the prose: it is most of a model's memory, and nothing here reads it."""
    for operation in document["operations"].values():
        operation.pop("documentation", None)
        operation.pop("errors", None)
    for shape in document["shapes"].values():
        shape.pop("documentation", None)
        for reference in shape.get("members", {}).values():
            reference.pop("documentation", None)
