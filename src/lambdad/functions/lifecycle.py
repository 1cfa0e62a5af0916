"""How a function changes: the state machine, and when revision ids move. Pure.

Every change takes a record and gives a new one, or raises the AWS error that forbids it. What is
random or a time comes in as a Stamp. Semantics §1.5 and §1.6.
"""

from __future__ import annotations

from collections.abc import Mapping

from lambdad.core.value import Value, replace
from lambdad.functions.attachments import OUTLIVES_QUALIFIER
from lambdad.functions.errors import (
    InvalidParameterValueException,
    PreconditionFailedException,
    ResourceConflictException,
)
from lambdad.functions.names import LATEST, FunctionKey
from lambdad.functions.records import (
    CREATING,
    Alias,
    CodePackage,
    Configuration,
    Deployment,
    FunctionRecord,
    Reason,
    State,
    UpdateStatus,
    Version,
)

_STALE = (
    "The Revision Id provided does not match the latest Revision Id. Call the "
    "GetFunction/GetAlias API to retrieve the latest Revision Id"
)


class Stamp(Value):
    """What a change needs from outside: fresh ids, and when it happens. One per change."""

    revision_id: str
    published_revision_id: str
    """For the version that the same change publishes."""
    deployment_id: str
    published_deployment_id: str
    now_ms: int


def create(
    key: FunctionKey,
    configuration: Configuration,
    code: CodePackage,
    stamp: Stamp,
    *,
    next_version: int = 1,
    tags: Mapping[str, str] | None = None,
) -> FunctionRecord:
    """A function that is Pending. `next_version` goes on where a deleted one of the same name
    stopped: numbers are never used twice."""
    latest = Version(
        LATEST, Deployment(stamp.deployment_id, code, configuration), stamp.revision_id,
        stamp.now_ms,
    )  # fmt: skip
    return FunctionRecord(key, latest, next_version, tags=dict(tags or {}))


def check_revision(current: str, given: str | None) -> None:
    """Raises PreconditionFailedException where a caller holds another revision."""
    if given is not None and given != current:
        raise PreconditionFailedException(_STALE)


def check_changeable(record: FunctionRecord) -> None:
    """Raises ResourceConflictException while `$LATEST` is being created or updated."""
    latest = record.latest
    if latest.state is State.PENDING:
        raise ResourceConflictException(
            "The operation cannot be performed at this time. The function is currently in the "
            f"following state: {latest.state}"
        )
    check_not_updating(record)


def check_not_updating(record: FunctionRecord) -> None:
    """Raises ResourceConflictException while `$LATEST` is being updated."""
    if record.latest.update_status is UpdateStatus.IN_PROGRESS:
        raise ResourceConflictException(
            "The operation cannot be performed at this time. An update is in progress for "
            f"resource: {record.key.arn()}"
        )


def start_update(
    record: FunctionRecord,
    stamp: Stamp,
    *,
    configuration: Configuration | None = None,
    code: CodePackage | None = None,
) -> FunctionRecord:
    """`$LATEST` shows the change at once and serves it when it is prepared."""
    latest = record.latest
    deployment = Deployment(
        stamp.deployment_id,
        code or latest.deployment.code,
        configuration or latest.deployment.configuration,
    )
    return replace(
        record,
        latest=replace(
            latest,
            deployment=deployment,
            revision_id=stamp.revision_id,
            last_modified_ms=stamp.now_ms,
            update_status=UpdateStatus.IN_PROGRESS,
            update_reason=CREATING,
        ),
    )


def unsettled(record: FunctionRecord) -> tuple[Version, ...]:
    """The versions for which something has to be prepared."""
    return tuple(version for version in record.all_versions() if not version.is_settled)


def settle(record: FunctionRecord, revision_ids: Mapping[str, str]) -> FunctionRecord:
    """What was prepared is served: the versions named by `revision_ids` become Active and
    Successful under a new revision."""
    return _change(
        record,
        {
            number: replace(
                version,
                revision_id=revision_id,
                state=State.ACTIVE,
                state_reason=None,
                update_status=UpdateStatus.SUCCESSFUL,
                update_reason=None,
                serving=version.deployment,
            )
            for number, revision_id in revision_ids.items()
            if (version := record.version(number)) is not None
        },
    )


def fail(record: FunctionRecord, revision_ids: Mapping[str, str], reason: Reason) -> FunctionRecord:
    """It could not be prepared. A creation ends as Failed; an update too, but what served before
    goes on serving."""
    changed = {}
    for number, revision_id in revision_ids.items():
        version = record.version(number)
        if version is None:
            continue
        if version.serving is None:
            changed[number] = replace(
                version, revision_id=revision_id, state=State.FAILED, state_reason=reason,
                update_status=None, update_reason=None,
            )  # fmt: skip
        else:
            changed[number] = replace(
                version, revision_id=revision_id,
                update_status=UpdateStatus.FAILED, update_reason=reason,
            )  # fmt: skip
    return _change(record, changed)


