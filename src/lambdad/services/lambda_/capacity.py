"""Create, Get, Update, Delete and List CapacityProvider, ListFunctionVersionsByCapacityProvider.

A capacity provider places functions on instances of one's own (semantics §1.15). Here that is this
machine: there is nothing to launch, so one that was created is Active from the next call on, and
one that is deleted is gone by then. Subnets and security groups are not looked up: there are none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.core.value import replace
from lambdad.functions.capacity_providers import CapacityProvider, capacity_provider_arn
from lambdad.functions.names import FunctionKey
from lambdad.functions.records import Version
from lambdad.services.lambda_.errors import (
    CapacityProviderLimitExceededException,
    InvalidParameterValueException,
    ResourceConflictException,
    ResourceNotFoundException,
)
from lambdad.services.lambda_.paging import page, page_items, position, rank
from lambdad.services.lambda_.service import LambdaService
from lambdad.services.lambda_.settings import check_tags
from lambdad.services.lambda_.shapes import timestamp

_DEFAULT_SCALING = {"MaxVCpuCount": 400, "ScalingMode": "Auto"}
"""AWS's, as its console and CloudFormation document them."""


@operation("lambda", "CreateCapacityProvider")
async def create_capacity_provider(service: LambdaService, call: Call, params: Params) -> Result:
    """The answer is of the moment of creation: Pending."""
    name = _name(call, params["CapacityProviderName"])
    tags = params.get("Tags") or {}
    check_tags(tags, service.limits)
    provider = CapacityProvider(
        id=name,
        operator_role=params["PermissionsConfig"]["CapacityProviderOperatorRoleArn"],
        modified_ms=service.clock.wall_ms(),
        vpc=params["VpcConfig"],
        instances=_instances(params.get("InstanceRequirements") or {}),
        scaling=_scaling(_DEFAULT_SCALING, params.get("CapacityProviderScalingConfig") or {}),
        kms_key_arn=params.get("KmsKeyArn"),
        propagate_tags=params.get("PropagateTags"),
        telemetry=params.get("TelemetryConfig"),
        tags=tags,
    )
    async with service.resources.turn:
        known = [*service.resources.every(CapacityProvider, call.account, call.region)]
        if any(other.id == name for other in known):
            raise ResourceConflictException(f"Capacity provider already exists: {name}")
        limit = service.limits.capacity_providers
        if len(known) >= limit:
            raise CapacityProviderLimitExceededException(
                f"This account has {limit} capacity providers in {call.region}, the most that "
                "there may be."
            )
        await service.resources.put(call.account, call.region, provider)
    return {"CapacityProvider": _shape(call, provider, "Pending")}


@operation("lambda", "GetCapacityProvider")
async def get_capacity_provider(service: LambdaService, call: Call, params: Params) -> Result:
    return {"CapacityProvider": _shape(call, existing_provider(service, call, _named(params)))}


@operation("lambda", "UpdateCapacityProvider")
async def update_capacity_provider(service: LambdaService, call: Call, params: Params) -> Result:
    """What is absent stays; the scaling configuration is changed member by member."""
    async with service.resources.turn:
        current = existing_provider(service, call, _named(params))
        given = params.get("CapacityProviderScalingConfig")
        changed = replace(
            current,
            modified_ms=service.clock.wall_ms(),
            scaling=current.scaling if given is None else _scaling(current.scaling, given),
            propagate_tags=params.get("PropagateTags", current.propagate_tags),
            telemetry=params.get("TelemetryConfig", current.telemetry),
        )
        await service.resources.put(call.account, call.region, changed)
    return {"CapacityProvider": _shape(call, changed)}


@operation("lambda", "DeleteCapacityProvider")
async def delete_capacity_provider(service: LambdaService, call: Call, params: Params) -> Result:
    """Not while a function has it."""
    async with service.resources.turn:
        provider = existing_provider(service, call, _named(params))
        arn = capacity_provider_arn(call.account, call.region, provider.id)
        if next(_placed(service, call, arn), None) is not None:
            raise ResourceConflictException(
                f"Capacity provider {arn} cannot be deleted: function versions still use it."
            )
        await service.resources.delete(call.account, call.region, provider)
    return {"CapacityProvider": _shape(call, provider, "Deleting")}


