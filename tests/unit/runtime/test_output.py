"""What a function writes, however it writes it, becomes bounded log events."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from lambdad.runtime.output import Frame, FrameDecoder, LineSplitter

LIMIT = 64


def frame(text: bytes, kind: int = 0xA55A0003, time_us: int = 5_000) -> bytes:
    return (
        kind.to_bytes(4, "big") + len(text).to_bytes(4, "big") + time_us.to_bytes(8, "big") + text
    )


def test_lines_end_in_newlines_however_they_were_written() -> None:
    splitter = LineSplitter(LIMIT)
    assert splitter.feed(b"one\ntwo\r\n\nthr") == ["one\n", "two\n", "\n"]
    assert splitter.feed(b"ee") == []
    assert splitter.flush() == ["three\n"]
    assert splitter.flush() == []


def test_carriage_returns_hold_the_lines_of_one_event_together() -> None:
    assert LineSplitter(LIMIT).feed(b"[ERROR] x\rTraceback\r  at\n") == [
        "[ERROR] x\nTraceback\n  at\n"
    ]


def test_bytes_that_are_no_utf8_do_no_harm() -> None:
    assert LineSplitter(LIMIT).feed(b"a\xff\xfeb\n") == ["a��b\n"]


@given(st.text(alphabet="aé€😀", min_size=30, max_size=200))
def test_a_long_line_is_cut_between_characters(text: str) -> None:
    splitter = LineSplitter(LIMIT)
    pieces = [*splitter.feed(text.encode()), *splitter.flush()]
    assert "".join(piece[:-1] for piece in pieces) == text
    assert all(len(piece.encode()) <= LIMIT + 1 for piece in pieces)


@settings(max_examples=200)
@given(st.binary(max_size=400), st.lists(st.integers(1, 50), min_size=1, max_size=40))
def test_cutting_the_input_elsewhere_changes_nothing(data: bytes, sizes: list[int]) -> None:
    whole = LineSplitter(10_000)
    expected = [*whole.feed(data), *whole.flush()]
    parts, found, start = LineSplitter(10_000), [], 0
    for size in sizes:
        found += parts.feed(data[start : start + size])
        start += size
    assert [*found, *parts.feed(data[start:]), *parts.flush()] == expected


def test_a_frame_is_one_event_with_its_level_and_time() -> None:
    data = frame(b"a\nb", kind=0xA55A0017, time_us=1_700_000_000_123_456)
    assert FrameDecoder(LIMIT).feed(data) == [Frame("a\nb", "ERROR", 1_700_000_000_123)]


def test_frames_arrive_in_any_pieces() -> None:
    data = frame(b"one") + frame(b"") + frame("zwei€".encode())
    decoder, found = FrameDecoder(LIMIT), []
    for byte in data:
        found += decoder.feed(bytes([byte]))
    assert [one.text for one in found] == ["one", "zwei€"]


def test_a_frame_that_promises_gigabytes_costs_no_more_than_the_bound() -> None:
    decoder = FrameDecoder(LIMIT)
    head = frame(b"")[:4] + b"\xff\xff\xff\xff" + bytes(8)
    frames = decoder.feed(head + b"x" * 1000)
    assert sum(len(one.text) for one in frames) >= 1000 - LIMIT
    assert all(len(one.text) <= LIMIT for one in frames)
    assert decoder.flush()[0].text == "x" * (1000 - sum(len(one.text) for one in frames))


def test_after_garbage_the_pipe_is_read_as_lines() -> None:
    decoder = FrameDecoder(LIMIT)
    found = decoder.feed(frame(b"fine") + b"this is no frame at all\nand more")
    assert [one.text for one in found] == ["fine", "this is no frame at all\n"]
    assert [one.text for one in decoder.flush()] == ["and more\n"]


@given(st.lists(st.binary(max_size=300), max_size=10))
def test_any_bytes_are_taken(pieces: list[bytes]) -> None:
    decoder = FrameDecoder(LIMIT)
    for piece in pieces:
        assert all(len(one.text.encode()) <= 3 * LIMIT + 1 for one in decoder.feed(piece))
    decoder.flush()
