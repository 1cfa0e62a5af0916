"""The life of one execution environment: init, invocations one after another, its end.

Owns: what the caller of an invocation is told, the time limits, and freezing. The rules of the
Runtime API are in environment.py, the log in recorder.py; which environment runs what is the
pool's. The path of a warm invocation (`invoke`, `on_next`, `on_response`) does no more than it
must: no task, no timer of its own, one look at the pipes.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from lambdad.core.ids import new_environment_id
from lambdad.functions.snapshot import FunctionVersion
from lambdad.runtime import faults
from lambdad.runtime.boot import Boot, InitFailure
from lambdad.runtime.collector import LogCollector
from lambdad.runtime.connection import Next
from lambdad.runtime.deadline import Deadline
from lambdad.runtime.environment import Environment, State, Step
from lambdad.runtime.event import head_of, payload_of
from lambdad.runtime.faults import Fault
from lambdad.runtime.invocation import Invocation
from lambdad.runtime.platform_log import log_stream
from lambdad.runtime.purpose import ON_DEMAND, Purpose
from lambdad.runtime.recorder import Recorder
from lambdad.runtime.runs import Runs
from lambdad.runtime.services import EnvironmentServices, Owner
from lambdad.runtime.starts import Starts
from lambdad.sandbox.driver import RuntimePack

_AT_REST = (State.READY, State.RESTORE_READY)


class Supervisor:
    """One execution environment of one version."""

    def __init__(
        self,
        version: FunctionVersion,
        pack: RuntimePack,
        services: EnvironmentServices,
        owner: Owner,
        purpose: Purpose = ON_DEMAND,
    ) -> None:
        self.id = new_environment_id()
        self.version = version
        self.purpose = purpose
        self.ended = False
        self.idle_since_ns = 0
        """When its last invocation ended, monotonic."""
        self.init_ms = 0.0
        """What its init took: the cost of another one in its place."""
        self.init_failure: InitFailure | None = None
        """Why an init ahead of invocations ended it."""
        self.made_ns = services.clock.monotonic_ns()
        """No later than its credentials, monotonic."""
        self.watched = False  # the freezer's
        self._services = services
        self._owner = owner
        self._clock = clock = services.clock
        self._timeout_ns = version.timeout_s * 1_000_000_000
        self._hand_back_ns = services.limits.environment_hand_back_ms * 1_000_000
        stream = log_stream(clock.wall_ms(), version.version, self.id)
        self._log = LogCollector(services.log_sink, version, stream, clock, services.limits)
        self._recorder = Recorder(
            version, stream, self._log, clock, lambda: self._boot.memory_peak_bytes(), purpose
        )
        self._boot = self._new_boot()
        self._starts = Starts(self._new_boot, self._recorder, clock, pack, stream)
        self._first: Callable[[Invocation], Coroutine[Any, Any, None]] | None = None
        """Runs the next invocation after what has to come before it."""
        self.running: Invocation | None = None
        self._delivered = False
        """The function has seen the running invocation."""
        self._waiting: Next | None = None
        self._withheld = False
        """Not offered to the pool until the runtime asks for its next event."""
        self._deadline = Deadline(clock, self._on_deadline)

    # -- init ---------------------------------------------------------------------------------

    async def create(self) -> None:
        """Create the sandbox and start its init phase. Raises SandboxError where there is none."""
        await self._starts.first(self._boot)

    async def initialise(self) -> bool:
        """See the init phase through; whether it succeeded. A failed one is repeated inside the
        first invocation, as AWS does; one that ran ahead of them ends the environment."""
        limit_s = self.purpose.init_limit_s(self._services.limits, self.version.timeout_s)
        failure = await self._starts.outcome(self._boot, "init", limit_s)
        if self.ended:
            return False
        self.idle_since_ns = self._clock.monotonic_ns()
        self.init_ms = (self.idle_since_ns - self._boot.started_ns) / 1e6
        if failure is None:
            self._initialised()
        elif self.purpose.ahead:
            self.init_failure = failure
            self.end()
        else:
            self._prepare_for_init(failure.error_type)
        return failure is None

    def _initialised(self) -> None:
        """Its init succeeded."""
        self._recorder.init_ms = None if self.purpose.ahead else self.init_ms
        self._services.freezer.watch(self)

    def _new_boot(self) -> Boot:
        runs = Runs(self, self._services.limits, self._clock)
        boot = Boot(self.version, self.purpose, self._services, self._log, (self, runs), self)
        self._recorder.feed_with(boot.extensions.feed)
        self._boot = boot
        return boot

    @property
    def environment(self) -> Environment:
        """What is allowed now."""
        return self._boot.environment

    def _prepare_for_init(self, error_type: str | None, reason: str = "failure") -> None:
        """End the processes and leave the rest, /tmp included, to the next invocation, which
        begins with an init. Where memory ran out, /tmp may be what filled it: it is new then."""
        self._first = self._invoke_after_init
        self._waiting, self._withheld = None, False
        self._boot.end(reason, keep_tmp=error_type != faults.OUT_OF_MEMORY)

    async def _invoke_after_init(self, invocation: Invocation) -> None:
        """Repeat init on the function's own time, then run: AWS's suppressed init."""
        try:
            turn = self._owner.creation_turn()
            invocation.started_ns = await self._starts.again(self._boot, turn, "invoke")
            failure = await self._starts.outcome(self._boot, "invoke", self.version.timeout_s)
        except Exception as error:  # whatever it is, the caller must not wait for ever
            self.abandon(error)
            return
        if self.ended:
            return
        if failure is not None:
            await self._fail_after_init(invocation, failure)
        else:
            await self._begin(invocation)

    async def _begin(self, invocation: Invocation) -> None:
        """Run its first invocation, now that its init is over."""
        self._first = None
        self._start_running(invocation)

    async def _fail_after_init(self, invocation: Invocation, failure: InitFailure) -> None:
        left_ns = invocation.started_ns + self._timeout_ns - self._clock.monotonic_ns()
        fault = await failure.fault(invocation.request.request_id, left_ns, self.version.timeout_s)
        if not self.ended:
            self._recorder.started(invocation, self._clock.wall_ms())
            self._finish(fault.payload, fault)
            self._reset(failure.error_type, "failure")

    # -- invocation ---------------------------------------------------------------------------

    def invoke(self, invocation: Invocation) -> None:
        """Run it. Never blocks; the result reaches the invocation's future."""
        self.running = invocation
        self._delivered = False
        if invocation.request.tail:
            self._log.begin_tail()
        if self._first is not None:
            self._services.tasks.spawn(self._first(invocation))
            return
        if self._boot.frozen:
            self._boot.thaw()
        self._start_running(invocation)

    def _start_running(self, invocation: Invocation) -> None:
        if self._boot.environment.assign(invocation.request.request_id) is Step.DELIVER:
            self._deliver(invocation)

    def _deliver(self, invocation: Invocation) -> None:
        clock, request = self._clock, invocation.request
        now_ns, now_ms = clock.monotonic_ns(), clock.wall_ms()
        if not invocation.started_ns:
            invocation.started_ns = now_ns
        deadline_ns = invocation.started_ns + self._timeout_ns
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            payload = payload_of(request)
            deadline_ms = now_ms + (deadline_ns - now_ns) // 1_000_000
            waiting.send_event(head_of(request, deadline_ms, len(payload)), payload)
            if not self._delivered and self._boot.extensions.present:
                self._boot.extensions.invoke(request, deadline_ms)
        if not self._delivered:
            self._delivered = True
            self._recorder.started(invocation, now_ms)
            self._deadline.set(deadline_ns, now_ns)

    def _finish(self, payload: bytes, fault: Fault | None) -> None:
        invocation, self.running = self.running, None
        self._deadline.clear()
        if invocation is not None:
            self.idle_since_ns = now_ns = self._clock.monotonic_ns()
            self._recorder.finished(invocation, payload, fault, now_ns)

    def complete(self, payload: bytes, fault: Fault | None) -> None:
        """The function is done. The run is over, and the environment ready for another, as soon
        as its extensions are done too; the runtime is as good as back, though it has yet to ask."""
        host = self._boot.extensions
        if host.present and host.extensions.busy and self.running is not None:
            host.when_done(partial(self.complete, payload, fault))
            now_ns = self._clock.monotonic_ns()
            self.running.answer(self._recorder.answered(self.running, payload, fault, now_ns))
            return
        self._finish(payload, fault)
        self._services.freezer.watch(self)
        self._owner.available(self)

    # -- what the runtime does, and time ------------------------------------------------------

    def on_next(self, waiting: Next) -> None:
        step = self._boot.environment.next_requested()
        self._waiting = waiting
        if step is Step.DELIVER:
            if self.running is not None:
                self._deliver(self.running)
        elif step is Step.INITIALISED or step is Step.RESTORED:
            self._boot.runtime_ready()
        elif step is Step.TRUNCATED and self.running is not None:
            fault = faults.truncated(self.running.request.request_id)
            self.complete(fault.payload, fault)
        elif self._withheld:
            self._withheld = False
            self._owner.available(self)

    def on_next_abandoned(self, waiting: Next) -> None:
        if waiting is self._waiting:
            self._waiting = None
            self._boot.environment.next_abandoned()

    def on_init_error(self, error_type: str, payload: bytes) -> None:
        self._boot.init_error_posted(error_type, payload)

    def withhold(self, fault: Fault) -> None:
        """The run is over, and nothing else is given to the runtime before it asks."""
        self._finish(fault.payload, fault)
        self._withheld = True
        self._services.freezer.watch(self)

    def on_failure(self, boot: Boot, fault_for: Callable[[str], Fault]) -> None:
        if boot is not self._boot or self.ended:
            return
        fault = fault_for(self.running.request.request_id if self.running else "")
        run_failed = self._withheld
        if self.running is not None and self._delivered:
            self._finish(fault.payload, fault)
            run_failed = True
        elif self.running is not None:
            self._hand_back(self.running)
        if run_failed:
            self._reset(fault.error_type, "failure")
        else:
            self.end("failure")

    def _on_deadline(self) -> None:
        if self.running is not None:
            fault = faults.timed_out(self.running.request.request_id, self.version.timeout_s)
            self._finish(fault.payload, fault)
            self._reset(fault.error_type, "timeout")

    def settle(self, now_ns: int, grace_ns: int) -> bool:
        """The freezer's look: freeze an idle environment, deal with one that does not come back
        for its next event. Whether to look again."""
        idle_ns = now_ns - self.idle_since_ns
        if self.ended or (self.running is not None and self._delivered):
            return False
        if self.running is not None:
            if idle_ns > self._hand_back_ns and self._first is None:
                self._withheld = True
                self._hand_back(self.running)
            return True
        if self._boot.ended:
            return False
        if self._boot.environment.state in _AT_REST:
            if idle_ns < grace_ns:
                return True
            self._boot.freeze()
            return False
        if idle_ns > self._timeout_ns:
            self.end()
        return not self.ended

    def _hand_back(self, invocation: Invocation) -> None:
        """The function has not seen it: another environment may have it."""
        self.running = None
        self._log.take_tail()
        self._boot.environment.unassign()
        self._owner.reroute(invocation)

    # -- the end ------------------------------------------------------------------------------

    def _reset(self, error_type: str | None, reason: str) -> None:
        """After a run that failed: go on with the same /tmp. One that ran out of memory is
        replaced."""
        if error_type == faults.OUT_OF_MEMORY:
            self.end(reason)
        else:
            self._prepare_for_init(error_type, reason)
            self._owner.available(self)

    def end(self, reason: str = "spindown") -> None:
        """End the process and take no more. What runs in it gets no answer from here. `reason` is
        what extensions are told: `spindown`, `timeout` or `failure`."""
        if self.ended:
            return
        self.ended = True
        self._deadline.cancel()
        self._starts.over = True
        self._boot.end(reason)
        self._boot.forget_tmp()
        self._owner.ended(self)

    def abandon(self, error: Exception) -> None:
        """End it, and tell the caller of what runs in it why."""
        invocation, self.running = self.running, None
        if invocation is not None:
            invocation.fail(error)
        self.end()

    @property
    def memory_peak_mib(self) -> int:
        """The most memory it was seen to use."""
        return self._recorder.memory_peak_mib
