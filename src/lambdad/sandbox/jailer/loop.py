"""The jailer's event loop: readable fds, timers, ended children. One thread, nothing more.

asyncio would cost a quarter of the jailer's memory and start-up, and threads that forking does
not like.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import select
import signal
import time
from collections.abc import Callable

Callback = Callable[[], None]


class Loop:
    """Calls back. Create it in the process that runs it."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._readers: dict[int, Callback] = {}
        self._timers: list[tuple[float, int, Callback]] = []
        self._sequence = itertools.count()
        self._children: dict[int, Callable[[int], None]] = {}
        self._stopped = False
        self._wake_read, wake_write = os.pipe()
        for fd in (self._wake_read, wake_write):
            os.set_blocking(fd, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write)
        self.read(self._wake_read, self._reap)

    def read(self, fd: int, callback: Callback, events: int = select.EPOLLIN) -> None:
        """Call back whenever `fd` is readable (or has the events given)."""
        self._poll.register(fd, events)
        self._readers[fd] = callback

    def forget(self, fd: int) -> None:
        """No more calls for `fd`; before it is closed."""
        if self._readers.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def later(self, delay_s: float, callback: Callback) -> None:
        """Call back once."""
        heapq.heappush(self._timers, (time.monotonic() + delay_s, next(self._sequence), callback))

    def fork(self, run: Callable[[], int], ended: Callable[[int], None]) -> int:
        """Run a function in a child; its pid. `ended` gets the wait status."""
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                code = run()
            finally:
                os._exit(code)
        self._children[pid] = ended
        return pid

    def run(self) -> None:
        """Until `stop`."""
        while not self._stopped:
            timeout = max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else -1
            for fd, _ in self._poll.poll(timeout):
                if callback := self._readers.get(fd):
                    callback()
            while self._timers and self._timers[0][0] <= time.monotonic():
                heapq.heappop(self._timers)[2]()

    def stop(self) -> None:
        """Leave `run` after the present callback."""
        self._stopped = True

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_read, 512)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            # As pid 1 we also inherit orphans: nobody waits for those.
            if ended := self._children.pop(pid, None):
                ended(status)
