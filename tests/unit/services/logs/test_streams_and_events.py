"""Streams and events: whole answers, tokens in both directions, AWS's texts."""

from __future__ import annotations

import pytest

from lambdad.core.errors import AwsError
from support.log_stores import stream

ARN = "arn:aws:logs:us-east-1:000000000000:log-group:"
DAY_MS = 86_400_000
NO_GROUP = ("ResourceNotFoundException", "The specified log group does not exist.")
NO_STREAM = ("ResourceNotFoundException", "The specified log stream does not exist.")
BAD_TOKEN = ("InvalidParameterException", "The specified nextToken is invalid.")
NAMES = {"logGroupName": "g", "logStreamName": "s"}


async def refused(call) -> tuple[str, str]:
    with pytest.raises(AwsError) as caught:
        await call
    assert caught.value.status == 400
    return caught.value.code, caught.value.message


def texts(page: dict) -> list[str]:
    return [event["message"] for event in page["events"]]


def test_a_stream_lives_and_dies(logs) -> None:
    async def scenario(logs):
        assert await refused(logs.call("CreateLogStream", **NAMES)) == NO_GROUP
        await logs.stream()
        assert await refused(logs.call("CreateLogStream", **NAMES)) == (
            "ResourceAlreadyExistsException",
            "The specified log stream already exists",
        )
        fresh = {
            "logStreamName": "s",
            "creationTime": logs.now,
            "arn": f"{ARN}g:log-stream:s",
            "storedBytes": 0,
        }
        for params in ({"logGroupName": "g"}, {"logGroupIdentifier": "g"},
                       {"logGroupIdentifier": ARN + "g"}):  # fmt: skip
            assert await logs.call("DescribeLogStreams", **params) == {"logStreams": [fresh]}
        created = logs.now
        logs.clock.advance(1)
        put = await logs.put((-500, "a"), (5, "b"))
        (full,) = (await logs.call("DescribeLogStreams", logGroupName="g"))["logStreams"]
        assert full == fresh | {
            "firstEventTimestamp": logs.now - 500,
            "lastEventTimestamp": logs.now + 5,
            "lastIngestionTime": created + 1000,
            "uploadSequenceToken": put["nextSequenceToken"],
        }
        assert await logs.call("DeleteLogStream", **NAMES) == {}
        assert await refused(logs.call("DeleteLogStream", **NAMES)) == NO_STREAM
        assert await logs.call("DescribeLogStreams", logGroupName="g") == {"logStreams": []}

    logs(scenario)


def test_what_describing_streams_refuses(logs) -> None:
    async def scenario(logs):
        await logs.stream()
        both = logs.call("DescribeLogStreams", logGroupName="g", logGroupIdentifier="g")
        assert await refused(both) == (
            "ValidationException",
            "LogGroup name and LogGroup ARN are mutually exclusive parameters.",
        )
        code, _ = await refused(logs.call("DescribeLogStreams"))
        assert code == "ValidationException"
        assert await refused(
            logs.call(
                "DescribeLogStreams",
                logGroupName="g",
                orderBy="LastEventTime",
                logStreamNamePrefix="s",
            )
        ) == (
            "InvalidParameterException",
            "Cannot order by LastEventTime with a logStreamNamePrefix.",
        )
        assert await refused(logs.call("DescribeLogStreams", logGroupName="x")) == NO_GROUP
        for forged in ("x", "WzEsMl0=", "Wy0xLCJhIl0=", "WzE4NDQ2NzQ0MDczNzA5NTUxNjE1LCJhIl0="):
            bad = logs.call("DescribeLogStreams", logGroupName="g", nextToken=forged)
            assert await refused(bad) == BAD_TOKEN

    logs(scenario)


def test_streams_are_paged_in_both_orders(logs) -> None:
    async def scenario(logs, **order):
        names, token = [], {}
        while True:
            page = await logs.call(
                "DescribeLogStreams", logGroupName="g", limit=2, **order, **token
            )
            names.append("".join(stream["logStreamName"] for stream in page["logStreams"]))
            if "nextToken" not in page:
                return names
            token = {"nextToken": page["nextToken"]}

    async def both(logs):
        await logs.call("CreateLogGroup", logGroupName="g")
        for offset, name in ((30, "a"), (10, "b"), (20, "c")):
            await logs.call("CreateLogStream", logGroupName="g", logStreamName=name)
            await logs.put((offset, "x"), name=name)
        return (
            await scenario(logs),
            await scenario(logs, orderBy="LastEventTime", descending=True),
        )

    assert logs(both) == (["ab", "c"], ["ac", "b"])


