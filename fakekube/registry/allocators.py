"""Values the cluster hands out: service addresses and node ports. A value is taken once, and comes back when its owner goes."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Generic, TypeVar

NODE_PORTS = range(30000, 32768)

T = TypeVar("T", str, int)


class Full(Exception):
    """Every value of the range is taken."""


class Allocator(Generic[T]):
    """One range: `value(i)` is its i-th value, `position` the reverse (None for what is not in the range)."""

    def __init__(
        self,
        size: int,
        value: Callable[[int], T],
        position: Callable[[T], int | None],
        random: Random,
        reserved: int = 0,
    ) -> None:
        self._size = size
        self._value: Callable[[int], T] = value
        self._position: Callable[[T], int | None] = position
        self._random = random
        self._reserved = reserved
        self._taken: set[int] = set()
        self._journal: list[tuple[int, bool]] | None = None

    def allocate(self) -> T:
        """Some free value, chosen at random; the first `reserved` values go last, as in Kubernetes. Raises Full."""
        for low, high in ((self._reserved, self._size), (0, self._reserved)):
            free = high - low - sum(low <= taken < high for taken in self._taken) if len(self._taken) > 1024 else None
            if high <= low or free == 0:
                continue
            offset = self._random.randrange(low, high)
            for step in range(high - low):
                position = low + (offset - low + step) % (high - low)
                if position not in self._taken:
                    self._note(position, taken=True)
                    return self._value(position)
        raise Full

    def contains(self, value: T) -> bool:
        return self._position(value) is not None

    def is_taken(self, value: T) -> bool:
        return self._position(value) in self._taken

    def take(self, value: T) -> bool:
        """Take this very value; False when it is taken already or not in the range."""
        position = self._position(value)
        if position is None or position in self._taken:
            return False
        self._note(position, taken=True)
        return True

    def release(self, value: T) -> None:
        """Give it back; what was never taken is no matter."""
        position = self._position(value)
        if position in self._taken:
            self._note(position, taken=False)

    def _note(self, position: int | None, *, taken: bool) -> None:
        assert position is not None
        (self._taken.add if taken else self._taken.discard)(position)
        if self._journal is not None:
            self._journal.append((position, taken))

    def begin(self) -> None:
        self._journal = []

    def end(self, *, keep: bool) -> None:
        journal, self._journal = self._journal or [], None
        if not keep:
            for position, taken in reversed(journal):
                (self._taken.discard if taken else self._taken.add)(position)

    def fork(self, random: Random) -> Allocator[T]:
        other = Allocator(self._size, self._value, self._position, random, self._reserved)
        other._taken = set(self._taken)
        return other


class Allocators:
    """What one cluster has to give."""

    def __init__(self, service_cidr: str, random: Random) -> None:
        network = ipaddress.ip_network(service_cidr)
        first = int(network.network_address)
        # The network's own address is never given, and neither is an IPv4 broadcast address.
        size = min(network.num_addresses - (2 if network.version == 4 else 1), 1 << 20)

        def address(position: int) -> str:
            return str(
                ipaddress.ip_address(first + 1 + position)
                if network.version == 4
                else ipaddress.IPv6Address(first + 1 + position)
            )

        def address_position(value: str) -> int | None:
            try:
                position = int(ipaddress.ip_address(value)) - first - 1
            except ValueError:
                return None
            return position if 0 <= position < size else None

        self.service_cidr, self.network_address = service_cidr, str(network.network_address)
        # The lower band is left to addresses that clients choose themselves: min(max(16, size/16), 256).
        self.cluster_ips = Allocator[str](size, address, address_position, random, min(max(16, size // 16), 256, size))
        self.node_ports = Allocator[int](
            len(NODE_PORTS),
            NODE_PORTS.__getitem__,
            lambda port: port - NODE_PORTS.start if port in NODE_PORTS else None,
            random,
            min(max(16, len(NODE_PORTS) // 32), 128),
        )

    @contextmanager
    def transaction(self, *, keep: bool = True) -> Iterator[None]:
        """What is taken inside stays taken only if the block ends well and `keep` (no dry run) is true."""
        self.cluster_ips.begin()
        self.node_ports.begin()
        ended_well = False
        try:
            yield
            ended_well = True
        finally:
            self.cluster_ips.end(keep=ended_well and keep)
            self.node_ports.end(keep=ended_well and keep)

    def fork(self, random: Random) -> Allocators:
        other = Allocators.__new__(Allocators)
        other.service_cidr, other.network_address = self.service_cidr, self.network_address
        other.cluster_ips = self.cluster_ips.fork(random)
        other.node_ports = self.node_ports.fork(random)
        return other
