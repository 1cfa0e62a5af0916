"""Which lambdad on this machine we are: a number that nobody else alive has.

The number is held by a file lock, which the kernel drops with the process: whoever gets number N
knows that everything else named N belongs to the dead. Uids and cgroup folders go by it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

RUN_DIR = Path("/run/lambdad")
"""One place for all of a machine, because uids and control groups are the machine's."""
FIRST_UID = 210_000_000
"""Above the ranges that systems hand out (subuid, homed, nspawn); every instance has its own."""
UIDS_PER_INSTANCE = 4096
INSTANCES = 256

USERS = """\
root:x:0:0:root:/root:/sbin/nologin
sbx_user1051:x:{uid}:{uid}::/tmp:/sbin/nologin
"""


class Instance:
    """Our number, and the folder that goes with it. Not held until `claim` returned."""

    def __init__(self, number: int, folder: Path, lock_fd: int) -> None:
        self.number = number
        self.folder = folder
        self._lock_fd = lock_fd

    @classmethod
    def claim(cls) -> Instance:
        """The first number that nobody holds. Raises OSError when all are taken."""
        RUN_DIR.mkdir(mode=0o755, parents=True, exist_ok=True)
        for number in range(INSTANCES):
            fd = os.open(RUN_DIR / f"{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
                continue
            folder = RUN_DIR / str(number)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
            return cls(number, folder, fd)
        raise OSError(f"{INSTANCES} instances of lambdad run already (locks in {RUN_DIR})")

    def uid(self, slot: int) -> int:
        """The uid (and gid) of an environment slot; never another instance's."""
        assert 0 <= slot < UIDS_PER_INSTANCE
        return FIRST_UID + self.number * UIDS_PER_INSTANCE + slot

    @property
    def relay_uid(self) -> int:
        """The uid of the relay: no environment ever gets the last one."""
        return self.uid(UIDS_PER_INSTANCE - 1)

    def passwd(self, slot: int) -> Path:
        """A passwd file that gives the slot's uid the name it has on AWS."""
        uid = self.uid(slot)
        path = self.folder / f"passwd-{uid}"
        if not path.exists():
            path.write_text(USERS.format(uid=uid))
            path.chmod(0o644)
        return path

    def release(self) -> None:
        """Give the number up and remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock_fd)


def clear_dead(clear: Callable[[int], None]) -> None:
    """Call `clear` with every number that somebody had and nobody holds, holding it meanwhile."""
    for path in RUN_DIR.glob("*.lock"):
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                clear(int(path.stem))
                shutil.rmtree(path.with_suffix(""), ignore_errors=True)
        finally:
            os.close(fd)
