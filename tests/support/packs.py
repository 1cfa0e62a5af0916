"""Runtime packs for sandbox tests, put together as the catalog does it, from what is here."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from lambdad.sandbox.driver import Mount, RuntimePack

GUEST = Path(__file__).parents[2] / "src" / "lambdad" / "guest"
CLIENT = ("awslambdaric", "simplejson", "snapshot_restore_py")


def module_path(name: str) -> Path:
    """The package folder or the file of an importable module."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    origin = Path(spec.origin)
    return origin.parent if spec.submodule_search_locations else origin


def python_pack() -> RuntimePack:
    """This interpreter as `python3.11`, with the official runtime client of the environment."""
    number = "{}.{}".format(*sys.version_info[:2])
    mounts = [
        Mount(GUEST / "python" / name, f"/var/runtime/{name}")
        for name in ("bootstrap.py", "runtime_client.py")
    ]
    for path in map(module_path, CLIENT):
        mounts.append(Mount(path, f"/var/runtime/{path.name}"))
    prefix = Path(sys.base_prefix)
    program = f"/usr/bin/python{number}"
    if prefix != Path("/usr"):
        mounts.append(Mount(prefix, "/var/lang"))
        program = f"/var/lang/bin/python{number}"
    return RuntimePack(
        runtime=f"python{number}",
        family="python",
        argv=(program, "/var/runtime/bootstrap.py"),
        mounts=tuple(mounts),
        host_argv=(str(prefix / "bin" / f"python{number}"), str(mounts[0].source)),
        host_variables={"PYTHONPATH": str(module_path("awslambdaric").parent)},
    )


def command_pack(*argv: str) -> RuntimePack:
    """A custom runtime that is one command of the host's /usr."""
    return RuntimePack("provided.al2023", "provided", argv, mounts=(), host_argv=argv)
