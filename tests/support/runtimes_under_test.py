"""The runtimes that the conformance suite tries: their programs, and in what they differ.

The programs are in `runtimes/<family>`; every one does the same on the same events. What cannot be
had on this machine raises Unavailable with the reason.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lambdad.core.errors import OperatorError
from lambdad.runtime.catalog.install import install
from lambdad.runtime.catalog.packs import PackCatalog
from lambdad.sandbox.driver import RuntimePack
from lambdad.sandbox.host_command import run
from support.functions import make_packs

ROOT = Path(__file__).parents[2]
SOURCES = Path(__file__).parent / "runtimes"
DATA_DIR = ROOT / ".runtimes-of-tests"
"""Packs that were fetched and programs that were built stay here for the next run."""
EVERYTHING = "LAMBDAD_TEST_EVERY_RUNTIME" in os.environ
"""Fetch every runtime and library that can be fetched, however long it takes."""


class Unavailable(Exception):
    """This machine cannot try it; the message says why."""


@dataclass(frozen=True)
class RuntimeUnderTest:
    """One runtime with a program for it."""

    name: str
    runtime: str
    handler: str
    program: str
    """The folder of its sources."""
    build: Callable[[Path, Path, Path], None]
    """Makes of (sources, and the pack's folder) the deployment package: (sources, target, pack)."""
    error: tuple[str, tuple[str, ...]]
    """Type of the error that the program raises, and the members of its payload in order."""
    init_error: tuple[str, str]
    """Type and end of the message of an error in init."""
    missing: tuple[str, str, str]
    """A handler that is not there ("": nothing is deployed at all), error type and message."""
    layer: Mapping[str, str] = field(default_factory=dict)
    """A layer with a library that the program finds without being told where."""
    stream_handler: str | None = None
    """None: its client cannot stream (on AWS neither), or only HTTP responses."""
    stream_type: str = "text/plain"
    """Content type of the response that it streams."""
    breaks_streams: bool = True
    """Whether its program reports an error after the first part."""
    out_of_memory: str = "Runtime.OutOfMemory"
    memory_mib: int = 128
    stems: int = 0
    """Processes of it that are started ahead; each of its environments is one of them, then."""
    fetched: bool = False
    """Whether its pack is small enough to be fetched for every run of the tests."""
    slow: bool = False
    """Whether its program takes too long to build for every run."""

    def missing_here(self, packs: PackCatalog) -> str | None:
        """Why this run does not try it; None where it does."""
        if EVERYTHING:
            return None
        if self.slow:
            return "takes a minute to build; LAMBDAD_TEST_EVERY_RUNTIME=1 does"
        answer = packs.find(self.runtime)
        if self.fetched or isinstance(answer, RuntimePack):
            return None
        return answer.message

    def pack(self, packs: PackCatalog) -> RuntimePack:
        """The pack; fetched if it may be. Raises Unavailable."""
        if self.fetched or EVERYTHING:
            with locked(self.runtime):
                _fetch(self.runtime, packs)
        answer = packs.find(self.runtime)
        if isinstance(answer, RuntimePack):
            return answer
        raise Unavailable(answer.message)

    def package(self) -> Path:
        """The deployment package, built once for all runs. Raises Unavailable."""
        sources = SOURCES / self.program
        digest = hashlib.sha256()
        for path in sorted(sources.rglob("*")):
            digest.update(path.read_bytes() if path.is_file() else b"")
        target = DATA_DIR / "programs" / f"{self.name}-{digest.hexdigest()[:16]}"
        with locked(self.name):
            if not target.is_dir():
                staging = target.with_name(f".{target.name}")
                shutil.rmtree(staging, ignore_errors=True)
                staging.mkdir(parents=True)
                self.build(sources, staging, DATA_DIR / "packs" / self.runtime)
                staging.rename(target)
        return target


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Test processes that run at the same time build and fetch one after the other."""
    DATA_DIR.mkdir(parents=True, exist_ok=True)
    with (DATA_DIR / f".lock-{name}").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fetch(runtime: str, packs: PackCatalog) -> None:
    told: list[str] = []
    try:
        install(runtime, DATA_DIR / "packs", packs, run, told.append)
    except OperatorError as error:
        raise Unavailable(" ".join([str(error), *told[-3:]])) from None


def _tool(program: str, *arguments: str | Path, cwd: Path) -> None:
    """Run a compiler. It has to succeed if it is there."""
    if shutil.which(program) is None:
        raise Unavailable(f"needs {program} to build the program")
    command = [program, *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _copy(sources: Path, target: Path, pack: Path) -> None:
    shutil.copytree(sources, target, dirs_exist_ok=True)


def _go(sources: Path, target: Path, pack: Path) -> None:
    if shutil.which("go") is None:
        raise Unavailable("needs go to build the program")
    fetched = subprocess.run(["go", "mod", "download"], cwd=sources, capture_output=True, text=True)
    if fetched.returncode != 0:
        raise Unavailable(f"its library could not be fetched: {fetched.stderr}")
    options = ("-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w")
    _tool("go", "build", *options, "-o", target / "bootstrap", ".", cwd=sources)


def _rust(sources: Path, target: Path, pack: Path) -> None:
    options = ("-O", "--edition", "2021", "-o")
    _tool("rustc", *options, target / "bootstrap", "main.rs", cwd=sources)


def _cargo(sources: Path, target: Path, pack: Path) -> None:
    output = DATA_DIR / "cargo"
    _tool("cargo", "build", "--release", "--locked", "--target-dir", output, cwd=sources)
    shutil.copy(output / "release" / "bootstrap", target)


def _java(sources: Path, target: Path, pack: Path) -> None:
    libraries = ":".join(str(jar) for jar in sorted((pack / "lib").glob("*.jar")))
    options = ("--release", "11", "-nowarn", "-cp", libraries, "-d")
    _tool("javac", *options, target, "Handler.java", cwd=sources)
    _tool("javac", "--release", "11", "-d", target / "layer", "Greeting.java", cwd=sources)
    compiled = target / "layer" / "greeting" / "Greeting.class"
    with zipfile.ZipFile(target / "greeting.jar", "w") as jar:
        jar.write(compiled, "greeting/Greeting.class")
    shutil.rmtree(target / "layer")


def _python(number: str) -> RuntimeUnderTest:
    return RuntimeUnderTest(
        name=f"python{number}",
        runtime=f"python{number}",
        handler="app.handler",
        program="python",
        build=_copy,
        error=("Broken", ("errorMessage", "errorType", "requestId", "stackTrace")),
        init_error=("ValueError", "not today"),
        missing=(
            *("app.gone", "Runtime.HandlerNotFound"),
            "Handler 'gone' missing on module 'app'",
        ),
        layer={"python/greeting.py": 'TEXT = "from the layer"\n'},
    )


def _nodejs(major: str, stems: int) -> RuntimeUnderTest:
    return RuntimeUnderTest(
        name=f"nodejs{major}.x" + ("-stem" if stems else ""),
        runtime=f"nodejs{major}.x",
        handler="index.handler",
        program="nodejs",
        build=_copy,
        error=("Broken", ("errorType", "errorMessage", "trace")),
        init_error=("RangeError", "not today"),
        missing=(
            *("index.gone", "Runtime.HandlerNotFound"),
            "index.gone is undefined or not exported",
        ),
        layer={"nodejs/node_modules/greeting/index.js": 'exports.TEXT = "from the layer";\n'},
        stream_handler="index.stream",
        stems=stems,
    )


def _of_java(number: str, *, fetched: bool = False) -> RuntimeUnderTest:
    return RuntimeUnderTest(
        name=f"java{number}",
        runtime=f"java{number}",
        handler="conformance.Handler",
        program="java",
        build=_java,
        error=("conformance.Handler$Broken", ("errorMessage", "errorType", "stackTrace")),
        init_error=("java.lang.IllegalStateException", "not today"),
        missing=(
            *("conformance.Gone", "java.lang.ClassNotFoundException"),
            "Class not found: conformance.Gone",
        ),
        out_of_memory="java.lang.OutOfMemoryError",
        memory_mib=512,
        fetched=fetched,
    )


def _ruby(number: str) -> RuntimeUnderTest:
    gems = f"ruby/gems/{number}.0"
    return RuntimeUnderTest(
        name=f"ruby{number}",
        runtime=f"ruby{number}",
        handler="app.handler",
        program="ruby",
        build=_copy,
        error=("Function<Broken>", ("errorMessage", "errorType", "stackTrace")),
        init_error=("Init<IOError>", "not today"),
        missing=("app.Gone.handler", "Function<NameError>", "uninitialized constant Kernel::Gone"),
        layer={
            "ruby/lib/greeting.rb": 'module Greeting; TEXT = "from the layer"; end\n',
            f"{gems}/gems/farewell-1.0.0/lib/farewell.rb": (
                'module Farewell; TEXT = "a gem of the layer"; end\n'
            ),
            f"{gems}/specifications/farewell-1.0.0.gemspec": (
                'Gem::Specification.new { |s| s.name = "farewell"; s.version = "1.0.0"; '
                's.summary = s.name; s.authors = [s.name]; s.files = ["lib/farewell.rb"] }\n'
            ),
        },
    )


def _provided(
    name: str, runtime: str, build: Callable[[Path, Path, Path], None], **changes: object
) -> RuntimeUnderTest:
    fields: dict[str, object] = {
        "name": f"{runtime}-{name}",
        "runtime": runtime,
        "handler": "bootstrap",
        "program": name,
        "build": build,
        "error": ("Function.Broken", ("errorMessage", "errorType")),
        "init_error": ("Function.Broken", "not today"),
        "missing": (
            *("", "Runtime.InvalidEntrypoint"),
            "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]",
        ),
        "layer": {"bin/greeting": "#!/bin/sh\necho from the layer\n"},
        "stream_handler": "bootstrap",
    }
    return RuntimeUnderTest(**(fields | changes))  # type: ignore[arg-type]


ALL = [
    *(_python(f"3.{minor}") for minor in range(8, 15)),
    *(_nodejs(major, stems) for major in ("18", "20", "22", "24") for stems in (0, 1)),
    _of_java("17", fetched=True),
    _of_java("21"),
    _of_java("25", fetched=True),
    *(_ruby(number) for number in ("3.2", "3.3", "3.4")),
    _provided("bash", "provided.al2", _copy, breaks_streams=False),
    _provided(
        *("go", "provided.al2023", _go),
        error=("broken", ("errorMessage", "errorType")),
        # AWS's library sends a reader in chunks, without naming the response mode.
        stream_type="application/octet-stream",
        breaks_streams=False,
        # Nor does it report errors before its start: a panic ends the process.
        init_error=("Runtime.ExitError", "Runtime exited with error: exit status 2"),
    ),
    _provided("rust", "provided.al2023", _rust),
    _provided(
        *("rust-crate", "provided.al2023", _cargo),
        error=("Function.Broken", ("errorType", "errorMessage")),
        init_error=("Runtime.ExitError", "Runtime exited with error: exit status 1"),
        stream_handler=None,
        slow=True,
    ),
]


def packs_of_the_tests() -> PackCatalog:
    """What this machine has, and what the tests fetched."""
    return make_packs(DATA_DIR)


NOT_TRIED = {
    one.name: why for one in ALL if (why := one.missing_here(packs_of_the_tests())) is not None
}
"""What this run leaves out, and why."""
TRIED = [one for one in ALL if one.name not in NOT_TRIED]
