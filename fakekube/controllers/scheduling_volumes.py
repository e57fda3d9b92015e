"""What the volumes of a pod have to say about the node it may run on, and how the volumes get to the node that was chosen.

Claims whose class waits for a consumer are bound here, to a volume that is there or to one that is to be made for the node.
https://kubernetes.io/docs/concepts/storage/storage-classes/#volume-binding-mode
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from fakekube.controllers.loop import Context, Object
from fakekube.controllers.persistent_volume import (
    BIND_COMPLETED,
    CLAIMS,
    CLASSES,
    NO_PROVISIONER,
    SELECTED_NODE,
    VOLUMES,
    capacity_of,
    claim_names,
    class_of,
    is_for,
    label_fits,
    name_claim,
    waits_for_consumer,
    why_not,
)
from fakekube.controllers.scheduling_filters import Machine, Obstacle, term_matches
from fakekube.objects.quantities import parse

CONFLICT = "node(s) didn't match PersistentVolume's node affinity"
NOTHING_TO_BIND = "node(s) didn't find available persistent volumes to bind"
NO_VOLUME = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
NO_ZONE = "node(s) had no available volume zone"
USED_BY_ANOTHER = (
    "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod"
)

ZONES = {
    "topology.kubernetes.io/zone": "failure-domain.beta.kubernetes.io/zone",
    "topology.kubernetes.io/region": "failure-domain.beta.kubernetes.io/region",
}
"""The labels of volumes and nodes that say where they are, with their older names."""


@dataclass(slots=True)
class Plan:
    """What is to be done for the claims of a pod, so that it can run on a node."""

    take: list[tuple[Object, Object]] = field(default_factory=list)
    """(volume, claim)"""
    make: list[Object] = field(default_factory=list)
    """Claims for which a volume is to be made."""


@dataclass(slots=True)
class PodVolumes:
    """The claims of one pod that are there."""

    bound: list[Object | None]
    """Their volumes; None for one that is gone."""
    unbound: list[tuple[Object, Object]]
    """(claim, class) of those that have waited for a pod; the smallest first."""
    free: list[Object]
    """Volumes that no claim has yet; the smallest first."""
    used_alone: frozenset[str] = frozenset()
    """Names of claims that only one pod at a time may use."""
    namespace: str = ""
    selected: str = ""
    """The node for which volumes have been made: the pod goes there although others would reach them."""

    def obstacles(self, machine: Machine, machines: Iterable[Machine]) -> list[Obstacle]:
        """All that the binding has to say together; else the zones."""
        if self.used_alone and any(self._uses(pod) for each in machines for pod in each.share.pods.values()):
            # Wherever that pod is; whether it can be made to go is found out by trying.
            return [Obstacle(USED_BY_ANOTHER, movable=True)]
        found = []
        volumes = [volume for volume in self.bound if volume is not None]
        if len(volumes) < len(self.bound):
            found.append(NO_VOLUME)
        if not all(reaches(volume, machine) for volume in volumes):
            found.append(CONFLICT)
        if self.plan(machine) is None:
            found.append(NOTHING_TO_BIND)
        if not found and not all(in_zone(volume, machine) for volume in volumes):
            found.append(NO_ZONE)
        return [Obstacle(reason) for reason in found]

    def plan(self, machine: Machine) -> Plan | None:
        """None when there is no volume for some claim on this node, and none can be made."""
        plan, taken = Plan(), set[str]()
        for claim, storage_class in self.unbound:
            selected = claim["metadata"].get("annotations", {}).get(SELECTED_NODE)
            if selected:
                if selected != machine.name:
                    return None
                plan.make.append(claim)
                continue
            volume = self._volume_for(claim, machine, taken)
            if volume is not None:
                taken.add(volume["metadata"]["name"])
                plan.take.append((volume, claim))
            elif storage_class["provisioner"] != NO_PROVISIONER and may_be_made(storage_class, machine):
                plan.make.append(claim)
            else:
                return None
        return plan

    def _volume_for(self, claim: Object, machine: Machine, taken: set[str]) -> Object | None:
        fitting = [
            volume
            for volume in self.free
            if volume["metadata"]["name"] not in taken
            and is_for(volume, claim, or_nobody=True)
            and not why_not(volume, claim)
            and reaches(volume, machine)
        ]
        meant = next((volume for volume in fitting if "claimRef" in volume["spec"]), None)
        return meant or next((volume for volume in fitting if label_fits(volume, claim)), None)

    def _uses(self, pod: Object) -> bool:
        return pod["metadata"]["namespace"] == self.namespace and any(
            name in self.used_alone for name, _ in claim_names(pod)
        )


def claim_trouble(context: Context, pod: Object) -> str:
    """Says which claim of the pod's volumes is not there, or that one waits for its volume; empty when all is well."""
    for name, is_ephemeral in claim_names(pod):
        claim = context.client.get(CLAIMS, pod["metadata"]["namespace"], name)
        if claim is None and is_ephemeral:
            return f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{name}"'
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found'
        if claim.get("status", {}).get("phase") == "Lost":
            volume = claim["spec"].get("volumeName", "")
            return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{volume}"'
        if "deletionTimestamp" in claim["metadata"]:
            return f'persistentvolumeclaim "{name}" is being deleted'
        annotations = claim["metadata"].get("annotations", {})
        if not annotations.keys() & {BIND_COMPLETED, SELECTED_NODE} and not waits_for_consumer(context, claim):
            return "pod has unbound immediate PersistentVolumeClaims"
    return ""


