"""IAM's errors, named as the shapes of its API."""

from __future__ import annotations

from lambdad.core.errors import ClientError


class NoSuchEntityException(ClientError):
    code = "NoSuchEntity"
    status = 404


class EntityAlreadyExistsException(ClientError):
    code = "EntityAlreadyExists"
    status = 409


class DeleteConflictException(ClientError):
    code = "DeleteConflict"
    status = 409


class LimitExceededException(ClientError):
    code = "LimitExceeded"
    status = 409


class InvalidAuthenticationCodeException(ClientError):
    code = "InvalidAuthenticationCode"
    status = 403


class InvalidPublicKeyException(ClientError):
    code = "InvalidPublicKey"


class DuplicateSSHPublicKeyException(ClientError):
    code = "DuplicateSSHPublicKey"


class MalformedCertificateException(ClientError):
    code = "MalformedCertificate"


class DuplicateCertificateException(ClientError):
    code = "DuplicateCertificate"
    status = 409


class KeyPairMismatchException(ClientError):
    code = "KeyPairMismatch"


class CredentialReportNotPresentException(ClientError):
    code = "ReportNotPresent"
    status = 410


class CredentialReportExpiredException(ClientError):
    code = "ReportExpired"
    status = 410


class InvalidInputException(ClientError):
    code = "InvalidInput"


class MalformedPolicyDocumentException(ClientError):
    code = "MalformedPolicyDocument"


class UnmodifiableEntityException(ClientError):
    code = "UnmodifiableEntity"


class PasswordPolicyViolationException(ClientError):
    code = "PasswordPolicyViolation"


class PolicyNotAttachableException(ClientError):
    code = "PolicyNotAttachable"


class ValidationError(ClientError):
    """Not a shape of the model: what IAM answers to input that breaks a rule of its own."""

    code = "ValidationError"


def quota_exceeded(quota: str, limit: int) -> LimitExceededException:
    """AWS's text for a quota by its name, such as `UsersPerAccount`."""
    return LimitExceededException(f"Cannot exceed quota for {quota}: {limit}")
