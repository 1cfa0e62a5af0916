"""What the operations of CloudWatch Logs require (Service Authorization Reference, "Amazon
CloudWatch Logs").

As AWS has it, actions on a whole group ask for `…:log-group:<group>:log-stream:`, so that policies
end their ARNs with `:*`; only the tagging actions of ARNs ask for the bare group. Streams have the
tags of their group.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lambdad.api.call import Call, Params
from lambdad.api.requirement import (
    NO_TAGS,
    Requirement,
    Rule,
    ServiceRules,
    Tags,
    request_tags,
    tag_keys,
)
from lambdad.core.arn import parse_arn
from lambdad.core.ids import AccountId, Region
from lambdad.services.logs.names import chosen_group, group_arn, group_key, identified_group
from lambdad.services.logs.service import LogsService
from lambdad.telemetry.log_records import GroupKey

_ON_GROUP = (
    "DeleteLogGroup",
    "DeleteRetentionPolicy",
    "DescribeLogStreams",
    "FilterLogEvents",
    "ListTagsLogGroup",
    "PutLogGroupDeletionProtection",
    "PutRetentionPolicy",
)
_ON_STREAM = ("CreateLogStream", "DeleteLogStream", "GetLogEvents", "PutLogEvents")


def _on_stream(action: str, *, whole_group: bool) -> Rule:
    action = f"logs:{action}"

    def rule(_: LogsService, call: Call, params: Params) -> Iterable[Requirement]:
        stream = "" if whole_group else params["logStreamName"]
        arn = f"{group_arn(chosen_group(call, params))}:log-stream:{stream}"
        return (Requirement(action, arn),)

    return rule


def _create_group(_: LogsService, call: Call, params: Params) -> Iterable[Requirement]:
    arn = f"{group_arn(group_key(call, params['logGroupName']))}:log-stream:"
    keys = request_tags((params.get("tags") or {}).items())
    required = [Requirement("logs:CreateLogGroup", arn, keys)]
    if params.get("tags"):  # API reference, CreateLogGroup: the one or the other
        required.append(Requirement("logs:TagResource", arn, keys, instead="logs:TagLogGroup"))
    return required


def _describe_groups(_: LogsService, call: Call, __: Params) -> Iterable[Requirement]:
    return (Requirement("logs:DescribeLogGroups", f"{group_arn(group_key(call, ''))}:log-stream:"),)


def _live_tail(_: LogsService, call: Call, params: Params) -> Iterable[Requirement]:
    return [
        Requirement(
            "logs:StartLiveTail", f"{group_arn(identified_group(call, identifier))}:log-stream:"
        )
        for identifier in params["logGroupIdentifiers"]
    ]


def _tag_group(_: LogsService, call: Call, params: Params) -> Iterable[Requirement]:
    arn = f"{group_arn(group_key(call, params['logGroupName']))}:log-stream:"
    return (Requirement("logs:TagLogGroup", arn, request_tags(params["tags"].items())),)


def _untag_group(_: LogsService, call: Call, params: Params) -> Iterable[Requirement]:
    arn = f"{group_arn(group_key(call, params['logGroupName']))}:log-stream:"
    return (Requirement("logs:UntagLogGroup", arn, tag_keys(params["tags"])),)


def _tag(_: LogsService, call: Call, params: Params) -> Iterable[Requirement]:
    keys = request_tags(params["tags"].items())
    return (Requirement("logs:TagResource", _bare(call, params), keys),)


def _untag(_: LogsService, call: Call, params: Params) -> Iterable[Requirement]:
    keys = tag_keys(params["tagKeys"])
    return (Requirement("logs:UntagResource", _bare(call, params), keys),)


def _list_tags(_: LogsService, call: Call, params: Params) -> Iterable[Requirement]:
    return (Requirement("logs:ListTagsForResource", _bare(call, params)),)


def _bare(call: Call, params: Params) -> str:
    """The group's one ARN, however the request spells it."""
    return group_arn(identified_group(call, params["resourceArn"]))


_RULES: Mapping[str, Rule] = {
    **{name: _on_stream(name, whole_group=True) for name in _ON_GROUP},
    **{name: _on_stream(name, whole_group=False) for name in _ON_STREAM},
    "CreateLogGroup": _create_group,
    "DescribeLogGroups": _describe_groups,
    "StartLiveTail": _live_tail,
    "TestMetricFilter": lambda _, __, ___: (Requirement("logs:TestMetricFilter"),),
    "TagLogGroup": _tag_group,
    "UntagLogGroup": _untag_group,
    "TagResource": _tag,
    "UntagResource": _untag,
    "ListTagsForResource": _list_tags,
}


def tags_of(service: LogsService, arn: str) -> Tags:
    """The tags of the group that an ARN, bare or with a stream, names."""
    parsed = parse_arn(arn)
    kind, _, name = parsed.resource.partition(":") if parsed else ("", "", "")
    if parsed is None or kind != "log-group":
        return NO_TAGS
    account, region = AccountId(parsed.account), Region(parsed.region)
    return service.store.known_tags(GroupKey(account, region, name.partition(":")[0]))


RULES = ServiceRules("logs", _RULES, tags_of=tags_of)
