"""Provisioned concurrency through boto3."""

from __future__ import annotations

from typing import Any

from support.lambda_client import MODIFIED, body_of, user_error
from support.patience import wait_for


def provisioned(requested: int, there: int, status: str, **more: Any) -> dict[str, Any]:
    """An answer about a configuration (semantics §1.9; recorded)."""
    return {
        "RequestedProvisionedConcurrentExecutions": requested,
        "AvailableProvisionedConcurrentExecutions": there,
        "AllocatedProvisionedConcurrentExecutions": there,
        "Status": status,
        "LastModified": MODIFIED,
    } | more


def provision(client: Any, name: str, qualifier: str, amount: int) -> dict[str, Any]:
    """The answer to a Put."""
    answer: dict[str, Any] = client.put_provisioned_concurrency_config(
        FunctionName=name, Qualifier=qualifier, ProvisionedConcurrentExecutions=amount
    )
    return answer


def reached(client: Any, name: str, qualifier: str, status: str = "READY") -> dict[str, Any]:
    """The configuration once it has that status."""
    at = {"FunctionName": name, "Qualifier": qualifier}
    return wait_for(
        lambda: body_of(client.get_provisioned_concurrency_config(**at)),
        lambda found: found["Status"] == status,
    )


def none_provisioned() -> dict[str, Any]:
    return user_error(
        "ProvisionedConcurrencyConfigNotFoundException",
        404,
        "No Provisioned Concurrency Config found for this function",
    )
