"""The environment variables of a function's process (semantics §6.3).

Owns: names, values, and who may override them. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from lambdad.functions.snapshot import FunctionVersion
from lambdad.runtime.purpose import ON_DEMAND, Purpose
from lambdad.sandbox.driver import PLATFORM_PORT, RUNTIME_API_ADDRESS, RuntimePack

_HOST = RUNTIME_API_ADDRESS[0]
_XRAY_PORT = "2000"
_PATH = "/usr/local/bin:/usr/bin/:/bin:/opt/bin"
_LIBRARIES = "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
_JAVA_WITH_OLD_KEY_NAMES = ("java8", "java8.al2", "java11")


class Credentials(Protocol):
    """Session credentials of the execution role, as iam/session.py makes them."""

    @property
    def access_key_id(self) -> str: ...
    @property
    def secret_access_key(self) -> str: ...
    @property
    def session_token(self) -> str: ...
    @property
    def expires_s(self) -> int:
        """Epoch seconds."""
        ...


def environment_variables(
    version: FunctionVersion,
    pack: RuntimePack,
    log_stream: str,
    credentials: Credentials,
    purpose: Purpose = ON_DEMAND,
) -> dict[str, str]:
    """The whole environment: defaults, the function's own over them, then what no function may
    set. `_LAMBDA_TELEMETRY_LOG_FD` is the driver's to add."""
    variables = known_beforehand(version.runtime, pack.family)
    if version.log_format == "JSON":
        variables["AWS_LAMBDA_LOG_LEVEL"] = version.application_log_level
    variables.update(version.environment)
    variables.update(_fixed(version, pack, log_stream, credentials))
    variables["AWS_LAMBDA_INITIALIZATION_TYPE"] = purpose.initialization_type
    return variables


_RUNTIMES_OWN = frozenset(
    {
        "AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_XRAY_CONTEXT_MISSING", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "_HANDLER",
    }
)  # fmt: skip
"""Not for extensions (Lambda developer guide, "Extensions API")."""


def extension_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of an external extension, out of that of its runtime."""
    return {name: value for name, value in variables.items() if name not in _RUNTIMES_OWN}


def known_beforehand(runtime: str, family: str) -> dict[str, str]:
    """What every function of a runtime has, unless it sets it itself."""
    managed = family != "provided"
    variables = {
        "AWS_ENDPOINT_URL": f"http://{_HOST}:{PLATFORM_PORT}",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": f"{_HOST}:{_XRAY_PORT}",
        "_AWS_XRAY_DAEMON_ADDRESS": _HOST,
        "_AWS_XRAY_DAEMON_PORT": _XRAY_PORT,
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PATH": f"/var/lang/bin:{_PATH}" if managed else _PATH,
        "LD_LIBRARY_PATH": f"/var/lang/lib:{_LIBRARIES}" if managed else _LIBRARIES,
    }
    if managed and family != "java":
        variables |= {"PWD": "/var/task", "SHLVL": "0"}
    return variables | _family_defaults(runtime, family)


def _family_defaults(runtime: str, family: str) -> dict[str, str]:
    number = runtime.removeprefix(family).removesuffix(".x")
    if family == "python":
        return {"PYTHONPATH": "/var/runtime", "LC_CTYPE": "C.UTF-8"}
    if family == "nodejs":
        modules = f"/opt/nodejs/node{number}/node_modules:/opt/nodejs/node_modules"
        runtime_modules = "/var/runtime/node_modules:/var/runtime:/var/task"
        return {"NODE_PATH": f"{modules}:{runtime_modules}"}
    if family == "ruby":
        gems = f"/var/task/vendor/bundle/ruby/{number}.0:/opt/ruby/gems/{number}.0"
        return {
            "GEM_HOME": "/var/runtime",
            "GEM_PATH": f"{gems}:/var/runtime:/var/runtime/ruby/{number}.0",
            "RUBYLIB": "/var/runtime/lib:/opt/ruby/lib:/var/task",
            # The machine may lack LANG's locale, and text would be ASCII to Ruby.
            "LC_CTYPE": "C.UTF-8",
        }
    if family == "dotnet":
        return {"DOTNET_ROOT": "/var/lang/bin", "LAMBDA_RUNTIME_NAME": runtime}
    return {}


def _fixed(
    version: FunctionVersion, pack: RuntimePack, log_stream: str, credentials: Credentials
) -> dict[str, str]:
    variables = {
        "AWS_REGION": version.region,
        "AWS_DEFAULT_REGION": version.region,
        "AWS_LAMBDA_FUNCTION_NAME": version.name,
        "AWS_LAMBDA_FUNCTION_VERSION": version.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(version.memory_mib),
        "AWS_LAMBDA_LOG_GROUP_NAME": version.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_RUNTIME_API": f"{_HOST}:{RUNTIME_API_ADDRESS[1]}",
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
        "_HANDLER": version.handler,
        "LAMBDA_TASK_ROOT": "/var/task",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
    }
    if version.log_format == "JSON":
        variables["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
    if pack.family != "provided":
        variables["AWS_EXECUTION_ENV"] = f"AWS_Lambda_{version.runtime}"
    if version.runtime in _JAVA_WITH_OLD_KEY_NAMES:
        variables["AWS_ACCESS_KEY"] = credentials.access_key_id
        variables["AWS_SECRET_KEY"] = credentials.secret_access_key
    return variables
