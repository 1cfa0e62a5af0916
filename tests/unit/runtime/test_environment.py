"""The Runtime API's rules: who may call what, when."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lambdad.runtime.environment import Environment, Rejected, State, Step


def ready() -> Environment:
    environment = Environment()
    assert environment.next_requested() is Step.INITIALISED
    return environment


def test_the_usual_round() -> None:
    environment = ready()
    assert environment.assign("a") is Step.DELIVER
    environment.response_posted("a")
    assert environment.assignable
    assert environment.next_requested() is Step.PARK


def test_an_invocation_may_be_assigned_before_the_runtime_is_back() -> None:
    environment = ready()
    environment.assign("a")
    environment.response_posted("a")
    assert environment.assign("b") is Step.WAIT
    assert environment.next_requested() is Step.DELIVER
    assert environment.state is State.RUNNING


def test_a_restore_comes_between_init_and_the_first_event() -> None:
    environment = Environment()
    assert environment.restore_requested()
    assert not environment.assignable
    assert not environment.restore_requested(), "it asks again"
    with pytest.raises(Rejected, match="from RestoreReady to Ready"):
        environment.next_requested()
    with pytest.raises(Rejected, match="from RestoreReady to RestoreError"):
        environment.restore_error_posted()
    environment.restore()
    assert not environment.restore_requested(), "it lost the answer"
    assert environment.next_requested() is Step.RESTORED
    assert environment.assignable
    with pytest.raises(Rejected, match="from Ready to RestoreReady"):
        environment.restore_requested()
    with pytest.raises(ValueError, match="cannot be restored"):
        environment.restore()


def test_a_failed_hook_is_told_during_the_restore_only() -> None:
    environment = Environment()
    environment.restore_requested()
    environment.restore()
    environment.restore_error_posted()
    assert environment.state is State.RESTORE_ERROR
    with pytest.raises(Rejected, match="from RestoreError to Ready"):
        environment.next_requested()


def test_a_runtime_that_lost_its_event_gets_it_again() -> None:
    environment = ready()
    environment.assign("a")
    assert environment.next_requested() is Step.DELIVER


def test_a_runtime_that_hung_up_while_waiting_finds_the_invocation_later() -> None:
    environment = ready()
    environment.next_abandoned()
    assert environment.assign("a") is Step.WAIT
    assert environment.next_requested() is Step.DELIVER


def test_the_second_answer_is_an_invalid_transition() -> None:
    environment = ready()
    environment.assign("a")
    environment.response_posted("a")
    with pytest.raises(Rejected) as rejected:
        environment.response_posted("a")
    assert rejected.value.status == 403
    assert rejected.value.error_type == "InvalidStateTransition"
    assert rejected.value.message == (
        "State transition from ResponseSent to InvocationResponse failed for runtime. "
        "Error: State transition is not allowed"
    )


@pytest.mark.parametrize("request_id", ["b", "", "a\n"])
def test_another_request_id_is_refused(request_id: str) -> None:
    environment = ready()
    environment.assign("a")
    with pytest.raises(Rejected) as rejected:
        environment.error_posted(request_id)
    assert (rejected.value.status, rejected.value.error_type) == (400, "InvalidRequestID")
    environment.error_posted("a")


def test_an_invocation_cannot_be_answered_before_it_was_delivered() -> None:
    environment = ready()
    environment.assign("a")
    environment.response_posted("a")
    environment.assign("b")
    with pytest.raises(Rejected, match="State transition from ResponseSent"):
        environment.response_posted("b")
    assert environment.request_id == "b"


def test_init_error_only_during_init() -> None:
    environment = ready()
    with pytest.raises(Rejected, match="from Ready to InitError"):
        environment.init_error_posted()
    failing = Environment()
    failing.init_error_posted()
    with pytest.raises(Rejected, match="from InitError to Ready"):
        failing.next_requested()


@pytest.mark.parametrize("streamed", [False, True])
def test_a_runtime_that_asks_on_after_half_a_response_will_not_send_the_rest(
    streamed: bool,
) -> None:
    environment = ready()
    environment.assign("a")
    if streamed:
        environment.response_begun("a")
    environment.response_broken()
    for answer in (environment.response_posted, environment.error_posted):
        with pytest.raises(Rejected, match="from ResponseBroken to"):
            answer("a")
    assert not environment.assignable
    assert environment.next_requested() is Step.TRUNCATED
    assert environment.assign("b") is Step.DELIVER


def test_only_the_running_response_can_break() -> None:
    environment = ready()
    environment.response_broken()
    assert environment.state is State.READY
    environment.assign("a")
    environment.response_posted("a")
    environment.response_broken()
    assert environment.state is State.RESPONSE_SENT


class Machine(RuleBasedStateMachine):
    """Any order of events: an invocation is answered once, and only after it was delivered."""

    def __init__(self) -> None:
        super().__init__()
        self.environment = Environment()
        self.number = 0
        self.delivered: set[str] = set()
        self.answered: list[str] = []
        self.streamed = self.broken = ""

    def attempt(self, event: object, *arguments: object) -> object:
        """An event; a refused one must leave everything as it was."""
        before = (self.environment.state, self.environment.request_id)
        try:
            return event(*arguments)  # type: ignore[operator]
        except Rejected as error:
            rejected = error
        assert rejected.status in (400, 403)
        assert (self.environment.state, self.environment.request_id) == before
        return rejected

    @rule()
    def next(self) -> None:
        step = self.attempt(self.environment.next_requested)
        if step is Step.DELIVER:
            assert self.environment.request_id is not None
            self.delivered.add(self.environment.request_id)
        elif step is Step.TRUNCATED:
            self.answered.append(self.broken)
            assert self.environment.assignable

    @precondition(lambda self: self.environment.assignable)
    @rule()
    def assign(self) -> None:
        self.number += 1
        if self.environment.assign(str(self.number)) is Step.DELIVER:
            self.delivered.add(str(self.number))

    @precondition(lambda self: not self.environment.assignable)
    @rule()
    def assign_too_early(self) -> None:
        with pytest.raises(ValueError, match="cannot take"):
            self.environment.assign("x")

    @rule(back=st.integers(0, 2), error=st.booleans())
    def answer(self, back: int, error: bool) -> None:
        request_id = str(self.number - back)
        event = self.environment.error_posted if error else self.environment.response_posted
        if self.attempt(event, request_id) is None:
            assert request_id in self.delivered
            assert request_id not in self.answered
            self.answered.append(request_id)

    @rule(back=st.integers(0, 2))
    def begin_to_stream(self, back: int) -> None:
        request_id = str(self.number - back)
        if self.attempt(self.environment.response_begun, request_id) is None:
            assert request_id in self.delivered
            assert request_id not in self.answered
            assert not self.environment.assignable
            self.streamed = request_id

    @rule()
    def end_the_stream(self) -> None:
        was_broken = self.environment.state is State.RESPONSE_BROKEN
        if self.attempt(self.environment.response_ended) is None:
            ended = self.broken if was_broken else self.streamed
            assert ended not in self.answered
            self.answered.append(ended)

    @rule()
    def break_off(self) -> None:
        running = self.environment.request_id
        self.environment.response_broken()
        if self.environment.state is State.RESPONSE_BROKEN and running is not None:
            assert running in self.delivered
            self.broken = running

    @rule()
    def init_error(self) -> None:
        self.attempt(self.environment.init_error_posted)

    @rule()
    def abandon(self) -> None:
        self.environment.next_abandoned()

    @precondition(lambda self: self.number > 3)
    @rule()
    def exit(self) -> None:
        self.environment.exited()

    @invariant()
    def nothing_goes_on_after_the_end(self) -> None:
        if self.environment.state is State.EXITED:
            assert not self.environment.assignable
            assert self.environment.request_id is None


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=150, stateful_step_count=30)
