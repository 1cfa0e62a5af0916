"""Log groups and their tags: whole answers, and AWS's texts (semantics §7.3)."""

from __future__ import annotations

import pytest

from lambdad.core.errors import AwsError
from lambdad.services.logs.groups import RETENTION_DAYS

ARN = "arn:aws:logs:us-east-1:000000000000:log-group:"
NO_GROUP = ("ResourceNotFoundException", "The specified log group does not exist.")


async def refused(call) -> tuple[str, str]:
    with pytest.raises(AwsError) as caught:
        await call
    assert caught.value.status == 400
    return caught.value.code, caught.value.message


def described(name: str, created: int, **more) -> dict:
    return {
        "logGroupName": name,
        "creationTime": created,
        "metricFilterCount": 0,
        "arn": f"{ARN}{name}:*",
        "storedBytes": 0,
        "logGroupClass": "STANDARD",
        "logGroupArn": f"{ARN}{name}",
        "deletionProtectionEnabled": False,
    } | more


def test_a_group_lives_and_dies(logs) -> None:
    async def scenario(logs):
        assert await logs.call("CreateLogGroup", logGroupName="/aws/lambda/f") == {}
        assert await refused(logs.call("CreateLogGroup", logGroupName="/aws/lambda/f")) == (
            "ResourceAlreadyExistsException",
            "The specified log group already exists",
        )
        found = await logs.call("DescribeLogGroups", logGroupNamePrefix="/aws")
        assert await logs.call("DeleteLogGroup", logGroupName="/aws/lambda/f") == {}
        assert await refused(logs.call("DeleteLogGroup", logGroupName="/aws/lambda/f")) == NO_GROUP
        return found, await logs.call("DescribeLogGroups"), logs.now

    found, after, now = logs(scenario)
    assert found == {"logGroups": [described("/aws/lambda/f", now)]}
    assert after == {"logGroups": []}


def test_everything_a_group_can_have_is_shown(logs) -> None:
    async def scenario(logs):
        await logs.call(
            "CreateLogGroup",
            logGroupName="g",
            kmsKeyId="arn:aws:kms:us-east-1:000000000000:key/k",
            logGroupClass="INFREQUENT_ACCESS",
            deletionProtectionEnabled=True,
        )
        await logs.call("CreateLogStream", logGroupName="g", logStreamName="s")
        await logs.call("PutRetentionPolicy", logGroupName="g", retentionInDays=7)
        await logs.put((0, "ä"))
        (found,) = (await logs.call("DescribeLogGroups"))["logGroups"]
        assert found == described(
            "g",
            logs.now,
            retentionInDays=7,
            kmsKeyId="arn:aws:kms:us-east-1:000000000000:key/k",
            logGroupClass="INFREQUENT_ACCESS",
            deletionProtectionEnabled=True,
            storedBytes=28,
        )
        code, _ = await refused(logs.call("DeleteLogGroup", logGroupName="g"))
        assert code == "ValidationException"
        await logs.call(
            "PutLogGroupDeletionProtection",
            logGroupIdentifier=ARN + "g",
            deletionProtectionEnabled=False,
        )
        await logs.call("DeleteLogGroup", logGroupName="g")

    logs(scenario)


def test_accounts_and_regions_see_their_own_groups(logs) -> None:
    async def scenario(logs):
        await logs.call("CreateLogGroup", logGroupName="g")
        await logs.call("CreateLogGroup", account="111122223333", logGroupName="g")
        other = await logs.call("DescribeLogGroups", account="111122223333")
        assert [group["logGroupArn"] for group in other["logGroups"]] == [
            "arn:aws:logs:us-east-1:111122223333:log-group:g"
        ]
        for arn in (ARN + "g", ARN + "g:*"):
            stolen = logs.call("ListTagsForResource", account="111122223333", resourceArn=arn)
            assert await refused(stolen) == NO_GROUP

    logs(scenario)


def test_groups_are_paged_by_name(logs) -> None:
    async def scenario(logs):
        for name in ("b/2", "b/10", "a", "c", "b/1"):
            await logs.call("CreateLogGroup", logGroupName=name)
        pages, token = [], {}
        while True:
            page = await logs.call("DescribeLogGroups", limit=2, **token)
            pages.append([group["logGroupName"] for group in page["logGroups"]])
            if "nextToken" not in page:
                break
            token = {"nextToken": page["nextToken"]}
        assert pages == [["a", "b/1"], ["b/10", "b/2"], ["c"]]
        found = await logs.call("DescribeLogGroups", logGroupNamePrefix="b/1")
        assert [group["logGroupName"] for group in found["logGroups"]] == ["b/1", "b/10"]
        named = await logs.call(
            "DescribeLogGroups", logGroupIdentifiers=["c", ARN + "a", "missing"]
        )
        assert [group["logGroupName"] for group in named["logGroups"]] == ["a", "c"]
        for forged in ("x", "e30=", "WzFd", "bnVsbA=="):
            assert await refused(logs.call("DescribeLogGroups", nextToken=forged)) == (
                "InvalidParameterException",
                "The specified nextToken is invalid.",
            )

    logs(scenario)


