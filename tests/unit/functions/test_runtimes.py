"""Runtime identifiers and AWS's refusals."""

from __future__ import annotations

import pytest

from lambdad.functions.errors import InvalidParameterValueException
from lambdad.functions.runtimes import BLOCKED, CREATABLE, check_runtime, check_snap_start, listed


@pytest.mark.parametrize("runtime", CREATABLE)
def test_a_creatable_runtime(runtime: str) -> None:
    check_runtime(runtime)


@pytest.mark.parametrize("runtime", sorted(BLOCKED))
def test_a_blocked_runtime(runtime: str) -> None:
    with pytest.raises(InvalidParameterValueException, match=f"parameter of {runtime} is no long"):
        check_runtime(runtime)


@pytest.mark.parametrize("runtime", ["PYTHON3.12", "cobol", ""])
def test_an_unknown_runtime(runtime: str) -> None:
    with pytest.raises(InvalidParameterValueException) as caught:
        check_runtime(runtime)
    assert caught.value.message is not None
    assert caught.value.message.startswith(
        f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum "
        "value set: ["
    )
    assert caught.value.message.endswith("] or be a valid ARN")


def test_the_list_has_each_once() -> None:
    assert sorted(listed()) == sorted(CREATABLE)
    assert not set(CREATABLE) & BLOCKED


@pytest.mark.parametrize("runtime", ["python3.12", "java21", "dotnet8"])
def test_snap_start_is_offered(runtime: str) -> None:
    check_snap_start(runtime)


@pytest.mark.parametrize("runtime", ["python3.11", "nodejs22.x", "provided.al2023", "java8.al2"])
def test_snap_start_is_not_offered(runtime: str) -> None:
    with pytest.raises(InvalidParameterValueException) as caught:
        check_snap_start(runtime)
    assert caught.value.message == f"{runtime} is not supported for SnapStart enabled functions."
