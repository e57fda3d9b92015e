"""Events about objects, as controllers, scheduler and kubelets write them.

The same event again is counted on the first one; many that are alike become one; and about one object only so many are written at all.
https://kubernetes.io/docs/reference/kubernetes-api/core/event-v1/
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from fakekube.errors import AlreadyExists, NotFound, StatusError

if TYPE_CHECKING:
    from fakekube.api.client import Client
    from fakekube.registry.clock import Clock

Object = dict[str, Any]

Known = TypeVar("Known")

EVENTS_REMEMBERED = 4096
"""So many different events are known again by one recorder."""

ALIKE = 10
"""So many events that differ in nothing but their messages are told one by one; further ones are one event together."""
ALIKE_WITHIN = timedelta(minutes=10)
COMBINED = "(combined from similar events): "

BURST = 25
"""So many events about one object are written; then one more for each pause that passes."""
PAUSE_S = 300.0


@dataclass(slots=True)
class _Similar:
    """The messages of events that are otherwise the same."""

    last: datetime
    messages: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class _Allowance:
    """How many events about one object may be written, at a time."""

    at: datetime
    left: float = BURST


class EventRecorder:
    """Writes the events of one component. An event that cannot be written (its namespace is going) is dropped: nobody waits for it."""

    def __init__(self, client: Client, clock: Clock, *, component: str, host: str = "") -> None:
        self._client = client
        self._clock = clock
        self._component = component
        self._host = host
        self._remembered: dict[tuple[str, ...], tuple[str, str, int]] = {}
        """What an event says -> namespace, name and count of the object that holds it."""
        self._similar: dict[tuple[str, ...], _Similar] = {}
        self._allowances: dict[str, _Allowance] = {}
        self._last_nanoseconds = 0

    async def normal(self, about: Object, reason: str, message: str, *, field_path: str = "") -> None:
        await self._counted(about, "Normal", reason, message, field_path)

    async def warning(self, about: Object, reason: str, message: str, *, field_path: str = "") -> None:
        await self._counted(about, "Warning", reason, message, field_path)

    async def action(self, about: Object, type: str, reason: str, action: str, message: str, *, instance: str) -> None:
        """An event in the newer form, which says what was being done, and has one time with microseconds: the scheduler's."""
        await self._create(
            about,
            "events.events.k8s.io",
            lambda name, namespace, involved: {
                "kind": "Event",
                "apiVersion": "events.k8s.io/v1",
                "metadata": {"name": name, "namespace": namespace},
                "eventTime": self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                "reportingController": self._component,
                "reportingInstance": instance,
                "action": action,
                "reason": reason,
                "regarding": involved,
                "note": message,
                "type": type,
                "deprecatedSource": {},
                "deprecatedFirstTimestamp": None,
                "deprecatedLastTimestamp": None,
            },
        )

    async def _counted(self, about: Object, type: str, reason: str, message: str, field_path: str) -> None:
        identity = _identity(about)
        same: tuple[str, ...] = (identity, type, reason, message, field_path)
        combined = self._are_many((identity, type, reason), message)
        if combined:
            message = COMBINED + message
            same = (identity, type, reason)
        if not self._may_tell(identity):
            return
        now = self._clock.timestamp()
        first = self._remembered.pop(same, None)
        if first is not None:
            namespace, name, count = first
            change = {"count": count + 1, "lastTimestamp": now, "message": message}
            try:
                await self._client.patch("events", namespace, name, change)
            except NotFound:
                first = None  # it was deleted: begin anew
            except StatusError:
                return
            else:
                self._remember(same, (namespace, name, count + 1))
        if first is None:
            source = {"component": self._component, "host": self._host}
            created = await self._create(
                about,
                "events",
                lambda name, namespace, involved: {
                    "kind": "Event",
                    "apiVersion": "v1",
                    "metadata": {"name": name, "namespace": namespace},
                    "involvedObject": {**involved, "fieldPath": field_path} if field_path else involved,
                    "reason": reason,
                    "message": message,
                    "source": {key: value for key, value in source.items() if value},
                    "firstTimestamp": now,
                    "lastTimestamp": now,
                    "count": 1,
                    "type": type,
                    "eventTime": None,
                    # Who combines events leaves out who reported them.
                    "reportingComponent": "" if combined else self._component,
                    "reportingInstance": "" if combined else self._host,
                },
            )
            if created is not None:
                self._remember(same, (*created, 1))

    async def _create(
        self, about: Object, resource: str, event: Callable[[str, str, Object], Object]
    ) -> tuple[str, str] | None:
        """Namespace and name of the new event; None if it could not be written.

        `event` makes it of its name, its namespace and what it is about, its keys in the order of its type.
        """
        metadata = about["metadata"]
        namespace = metadata.get("namespace") or "default"
        involved = {
            "kind": about["kind"],
            "namespace": metadata.get("namespace"),
            "name": metadata["name"],
            "uid": metadata.get("uid"),
            "apiVersion": about["apiVersion"],
            "resourceVersion": metadata.get("resourceVersion"),
        }
        involved = {key: value for key, value in involved.items() if value}
        # Two events within one tick of the clock, or while it is held, have names of their own all the same.
        nanoseconds = max(int(self._clock.now().timestamp() * 1_000_000) * 1000, self._last_nanoseconds + 1)
        while True:
            self._last_nanoseconds = nanoseconds
            name = f"{metadata['name']}.{nanoseconds:016x}"
            try:
                await self._client.create_canonical(resource, event(name, namespace, dict(involved)))
            except AlreadyExists:
                nanoseconds += 1  # another recorder's
            except StatusError:
                return None
            else:
                return namespace, name

    def _are_many(self, similar: tuple[str, ...], message: str) -> bool:
        """Whether so many others have been like this one that it is no longer told by itself."""
        now = self._clock.now()
        known = self._similar.pop(similar, None)
        if known is None or now - known.last > ALIKE_WITHIN:
            known = _Similar(now)
        known.last = now
        known.messages[message] = None
        _keep(self._similar, similar, known)
        if len(known.messages) < ALIKE:
            return False
        del known.messages[next(iter(known.messages))]
        return True

    def _may_tell(self, identity: str) -> bool:
        now = self._clock.now()
        known = self._allowances.pop(identity, None) or _Allowance(now)
        known.left = min(known.left + (now - known.at).total_seconds() / PAUSE_S, BURST)
        known.at = now
        _keep(self._allowances, identity, known)
        if known.left < 1:
            return False
        known.left -= 1
        return True

    def _remember(self, same: tuple[str, ...], where: tuple[str, str, int]) -> None:
        _keep(self._remembered, same, where)


def _keep(memory: dict[Any, Known], key: object, value: Known) -> None:
    """As the newest; the oldest are forgotten."""
    memory[key] = value
    if len(memory) > EVENTS_REMEMBERED:
        del memory[next(iter(memory))]


def _identity(about: Object) -> str:
    metadata = about["metadata"]
    return f"{about['apiVersion']}/{about['kind']}/{metadata.get('namespace', '')}/{metadata['name']}/{metadata.get('uid')}"
