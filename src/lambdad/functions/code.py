"""Where deployment packages live: the zip as a blob, unpacked once as a read-only tree.

The blob, encrypted, is the truth; `code/<digest>` (with a tag where compiled files were added) is
made from it for the sandboxes to run and can be made again. Both are shared by every version that
holds the same bytes, counted, and removed some time after nothing refers to them: invocations in
flight may still read them.
Zip and disk work runs in threads of its own, never on the event loop.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

from lambdad.core.clock import Clock
from lambdad.core.limits import Limits
from lambdad.functions.bytecode import Bytecode
from lambdad.functions.errors import RequestEntityTooLargeException
from lambdad.functions.locks import KeyedLocks, uninterrupted
from lambdad.functions.package import PackageBroken, inspect
from lambdad.functions.records import CodePackage, Deployment
from lambdad.functions.unpack import remove_tree, unpack
from lambdad.storage.blobs import BlobStore
from lambdad.storage.errors import BlobDamaged

P = ParamSpec("P")
T = TypeVar("T")


class CodeStore:
    """Deployment packages by content. The blob store is its own: no one else's blobs are in it."""

    def __init__(
        self, blobs: BlobStore, trees: Path, bytecode: Bytecode, clock: Clock, limits: Limits
    ) -> None:
        self._blobs = blobs
        self._trees = trees
        self._bytecode = bytecode
        self._clock = clock
        self._limits = limits
        self._uses: Counter[str] = Counter()
        self._garbage: dict[str, int] = {}
        self._locks: KeyedLocks[str] = KeyedLocks()
        self._threads = ThreadPoolExecutor(limits.code_workers, "lambdad-code")
        trees.mkdir(parents=True, exist_ok=True, mode=0o755)

    async def check(self, archive: bytes) -> CodePackage:
        """What the package is, once it is known to be a good one. Nothing is stored. Raises
        RequestEntityTooLargeException, PackageRefused."""
        if len(archive) >= self._limits.zip_bytes:
            raise RequestEntityTooLargeException(
                f"Zipped size must be smaller than {self._limits.zip_bytes} bytes"
            )
        return await self._run(self._examine, archive)

    @asynccontextmanager
    async def admit(self, archive: bytes) -> AsyncIterator[CodePackage]:
        """The package, checked and stored durably, and kept at least until the block ends: inside
        it a function comes to refer to it. Raises like `check`."""
        package = await self.check(archive)
        self.refer([package])
        try:
            async with self._locks.holding(package.digest):
                await self._run(self._blobs.put, archive)
            yield package
        finally:
            self.release([package])

    def refer(self, packages: Iterable[CodePackage]) -> None:
        """Count one more use of each."""
        for package in packages:
            self._uses[package.digest] += 1
            self._garbage.pop(package.digest, None)

    def release(self, packages: Iterable[CodePackage]) -> None:
        """Count one use less of each; the last use starts the time to removal."""
        for package in packages:
            self._uses[package.digest] -= 1
            if self._uses[package.digest] == 0:
                del self._uses[package.digest]
                self._garbage[package.digest] = self._clock.monotonic_ns()

    def tree(self, package: CodePackage, runtime: str) -> Path:
        """Where the package is, or will be, unpacked for a runtime; a layer for the runtime ""."""
        tag = self._bytecode.tag(runtime)
        return self._trees / (f"{package.digest}.{tag}" if tag else package.digest)

    async def prepare(self, deployment: Deployment) -> None:
        """Unpack what the deployment runs, layers too, unless it is there. Raises PackageRefused,
        OSError."""
        for package, runtime in _unpacked(deployment):
            async with self._locks.holding(package.digest):
                await self._run(self._unpack, package, runtime)

    async def collect(self) -> None:
        """Remove what has been unused for the time of `Limits.code_retention_s`."""
        oldest_ns = self._clock.monotonic_ns() - int(self._limits.code_retention_s * 1e9)
        for digest, since_ns in list(self._garbage.items()):
            if since_ns > oldest_ns:
                continue
            async with self._locks.holding(digest):
                if self._garbage.pop(digest, None) is not None:
                    await self._run(self._remove, digest)

    async def missing(self, deployments: Iterable[Deployment]) -> list[Deployment]:
        """Those that are not unpacked, one for each tree."""
        wanted = {name: each for each in deployments for name in self._tree_names(each)}
        found = await self._run(lambda: {tree.name for tree in self._trees.iterdir()})
        return [deployment for name, deployment in wanted.items() if name not in found]

    async def reconcile(self, deployments: Iterable[Deployment]) -> None:
        """At a start, before anything runs: remove every blob that nothing refers to, every tree
        that none of the deployments needs, and what a crash left half made."""
        trees = {name for each in deployments for name in self._tree_names(each)}
        await self._run(self._reconcile, set(self._uses), trees)

    async def close(self) -> None:
        """Wait for the threads."""
        await asyncio.to_thread(self._threads.shutdown)

    async def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        async def in_thread() -> T:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, lambda: work(*args, **kwargs))

        return await uninterrupted(in_thread())

    def _examine(self, archive: bytes) -> CodePackage:
        plan = inspect(archive, self._limits)
        digest = hashlib.sha256(archive).hexdigest()
        return CodePackage(digest, len(archive), plan.unzipped_bytes)

    def _tree_names(self, deployment: Deployment) -> list[str]:
        return [self.tree(package, runtime).name for package, runtime in _unpacked(deployment)]

    def _unpack(self, package: CodePackage, runtime: str) -> None:
        tag = self._bytecode.tag(runtime)
        compiled = (lambda made: self._bytecode.compile(tag, made)) if tag else None
        try:
            with self._blobs.open(package.digest) as archive:
                unpack(archive, self.tree(package, runtime), self._limits, compiled)
        except BlobDamaged as error:
            raise PackageBroken(str(error)) from error

    def _remove(self, digest: str) -> None:
        """Trees first: a crash in between leaves a blob for `reconcile`, never a tree whose
        origin is gone."""
        for tree in self._trees.glob(f"{digest}*"):
            remove_tree(tree)
        self._blobs.delete(digest)

    def _reconcile(self, digests: set[str], trees: set[str]) -> None:
        for tree in self._trees.iterdir():
            if tree.name not in trees:
                remove_tree(tree)
        for digest in self._blobs.digests():
            if digest not in digests:
                self._blobs.delete(digest)


def _unpacked(deployment: Deployment) -> Iterator[tuple[CodePackage, str]]:
    """What has to be unpacked for a deployment, and for which runtime."""
    yield deployment.code, deployment.configuration.runtime
    for layer in deployment.configuration.layers:
        yield layer.code, ""
