"""What a Service may say, in the order in which the API server asks."""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.objects import as_sent, fields, names, rules
from fakekube.objects.field_errors import FieldError, duplicate, forbidden, invalid, not_supported, required
from fakekube.objects.metadata import IMMUTABLE_TEXT
from fakekube.registry.kind import Object

TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
_ONLY_BALANCED = "may only be used when `type` is 'LoadBalancer'"
_NOT_EXTERNAL = "may not be set for ExternalName services"
_LONGEST_AFFINITY_S = 86400
KUBELET_PORT = 10250
HINTS, TOPOLOGY = "service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"
SOURCE_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
"""The annotation in which ranges stood before they had a field."""

_ROWS_OF_A_PORT = (
    ("protocol", rules.one_of("SCTP", "TCP", "UDP")),
    ("targetPort", rules.port_or_name),
    ("appProtocol", rules.told_by(names.qualified_name)),
)


def validate(service: Object) -> list[FieldError]:
    spec = service["spec"]
    ports, type_ = spec.get("ports") or [], spec.get("type", "")
    headless = _is_headless(spec)
    errors = _hints(service)
    if not ports and not headless and type_ != "ExternalName":
        errors.append(required("spec.ports"))
    if type_ == "LoadBalancer":
        detail = f"may not expose port {KUBELET_PORT} externally since it is used by kubelet"
        errors += [
            invalid(f"spec.ports[{i}]", KUBELET_PORT, detail)
            for i, port in enumerate(ports)
            if port.get("port") == KUBELET_PORT
        ]
    if headless and type_ in ("NodePort", "LoadBalancer"):
        errors.append(invalid("spec.clusterIPs[0]", "None", f"may not be set to 'None' for {type_} services"))
    if type_ == "ExternalName":
        errors += [
            forbidden(f"spec.{each}", _NOT_EXTERNAL)
            for each in ("clusterIPs", "ipFamilies", "ipFamilyPolicy")
            if spec.get(each)
        ]
        # A dot at the end says that the name is whole.
        name = spec.get("externalName", "").removesuffix(".")
        errors += rules.needed_name(names.subdomain)(name, "spec.externalName")
    errors += _ports(ports)
    errors += rules.check(
        spec, [("selector", rules.labels), ("sessionAffinity", rules.one_of("ClientIP", "None"))], "spec"
    )
    timeout = fields.at(spec, "sessionAffinityConfig.clientIP.timeoutSeconds")
    if spec.get("sessionAffinity") == "ClientIP" and timeout is not None and not 0 < timeout <= _LONGEST_AFFINITY_S:
        detail = f"must be greater than 0 and less than {_LONGEST_AFFINITY_S}"
        errors.append(invalid("spec.sessionAffinityConfig.clientIP.timeoutSeconds", timeout, detail))
    if type_ != "ExternalName":
        errors += addresses(spec)
    for i, address in enumerate(spec.get("externalIPs") or ()):
        errors += _end_point(address, f"spec.externalIPs[{i}]")
    if type_ not in TYPES:
        errors.append(not_supported("spec.type", type_, TYPES) if type_ else required("spec.type"))
    if type_ == "ClusterIP":
        detail = "may not be used when `type` is 'ClusterIP'"
        errors += [
            forbidden(f"spec.ports[{i}].nodePort", detail) for i, port in enumerate(ports) if port.get("nodePort")
        ]
    errors += _same_ports(ports)
    return errors + _source_ranges(service, type_) + _balancing(spec, type_) + _policies(spec, type_)


def _ports(ports: Sequence[Object]) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for i, port in enumerate(ports):
        path, name = f"spec.ports[{i}]", port.get("name", "")
        if not name:
            if len(ports) > 1:
                errors.append(required(f"{path}.name"))
        else:
            errors += [invalid(f"{path}.name", name, text) for text in names.label(name)]
            if name in seen:
                errors.append(duplicate(f"{path}.name", name))
            seen.add(name)
        errors += rules.port(port.get("port", 0), f"{path}.port")
        if not port.get("protocol"):
            errors.append(required(f"{path}.protocol"))
        errors += rules.check(port, _ROWS_OF_A_PORT, path)
    return errors


