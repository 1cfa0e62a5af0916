"""How a process ended that is nobody's child here: the kernel remembers it for who holds a pidfd.

PIDFD_GET_INFO with PIDFD_INFO_EXIT, Linux 6.15. See include/uapi/linux/pidfd.h.
"""

from __future__ import annotations

import fcntl
import os
import struct

_INFO_EXIT = 1 << 3
_INFO_BYTES = 64
_GET_INFO = (3 << 30) | (_INFO_BYTES << 16) | (0xFF << 8) | 11
_EXIT_CODE_OFFSET = 60


def wait_status(pidfd: int) -> int | None:
    """The wait status, once its parent has taken note of the end; None before. Raises OSError
    where the kernel cannot tell."""
    info = bytearray(struct.pack(f"Q{_INFO_BYTES - 8}x", _INFO_EXIT))
    fcntl.ioctl(pidfd, _GET_INFO, info)
    if not struct.unpack_from("Q", info)[0] & _INFO_EXIT:
        return None
    return int(struct.unpack_from("i", info, _EXIT_CODE_OFFSET)[0])


def can_tell() -> bool:
    """Whether this kernel tells, tried with a process of ours."""
    pid = os.fork()
    if pid == 0:
        os._exit(7)
    pidfd = os.pidfd_open(pid)
    try:
        os.waitpid(pid, 0)
        status = wait_status(pidfd)
    except OSError:
        return False
    finally:
        os.close(pidfd)
    return status is not None and os.waitstatus_to_exitcode(status) == 7
