"""DurableConfig: whether a function is durable is decided at its creation, the rest at any time.

Pure. The text about ExecutionTimeout is AWS's as the issue tracker of its .NET tools quotes it; the
other is another open implementation's.
"""

from __future__ import annotations

from lambdad.api.call import Params
from lambdad.core.value import replace
from lambdad.functions.records import DurableSettings
from lambdad.services.lambda_.errors import InvalidParameterValueException

_FIELDS = {
    "ExecutionTimeout": "timeout_s",
    "RetentionPeriodInDays": "retention_days",
}


def new_durable(params: Params) -> DurableSettings | None:
    """The settings of a function about to be created, if it is to be durable."""
    given = params.get("DurableConfig")
    if given is None:
        return None
    if "ExecutionTimeout" not in given:
        raise InvalidParameterValueException(
            "You cannot create a function with a durable configuration without an executionTimeout"
        )
    return changed_durable(DurableSettings(given["ExecutionTimeout"]), params)


def changed_durable(current: DurableSettings | None, params: Params) -> DurableSettings | None:
    """The settings with every member that was given; the others stay."""
    given = params.get("DurableConfig")
    if given is None:
        return current
    if current is None:
        raise InvalidParameterValueException(
            "You cannot add a durable configuration to a function that was originally created "
            "with no durable configuration"
        )
    changes = {field: given[member] for member, field in _FIELDS.items() if member in given}
    if "KMSKeyArn" in given:
        changes["kms_key_arn"] = given["KMSKeyArn"] or None
    return replace(current, **changes)