def test_events_come_back_with_their_times(logs) -> None:
    async def scenario(logs):
        await logs.stream()
        put = await logs.put((0, "🙀 - 参よ - 日本語"), (1, "second"))
        assert put == {"nextSequenceToken": put["nextSequenceToken"]}
        assert put["nextSequenceToken"].isdigit()
        assert len(put["nextSequenceToken"]) == 56
        page = await logs.call("GetLogEvents", **NAMES)
        assert page == {
            "events": [
                {"timestamp": logs.now, "message": "🙀 - 参よ - 日本語", "ingestionTime": logs.now},
                {"timestamp": logs.now + 1, "message": "second", "ingestionTime": logs.now},
            ],
            "nextForwardToken": page["nextForwardToken"],
            "nextBackwardToken": page["nextBackwardToken"],
        }
        found = await logs.call("FilterLogEvents", logGroupName="g", interleaved=True)
        first, second = found["events"]
        assert found == {"events": [first, second], "searchedLogStreams": []}
        assert first == {
            "logStreamName": "s",
            "timestamp": logs.now,
            "message": "🙀 - 参よ - 日本語",
            "ingestionTime": logs.now,
            "eventId": first["eventId"],
        }
        assert len(first["eventId"]) == 56
        assert first["eventId"] < second["eventId"]
        assert page["nextForwardToken"] == f"f/{second['eventId']}/s"
        assert page["nextBackwardToken"] == f"b/{first['eventId']}/s"

    logs(scenario)


def test_reading_leads_forward_and_back_and_repeats_at_the_ends(logs) -> None:
    async def scenario(logs):
        await logs.stream()
        empty = await logs.call("GetLogEvents", **NAMES)
        assert empty == {
            "events": [],
            "nextForwardToken": f"f/{'0' * 56}/s",
            "nextBackwardToken": f"b/{'0' * 56}/s",
        }
        await logs.put(*((number, str(number)) for number in range(10)))
        # An empty stream's forward token finds what came later.
        later = await logs.call("GetLogEvents", **NAMES, nextToken=empty["nextForwardToken"])
        assert texts(later) == [str(number) for number in range(10)]

        page = await logs.call("GetLogEvents", **NAMES, limit=4)
        assert texts(page) == ["6", "7", "8", "9"]
        back = await logs.call(
            "GetLogEvents", **NAMES, limit=4, nextToken=page["nextBackwardToken"]
        )
        assert texts(back) == ["2", "3", "4", "5"]
        again = await logs.call(
            "GetLogEvents", **NAMES, limit=4, nextToken=back["nextForwardToken"]
        )
        assert texts(again) == ["6", "7", "8", "9"]
        start = await logs.call(
            "GetLogEvents", **NAMES, limit=4, nextToken=back["nextBackwardToken"]
        )
        assert texts(start) == ["0", "1"]
        for direction in ("nextBackwardToken", "nextForwardToken"):
            edge = start if direction == "nextBackwardToken" else again
            end = await logs.call("GetLogEvents", **NAMES, limit=4, nextToken=edge[direction])
            assert (end["events"], end[direction]) == ([], edge[direction])

        head = await logs.call("GetLogEvents", **NAMES, limit=3, startFromHead=True)
        assert texts(head) == ["0", "1", "2"]
        window = await logs.call(
            "GetLogEvents", **NAMES, startTime=logs.now + 3, endTime=logs.now + 6
        )
        assert texts(window) == ["3", "4", "5"]  # the end is excluded

    logs(scenario)


def test_what_reading_refuses(logs) -> None:
    async def scenario(logs):
        assert await refused(logs.call("GetLogEvents", **NAMES)) == NO_GROUP
        await logs.call("CreateLogGroup", logGroupName="g")
        assert await refused(logs.call("GetLogEvents", **NAMES)) == NO_STREAM
        for token in ("", "f/1/s", f"x/{'0' * 56}/s", f"f/{'٣' * 56}/s", "WyJmIiwiMCJd"):
            assert await refused(logs.call("GetLogEvents", **NAMES, nextToken=token)) == BAD_TOKEN
        for token in ("x", "WyJmIl0=", "WyJmIiwiMCJd", "WyJ4IiwiMCJd"):
            bad = logs.call("FilterLogEvents", logGroupName="g", nextToken=token)
            assert await refused(bad) == BAD_TOKEN

    logs(scenario)


