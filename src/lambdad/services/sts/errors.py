"""STS's errors, named as the shapes of its API."""

from __future__ import annotations

from lambdad.core.errors import ClientError


class MalformedPolicyDocumentException(ClientError):
    code = "MalformedPolicyDocument"


class PackedPolicyTooLargeException(ClientError):
    code = "PackedPolicyTooLarge"


class ExpiredTokenException(ClientError):
    code = "ExpiredTokenException"


class InvalidIdentityTokenException(ClientError):
    code = "InvalidIdentityToken"


class IDPCommunicationErrorException(ClientError):
    code = "IDPCommunicationError"


class InvalidAuthorizationMessageException(ClientError):
    code = "InvalidAuthorizationMessageException"


class ValidationError(ClientError):
    """Not a shape of the model: what STS answers to input that breaks a rule of its own."""

    code = "ValidationError"


class InvalidParameterValue(ClientError):
    """Not a shape of the model: what STS answers to tags that do not go together (recorded)."""

    code = "InvalidParameterValue"
