"""Durable executions on a manual clock, with functions that are scripts and real storage."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from lambdad.core.clock import ManualClock
from lambdad.core.limits import DEFAULT_LIMITS, Limits
from lambdad.core.value import replace
from lambdad.engines.durable import callbacks, course
from lambdad.engines.durable.change import Change
from lambdad.engines.durable.checkpoint import Update
from lambdad.engines.durable.errors import (
    DurableExecutionAlreadyStartedException,
    InvalidParameterValueException,
    ResourceConflictException,
    ResourceNotFoundException,
)
from lambdad.engines.durable.execution import Execution
from lambdad.engines.durable.protocol import CheckpointRequest
from lambdad.engines.durable.rows import MIGRATIONS, HistoryQuery, active
from lambdad.functions.records import DurableSettings
from lambdad.functions.snapshot import Catalog, FunctionVersion
from lambdad.invoke.durable import DurableRunner, OnFailure
from lambdad.invoke.durable_start import Start
from lambdad.invoke.errors import TooManyRequestsException
from lambdad.invoke.invoker import InvokeRequest, InvokeResult
from lambdad.server.durable import durable_runner
from lambdad.storage.lane import Lane
from support.durable_states import callback, chained, retry, update, wait
from support.functions import ACCOUNT, REGION, make_function, make_version, run
from support.lanes import open_sqlite
from support.patience import PATIENCE_S, until

Event = dict[str, Any]
Script = Callable[["Stage", Event], Any]
PENDING = {"Status": "PENDING"}


def done(result: str = "1") -> dict[str, str]:
    return {"Status": "SUCCEEDED", "Result": result}


class Scripts:
    """An invoker whose functions are scripts: one for each invocation, the last one for ever. What
    a script returns is the answer; an exception is the invoker's own."""

    def __init__(self) -> None:
        self.stage: Stage | None = None
        self.scripts: dict[str, list[Script]] = {}
        self.events: list[Event] = []
        self.gate: asyncio.Event | None = None

    async def invoke(self, target: FunctionVersion, request: InvokeRequest) -> InvokeResult:
        assert self.stage is not None
        event = json.loads(request.payload)
        self.events.append(event)
        if self.gate is not None:
            await self.gate.wait()
        scripts = self.scripts[target.name]
        script = scripts.pop(0) if len(scripts) > 1 else scripts[0]
        answer = script(self.stage, event)
        if asyncio.iscoroutine(answer):
            answer = await answer
        if isinstance(answer, Exception):
            payload = json.dumps({"errorMessage": str(answer), "errorType": "E"}).encode()
            return InvokeResult(payload, "Unhandled", target.version, None, 1.0, 1)
        return InvokeResult(json.dumps(answer).encode(), None, target.version, None, 1.0, 1)


@dataclasses.dataclass
class Stage:
    folder: Path
    lane: Lane
    clock: ManualClock
    catalog: Catalog
    functions: Scripts
    limits: Limits
    runner: DurableRunner
    version: FunctionVersion
    allowed: bool = True

    async def begin(self, payload: bytes = b"{}", **fields: Any) -> Execution:
        fields = {"synchronous": False, "trace_header": ""} | fields
        return await self.runner.begin(Start(self.version, payload, **fields))

    async def note(self, event: Event, *updates: Update) -> str | None:
        """A checkpoint of the running script; the event gets its next token."""
        identifier = event["DurableExecutionArn"].rpartition("/")[2]
        request = CheckpointRequest(event["CheckpointToken"], updates)
        answer = await self.runner.checkpoint(identifier, request)
        event["CheckpointToken"] = answer.token
        return answer.token

    async def until(self, condition: Callable[[], Any]) -> None:
        await until(condition)

    async def idle(self, invocations: int) -> None:
        """So many invocations were made and are over, and what came of them is on disk."""
        await self.until(
            lambda: len(self.functions.events) >= invocations and not self.runner._running
        )
        while await self._under_way():
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        assert len(self.functions.events) == invocations

    async def _under_way(self) -> bool:
        """Whether an invocation is over whose outcome is still to be stored: it is stamped then,
        so the clock must not move before."""
        found = [await self.runner.store.get(at) for at in await self.lane.read(active)]
        return any(at is not None and at.invocation is not None for at in found)

    async def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.runner.wake()

    async def history(self, execution: Execution) -> list[str]:
        page = await self.runner.store.history(HistoryQuery(execution.id, None, 1000, 10**9))
        return [event.type for event in page.events]

    def script(self, *scripts: Script, of: str = "f") -> None:
        self.functions.scripts[of] = list(scripts)


