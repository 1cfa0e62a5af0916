"""DurableInvoker: executions for those who know only invocations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.engines.durable.errors import already_started, too_many_executions
from lambdad.engines.durable.execution import Execution, ExecutionStatus
from lambdad.functions.records import DurableSettings
from lambdad.functions.snapshot import FunctionVersion
from lambdad.invoke.durable_invoker import DurableInvoker
from lambdad.invoke.durable_start import Start, origin_of
from lambdad.runtime.invocation import InvokeRequest, InvokeResult
from lambdad.runtime.response_stream import ResponseStream
from support.functions import make_request, make_version, run


class Executions:
    """Begun and over at once, with the end that is set."""

    def __init__(self, **end: Any) -> None:
        self.end = {"status": ExecutionStatus.SUCCEEDED, "ended_ms": 30} | end
        self.starts: list[Start] = []
        self.refusal: Exception | None = None
        self.begun: list[Execution] = []

    async def begin(self, start: Start) -> Execution:
        self.starts.append(start)
        if self.refusal is not None:
            raise self.refusal
        self.begun.append(Execution(origin_of(start, 10), 0, {}))
        return self.begun[-1]

    async def closed(self, execution_id: str) -> Execution:
        (execution,) = (each for each in self.begun if each.id == execution_id)
        return replace(execution, **self.end)


class Plain:
    """Runs what is not durable."""

    def __init__(self) -> None:
        self.ran: list[FunctionVersion] = []

    async def invoke(self, target: FunctionVersion, request: InvokeRequest) -> InvokeResult:
        self.ran.append(target)
        return InvokeResult(request.payload, None, target.version, None, 1.0, 1)

    async def stream(self, target: FunctionVersion, request: InvokeRequest) -> ResponseStream:
        raise NotImplementedError


def durable(timeout_s: int = 3600) -> FunctionVersion:
    return make_version(Path("/code"), name="f", durable=DurableSettings(timeout_s, 1))


def test_a_durable_function_runs_as_an_execution_named_by_the_request() -> None:
    async def scenario() -> None:
        executions, plain = Executions(result='{"a": 1}'), Plain()
        invoker = DurableInvoker(plain, executions, DEFAULT_LIMITS)
        request = make_request(durable())._replace(payload=b"[1]", tenant_id="t")
        result = await invoker.invoke(durable(), request)
        assert result == InvokeResult(b'{"a": 1}', None, "$LATEST", None, 20, 0)
        (start,) = executions.starts
        assert (start.payload, start.name, start.tenant_id, start.synchronous) == (
            b"[1]",
            request.request_id,
            "t",
            True,
        )
        assert plain.ran == []

    run(scenario())


@pytest.mark.parametrize(
    ("timeout_s", "lasts_s"), [(60, 60), (31_622_400, DEFAULT_LIMITS.durable_synchronous_s)]
)
def test_whoever_waits_waits_no_longer_than_for_a_function(timeout_s: int, lasts_s: int) -> None:
    async def scenario() -> None:
        executions, target = Executions(), durable(timeout_s)
        invoker = DurableInvoker(Plain(), executions, DEFAULT_LIMITS)
        assert (await invoker.invoke(target, make_request(target))).payload == b"null"
        await invoker.begin(target, make_request(target))
        assert [each.origin.timeout_s for each in executions.begun] == [lasts_s, timeout_s]
        assert [each.origin.dead_letters for each in executions.begun] == [False, True]

    run(scenario())


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "STOPPED"])
def test_an_execution_that_fails_is_a_function_that_failed(status: str) -> None:
    async def scenario() -> None:
        error = {"ErrorMessage": "no", "ErrorType": "E"}
        executions = Executions(status=ExecutionStatus(status), error=error)
        invoker, target = DurableInvoker(Plain(), executions, DEFAULT_LIMITS), durable()
        result = await invoker.invoke(target, make_request(target))
        assert (result.payload, result.function_error, result.error_type) == (
            b'{"errorMessage":"no","errorType":"E"}',
            "Unhandled",
            "E",
        )

    run(scenario())


def test_what_has_begun_is_not_begun_again() -> None:
    async def scenario() -> None:
        executions, target = Executions(), durable()
        invoker = DurableInvoker(Plain(), executions, DEFAULT_LIMITS)
        executions.refusal = already_started("arn")
        await invoker.begin(target, make_request(target))
        executions.refusal = too_many_executions(1)
        with pytest.raises(type(executions.refusal)):
            await invoker.begin(target, make_request(target))

    run(scenario())


def test_any_other_function_runs_as_it_is() -> None:
    async def scenario() -> None:
        executions, plain, target = Executions(), Plain(), make_version(Path("/code"), name="f")
        result = await DurableInvoker(plain, executions, DEFAULT_LIMITS).invoke(
            target, make_request(target)
        )
        assert (plain.ran, executions.starts) == ([target], [])
        assert result.executed_version == target.version

    run(scenario())
