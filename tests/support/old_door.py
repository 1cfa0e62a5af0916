"""The door of 32 bits: how a program enters the kernel by a table of calls that its own is not."""

from __future__ import annotations

import platform
import struct
import subprocess
import tempfile
from pathlib import Path

_INT_80 = """
import ctypes, mmap
code = bytes([0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3])  # getpid
page = mmap.mmap(-1, 4096, prot=7)
page.write(code)
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
print(ctypes.CFUNCTYPE(ctypes.c_int)(address)(), flush=True)
"""
"""x86_64: the instruction enters by the old table whatever the process is."""

_START = 0x10000
_CODE = struct.pack("<5I", 0xE3A07014, 0xEF000000, 0xE3A00000, 0xE3A07001, 0xEF000000)
"""r7 = 20 (getpid), svc; r0 = 0, r7 = 1 (exit), svc."""
_SIZE = 52 + 32 + len(_CODE)
_ARM_PROGRAM = (
    b"\x7fELF\x01\x01\x01"
    + bytes(9)
    + struct.pack("<HHIIIIIHHHHHH", 2, 40, 1, _START + 84, 52, 0, 0x05000000, 52, 32, 1, 0, 0, 0)
    + struct.pack("<8I", 1, 0, _START, _START, _SIZE, _SIZE, 5, 0x10000)
    + _CODE
)
_ARM = f"""
import os, tempfile
fd, path = tempfile.mkstemp()
os.write(fd, {_ARM_PROGRAM!r})
os.close(fd)
os.chmod(path, 0o700)
pid = os.spawnv(os.P_NOWAIT, path, [path])
status = os.waitpid(pid, 0)[1]
os.unlink(path)
os.kill(os.getpid(), os.WTERMSIG(status))
print(status, flush=True)
"""
"""aarch64: many processors run whole programs of 32 bits (not Apple's). It ends as they do."""


def door_of_32_bits() -> str | None:
    """Python that goes through it and prints something behind it; None where there is none."""
    if platform.machine() == "x86_64":
        return _INT_80
    return _ARM if platform.machine() == "aarch64" and _runs() else None


def _runs() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "program"
        program.write_bytes(_ARM_PROGRAM)
        program.chmod(0o700)
        try:
            return subprocess.run([program]).returncode == 0
        except OSError:
            return False
