"""What a request asks a session to be limited by and labelled with: policies and tags."""

from __future__ import annotations

import json
import zlib

from lambdad.api.call import Params
from lambdad.core.limits import IamQuotas
from lambdad.core.value import Value
from lambdad.iam.policy import MalformedPolicy, PolicyKind, parse_policy
from lambdad.iam.tag_rules import tags_complaint
from lambdad.services.sts.errors import (
    InvalidParameterValue,
    MalformedPolicyDocumentException,
    PackedPolicyTooLargeException,
    ValidationError,
)

Tags = tuple[tuple[str, str], ...]
_PACKED_BYTES = 2048
"""What session policies and tags may take when packed. AWS does not publish its way of packing;
here it is deflate, which comes near the percentages that AWS answers."""
_MAX_TAGS = 50
_MAX_POLICY_ARNS = 10


class Limits(Value):
    """The session policies of a request."""

    policies: tuple[str, ...]
    arns: tuple[str, ...]


class Labels(Value):
    """The session tags of a request."""

    tags: Tags
    transitive_keys: tuple[str, ...]


def read_limits(params: Params, quotas: IamQuotas) -> Limits:
    """Policy and PolicyArns. Raises MalformedPolicyDocumentException,
    PackedPolicyTooLargeException, ValidationError."""
    document: str | None = params.get("Policy")
    arns = tuple(each.get("arn", "") for each in params.get("PolicyArns", ()))
    if len(arns) > _MAX_POLICY_ARNS:
        raise ValidationError(f"The number of policy ARNs exceeds {_MAX_POLICY_ARNS}.")
    if document is not None:
        try:
            parse_policy(document, PolicyKind.SESSION)
        except MalformedPolicy as malformed:
            raise MalformedPolicyDocumentException(malformed.message) from None
    policies = () if document is None else (document,)
    if sum(map(len, (*policies, *arns))) > quotas.session_policies_size:
        raise PackedPolicyTooLargeException(
            "Session policies exceed the allowed size of "
            f"{quotas.session_policies_size} characters."
        )
    return Limits(policies, arns)


def read_labels(params: Params) -> Labels:
    """Tags and TransitiveTagKeys. Raises InvalidParameterValue (recorded)."""
    tags = tuple((tag["Key"], tag["Value"]) for tag in params.get("Tags", ()))
    complaint = tags_complaint(tags)
    if complaint is not None:
        raise InvalidParameterValue(complaint)
    if len(tags) > _MAX_TAGS:
        raise InvalidParameterValue(f"The number of tags exceeds {_MAX_TAGS}.")
    transitive = tuple(params.get("TransitiveTagKeys", ()))
    keys = {key.lower() for key, _ in tags}
    if any(key.lower() not in keys for key in transitive):
        raise InvalidParameterValue(
            "The specified transitive tag key must be included in the requested tags."
        )
    return Labels(tags, transitive)


def inherit(labels: Labels, tags: Tags, transitive_keys: tuple[str, ...]) -> Labels:
    """The labels with those that the calling session hands down. Raises InvalidParameterValue
    where the request sets one of them otherwise: they cannot be changed."""
    handed = {key.lower() for key in transitive_keys}
    inherited = tuple((key, value) for key, value in tags if key.lower() in handed)
    for key, _ in labels.tags:
        if key.lower() in handed:
            raise InvalidParameterValue(
                "One of the specified transitive tag keys can't be set because it conflicts with "
                "a transitive tag key from the calling session."
            )
    return Labels((*inherited, *labels.tags), (*transitive_keys, *labels.transitive_keys))


def packed_size(limits: Limits, labels: Labels) -> int | None:
    """PackedPolicySize, in percent; None where there is nothing to pack. Raises
    PackedPolicyTooLargeException past 100."""
    if not (limits.policies or limits.arns or labels.tags):
        return None
    parts = [limits.policies, limits.arns, labels.tags, labels.transitive_keys]
    packed = len(zlib.compress(json.dumps(parts, separators=(",", ":")).encode(), 9))
    percent = -(-100 * packed // _PACKED_BYTES)
    if percent > 100:
        raise PackedPolicyTooLargeException(
            f"Packed policy consumes {percent}% of allotted space, please use smaller policy."
            if limits.policies or limits.arns
            else f"Packed size of session tags consumes {percent}% of allotted space."
        )
    return percent
