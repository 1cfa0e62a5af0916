"""Capacity providers and function scaling: Create, Get, Update, Delete, List; Put and Get
FunctionScalingConfig.

A capacity provider places functions on instances of one's own in a VPC (semantics §1.15). There
are neither here, so none can be created, none is ever found, and no function has one.
"""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.core.arn import PARTITION
from lambdad.services.lambda_.errors import (
    InvalidParameterValueException,
    ResourceNotFoundException,
)
from lambdad.services.lambda_.service import LambdaService


@operation("lambda", "CreateCapacityProvider")
async def create_capacity_provider(service: LambdaService, call: Call, params: Params) -> Result:
    """AWS looks the subnets up first, and so there is its answer to unknown ones."""
    subnets = params["VpcConfig"]["SubnetIds"]
    raise InvalidParameterValueException(
        "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error "
        f"Message: The subnet ID '{subnets[0] if subnets else ''}' does not exist"
    )


@operation("lambda", "GetCapacityProvider")
async def get_capacity_provider(service: LambdaService, call: Call, params: Params) -> Result:
    raise _none(call, params)


@operation("lambda", "UpdateCapacityProvider")
async def update_capacity_provider(service: LambdaService, call: Call, params: Params) -> Result:
    raise _none(call, params)


@operation("lambda", "DeleteCapacityProvider")
async def delete_capacity_provider(service: LambdaService, call: Call, params: Params) -> Result:
    raise _none(call, params)


@operation("lambda", "ListCapacityProviders")
async def list_capacity_providers(service: LambdaService, call: Call, params: Params) -> Result:
    return {"CapacityProviders": []}


@operation("lambda", "ListFunctionVersionsByCapacityProvider")
async def list_function_versions_by_capacity_provider(
    service: LambdaService, call: Call, params: Params
) -> Result:
    raise _none(call, params)


@operation("lambda", "PutFunctionScalingConfig")
async def put_function_scaling_config(service: LambdaService, call: Call, params: Params) -> Result:
    raise _not_managed(service, call, params)


@operation("lambda", "GetFunctionScalingConfig")
async def get_function_scaling_config(service: LambdaService, call: Call, params: Params) -> Result:
    raise _not_managed(service, call, params)


def _none(call: Call, params: Params) -> ResourceNotFoundException:
    name = params["CapacityProviderName"]
    arn = f"arn:{PARTITION}:lambda:{call.region}:{call.account}:capacity-provider:"
    return ResourceNotFoundException(
        f"Capacity provider not found: {name if ':' in name else arn + name}"
    )


def _not_managed(
    service: LambdaService, call: Call, params: Params
) -> InvalidParameterValueException:
    """Raises ResourceNotFoundException where there is no function or no such version."""
    reference, _, _ = service.find(call, params["FunctionName"], params["Qualifier"])
    return InvalidParameterValueException(
        f"{reference.arn} has no capacity provider: scaling is configured only for functions that "
        "have one."
    )