def volumes_of(context: Context, pod: Object) -> PodVolumes | None:
    """None for a pod without claims. Claims that are not there are left out."""
    namespace = pod["metadata"]["namespace"]
    claims = [context.client.get(CLAIMS, namespace, name) for name, _ in claim_names(pod)]
    present = [claim for claim in claims if claim is not None]
    if not present:
        return None
    bound: list[Object | None] = []
    unbound = []
    for claim in present:
        if BIND_COMPLETED in claim["metadata"].get("annotations", {}):
            bound.append(context.client.get(VOLUMES, "", claim["spec"].get("volumeName", "")))
            continue
        storage_class = context.client.get(CLASSES, "", class_of(claim)) if class_of(claim) else None
        if storage_class is not None:
            unbound.append((claim, storage_class))
    alone = frozenset(
        claim["metadata"]["name"] for claim in present if "ReadWriteOncePod" in claim["spec"].get("accessModes", ())
    )
    free = [volume for volume in context.client.list(VOLUMES) if _is_free(volume)] if unbound else []
    free.sort(key=lambda volume: (capacity_of(volume), volume["metadata"]["name"]))
    unbound.sort(key=lambda each: _size(each[0]))
    chosen = (claim["metadata"].get("annotations", {}).get(SELECTED_NODE, "") for claim in present)
    return PodVolumes(bound, unbound, free, alone, namespace, next(filter(None, chosen), ""))


def _is_free(volume: Object) -> bool:
    phase = volume.get("status", {}).get("phase")
    return "deletionTimestamp" not in volume["metadata"] and phase in ("Available", "Pending", "Bound", None)


def _size(claim: Object) -> Decimal:
    return parse(claim["spec"].get("resources", {}).get("requests", {}).get("storage", "0"))


def reaches(volume: Object, machine: Machine) -> bool:
    """Whether the volume can be used on the node, by the volume's node affinity."""
    required = (volume["spec"].get("nodeAffinity") or {}).get("required")
    if required is None:
        return True
    return any(term_matches(term, machine.labels, machine.name) for term in required.get("nodeSelectorTerms") or ())


def in_zone(volume: Object, machine: Machine) -> bool:
    """Whether the labels of the volume, if it has any, name the zone and the region of the node, if it is in any."""
    labels: Mapping[str, str] = volume["metadata"].get("labels") or {}
    names = [name for pair in ZONES.items() for name in pair]
    if not any(name in machine.labels for name in names):
        return True
    for new, old in ZONES.items():
        here = machine.labels.get(new) or machine.labels.get(old)
        for name in (new, old):
            if name in labels and here not in labels[name].split("__"):
                return False
    return True


def may_be_made(storage_class: Object, machine: Machine) -> bool:
    """Whether the class makes volumes where the node is."""
    topologies = storage_class.get("allowedTopologies")
    return not topologies or any(
        all(
            machine.labels.get(each["key"]) in each.get("values", ())
            for each in term.get("matchLabelExpressions") or ()
        )
        for term in topologies
    )


async def carry_out(context: Context, plan: Plan, node: str) -> None:
    """Have volumes bound or made: the pod must wait for that."""
    for volume, claim in plan.take:
        await name_claim(context, volume, claim)
    for claim in plan.make:
        metadata = claim["metadata"]
        if SELECTED_NODE not in metadata.get("annotations", {}):
            selected = {"metadata": {"annotations": {SELECTED_NODE: node}}}
            await context.client.patch(CLAIMS, metadata["namespace"], metadata["name"], selected)
