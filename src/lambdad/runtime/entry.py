"""The command that starts a function's runtime: the pack's, a bootstrap of its own, a wrapper.

Owns the rules of `provided.*` (bootstrap in the package, then in the layers) and of
AWS_LAMBDA_EXEC_WRAPPER. Looks at files, starts nothing.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lambdad.functions.snapshot import FunctionVersion
from lambdad.sandbox.driver import RuntimePack

WRAPPER_VARIABLE = "AWS_LAMBDA_EXEC_WRAPPER"
_BOOTSTRAPS = ("/var/task/bootstrap", "/opt/bootstrap")
_WRAPPED = (
    f'w="${WRAPPER_VARIABLE}"; '
    '[ -f "$w" ] || { echo "$w: does not exist"; exit 127; }; '
    '[ -x "$w" ] || { echo "$w: is not an executable"; exit 126; }; '
    'exec "$w" "$@"'
)


class NoEntryPoint(Exception):
    """There is nothing to start; the message is AWS's."""


def with_command(pack: RuntimePack, version: FunctionVersion) -> RuntimePack:
    """The pack with the command that starts this version. Raises NoEntryPoint."""
    if pack.family == "provided":
        return _with_bootstrap(pack, version)
    if WRAPPER_VARIABLE in version.environment:
        shell = ("/bin/sh", "-c", _WRAPPED, "bootstrap")
        host_argv = (*shell, *pack.host_argv) if pack.host_argv else ()
        return replace(pack, argv=(*shell, *pack.argv), host_argv=host_argv)
    return pack


def _with_bootstrap(pack: RuntimePack, version: FunctionVersion) -> RuntimePack:
    own, layered = _BOOTSTRAPS
    in_package = version.code_dir / "bootstrap"
    if in_package.is_file():
        return replace(pack, argv=(own,), host_argv=(str(in_package),))
    for layer in reversed(version.layer_dirs):
        if (layer / "bootstrap").is_file():
            return replace(pack, argv=(layered,), host_argv=(str(layer / "bootstrap"),))
    raise NoEntryPoint(f"Couldn't find valid bootstrap(s): [{' '.join(_BOOTSTRAPS)}]")


def misplaced_module(code_dir: Path, handler: str, suffixes: tuple[str, ...]) -> str | None:
    """The one folder that holds the handler's module one level too deep, if that is the mistake:
    the folder was zipped instead of its contents."""
    module = handler.rpartition(".")[0].replace(".", "/")
    if not module or any((code_dir / f"{module}{suffix}").is_file() for suffix in suffixes):
        return None
    try:
        folders = sorted(entry for entry in code_dir.iterdir() if entry.is_dir())
    except OSError:
        return None
    for folder in folders:
        if any((folder / f"{module}{suffix}").is_file() for suffix in suffixes):
            return folder.name
    return None