def test_the_largest_numbers_are_only_numbers(logs) -> None:
    async def scenario(logs):
        await logs.stream()
        await logs.put((0, "x"))
        huge = 2**63 - 1
        window = {"startTime": 0, "endTime": huge}
        assert texts(await logs.call("GetLogEvents", **NAMES, **window)) == ["x"]
        assert texts(await logs.call("FilterLogEvents", logGroupName="g", **window)) == ["x"]
        late = {"startTime": huge, "endTime": huge}
        assert texts(await logs.call("GetLogEvents", **NAMES, **late)) == []
        assert texts(await logs.call("FilterLogEvents", logGroupName="g", **late)) == []
        far = await logs.call("GetLogEvents", **NAMES, nextToken=f"f/{'0' * 40}{'9' * 16}/s")
        assert texts(far) == ["x"]
        most = await logs.call("GetLogEvents", **NAMES, nextToken=f"b/{'4' + '0' * 55}/s")
        assert texts(most) == ["x"]

    logs(scenario)


def test_a_batch_keeps_to_its_rules(logs) -> None:
    async def scenario(logs):
        await logs.stream()
        assert await refused(logs.put((0, "a"), (-2 * DAY_MS, "b"))) == (
            "InvalidParameterException",
            "Log events in a single PutLogEvents request must be in chronological order.",
        )
        assert await refused(logs.put((-DAY_MS - 1, "a"), (0, "b"))) == (
            "InvalidParameterException",
            "The batch of log events in a single PutLogEvents request cannot span more than 24 "
            "hours.",
        )
        assert await refused(logs.put((0, "a" * 1_048_551))) == (
            "InvalidParameterException",
            "Log event too large: 1048577 bytes exceeds limit of 1048576",
        )
        assert await refused(logs.put((0, "ä" * 262_144), (0, "ä" * 262_144))) == (
            "InvalidParameterException",
            "Upload too large: 1048628 bytes exceeds limit of 1048576",
        )
        await logs.put((-DAY_MS, "a" * 500_000), (0, "b" * 548_524))
        assert await refused(logs.put((0, "x"), name="t")) == NO_STREAM
        assert await refused(logs.put((0, "x"), group="h")) == NO_GROUP

    logs(scenario)


def test_events_of_the_wrong_age_are_reported(logs) -> None:
    async def scenario(logs):
        await logs.stream()
        future = await logs.put((DAY_MS, "tomorrow"))
        assert future == {
            "nextSequenceToken": future["nextSequenceToken"],
            "rejectedLogEventsInfo": {"tooNewLogEventStartIndex": 0},
        }
        mixed = await logs.put((-15 * DAY_MS, "old"), (-1, "a"), (0, "b"), (3 * 3_600_000, "new"))
        assert mixed["rejectedLogEventsInfo"] == {
            "tooOldLogEventEndIndex": 1,
            "tooNewLogEventStartIndex": 3,
        }
        await logs.call("PutRetentionPolicy", logGroupName="g", retentionInDays=1)
        expired = await logs.put((-DAY_MS - 1, "c"), (-DAY_MS, "d"))
        assert expired["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
        assert texts(await logs.call("GetLogEvents", **NAMES)) == ["d", "a", "b"]

    logs(scenario)


async def two_streams(logs) -> None:
    await logs.stream(name="a")
    await logs.call("CreateLogStream", logGroupName="g", logStreamName="b")
    await logs.put((0, "a0 ERROR"), (2, "a2"), (4, "a4 ERROR"), name="a")
    await logs.put((1, "b1"), (2, "b2 ERROR"), (3, "b3"), name="b")


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, ["a0 ERROR", "b1", "a2", "b2 ERROR", "b3", "a4 ERROR"]),
        ({"filterPattern": "ERROR"}, ["a0 ERROR", "b2 ERROR", "a4 ERROR"]),
        ({"filterPattern": " "}, ["a0 ERROR", "b1", "a2", "b2 ERROR", "b3", "a4 ERROR"]),
        ({"filterPattern": "-ERROR"}, ["b1", "a2", "b3"]),
        ({"logStreamNames": ["b", "b"]}, ["b1", "b2 ERROR", "b3"]),
        ({"logStreamNamePrefix": "a"}, ["a0 ERROR", "a2", "a4 ERROR"]),
        ({"start": 2, "end": 3}, ["a2", "b2 ERROR", "b3"]),  # both ends included
        ({"start": 5}, []),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 10_000])
