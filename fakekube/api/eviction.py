"""Lets a pod go when the disruption budgets allow it: what `pods/NAME/eviction` does.

https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/
"""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

from fakekube.api.call import Call, options_invalid
from fakekube.api.control_plane import ControlPlane
from fakekube.api.delete import errors_of
from fakekube.api.server_writes import API_SERVER, own_status
from fakekube.errors import BadRequest, Forbidden, InternalError, TooManyRequests, forbidden, not_found
from fakekube.objects import fields
from fakekube.objects.conditions import with_condition
from fakekube.objects.selectors import label_selector_of
from fakekube.registry import delete as registry_delete
from fakekube.registry import update as registry_update
from fakekube.registry.delete import DeleteOptions
from fakekube.registry.kind import Object
from fakekube.storage.store import Stored

WITHOUT_BUDGET = frozenset({"Succeeded", "Failed", "Pending"})
"""Phases of pods that nobody misses."""

DISRUPTED_PODS_KEPT = 2000
REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."
RETRY_AFTER_S = 10
STATUS = "policy.v1.PodDisruptionBudgetStatus"


async def evict(plane: ControlPlane, call: Call, eviction: Object, *, dry_run: bool) -> None:
    """Delete the pod that `call` names (its kind is Pod). `eviction` is a decoded Eviction.

    Raises what admission raises, BadRequest (name), NotFound, Conflict (preconditions), TooManyRequests and Forbidden (budgets), and
    InternalError (several budgets, or a dry run that only the body or only the query wants).
    """
    attributes = plane.attributes(call, "CREATE", eviction, dry_run=dry_run)
    await plane.admission.mutate(eviction, None, attributes)
    if eviction["metadata"].get("name", "") != call.name:
        raise BadRequest("name in URL does not match name in Eviction object")
    sent = eviction.get("deleteOptions") or {}
    dry_run = _dry_run(sent.get("dryRun") or [], dry_run)
    await plane.admission.validate(eviction, None, attributes)
    pod = plane.get("", "pods", call.namespace, call.name)
    if pod is None:
        raise not_found("", "pods", call.name)
    if not _is_past_budgets(pod):
        budgets = _budgets_of(plane, pod)
        if len(budgets) > 1:
            text = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
            raise InternalError(text, reason="")
        if budgets and not _may_go_unhealthy(pod, budgets[0]):
            await _charge(plane, budgets[0], call.name, dry_run=dry_run)
    options = _delete_options(sent)
    if errors := errors_of(options):
        raise options_invalid("DeleteOptions", errors)
    await _delete(plane, call, options, dry_run=dry_run)


def _dry_run(of_body: list[str], of_query: bool) -> bool:
    if of_body and of_query and of_body != ["All"]:
        text = f"Non-matching dry-run options in request and content: [All] and [{' '.join(of_body)}]"
        raise InternalError(text, reason="")
    return bool(of_body) or of_query


def _delete_options(sent: Object) -> DeleteOptions:
    preconditions = sent.get("preconditions") or {}
    return DeleteOptions(
        sent.get("gracePeriodSeconds"),
        sent.get("propagationPolicy"),
        sent.get("orphanDependents"),
        preconditions.get("uid"),
        preconditions.get("resourceVersion"),
    )


def _is_past_budgets(pod: Object) -> bool:
    return fields.at(pod, "status.phase") in WITHOUT_BUDGET or "deletionTimestamp" in pod["metadata"]


def _budgets_of(plane: ControlPlane, pod: Object) -> list[Object]:
    labels = pod["metadata"].get("labels")
    budgets = plane.list("policy", "poddisruptionbudgets", pod["metadata"]["namespace"])
    return [budget for budget in budgets if label_selector_of(budget["spec"].get("selector")).matches(labels)]


def _may_go_unhealthy(pod: Object, budget: Object) -> bool:
    """Whether the pod does no work that the budget protects."""
    conditions = fields.at(pod, "status.conditions") or ()
    if any(each["type"] == "Ready" and each["status"] == "True" for each in conditions):
        return False
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status") or {}
    desired = status.get("desiredHealthy", 0)
    return bool(status.get("currentHealthy", 0) >= desired > 0)


