"""What runs on a node: the Node itself, and the life of the pods that are placed on it.

`cluster.py` gives each kubelet to the loop that runs the controllers; what it works with there is told here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from fakekube.api.client import Client
    from fakekube.api.event_recorder import EventRecorder
    from fakekube.registry.clock import Clock

Object = dict[str, Any]


class StageError(ValueError):
    """Stages that cannot be played; the message tells where."""


class Surroundings(Protocol):
    """What a kubelet works with; its client acts as the node's own user."""

    @property
    def client(self) -> Client: ...

    @property
    def recorder(self) -> EventRecorder: ...

    @property
    def clock(self) -> Clock: ...