def test_searching_merges_streams_in_time_order(logs, params, expected, limit) -> None:
    async def scenario(logs):
        await two_streams(logs)
        window = dict(params)
        if "start" in window:
            window["startTime"] = logs.now + window.pop("start")
        if "end" in window:
            window["endTime"] = logs.now + window.pop("end")
        found, token = [], {}
        while True:
            page = await logs.call(
                "FilterLogEvents", logGroupName="g", limit=limit, **window, **token
            )
            assert len(page["events"]) <= limit
            found += texts(page)
            if "nextToken" not in page:
                return found
            token = {"nextToken": page["nextToken"]}

    assert logs(scenario) == expected


def test_searching_backwards_keeps_its_direction_over_pages(logs) -> None:
    async def scenario(logs):
        await two_streams(logs)
        window = {"logGroupName": "g", "limit": 4, "startTime": logs.now}
        first = await logs.call("FilterLogEvents", **window, startFromHead=False)
        second = await logs.call("FilterLogEvents", **window, nextToken=first["nextToken"])
        assert "nextToken" not in second
        code, _ = await refused(logs.call("FilterLogEvents", logGroupName="g", startFromHead=False))
        assert code == "InvalidParameterException"
        return texts(first), texts(second)

    assert logs(scenario) == (["a4 ERROR", "b3", "b2 ERROR", "a2"], ["b1", "a0 ERROR"])


def test_a_search_that_finds_little_pages_with_empty_pages(logs) -> None:
    async def scenario(logs):
        await logs.stream()
        await logs.put(*((number, "needle" if number == 95 else "hay") for number in range(100)))
        pages, token = [], {}
        while True:
            page = await logs.call(
                "FilterLogEvents", logGroupName="g", filterPattern="needle", **token
            )
            pages.append(texts(page))
            if "nextToken" not in page:
                return pages
            token = {"nextToken": page["nextToken"]}

    assert logs(scenario, log_scan_events=30) == [[], [], [], ["needle"]]


def test_what_searching_refuses(logs) -> None:
    async def scenario(logs):
        await logs.stream()
        for params, expected in (
            ({"logGroupName": "x"}, NO_GROUP),
            ({"logGroupName": "g", "logStreamNames": ["s", "t"]}, NO_STREAM),
            (
                {"logGroupName": "g", "filterPattern": "{ $.a = 1"},
                (
                    "InvalidParameterException",
                    "If a filter pattern starts with '{' it must end with '}'",
                ),
            ),
            (
                {"logGroupName": "g", "filterPattern": "a:b"},
                ("InvalidParameterException", "Invalid character(s) in term ':'"),
            ),
        ):
            assert await refused(logs.call("FilterLogEvents", **params)) == expected
        code, _ = await refused(
            logs.call(
                "FilterLogEvents", logGroupName="g", logStreamNames=["s"], logStreamNamePrefix="s"
            )
        )
        assert code == "InvalidParameterException"

    logs(scenario)


def test_following_as_the_aws_cli_does(logs) -> None:
    """`aws logs tail --follow` (CLI 2): search from the last time seen, drop known event ids."""

    async def scenario(logs):
        await logs.stream()
        seen: set[str] = set()
        printed: list[str] = []
        start = logs.now

        async def poll() -> None:
            nonlocal start
            token = {}
            while True:
                page = await logs.call(
                    "FilterLogEvents", logGroupName="g", interleaved=True, startTime=start, **token
                )
                for event in page["events"]:
                    if event["eventId"] not in seen:
                        seen.add(event["eventId"])
                        printed.append(event["message"])
                        start = max(start, event["timestamp"])
                if "nextToken" not in page:
                    return
                token = {"nextToken": page["nextToken"]}

        for number in range(5):
            logs.store.append(stream("s"), logs.now, f"line {number}")
            logs.store.append(stream("t"), logs.now, f"also {number}")
            await poll()
            if number % 2:
                logs.clock.advance(1)
        return sorted(printed)

    assert logs(scenario) == sorted([f"{w} {n}" for n in range(5) for w in ("line", "also")])


def test_trying_a_pattern(logs) -> None:
    line = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /a.gif HTTP/1.0" {} 1534'

    async def scenario(logs):
        return await logs.call(
            "TestMetricFilter",
            filterPattern="[..., status_code=4*, size]",
            logEventMessages=[line.format(200), line.format(404)],
        )

    assert logs(scenario) == {
        "matches": [
            {
                "eventNumber": 1,
                "eventMessage": line.format(404),
                "extractedValues": {
                    "$1": "127.0.0.1",
                    "$2": "-",
                    "$3": "frank",
                    "$4": "10/Oct/2000:13:25:15 -0700",
                    "$5": "GET /a.gif HTTP/1.0",
                    "$status_code": "404",
                    "$size": "1534",
                },
            }
        ]
    }
