"""Archives of what the init of functions loads, by which their runtimes start sooner.

Owns the files: one for each function, code, layers, handler and build of its runtime, whatever its
other configuration is. Their content comes out of a sandbox in which the function's own code ran,
so nobody here looks into one, and no function gets another's. A file appears whole or not at all,
and can always be made again. May not: decide when one is made.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Protocol

from lambdad.core.limits import Limits
from lambdad.functions.snapshot import FunctionVersion, Key
from lambdad.sandbox.driver import RuntimePack, Training

_STAGING_PREFIX = ".staging-"
_PREFIX_CHARS = 33


class Archives(Protocol):
    """What an environment that starts asks for."""

    def find(self, version: FunctionVersion, pack: RuntimePack) -> Path | None:
        """The archive that it starts with."""

    def distrust(self, archive: Path) -> None:
        """A runtime that was given it crashed: nobody gets it any more."""


class NoArchives:
    """Where none are kept."""

    def find(self, version: FunctionVersion, pack: RuntimePack) -> Path | None:
        return None

    def distrust(self, archive: Path) -> None:
        pass


class ArchiveStore:
    """The archives of this machine, in a folder of their own."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._folder = folder
        self._limits = limits
        self._sizes: dict[str, int] = {}
        """In bytes, by name, the one that was made first at first."""
        self.distrusted: set[str] = set()
        """Names of those that are not to be made again."""
        self.on_missing: Callable[[FunctionVersion], None] = lambda _: None
        """Told of a version that starts without one, though its runtime would take it."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in sorted(folder.iterdir(), key=lambda path: path.lstat().st_mtime_ns):
            if path.name.startswith(_STAGING_PREFIX):
                path.unlink()  # half made when lambdad was killed
            else:
                self._sizes[path.name] = path.lstat().st_size

    def find(self, version: FunctionVersion, pack: RuntimePack) -> Path | None:
        if pack.training is None:
            return None
        name = name_of(version, pack.training)
        if name in self._sizes:
            return self._folder / name
        self.on_missing(version)
        return None

    def has(self, name: str) -> bool:
        """Whether there is one of this name, see `name_of`."""
        return name in self._sizes

    def distrust(self, archive: Path) -> None:
        self.distrusted.add(archive.name)
        self._remove(archive.name)

    def receive(self, source: int) -> Path | None:
        """Read a pipe to its end into a file with no name of its own yet; None where it holds more
        than an archive may. Blocks: call it in a thread. Raises OSError."""
        staging = self._folder / f"{_STAGING_PREFIX}{secrets.token_hex(8)}"
        fd = os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
        try:
            left = self._limits.class_archive_bytes
            while data := os.read(source, min(65_536, left + 1)):
                left -= len(data)
                if left < 0:
                    staging.unlink()
                    return None
                os.write(fd, data)
            os.fchmod(fd, 0o444)  # for the users that sandboxes are
            os.fsync(fd)
        except BaseException:
            staging.unlink(missing_ok=True)
            raise
        finally:
            os.close(fd)
        return staging

    def keep(self, name: str, staging: Path) -> None:
        """What was received is that archive from now on; the oldest make room for it. Raises
        OSError."""
        size = staging.stat().st_size
        while self._sizes and sum(self._sizes.values()) + size > self._limits.class_archives_bytes:
            self._remove(next(iter(self._sizes)))
        staging.rename(self._folder / name)
        self._sizes[name] = size

    def keep_only(self, function: Key, names: Collection[str]) -> None:
        """Remove all archives of a function but these. Environments that have one keep it."""
        own = _prefix_of(function)
        for name in [*self._sizes, *self.distrusted]:
            if name.startswith(own) and name not in names:
                self._remove(name)
                self.distrusted.discard(name)

    def keep_functions(self, functions: Iterable[Key]) -> None:
        """Remove those of all other functions: a crash may have come before they were."""
        known = {_prefix_of(function) for function in functions}
        for name in [name for name in self._sizes if name[:_PREFIX_CHARS] not in known]:
            self._remove(name)

    def _remove(self, name: str) -> None:
        if self._sizes.pop(name, None) is not None:
            (self._folder / name).unlink(missing_ok=True)


def name_of(version: FunctionVersion, training: Training) -> str:
    """Of the archive that serves a version: of its function, and of what decides about classes."""
    layers = [layer.name for layer in version.layer_dirs]
    content = (version.runtime, version.handler, version.code_dir.name, layers, training.build)
    digest = hashlib.sha256(repr(content).encode()).hexdigest()
    return f"{_prefix_of((version.account, version.region, version.name))}{digest}"


def _prefix_of(function: Key) -> str:
    return hashlib.sha256(repr(function).encode()).hexdigest()[: _PREFIX_CHARS - 1] + "-"
