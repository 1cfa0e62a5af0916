"""The isolation seam: what the runtime asks of a sandbox, whatever technique provides it.

A driver creates sandboxes; a sandbox holds one execution environment. Every driver passes the
kit in tests/conformance/sandbox. Tiers are described in docs/threat-model.md.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lambdad.core.errors import AwsError
from lambdad.core.ids import EnvironmentId
from lambdad.core.value import Value, field
from lambdad.guest import entering

if TYPE_CHECKING:
    import asyncio  # every command would import it with the names of the tiers

RUNTIME_API_ADDRESS = ("169.254.100.1", 9001)
"""Where a function finds the Runtime API inside its own network namespace (as on AWS)."""
PLATFORM_PORT = 4566
"""Where a function finds the AWS APIs inside its own network namespace, on every local address."""
ARCHIVE = entering.ARCHIVE
"""Where a runtime finds the archive of its function."""


class Tier(StrEnum):
    """How strong the walls are, strongest first."""

    NAMESPACES = "A"
    ROOTLESS = "B"
    HARDENED_PROCESS = "C"
    PROCESS = "D"

    @property
    def connects_inside(self) -> bool:
        """Whether lambdad may connect to a port that a function names. In tier C it may not: the
        port could be one of the host's that is closed to the function. In tier D none is."""
        return self is not Tier.HARDENED_PROCESS

    @property
    def shows_archives(self) -> bool:
        """Whether `SandboxSpec.archive` is shown; without mounts it is left unused."""
        return self in (Tier.NAMESPACES, Tier.ROOTLESS)


class Reach(StrEnum):
    """How far the connections of functions go."""

    NONE = "none"
    PLATFORM = "platform"
    INTERNET = "internet"


class Egress(Value):
    """What functions may connect to, beside themselves. The host's own services and the metadata
    address of a cloud are never among it."""

    reach: Reach = Reach.PLATFORM
    """PLATFORM: the AWS APIs of lambdad; INTERNET: public addresses too."""
    opened: tuple[str, ...] = ()
    """With INTERNET, networks that are not public (CIDR) and open all the same."""


class Mount(Value):
    """A host folder or file shown read-only inside the sandbox."""

    source: Path
    target: str


class Ahead(Value):
    """How a pack's command may be started before it is known for which function. It then waits,
    as `guest/stem.py` says, until it is told its variables."""

    argv: tuple[str, ...]
    variables: Mapping[str, str]
    """Known beforehand: what every function has that does not set them itself."""
    act_at_start: re.Pattern[str]
    """Names of variables that act when the command starts, not later."""


class Training(Value):
    """How a pack makes an archive of what a function's init loads, for a quicker start."""

    argv: tuple[str, ...]
    """Starts as the pack's command does and, ended by SIGTERM behind its init, writes an archive to
    its stdout and exits with 0."""
    build: str
    """Another one whenever the pack takes no archives that were made before."""


class RuntimePack(Value):
    """What serves one runtime identifier on this machine: interpreter, client, how to start."""

    runtime: str
    """AWS's identifier, such as `python3.12`."""
    family: str
    """`python`, `nodejs`, `provided` …: the seccomp profile and the zygote go by it."""
    argv: tuple[str, ...]
    """The command as seen inside the sandbox; the working directory is /var/task. For Python a
    driver may fork a zygote that did the same start-up once, with the same result."""
    mounts: tuple[Mount, ...]
    """Interpreter and client: /var/lang, /var/runtime …; /usr of the host is always there."""
    host_argv: tuple[str, ...] = ()
    """The same command with host paths, for drivers that cannot mount (tiers C and D)."""
    host_variables: Mapping[str, str] = field(default_factory=dict)
    """What `host_argv` needs in its environment (PYTHONPATH, NODE_PATH)."""
    ahead: Ahead | None = None
    """None: it cannot wait itself. A driver may leave it unused."""
    training: Training | None = None
    """None: it takes no archives."""


