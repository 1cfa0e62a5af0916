"""Where functions may connect to, outside: the rules, as a pure decision about addresses.

Names are no matter here: whatever a name resolves to is judged by its address, when the connection
is made. Standard library only: the jailer's relay uses it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_METADATA = (
    ipaddress.ip_network("169.254.0.0/16"),
    ipaddress.ip_network("fe80::/10"),
    ipaddress.ip_network("fd00:ec2::254/128"),
    ipaddress.ip_network("168.63.129.16/32"),  # Azure's, among the public ones
    ipaddress.ip_network("100.100.100.200/32"),  # Alibaba's
    ipaddress.ip_network("192.0.0.192/32"),  # Oracle's, of its first cloud
)
"""Where clouds tell a machine its secrets, and what is next to them."""


class Destinations:
    """The public internet, and the networks that the operator opened; never the host itself."""

    def __init__(self, opened: Iterable[str], is_own: Callable[[str], bool]) -> None:
        """`opened`: networks in CIDR notation; `is_own`: whether an address is this machine's.
        Raises ValueError for what is no network."""
        self._opened: list[Network] = [ipaddress.ip_network(network) for network in opened]
        self._is_own = is_own

    def allows(self, text: str) -> bool:
        """Whether a function may connect to an address."""
        address = ipaddress.ip_address(text)
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if address.is_loopback or address.is_unspecified or address.is_multicast:
            return False
        if any(address in network for network in _METADATA):
            return False
        if not (address.is_global or any(address in network for network in self._opened)):
            return False
        return not self._is_own(str(address))
