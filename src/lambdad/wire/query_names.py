"""The query protocol of services whose published models have moved on to JSON.

Such a model carries the trait `awsQueryCompatible` and has lost the names that the query protocol
gives to lists and maps (`Attribute.1.Name`, `SendMessageBatchRequestEntry.2.Id`), but older
clients, and everybody with curl, still use them. Data, and laying it over a model; what reads and
writes requests is `protocols/query.py`'s.

Source: API reference of the service (its request examples are in the query protocol) and the
models that AWS's clients shipped before the change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdad.core.value import Value
from lambdad.wire.model import ServiceModel


class QueryNames(Value):
    """What one service's shapes are called in its query protocol."""

    namespace: str
    """The XML namespace of answers."""
    address: str
    """The input member that the path of a request stands for, if the form does not bring it."""
    unknown_action: str
    """What is said of an Action that does not exist."""
    items: Mapping[str, str]
    """By list: what its elements are called."""
    entries: Mapping[str, tuple[str, str, str]]
    """By map: what its entries, their keys and their values are called."""


_NAME_VALUE = ("Name", "Value")
_SQS_ENTRIES = (
    "BatchResultErrorEntry",
    "ChangeMessageVisibilityBatchRequestEntry",
    "ChangeMessageVisibilityBatchResultEntry",
    "DeleteMessageBatchRequestEntry",
    "DeleteMessageBatchResultEntry",
    "ListMessageMoveTasksResultEntry",
    "SendMessageBatchRequestEntry",
    "SendMessageBatchResultEntry",
)

QUERY_NAMES: Mapping[str, QueryNames] = {
    "sqs": QueryNames(
        namespace="http://queue.amazonaws.com/doc/2012-11-05/",
        address="QueueUrl",
        unknown_action="The action {} is not valid for this endpoint.",
        items={
            "AWSAccountIdList": "AWSAccountId",
            "ActionNameList": "ActionName",
            "AttributeNameList": "AttributeName",
            "BinaryList": "BinaryListValue",
            "MessageAttributeNameList": "MessageAttributeName",
            "MessageList": "Message",
            "MessageSystemAttributeList": "MessageSystemAttributeName",
            "QueueUrlList": "QueueUrl",
            "StringList": "StringListValue",
            "TagKeyList": "TagKey",
            **{f"{element}List": element for element in _SQS_ENTRIES},
        },
        entries={
            "MessageBodyAttributeMap": ("MessageAttribute", *_NAME_VALUE),
            "MessageBodySystemAttributeMap": ("MessageSystemAttribute", *_NAME_VALUE),
            "MessageSystemAttributeMap": ("Attribute", *_NAME_VALUE),
            "QueueAttributeMap": ("Attribute", *_NAME_VALUE),
            "TagMap": ("Tag", "Key", "Value"),
        },
    ),
}
"""By botocore's name of the service."""


def query_model(service: ServiceModel) -> ServiceModel:
    """The model of a service of QUERY_NAMES as its query protocol has it."""
    names = QUERY_NAMES[service.name]
    document = service.document
    shapes = {name: _renamed(names, shape) for name, shape in document["shapes"].items()}
    for name, shape in shapes.items():
        if name in names.items:
            shape["member"] = {**shape["member"], "locationName": names.items[name]}
        elif name in names.entries:
            _, key, value = names.entries[name]
            shape["key"] = {**shape["key"], "locationName": key}
            shape["value"] = {**shape["value"], "locationName": value}
    operations = {name: _wrapped(name, raw) for name, raw in document["operations"].items()}
    metadata = {
        **document["metadata"],
        "protocol": "query",
        "protocols": ["query"],
        "xmlNamespace": names.namespace,
    }
    return ServiceModel(
        service.name, {"metadata": metadata, "shapes": shapes, "operations": operations}
    )


def _renamed(names: QueryNames, shape: Mapping[str, Any]) -> dict[str, Any]:
    """A shape whose members that are maps bear the name of the map's entries."""
    if "members" not in shape:
        return dict(shape)
    members = {
        name: {**reference, "locationName": names.entries[reference["shape"]][0]}
        if reference["shape"] in names.entries
        else reference
        for name, reference in shape["members"].items()
    }
    return {**shape, "members": members}


def _wrapped(name: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    if "output" not in operation:
        return dict(operation)
    return {**operation, "output": {**operation["output"], "resultWrapper": f"{name}Result"}}
