"""Put, Get, Delete and List ProvisionedConcurrencyConfig (semantics §1.9).

What is asked for is kept here and checked against the pools of the function and the account. The
data plane follows it through the catalog, and tells how far it has come (`invoke.provisioning`).
"""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.core.ids import new_uuid
from lambdad.core.value import replace
from lambdad.functions.attachments import Provisioned
from lambdad.functions.names import LATEST, FunctionKey, is_version, refer, refer_unqualified
from lambdad.functions.records import FunctionRecord
from lambdad.invoke.provisioning import Allocation
from lambdad.services.lambda_.concurrency import unreserved
from lambdad.services.lambda_.errors import (
    InvalidParameterValueException,
    ProvisionedConcurrencyConfigNotFoundException,
    ResourceConflictException,
)
from lambdad.services.lambda_.paging import settings_page
from lambdad.services.lambda_.qualified import must_exist
from lambdad.services.lambda_.service import LambdaService, not_found
from lambdad.services.lambda_.shapes import timestamp


@operation("lambda", "PutProvisionedConcurrencyConfig")
async def put_provisioned_concurrency_config(
    service: LambdaService, call: Call, params: Params
) -> Result:
    key, qualifier = refer(call.account, call.region, params["FunctionName"], params["Qualifier"])
    assert qualifier is not None
    if qualifier == LATEST:
        raise InvalidParameterValueException(
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
        )
    requested: int = params["ProvisionedConcurrentExecutions"]
    async with service.functions.editing(key) as edit:
        must_exist(key, edit.record, qualifier)
        record = edit.record
        assert record is not None
        _check_kind(record, qualifier)
        _check_overlap(record, qualifier)
        _check_pools(service, record, qualifier, requested)
        provisioned = Provisioned(requested, service.clock.wall_ms())
        await edit.commit(_revised(record.attach(provisioned, qualifier), qualifier))
    return _shape(provisioned, replace(_allocation(service, key, qualifier), status="IN_PROGRESS"))


@operation("lambda", "GetProvisionedConcurrencyConfig")
async def get_provisioned_concurrency_config(
    service: LambdaService, call: Call, params: Params
) -> Result:
    key, qualifier = _published(call, params)
    record = service.functions.get(key)
    must_exist(key, record, qualifier)
    provisioned = record.attached(Provisioned, qualifier) if record else None
    if provisioned is None:
        raise ProvisionedConcurrencyConfigNotFoundException(
            "No Provisioned Concurrency Config found for this function"
        )
    return _shape(provisioned, _allocation(service, key, qualifier))


@operation("lambda", "DeleteProvisionedConcurrencyConfig")
async def delete_provisioned_concurrency_config(
    service: LambdaService, call: Call, params: Params
) -> Result:
    """None to delete is no error (recorded)."""
    key, qualifier = _published(call, params)
    async with service.functions.editing(key) as edit:
        must_exist(key, edit.record, qualifier)
        record = edit.record
        if record is not None and record.attached(Provisioned, qualifier) is not None:
            await edit.commit(_revised(record.detach(Provisioned, qualifier), qualifier))
    return {}


@operation("lambda", "ListProvisionedConcurrencyConfigs")
async def list_provisioned_concurrency_configs(
    service: LambdaService, call: Call, params: Params
) -> Result:
    key = refer_unqualified(call.account, call.region, params["FunctionName"])
    record = service.functions.get(key)
    if record is None:
        raise not_found(key.arn())
    return settings_page(
        "ProvisionedConcurrencyConfigs",
        record,
        Provisioned,
        lambda qualifier, provisioned: (
            {"FunctionArn": key.arn(qualifier)}
            | _shape(provisioned, _allocation(service, key, qualifier))
        ),
        params,
        service.limits.list_page_items,
    )


def _published(call: Call, params: Params) -> tuple[FunctionKey, str]:
    key, qualifier = refer(call.account, call.region, params["FunctionName"], params["Qualifier"])
    if qualifier is None or qualifier == LATEST:
        raise InvalidParameterValueException(
            "The function resource provided must be an alias or a published version."
        )
    return key, qualifier


def _allocation(service: LambdaService, key: FunctionKey, qualifier: str) -> Allocation:
    return service.allocation((key.account, key.region, key.name), qualifier)


def _check_kind(record: FunctionRecord, qualifier: str) -> None:
    """What already has another answer to cold starts, or cannot be started before its tenant is
    known, takes none (AWS, "Configuring provisioned concurrency", "Tenant isolation"). The texts
    are ours."""
    version = record.find(qualifier)
    assert version is not None
    configuration = version.deployment.configuration
    for applies, feature in (
        (configuration.snap_start != "None", "SnapStart"),
        (configuration.tenant_isolation, "tenant isolation"),
        (configuration.managed is not None, "a capacity provider"),
    ):
        if applies:
            raise InvalidParameterValueException(
                f"Provisioned Concurrency is not supported for functions with {feature}."
            )


def _check_overlap(record: FunctionRecord, qualifier: str) -> None:
    """A version is provisioned by its own name or through an alias, never both."""
    everywhere = record.every(Provisioned)
    alias = record.aliases.get(qualifier)
    if alias is not None:
        if any(version in everywhere for version in alias.targets):
            raise ResourceConflictException(
                "Alias can't be used for Provisioned Concurrency configuration on an already "
                "Provisioned version"
            )
    elif any(
        qualifier in other.targets for name, other in record.aliases.items() if name in everywhere
    ):
        raise ResourceConflictException("Version is pointed by a Provisioned Concurrency alias")


def _check_pools(
    service: LambdaService, record: FunctionRecord, qualifier: str, requested: int
) -> None:
    """It has to fit into what the function has reserved, else into what the account has left."""
    others = sum(
        each.requested for at, each in record.every(Provisioned).items() if at != qualifier
    )
    total = requested + others
    if record.reserved_concurrency is not None:
        if total > record.reserved_concurrency:
            raise InvalidParameterValueException(
                "Requested Provisioned Concurrency should not be greater than the "
                "reservedConcurrentExecution for function"
            )
        return
    left, floor = unreserved(service, record), service.limits.unreserved_concurrency_floor
    if total > left:
        raise InvalidParameterValueException(
            "Specified ConcurrentExecutions for function is greater than account's unreserved "
            f"concurrency [{left}].",
            Type=None,
        )
    if left - total < floor:
        raise InvalidParameterValueException(
            "Specified ConcurrentExecutions for function decreases account's "
            f"UnreservedConcurrentExecution below its minimum value of [{floor}].",
            Type=None,
        )


def _revised(record: FunctionRecord, qualifier: str) -> FunctionRecord:
    """Only this changes the revision of a published version (semantics §1.5)."""
    version = record.versions.get(qualifier)
    if version is None or not is_version(qualifier):
        return record
    revised = replace(version, revision_id=new_uuid())
    return replace(record, versions={**record.versions, qualifier: revised})


def _shape(provisioned: Provisioned, allocation: Allocation) -> Result:
    answer: Result = {
        "RequestedProvisionedConcurrentExecutions": provisioned.requested,
        "AvailableProvisionedConcurrentExecutions": allocation.available,
        "AllocatedProvisionedConcurrentExecutions": allocation.allocated,
        "Status": allocation.status,
        "LastModified": timestamp(provisioned.modified_ms),
    }
    if allocation.reason is not None:
        answer["StatusReason"] = allocation.reason
    return answer
