"""What answers requests: the control plane of one cluster and the documents about it. A reset puts a new one in its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fakekube.access.authentication import Authenticator
from fakekube.access.authorization import Asked, Authorizer
from fakekube.access.flow_control import FlowControl
from fakekube.access.impersonation import Impersonator
from fakekube.api.control_plane import ControlPlane
from fakekube.registry.user import User
from fakekube.server.discovery import Discovery
from fakekube.server.health import Health
from fakekube.server.issuer import Issuer
from fakekube.server.metrics import Metrics
from fakekube.server.openapi import OpenApi
from fakekube.server.responses import Header
from fakekube.server.sessions import Sessions
from fakekube.server.watch_stream import FrameCache

if TYPE_CHECKING:
    from fakekube.server.programs import Launcher


@dataclass(slots=True)
class State:
    plane: ControlPlane
    authenticator: Authenticator
    authorizer: Authorizer
    discovery: Discovery
    openapi: OpenApi
    health: Health
    metrics: Metrics
    issuer: Issuer | None = None
    frames: FrameCache = field(default_factory=FrameCache)
    always_allow: bool = False
    sessions: Sessions = field(default_factory=Sessions)
    launcher: Launcher | None = None
    """How commands in containers are started; None: they are not, since nobody has allowed it."""
    explains_refusals: bool = False
    """Whether the log tells what was missing whenever somebody may not."""
    impersonator: Impersonator = field(default_factory=Impersonator)
    _flow_control: FlowControl | None = None

    def check(self, user: User, asked: Asked, user_agent: str = "") -> None:
        """Whether `user` may do this; the recorder is told if so. Raises Forbidden."""
        if not self.always_allow:
            self.authorizer.check(user, asked)
        recorder = self.plane.recorder
        if recorder is not None:
            recorder.note(user, asked, user_agent)

    def flow_headers(self, user: User, asked: Asked) -> Sequence[Header]:
        """Which flow schema and priority level took the request, as every answer after authentication says."""
        if self._flow_control is None:
            self._flow_control = FlowControl(self.plane.store)
        flow = self._flow_control.flow_of(user, asked)
        if flow is None:
            return ()
        return (
            (b"x-kubernetes-pf-flowschema-uid", flow.schema.encode()),
            (b"x-kubernetes-pf-prioritylevel-uid", flow.level.encode()),
        )
