"""Each operation that is served has its file here, and each error of its model is there or excused.

An error is there where the file names it: as the shape's name in a text, or by the function of
`support/` that makes it. Excuses, with their reasons, are `not_reachable.toml`, which only shrinks.
"""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from lambdad.api.operation import operation_name
from lambdad.services.lambda_.operations import OPERATIONS

HERE = Path(__file__).parent
MODEL = botocore.session.get_session().get_service_model("lambda")
SERVED = sorted(operation_name(each).operation for each in OPERATIONS)
INVALID, CONFLICT = "InvalidParameterValueException", "ResourceConflictException"
MISSING, CLOSED = "ResourceNotFoundException", "CallbackTimeoutException"
MADE_BY = {
    "invalid": INVALID,
    "mismatch": INVALID,
    "unqualified_only": INVALID,
    "conflict": CONFLICT,
    "pending": CONFLICT,
    "updating": CONFLICT,
    "wrong_status": CONFLICT,
    "not_found": MISSING,
    "unreachable": MISSING,
    "has_none": MISSING,
    "no_execution": MISSING,
    "no_function": MISSING,
    "no_provider": MISSING,
    "no_signing_config": MISSING,
    "none_provisioned": "ProvisionedConcurrencyConfigNotFoundException",
    "stale": "PreconditionFailedException",
    "throttled": "TooManyRequestsException",
    "callback_closed": CLOSED,
}
"""Function of `support/` → the error that it makes."""


def file_of(operation: str) -> Path:
    return HERE / f"test_{xform_name(operation)}.py"


@cache
def modelled(operation: str) -> set[str]:
    return {shape.name for shape in MODEL.operation_model(operation).error_shapes}


@cache
def excuses() -> Counter[tuple[str, str]]:
    """How often each error of an operation is excused."""
    groups = tomllib.loads((HERE / "not_reachable.toml").read_text())["errors"]
    return Counter(
        (operation, shape)
        for group in groups
        for shape in group["shapes"]
        for operation in _operations(group, shape)
    )


def _operations(group: dict[str, list[str]], shape: str) -> list[str]:
    if "operations" in group:
        return group["operations"]
    rest = group.get("except", [])
    return [each for each in SERVED if shape in modelled(each) and each not in rest]


@cache
def told(operation: str) -> set[str]:
    """The errors that the operation's file names."""
    tree = ast.parse(file_of(operation).read_text())
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    return {shape for name, shape in MADE_BY.items() if name in names} | (
        modelled(operation) & texts
    )


def calls(operation: str) -> bool:
    tree = ast.parse(file_of(operation).read_text())
    return any(
        isinstance(node, ast.Attribute) and node.attr == xform_name(operation)
        for node in ast.walk(tree)
    )


@pytest.mark.parametrize("operation", SERVED)
def test_it_has_its_file_and_every_error(operation: str) -> None:
    assert calls(operation)
    excused = {shape for at, shape in excuses() if at == operation}
    assert modelled(operation) - told(operation) - excused == set()


def test_every_excuse_is_still_needed() -> None:
    needless = [
        (operation, shape)
        for (operation, shape), count in excuses().items()
        if operation not in SERVED
        or count > 1
        or shape not in modelled(operation)
        or shape in told(operation)
    ]
    assert needless == []
