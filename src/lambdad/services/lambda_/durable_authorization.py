"""What the operations on durable executions require (Service Authorization Reference, "AWS
Lambda").

The resource is the durable execution, whose ARN begins with that of the function's version: a
policy for `function:my-function:*` covers it, as AWS's documentation of durable functions has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lambdad.api.call import Call, Params
from lambdad.api.requirement import Requirement, Rule
from lambdad.core.arn import PARTITION, parse_arn
from lambdad.core.value import replace
from lambdad.services.lambda_.durable_callbacks import callback_arn
from lambdad.services.lambda_.service import LambdaService

_ON_EXECUTION = (
    "CheckpointDurableExecution",
    "DeleteDurableExecution",
    "GetDurableExecution",
    "GetDurableExecutionHistory",
    "GetDurableExecutionState",
    "PauseDurableExecution",
    "ResumeDurableExecution",
    "StopDurableExecution",
)
_ON_CALLBACK = (
    "SendDurableExecutionCallbackFailure",
    "SendDurableExecutionCallbackHeartbeat",
    "SendDurableExecutionCallbackSuccess",
)


def _on_execution(action: str) -> Rule:
    def rule(_: LambdaService, __: Call, params: Params) -> Iterable[Requirement]:
        return (Requirement(f"lambda:{action}", _one_spelling(params["DurableExecutionArn"])),)

    return rule


def _on_callback(action: str) -> Rule:
    def rule(_: LambdaService, __: Call, params: Params) -> Iterable[Requirement]:
        arn = callback_arn(params["CallbackId"])
        return (Requirement(f"lambda:{action}", _one_spelling(arn)),)

    return rule


def _one_spelling(arn: str) -> str:
    """Operations take any partition, and a policy's Deny must not be evaded by another one."""
    parsed = parse_arn(arn)
    return arn if parsed is None else str(replace(parsed, partition=PARTITION))


DURABLE_RULES: Mapping[str, Rule] = {
    **{name: _on_execution(name) for name in _ON_EXECUTION},
    **{name: _on_callback(name) for name in _ON_CALLBACK},
}
