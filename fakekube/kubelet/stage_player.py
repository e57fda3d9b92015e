"""Plays stages: chooses one that fits an object, waits as long as it says, and does what it says."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fakekube.api.client import Client
from fakekube.errors import NotFound
from fakekube.kubelet import Object, Surroundings
from fakekube.kubelet.node import Node
from fakekube.kubelet.pods import Kubelet
from fakekube.kubelet.stage_functions import STATIC
from fakekube.kubelet.stages import Finalizers, Patch, Stage, Told, choose
from fakekube.objects.patches import JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH
from fakekube.registry.user import User

MEDIA_TYPES = {"merge": MERGE_PATCH, "strategic": STRATEGIC_MERGE_PATCH, "json": JSON_PATCH}


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What is to come for an object."""

    uid: str
    stage: Stage
    due: float


class StagePlayer:
    """The stages of one kind in one cluster."""

    def __init__(
        self,
        resource: str,
        stages: Sequence[Stage],
        machines: Sequence[Node],
        chance: random.Random,
        uid: Callable[[], str],
        *,
        any_node: bool = False,
    ) -> None:
        """`resource` as kubectl names it. Of pods and nodes only those of `machines` are played with, unless `any_node`."""
        self.resource = resource
        self._stages = list(stages)
        self._any_node = any_node
        self._machines = {machine.name: Kubelet(machine) for machine in machines}
        self._chance = chance
        self._new_uid = uid
        self._chosen: dict[tuple[str, str], _Chosen] = {}
        self._done: dict[tuple[str, str], str] = {}
        """The version an object had when a stage without a delay left it as it was: that one is not played over and over."""

    def keys(self, obj: Object) -> tuple[tuple[str, str], ...]:
        metadata = obj["metadata"]
        if self.resource == "pods" and not self._is_played(obj["spec"].get("nodeName", "")):
            return ()
        if self.resource == "nodes" and not self._is_played(metadata["name"]):
            return ()
        return ((metadata.get("namespace", ""), metadata["name"]),)

    def add(self, machine: Node) -> None:
        """One more node is there."""
        self._machines[machine.name] = Kubelet(machine)

    def _is_played(self, node: str) -> bool:
        return node in self._machines or (self._any_node and bool(node))

    def _machine(self, name: str) -> Kubelet:
        if name not in self._machines:
            self.add(Node(len(self._machines), name))
        return self._machines[name]

    async def reconcile(self, context: Surroundings, namespace: str, name: str) -> float | None:
        """Play what is due; the answer is when the next is."""
        key = (namespace, name)
        obj = context.client.get(self.resource, namespace, name)
        if obj is None or not self.keys(obj):
            self._chosen.pop(key, None)
            self._done.pop(key, None)
            return None
        metadata = obj["metadata"]
        if self._done.get(key) == metadata["resourceVersion"]:
            return None
        chosen, now_s = self._chosen.get(key), context.clock.monotonic()
        if chosen is None or chosen.uid != metadata["uid"] or not chosen.stage.fits(obj):
            stage = choose(self._stages, obj, self._chance)
            if stage is None:
                self._chosen.pop(key, None)
                return None
            due = now_s + stage.delay_s(obj, context.clock.now(), self._chance)
            chosen = self._chosen[key] = _Chosen(metadata["uid"], stage, due)
        if chosen.due > now_s + 1e-6:
            return chosen.due - now_s
        del self._chosen[key]
        was_at_once = chosen.stage.delay_s(obj, context.clock.now(), self._chance) <= 0
        try:
            after = await self._play(context, obj, chosen.stage)
        except NotFound:
            return None
        if after is not None and after["metadata"]["resourceVersion"] == metadata["resourceVersion"] and was_at_once:
            self._done[key] = metadata["resourceVersion"]
            return None
        return 0.0

    async def _play(self, context: Surroundings, obj: Object, stage: Stage) -> Object | None:
        """The object afterwards; None when it is gone."""
        metadata = obj["metadata"]
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        functions = self._functions(context, obj)
        after: Object | None = obj
        for step in stage.steps:
            if isinstance(step, Told):
                tell = context.recorder.warning if step.type == "Warning" else context.recorder.normal
                await tell(obj, step.reason, step.message.render(obj, functions))
            elif isinstance(step, Finalizers):
                wanted = step.of(metadata.get("finalizers", []))
                patch: Any = {"metadata": {"uid": metadata["uid"], "finalizers": wanted or None}}
                after = await context.client.patch(self.resource, namespace, name, patch)
            elif isinstance(step, Patch):
                patch = step.render(after or obj, functions)
                client = context.client
                if step.user:
                    client = Client(client.plane, User(step.user, ("system:authenticated",)), client.field_manager)
                after = await client.patch(
                    self.resource, namespace, name, patch, step.subresource, media_type=MEDIA_TYPES[step.type]
                )
            else:
                await context.client.delete(self.resource, namespace, name, uid=metadata["uid"], grace_period_seconds=0)
                after = None
        return after

    def _functions(self, context: Surroundings, obj: Object) -> Mapping[str, Callable[..., Any]]:
        now = context.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        node = obj["metadata"]["name"] if self.resource == "nodes" else obj.get("spec", {}).get("nodeName", "")

        def node_address(name: str) -> str:
            found = context.client.get("nodes", "", name or "")
            addresses = (found or {}).get("status", {}).get("addresses", ())
            told = next((each["address"] for each in addresses if each["type"] == "InternalIP"), "")
            return told or (self._machine(name).node.address if name else "")

        def pod_address(node: str, on_host: bool = False, uid: str = "", name: str = "", namespace: str = "") -> str:
            if on_host:
                return node_address(node)
            pod = {"metadata": {"uid": uid, "name": name, "namespace": namespace}, "spec": {}}
            return self._machine(node).address_of(context.client, pod)

        metadata = obj["metadata"]
        place = (metadata["uid"], metadata["name"], metadata.get("namespace", ""))
        return {
            **STATIC,
            "Now": lambda: now,
            "now": lambda: now,
            "StartTime": lambda: now,
            "NodeName": lambda: node,
            "NodeIP": lambda: node_address(node),
            "NodeIPWith": node_address,
            "PodIP": lambda: pod_address(node, False, *place),
            "PodIPWith": pod_address,
            "uuidv4": self._new_uid,
        }
