"""From a record to what the data plane sees of it. Pure.

The data plane is shown what serves, not what is being prepared: during an update, and after a
failed one, invocations run what they ran before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from lambdad.core.arn import PARTITION
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.functions.attachments import (
    EventInvoke,
    FunctionScaling,
    FunctionUrl,
    Provisioned,
    Recursion,
    ResourcePolicy,
)
from lambdad.functions.names import FunctionKey
from lambdad.functions.records import CodePackage, FunctionRecord, Version
from lambdad.functions.snapshot import AliasTarget, Function, FunctionVersion
from lambdad.iam.policy import Policy, PolicyKind

Trees = Callable[[CodePackage, str], Path]
"""Where a package is unpacked for a runtime; a layer is for all alike, so for none ("")."""


def publishable(record: FunctionRecord, trees: Trees) -> Function:
    """The function as the catalog shows it."""
    key, recursion = record.key, record.attached(Recursion)
    return Function(
        key.account,
        key.region,
        key.name,
        {version.version: _version(key, version, trees) for version in record.all_versions()},
        {name: AliasTarget(alias.version, alias.weights) for name, alias in record.aliases.items()},
        record.reserved_concurrency,
        {
            qualifier: Policy(
                PolicyKind.RESOURCE, key.arn(qualifier), policy.document, DEFAULT_LIMITS
            )
            for qualifier, policy in record.every(ResourcePolicy).items()
        },
        record.every(EventInvoke),
        recursion.loop if recursion else "Terminate",
        record.every(FunctionUrl),
        record.every(Provisioned),
        record.every(FunctionScaling),
    )


def runtime_version_arn(region: str, runtime: str) -> str:
    """The ARN of the runtime version that serves an identifier here. AWS's hash says nothing to
    anyone; ours is of the identifier, so that it changes with it and with nothing else."""
    digest = hashlib.sha256(runtime.encode()).hexdigest()
    return f"arn:{PARTITION}:lambda:{region}::runtime:{digest}"


def _version(key: FunctionKey, version: Version, trees: Trees) -> FunctionVersion:
    deployment = version.serving or version.deployment
    configuration = deployment.configuration
    logging = configuration.logging
    managed = configuration.managed
    return FunctionVersion(
        account=key.account,
        region=key.region,
        name=key.name,
        version=version.version,
        deployment_id=deployment.id,
        state=version.state,
        runtime=configuration.runtime,
        handler=configuration.handler,
        role=configuration.role,
        memory_mib=configuration.memory_mib,
        timeout_s=configuration.timeout_s,
        tmp_mib=configuration.tmp_mib,
        environment=configuration.environment or {},
        code_dir=trees(deployment.code, configuration.runtime),
        code_sha256=deployment.code.sha256,
        layer_dirs=tuple(trees(layer.code, "") for layer in configuration.layers),
        log_group=logging.log_group,
        log_format=logging.log_format,
        application_log_level=logging.application_level or "INFO",
        system_log_level=logging.system_level or "INFO",
        tracing_mode=configuration.tracing_mode,
        architecture=configuration.architecture,
        runtime_version_arn=runtime_version_arn(key.region, configuration.runtime),
        tenant_isolation=configuration.tenant_isolation,
        capacity_provider=managed.capacity_provider_arn if managed else None,
        environment_concurrency=managed.environment_concurrency if managed else 1,
        dead_letter_arn=configuration.dead_letter_arn,
        durable=configuration.durable,
        snap_start=version.wants_snapshot,
    )
