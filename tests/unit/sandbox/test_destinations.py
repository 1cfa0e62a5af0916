"""sandbox/destinations.py: which addresses functions may connect to; and the relay's servers."""

from __future__ import annotations

import pytest

from lambdad.sandbox.destinations import Destinations
from lambdad.sandbox.jailer.relay import nameservers

EVERYTHING = ("0.0.0.0/0", "::/0")


def allows(address: str, *opened: str, own: tuple[str, ...] = ()) -> bool:
    return Destinations(opened, lambda each: each in own).allows(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "52.94.5.1", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are_open(address: str) -> None:
    assert allows(address)
    assert not allows(address, own=(address.removeprefix("::ffff:"),))


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "192.168.1.1", "172.16.9.9", "100.64.0.1", "fd12::1"]
)
def test_private_addresses_are_open_only_where_their_network_is(address: str) -> None:
    assert not allows(address)
    assert not allows(address, "198.18.0.0/15")
    assert allows(address, *EVERYTHING)
    assert not allows(address, *EVERYTHING, own=(address,))


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "224.0.0.1", "ff02::1",
     "169.254.169.254", "::ffff:169.254.169.254", "169.254.170.2", "fe80::1", "fd00:ec2::254",
     "168.63.129.16", "::ffff:168.63.129.16", "100.100.100.200", "192.0.0.192"],
)  # fmt: skip
def test_some_addresses_are_never_open(address: str) -> None:
    assert not allows(address)
    assert not allows(address, *EVERYTHING)


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="host bits set"):
        Destinations(["10.0.0.1/8"], lambda _: False)


def test_name_servers_are_read_as_resolvers_do() -> None:
    text = "# c\nsearch a\nnameserver 1.1.1.1\nnameserver ::1\nnameserver\n nameserver 8.8.8.8 x\n"
    assert nameservers(text + "nameserver 9.9.9.9\nnameserver 4.4.4.4\n") == [
        "1.1.1.1", "8.8.8.8", "9.9.9.9"
    ]  # fmt: skip
    assert nameservers("") == []
    assert nameservers("nameserver 0.0.0.0\nnameserver 127.1\nnameserver x\n") == ["127.0.0.1"] * 2
