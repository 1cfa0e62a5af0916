"""Records as AWS's response shapes: which members there are, and when. Pure.

Semantics §1.5, "Defaults in responses", and recordings. A member that is absent on AWS is absent
here, never null.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from lambdad.api.call import Result
from lambdad.functions.names import FunctionKey
from lambdad.functions.publication import runtime_version_arn
from lambdad.functions.records import (
    Alias,
    Configuration,
    DurableSettings,
    FunctionRecord,
    Logging,
    ManagedInstances,
    Reason,
    Version,
)


def function_configuration(key: FunctionKey, version: Version, arn: str) -> Result:
    """FunctionConfiguration, under the ARN by which it was asked for."""
    arn_of_runtime = runtime_version_arn(key.region, version.deployment.configuration.runtime)
    return (
        listed_configuration(key, version, arn)
        | {"State": version.state.value}
        | _reason("State", version.state_reason)
        | _present(LastUpdateStatus=version.update_status and version.update_status.value)
        | _reason("LastUpdateStatus", version.update_reason)
        | {"RuntimeVersionConfig": {"RuntimeVersionArn": arn_of_runtime}}
    )


def listed_configuration(key: FunctionKey, version: Version, arn: str) -> Result:
    """FunctionConfiguration in a list: no states, no runtime version (recorded)."""
    configuration, code = version.deployment.configuration, version.deployment.code
    snapshots = version.version.isdecimal() and configuration.snap_start != "None"
    return {
        "FunctionName": key.name,
        "FunctionArn": arn,
        "Runtime": configuration.runtime,
        "Role": configuration.role,
        "Handler": configuration.handler,
        "CodeSize": code.size_bytes,
        "Description": configuration.description,
        "Timeout": configuration.timeout_s,
        "MemorySize": configuration.memory_mib,
        "LastModified": timestamp(version.last_modified_ms),
        "CodeSha256": code.sha256,
        "Version": version.version,
        "TracingConfig": {"Mode": configuration.tracing_mode},
        "RevisionId": version.revision_id,
        "PackageType": "Zip",
        "Architectures": [configuration.architecture],
        "EphemeralStorage": {"Size": configuration.tmp_mib},
        "SnapStart": {
            "ApplyOn": configuration.snap_start,
            "OptimizationStatus": "On" if snapshots else "Off",
        },
        "LoggingConfig": _logging(configuration.logging),
    } | _optional(configuration)


def alias_configuration(record: FunctionRecord, alias: Alias) -> Result:
    """AliasConfiguration. RoutingConfig is there only while it routes."""
    routing = {"AdditionalVersionWeights": dict(alias.weights)} if alias.weights else None
    return {
        "AliasArn": record.key.arn(alias.name),
        "Name": alias.name,
        "FunctionVersion": alias.version,
        "Description": alias.description,
        "RevisionId": alias.revision_id,
    } | _present(RoutingConfig=routing)


def timestamp(wall_ms: int) -> str:
    """A LastModified: a text, in UTC, with milliseconds and `+0000`."""
    seconds, millis = divmod(wall_ms, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{millis:03d}+0000"


def instant(wall_ms: int) -> datetime:
    """A LastModified that is a number on the wire (quirk 13)."""
    return datetime.fromtimestamp(wall_ms / 1000, UTC)


def _optional(configuration: Configuration) -> Result:
    environment = configuration.environment
    vpc = configuration.vpc
    return _present(
        Environment={"Variables": dict(environment)} if environment is not None else None,
        KMSKeyArn=configuration.kms_key_arn,
        DeadLetterConfig=(
            {"TargetArn": configuration.dead_letter_arn} if configuration.dead_letter_arn else None
        ),
        VpcConfig=vpc
        and {
            "SubnetIds": list(vpc.subnet_ids),
            "SecurityGroupIds": list(vpc.security_group_ids),
            "VpcId": vpc.vpc_id,
            "Ipv6AllowedForDualStack": vpc.ipv6_allowed,
        },
        Layers=[
            {"Arn": layer.arn, "CodeSize": layer.code.size_bytes} for layer in configuration.layers
        ]
        or None,
        DurableConfig=configuration.durable and durable_config(configuration.durable),
        CapacityProviderConfig=configuration.managed and _placement(configuration.managed),
        TenancyConfig=(
            {"TenantIsolationMode": "PER_TENANT"} if configuration.tenant_isolation else None
        ),
    )


def durable_config(settings: DurableSettings) -> Result:
    """DurableConfig."""
    return {
        "ExecutionTimeout": settings.timeout_s,
        "RetentionPeriodInDays": settings.retention_days,
    } | _present(KMSKeyArn=settings.kms_key_arn)


def _placement(managed: ManagedInstances) -> Result:
    """CapacityProviderConfig."""
    return {
        "LambdaManagedInstancesCapacityProviderConfig": {
            "CapacityProviderArn": managed.capacity_provider_arn,
            "PerExecutionEnvironmentMaxConcurrency": managed.environment_concurrency,
            "ExecutionEnvironmentMemoryGiBPerVCpu": managed.memory_gib_per_vcpu,
        }
    }


def _logging(logging: Logging) -> Result:
    return {"LogFormat": logging.log_format, "LogGroup": logging.log_group} | _present(
        ApplicationLogLevel=logging.application_level, SystemLogLevel=logging.system_level
    )


def _reason(prefix: str, reason: Reason | None) -> Result:
    if reason is None:
        return {}
    return {f"{prefix}Reason": reason.text, f"{prefix}ReasonCode": reason.code}


def _present(**members: Any) -> Result:
    return {name: value for name, value in members.items() if value is not None}
