"""What the handles of pods and nodes need of the cluster they belong to."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from fakekube.api.control_plane import ControlPlane
    from fakekube.controllers.loop import Loop
    from fakekube.kubelet.heartbeats import Heartbeats
    from fakekube.kubelet.lives import Lives
    from fakekube.kubelet.node import Node
    from fakekube.registry.clock import SteeredClock
    from fakekube.testing.clock import ClockHandle

T = TypeVar("T")
Object = dict[str, Any]


class PlayedCluster(Protocol):
    """A FakeCluster, from below."""

    clock: ClockHandle
    _heartbeats: Heartbeats | None
    _lives: Lives
    _loop: Loop | None
    _time: SteeredClock
    _node_template: Object

    @property
    def plane(self) -> ControlPlane: ...

    def get(self, kind: str, name: str) -> Object: ...

    def patch(self, kind: str, name: str, patch: Mapping[str, Any]) -> Object: ...

    def settle(self) -> None: ...

    def _run(self, function: Callable[[], Coroutine[Any, Any, T]]) -> T: ...

    async def _settle(self) -> None: ...

    def _next_node(self) -> int: ...

    async def _add_node(self, machine: Node) -> None: ...
