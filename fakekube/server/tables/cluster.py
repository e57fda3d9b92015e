"""The rows of nodes, namespaces, events, and of the kinds by which a cluster governs itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fakekube.objects import times
from fakekube.registry.kind import Object
from fakekube.server.tables.cells import (
    AGE,
    NAME,
    NONE,
    UNKNOWN,
    UNSET,
    Cell,
    Rows,
    RowsOfKinds,
    condition,
    count,
    field,
    get,
    is_deleted,
    items,
    since,
    text,
    unique,
    with_name_and_age,
)


def _node_status(node: Object) -> str:
    ready = condition(node, "Ready")
    status = ("Ready" if ready.get("status") == "True" else "NotReady") if ready else "Unknown"
    return f"{status},SchedulingDisabled" if get(node, "spec", "unschedulable") else status


_ROLE_PREFIX = "node-role.kubernetes.io/"


def _roles(node: Object) -> str:
    labels = get(node, "metadata", "labels") or {}
    roles = [key.removeprefix(_ROLE_PREFIX) for key in labels if key.startswith(_ROLE_PREFIX)]
    return ",".join(unique([*roles, labels.get("kubernetes.io/role", "")])) or NONE


def _address(type: str) -> Cell:
    def first(node: Object) -> str:
        addresses = items(node, "status", "addresses")
        return next((each.get("address") or "" for each in addresses if each.get("type") == type), NONE)

    return text(first, "status.addresses")


def _kernel(node: Object) -> str:
    info = get(node, "status", "nodeInfo") or {}
    kernel = info.get("kernelVersion") or UNKNOWN
    return f"{kernel} ({info['architecture']})" if info.get("architecture") else kernel


def _first_seen(event: Object, now: datetime) -> str:
    return since(get(event, "firstTimestamp") or get(event, "eventTime"), now)


def _last_seen(event: Object, now: datetime) -> str:
    series = get(event, "series")
    if series is not None:
        return since(series.get("lastObservedTime"), now)
    last = get(event, "lastTimestamp")
    return since(last, now) if last else _first_seen(event, now)


def _event_count(event: Object) -> int:
    series = get(event, "series")
    return int(series.get("count") or 0) if series is not None else int(event.get("count") or 1)


def _event_object(event: Object) -> str:
    kind = (get(event, "involvedObject", "kind") or "").lower()
    name = get(event, "involvedObject", "name")
    return f"{kind}/{name}" if name else kind


def _event_source(event: Object) -> str:
    component = get(event, "source", "component") or event.get("reportingComponent") or ""
    host = get(event, "source", "host") or event.get("reportingInstance")
    return f"{component}, {host}" if host else component


def _role_of(binding: Object) -> str:
    role = get(binding, "roleRef") or {}
    return f"{role.get('kind') or ''}/{role.get('name') or ''}"


def _subjects(kind: str) -> Cell:
    def show(binding: Object) -> str:
        subjects = [each for each in items(binding, "subjects") if each.get("kind") == kind]
        if kind == "ServiceAccount":
            return ", ".join(f"{each.get('namespace') or ''}/{each.get('name') or ''}" for each in subjects)
        return ", ".join(each.get("name") or "" for each in subjects)

    return text(show)


_BINDING = Rows(
    {
        "Name": NAME,
        "Role": text(_role_of, "roleRef"),
        "Age": AGE,
        "Users": _subjects("User"),
        "Groups": _subjects("Group"),
        "ServiceAccounts": _subjects("ServiceAccount"),
    }
)


def _requested_duration(request: Object) -> str:
    seconds = get(request, "spec", "expirationSeconds")
    return NONE if seconds is None else times.human_duration(seconds)


def _request_condition(request: Object) -> str:
    types = {each.get("type") for each in items(request, "status", "conditions")}
    decision = next((each for each in ("Denied", "Approved") if each in types), "Pending")
    failed = ",Failed" if "Failed" in types else ""
    return decision + failed + (",Issued" if get(request, "status", "certificate") else "")


def _parameter_kind(policy: Object) -> str:
    kind = get(policy, "spec", "paramKind")
    return UNSET if kind is None else f"{kind.get('apiVersion') or ''}/{kind.get('kind') or ''}"


def _parameter_reference(binding: Object) -> str:
    reference = get(binding, "spec", "paramRef") or {}
    if name := reference.get("name"):
        return f"{reference.get('namespace') or '*'}/{name}"
    selector = reference.get("selector")
    return UNSET if selector is None else _selector_as_go_prints_it(selector)


def _selector_as_go_prints_it(selector: dict[str, Any]) -> str:
    labels = "".join(f"{key}: {value}," for key, value in sorted((selector.get("matchLabels") or {}).items()))
    expressions = "".join(
        f"LabelSelectorRequirement{{Key:{each.get('key')},Operator:{each.get('operator')},"
        f"Values:[{' '.join(each.get('values') or ())}],}},"
        for each in selector.get("matchExpressions") or ()
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )


_POLICY_BINDING = with_name_and_age(
    {"PolicyName": field("spec.policyName", about=""), "ParamRef": text(_parameter_reference)}
)
_WEBHOOKS = with_name_and_age({"Webhooks": count("webhooks", about="")})


def _precedence(flow_schema: Object) -> tuple[int, str]:
    return get(flow_schema, "spec", "matchingPrecedence") or 0, get(flow_schema, "metadata", "name") or ""


def _limited(*path: str, about: str) -> Cell:
    """A number of a limited priority level; a level that has no such limit shows none."""

    def show(level: Object) -> Any:
        holder = get(level, "spec", "limited", *path[:-1])
        return NONE if holder is None else holder.get(path[-1]) or 0

    return text(show, about)


_QUEUING = ("limitResponse", "queuing")


def _service_of(api_service: Object) -> str:
    service = get(api_service, "spec", "service")
    return f"{service.get('namespace') or ''}/{service.get('name') or ''}" if service else "Local"


def _available(api_service: Object) -> str:
    available = condition(api_service, "Available")
    status = available.get("status") or "Unknown"
    reason = available.get("reason")
    return f"{status} ({reason})" if status != "True" and reason else status


def _health(component: Object) -> dict[str, Any]:
    """The condition of a ComponentStatus, which has its conditions outside of a status."""
    return next((each for each in items(component, "conditions") if each.get("type") == "Healthy"), {})


_HEALTH = {"True": "Healthy", "False": "Unhealthy"}


def _claim_state(claim: Object) -> str:
    states = ["deleted"] if is_deleted(claim) else []
    if get(claim, "status", "allocation") is not None:
        states.append("allocated")
        states += ["reserved"] if items(claim, "status", "reservedFor") else []
    elif not states:
        states.append("pending")
    return ",".join(states)


ROWS: RowsOfKinds = {
    ("", "Node"): Rows(
        {
            "Name": NAME,
            "Status": text(_node_status),
            "Roles": text(_roles),
            "Age": AGE,
            "Version": field("status.nodeInfo.kubeletVersion"),
            "Internal-IP": _address("InternalIP"),
            "External-IP": _address("ExternalIP"),
            "OS-Image": field("status.nodeInfo.osImage", UNKNOWN),
            "Kernel-Version": text(_kernel, "status.nodeInfo.kernelVersion"),
            "Container-Runtime": field("status.nodeInfo.containerRuntimeVersion", UNKNOWN),
        }
    ),
    ("", "Namespace"): with_name_and_age({"Status": field("status.phase", about="")}),
    ("", "ServiceAccount"): with_name_and_age({}),
    ("", "Event"): Rows(
        {
            "Last Seen": Cell(_last_seen, "lastTimestamp"),
            "Type": field("type"),
            "Reason": field("reason"),
            "Object": text(_event_object, "involvedObject"),
            "Subobject": field("involvedObject.fieldPath"),
            "Source": text(_event_source, "source"),
            "Message": text(lambda event: (event.get("message") or "").strip(), "message"),
            "First Seen": Cell(_first_seen, "firstTimestamp"),
            "Count": text(_event_count, "count"),
            "Name": NAME,
        }
    ),
    ("", "ComponentStatus"): Rows(
        {
            "Name": NAME,
            "Status": text(lambda component: _HEALTH.get(_health(component).get("status", ""), "Unknown")),
            "Message": text(lambda component: _health(component).get("message") or ""),
            "Error": text(lambda component: _health(component).get("error") or ""),
        }
    ),
    ("rbac.authorization.k8s.io", "RoleBinding"): _BINDING,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _BINDING,
    ("certificates.k8s.io", "CertificateSigningRequest"): Rows(
        {
            "Name": NAME,
            "Age": AGE,
            "SignerName": field("spec.signerName", NONE),
            "Requestor": field("spec.username", about="spec.request"),
            "RequestedDuration": text(_requested_duration, "spec.expirationSeconds"),
            "Condition": text(_request_condition, "status.conditions"),
        }
    ),
    ("coordination.k8s.io", "Lease"): with_name_and_age({"Holder": field("spec.holderIdentity")}),
    ("scheduling.k8s.io", "PriorityClass"): Rows(
        {
            "Name": NAME,
            "Value": field("value", 0),
            "Global-Default": field("globalDefault", False),
            "Age": AGE,
            "PreemptionPolicy": field("preemptionPolicy"),
        }
    ),
    ("node.k8s.io", "RuntimeClass"): with_name_and_age({"Handler": field("handler")}),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): _WEBHOOKS,
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): _WEBHOOKS,
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): with_name_and_age(
        {"Validations": count("spec.validations", about=""), "ParamKind": text(_parameter_kind)}
    ),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"): with_name_and_age(
        {"Mutations": count("spec.mutations", about=""), "ParamKind": text(_parameter_kind)}
    ),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"): _POLICY_BINDING,
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"): _POLICY_BINDING,
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"): Rows(
        {
            "Name": NAME,
            "PriorityLevel": field("spec.priorityLevelConfiguration.name"),
            "MatchingPrecedence": field("spec.matchingPrecedence", 0),
            "DistinguisherMethod": field("spec.distinguisherMethod.type", NONE, about="spec.distinguisherMethod"),
            "Age": AGE,
            "MissingPL": text(lambda flow_schema: condition(flow_schema, "Dangling").get("status") or "?"),
        },
        order=_precedence,
    ),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"): with_name_and_age(
        {
            "Type": field("spec.type"),
            "NominalConcurrencyShares": _limited(
                "nominalConcurrencyShares", about="spec.limited.nominalConcurrencyShares"
            ),
            "Queues": _limited(*_QUEUING, "queues", about="spec.limited.limitResponse.queuing.queues"),
            "HandSize": _limited(*_QUEUING, "handSize", about="spec.limited.limitResponse.queuing.handSize"),
            "QueueLengthLimit": _limited(
                *_QUEUING, "queueLengthLimit", about="spec.limited.limitResponse.queuing.queueLengthLimit"
            ),
        }
    ),
    ("apiregistration.k8s.io", "APIService"): with_name_and_age(
        {"Service": text(_service_of), "Available": text(_available)}
    ),
    ("resource.k8s.io", "DeviceClass"): with_name_and_age({}),
    ("resource.k8s.io", "ResourceClaim"): with_name_and_age({"State": text(_claim_state)}),
    ("resource.k8s.io", "ResourceClaimTemplate"): with_name_and_age({}),
    ("resource.k8s.io", "ResourceSlice"): with_name_and_age(
        {"Node": field("spec.nodeName"), "Driver": field("spec.driver"), "Pool": field("spec.pool.name")}
    ),
}
