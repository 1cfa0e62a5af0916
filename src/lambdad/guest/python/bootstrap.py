"""How a Python runtime starts: module search path as on AWS, then the official runtime client.

As a script (`python bootstrap.py`, the way AWS starts its own) it does everything in one go; a
zygote calls `import_client` once and `run` in each child, with the same result. Standard library
only, Python 3.8 and later; imports nothing of ours, so that it also stands alone.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import site
import sys
import time
import traceback
from collections.abc import Mapping

_READ_AT_IMPORT = ("AWS_LAMBDA_LOG_FORMAT", "AWS_LAMBDA_LOG_LEVEL")


def search_path(variables: Mapping[str, str], runtime_path: list[str]) -> list[str]:
    """sys.path of a function: task root, layers, PYTHONPATH, then the runtime's own, which is
    the runtime's folder and the path of the bare interpreter (runtimes.md, "Facts that bite")."""
    version = "python%d.%d" % sys.version_info[:2]
    wanted = [
        variables.get("LAMBDA_TASK_ROOT", "/var/task"),
        "/opt/python/lib/%s/site-packages" % version,
        "/opt/python",
        *variables.get("PYTHONPATH", "").split(":"),
        *runtime_path,
    ]
    return list(dict.fromkeys(filter(None, wanted)))


def bare_path(first: str) -> list[str]:
    """The runtime's own search path: `first`, and what the interpreter knows by itself."""
    added = os.environ.get("PYTHONPATH", "").split(":")
    return [first, *(entry for entry in sys.path[1:] if entry not in added)]


def import_client() -> None:
    """Import the runtime client and what it imports later, whatever the function."""
    importlib.import_module("awslambdaric.__main__")
    for hook in sys.path_hooks:
        with contextlib.suppress(ImportError):
            sys.path_importer_cache["/var/task"] = hook("/var/task")
            break
    importlib.import_module("http.client")
    importlib.import_module("runtime_client").unite()
    with contextlib.suppress(ImportError):  # earlier releases do without
        importlib.import_module("awslambdaric.lambda_literals")
    if sys.version_info >= (3, 12):
        importlib.import_module("concurrent.futures.thread")


def become(variables: Mapping[str, str]) -> None:
    """Take over the function's environment in an interpreter that started with another one."""
    before = dict(os.environ)
    for name in before.keys() - variables.keys():
        del os.environ[name]
    for name, value in variables.items():
        if before.get(name) != value:
            os.environ[name] = value
    if before.get("TZ") != variables.get("TZ"):
        time.tzset()


def run(variables: Mapping[str, str], runtime_path: list[str]) -> int:
    """Run the function of `variables` until it ends the process; the exit code."""
    sys.path[:] = search_path(variables, runtime_path)
    # Told what is there already, it does not look for it: ten calls of the system.
    site.addsitedir(sys.path[0], set(sys.path))
    sys.argv = [os.path.join(runtime_path[0], "bootstrap.py")]
    try:
        client = importlib.import_module("awslambdaric.__main__")
        if any(name in variables for name in _READ_AT_IMPORT):
            importlib.reload(importlib.import_module("awslambdaric.bootstrap"))
        client.main(["awslambdaric", variables.get("_HANDLER", "")])
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(run(os.environ, bare_path(sys.path[0])))