def publish(
    record: FunctionRecord, stamp: Stamp, description: str | None = None
) -> tuple[FunctionRecord, Version]:
    """`$LATEST` as a version: the last one again where nothing but the description differs from
    it, else a new one. That one is ready at once if what it holds already serves and no snapshot
    is asked for; otherwise it waits as Pending. A new version gives `$LATEST` a new revision."""
    latest = record.latest
    last = record.last_version
    if last is not None and _same(last.deployment, latest.deployment):
        return record, last
    configuration = latest.deployment.configuration
    if description is not None:
        configuration = replace(configuration, description=description)
    deployment = Deployment(stamp.published_deployment_id, latest.deployment.code, configuration)
    number = str(record.next_version)
    version = Version(number, deployment, stamp.published_revision_id, latest.last_modified_ms)
    prepared = latest.serving is not None and latest.serving.id == latest.deployment.id
    if prepared and configuration.snap_start == "None":
        version = replace(
            version, state=State.ACTIVE, state_reason=None,
            update_status=UpdateStatus.SUCCESSFUL, serving=deployment,
        )  # fmt: skip
    published = replace(
        record,
        latest=replace(latest, revision_id=stamp.revision_id),
        versions={**record.versions, number: version},
        next_version=record.next_version + 1,
    )
    return published, version


def touch(record: FunctionRecord, stamp: Stamp) -> FunctionRecord:
    """A new revision of `$LATEST` and nothing else."""
    return replace(record, latest=replace(record.latest, revision_id=stamp.revision_id))


def retag(record: FunctionRecord, tags: Mapping[str, str], stamp: Stamp) -> FunctionRecord:
    """Other tags; they are part of `$LATEST`'s revision."""
    return touch(replace(record, tags=dict(tags)), stamp)


def delete_version(record: FunctionRecord, number: str) -> FunctionRecord:
    """Without one published version; unchanged if there is no such. Raises
    ResourceConflictException where an alias points to it."""
    holders = sorted(alias.name for alias in record.aliases.values() if number in alias.targets)
    if holders:
        raise ResourceConflictException(
            "Unable to delete version because the following aliases reference it: "
            f"[{', '.join(holders)}]"
        )
    if number not in record.versions:
        return record
    rest = {key: version for key, version in record.versions.items() if key != number}
    return _unattached(replace(record, versions=rest), number)


def put_alias(record: FunctionRecord, alias: Alias) -> FunctionRecord:
    """With an alias, new or in place of the one of its name."""
    return replace(record, aliases={**record.aliases, alias.name: alias})


def delete_alias(record: FunctionRecord, name: str) -> FunctionRecord:
    """Without an alias; unchanged if there is no such."""
    if name not in record.aliases:
        return record
    rest = {key: alias for key, alias in record.aliases.items() if key != name}
    return _unattached(replace(record, aliases=rest), name)


def check_weights(version: str, weights: Mapping[str, float]) -> None:
    """Raises InvalidParameterValueException for shares that AWS does not allow; whether the
    versions exist is the caller's question."""
    if not weights:
        return
    if len(weights) > 1:
        raise InvalidParameterValueException(
            "Number of items in AdditionalVersionWeights cannot be greater than 1"
        )
    if version in weights:
        raise InvalidParameterValueException(
            f"Invalid function version {version}. Function version {version} is already included "
            "in routing configuration."
        )
    if version == LATEST:
        raise InvalidParameterValueException(
            "$LATEST is not supported for an alias pointing to more than 1 version", Type=None
        )


def _unattached(record: FunctionRecord, gone: str) -> FunctionRecord:
    """Without what hung on a version or alias that is no more."""
    kept = {
        (kind, qualifier): value
        for (kind, qualifier), value in record.attachments.items()
        if qualifier != gone or kind in OUTLIVES_QUALIFIER
    }
    return record if len(kept) == len(record.attachments) else replace(record, attachments=kept)


def _same(published: Deployment, latest: Deployment) -> bool:
    configuration = replace(latest.configuration, description=published.configuration.description)
    return published.code == latest.code and published.configuration == configuration


def _change(record: FunctionRecord, changed: Mapping[str, Version]) -> FunctionRecord:
    if not changed:
        return record
    versions = {number: changed.get(number, version) for number, version in record.versions.items()}
    return replace(record, latest=changed.get(LATEST, record.latest), versions=versions)
