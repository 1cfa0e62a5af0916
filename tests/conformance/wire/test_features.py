"""Traits that none of the served models combine, in a model made for it, through every protocol."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from botocore.model import ServiceModel as OracleModel

from lambdad.wire.codecs import form
from lambdad.wire.http import Request
from lambdad.wire.model import ServiceModel
from lambdad.wire.paths import PathTable
from lambdad.wire.served import ServedService
from support import wire_oracle as oracle
from support.wire_values import structure

TEXT = {"type": "string"}
SHAPES: dict[str, Any] = {
    "Text": TEXT,
    "Number": {"type": "integer"},
    "Big": {"type": "long"},
    "Real": {"type": "double"},
    "Single": {"type": "float"},
    "Flag": {"type": "boolean"},
    "Bytes": {"type": "blob"},
    "When": {"type": "timestamp"},
    "WhenIso": {"type": "timestamp", "timestampFormat": "iso8601"},
    "WhenHttp": {"type": "timestamp", "timestampFormat": "rfc822"},
    "Choice": {"type": "string", "enum": ["a", "b"]},
    "Texts": {"type": "list", "member": {"shape": "Text"}},
    "Items": {"type": "list", "member": {"shape": "Text", "locationName": "item"}},
    "Flat": {"type": "list", "member": {"shape": "Text"}, "flattened": True},
    "FlatItems": {
        "type": "list",
        "member": {"shape": "Number", "locationName": "One"},
        "flattened": True,
    },
    "Lists": {"type": "list", "member": {"shape": "Texts"}},
    "Map": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Number"}},
    "FlatMap": {
        "type": "map",
        "key": {"shape": "Text", "locationName": "Name"},
        "value": {"shape": "Node", "locationName": "Value"},
        "flattened": True,
    },
    "Union": {
        "type": "structure",
        "union": True,
        "members": {"Left": {"shape": "Text"}, "Right": {"shape": "Number"}},
    },
    "Node": {
        "type": "structure",
        "members": {
            "Kind": {"shape": "Text", "xmlAttribute": True, "locationName": "kind"},
            "Value": {"shape": "Real"},
            "Next": {"shape": "Node"},
            "Children": {"shape": "Nodes"},
        },
        "xmlNamespace": {"uri": "http://example.com/node"},
    },
    "Nodes": {"type": "list", "member": {"shape": "Node", "locationName": "child"}},
    "Everything": {
        "type": "structure",
        "required": ["Text"],
        "members": {
            "Text": {"shape": "Text"},
            "Renamed": {"shape": "Text", "locationName": "renamed-text"},
            "Number": {"shape": "Number"},
            "Big": {"shape": "Big"},
            "Real": {"shape": "Real"},
            "Single": {"shape": "Single"},
            "Flag": {"shape": "Flag"},
            "Bytes": {"shape": "Bytes"},
            "When": {"shape": "When"},
            "WhenIso": {"shape": "WhenIso"},
            "WhenHttp": {"shape": "WhenHttp"},
            "Choice": {"shape": "Choice"},
            "Texts": {"shape": "Texts"},
            "Items": {"shape": "Items", "locationName": "items"},
            "Flat": {"shape": "Flat"},
            "FlatItems": {"shape": "FlatItems"},
            "Lists": {"shape": "Lists"},
            "Map": {"shape": "Map"},
            "FlatMap": {"shape": "FlatMap"},
            "Union": {"shape": "Union"},
            "Node": {"shape": "Node"},
        },
    },
    "Bound": {
        "type": "structure",
        "required": ["Label", "Rest"],
        "members": {
            "Label": {"shape": "Text", "location": "uri", "locationName": "label"},
            "Rest": {"shape": "Text", "location": "uri", "locationName": "rest"},
            "Query": {"shape": "Text", "location": "querystring", "locationName": "q"},
            "Many": {"shape": "FlatItems", "location": "querystring", "locationName": "many"},
            "Whens": {"shape": "When", "location": "querystring", "locationName": "when"},
            "Other": {"shape": "OtherMap", "location": "querystring"},
            "Header": {"shape": "Real", "location": "header", "locationName": "X-Real"},
            "On": {"shape": "Flag", "location": "header", "locationName": "X-On"},
            "Since": {"shape": "When", "location": "header", "locationName": "X-Since"},
            "Json": {
                "shape": "Text",
                "location": "header",
                "locationName": "X-Json",
                "jsonvalue": True,
            },
            "List": {"shape": "Texts", "location": "header", "locationName": "X-List"},
            "Prefixed": {"shape": "OtherMap", "location": "headers", "locationName": "X-Any-"},
            "Body": {"shape": "Everything", "locationName": "Body"},
        },
        "payload": "Body",
    },
    "BoundOutput": {
        "type": "structure",
        "members": {
            "Code": {"shape": "Number", "location": "statusCode"},
            "Header": {"shape": "Real", "location": "header", "locationName": "X-Real"},
            "Since": {"shape": "When", "location": "header", "locationName": "X-Since"},
            "Json": {
                "shape": "Text",
                "location": "header",
                "locationName": "X-Json",
                "jsonvalue": True,
            },
            "Prefixed": {"shape": "OtherMap", "location": "headers", "locationName": "X-Any-"},
            "Plain": {"shape": "Text"},
            "Nodes": {"shape": "Nodes"},
        },
    },
    "OtherMap": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Text"}},
    "ListMap": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Texts"}},
    "Free": {
        "type": "structure",
        "members": {"Any": {"shape": "Anything"}, "Text": {"shape": "Text"}},
    },
    "Anything": {"type": "structure", "members": {}, "document": True},
    "Spread": {
        "type": "structure",
        "members": {"All": {"shape": "ListMap", "location": "querystring"}},
    },
}
REST = ("rest-json", "rest-xml")


def document(protocol: str) -> dict[str, Any]:
    def operation(name: str, method: str, uri: str, shape: str, output: str) -> dict[str, Any]:
        given: dict[str, Any] = {"shape": shape, "locationName": f"{name}Request"}
        answer: dict[str, Any] = {"shape": output}
        if protocol == "query":
            answer["resultWrapper"] = f"{name}Result"
        return {
            "name": name,
            "http": {"method": method, "requestUri": uri},
            "input": given,
            "output": answer,
        }

    operations = {"Echo": operation("Echo", "POST", "/", "Everything", "Everything")}
    if protocol in REST:
        uri = "/a/{label}/b/{rest+}?fixed=1"
        operations["Bind"] = operation("Bind", "POST", uri, "Bound", "BoundOutput")
        operations["Spread"] = operation("Spread", "GET", "/spread", "Spread", "BoundOutput")
    if protocol in ("json", "rest-json"):
        uri = "/free" if protocol == "rest-json" else "/"
        operations["Free"] = operation("Free", "POST", uri, "Free", "Free")
    return {
        "version": "2.0",
        "metadata": {
            "apiVersion": "2026-01-31",
            "endpointPrefix": "made",
            "jsonVersion": "1.1",
            "protocol": protocol,
            "protocols": [protocol],
            "serviceFullName": "Made",
            "serviceId": "Made",
            "signatureVersion": "v4",
            "targetPrefix": "Made",
            "xmlNamespace": "http://example.com/made",
        },
        "operations": operations,
        "shapes": shapes(protocol),
    }


def shapes(protocol: str) -> dict[str, Any]:
    """botocore's CBOR serialiser looks at locationName and its parser does not; nobody uses it."""
    made = copy.deepcopy(SHAPES)
    if protocol == "smithy-rpc-v2-cbor":
        for name in ("Everything", "Node"):
            for member in made[name]["members"].values():
                member.pop("locationName", None)
    return made