async def _charge(plane: ControlPlane, budget: Object, pod_name: str, *, dry_run: bool) -> None:
    """Take one disruption from what the budget's controller allows. Raises TooManyRequests, Forbidden."""
    metadata = budget["metadata"]
    kind = plane.kinds.named("poddisruptionbudgets.policy")

    async def change(current: Stored) -> Object:
        new = current.copy()
        _check_budget(new)
        _count(new, pod_name, plane.clock.timestamp())
        own_status(plane, kind, current.value, new)
        return new

    await registry_update.update(
        plane.store,
        kind,
        metadata["namespace"],
        metadata["name"],
        change,
        plane.operation(API_SERVER, dry_run=dry_run),
        [],
        _approve_all,
        subresource="status",
    )


def _check_budget(budget: Object) -> None:
    name, status = budget["metadata"]["name"], budget.get("status") or {}
    allowed = status.get("disruptionsAllowed", 0)
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        text = f"The disruption budget {name} is still being processed by the server."
        raise _too_many(text, retryAfterSeconds=RETRY_AFTER_S)
    if allowed < 0:
        raise _not_now(name, "pdb disruptions allowed is negative")
    if len(status.get("disruptedPods") or ()) > DISRUPTED_PODS_KEPT:
        raise _not_now(name, "DisruptedPods map too big - too many evictions not confirmed by PDB controller")
    if not allowed:
        _refuse(name, status)


def _not_now(name: str, text: str) -> Forbidden:
    return forbidden("policy", "poddisruptionbudget", name, text)


def _refuse(name: str, status: Object) -> NoReturn:
    current, desired = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    condition: Object = next(
        (each for each in status.get("conditions") or () if each["type"] == "DisruptionAllowed"), {}
    )
    text = f"The disruption budget {name} "
    if condition.get("reason") == "SyncFailed":
        message = condition.get("message", "")
        text += f"does not allow evicting pods currently because it failed sync: {message}"
    elif current <= desired:
        text += f"needs {desired} healthy pods and has {current} currently"
    else:
        text += "does not allow evicting pods currently"
    raise _too_many(text)


def _too_many(text: str, **more: int) -> TooManyRequests:
    return TooManyRequests(REFUSED, {"causes": [{"reason": "DisruptionBudget", "message": text}], **more})


def _count(budget: Object, pod_name: str, now: str) -> None:
    """One less may go, and the pod's controller is told which is on its way."""
    status = budget["status"]
    status["disruptionsAllowed"] -= 1
    disrupted = {**(status.get("disruptedPods") or {}), pod_name: now}
    fields.put(status, "disruptedPods", dict(sorted(disrupted.items())), STATUS)
    if status["disruptionsAllowed"]:
        return
    condition: Object = {
        "type": "DisruptionAllowed",
        "status": "False",
        "observedGeneration": status.get("observedGeneration", 0),
        "lastTransitionTime": now,
        "reason": "InsufficientPods",
        "message": "",
    }
    fields.put(status, "conditions", with_condition(status.get("conditions"), condition), STATUS)


async def _delete(plane: ControlPlane, call: Call, options: DeleteOptions, *, dry_run: bool) -> None:
    """Say in the pod why it goes, then delete it. Admission is not asked again."""
    operation = plane.operation(call.user, dry_run=dry_run)
    kind = call.kind
    if not dry_run:

        async def change(current: Stored) -> Object:
            registry_delete.check_preconditions(kind, current, options)
            return _disrupted(current.copy(), plane.clock.timestamp())

        marked = await registry_update.update(
            plane.store,
            kind,
            call.namespace,
            call.name,
            change,
            operation,
            [],
            _approve_all,
            subresource="status",
        )
        if options.resource_version is not None:
            options = replace(options, resource_version=str(marked.revision))

    async def approve(old: Object) -> None:
        """As `_approve_all`."""

    await registry_delete.delete(plane.store, kind, call.namespace, call.name, options, operation, approve)


async def _approve_all(new: Object, old: Object | None) -> None:
    """What the server writes itself passes no admission."""


def _disrupted(pod: Object, now: str) -> Object:
    status = pod["status"]
    condition = {
        "type": "DisruptionTarget",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": now,
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
    }
    fields.put(status, "conditions", with_condition(status.get("conditions"), condition), "core.v1.PodStatus")
    return pod
