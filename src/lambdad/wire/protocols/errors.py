"""Errors as every protocol sees them: the code in its words, the members in its spelling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from lambdad.core.value import Value
from lambdad.wire.corrections import QUERY_CODES
from lambdad.wire.model import ServiceModel, Shape

Closure = TypeVar("Closure")

_QUERY_WORDS = {
    "AccessDeniedException": "AccessDenied",
    "ExpiredTokenException": "ExpiredToken",
    "IncompleteSignatureException": "IncompleteSignature",
    "InvalidParameterValueException": "InvalidParameterValue",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "MissingParameterException": "MissingParameter",
    "ThrottlingException": "Throttling",
    "UnknownOperationException": "InvalidAction",
    "UnrecognizedClientException": "InvalidClientTokenId",
    "ValidationException": "ValidationError",
}
_EC2_WORDS = {
    **_QUERY_WORDS,
    "AccessDeniedException": "UnauthorizedOperation",
    "InvalidSignatureException": "AuthFailure",
    "UnrecognizedClientException": "AuthFailure",
}
_S3_WORDS = {
    "AccessDeniedException": "AccessDenied",
    "ExpiredTokenException": "ExpiredToken",
    "IncompleteSignatureException": "AuthorizationHeaderMalformed",
    "InternalFailure": "InternalError",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "MissingAuthenticationTokenException": "AccessDenied",
    "RequestEntityTooLarge": "EntityTooLarge",
    "ThrottlingException": "SlowDown",
    "UnknownOperationException": "MethodNotAllowed",
    "UnrecognizedClientException": "InvalidAccessKeyId",
}
_WORDS: Mapping[str, Mapping[str, str]] = {
    "query": _QUERY_WORDS,
    "ec2": _EC2_WORDS,
    "rest-xml": _S3_WORDS,
}
"""What a protocol calls the errors that every service has and none models (semantics §8.1)."""


def unmodelled_code(code: str, protocol: str) -> str:
    """The code of an error without a shape, in the protocol's word for it."""
    return _WORDS.get(protocol, {}).get(code, code)


class ErrorForm(Value, Generic[Closure]):
    """How one service sends one error."""

    code: str
    """The shape's name, or the protocol's word for an error without a shape."""
    query_code: str
    """What the query protocol calls it."""
    message_key: str
    """`message` or `Message`, as the shape spells it (semantics §1.1)."""
    members: Mapping[str, tuple[str, Closure]]
    """Members in the body: their names on the wire and what writes them."""
    headers: Mapping[str, Shape]
    """Members in headers."""


class ErrorForms(Generic[Closure]):
    """The forms of a service's errors, each made when it first happens."""

    def __init__(
        self, service: ServiceModel, protocol: str, member: Callable[[Shape], Closure]
    ) -> None:
        self._service = service
        self._protocol = protocol
        self._member = member
        self._forms: dict[str, ErrorForm[Closure]] = {}

    def of(self, code: str) -> ErrorForm[Closure]:
        """The form of an error, by its code or its shape's name."""
        form = self._forms.get(code)
        if form is None:
            shape = self._service.errors.get(code)
            if shape is None:
                query_word = QUERY_CODES.get((self._service.name, code)) or unmodelled_code(
                    code, "query"
                )
                query = self._protocol == "query"
                word = query_word if query else unmodelled_code(code, self._protocol)
                return ErrorForm(word, query_word, "message", {}, {})
            form = self._forms[code] = self._modelled(shape)
        return form

    def _modelled(self, shape: Shape) -> ErrorForm[Closure]:
        query_code = QUERY_CODES.get((self._service.name, shape.name)) or shape.traits.get(
            "error", {}
        ).get("code", shape.name)
        message_key = "message"
        members = {}
        headers = {}
        for name, member in shape.members.items():
            wire_name = member.wire_name or name
            if wire_name.lower() == "message":
                message_key = wire_name
            elif member.location == "header":
                headers[name] = member
            else:
                members[name] = (wire_name, self._member(member))
        return ErrorForm(shape.name, query_code, message_key, members, headers)
