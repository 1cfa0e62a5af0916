"""Which environments come from a zygote."""

from __future__ import annotations

import pytest

from lambdad.sandbox.driver import PLATFORM_PORT, RUNTIME_API_ADDRESS, RuntimePack
from lambdad.sandbox.jailer import network
from lambdad.sandbox.python_start import can_fork, interpreter_of, zygote_variables

PYTHON = "/var/lang/bin/python3.12"
PACK = RuntimePack("python3.12", "python", (PYTHON, "/var/runtime/bootstrap.py"), mounts=())
USUAL = {**zygote_variables(PACK), "AWS_LAMBDA_FUNCTION_NAME": "f", "_HANDLER": "app.handler"}


def test_a_usual_function_is_forked() -> None:
    assert can_fork(PACK, USUAL)


@pytest.mark.parametrize(
    "name",
    ["PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHON_ENV", "PATH", "TZ", "X"],
)
def test_variables_that_also_work_later_do_not_matter(name: str) -> None:
    assert can_fork(PACK, {**USUAL, name: "value"})


@pytest.mark.parametrize(
    "name",
    [
        *("PYTHONHASHSEED", "PYTHONOPTIMIZE", "PYTHONWARNINGS", "PYTHONUTF8", "PYTHON_GIL"),
        *("LD_PRELOAD", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "MALLOC_ARENA_MAX"),
        *("GLIBC_TUNABLES", "OPENSSL_CONF", "AWS_EXECUTION_ENV", "AWS_LAMBDA_EXEC_WRAPPER"),
    ],
)
def test_variables_that_act_at_the_start_do(name: str) -> None:
    assert not can_fork(PACK, {**USUAL, name: "another value"})


def test_a_missing_variable_counts_as_well() -> None:
    without = {name: value for name, value in USUAL.items() if name != "LD_LIBRARY_PATH"}
    assert not can_fork(PACK, without)


def test_a_wrapped_command_is_started_itself() -> None:
    wrapped = RuntimePack("python3.12", "python", ("/bin/sh", "-c", "x", *PACK.argv), mounts=())
    assert not can_fork(wrapped, USUAL)
    assert interpreter_of(wrapped) == interpreter_of(PACK) == PYTHON


def test_the_jailer_and_the_seam_mean_the_same_addresses() -> None:
    assert network.RUNTIME_API == RUNTIME_API_ADDRESS
    assert network.PLATFORM[1] == PLATFORM_PORT
