"""What a report about a pod may say: addresses, conditions, and containers that have ended and stay so.

https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fakekube.objects import fields, names, rules
from fakekube.objects.field_errors import FieldError, duplicate, forbidden, invalid, required
from fakekube.objects.metadata import IMMUTABLE_TEXT
from fakekube.registry.kind import Object

STATUS, CONDITION = "core.v1.PodStatus", "core.v1.PodCondition"
_OF_THE_SYSTEM = frozenset({"PodScheduled", "Ready", "Initialized"})
MOST_ADDRESSES = 2


def complete(pod: Object, old: Object) -> None:
    """A report keeps what it leaves out of what only some reporters know."""
    status = pod.get("status")
    if status is None:
        return
    before = old.get("status") or {}
    if not status.get("qosClass") and before.get("qosClass"):
        fields.put(status, "qosClass", before["qosClass"], STATUS)
    _keep_observed_generations(status, before)
    tell_address_twice(pod)


def tell_address_twice(pod: Object) -> None:
    """podIP and podIPs say the same; each fills the other in, and where they differ podIP counts."""
    status = pod.get("status") or {}
    address, addresses = status.get("podIP"), status.get("podIPs")
    if address and (not addresses or addresses[0].get("ip") != address):
        fields.put(status, "podIPs", [{"ip": address}], STATUS)
    elif addresses and not address:
        fields.put(status, "podIP", addresses[0].get("ip", ""), STATUS)


def _keep_observed_generations(status: Object, before: Object) -> None:
    if not status.get("observedGeneration") and before.get("observedGeneration"):
        fields.put(status, "observedGeneration", before["observedGeneration"], STATUS)
    observed = {
        condition.get("type"): condition["observedGeneration"]
        for condition in before.get("conditions") or ()
        if condition.get("observedGeneration")
    }
    for condition in (status.get("conditions") or ()) if observed else ():
        if condition.get("type") in observed and not condition.get("observedGeneration"):
            fields.put(condition, "observedGeneration", observed[condition.get("type")], CONDITION)


def validate_update(pod: Object, old: Object) -> list[FieldError]:
    status, before, spec = pod.get("status") or {}, old.get("status") or {}, old["spec"]
    errors = rules.each(_condition)(status.get("conditions"), "status.conditions")
    errors += _nominated_node(status.get("nominatedNodeName", ""), before.get("nominatedNodeName", ""), spec)
    errors += _generation(status.get("observedGeneration"), "status.observedGeneration")
    quality, was = status.get("qosClass", ""), before.get("qosClass", "")
    if was and quality != was:
        errors.append(invalid("status.qosClass", quality, IMMUTABLE_TEXT))
    for field, containers in _ROLES.items():
        path, new, ended = f"status.{field}", status.get(field) or (), before.get(field) or ()
        if ended and not (containers and _all_may_restart(spec)):
            errors += _ended(new, ended, path, spec, spec.get(containers) or ())
    errors += _claims(status.get("resourceClaimStatuses") or (), spec)
    if status.get("extendedResourceClaimStatus") is not None:
        errors += _extended(status["extendedResourceClaimStatus"], spec)
    errors += _addresses(status.get("podIPs") or [], before.get("podIPs") or [], "status.podIPs")
    errors += _host_addresses(status, before)
    system = fields.at(spec, "os.name") or "linux"
    for field in _ROLES:
        errors += _users(status.get(field) or (), f"status.{field}", system)
    for field, containers in _ROLES.items():
        errors += _devices(status.get(field) or (), f"status.{field}", spec.get(containers) if containers else None)
    return errors


_ROLES = {
    "containerStatuses": "containers",
    "initContainerStatuses": "initContainers",
    "ephemeralContainerStatuses": "",
}
"""Reports on containers, and where the containers are whose reports may say more: ephemeral ones are not restarted and have no devices."""


def _generation(value: Any, path: str) -> list[FieldError]:
    return [invalid(path, value, "must be a non-negative integer")] if value and value < 0 else []


def _condition(condition: Object, path: str) -> list[FieldError]:
    errors = _generation(condition.get("observedGeneration"), f"{path}.observedGeneration")
    type_ = condition.get("type", "")
    if type_ in _OF_THE_SYSTEM:
        return errors
    return errors + [invalid(f"{path}.Type", type_, text) for text in names.qualified_name(type_)]


def _nominated_node(name: str, before: str, spec: Object) -> list[FieldError]:
    path = "status.nominatedNodeName"
    if not name or name == before:
        return []
    errors = rules.named(names.subdomain)(name, path)
    if spec.get("nodeName"):
        errors.append(forbidden(path, "may not be set on pods that are already bound to a node"))
    return errors


def _all_may_restart(spec: Object) -> bool:
    """Whether the end of one container may restart all others."""
    return any(
        rule.get("action") == "RestartAllContainers"
        for field in ("initContainers", "containers")
        for container in spec.get(field) or ()
        for rule in container.get("restartPolicyRules") or ()
    )


def _restarts(container: Object, spec: Object, code: int) -> bool:
    """Whether a container of `spec` is started again after it ended with `code`."""
    own = container.get("restartPolicy")
    for rule in (container.get("restartPolicyRules") or ()) if own is not None else ():
        codes = rule.get("exitCodes") or {}
        if (code in (codes.get("values") or ())) == (codes.get("operator") == "In"):
            if rule.get("action") in ("Restart", "RestartAllContainers"):
                return True
            break
    policy = own or spec.get("restartPolicy", "Always")
    return bool(policy == "Always" or (policy == "OnFailure" and code))


def _ended(
    new: Sequence[Object], old: Sequence[Object], path: str, spec: Object, containers: Sequence[Object]
) -> list[FieldError]:
    """A container that has ended, and will not be started again, runs no more."""
    errors: list[FieldError] = []
    reports = {each.get("name", ""): each for each in reversed(new) if fields.at(each, "state.terminated") is None}
    by_name = {each.get("name", ""): each for each in reversed(containers)}
    for i, before in enumerate(old):
        end, name = fields.at(before, "state.terminated"), before.get("name", "")
        if end is None or name not in reports:
            continue
        if name not in by_name or not _restarts(by_name[name], spec, end.get("exitCode", 0)):
            errors.append(forbidden(f"{path}[{i}].state", "may not be transitioned to non-terminated state"))
    return errors


def _claims(statuses: Sequence[Object], spec: Object) -> list[FieldError]:
    """Claims that were made for the pod."""
    known = {claim.get("name", "") for claim in spec.get("resourceClaims") or ()}
    errors: list[FieldError] = []
    seen: set[str] = set()
    for i, status in enumerate(statuses):
        path, name = f"status.resourceClaimStatuses[{i}]", status.get("name", "")
        if name not in known:
            errors.append(invalid(f"{path}.name", name, "must match the name of an entry in `spec.resourceClaims`"))
        if name in seen:
            errors.append(duplicate(f"{path}.name", name))
        seen.add(name)
        errors += rules.told_by(names.subdomain)(status.get("resourceClaimName"), f"{path}.resourceClaimName")
    return errors


_NO_RESOURCE = (
    "must match the extended resource name of an entry in spec.initContainers.resources.requests "
    "or spec.containers.resources.requests"
)
_NO_CONTAINER = "must match the name of an entry in spec.initContainers.name or spec.containers.name"


def _extended(status: Object, spec: Object) -> list[FieldError]:
    """The claim that was made for extended resources of the pod."""
    path = "status.extendedResourceClaimStatus"
    containers = {
        each.get("name", ""): each for field in ("initContainers", "containers") for each in spec.get(field) or ()
    }
    mappings = status.get("requestMappings") or ()
    errors: list[FieldError] = []
    if not mappings:
        errors.append(required(f"{path}.requestMappings", "at least one request mapping is required"))
    seen: set[tuple[str, ...]] = set()
    for i, mapping in enumerate(mappings):
        place = f"{path}.requestMappings[{i}]"
        container, resource, request = key = tuple(mapping.get(field, "") for field in _MAPPED)
        if container not in containers:
            errors.append(invalid(f"{place}.containerName", container, _NO_CONTAINER))
        elif resource not in (fields.at(containers[container], "resources.requests") or {}):
            errors.append(invalid(f"{place}.resourceName", resource, _NO_RESOURCE))
        # Told without the index of the mapping.
        errors += rules.always_named(names.label)(request, f"{path}.requestName")
        if key in seen:
            errors += [duplicate(f"{place}.{field}", text) for field, text in zip(_MAPPED, key, strict=True)]
        seen.add(key)
    return errors + rules.needed_name(names.subdomain)(status.get("resourceClaimName"), f"{path}.resourceClaimName")


_MAPPED = ("containerName", "resourceName", "requestName")


def _addresses(addresses: Sequence[Object], before: Sequence[Object], path: str) -> list[FieldError]:
    """One of each family; bad ones that were there may stay."""
    texts, kept = [each.get("ip", "") for each in addresses], [each.get("ip", "") for each in before]
    errors = [
        invalid(f"{path}[{i}]", text, why) for i, text in enumerate(texts) if text not in kept for why in names.ip(text)
    ]
    if len(texts) < MOST_ADDRESSES:
        return errors
    parsed = [names.parsed_ip(text) for text in texts]
    if None in parsed:
        i = parsed.index(None)
        detail = f"failed to check for dual stack with error:invalid IP[{i}]: {texts[i]}"
        errors.append(FieldError("InternalError", path, f"Internal error: {detail}"))
    families = {address.version for address in parsed if address}
    if None in parsed or len(texts) > MOST_ADDRESSES or len(families) < MOST_ADDRESSES:
        detail = "may specify no more than one IP for each IP family"
        errors.append(invalid(path, [{"IP": text} for text in texts], detail))
    return errors


def _host_addresses(status: Object, before: Object) -> list[FieldError]:
    addresses, path = status.get("hostIPs") or [], "status.hostIPs"
    if not addresses:
        return []
    first, errors = addresses[0].get("ip", ""), list[FieldError]()
    if first != status.get("hostIP", ""):
        errors.append(invalid(f"{path}[0].ip", first, "must be equal to `hostIP`"))
    return errors + _addresses(addresses, before.get("hostIPs") or [], path)


_USER = (
    ("uid", rules.identity),
    ("gid", rules.identity),
    ("supplementalGroups[]", rules.identity),
)


def _users(statuses: Sequence[Object], path: str, system: str) -> list[FieldError]:
    """As whom containers run."""
    errors: list[FieldError] = []
    for i, status in enumerate(statuses):
        user, place = fields.at(status, "user.linux"), f"{path}[{i}].user.linux"
        if user is None:
            continue
        if system == "windows":
            errors.append(forbidden(place, "cannot be set for a windows pod"))
        elif system == "linux":
            errors += rules.check(user, _USER, place)
    return errors


MOST_HEALTH_BYTES = 1024
_HEALTH = (
    ("health", rules.always_one_of("Healthy", "Unhealthy", "Unknown")),
    ("message", lambda value, path: [required(path, "must be non-empty if specified")] if value == "" else []),
    ("message", rules.no_longer_than(MOST_HEALTH_BYTES)),
)


def _devices(statuses: Sequence[Object], path: str, containers: Sequence[Object] | None) -> list[FieldError]:
    """How the devices are that containers were given; None: such containers have none."""
    errors: list[FieldError] = []
    by_name = {each.get("name", ""): each for each in reversed(containers or ())}
    for i, status in enumerate(statuses):
        resources, place = status.get("allocatedResourcesStatus") or (), f"{path}[{i}].allocatedResourcesStatus"
        if containers is None and path == "status.ephemeralContainerStatuses":
            errors += [forbidden(place, "must not be specified in container status")] if resources else []
            continue
        container = by_name.get(status.get("name", ""))
        for j, resource in enumerate(resources):
            if container is not None:
                errors += _known_resource(resource.get("name", ""), container, f"{place}[{j}].name")
            seen: set[str] = set()
            for k, device in enumerate(resource.get("resources") or ()):
                errors += rules.check(device, _HEALTH, f"{place}[{j}].resources[{k}]")
                uid = device.get("resourceID", "")
                if uid in seen:
                    errors.append(duplicate(f"{place}[{j}].resources[{k}].resourceID", uid))
                seen.add(uid)
    return errors


def _known_resource(name: str, container: Object, path: str) -> list[FieldError]:
    resources = container.get("resources") or {}
    if not name.startswith("claim:"):
        if name in (resources.get("requests") or {}):
            return []
        return [invalid(path, name, "must match one of the container's resource requests")]
    claims = (
        "/".join(filter(None, (f"claim:{each.get('name', '')}", each.get("request"))))
        for each in resources.get("claims") or ()
    )
    if name in claims:
        return []
    detail = (
        "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' "
        "or 'claim:<claimName>' if request is empty"
    )
    return [invalid(path, name, detail)]
