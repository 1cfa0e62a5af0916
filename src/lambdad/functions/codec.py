"""Records as documents for storage, and back. Owns the stored form, nothing else.

A document is JSON. A field that a document lacks takes the record's default, so a new field with
a default needs no migration; a field that means something else than before needs one.
"""

from __future__ import annotations

from typing import Any

import orjson

from lambdad.core.value import to_json
from lambdad.functions.attachments import KINDS, Attachment
from lambdad.functions.records import (
    Alias,
    CodePackage,
    Configuration,
    Deployment,
    DurableSettings,
    LayerReference,
    Logging,
    ManagedInstances,
    Reason,
    State,
    UpdateStatus,
    Version,
    VpcAttachment,
)

Document = dict[str, Any]


def encode(value: Version | Alias | Attachment) -> bytes:
    """The document of a record."""
    return to_json(value)


def decode_version(document: bytes) -> Version:
    """The version that `encode` was given. What served and what was shown are one object again
    where they were equal."""
    fields: Document = orjson.loads(document)
    deployment = _deployment(fields.pop("deployment"))
    stored = fields.pop("serving")
    serving = _deployment(stored) if stored is not None else None
    status = fields.pop("update_status")
    return Version(
        **fields
        | {
            "deployment": deployment,
            "serving": deployment if serving == deployment else serving,
            "state": State(fields["state"]),
            "state_reason": _reason(fields["state_reason"]),
            "update_status": UpdateStatus(status) if status is not None else None,
            "update_reason": _reason(fields["update_reason"]),
        }
    )


def decode_alias(document: bytes) -> Alias:
    """The alias that `encode` was given."""
    return Alias(**orjson.loads(document))


def decode_attachment(kind: str, document: bytes) -> Attachment:
    """The attachment that `encode` was given, by the name of its kind."""
    return KINDS[kind](**orjson.loads(document))


def _reason(fields: Document | None) -> Reason | None:
    return Reason(**fields) if fields is not None else None


def _deployment(fields: Document) -> Deployment:
    return Deployment(
        fields["id"], CodePackage(**fields["code"]), _configuration(fields["configuration"])
    )


def _configuration(fields: Document) -> Configuration:
    vpc = fields.get("vpc")
    if vpc is not None:
        vpc = VpcAttachment(
            **vpc
            | {
                "subnet_ids": tuple(vpc["subnet_ids"]),
                "security_group_ids": tuple(vpc["security_group_ids"]),
            }
        )
    layers = tuple(
        LayerReference(layer["arn"], CodePackage(**layer["code"]))
        for layer in fields.get("layers", ())
    )
    logging = Logging(**fields["logging"])
    managed = fields.get("managed")
    if managed is not None:
        managed = ManagedInstances(**managed)
    durable = fields.get("durable")
    if durable is not None:
        durable = DurableSettings(**durable)
    changed = {"logging": logging, "vpc": vpc, "layers": layers, "managed": managed}
    return Configuration(**fields | changed | {"durable": durable})
