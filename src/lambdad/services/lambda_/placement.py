"""CapacityProviderConfig: which functions run on managed instances, and what that asks of them.

Decided when a function is created; what of it may change later is which provider, and how much one
environment takes (semantics §1.15; the texts are AWS's as its users report them, unless said).
"""

from __future__ import annotations

from lambdad.api.call import Call, Params
from lambdad.core.errors import ValidationException
from lambdad.core.value import replace
from lambdad.functions.records import Configuration, Logging, ManagedInstances
from lambdad.services.lambda_.capacity import existing_provider
from lambdad.services.lambda_.errors import InvalidParameterValueException
from lambdad.services.lambda_.service import LambdaService

_MEMBER = "LambdaManagedInstancesCapacityProviderConfig"
_LEAST_MEMORY_MIB = 2048
_MIB_PER_GIB = 1024
_CONCURRENCY_PER_VCPU = 64
_DEFAULT_CONCURRENCY = 16
_DEFAULT_MEMORY_GIB_PER_VCPU = 2.0


def placed(
    service: LambdaService, call: Call, configuration: Configuration, params: Params, *, new: bool
) -> Configuration:
    """The configuration with the placement that was asked for; of a function that is `new`, or
    else has its placement already. Raises InvalidParameterValueException, ValidationException,
    ResourceNotFoundException."""
    given = params.get("CapacityProviderConfig")
    if given is not None:
        if not new and configuration.managed is None:
            raise InvalidParameterValueException(
                "CapacityProviderConfig isn't supported for Lambda Default functions."
            )
        managed = _managed(service, call, configuration.managed, given[_MEMBER])
        configuration = replace(configuration, managed=managed)
        if new and not (params.get("LoggingConfig") or {}).get("LogFormat"):
            group = configuration.logging.log_group
            configuration = replace(configuration, logging=Logging(group, "JSON", "INFO", "INFO"))
    if configuration.managed is not None:
        _check(configuration, configuration.managed)
    return configuration


def _managed(
    service: LambdaService, call: Call, current: ManagedInstances | None, given: Params
) -> ManagedInstances:
    arn = given["CapacityProviderArn"]
    existing_provider(service, call, arn)
    before = current or ManagedInstances(arn, _DEFAULT_CONCURRENCY, _DEFAULT_MEMORY_GIB_PER_VCPU)
    return ManagedInstances(
        arn,
        given.get("PerExecutionEnvironmentMaxConcurrency", before.environment_concurrency),
        given.get("ExecutionEnvironmentMemoryGiBPerVCpu", before.memory_gib_per_vcpu),
    )


def _check(configuration: Configuration, managed: ManagedInstances) -> None:
    if configuration.memory_mib < _LEAST_MEMORY_MIB:
        raise ValidationException(
            "Lambda Managed Instance functions must have memory size greater than or equal to "
            f"{_LEAST_MEMORY_MIB}"
        )
    vcpus = configuration.memory_mib / _MIB_PER_GIB / managed.memory_gib_per_vcpu
    most = int(vcpus * _CONCURRENCY_PER_VCPU)
    if managed.environment_concurrency > most:  # the rule is AWS's, the text is ours
        raise InvalidParameterValueException(
            f"PerExecutionEnvironmentMaxConcurrency {managed.environment_concurrency} is more than "
            f"the {most} that {vcpus:g} vCPUs may have."
        )
    for applies, feature in (
        (configuration.tenant_isolation, "tenant isolation"),
        (configuration.snap_start != "None", "SnapStart"),
        (configuration.logging.log_format != "JSON", "the Text log format"),
    ):
        if applies:
            raise InvalidParameterValueException(
                f"Lambda Managed Instance functions do not support {feature}."
            )
