"""IAM through boto3: service-specific credentials.

Sources: recorded conversations; API reference, ServiceSpecificCredential and
CreateServiceSpecificCredential; IAM user guide, "API keys for AWS services".
"""

from __future__ import annotations

import base64
import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.answers import RECENT, Matching, body, refusal
from support.iam import ACCOUNT, unique_id

GIT, BEDROCK = "codecommit.amazonaws.com", "bedrock.amazonaws.com"


def credential(user: str, service: str, **more: Any) -> dict[str, Any]:
    return {
        "CreateDate": RECENT,
        "ServiceName": service,
        "ServiceSpecificCredentialId": unique_id("ACCA"),
        "UserName": user,
        "Status": "Active",
    } | more


def test_names_and_passwords(iam: Any) -> None:
    iam.create_user(UserName="git")
    first = credential("git", GIT, ServiceUserName=f"git-at-{ACCOUNT}")
    second = credential("git", GIT, ServiceUserName=f"git+1-at-{ACCOUNT}")
    which = {"UserName": "git", "ServiceName": GIT}
    password = {"ServicePassword": Matching(".{40}")}
    for expected in (first, second):
        made = iam.create_service_specific_credential(**which)
        assert body(made) == {"ServiceSpecificCredential": expected | password}
    listed = iam.list_service_specific_credentials(**which)
    assert body(listed) == {"ServiceSpecificCredentials": [first, second]}
    with pytest.raises(ClientError) as caught:
        iam.create_service_specific_credential(**which)
    assert refusal(caught)[:2] == (409, "LimitExceeded")
    one = listed["ServiceSpecificCredentials"][0]["ServiceSpecificCredentialId"]
    of_one = {"UserName": "git", "ServiceSpecificCredentialId": one}
    assert body(iam.update_service_specific_credential(**of_one, Status="Inactive")) == {}
    reset = body(iam.reset_service_specific_credential(**of_one))
    inactive = first | password | {"Status": "Inactive", "ServiceSpecificCredentialId": one}
    assert reset == {"ServiceSpecificCredential": inactive}
    assert body(iam.delete_service_specific_credential(**of_one)) == {}
    made = iam.create_service_specific_credential(**which)  # the name is free again
    assert body(made) == {"ServiceSpecificCredential": first | password}


def test_api_keys(iam: Any) -> None:
    iam.create_user(UserName="keys")
    made = body(
        iam.create_service_specific_credential(
            UserName="keys", ServiceName=BEDROCK, CredentialAgeDays=30
        )
    )["ServiceSpecificCredential"]
    alias, secret = f"keys-at-{ACCOUNT}", made.pop("ServiceCredentialSecret")
    assert made["ExpirationDate"] - made["CreateDate"] == datetime.timedelta(days=30)
    assert made == credential(
        "keys", BEDROCK, ServiceCredentialAlias=alias, ExpirationDate=made["ExpirationDate"]
    )
    assert secret.startswith("ABSK")
    assert base64.b64decode(secret[4:]).startswith(f"{alias}:".encode())
    listed = iam.list_service_specific_credentials(AllUsers=True, ServiceName=BEDROCK)
    assert body(listed) == {"ServiceSpecificCredentials": [made], "IsTruncated": False}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (
            {"ServiceName": "none.amazonaws.com"},
            (
                404,
                "NoSuchEntity",
                "No such service none.amazonaws.com is supported for Service Specific Credentials",
            ),
        ),
        (
            {"ServiceName": GIT, "CredentialAgeDays": 1},
            (400, "ValidationError", f"CredentialAgeDays is not supported for service {GIT}."),
        ),
        (
            {"UserName": "nobody", "ServiceName": "none.amazonaws.com"},
            (404, "NoSuchEntity", "The user with name nobody cannot be found."),
        ),
    ],
)
def test_refusals(iam: Any, params: dict[str, Any], expected: tuple[int, str, str]) -> None:
    if "UserName" not in params:
        params = params | {"UserName": "picky"}
        if not iam.list_users(PathPrefix="/picky/")["Users"]:
            iam.create_user(UserName="picky", Path="/picky/")
    with pytest.raises(ClientError) as caught:
        iam.create_service_specific_credential(**params)
    assert refusal(caught) == expected


def test_a_list_of_one_user_or_of_all(iam: Any) -> None:
    with pytest.raises(ClientError) as caught:
        iam.list_service_specific_credentials(AllUsers=True, UserName="git")
    text = "UserName and AllUsers cannot be specified together."
    assert refusal(caught) == (400, "ValidationError", text)
