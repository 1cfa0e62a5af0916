"""What CloudWatch Logs' operations require."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lambdad.services.logs.authorization import RULES, tags_of
from support.calls import root_call

ARN = "arn:aws:logs:us-east-1:000000000000:log-group:"


def required(operation: str, logs: Any, **params: Any) -> list[tuple[str, str, str | None]]:
    """(action, resource, what does as well) of each requirement."""
    made = RULES.rules[operation](logs.service, root_call("000000000000"), params)
    return [(each.action, each.resource, each.instead) for each in made]


def test_a_group_made_with_tags_needs_either_right_to_tag(logs: Callable[..., Any]) -> None:
    """API reference, CreateLogGroup, `tags`."""

    async def scenario(scene: Any) -> None:
        place = f"{ARN}g:log-stream:"
        create = ("logs:CreateLogGroup", place, None)
        assert required("CreateLogGroup", scene, logGroupName="g") == [create]
        assert required("CreateLogGroup", scene, logGroupName="g", tags={"a": "b"}) == [
            create,
            ("logs:TagResource", place, "logs:TagLogGroup"),
        ]

    logs(scenario)


def test_streams_have_the_tags_of_their_group(logs: Callable[..., Any]) -> None:
    async def scenario(scene: Any) -> None:
        await scene.call("CreateLogGroup", logGroupName="g", tags={"team": "red"})
        for suffix in ("g", "g:*", "g:log-stream:", "g:log-stream:s"):
            assert tags_of(scene.service, ARN + suffix) == {"team": "red"}
        for other in (f"{ARN}gg", f"{ARN}:log-stream:", "*", "arn:aws:s3:::g"):
            assert tags_of(scene.service, other) == {}

    logs(scenario)
