"""What a Python zygote starts with, and which environments may be forked from it.

Some variables act when an interpreter starts, not later. An environment whose values of those
differ from the zygote's gets an interpreter of its own: slower, never different. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from lambdad.sandbox.driver import RUNTIME_API_ADDRESS, RuntimePack

_LIBRARIES = (
    "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
)
_ACTS_AT_START = re.compile(
    r"PYTHON[A-Z0-9]+|PYTHON_(CPU_COUNT|GIL|JIT|FROZEN_MODULES)|LD_.+|LANG|LC_.+|MALLOC_.+"
    r"|GLIBC_TUNABLES|OPENSSL_.+|AWS_EXECUTION_ENV|AWS_LAMBDA_RUNTIME_API|AWS_LAMBDA_EXEC_WRAPPER"
)
_SET_LATER_AS_WELL = frozenset(
    {
        "PYTHONPATH",
        "PYTHONUNBUFFERED",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONBREAKPOINT",
        "PYTHONASYNCIODEBUG",
    }
)
"""guest/python/bootstrap.py sees to the first, the runtime client to the second; the others are
read when they are needed, or change nothing where no folder of code can be written."""


def zygote_variables(pack: RuntimePack) -> dict[str, str]:
    """The variables of the zygote's interpreter: those of a function that sets none itself."""
    host, port = RUNTIME_API_ADDRESS
    return {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{pack.runtime}",
        "AWS_LAMBDA_RUNTIME_API": f"{host}:{port}",
        "LANG": "en_US.UTF-8",
        "LC_CTYPE": "C.UTF-8",
        "LD_LIBRARY_PATH": _LIBRARIES,
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "PYTHONPATH": "/var/runtime",
        "TZ": ":UTC",
    }


def interpreter_of(pack: RuntimePack) -> str:
    """The Python of a Python pack. Its command ends in interpreter and bootstrap; what comes
    before is a wrapper."""
    return pack.argv[-2]


def can_fork(pack: RuntimePack, variables: Mapping[str, str]) -> bool:
    """Whether an environment with these variables may come from the pack's zygote."""
    return len(pack.argv) == 2 and _acting(variables) == _acting(zygote_variables(pack))


def _acting(variables: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in variables.items()
        if _ACTS_AT_START.fullmatch(name) and name not in _SET_LATER_AS_WELL
    }
