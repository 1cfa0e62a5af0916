"""Disk-backed /tmp with a hard quota: a nameless sparse file, a loop device, a file system in it.

Nothing has to be cleaned up: the file has no name, the loop device clears itself with the last
mount, and the mount goes with its namespace. Where the machine has no loop devices, /tmp is memory
and counts against the function's limit.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import struct
import subprocess
from pathlib import Path

from lambdad.guest import channel, syscalls
from lambdad.sandbox.jailer.loop import Loop

MIB = 1024 * 1024
DEFAULT_MIB = 512
"""What most functions have: these are made ahead."""

_MAKE_FILE_SYSTEM = (
    "-q", "-F", "-m", "0", "-i", "16384",
    # What is copied for every environment is small and in one place.
    "-O", "^has_journal,^resize_inode,^sparse_super,sparse_super2",
    "-E", "lazy_itable_init=1,nodiscard,num_backup_sb=0,packed_meta_blocks=1",
)  # fmt: skip
_MOUNT_OPTIONS: tuple[tuple[str, str | None], ...] = (
    ("nobarrier", None),  # what a crash of the machine would leave has no name
    ("noinit_itable", None),  # holes read as zeros already
)
_TOOL_PATH = "/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin"
_LOOP_CTL_GET_FREE = 0x4C82
_LOOP_CONFIGURE = 0x4C0A
_AUTOCLEAR, _DIRECT_IO = 4, 16
_BLOCK_BYTES = 4096
_ATTEMPTS = 64
_PACE = "strict_limit"
"""Of /sys/block/*/bdi, Linux 6.2: what may wait to be written goes by what this disk has taken so
far, also while the machine has room for more. It stays with the loop device."""


class Scratch:
    """Makes file systems for /tmp. Raises OSError where the machine cannot.

    `paced`: who writes faster than the disk waits early. At its memory limit a group of version 1
    waits for the disk; one of version 2 is ended when all its pages of files are being written."""

    def __init__(self, folder: Path, paced: bool) -> None:
        self._folder = folder
        self._paced = paced
        self._templates: dict[int, int] = {}

    def prepare(self, mib: int) -> None:
        """Have the template for a size: an empty file system, made once."""
        if mib in self._templates:
            return
        tool = shutil.which("mkfs.ext4", path=_TOOL_PATH)
        if tool is None:
            raise FileNotFoundError("mkfs.ext4 is not installed (package e2fsprogs)")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = self._new_file(mib)
        done = subprocess.run(  # noqa: S603 - no word of it comes from outside
            [tool, *_MAKE_FILE_SYSTEM, f"/proc/self/fd/{fd}"],
            pass_fds=[fd],
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            os.close(fd)
            raise OSError(errno.EIO, f"mkfs.ext4: {done.stderr.decode(errors='replace').strip()}")
        try:
            tree = _mount(fd, self._paced)
            root = f"/proc/self/fd/{tree}"
            os.rmdir(f"{root}/lost+found")
            os.chmod(root, 0o1777)  # noqa: S103 - what /tmp is everywhere
            os.close(tree)  # and with it goes the mount: the file is complete
        except OSError:
            os.close(fd)
            raise
        self._templates[mib] = fd

    def make(self, mib: int) -> int:
        """A new, empty file system as a detached mount. `prepare` first, in the same process or
        in the one that forked it."""
        image = self._new_file(mib)
        try:
            _copy_data(self._templates[mib], image)
            return _mount(image, self._paced)
        finally:
            os.close(image)

    def _new_file(self, mib: int) -> int:
        fd = os.open(self._folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        # The file system's own tables (2 %) and reserve (16 MiB) come on top: the function is to
        # have all of its size.
        os.ftruncate(fd, (mib + mib // 50 + 18) * MIB)
        return fd


def _mount(image: int, paced: bool) -> int:
    """The file system in a file as a detached mount."""
    device, name = _attach_loop(image)
    try:
        if paced:
            _pace(name)
        tree = syscalls.detached_filesystem("ext4", [("source", name), *_MOUNT_OPTIONS])
    finally:
        os.close(device)
    try:
        syscalls.seal_tree(tree, syscalls.MOUNT_ATTR_NOSUID | syscalls.MOUNT_ATTR_NODEV)
    except OSError:
        os.close(tree)
        raise
    return tree


def _pace(device: str) -> None:
    """Where the kernel can: an older one has no such file, a container may not write to it."""
    with contextlib.suppress(OSError):
        Path(f"/sys/block/{os.path.basename(device)}/bdi/{_PACE}").write_text("1")


def unmount(loop: Loop, tree: int) -> None:
    """Close what may be the last mount of a file system. That may take as long as the disk takes to
    write what is in it, so a child does it."""
    ours, theirs = os.pipe2(os.O_CLOEXEC)

    def run() -> int:
        os.close(theirs)
        os.read(ours, 1)  # until it is the child's alone
        return 0

    loop.fork(run, lambda status: None)
    channel.close_all([tree, ours, theirs])


def _copy_data(source: int, target: int) -> None:
    """Copy what is not hole."""
    offset = 0
    while True:
        try:
            start = os.lseek(source, offset, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            raise
        offset = os.lseek(source, start, os.SEEK_HOLE)
        os.pwrite(target, os.pread(source, offset - start, start), start)


def _attach_loop(image: int) -> tuple[int, str]:
    """An open loop device over the file, and its path."""
    info = struct.pack("52xI208x", _AUTOCLEAR | _DIRECT_IO)  # struct loop_info64
    configuration = struct.pack("II264s64x", image, _BLOCK_BYTES, info)  # struct loop_config
    control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
    try:
        for _ in range(_ATTEMPTS):
            name = f"/dev/loop{fcntl.ioctl(control, _LOOP_CTL_GET_FREE)}"
            device = os.open(name, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.ioctl(device, _LOOP_CONFIGURE, configuration)
                return device, name
            except OSError as error:
                os.close(device)
                if error.errno != errno.EBUSY:  # somebody else was faster
                    raise
    finally:
        os.close(control)
    raise OSError(errno.EBUSY, "no free loop device")
