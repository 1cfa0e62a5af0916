"""The extensions of one execution environment as a pure state machine.

Owns: who is registered for what, which call is allowed when, and whether anybody is still busy.
Each call returns what follows or raises Rejected, which is the Extensions API's own answer, and
then nothing has changed. Error types and texts: Lambda developer guide, "Extensions API"; AWS's
runtime interface emulator. May not: know sockets, processes or time.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, StrEnum

from lambdad.core.value import Struct
from lambdad.runtime.environment import Rejected

INVOKE = "INVOKE"
SHUTDOWN = "SHUTDOWN"
_NAME_CHARACTERS = 255
"""Of a file's name, and so of an external extension's."""
_STATE = "Extension.InvalidExtensionState"
_EVENTS = {True: (INVOKE, SHUTDOWN), False: (INVOKE,)}
"""What an external extension, and an internal one, may register for."""


class ExtensionState(StrEnum):
    """The words appear in error texts and log lines."""

    STARTED = "Started"
    REGISTERED = "Registered"
    READY = "Ready"
    RUNNING = "Running"
    INIT_ERROR = "InitError"
    EXIT_ERROR = "ExitError"
    LAUNCH_ERROR = "LaunchError"
    EXITED = "Exited"


class Turn(Enum):
    """What becomes of a request for the next event."""

    PARK = "park"
    DELIVER = "deliver"
    """The event of the running invocation is still to be delivered."""


class Extension(Struct, eq=False):
    """One extension. `external`: a process of its own, from /opt/extensions."""

    name: str
    external: bool
    identifier: str = ""
    """Given out at registration."""
    events: tuple[str, ...] = ()
    state: ExtensionState = ExtensionState.STARTED
    owed: bool = False
    """It has not had the event of the running invocation yet."""
    error_type: str = ""

    def forbid(self, wanted: str) -> Rejected:
        """The answer to a call that its state does not allow. Who registers goes by name."""
        known_as = self.name if wanted == ExtensionState.REGISTERED else self.identifier
        return Rejected(
            403,
            _STATE,
            f"State transition from {self.state} to {wanted} failed for extension "
            f"{known_as}. Error: State transition is not allowed",
        )


class Extensions:
    """All extensions of an environment, in the order of their names and then of registration."""

    def __init__(self, external: Iterable[str], limit: int) -> None:
        self.members = [Extension(name, external=True) for name in external]
        self._limit = limit
        self._open = True

    @property
    def registered(self) -> bool:
        """Whether every external one is; the runtime starts then."""
        return all(member.state is not ExtensionState.STARTED for member in self.members)

    @property
    def ready(self) -> bool:
        """Whether all wait for their next event."""
        return all(member.state is ExtensionState.READY for member in self.members)

    @property
    def busy(self) -> bool:
        """Whether one still works on the running invocation."""
        return any(member.state is ExtensionState.RUNNING for member in self.members)

    def find(self, identifier: str) -> Extension:
        """Raises Rejected."""
        for member in self.members:
            if member.identifier and member.identifier == identifier:
                return member
        raise Rejected(
            403, "Extension.UnknownExtensionIdentifier", f"Unknown extension {identifier}"
        )

    def register(self, name: str, events: Iterable[str], identifier: str) -> Extension:
        """The extension of that name, or a new internal one. Raises Rejected."""
        if not 0 < len(name) <= _NAME_CHARACTERS:
            raise Rejected(403, "Extension.InvalidExtensionName", "Empty extension name")
        found = next((member for member in self.members if member.name == name), None)
        external = found is not None and found.external
        wanted = tuple(dict.fromkeys(events))
        for event in wanted:
            if event not in _EVENTS[external]:
                raise Rejected(403, "Extension.InvalidEventType", f"{event}: invalid event type")
        if found is None:
            found = self._new_internal(name)
            self.members.append(found)
        elif not external:
            raise Rejected(403, _STATE, "Extension with this name already registered")
        elif found.state is not ExtensionState.STARTED:
            raise found.forbid(ExtensionState.REGISTERED)
        found.identifier, found.events = identifier, wanted
        found.state = ExtensionState.REGISTERED
        return found

    def _new_internal(self, name: str) -> Extension:
        if not self._open:
            raise Rejected(
                403, "Extension.RegistrationClosed", "Extension registration closed already"
            )
        if len(self.members) >= self._limit:
            text = f"Extension limit ({self._limit}) reached"
            raise Rejected(403, "Extension.TooManyExtensions", text)
        return Extension(name, external=False)

    def close_registration(self) -> None:
        """Init is over."""
        self._open = False

    def next_requested(self, member: Extension) -> Turn:
        """It is done with what it did and asks for its next event. Raises Rejected."""
        if member.owed:
            member.owed = False
            return Turn.DELIVER
        if member.state in (
            ExtensionState.REGISTERED,
            ExtensionState.READY,
            ExtensionState.RUNNING,
        ):
            member.state = ExtensionState.READY
            return Turn.PARK
        raise member.forbid(ExtensionState.READY)

    def invoke(self) -> list[Extension]:
        """An invocation begins: to whom its event goes."""
        wanted = [member for member in self.members if INVOKE in member.events]
        for member in wanted:
            member.state = ExtensionState.RUNNING
            member.owed = True
        return wanted

    def delivered(self, member: Extension) -> None:
        """It has the event."""
        member.owed = False

    def init_failed(self, member: Extension, error_type: str) -> None:
        """It reports that its init failed. Raises Rejected."""
        if member.state is not ExtensionState.REGISTERED:
            raise member.forbid(ExtensionState.INIT_ERROR)
        member.state, member.error_type = ExtensionState.INIT_ERROR, error_type

    def failed(self, member: Extension, error_type: str) -> None:
        """It reports that it ends with an error. Raises Rejected."""
        if member.state not in (
            ExtensionState.REGISTERED,
            ExtensionState.READY,
            ExtensionState.RUNNING,
        ):
            raise member.forbid(ExtensionState.EXITED)
        member.state, member.error_type, member.owed = ExtensionState.EXIT_ERROR, error_type, False

    def not_launched(self, name: str, error_type: str) -> bool:
        """The kernel refused to start an external one. False if there is none such."""
        for member in self.members:
            if member.external and member.name == name and member.state is ExtensionState.STARTED:
                member.state, member.error_type = ExtensionState.LAUNCH_ERROR, error_type
                return True
        return False

    def exited(self, name: str) -> Extension | None:
        """The process of an external one has ended. None if there is none of that name alive."""
        for member in self.members:
            if member.external and member.name == name:
                if member.state is ExtensionState.EXITED:
                    return None
                member.state, member.owed = ExtensionState.EXITED, False
                return member
        return None

    @property
    def shutting_down(self) -> list[Extension]:
        """Who is told of the end and may still do something about it."""
        gone = (ExtensionState.STARTED, ExtensionState.LAUNCH_ERROR, ExtensionState.EXITED)
        return [
            member
            for member in self.members
            if SHUTDOWN in member.events and member.state not in gone
        ]