def _same_ports(ports: Sequence[Object]) -> list[FieldError]:
    errors: list[FieldError] = []
    node_ports: set[tuple[str, int]] = set()
    for i, port in enumerate(ports):
        if number := port.get("nodePort"):
            key = (port.get("protocol", ""), number)
            if key in node_ports:
                errors.append(duplicate(f"spec.ports[{i}].nodePort", number))
            node_ports.add(key)
    numbers: set[tuple[str, int]] = set()
    for i, port in enumerate(ports):
        key = (port.get("protocol", ""), port.get("port", 0))
        if key in numbers:
            shown = {
                "Name": "",
                "Protocol": key[0],
                "AppProtocol": None,
                "Port": key[1],
                "TargetPort": 0,
                "NodePort": 0,
            }
            errors.append(duplicate(f"spec.ports[{i}]", shown))
        numbers.add(key)
    return errors


def addresses(spec: Object) -> list[FieldError]:
    """What is wrong with the addresses and families alone."""
    path = "spec.clusterIPs"
    listed, families = spec.get("clusterIPs") or [], spec.get("ipFamilies") or []
    errors: list[FieldError] = []
    if spec.get("clusterIP") and not listed:
        errors.append(required(path))
    elif listed and not spec.get("clusterIP"):
        errors.append(invalid(path, listed, "must be empty when `clusterIP` is not specified"))
    elif listed and spec["clusterIP"] != listed[0]:
        errors.append(invalid(path, listed, "first value must match `clusterIP`"))
    for i, family in enumerate(families):
        if family not in ("IPv4", "IPv6"):
            errors.append(not_supported(f"spec.ipFamilies[{i}]", family, ("IPv4", "IPv6")))
        if family in families[:i]:
            errors.append(duplicate(f"spec.ipFamilies[{i}]", family))
    errors += rules.check(spec, [("ipFamilyPolicy", rules.one_of(*POLICIES))], "spec")
    wrong: list[FieldError] = []
    for i, address in enumerate(listed):
        if i > 0 or address != "None":
            wrong += [invalid(f"{path}[{i}]", address, text) for text in names.ip(address)]
        elif len(listed) > 1:
            wrong.append(invalid(path, listed, "'None' must be the first and only value"))
    if len(listed) > 2:
        errors += [*wrong, invalid(path, listed, "may only hold up to 2 values")]
    else:
        errors += wrong
    if wrong or listed == ["None"]:
        return errors
    return errors + _families(listed, families, path)


def _families(addresses: Sequence[str], families: Sequence[str], path: str) -> list[FieldError]:
    """Addresses are of different families, in the order of the families that are named."""
    versions = [f"IPv{parsed.version}" for address in addresses if (parsed := names.parsed_ip(address))]
    errors: list[FieldError] = []
    if len(set(versions)) < min(len(versions), 2):
        errors.append(invalid(path, addresses, "may specify no more than one IP for each IP family"))
    return errors + [
        invalid(f"{path}[{i}]", address, f"expected an {family} value as indicated by `ipFamilies[{i}]`")
        for i, (address, version, family) in enumerate(zip(addresses, versions, families, strict=False))
        if version != family and family in ("IPv4", "IPv6")
    ]


def _end_point(address: str, path: str) -> list[FieldError]:
    return [invalid(path, address, text) for text in names.ip(address) or names.end_point(address)]


def _source_ranges(service: Object, type_: str) -> list[FieldError]:
    """Spaces around a range have always been overlooked. The annotation is read where the field says nothing."""
    ranges = service["spec"].get("loadBalancerSourceRanges") or []
    annotation = (service["metadata"].get("annotations") or {}).get(SOURCE_RANGES)
    path, errors = "spec.LoadBalancerSourceRanges", list[FieldError]()
    places = [(each.strip(), f"{path}[{i}]") for i, each in enumerate(ranges)]
    if not ranges:
        if annotation is None:
            return []
        path = f"metadata.annotations[{SOURCE_RANGES}]"
        listed = annotation.strip()
        places = [(each.strip(), path) for each in listed.split(",")] if listed else []
    if type_ != "LoadBalancer":
        errors.append(forbidden(path, _ONLY_BALANCED))
    return errors + [invalid(place, cidr, text) for cidr, place in places for text in names.cidr(cidr)]


