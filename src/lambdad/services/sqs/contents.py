"""What a message may contain: characters, identifiers, attributes. Pure.

Sources: API reference of SendMessage; SQS developer guide, "Amazon SQS message metadata"; recorded
conversations.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lambdad.core.limits import SqsQuotas
from lambdad.engines.queue.sqs_form import Attributes
from lambdad.services.sqs.errors import (
    InvalidMessageContents,
    InvalidParameterValueException,
    UnsupportedOperation,
    invalid_value,
)

_IDENTIFIER = re.compile(r"[a-zA-Z0-9!-/:-@\[-`{-~]+")
_TYPE = re.compile(r"(?P<base>String|Number|Binary)(\..+)?", re.DOTALL)
_NUMBER = re.compile(
    r"[+-]?(?P<whole>\d*)(\.(?P<part>\d*))?([eE](?P<exponent>[+-]?\d{1,4}))?", re.ASCII
)
_CONTROLS = bytes(set(range(0x20)) - set(b"\t\n\r"))
_NONCHARACTERS = ("\ufffe".encode(), "\uffff".encode())
_ALLOWED = (
    "Valid unicode characters are "
    "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
)
_MINIMUM_EXPONENT, _MAXIMUM_EXPONENT = -128, 126
"""Between 10 to the power of which numbers may lie ("Message attribute data types")."""


def is_representable(text: bytes) -> bool:
    """Whether UTF-8 holds only characters that XML can. Two passes in C, because a body may have a
    megabyte: a regular expression would stop the server for 10 ms."""
    if len(text.translate(None, _CONTROLS)) != len(text):
        return False
    return not any(each in text for each in _NONCHARACTERS)


def check_body(body: bytes) -> None:
    """Raises InvalidMessageContents for a body in UTF-8."""
    if not is_representable(body):
        raise InvalidMessageContents(f"Invalid characters found. {_ALLOWED}")


def check_identifier(value: str, parameter: str, quotas: SqsQuotas) -> None:
    """Raises InvalidParameterValue for a MessageGroupId, MessageDeduplicationId or
    ReceiveRequestAttemptId that is too long or not plain."""
    if len(value) > quotas.identifier_chars or not _IDENTIFIER.fullmatch(value):
        raise invalid_value(
            value,
            parameter,
            f"{parameter} can only include alphanumeric and punctuation characters. "
            f"1 to {quotas.identifier_chars} in length.",
        )


def check_attributes(attributes: Attributes, quotas: SqsQuotas) -> None:
    """Raises InvalidParameterValue or UnsupportedOperation for message attributes."""
    if len(attributes) > quotas.message_attributes:
        raise InvalidParameterValueException(
            f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum "
            f"[{quotas.message_attributes}]."
        )
    for name, attribute in attributes.items():
        _check_name(name, quotas)
        _check_value(name, attribute, quotas)


def _check_name(name: str, quotas: SqsQuotas) -> None:
    if not name:
        raise InvalidParameterValueException(
            "The request must contain non-empty message (user) attribute names."
        )
    if len(name) > quotas.attribute_name_chars:
        raise InvalidParameterValueException(
            f"Message (user) attribute name must be at most {quotas.attribute_name_chars} "
            "characters long."
        )
    for character in name:
        if not (character.isalnum() or character in "_-."):
            raise InvalidParameterValueException(
                f"Invalid non-alphanumeric character '#x{ord(character):x}' was found in the "
                "message (user) attribute name. Can only include alphanumeric characters, "
                "hyphens, underscores, or dots."
            )
    if name.startswith(".") or name.endswith(".") or ".." in name:
        raise InvalidParameterValueException(
            "Message (user) attribute name can not start or end with a dot, nor have successive "
            "dots."
        )
    if name.lower().startswith(("aws.", "amazon.")):
        raise InvalidParameterValueException(
            "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These "
            "strings are reserved for internal use."
        )


def _check_value(name: str, attribute: Mapping[str, Any], quotas: SqsQuotas) -> None:
    data_type = attribute.get("DataType") or ""
    if not data_type:
        raise InvalidParameterValueException(
            f"Message (user) attribute '{name}' must contain a non-empty attribute type."
        )
    matched = _TYPE.fullmatch(data_type)
    if matched is None:
        raise InvalidParameterValueException(
            f"The type of message (user) attribute '{name}' is invalid. You must use only the "
            "following supported type prefixes: Binary, Number, String."
        )
    if len(data_type) > quotas.attribute_type_chars or not is_representable(data_type.encode()):
        raise InvalidParameterValueException(
            f"The type of message (user) attribute '{name}' is invalid. It must be at most "
            f"{quotas.attribute_type_chars} characters long."
        )
    if attribute.get("StringListValues") or attribute.get("BinaryListValues"):
        raise UnsupportedOperation("Message attribute list values are not supported.")
    base = matched["base"]
    field = "BinaryValue" if base == "Binary" else "StringValue"
    value = attribute.get(field)
    if not value:
        raise InvalidParameterValueException(
            f"Message (user) attribute '{name}' must contain a non-empty value of type "
            f"'{field.removesuffix('Value')}'."
        )
    if base == "Binary":
        return
    if not is_representable(value.encode()):
        raise InvalidParameterValueException(
            f"Invalid characters found in the value of message (user) attribute '{name}'. "
            f"{_ALLOWED}"
        )
    if base == "Number" and not _is_number(value, quotas):
        raise InvalidParameterValueException(
            f"Can't cast the value of message (user) attribute '{name}' to a number."
        )


def _is_number(text: str, quotas: SqsQuotas) -> bool:
    matched = _NUMBER.fullmatch(text)
    if matched is None:
        return False
    whole, part = matched["whole"], matched["part"] or ""
    if not whole and not part:
        return False
    digits = (whole + part).lstrip("0")
    if not digits:
        return True  # zero
    if len(digits.rstrip("0")) > quotas.number_digits:
        return False
    magnitude = len(digits) - len(part) + int(matched["exponent"] or 0) - 1
    return _MINIMUM_EXPONENT <= magnitude <= _MAXIMUM_EXPONENT
