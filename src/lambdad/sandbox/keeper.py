"""The keeper: the one process that has the rights lambdad was started with, to start jailers.

Made before lambdad gives up root, and asked again whenever a jailer is needed. It knows nothing
but that: a control socket in, a jailer behind it. It ends when lambdad does, and every jailer ends
with it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

from lambdad.guest import channel
from lambdad.sandbox.driver import SandboxError

_ENTRY = Path(__file__).parent / "jailer" / "__main__.py"
_STOP_TIMEOUT_S = 5.0


class Keeper:
    """lambdad's side. One that died is replaced while lambdad still is who it was."""

    def __init__(self) -> None:
        self._uid = os.geteuid()
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def replaceable(self) -> bool:
        """Whether another one would have the same rights."""
        return os.geteuid() == self._uid

    @property
    def ended(self) -> bool:
        """Whether there was one and it is gone."""
        return self._process is not None and self._process.poll() is not None

    def start(self) -> None:
        """Start the process, unless it runs."""
        if self._process is not None and not self.ended:
            return
        self.close()
        ours, theirs = channel.pair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - no word of it comes from outside
                [sys.executable, "-I", "-S", str(_ENTRY), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={},
                start_new_session=True,
            )
        self._socket = ours

    def start_jailer(self, control: socket.socket) -> None:
        """Start a jailer that is told everything over `control`. Raises SandboxError."""
        if self.ended and not self.replaceable:
            raise SandboxError("The keeper of the jailer ended; lambdad has to be started again.")
        self.start()
        assert self._socket is not None
        try:
            channel.send(self._socket, {"op": "jailer"}, [control.fileno()])
        except channel.ChannelClosed:
            raise SandboxError("The keeper of the jailer ended; try again.") from None

    def fileno(self) -> int:
        """Becomes readable when the process ends. Only between `start` and `close`."""
        assert self._socket is not None
        return self._socket.fileno()

    def close(self) -> None:
        """Hang up, which ends the process and every jailer, and wait for that."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(PermissionError):  # it is root's, we are not any more
                process.kill()
                process.wait()
