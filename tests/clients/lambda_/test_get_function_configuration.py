"""GetFunctionConfiguration. Semantics §1.5, §1.3; recorded."""

from __future__ import annotations

from typing import Any

from support.lambda_client import (
    ABROAD,
    IN_PROGRESS,
    PENDING,
    arn_of,
    body_of,
    configuration,
    fresh_name,
    make,
    make_pending,
    make_updating,
    mismatch,
    not_found,
    refused,
    status_of,
    unreachable,
)

NEW = {"CodeSize": None, "CodeSha256": None}


def test_by_every_qualifier(client: Any) -> None:
    name = make(client, Publish=True)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    plain = client.get_function_configuration(FunctionName=name)
    assert (status_of(plain), body_of(plain)) == (200, configuration(name))
    for qualifier, version in (("$LATEST", "$LATEST"), ("1", "1"), ("live", "1")):
        expected = configuration(name, Version=version, FunctionArn=arn_of(name, qualifier))
        for params in (
            {"FunctionName": name, "Qualifier": qualifier},
            {"FunctionName": f"{name}:{qualifier}"},
        ):
            assert body_of(client.get_function_configuration(**params)) == expected


def test_while_something_is_under_way(client: Any) -> None:
    for begin, state in ((make_pending, PENDING), (make_updating, IN_PROGRESS)):
        name = begin(client)
        found = body_of(client.get_function_configuration(FunctionName=name))
        code = {key: found[key] for key in NEW}
        assert found == configuration(name, **code, **state)


def test_what_is_not_there(client: Any) -> None:
    name, gone = make(client), fresh_name()
    for given, qualifier, arn in (
        (gone, None, arn_of(gone)),
        (name, "7", arn_of(name, "7")),
        (name, "nobody", arn_of(name, "nobody")),
        (f"{name}:nobody", None, arn_of(name, "nobody")),
    ):
        params = {"FunctionName": given} | ({"Qualifier": qualifier} if qualifier else {})
        error = refused(client.get_function_configuration, **params)
        assert error == not_found(f"Function not found: {arn}")
    assert refused(client.get_function_configuration, FunctionName=ABROAD) == unreachable()


def test_one_qualifier_at_most(client: Any) -> None:
    params = {"FunctionName": arn_of(fresh_name(), "1"), "Qualifier": "$LATEST"}
    assert refused(client.get_function_configuration, **params) == mismatch()