class SandboxSpec(Value):
    """One sandbox to create."""

    environment_id: EnvironmentId
    pack: RuntimePack
    code_dir: Path
    """Unpacked deployment package, shown read-only as /var/task."""
    layer_dirs: tuple[Path, ...]
    """Unpacked layers, lowest first, merged read-only as /opt."""
    variables: Mapping[str, str]
    """The whole environment of the process, `_HANDLER` included. A driver that cannot give the
    function its own network replaces AWS_LAMBDA_RUNTIME_API and AWS_ENDPOINT_URL."""
    memory_mib: int
    tmp_mib: int
    extensions: tuple[str, ...] = ()
    """Files in /opt/extensions that are started first, by `guest/conductor.py`, which then waits
    to be told to start the runtime."""
    extension_variables: Mapping[str, str] = field(default_factory=dict)
    """The whole environment of each of them."""
    forks: bool = False
    """A template: offers to be forked from behind its init. Only where `why_no_template` knows of
    no reason against it."""
    template: EnvironmentId | None = None
    """The one that this is to be forked from, of the same code and sizes."""
    archive: Path | None = None
    """Shown read-only at ARCHIVE. Made by an earlier run of this same function, which may be
    hostile: nobody else may get it. One that is gone meanwhile is done without."""
    background: bool = False
    """Nobody waits for it: it gets the least share of the CPU."""
    heir_of: EnvironmentId | None = None
    """The sandbox whose /tmp this one gets, if it is still kept (`Sandbox.kill`); if not, /tmp is
    new. Only one of the same function version and tenant may be named."""


class Exit(Value):
    """How the environment's main process ended. `oom`: the memory limit ended it."""

    code: int | None
    signal: int | None
    oom: bool = False


class Sandbox(Protocol):
    """One running sandbox. Methods that are not async are cheap and never block."""

    environment_id: EnvironmentId
    runtime_listener: socket.socket
    """Listening, non-blocking, inside the environment's network: lambdad serves the Runtime API
    on it."""
    platform_listener: socket.socket | None
    """Likewise for the AWS APIs; None where the driver leaves the host's loopback reachable."""
    output_fd: int
    """Read end, non-blocking, of the pipe that is stdout and stderr inside."""
    telemetry_fd: int
    """Read end, non-blocking, of the pipe that is `_LAMBDA_TELEMETRY_LOG_FD` inside."""
    exited: asyncio.Future[Exit]
    """Done when the environment's main process has ended, for whatever reason."""

    def freeze(self) -> None:
        """Stop every process in it."""

    def thaw(self) -> None:
        """Let them go on."""

    def terminate(self) -> None:
        """Send SIGTERM to the main process, if it has not ended."""

    async def connect(self, port: int) -> socket.socket:
        """A non-blocking connection to what listens on a port inside, and to nothing else. Raises
        OSError. Only where `Tier.connects_inside`."""
        ...

    def memory_peak_bytes(self) -> int:
        """The most memory its processes ever used together."""
        ...

    async def kill(self, *, keep_tmp: bool = False) -> Exit:
        """End every process and give every resource back. Idempotent. The two fds and the
        listeners are closed by it; whoever reads them drains them first. With `keep_tmp`, /tmp
        stays for an heir, which can be created from now on, or until `Driver.discard`."""
        ...


class Driver(Protocol):
    """Creates sandboxes of one tier."""

    tier: Tier
    missing_layers: Sequence[str]
    """What a complete setting of this tier has and this machine lacks, in words for `doctor`."""

    async def start(self) -> None:
        """Bring up whatever the driver keeps running (jailer, pool)."""

    async def prepare(self, pack: RuntimePack) -> None:
        """Warm up for a pack that will be used (start its zygote). Optional, idempotent."""

    async def create(self, spec: SandboxSpec) -> Sandbox:
        """A started sandbox. Raises SandboxError."""
        ...

    def why_no_template(self, spec: SandboxSpec) -> str | None:
        """What keeps this from being a template; in words for the function's owner."""

    def discard(self, environment_id: EnvironmentId) -> None:
        """Nobody inherits the /tmp of this sandbox, if it is kept. Idempotent."""

    async def close(self) -> None:
        """End everything: no process, mount or cgroup of ours stays."""


class SandboxError(AwsError):
    """The platform could not provide a sandbox; the message says why, for the operator."""

    code = "ServiceException"
    status = 500
