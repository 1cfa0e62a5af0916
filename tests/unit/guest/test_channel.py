"""Messages with fds."""

from __future__ import annotations

import os

import pytest

from lambdad.guest import channel


def test_messages_keep_their_borders_and_fds() -> None:
    left, right = channel.pair()
    read, write = os.pipe()
    channel.send(left, {"a": 1}, [write])
    channel.send(left, {"b": "ü"})
    message, fds = channel.receive(right)
    assert message == {"a": 1}
    os.write(fds[0], b"through")
    assert os.read(read, 100) == b"through"
    assert os.get_inheritable(fds[0]) is False
    assert channel.receive(right) == ({"b": "ü"}, [])
    channel.close_all([read, write, *fds])
    left.close()
    right.close()


def test_an_end_is_noticed_on_both_sides() -> None:
    left, right = channel.pair()
    left.close()
    with pytest.raises(channel.ChannelClosed):
        channel.receive(right)
    with pytest.raises(channel.ChannelClosed):
        channel.send(right, {})
    right.close()


def test_a_full_buffer_does_not_block() -> None:
    left, right = channel.pair()
    left.setblocking(False)

    def fill() -> None:
        while True:
            channel.send(left, {"x": "y" * 1000})

    with pytest.raises(BlockingIOError):
        fill()
    left.close()
    right.close()


def test_no_message_is_too_long_for_the_other_side() -> None:
    left, right = channel.pair()
    with pytest.raises(ValueError, match="bytes"):
        channel.send(left, {"x": "y" * channel.MESSAGE_BYTES})
    left.close()
    right.close()
