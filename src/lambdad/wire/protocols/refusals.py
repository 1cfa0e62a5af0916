"""What a request that cannot be read is answered with: each kind of service has its own words."""

from __future__ import annotations

from lambdad.core.errors import (
    AwsError,
    ClientError,
    SerializationException,
    UnknownOperationException,
)
from lambdad.wire.codecs.shapes import Malformed, MalformedBody


class InvalidRequestContentException(ClientError):
    """Lambda's name for a body that cannot be read (semantics §2.1)."""

    code = "InvalidRequestContentException"


class MalformedInput(ClientError):
    """The query protocols' name for it."""

    code = "MalformedInput"


class UnknownAction(UnknownOperationException):
    """The query protocols' answer to an Action that does not exist."""

    status = 400


class MalformedXML(ClientError):
    """S3's name for it; the text is always the same (recorded)."""

    code = "MalformedXML"


class RequestEntityTooLarge(ClientError):
    """A body larger than an operation of this kind ever needs."""

    code = "RequestEntityTooLarge"
    status = 413


_XML_TEXT = (
    "The XML you provided was not well-formed or did not validate against our published schema"
)


def refusal(service: str, protocol: str, error: Malformed) -> AwsError:
    """AWS's error for a request of this service that cannot be read."""
    in_body = isinstance(error, MalformedBody)
    text = str(error)
    if service == "lambda" and in_body:
        message = f"Could not parse request body into json: {text}"
        return InvalidRequestContentException(message, Type="User")
    if protocol in ("query", "ec2"):
        return MalformedInput(text)
    if protocol == "rest-xml" and in_body:
        return MalformedXML(_XML_TEXT)
    return SerializationException(text)
