"""Scales workloads so that their metrics come to what is wanted, every 15 seconds, and at once when a test sets metrics.

https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from fakekube.controllers.loop import Context, Controller, Key, Object, Watch, own
from fakekube.controllers.replica_calculator import (
    FAILURES,
    TOLERANCE,
    NoMetric,
    Proposal,
    Target,
    name_of,
    propose,
)
from fakekube.controllers.scaling_behavior import Finding, History, normalized
from fakekube.errors import Conflict, NotFound, StatusError, qualified
from fakekube.objects.conditions import with_condition
from fakekube.objects.quantities import parse
from fakekube.objects.selectors import NOTHING, parse_labels

RESOURCE = "horizontalpodautoscalers.autoscaling"
PERIOD_S = 15.0
FIRST_LOOK_S = 0.2
"""A new autoscaler is looked at not before its creator can have read it; at once where time is held."""

NO_SCALE = "the HPA controller was unable to get the target's current scale: "
GOT_SCALE: Finding = (
    "AbleToScale",
    "True",
    "SucceededGetScale",
    "the HPA controller was able to get the target's current scale",
)
DISABLED: Finding = (
    "ScalingActive",
    "False",
    "ScalingDisabled",
    "scaling is disabled since the replica count of the target is zero",
)


@dataclass(slots=True)
class Known:
    """One autoscaler, as it was last looked at."""

    spec: Object
    at: datetime
    history: History = field(default_factory=History)


@dataclass(slots=True)
class Memory:
    known: dict[Key, Known] = field(default_factory=dict)
    are_metrics_new: set[Key] = field(default_factory=set)
    new: set[Key] = field(default_factory=set)
    """Autoscalers that wait for the first look."""


async def reconcile(context: Context, namespace: str, name: str) -> float | None:
    memory = memory_of(context)
    key = (namespace, name)
    autoscaler = context.client.get(RESOURCE, namespace, name)
    if autoscaler is None:
        memory.known.pop(key, None)
        memory.new.discard(key)
        return None
    now, known = context.clock.now(), memory.known.get(key)
    if known is not None and known.spec == autoscaler["spec"] and key not in memory.are_metrics_new:
        # A change of its status, mostly its own work, is no reason to look before it is time.
        left_s = PERIOD_S - (now - known.at).total_seconds()
        if left_s > 0:
            return left_s
    if known is None and key not in memory.new and not context.clock.is_held:
        memory.new.add(key)
        return FIRST_LOOK_S
    memory.new.discard(key)
    memory.are_metrics_new.discard(key)
    history = known.history if known is not None else History()
    memory.known[key] = Known(autoscaler["spec"], now, history)
    try:
        await Look(context, autoscaler, history).sync()
    except StatusError:
        memory.known.pop(key, None)
        raise
    return PERIOD_S


def memory_of(context: Context) -> Memory:
    memory: Memory | None = context.memory.get("autoscalers")
    if memory is None:
        memory = context.memory["autoscalers"] = Memory()

        def look_at_all() -> None:
            for key in (*memory.known, *memory.new):
                memory.are_metrics_new.add(key)
                context.wake(key)

        context.settings.metrics.on_change(look_at_all)
    return memory


class Look:
    """One look at one autoscaler."""

    def __init__(self, context: Context, autoscaler: Object, history: History) -> None:
        self.context = context
        self.autoscaler = autoscaler
        self.history = history
        self.spec = autoscaler["spec"]
        self.namespace: str = autoscaler["metadata"]["namespace"]
        self.status = autoscaler.get("status", {})
        self.conditions: list[Object] = list(self.status.get("conditions", []))

    async def sync(self) -> None:
        reference = self.spec["scaleTargetRef"]
        try:
            resource, scale = self.scale_of(reference)
        except StatusError as error:
            await self.cannot_get_scale(error.message)
            return
        except LookupError as error:
            await self.cannot_get_scale(error.args[0])
            return
        self.find(GOT_SCALE)
        current = scale["spec"].get("replicas", 0)
        least, most = self.spec.get("minReplicas", 1), self.spec["maxReplicas"]
        proposals: list[Proposal | None] = []
        desired, reason = current, ""
        if current == 0 and least != 0:
            self.find(DISABLED)
            await self.write(0, 0, None)
            return
        if current > most:
            desired, reason = most, "Current number of replicas above Spec.MaxReplicas"
        elif current < least:
            desired, reason = least, "Current number of replicas below Spec.MinReplicas"
        else:
            computed = await self.compute(scale, current, proposals)
            if computed is None:
                await self.write(current, self.status.get("desiredReplicas", 0), proposals)
                return
            if computed.replicas > current:
                reason = f"{computed.metric} above target"
            elif computed.replicas < current:
                reason = "All metrics below target"
            desired, findings = normalized(
                self.spec, self.history, current, computed.replicas, self.context.clock.now()
            )
            for finding in findings:
                self.find(finding)
        if desired != current:
            await self.rescale(resource, reference["name"], current, desired, reason, proposals)
        await self.write(current, desired, proposals, rescaled=desired != current)

    def scale_of(self, reference: Object) -> tuple[str, Object]:
        """The resource of the target, and its Scale. Raises StatusError, and LookupError with what is to be told."""
        group, kind = reference.get("apiVersion", "").rpartition("/")[0], reference["kind"]
        client = self.context.client
        served = (each for each in client.resources() if (each.group, each.kind) == (group, kind))
        found = next((each for each in served if each.is_stored), None)
        if found is None:
            raise LookupError(f'no matches for kind "{kind}" in group "{group}"')
        resource = qualified(found.group, found.resource)
        try:
            scale = client.get_scale(resource, self.namespace, reference["name"])
        except NotFound:
            raise LookupError("the server could not find the requested resource") from None
        if scale is None:
            raise LookupError(f'{resource} "{reference["name"]}" not found')
        return resource, scale

    async def cannot_get_scale(self, why: str) -> None:
        await self.context.recorder.warning(self.autoscaler, "FailedGetScale", why)
        self.find(("AbleToScale", "False", "FailedGetScale", NO_SCALE + why))
        await self.put({**self.status, "conditions": self.conditions})

    async def compute(self, scale: Object, current: int, proposals: list[Proposal | None]) -> Proposal | None:
        """The highest of what the metrics ask for; None when they do not tell enough. `proposals` gets an entry for each metric."""
        selector = scale["status"].get("selector", "")
        if not selector:
            why = ("InvalidSelector", "the HPA target's scale is missing a selector")
            await self.cannot_choose("SelectorRequired", "selector is required", why)
            return None
        pods = self.context.client.list("pods", self.namespace, label_selector=selector)
        rivals = self.rivals(pods)
        if len(rivals) > 1:
            keys = " ".join(f"{self.namespace}/{name}" for name in rivals)
            text = f"pods by selector {selector} are controlled by multiple HPAs: [{keys}]"
            await self.cannot_choose("AmbiguousSelector", text, ("AmbiguousSelector", text))
            return None
        target = Target(self.namespace, current, selector, pods, self.tolerances())
        metrics = self.spec.get("metrics", [])
        failures: list[tuple[Finding, str]] = []
        for metric in metrics:
            try:
                proposals.append(propose(self.context.settings.metrics, target, metric))
            except NoMetric as error:
                proposals.append(None)
                reason, text = FAILURES[metric["type"]]
                await self.context.recorder.warning(self.autoscaler, reason, str(error))
                what = f"the HPA was unable to compute the replica count: {error}"
                told = f"{text.format(name=name_of(metric))}: {error}"
                failures.append((("ScalingActive", "False", reason, what), told))
        known = [each for each in proposals if each is not None]
        best = max(known, key=lambda each: each.replicas, default=None)
        if failures and (best is None or best.replicas < current):
            finding, told = failures[0]
            self.find(finding)
            text = f"invalid metrics ({len(failures)} invalid out of {len(metrics)}), first error is: {told}"
            await self.context.recorder.warning(self.autoscaler, "FailedComputeMetricsReplicas", text)
            return None
        if best is not None:
            text = f"the HPA was able to successfully calculate a replica count from {best.metric}"
            self.find(("ScalingActive", "True", "ValidMetricFound", text))
        return best

    async def cannot_choose(self, reason: str, text: str, why: tuple[str, str]) -> None:
        """It is not known which pods are meant, or by whom."""
        await self.context.recorder.warning(self.autoscaler, reason, text)
        self.find(("ScalingActive", "False", *why))
        await self.context.recorder.warning(self.autoscaler, "FailedComputeMetricsReplicas", text)

    def rivals(self, pods: list[Object]) -> list[str]:
        """The names of all autoscalers whose targets have any of these pods, this one among them."""
        if not pods:
            return []
        names = []
        for other in self.context.client.list(RESOURCE, self.namespace):
            try:
                _, scale = self.scale_of(other["spec"]["scaleTargetRef"])
            except (StatusError, LookupError):
                continue
            text = scale["status"].get("selector", "")
            selector = parse_labels(text) if text else NOTHING
            if any(selector.matches(pod["metadata"].get("labels")) for pod in pods):
                names.append(other["metadata"]["name"])
        return names

    def tolerances(self) -> tuple[Decimal, Decimal]:
        behavior = self.spec.get("behavior") or {}
        down, up = behavior.get("scaleDown") or {}, behavior.get("scaleUp") or {}
        return parse(down.get("tolerance", str(TOLERANCE))), parse(up.get("tolerance", str(TOLERANCE)))

    async def rescale(
        self,
        resource: str,
        name: str,
        current: int,
        desired: int,
        reason: str,
        proposals: list[Proposal | None],
    ) -> None:
        recorder = self.context.recorder
        try:
            await self.context.client.set_scale(resource, self.namespace, name, desired)
        except StatusError as error:
            text = f"New size: {desired}; reason: {reason}; error: {error.message}"
            await recorder.warning(self.autoscaler, "FailedRescale", text)
            what = f"the HPA controller was unable to update the target scale: {error.message}"
            self.find(("AbleToScale", "False", "FailedUpdateScale", what))
            await self.write(current, self.status.get("desiredReplicas", 0), proposals)
            raise
        what = f"the HPA controller was able to update the target scale to {desired}"
        self.find(("AbleToScale", "True", "SucceededRescale", what))
        await recorder.normal(self.autoscaler, "SuccessfulRescale", f"New size: {desired}; reason: {reason}")
        self.history.scaled(self.context.clock.now(), current, desired)

    def find(self, finding: Finding) -> None:
        type, status, reason, message = finding
        condition = {
            "type": type,
            "status": status,
            "lastTransitionTime": self.context.clock.timestamp(),
            "reason": reason,
            "message": message,
        }
        self.conditions = with_condition(self.conditions, condition)

    async def write(
        self, current: int, desired: int, proposals: list[Proposal | None] | None, *, rescaled: bool = False
    ) -> None:
        status: Object = {"currentReplicas": current} if current else {}
        status["desiredReplicas"] = desired
        if rescaled:
            status["lastScaleTime"] = self.context.clock.timestamp()
        elif "lastScaleTime" in self.status:
            status["lastScaleTime"] = self.status["lastScaleTime"]
        status["currentMetrics"] = [
            each.status if each is not None else {"type": ""} for each in proposals or ()
        ] or None
        await self.put({**status, "conditions": self.conditions})

    async def put(self, status: Object) -> None:
        if status == self.status:
            return
        latest: Object | None = self.autoscaler
        while latest is not None:
            try:
                await self.context.client.update(RESOURCE, {**latest, "status": status}, "status")
            except Conflict:
                # What was done to the target is done, and only this look knows of it.
                latest = self.context.client.get(RESOURCE, self.namespace, self.autoscaler["metadata"]["name"])
            except NotFound:
                return
            else:
                return


CONTROLLER = Controller(
    name="horizontal-pod-autoscaler",
    watches=(Watch(RESOURCE, key=own),),
    reconcile=reconcile,
)
