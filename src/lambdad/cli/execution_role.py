"""The execution role that `lambdad deploy` gives to functions that are told none: one that may
write logs and nothing else, made when it is first needed."""

from __future__ import annotations

import json

from lambdad.cli.client import Client, ServiceError, Target
from lambdad.cli.query import element, query

NAME = "lambdad-basic-execution"
_POLICY = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


def basic_role(target: Target) -> tuple[str, bool]:
    """The role's ARN, and whether it had to be made. Raises ServiceError, OperatorError."""
    iam = Client(target, "iam")
    try:
        return element(query(iam, "GetRole", {"RoleName": NAME}), "Arn"), False
    except ServiceError as error:
        if error.code != "NoSuchEntity":
            raise
    made = query(
        iam,
        "CreateRole",
        {
            "RoleName": NAME,
            "AssumeRolePolicyDocument": json.dumps(_TRUST),
            "Description": "Made by lambdad deploy: may write logs",
        },
    )
    query(iam, "AttachRolePolicy", {"RoleName": NAME, "PolicyArn": _POLICY})
    return element(made, "Arn"), True