def _balancing(spec: Object, type_: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if spec.get("allocateLoadBalancerNodePorts") is not None and type_ != "LoadBalancer":
        errors.append(forbidden("spec.allocateLoadBalancerNodePorts", _ONLY_BALANCED))
    if type_ != "LoadBalancer" and spec.get("loadBalancerClass"):
        errors.append(forbidden("spec.loadBalancerClass", _ONLY_BALANCED))
    return errors + _class(spec)


def _class(spec: Object) -> list[FieldError]:
    """How a class is called is only asked where there may be one."""
    if spec.get("type") != "LoadBalancer":
        return []
    return rules.check(spec, [("loadBalancerClass", rules.told_by(names.qualified_name))], "spec")


def _hints(service: Object) -> list[FieldError]:
    """An annotation and its predecessor say the same."""
    annotations = service["metadata"].get("annotations") or {}
    old, new = annotations.get(HINTS), annotations.get(TOPOLOGY)
    if old is None or new is None or old == new:
        return []
    return [
        invalid(f"metadata.annotations[{TOPOLOGY}]", new, f"must match annotations[{HINTS}] when both are specified")
    ]


def _is_headless(spec: Object) -> bool:
    return bool(spec.get("clusterIPs") == ["None"])


def is_reached_from_outside(spec: Object) -> bool:
    type_ = spec.get("type")
    return type_ in ("NodePort", "LoadBalancer") or (type_ == "ClusterIP" and bool(spec.get("externalIPs")))


def _policies(spec: Object, type_: str) -> list[FieldError]:
    errors: list[FieldError] = []
    policy = spec.get("externalTrafficPolicy", "")
    if policy and not is_reached_from_outside(spec):
        errors.append(
            invalid("spec.externalTrafficPolicy", policy, "may only be set for externally-accessible services")
        )
    else:
        errors += rules.check(spec, [("externalTrafficPolicy", rules.one_of("Cluster", "Local"))], "spec")
    if (number := spec.get("healthCheckNodePort")) and not (type_ == "LoadBalancer" and policy == "Local"):
        detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        errors.append(invalid("spec.healthCheckNodePort", number, detail))
    rows = [
        ("internalTrafficPolicy", rules.one_of("Cluster", "Local")),
        ("trafficDistribution", rules.one_of("PreferClose", "PreferSameZone", "PreferSameNode")),
    ]
    return errors + rules.check(spec, rows, "spec")


def validate_update(service: Object, old: Object) -> list[FieldError]:
    spec, before = service["spec"], old["spec"]
    errors = _changed_addresses(spec, before) + _changed_families(spec, before)
    if before.get("type") == "LoadBalancer" == spec.get("type") and spec.get("loadBalancerClass") != before.get(
        "loadBalancerClass"
    ):
        errors.append(invalid("spec.loadBalancerClass", spec.get("loadBalancerClass"), _SET_ONCE))
    errors += _class(spec)
    if spec.get("type") != "LoadBalancer" and spec.get("loadBalancerClass") is not None:
        errors.append(forbidden("spec.loadBalancerClass", _ONLY_BALANCED))
    checks = [
        each.get("type") == "LoadBalancer" and each.get("externalTrafficPolicy") == "Local" for each in (spec, before)
    ]
    if all(checks) and spec.get("healthCheckNodePort") != before.get("healthCheckNodePort"):
        errors.append(forbidden("spec.healthCheckNodePort", IMMUTABLE_TEXT))
    return errors + validate(service)


_SET_ONCE = "may not change once set"


def _changed_addresses(spec: Object, before: Object) -> list[FieldError]:
    """The first address stays; the second may come, and go when one family is asked for."""
    if "ExternalName" in (spec.get("type"), before.get("type")) or (_is_headless(spec) and _is_headless(before)):
        return []
    new, old, path = spec.get("clusterIPs") or [], before.get("clusterIPs") or [], "spec.clusterIPs"
    if len(new) == len(old):
        return [invalid(f"{path}[{i}]", new, _SET_ONCE) for i in range(len(new)) if new[i] != old[i]]
    errors: list[FieldError] = []
    if not new:
        errors.append(invalid(f"{path}[0]", as_sent.shown_at(spec, "clusterIPs"), "primary clusterIP can not be unset"))
    elif old and new[0] != old[0]:
        errors.append(invalid(f"{path}[0]", new, _SET_ONCE))
    return errors + _released(spec, len(new) == 1 and len(old) > 1, "clusterIP")


def _changed_families(spec: Object, before: Object) -> list[FieldError]:
    """Likewise the families."""
    if "ExternalName" in (spec.get("type"), before.get("type")) or _is_headless(spec) or _is_headless(before):
        return []
    new, old, path = spec.get("ipFamilies") or [], before.get("ipFamilies") or [], "spec.ipFamilies[0]"
    if len(new) == len(old):
        return [invalid(path, new, _SET_ONCE) for one, other in zip(new, old, strict=True) if one != other]
    errors: list[FieldError] = []
    addresses = as_sent.shown_at(spec, "clusterIPs")
    if len(new) < len(old) and not addresses:
        errors.append(invalid(path, new, "primary ipFamily can not be unset"))
    if new and old and new[0] != old[0]:
        errors.append(invalid(path, addresses, _SET_ONCE))
    return errors + _released(spec, len(new) == 1 and len(old) > 1, "ipFamily")


def _released(spec: Object, has_gone: bool, what: str) -> list[FieldError]:
    policy = spec.get("ipFamilyPolicy")
    if not has_gone or policy == "SingleStack":
        return []
    detail = f"must be set to 'SingleStack' when releasing the secondary {what}"
    return [invalid("spec.ipFamilyPolicy", policy, detail)]


def validate_status(service: Object, old: Object) -> list[FieldError]:
    ingress = fields.at(service, "status.loadBalancer.ingress") or []
    if ingress and service["spec"].get("type") != "LoadBalancer":
        detail = "may only be used when `spec.type` is 'LoadBalancer'"
        return [forbidden("status.loadBalancer.ingress", detail)]
    return rules.each(*_INGRESS)(ingress, "status.loadBalancer.ingress")


def _mode(ingress: Object, path: str) -> list[FieldError]:
    """An address is one that the balancer answers for, or passes on; a name is neither."""
    address, mode, place = ingress.get("ip"), ingress.get("ipMode"), f"{path}.ipMode"
    if address and mode is None:
        return [required(place, "must be specified when `ip` is set")]
    if not address and mode is not None:
        return [forbidden(place, "may not be specified when `ip` is not set")]
    return rules.one_of("Proxy", "VIP")(mode, place)


_INGRESS = (
    ("ip", rules.named(names.ip)),
    _mode,
    ("hostname", rules.named(names.subdomain), rules.no_address),
)


def warnings(service: Object, old: Object | None) -> list[str]:
    spec = service["spec"]
    told: list[str] = []
    if HINTS in (service["metadata"].get("annotations") or {}):
        told.append(
            "annotation service.kubernetes.io/topology-aware-hints is deprecated, "
            "please use service.kubernetes.io/topology-mode instead"
        )
    if spec.get("clusterIP") != "None":
        for i, address in enumerate(spec.get("clusterIPs") or ()):
            told += names.ip_warnings(address, f"spec.clusterIPs[{i}]")
    else:
        ignored = [
            ("spec.loadBalancerIP", spec.get("loadBalancerIP")),
            ("spec.externalIPs", spec.get("externalIPs")),
            ("spec.SessionAffinity", spec.get("sessionAffinity", "None") != "None"),
        ]
        told += [f"{field} is ignored for headless services" for field, given in ignored if given]
    for i, address in enumerate(spec.get("externalIPs") or ()):
        told += names.ip_warnings(address, f"spec.externalIPs[{i}]")
    if spec.get("externalIPs") and spec.get("type") != "ExternalName" and not _is_headless(spec):
        told.append("spec.externalIPs is deprecated and may no longer be implemented in some clusters")
    if spec.get("loadBalancerIP"):
        told += names.ip_warnings(spec["loadBalancerIP"], "spec.loadBalancerIP")
    for i, cidr in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        told += names.cidr_warnings(cidr, f"spec.loadBalancerSourceRanges[{i}]")
    if spec.get("externalIPs") and spec.get("type") == "ExternalName":
        told.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
    if spec.get("externalName") and spec.get("type") != "ExternalName":
        told.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    if spec.get("trafficDistribution") == "PreferClose":
        told.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
    return told