@contextlib.asynccontextmanager
async def stage(
    folder: Path,
    *scripts: Script,
    clock: ManualClock | None = None,
    on_failure: OnFailure | None = None,
    **limits: int,
) -> AsyncIterator[Stage]:
    """A runner over the folder's lane; another one later is another process."""
    clock, functions = clock or ManualClock(), Scripts()
    functions.scripts["f"] = list(scripts)
    narrow = replace(DEFAULT_LIMITS, **limits)
    version = make_version(folder, name="f", durable=DurableSettings(3600, 1))
    catalog = Catalog()
    catalog.publish(make_function(version))
    catalog.publish(make_function(make_version(folder, name="other")))
    lane = open_sqlite(folder / "durable.db", MIGRATIONS)
    made: Stage

    def may_invoke(role: str, action: str, resource: str) -> str | None:
        return None if made.allowed else f"{role} may not {action} on {resource}"

    runner = durable_runner(lane, catalog, functions, may_invoke, (clock, narrow))
    made = Stage(folder, lane, clock, catalog, functions, narrow, runner, version)
    functions.stage = made
    runner.on_failure = on_failure
    await runner.start()
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield made
    finally:
        await runner.close()
        await lane.close()


def noting(*updates: Update, then: Any = PENDING) -> Script:
    async def script(on: Stage, event: Event) -> Any:
        await on.note(event, *updates)
        return then

    return script


def answering(answer: Any) -> Script:
    return lambda _on, _event: answer


def test_the_event_and_the_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            on.script(answering(done("42")))
            execution = await on.begin(b'{"a": 1}', name="mine")
            ended = await on.runner.closed(execution.id)
            assert (ended.status, ended.result) == ("SUCCEEDED", "42")
            (event,) = on.functions.events
            token = event.pop("CheckpointToken")
            assert token == execution.token
            assert event == {
                "DurableExecutionArn": execution.origin.arn,
                "InitialExecutionState": {
                    "Operations": [
                        {
                            "Id": execution.id,
                            "Name": "mine",
                            "Type": "EXECUTION",
                            "StartTimestamp": execution.origin.started_ms,
                            "Status": "STARTED",
                            "ExecutionDetails": {"InputPayload": '{"a": 1}'},
                        }
                    ],
                    "NextMarker": "",
                },
                "UpdatedOperationIds": [],
            }

    run(scenario())


