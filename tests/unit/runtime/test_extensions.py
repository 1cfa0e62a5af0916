"""The rules of extensions: who may call what, when, and when an environment is ready."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lambdad.runtime.environment import Rejected
from lambdad.runtime.extensions import Extension, Extensions, ExtensionState, Turn

INVOKE, SHUTDOWN = "INVOKE", "SHUTDOWN"


def ready(*events: str) -> tuple[Extensions, Extension]:
    """One external extension that waits for its next event."""
    extensions = Extensions(["a"], 10)
    member = extensions.register("a", events, "id-a")
    assert extensions.next_requested(member) is Turn.PARK
    return extensions, member


def rejection(call: Callable[[], object]) -> tuple[int, str, str]:
    with pytest.raises(Rejected) as rejected:
        call()
    return rejected.value.status, rejected.value.error_type, rejected.value.message


def test_an_environment_without_extensions_is_ready() -> None:
    extensions = Extensions([], 10)
    assert (extensions.ready, extensions.registered, extensions.busy) == (True, True, False)


def test_the_usual_round() -> None:
    extensions, member = ready(INVOKE, SHUTDOWN)
    assert extensions.ready
    assert extensions.invoke() == [member]
    extensions.delivered(member)
    assert extensions.busy
    assert extensions.next_requested(member) is Turn.PARK
    assert not extensions.busy
    assert extensions.shutting_down == [member]


def test_who_does_not_want_invocations_is_never_busy() -> None:
    extensions, _ = ready(SHUTDOWN)
    assert extensions.invoke() == []
    assert not extensions.busy


def test_an_event_that_was_not_delivered_is_at_the_next_request() -> None:
    extensions, member = ready(INVOKE)
    extensions.invoke()
    assert extensions.next_requested(member) is Turn.DELIVER
    assert extensions.busy
    assert extensions.next_requested(member) is Turn.PARK
    assert not extensions.busy


def test_registrations_that_are_refused() -> None:
    extensions = Extensions(["a"], 2)
    assert rejection(lambda: extensions.register("", [], "1")) == (
        403, "Extension.InvalidExtensionName", "Empty extension name",
    )  # fmt: skip
    assert rejection(lambda: extensions.register("a", ["START"], "1")) == (
        403, "Extension.InvalidEventType", "START: invalid event type",
    )  # fmt: skip
    assert rejection(lambda: extensions.register("inside", [SHUTDOWN], "1")) == (
        403, "Extension.InvalidEventType", "SHUTDOWN: invalid event type",
    )  # fmt: skip
    extensions.register("inside", [INVOKE], "1")
    assert rejection(lambda: extensions.register("inside", [], "2")) == (
        403, "Extension.InvalidExtensionState", "Extension with this name already registered",
    )  # fmt: skip
    assert rejection(lambda: extensions.register("more", [], "2")) == (
        403, "Extension.TooManyExtensions", "Extension limit (2) reached",
    )  # fmt: skip
    extensions.register("a", [], "3")
    assert rejection(lambda: extensions.register("a", [], "4")) == (
        403,
        "Extension.InvalidExtensionState",
        "State transition from Registered to Registered failed for extension a. "
        "Error: State transition is not allowed",
    )
    extensions.close_registration()
    assert rejection(lambda: Extensions.register(extensions, "late", [], "5")) == (
        403, "Extension.RegistrationClosed", "Extension registration closed already",
    )  # fmt: skip


def test_nobody_speaks_as_an_extension_that_has_not_registered() -> None:
    extensions = Extensions(["a"], 10)
    for identifier in ("", "guessed"):
        assert rejection(lambda identifier=identifier: extensions.find(identifier)) == (
            403, "Extension.UnknownExtensionIdentifier", f"Unknown extension {identifier}",
        )  # fmt: skip


def test_errors() -> None:
    extensions = Extensions(["a", "b"], 10)
    first = extensions.register("a", [INVOKE], "id-a")
    extensions.init_failed(first, "My.Reason")
    assert (first.state, first.error_type) == (ExtensionState.INIT_ERROR, "My.Reason")
    assert rejection(lambda: extensions.next_requested(first))[2].startswith(
        "State transition from InitError to Ready failed for extension id-a."
    )
    assert rejection(lambda: extensions.failed(first, "x"))[1] == "Extension.InvalidExtensionState"
    second = extensions.register("b", [INVOKE], "id-b")
    extensions.next_requested(second)
    assert rejection(lambda: extensions.init_failed(second, "x"))[2].startswith(
        "State transition from Ready to InitError failed for extension id-b."
    )
    extensions.failed(second, "Late")
    assert second.state is ExtensionState.EXIT_ERROR


def test_a_process_ends_once() -> None:
    extensions, member = ready(SHUTDOWN)
    assert extensions.exited("nobody") is None
    assert extensions.exited("a") is member
    assert extensions.exited("a") is None
    assert extensions.shutting_down == []
    assert not extensions.ready


class Life(RuleBasedStateMachine):
    """Any order of calls: an environment is never both ready and busy, nobody gets an event twice,
    and what is refused changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.extensions = Extensions(["a", "b"], 4)
        self.events_due: dict[str, int] = {}
        self.initialised = False

    def attempt(self, call: Callable[[], object]) -> object:
        before = [(m.name, m.state, m.owed, m.events) for m in self.extensions.members]
        try:
            return call()
        except Rejected:
            assert before == [(m.name, m.state, m.owed, m.events) for m in self.extensions.members]
            return None

    def of(self, name: str) -> Extension | None:
        return next((m for m in self.extensions.members if m.name == name), None)

    @rule(
        name=st.sampled_from(["a", "b", "c", "d", "e"]),
        events=st.lists(st.sampled_from([INVOKE, SHUTDOWN, "X"]), max_size=2),
    )
    def register(self, name: str, events: list[str]) -> None:
        self.attempt(lambda: self.extensions.register(name, events, f"id-{name}"))

    @rule(name=st.sampled_from(["a", "b", "c", "d"]))
    def ask_next(self, name: str) -> None:
        member = self.of(name)
        if member is not None and member.identifier:
            turn = self.attempt(lambda: self.extensions.next_requested(member))
            if turn is Turn.DELIVER:
                self.events_due[name] -= 1
            if self.extensions.ready:
                self.extensions.close_registration()
                self.initialised = True

    def idle(self) -> bool:
        return self.initialised and self.extensions.ready

    @precondition(idle)
    @rule(parked=st.booleans())
    def invoke(self, parked: bool) -> None:
        for member in self.extensions.invoke():
            assert self.events_due.get(member.name, 0) == 0
            if parked:
                self.extensions.delivered(member)
            else:
                self.events_due[member.name] = 1

    @rule(name=st.sampled_from(["a", "b", "c"]))
    def fail(self, name: str) -> None:
        member = self.of(name)
        if member is not None and member.identifier:
            self.attempt(lambda: self.extensions.failed(member, "E"))
            self.events_due[name] = int(member.owed)

    @rule(name=st.sampled_from(["a", "b", "c"]))
    def exit(self, name: str) -> None:
        member = self.extensions.exited(name)
        assert member is None or member.external
        if member is not None:
            self.events_due[name] = 0

    @invariant()
    def consistent(self) -> None:
        members = self.extensions.members
        assert len(members) <= 4
        assert len({member.name for member in members}) == len(members)
        assert not (self.extensions.ready and self.extensions.busy and members)
        for member in members:
            assert member.owed == (self.events_due.get(member.name, 0) == 1)
            assert not member.owed or member.state is ExtensionState.RUNNING
            assert member.external or SHUTDOWN not in member.events


Life.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestLife = Life.TestCase