CASES = [
    (protocol, name) for protocol in oracle.REQUESTS for name in document(protocol)["operations"]
]


def both(protocol: str, name: str) -> tuple[Any, Any, ServedService]:
    theirs = OracleModel(copy.deepcopy(document(protocol)), "made").operation_model(name)
    served = ServedService(ServiceModel("made", document(protocol)))
    compiled = served.operation(protocol, name)
    assert compiled is not None
    return theirs, compiled, served


def captured(protocol: str, served: ServedService, request: Request) -> Any:
    """What routing would have read of the request."""
    if protocol in REST:
        assert isinstance(served.paths, PathTable)
        found = served.paths.match(request, request.path)
        assert found is not None
        return found[1]
    if protocol in ("query", "ec2"):
        return form.form(request.body)
    return None


@pytest.mark.parametrize(("protocol", "name"), CASES)
def test_inputs(protocol: str, name: str) -> None:
    theirs, compiled, served = both(protocol, name)

    def case(draw: random.Random) -> None:
        params = structure(theirs.input_shape, draw, oracle.REQUESTS[protocol])
        if "Body" in params and not params["Body"].get("Text"):
            params["Body"]["Text"] = "x"
        request = oracle.request(theirs, protocol, params)
        assert compiled.parse(request, captured(protocol, served, request)) == as_sent(params)

    def as_sent(params: dict[str, Any]) -> dict[str, Any]:
        if name == "Bind" and "Body" not in params and protocol == "rest-json":
            return {**params, "Body": {}}
        return params

    oracle.explore(f"features {name} in {protocol}", case, 60)


@pytest.mark.parametrize(("protocol", "name"), CASES)
def test_outputs(protocol: str, name: str) -> None:
    theirs, compiled, _ = both(protocol, name)

    def case(draw: random.Random) -> None:
        result = structure(theirs.output_shape, draw, oracle.ANSWERS[protocol])
        response = compiled.serialize(result, "id")
        expected = dict(result)
        if name in ("Bind", "Spread"):
            expected.setdefault("Code", 200)
            expected.setdefault("Prefixed", {})
        assert oracle.read_answer(response, protocol, theirs.output_shape) == expected

    oracle.explore(f"features {name} in {protocol}", case, 60)
