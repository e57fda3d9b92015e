"""Keeps the status of ResourceQuotas: what they allow, and how much of it is used.

Of each quota a ledger is kept with what every object takes of it, so that a change costs as much as one object, not as many as there are.
https://kubernetes.io/docs/concepts/policy/resource-quotas/
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field

from fakekube.controllers.loop import EVERYTHING, Context, Controller, Key, Object, Watch, own
from fakekube.errors import NotFound, qualified
from fakekube.objects.pod_resources import Amounts
from fakekube.objects.quantities import parse, quantity
from fakekube.objects.quota_usage import ZERO, counted_resource, is_in_scope, usage

QUOTAS = "resourcequotas"


@dataclass(slots=True)
class Ledger:
    """What is used of one quota, as long as its spec stays."""

    quota: Object
    entries: dict[tuple[str, str], Amounts] = field(default_factory=dict)
    """(resource, name) -> what it takes."""
    totals: Amounts = field(default_factory=dict)

    @property
    def hard(self) -> dict[str, str]:
        return self.quota["spec"].get("hard", {})  # type: ignore[no-any-return]

    def is_of(self, quota: Object) -> bool:
        present = self.quota
        return bool(present["metadata"]["uid"] == quota["metadata"]["uid"] and present["spec"] == quota["spec"])

    def resources(self) -> set[str]:
        return set(map(counted_resource, self.hard))

    def note(self, resource: str, name: str, object: Object | None) -> Amounts:
        """An object as it is now; None when it has gone. Returns what it gives back of what it took before."""
        before = self.entries.pop((resource, name), {})
        now: Amounts = {}
        if object is not None and is_in_scope(self.quota, resource, object):
            now = {key: amount for key, amount in usage(resource, object).items() if key in self.hard}
        if now:
            self.entries[resource, name] = now
        if now == before:
            return {}
        for key, amount in before.items():
            self.totals[key] -= amount
        for key, amount in now.items():
            self.totals[key] = self.totals.get(key, ZERO) + amount
        return {key: amount - now.get(key, ZERO) for key, amount in before.items() if amount != now.get(key, ZERO)}

    def used(self, known: Container[str]) -> dict[str, str]:
        """`known` are the resources that there are: of others nothing is told."""
        return {key: str(self.totals.get(key, ZERO)) for key in self.hard if counted_resource(key) in known}


@dataclass(slots=True)
class Memory:
    ledgers: dict[Key, Ledger] = field(default_factory=dict)
    resources: dict[tuple[str, str], str] = field(default_factory=dict)
    """(apiVersion, kind) -> the resource, of what is served."""


def counted(object: Object) -> tuple[Key, ...]:
    """An object that a quota may count; the spaces tell its key from that of a quota."""
    metadata = object["metadata"]
    return ((metadata.get("namespace", ""), f"{object['apiVersion']} {object['kind']} {metadata['name']}"),)


async def reconcile(context: Context, namespace: str, name: str) -> None:
    memory: Memory = context.memory.setdefault("ledgers", Memory())
    if " " not in name:
        await look_at_quota(context, memory, namespace, name)
        return
    api_version, kind, object_name = name.split(" ", 2)
    resource = resource_of(context, memory, api_version, kind)
    if resource is None:
        return
    object = context.client.get(resource, namespace, object_name)
    for quota in context.client.list(QUOTAS, namespace):
        ledger = ledger_of(context, memory, quota)
        if resource in ledger.resources():
            if object is None and (resource, object_name) not in ledger.entries:
                # It came and went before it was seen here: only counting tells what it was charged.
                await write(context, quota, ledger)
                continue
            returned = ledger.note(resource, object_name, object)
            await correct(context, quota, ledger, returned)


async def look_at_quota(context: Context, memory: Memory, namespace: str, name: str) -> None:
    quota = context.client.get(QUOTAS, namespace, name)
    if quota is None:
        memory.ledgers.pop((namespace, name), None)
        return
    before = memory.ledgers.get((namespace, name))
    ledger = ledger_of(context, memory, quota)
    # What admission has counted in the status is ahead of the ledger until the object itself is seen here.
    if ledger is not before or quota.get("status", {}).get("hard", {}) != ledger.hard:
        await write(context, quota, ledger)


def ledger_of(context: Context, memory: Memory, quota: Object) -> Ledger:
    """The ledger of a quota as it is now; a new one counts everything once."""
    namespace, name = quota["metadata"]["namespace"], quota["metadata"]["name"]
    ledger = memory.ledgers.get((namespace, name))
    if ledger is None or not ledger.is_of(quota):
        ledger = memory.ledgers[namespace, name] = Ledger(quota)
        known = served(context)
        for resource in ledger.resources() & known.keys():
            for object in context.client.list(resource, namespace):
                ledger.note(resource, object["metadata"]["name"], object)
    return ledger


def served(context: Context) -> dict[str, tuple[str, str]]:
    """The resources with objects in namespaces, with apiVersion and kind."""
    return {
        qualified(each.group, each.resource): (each.api_version, each.kind)
        for each in context.client.resources()
        if each.is_stored and each.namespaced
    }


def resource_of(context: Context, memory: Memory, api_version: str, kind: str) -> str | None:
    if (api_version, kind) not in memory.resources:
        memory.resources = {identity: resource for resource, identity in served(context).items()}
    return memory.resources.get((api_version, kind))


async def correct(context: Context, quota: Object, ledger: Ledger, returned: Amounts) -> None:
    """Subtract what was given back, and count what no admission has counted.

    Admission counts an object before it is seen here: the ledger may know of less than is used, never of more.
    """
    status = quota.get("status", {})
    used = {}
    for key, text in status.get("used", {}).items():
        amount = quantity(text) - returned.get(key, ZERO)
        known = ledger.totals.get(key, ZERO)
        used[key] = str(amount if amount.value >= known.value else known)
    if not is_same(status.get("used", {}), used):
        await update_status(context, quota, {**status, "used": used})


async def write(context: Context, quota: Object, ledger: Ledger) -> None:
    """Write the status if it says something else than what is counted."""
    before, used = quota.get("status", {}), ledger.used(served(context))
    if before.get("hard", {}) == ledger.hard and is_same(before.get("used", {}), used):
        return
    await update_status(context, quota, {"hard": ledger.hard, "used": used})


async def update_status(context: Context, quota: Object, status: Object) -> None:
    try:
        await context.client.update(QUOTAS, {**quota, "status": status}, "status")
    except NotFound:
        return


def is_same(left: dict[str, str], right: dict[str, str]) -> bool:
    """`1000m` and `1` are."""
    keys: Iterable[str] = left.keys()
    return keys == right.keys() and all(parse(left[key]) == parse(right[key]) for key in keys)


CONTROLLER = Controller(
    name="resourcequota-controller",
    watches=(Watch(QUOTAS, key=own), Watch(EVERYTHING, key=counted, beside=QUOTAS)),
    reconcile=reconcile,
    patient=True,
)
