"""What an invocation must say about where it runs: its tenant, where a function isolates tenants,
and a published version, where it runs on managed instances. Pure.

The texts on tenants are AWS's (AWS Compute Blog, "Building multi-tenant SaaS applications with AWS
Lambda's new tenant isolation mode"; recorded for the second one).
"""

from __future__ import annotations

from lambdad.functions.errors import InvalidParameterValueException
from lambdad.functions.names import LATEST
from lambdad.functions.snapshot import FunctionVersion
from lambdad.invoke.errors import NoPublishedVersionException


def check_place(target: FunctionVersion, tenant_id: str | None) -> None:
    """Raises InvalidParameterValueException and NoPublishedVersionException where there is no place
    for such an invocation."""
    if target.tenant_isolation and not tenant_id:
        raise InvalidParameterValueException(
            "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in "
            "your request and try again."
        )
    if tenant_id and not target.tenant_isolation:
        raise InvalidParameterValueException(
            "The invoked function is not enabled with tenancy configuration. Remove the tenant ID "
            "from your request and try again."
        )
    if target.capacity_provider is not None and target.version == LATEST:
        raise NoPublishedVersionException(
            f"{target.arn} runs on a capacity provider, which takes published versions only."
        )