def test_a_wait_costs_nothing_until_it_is_due(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            on.script(noting(wait(60)), answering(done()))
            execution = await on.begin()
            await on.idle(1)
            await on.advance(59)
            await on.idle(1)
            await on.advance(1)
            assert (await on.runner.closed(execution.id)).status == "SUCCEEDED"
            assert on.functions.events[1]["UpdatedOperationIds"] == ["o"]

    run(scenario())


def test_a_process_that_is_gone_leaves_nothing_undone(tmp_path: Path) -> None:
    """Each process sees one invocation begin and dies during it, or while it waits."""
    clock = ManualClock()

    async def first() -> Execution:
        async with stage(tmp_path, clock=clock) as on:
            on.functions.gate = asyncio.Event()
            on.script(answering(done()))
            execution = await on.begin()
            await on.until(lambda: on.functions.events)
            return execution

    async def second(execution: Execution) -> None:
        script = noting(update("STEP", "SUCCEED", "s", Payload="7"), wait(60))
        async with stage(tmp_path, script, clock=clock) as on:
            await on.idle(1)
            assert on.functions.events[0]["DurableExecutionArn"] == execution.origin.arn

    async def third(execution: Execution) -> None:
        async with stage(tmp_path, answering(done()), clock=clock) as on:
            await on.idle(0)
            await on.advance(60)
            ended = await on.runner.closed(execution.id)
            (event,) = on.functions.events
            _, step, waited = event["InitialExecutionState"]["Operations"]
            assert (step["StepDetails"]["Result"], waited["Status"]) == ("7", "SUCCEEDED")
            assert ended.status == "SUCCEEDED"
            assert await on.history(ended) == [
                "ExecutionStarted",
                "StepSucceeded",
                "WaitStarted",
                "InvocationCompleted",
                "WaitSucceeded",
                "InvocationCompleted",
                "ExecutionSucceeded",
            ]

    execution = run(first())
    run(second(execution))
    run(third(execution))


def test_names(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            on.script(noting(wait(60)))
            first = await on.begin(b"1", name="n")
            assert (await on.begin(b"1", name="n")).id == first.id
            with pytest.raises(DurableExecutionAlreadyStartedException) as caught:
                await on.begin(b"2", name="n")
            assert caught.value.message == f"Execution already started: {first.origin.arn}"
            assert (await on.begin(b"1")).id != first.id
            await on.idle(2)

    run(scenario())


def test_one_invocation_at_a_time(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            on.functions.gate = asyncio.Event()
            on.script(noting(callback()), answering(done()))
            execution = await on.begin()
            await on.until(lambda: on.functions.events)
            on.functions.gate.set()
            await on.until(lambda: not on.runner._running)
            on.functions.gate.clear()
            found = await on.runner.get(execution.id)
            identifier = found.operations["o"].callback_id or ""

            def succeed(at: Execution, now_ms: int) -> Change:
                return callbacks.succeeded(at, identifier, "yes", now_ms)

            await on.runner.change(execution.id, succeed)
            await on.until(lambda: len(on.functions.events) == 2)
            await on.runner.change(execution.id, lambda at, _: Change(at))
            on.functions.gate.set()
            assert (await on.runner.closed(execution.id)).status == "SUCCEEDED"
            await on.idle(2)

    run(scenario())


def test_a_change_that_is_being_stored_when_an_invocation_ends(tmp_path: Path) -> None:
    """It does not make that invocation once more."""

    async def scenario() -> None:
        end, storing, go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def first(on: Stage, event: Event) -> Any:
            await on.note(event, callback())
            await end.wait()
            return PENDING

        def succeed(at: Execution, now_ms: int) -> Change:
            return callbacks.succeeded(at, at.operations["o"].callback_id or "", "yes", now_ms)

        async with stage(tmp_path) as on:
            on.script(first, answering(done()))
            execution = await on.begin()
            while "o" not in (await on.runner.get(execution.id)).operations:
                await asyncio.sleep(0.001)
            store = on.runner.store.replace

            async def held(before: Execution, change: Change) -> None:
                storing.set()
                await go_on.wait()
                await store(before, change)

            on.runner.store.replace = held  # type: ignore[method-assign]
            changing = asyncio.ensure_future(on.runner.change(execution.id, succeed))
            await storing.wait()
            end.set()
            await on.until(lambda: not on.runner._running)
            go_on.set()
            await changing
            assert (await on.runner.closed(execution.id)).status == "SUCCEEDED"
            await on.idle(2)

    run(scenario())


def test_failures_and_throttles(tmp_path: Path) -> None:
    def throttled(_on: Stage, _event: Event) -> Any:
        raise TooManyRequestsException("ConcurrentInvocationLimitExceeded")

    def bug(_on: Stage, _event: Event) -> Any:
        raise RuntimeError("a bug")

    async def scenario() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        async with stage(tmp_path) as on:
            on.script(throttled, bug, answering(ValueError("boom")), answering(done()))
            execution = await on.begin()
            await on.idle(1)
            for number, seconds in ((2, 1), (3, 2), (4, 1)):
                await on.advance(seconds - 0.001)
                await on.idle(number - 1)
                await on.advance(0.001)
                await on.until(lambda expected=number: len(on.functions.events) == expected)
                await on.idle(number)
            assert (await on.runner.closed(execution.id)).status == "SUCCEEDED"

    run(scenario())


def test_it_gives_up(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, durable_invocation_attempts=2) as on:
            on.script(answering(ValueError("boom")))
            execution = await on.begin()
            await on.idle(1)
            await on.advance(1)
            ended = await on.runner.closed(execution.id)
            assert ended.error == {"ErrorMessage": "boom", "ErrorType": "E"}

    run(scenario())


def test_a_deleted_function_fails_its_executions(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            on.script(noting(wait(60)))
            execution = await on.begin()
            await on.idle(1)
            on.catalog.remove(ACCOUNT, REGION, "f")
            await on.advance(60)
            ended = await on.runner.closed(execution.id)
            assert ended.error == {
                "ErrorMessage": f"Function not found: {execution.origin.function_arn}",
                "ErrorType": "ResourceNotFoundException",
            }

    run(scenario())


def test_a_timeout_during_an_invocation(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            on.functions.gate = asyncio.Event()
            on.script(noting(update("STEP", "SUCCEED")))
            execution = await on.begin()
            await on.until(lambda: on.functions.events)
            await on.advance(3600)
            assert (await on.runner.closed(execution.id)).status == "TIMED_OUT"
            with pytest.raises(InvalidParameterValueException, match="Invalid checkpoint token"):
                await on.note(on.functions.events[0], update("STEP", "SUCCEED"))

    run(scenario())


def test_executions_are_forgotten(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            on.script(answering(done()))
            execution = await on.begin(name="n")
            await on.runner.closed(execution.id)
            await on.idle(1)
            await on.advance(86_399)
            assert (await on.runner.get(execution.id)).status == "SUCCEEDED"
            await on.advance(1)
            while await on.runner.store.get(execution.id) is not None:
                await asyncio.sleep(0.001)
            assert await on.history(execution) == []
            assert (await on.begin(b"other", name="n")).id != execution.id
            await on.idle(2)

    run(scenario())


def test_a_deletion_on_request(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            on.script(noting(wait(60)))
            execution = await on.begin()
            await on.idle(1)
            with pytest.raises(ResourceConflictException):
                await on.runner.delete(execution.id)
            await on.runner.change(execution.id, lambda at, now: course.stopped(at, None, now))
            await on.runner.delete(execution.id)
            with pytest.raises(ResourceNotFoundException):
                await on.runner.get(execution.id)

    run(scenario())


def test_quota_of_open_executions(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, durable_executions=1) as on:
            on.script(noting(wait(60)))
            execution = await on.begin()
            await on.idle(1)
            with pytest.raises(ResourceConflictException):
                await on.begin()
            await on.runner.change(execution.id, lambda at, now: course.stopped(at, None, now))
            await on.begin()
            await on.idle(2)
        async with stage(tmp_path, durable_executions=1) as again:
            with pytest.raises(ResourceConflictException):
                await again.begin()

    run(scenario())


def test_a_full_house_makes_others_wait(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, durable_in_flight=1) as on:
            on.functions.gate = asyncio.Event()
            on.script(answering(done()))
            executions = [await on.begin() for _ in range(5)]
            await on.until(lambda: on.functions.events)
            await asyncio.sleep(0.05)
            assert len(on.functions.events) == 1
            on.functions.gate.set()
            for execution in executions:
                assert (await on.runner.closed(execution.id)).status == "SUCCEEDED"

    run(scenario())


def test_steps_are_tried_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            on.script(noting(retry(10)), answering(done()))
            execution = await on.begin()
            await on.idle(1)
            await on.advance(10)
            await on.runner.closed(execution.id)
            step = on.functions.events[1]["InitialExecutionState"]["Operations"][1]
            assert (step["Status"], step["StepDetails"]["Attempt"]) == ("READY", 1)

    run(scenario())


def test_a_chained_function(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            on.script(noting(chained(payload='{"x": 1}')), answering(done()))
            on.script(lambda _, event: {"got": event}, of="other")
            execution = await on.begin()
            ended = await on.runner.closed(execution.id)
            assert json.loads(ended.operations["o"].result or "") == {"got": {"x": 1}}

    run(scenario())


def test_a_chained_function_that_the_role_may_not_invoke(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            on.allowed = False
            on.script(noting(chained()), answering(done()))
            execution = await on.begin()
            ended = await on.runner.closed(execution.id)
            error = ended.operations["o"].error
            assert error is not None
            assert error["ErrorType"] == "AccessDeniedException"
            assert "lambda:InvokeFunction" in error["ErrorMessage"]

    run(scenario())


@pytest.mark.parametrize(
    ("target", "kind", "text"),
    [
        (
            "nobody",
            "ResourceNotFoundException",
            f"Function not found: arn:aws:lambda:{REGION}:{ACCOUNT}:function:nobody:$LATEST",
        ),
        (
            "f",
            "InvalidParameterValueException",
            "You cannot invoke a durable function using an unqualified ARN.",
        ),
    ],
)
def test_chained_invokes_that_cannot_be(tmp_path: Path, target: str, kind: str, text: str) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            options = {"FunctionName": target}
            start = update("CHAINED_INVOKE", "START", ChainedInvokeOptions=options)
            on.script(noting(start), answering(done()))
            ended = await on.runner.closed((await on.begin()).id)
            assert ended.operations["o"].error == {"ErrorMessage": text, "ErrorType": kind}

    run(scenario())


def test_a_function_of_another_account_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        refused: list[str | None] = []

        async def script(on: Stage, event: Event) -> Any:
            options = {"FunctionName": f"arn:aws:lambda:{REGION}:999999999999:function:g"}
            start = update("CHAINED_INVOKE", "START", ChainedInvokeOptions=options)
            try:
                await on.note(event, start)
            except InvalidParameterValueException as error:
                refused.append(error.message)
            return done()

        async with stage(tmp_path) as on:
            on.script(script)
            await on.runner.closed((await on.begin()).id)
        assert refused == ["Cannot start a CHAINED_INVOKE on a function in another account."]

    run(scenario())


def test_a_caller_that_goes_away_changes_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as on:
            on.script(noting(wait(5)), answering(done()))
            execution = await on.begin(synchronous=True)
            waiter = asyncio.create_task(on.runner.closed(execution.id))
            await on.idle(1)
            waiter.cancel()
            await asyncio.gather(waiter, return_exceptions=True)
            await on.advance(5)
            assert (await on.runner.closed(execution.id)).status == "SUCCEEDED"
            assert on.runner._waiting == {}

    run(scenario())


@pytest.mark.parametrize("ending", ["fails", "times out", "is stopped"])
def test_a_failure_that_nobody_waits_for_is_reported_once(tmp_path: Path, ending: str) -> None:
    async def scenario() -> None:
        answer = {"Status": "FAILED", "Error": {"ErrorMessage": "no"}}
        scripts = [answering(answer)] if ending == "fails" else [noting(wait(5000))]
        told: list[Execution] = []

        async def tell(execution: Execution) -> None:
            told.append(execution)

        async with stage(tmp_path, *scripts, on_failure=tell) as on:
            execution = await on.begin(b'{"a": 1}')
            await on.idle(1)
            if ending == "times out":
                await on.advance(3600)
            elif ending == "is stopped":
                await on.runner.change(
                    execution.id, lambda found, now_ms: course.stopped(found, None, now_ms)
                )
            await on.runner.closed(execution.id)
            await on.until(lambda: told and not on.runner._reporting)
            ended = await on.runner.get(execution.id)
            assert ended.reported
            assert [replace(each, reported=True) for each in told] == [ended]
        async with stage(tmp_path, clock=on.clock, on_failure=tell) as on:
            await on.idle(0)
            assert len(told) == 1

    run(scenario())


def test_a_report_that_a_crash_cut_short_is_made_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        told: list[str] = []
        delivered = asyncio.Event()

        async def tell(execution: Execution) -> None:
            told.append(execution.id)
            await delivered.wait()

        async with stage(tmp_path, answering({"Status": "FAILED"}), on_failure=tell) as on:
            execution = await on.begin()
            await on.until(lambda: told)
        delivered.set()
        async with stage(tmp_path, clock=on.clock, on_failure=tell) as on:
            await on.until(lambda: len(told) == 2 and not on.runner._reporting)
            assert told == [execution.id] * 2
            assert (await on.runner.get(execution.id)).reported

    run(scenario())


def test_who_waits_and_who_began_it_need_no_report(tmp_path: Path) -> None:
    async def scenario() -> None:
        told: list[Execution] = []

        async def tell(execution: Execution) -> None:
            told.append(execution)

        async with stage(tmp_path, answering({"Status": "FAILED"}), on_failure=tell) as on:
            for fields in ({"synchronous": True}, {"execution_id": "a-child"}):
                execution = await on.begin(**fields)
                await on.runner.closed(execution.id)
            on.script(answering(done()))
            await on.runner.closed((await on.begin()).id)
            assert (told, on.runner._reporting) == ([], set())

    run(scenario())
