"""How requests name groups and pages: names, ARNs, opaque tokens."""

from __future__ import annotations

import base64
import binascii

import orjson

from lambdad.api.call import Call, Params
from lambdad.core.arn import PARTITION, parse_arn
from lambdad.core.errors import ValidationException
from lambdad.services.logs.errors import InvalidParameterException, ResourceNotFoundException
from lambdad.telemetry.log_records import MAX_INTEGER, GroupKey, StreamKey

NOT_FOUND = "The specified log group does not exist."
_GROUP_RESOURCE = "log-group:"


def group_key(call: Call, name: str) -> GroupKey:
    return GroupKey(call.account, call.region, name)


def stream_key(call: Call, params: Params) -> StreamKey:
    """The stream that `logGroupName` and `logStreamName` name."""
    return StreamKey(group_key(call, params["logGroupName"]), params["logStreamName"])


def identified_group(call: Call, identifier: str) -> GroupKey:
    """The group of a name or an ARN. Raises ResourceNotFoundException for other accounts' and
    regions' groups, InvalidParameterException for other ARNs."""
    if not identifier.startswith("arn:"):
        return group_key(call, identifier)
    arn = parse_arn(identifier)
    if arn is None or arn.service != "logs" or not arn.resource.startswith(_GROUP_RESOURCE):
        raise InvalidParameterException(f"Invalid log group identifier: {identifier}")
    if (arn.account, arn.region) != (call.account, call.region):
        raise ResourceNotFoundException(NOT_FOUND)
    name = arn.resource.removeprefix(_GROUP_RESOURCE).removesuffix(":*")
    if ":" in name:
        raise InvalidParameterException(f"Invalid log group identifier: {identifier}")
    return group_key(call, name)


def chosen_group(call: Call, params: Params) -> GroupKey:
    """The group of `logGroupName` or `logGroupIdentifier`, exactly one of them."""
    name, identifier = params.get("logGroupName"), params.get("logGroupIdentifier")
    if name is not None and identifier is not None:
        raise ValidationException(
            "LogGroup name and LogGroup ARN are mutually exclusive parameters."
        )
    if name is not None:
        return group_key(call, name)
    if identifier is not None:
        return identified_group(call, identifier)
    raise ValidationException("Either LogGroup name or LogGroup ARN must be specified.")


def group_arn(key: GroupKey) -> str:
    """Without the `:*` that policies and DescribeLogGroups' `arn` end with."""
    return f"arn:{PARTITION}:logs:{key.region}:{key.account}:{_GROUP_RESOURCE}{key.name}"


def token_of(*parts: str | int) -> str:
    """An opaque token that carries the parts."""
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode()


def parts_of(token: str, *kinds: type) -> list[str | int]:
    """The parts of a token, checked against their types. Raises InvalidParameterException."""
    try:
        parts = orjson.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        parts = None
    if not isinstance(parts, list) or [type(part) for part in parts] != list(kinds):
        raise invalid_token()
    if any(isinstance(part, int) and not 0 <= part <= MAX_INTEGER for part in parts):
        raise invalid_token()
    return parts


def invalid_token() -> InvalidParameterException:
    return InvalidParameterException("The specified nextToken is invalid.")