def test_a_search_by_pattern_shows_less_and_always_a_token(logs) -> None:
    async def scenario(logs):
        for name in ("my/DataLogs", "DataLogs", "datalogs"):
            await logs.call("CreateLogGroup", logGroupName=name)
        page = await logs.call("DescribeLogGroups", logGroupNamePattern="DataLogs")
        shown = [described(name, logs.now) for name in ("DataLogs", "my/DataLogs")]
        for group in shown:
            del group["storedBytes"], group["deletionProtectionEnabled"]
        assert page == {"logGroups": shown, "nextToken": page["nextToken"]}
        assert await logs.call(
            "DescribeLogGroups", logGroupNamePattern="DataLogs", nextToken=page["nextToken"]
        ) == {"logGroups": []}
        both = logs.call("DescribeLogGroups", logGroupNamePattern="a", logGroupNamePrefix="a")
        assert await refused(both) == (
            "InvalidParameterException",
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        )

    logs(scenario)


def test_retention_is_one_of_a_list(logs) -> None:
    async def scenario(logs):
        await logs.call("CreateLogGroup", logGroupName="g")
        for days in RETENTION_DAYS:
            await logs.call("PutRetentionPolicy", logGroupName="g", retentionInDays=days)
        assert await refused(
            logs.call("PutRetentionPolicy", logGroupName="g", retentionInDays=2)
        ) == (
            "InvalidParameterException",
            "Invalid retention value. Valid values are: [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180,"
            " 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]",
        )
        assert await logs.call("DeleteRetentionPolicy", logGroupName="g") == {}
        assert await logs.call("DescribeLogGroups") == {"logGroups": [described("g", logs.now)]}
        for operation in ("PutRetentionPolicy", "DeleteRetentionPolicy"):
            missing = logs.call(operation, logGroupName="x", retentionInDays=7)
            assert await refused(missing) == NO_GROUP

    logs(scenario)


def test_names_that_belong_to_aws_are_refused(logs) -> None:
    async def scenario(logs):
        return [
            await refused(logs.call("CreateLogGroup", logGroupName=n)) for n in ("aws/x", "AWS/y")
        ]

    text = "Log groups starting with AWS/ are reserved for AWS."
    assert logs(scenario) == [("InvalidParameterException", text)] * 2


def test_tags_by_arn_and_by_name_are_the_same(logs) -> None:
    async def scenario(logs):
        await logs.call("CreateLogGroup", logGroupName="g", tags={"env": "testing1"})
        await logs.call("TagResource", resourceArn=ARN + "g", tags={"a": "1", "b": "2"})
        await logs.call("TagLogGroup", logGroupName="g", tags={"c": "3", "a": "4"})
        everything = {"tags": {"env": "testing1", "a": "4", "b": "2", "c": "3"}}
        assert await logs.call("ListTagsLogGroup", logGroupName="g") == everything
        assert await logs.call("ListTagsForResource", resourceArn=ARN + "g") == everything
        assert await logs.call("UntagLogGroup", logGroupName="g", tags=["c", "x"]) == {}
        assert await logs.call("UntagResource", resourceArn=ARN + "g", tagKeys=["env", "a"]) == {}
        assert await logs.call("ListTagsLogGroup", logGroupName="g") == {"tags": {"b": "2"}}

    logs(scenario)


def test_what_tagging_refuses(logs) -> None:
    async def scenario(logs):
        await logs.call("CreateLogGroup", logGroupName="g")
        for operation, params in (
            ("TagResource", {"resourceArn": ARN + "x", "tags": {"a": "1"}}),
            ("UntagResource", {"resourceArn": ARN + "x", "tagKeys": ["a"]}),
            ("ListTagsForResource", {"resourceArn": ARN + "x"}),
            ("TagLogGroup", {"logGroupName": "x", "tags": {"a": "1"}}),
            ("UntagLogGroup", {"logGroupName": "x", "tags": ["a"]}),
            ("ListTagsLogGroup", {"logGroupName": "x"}),
        ):
            assert await refused(logs.call(operation, **params)) == NO_GROUP
        many = {f"k{number}": "v" for number in range(50)}
        await logs.call("TagResource", resourceArn=ARN + "g", tags=many)
        assert await refused(logs.call("TagLogGroup", logGroupName="g", tags={"one": "more"})) == (
            "TooManyTagsException",
            "A resource can have no more than 50 tags.",
        )
        for arn in ("arn:aws:s3:::bucket", "arn:aws:logs", ARN + "g:log-stream:s"):
            code, _ = await refused(logs.call("ListTagsForResource", resourceArn=arn))
            assert code == "InvalidParameterException"

    logs(scenario)