@operation("lambda", "ListCapacityProviders")
async def list_capacity_providers(service: LambdaService, call: Call, params: Params) -> Result:
    """By name. All that are there are Active."""
    start = (params.get("Marker") or "").rpartition(":")[2]
    providers = service.resources.every(CapacityProvider, call.account, call.region, start)
    return page(
        "CapacityProviders",
        providers if params.get("State", "Active") == "Active" else (),
        lambda provider: capacity_provider_arn(call.account, call.region, provider.id),
        lambda provider: _shape(call, provider),
        page_items(params, service.limits.list_page_items),
    )


@operation("lambda", "ListFunctionVersionsByCapacityProvider")
async def list_function_versions_by_capacity_provider(
    service: LambdaService, call: Call, params: Params
) -> Result:
    """By function name, then ascending."""
    provider = existing_provider(service, call, _named(params))
    arn = capacity_provider_arn(call.account, call.region, provider.id)
    name, qualifier = position(params)
    answer = page(
        "FunctionVersions",
        (
            (key, version)
            for key, version in _placed(service, call, arn, name)
            if key.name != name or rank(version.version) >= rank(qualifier)
        ),
        lambda placed: placed[0].arn(placed[1].version),
        lambda placed: {
            "FunctionArn": placed[0].arn(placed[1].version),
            "State": placed[1].state.value,
        },
        page_items(params, service.limits.list_page_items),
    )
    return {"CapacityProviderArn": arn} | answer


def existing_provider(service: LambdaService, call: Call, name: str) -> CapacityProvider:
    """The capacity provider with a name or ARN. Raises ResourceNotFoundException."""
    arn = capacity_provider_arn(call.account, call.region, name)
    provider = service.resources.get(
        CapacityProvider, call.account, call.region, arn.rpartition(":")[2]
    )
    if provider is None or capacity_provider_arn(call.account, call.region, provider.id) != arn:
        raise ResourceNotFoundException(f"Capacity provider not found: {arn}")
    return provider


def _named(params: Params) -> str:
    name: str = params["CapacityProviderName"]
    return name


def _name(call: Call, given: str) -> str:
    """The name of a new one; an ARN has to be of here."""
    name = given.rpartition(":")[2]
    if ":" in given and given != capacity_provider_arn(call.account, call.region, name):
        raise InvalidParameterValueException(
            f"A capacity provider is created in the account and region of the caller, not as "
            f"{given}."
        )
    return name


def _placed(
    service: LambdaService, call: Call, arn: str, start: str = ""
) -> Iterator[tuple[FunctionKey, Version]]:
    """The versions of functions with a capacity provider, from a function on."""
    for name in service.functions.names(call.account, call.region, start):
        record = service.functions.get(FunctionKey(call.account, call.region, name))
        assert record is not None
        for version in record.all_versions():
            managed = version.deployment.configuration.managed
            if managed is not None and managed.capacity_provider_arn == arn:
                yield record.key, version


def _instances(given: Params) -> dict[str, Any]:
    if given.get("AllowedInstanceTypes") and given.get("ExcludedInstanceTypes"):
        raise InvalidParameterValueException(
            "AllowedInstanceTypes and ExcludedInstanceTypes can't be specified together."
        )
    return {"Architectures": ["x86_64"]} | dict(given)


def _scaling(current: Mapping[str, Any], given: Params) -> dict[str, Any]:
    """The texts but the second are AWS's, as its users report them."""
    scaling = {**current, **given}
    if scaling["ScalingMode"] == "Auto":
        if given.get("ScalingPolicies"):
            raise InvalidParameterValueException(
                "A scaling policy can't be specified when the scalingMode is set to Auto"
            )
        scaling.pop("ScalingPolicies", None)
    elif not scaling.get("ScalingPolicies"):
        raise InvalidParameterValueException(
            "A scaling policy must be specified when the scalingMode is set to Manual"
        )
    return scaling


def _shape(call: Call, provider: CapacityProvider, state: str = "Active") -> Result:
    answer: Result = {
        "CapacityProviderArn": capacity_provider_arn(call.account, call.region, provider.id),
        "State": state,
        "VpcConfig": dict(provider.vpc),
        "PermissionsConfig": {"CapacityProviderOperatorRoleArn": provider.operator_role},
        "InstanceRequirements": dict(provider.instances),
        "CapacityProviderScalingConfig": dict(provider.scaling),
        "LastModified": timestamp(provider.modified_ms),
    }
    optional = {
        "KmsKeyArn": provider.kms_key_arn,
        "PropagateTags": provider.propagate_tags,
        "TelemetryConfig": provider.telemetry,
    }
    return answer | {name: value for name, value in optional.items() if value is not None}
