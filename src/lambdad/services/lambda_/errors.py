"""Lambda's errors, named as the shapes: all that its operations raise.

Those that rules of `functions/` raise too live there and are passed on here.
"""

from __future__ import annotations

from lambdad.functions.errors import (
    AliasLimitExceededException,
    CodeStorageExceededException,
    InvalidParameterValueException,
    LambdaError,
    PreconditionFailedException,
    RequestEntityTooLargeException,
    ResourceConflictException,
    ResourceNotFoundException,
)

__all__ = [
    "AliasLimitExceededException",
    "CapacityProviderLimitExceededException",
    "CodeSigningConfigNotFoundException",
    "CodeStorageExceededException",
    "CodeVerificationFailedException",
    "InvalidParameterValueException",
    "InvalidRequestContentException",
    "PolicyLengthExceededException",
    "PreconditionFailedException",
    "ProvisionedConcurrencyConfigNotFoundException",
    "RequestEntityTooLargeException",
    "RequestTooLargeException",
    "ResourceConflictException",
    "ResourceInUseException",
    "ResourceNotFoundException",
]


class InvalidRequestContentException(LambdaError):
    code = "InvalidRequestContentException"


class CapacityProviderLimitExceededException(LambdaError):
    code = "CapacityProviderLimitExceededException"


class CodeVerificationFailedException(LambdaError):
    code = "CodeVerificationFailedException"


class PolicyLengthExceededException(LambdaError):
    code = "PolicyLengthExceededException"


class ProvisionedConcurrencyConfigNotFoundException(LambdaError):
    code = "ProvisionedConcurrencyConfigNotFoundException"
    status = 404


class RequestTooLargeException(LambdaError):
    code = "RequestTooLargeException"
    status = 413


class CodeSigningConfigNotFoundException(LambdaError):
    code = "CodeSigningConfigNotFoundException"
    status = 404


class ResourceInUseException(LambdaError):
    code = "ResourceInUseException"
