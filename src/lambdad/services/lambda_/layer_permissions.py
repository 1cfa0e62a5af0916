"""AddLayerVersionPermission, RemoveLayerVersionPermission, GetLayerVersionPolicy (semantics §1.7).

The policy decides whether other accounts may read the layer version and use it in functions.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.core.ids import new_uuid
from lambdad.core.value import replace
from lambdad.functions.layers import LayerKey, LayerVersion
from lambdad.services.lambda_.errors import ResourceNotFoundException
from lambdad.services.lambda_.layers import own_layer_key, version_number
from lambdad.services.lambda_.policies import (
    check_policy_revision,
    statement_of,
    text_of,
    with_statement,
    without_statement,
)
from lambdad.services.lambda_.service import LambdaService

_READER = "GetLayerPolicy"
"""What AWS calls GetLayerVersionPolicy in its refusal (recorded)."""


@operation("lambda", "AddLayerVersionPermission")
async def add_layer_version_permission(
    service: LambdaService, call: Call, params: Params
) -> Result:
    async with _editing(service, call, params) as (key, version):
        check_policy_revision(version.policy, params.get("RevisionId"), _READER)
        statement = statement_of(params, key.arn(version.number))
        limit_bytes = service.limits.resource_policy_bytes
        policy = with_statement(version.policy, statement, new_uuid(), limit_bytes)
        await service.layers.put(key, replace(version, policy=policy))
    return {"Statement": text_of(statement), "RevisionId": policy.revision_id}


@operation("lambda", "RemoveLayerVersionPermission")
async def remove_layer_version_permission(
    service: LambdaService, call: Call, params: Params
) -> Result:
    async with _editing(service, call, params) as (key, version):
        check_policy_revision(version.policy, params.get("RevisionId"), _READER)
        if version.policy is None:
            raise _no_policy()
        policy = without_statement(version.policy, params["StatementId"], new_uuid())
        await service.layers.put(key, replace(version, policy=policy))
    return {}


@operation("lambda", "GetLayerVersionPolicy")
async def get_layer_version_policy(service: LambdaService, call: Call, params: Params) -> Result:
    _, version = _find(service, call, params)
    if version.policy is None:
        raise _no_policy()
    return {"Policy": text_of(version.policy.document), "RevisionId": version.policy.revision_id}


@asynccontextmanager
async def _editing(
    service: LambdaService, call: Call, params: Params
) -> AsyncIterator[tuple[LayerKey, LayerVersion]]:
    """Alone with a layer version that is there."""
    async with service.layers.editing(own_layer_key(call, params)):
        yield _find(service, call, params)


def _find(service: LambdaService, call: Call, params: Params) -> tuple[LayerKey, LayerVersion]:
    key, number = own_layer_key(call, params), version_number(params)
    version = service.layers.version(key, number)
    if version is None:
        raise ResourceNotFoundException(f"Layer version {key.arn(number)} does not exist.")
    return key, version


def _no_policy() -> ResourceNotFoundException:
    return ResourceNotFoundException("No policy is associated with the given resource.")
