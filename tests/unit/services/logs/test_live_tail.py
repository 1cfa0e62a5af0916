"""Live Tail: sessions hear what is stored from their start on, bounded and filtered."""

from __future__ import annotations

from collections import deque

import pytest

from lambdad.core.errors import AwsError
from lambdad.telemetry.log_records import StreamKey
from lambdad.telemetry.log_tail import (
    WAITING_CHARACTERS,
    WAITING_EVENTS,
    TailEvent,
    TailFilter,
    TailListener,
)
from support.log_stores import group, stream

ARN = "arn:aws:logs:us-east-1:000000000000:log-group:"


async def refused(call) -> str:
    with pytest.raises(AwsError) as caught:
        await call
    return caught.value.code


async def results_until(session, wanted: int) -> list[dict]:
    results: list[dict] = []
    while len(results) < wanted:
        update = await anext(session)
        results += update["sessionUpdate"]["sessionResults"]
    return results


def test_a_session_reports_what_is_put_and_appended(logs) -> None:
    async def scenario(logs):
        await logs.stream()
        await logs.put((0, "before"))
        answer = await logs.call(
            "StartLiveTail", logGroupIdentifiers=[ARN + "g"], logEventFilterPattern="-hidden"
        )
        session = answer["responseStream"]
        start = await anext(session)
        assert start == {
            "sessionStart": {
                "requestId": "11111111-2222-4333-8444-555555555555",
                "sessionId": start["sessionStart"]["sessionId"],
                "logGroupIdentifiers": [ARN + "g"],
                "logStreamNames": [],
                "logStreamNamePrefixes": [],
                "logEventFilterPattern": "-hidden",
            }
        }
        assert await anext(session) == {
            "sessionUpdate": {"sessionMetadata": {"sampled": False}, "sessionResults": []}
        }
        await logs.put((1, "put"), (2, "hidden"))
        logs.store.append(stream("new", "g"), logs.now, "appended")
        logs.store.append(stream("s", "other"), logs.now, "elsewhere")
        results = await results_until(session, 2)
        await session.aclose()
        assert len(logs.store.tail) == 0
        put = {
            "logStreamName": "s",
            "logGroupIdentifier": "000000000000:g",
            "message": "put",
            "timestamp": logs.now + 1,
            "ingestionTime": logs.now,
        }
        return sorted(results, key=lambda result: result["message"]) == [
            put | {"logStreamName": "new", "message": "appended", "timestamp": logs.now},
            put,
        ]

    assert logs(scenario)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"logStreamNames": ["a1"]}, ["a1"]),
        ({"logStreamNamePrefixes": ["a", "c"]}, ["a1", "a2", "c1"]),
    ],
)
def test_a_session_chooses_streams(logs, choice, expected) -> None:
    async def scenario(logs):
        await logs.call("CreateLogGroup", logGroupName="g")
        answer = await logs.call("StartLiveTail", logGroupIdentifiers=[ARN + "g"], **choice)
        session = answer["responseStream"]
        await anext(session)
        for name in ("a1", "a2", "b1", "c1"):
            logs.store.append(stream(name, "g"), logs.now, name)
        results = await results_until(session, len(expected))
        await session.aclose()
        return [result["message"] for result in results]

    assert logs(scenario) == expected


def test_floods_are_thinned_out_and_slow_listeners_bounded(logs) -> None:
    async def scenario(logs):
        await logs.stream()
        answer = await logs.call("StartLiveTail", logGroupIdentifiers=[ARN + "g"])
        session = answer["responseStream"]
        await anext(session)
        for number in range(WAITING_EVENTS + 1000):
            logs.store.append(stream("s", "g"), logs.now, str(number))
        await logs.store.flush()
        update = (await anext(session))["sessionUpdate"]
        await session.aclose()
        return update["sessionMetadata"], [int(r["message"]) for r in update["sessionResults"]]

    metadata, numbers = logs(scenario)
    assert metadata == {"sampled": True}
    assert numbers == list(range(1000, WAITING_EVENTS + 1000, 40))  # the oldest are gone


def test_a_session_ends_after_three_hours(logs) -> None:
    async def scenario(logs):
        await logs.stream()
        answer = await logs.call("StartLiveTail", logGroupIdentifiers=[ARN + "g"])
        session = answer["responseStream"]
        await anext(session)
        await anext(session)
        logs.clock.advance(3 * 3600)
        return await refused(anext(session)), len(logs.store.tail)

    assert logs(scenario) == ("SessionTimeoutException", 0)


def test_what_a_session_refuses(logs) -> None:
    async def scenario(logs):
        await logs.stream()
        arn = ARN + "g"
        codes = [
            await refused(logs.call("StartLiveTail", **params))
            for params in (
                {"logGroupIdentifiers": [ARN + "x"]},
                {"logGroupIdentifiers": ["g"]},
                {"logGroupIdentifiers": [arn + ":*"]},
                {"logGroupIdentifiers": [arn], "logEventFilterPattern": "["},
                {
                    "logGroupIdentifiers": [arn],
                    "logStreamNames": ["a"],
                    "logStreamNamePrefixes": ["a"],
                },
                {"logGroupIdentifiers": [arn, arn], "logStreamNames": ["a"]},
                {"logGroupIdentifiers": [arn], "account": "111122223333"},
            )
        ]
        sessions = []
        while len(sessions) < logs.service.limits.live_tail_sessions:
            answer = await logs.call("StartLiveTail", logGroupIdentifiers=[arn])
            sessions.append(answer["responseStream"])
            await anext(sessions[-1])
        codes.append(await refused(logs.call("StartLiveTail", logGroupIdentifiers=[arn])))
        for session in sessions:
            await session.aclose()
        return codes

    missing, invalid = "ResourceNotFoundException", "InvalidParameterException"
    assert logs(scenario) == [missing, *[invalid] * 5, missing, "LimitExceededException"]


def test_what_waits_for_a_listener_is_bounded_in_bytes_too() -> None:
    key = StreamKey(group(), "s")
    listener = TailListener(TailFilter(groups=[group()]))
    for number in range(20):
        listener.offer(TailEvent(key, number, 0, "x" * (WAITING_CHARACTERS // 4)))
    events, lost = listener.drain()
    assert ([event.timestamp_ms for event in events], lost) == ([16, 17, 18, 19], True)
    assert listener.drain() == (deque(), False)
