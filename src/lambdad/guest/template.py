"""The template of a SnapStart version: init has run once, environments are forked from behind it.

It has run what a tenant wrote, so nothing in here keeps anybody safe but the function itself.
What holds a template is outside of it: its uid, its seccomp filter, the user namespace that owns
the shells of its children, and the jailer, which looks at each child before it gives it anything
(`sandbox/jailer/templates.py`). Standard library only, Python 3.8 and later. Messages, as
`channel` sends them:

    jailer → template  {"uid"} + shell pidfd, socket of the child
    child → jailer     {"waiting": true}: the jailer looks, and reads no word of it
    jailer → child     {} + payload, output, telemetry
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import socket
import sys
import time
from collections.abc import Mapping
from typing import Any

from . import channel, entering, syscalls

CONTROL_FD = 63
"""Where a template hears the jailer."""
OFFER_HEADER = "Lambda-Runtime-Template"
"""With `GET /runtime/restore/next`: `ready`, or why environments cannot be forked from here."""
READY = "ready"
TMP = "/tmp"
_KINDS = {"socket": "a socket", "pipe": "a pipe", "anon_inode": "an object of the kernel"}
_LOOKS = 20
_LOOK_AGAIN_S = 0.001
_PATH = "/2018-06-01/runtime/restore/next"


class Template:
    """What the runtime client finds in place of its wait for the restore."""

    def __init__(self, variables: Mapping[str, str], telemetry_fd: int, seccomp: bytes) -> None:
        self._variables = variables
        self._telemetry_fd = telemetry_fd
        self._seccomp = seccomp

    def install(self) -> None:
        """Be called when init is over."""
        module = importlib.import_module("awslambdaric.lambda_runtime_client")
        original = module.BaseLambdaRuntimeClient.restore_next

        def restore_next(client: Any) -> None:
            if self._offer(client.lambda_runtime_address):
                self._serve()
                original(client)  # in an environment of its own

        module.BaseLambdaRuntimeClient.restore_next = restore_next

    def _offer(self, address: str) -> bool:
        """Whether to serve. Where that is impossible this is an environment like any other, and
        returns when it is restored."""
        own = frozenset((0, 1, 2, self._telemetry_fd, CONTROL_FD))
        reason = obstacle(own)
        connection = importlib.import_module("http.client").HTTPConnection(address)
        try:
            connection.request("GET", _PATH, headers={OFFER_HEADER: reason or READY})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError("restore/next was answered with %d" % answer.status)
        finally:
            connection.close()
        return reason is None

    def _serve(self) -> None:
        """Fork on request. Returns in environments, never in the template."""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        folder, collecting = os.getcwd(), gc.isenabled()
        gc.collect()
        gc.freeze()
        gc.disable()
        with socket.socket(fileno=CONTROL_FD) as control:
            while True:
                try:
                    order, fds = channel.receive(control)
                except channel.ChannelClosed:
                    os._exit(0)
                pid = os.fork()
                if pid == 0:
                    break
                channel.close_all(fds)
                os.waitpid(pid, 0)
        try:
            self._become_environment(order["uid"], fds, folder)
        except BaseException:  # seen by the jailer: nobody waits in the shell
            os._exit(1)
        if collecting:
            gc.enable()

    def _become_environment(self, uid: int, fds: list[int], folder: str) -> None:
        shell, waiting = fds
        syscalls.setns(shell, entering.SHELL_NAMESPACES | entering.OWNED_NAMESPACES)
        if os.fork():
            os._exit(0)  # the child is in the shell's pid namespace
        os.setsid()
        for number in (1, 2):
            os.dup2(0, number)  # /dev/null, until there is a log of its own
        os.dup2(waiting, CONTROL_FD)
        os.closerange(3, CONTROL_FD)
        syscalls.drop_bounding_set()
        entering.drop_privileges(uid, self._seccomp)
        with socket.socket(fileno=CONTROL_FD) as jailer:
            channel.send(jailer, {"waiting": True})
            _, (payload, output, telemetry) = channel.receive(jailer)
        start = json.loads(os.pread(payload, os.fstat(payload).st_size, 0))
        for source, number in ((output, 1), (output, 2), (telemetry, self._telemetry_fd)):
            os.dup2(source, number)
        channel.close_all((payload, output, telemetry))
        os.chdir(folder)
        renew(self._variables, start["variables"])


def obstacle(own_fds: frozenset[int]) -> str | None:
    """What a fork of this process would lose or share with others; None where there is nothing."""
    if _threads_left():
        return "its init started threads"
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        pass
    else:
        return "its init left processes behind"
    for number in map(int, os.listdir("/proc/self/fd")):
        if number not in own_fds:
            try:
                target = os.readlink("/proc/self/fd/%d" % number)
            except FileNotFoundError:  # the list itself
                continue
            return "its init left %s open" % _KINDS.get(target.partition(":")[0], "a file")
    with open("/proc/self/maps", "rb") as maps:
        if any(b" rw-s " in line or b" rwxs " in line for line in maps):
            return "its init shares memory"
    if os.listdir(TMP):
        return "its init left files in /tmp"
    return None


def _threads_left() -> bool:
    """Libraries that see to it themselves end their threads before a fork, as OpenBLAS does below
    numpy: so fork once."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    for _ in range(_LOOKS):
        if len(os.listdir("/proc/self/task")) == 1:
            return False
        time.sleep(_LOOK_AGAIN_S)  # one that was joined may still be listed
    return True


def renew(init: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Make what has to be unique unique: variables that are others than at init, and sources of
    random numbers that do not see to it themselves when a process is forked, as `random`,
    `secrets` and OpenSSL do."""
    for name in init.keys() - now.keys():
        os.environ.pop(name, None)
    os.environ.update({name: value for name, value in now.items() if init.get(name) != value})
    if numpy_random := sys.modules.get("numpy.random"):
        numpy_random.seed()
    if uuid := sys.modules.get("uuid"):
        # The C library has drawn its clock sequence for all; Python's own code draws each time.
        vars(uuid)["_generate_time_safe"] = None
        vars(uuid)["_node"] = int.from_bytes(os.urandom(6), "big") | 1 << 40
