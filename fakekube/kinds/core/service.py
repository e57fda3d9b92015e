"""Services: addresses and node ports, which the server hands out, keeps and takes back as the type of the service asks.

https://kubernetes.io/docs/concepts/services-networking/service/
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from fakekube.errors import Invalid, internal
from fakekube.kinds import service_rules
from fakekube.objects import fields
from fakekube.objects.field_errors import FieldError, invalid, invalid_object
from fakekube.registry.allocators import NODE_PORTS, Full
from fakekube.registry.kind import Object, Operation, Strategy

SERVICE, SPEC, PORT = "core.v1.Service", "core.v1.ServiceSpec", "core.v1.ServicePort"
HEADLESS = "None"
IP_ADDRESSES = "ipaddresses.networking.k8s.io"
_ADDRESS_LABEL = "ipaddress.kubernetes.io/"
_ADDRESS_FIELDS = ("clusterIP", "clusterIPs")
_FAMILY_FIELDS = ("ipFamilies", "ipFamilyPolicy")


def needs_cluster_ip(spec: Object) -> bool:
    return bool(spec) and spec.get("type") != "ExternalName"


def needs_node_ports(spec: Object) -> bool:
    """Whether the type may have node ports at all."""
    return bool(spec.get("type") in ("NodePort", "LoadBalancer"))


def gets_node_ports(spec: Object) -> bool:
    """Whether ports without a node port are given one."""
    if spec.get("type") == "LoadBalancer":
        return bool(spec.get("allocateLoadBalancerNodePorts", True))
    return bool(spec.get("type") == "NodePort")


def needs_health_check_port(spec: Object) -> bool:
    return bool(spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local")


def prepare_create(service: Object, operation: Operation) -> None:
    spec = service["spec"]
    if spec.get("clusterIP") and not spec.get("clusterIPs"):
        fields.put(spec, "clusterIPs", [spec["clusterIP"]], SPEC)
    _settle_families(service, {}, operation)
    _try_to_allocate(service, {}, operation)


def prepare_update(service: Object, old: Object, operation: Operation) -> None:
    new_spec, old_spec = service["spec"], old["spec"]
    _keep_allocated(new_spec, old_spec)
    _bring_addresses_together(new_spec, old_spec)
    _drop_what_the_type_has_no_use_for(new_spec, old_spec)
    if old_spec.get("type") == "LoadBalancer" and new_spec.get("type") != "LoadBalancer":
        fields.put(service, "status", {**(service.get("status") or {}), "loadBalancer": {}}, SERVICE)
    _settle_families(service, old_spec, operation)
    _try_to_allocate(service, old_spec, operation)


def _try_to_allocate(service: Object, before: Object, operation: Operation) -> None:
    """What cannot be had is told before anything else is judged; it is taken when the service has been found good."""
    with operation.allocators.transaction(keep=False):
        _Allocation(copy.deepcopy(service), before, operation).run()


def _settle_families(service: Object, before: Object, operation: Operation) -> None:
    """Which address families the service has. What does not fit together, or to the cluster, is told before anything else is judged."""
    spec = service["spec"]
    if not needs_cluster_ip(spec):
        return
    own, other = ("IPv6", "IPv4") if ":" in operation.allocators.service_cidr else ("IPv4", "IPv6")
    # Whoever writes the endpoints of such a service may write both families.
    is_bare = spec.get("clusterIP") == HEADLESS and not spec.get("selector")
    if not spec.get("ipFamilyPolicy"):
        policy = before.get("ipFamilyPolicy") or ("RequireDualStack" if is_bare else "SingleStack")
        fields.put(spec, "ipFamilyPolicy", policy, SPEC)
    if errors := service_rules.addresses(spec):
        raise _refusal(service, errors)
    errors = _unfit_for_policy(spec, before)
    families = list(spec.get("ipFamilies") or ())
    for i, address in enumerate(spec.get("clusterIPs") or ()):
        if address != HEADLESS and i >= len(families):
            family = "IPv6" if ":" in address else "IPv4"
            if family == other:
                detail = f"{family} is not configured on this cluster"
                errors.append(invalid(f"spec.clusterIPs[{i}]", spec["clusterIPs"], detail))
            families.append(family)
    if errors:
        raise _refusal(service, errors)
    if is_bare:
        families = families or [own]
        if spec["ipFamilyPolicy"] != "SingleStack" and len(families) == 1:
            families.append(other if families[0] == own else own)
    elif errors := _unfit_for_cluster(spec["ipFamilyPolicy"], families, other):
        raise _refusal(service, errors)
    fields.put(spec, "ipFamilies", families or [own], SPEC)


def _unfit_for_policy(spec: Object, before: Object) -> list[FieldError]:
    """What does not fit to one family or two; whoever asks for one and leaves both as they were means the first."""
    policy, path = spec["ipFamilyPolicy"], "spec.ipFamilyPolicy"
    if policy != "SingleStack":
        detail = "must be 'SingleStack' to release the secondary {}"
        return [
            invalid(path, policy, detail.format(text))
            for text, listed in (("cluster IP", "clusterIPs"), ("IP family", "ipFamilies"))
            if 0 < len(spec.get(listed) or ()) < len(before.get(listed) or ())
        ]
    for listed in ("clusterIPs", "ipFamilies"):
        if len(spec.get(listed) or ()) > 1 and spec[listed] == before.get(listed):
            fields.put(spec, listed, spec[listed][:1], SPEC)
    detail = "must be 'RequireDualStack' or 'PreferDualStack' when multiple {} are specified"
    return [
        invalid(path, policy, detail.format(text))
        for text, listed in (("cluster IPs", "clusterIPs"), ("IP families", "ipFamilies"))
        if len(spec.get(listed) or ()) == 2
    ]


def _unfit_for_cluster(policy: str, families: Sequence[str], other: str) -> list[FieldError]:
    errors = []
    if policy == "RequireDualStack":
        errors.append(invalid("spec.ipFamilyPolicy", policy, "this cluster is not configured for dual-stack services"))
    return errors + [
        invalid(f"spec.ipFamilies[{i}]", family, "not configured on this cluster")
        for i, family in enumerate(families)
        if family == other
    ]


def _refusal(service: Object, errors: Sequence[FieldError]) -> Invalid:
    return invalid_object("", "Service", service["metadata"].get("name", ""), errors)


def _keep_allocated(new: Object, old: Object) -> None:
    """What was handed out and is left unsaid stays."""
    if needs_cluster_ip(old) and needs_cluster_ip(new):
        if not new.get("clusterIP") and old.get("clusterIP"):
            fields.put(new, "clusterIP", old["clusterIP"], SPEC)
        if not new.get("clusterIPs") and old.get("clusterIPs"):
            fields.put(new, "clusterIPs", list(old["clusterIPs"]), SPEC)
        for field in ("ipFamilies", "ipFamilyPolicy"):
            if not new.get(field) and field in old:
                fields.put(new, field, old[field], SPEC)
    if needs_node_ports(old) and needs_node_ports(new) and gets_node_ports(new):
        present = {port.get("name", ""): port.get("nodePort") for port in old.get("ports") or ()}
        taken = {port.get("nodePort") for port in new.get("ports") or ()}
        for port in new.get("ports") or ():
            kept = present.get(port.get("name", ""))
            if not port.get("nodePort") and kept and kept not in taken:
                fields.put(port, "nodePort", kept, PORT)
    both_check = needs_health_check_port(old) and needs_health_check_port(new)
    if both_check and not new.get("healthCheckNodePort") and old.get("healthCheckNodePort"):
        fields.put(new, "healthCheckNodePort", old["healthCheckNodePort"], SPEC)


def _bring_addresses_together(new: Object, old: Object) -> None:
    """Of clusterIP and clusterIPs clients often change only one."""
    if new.get("clusterIPs") != old.get("clusterIPs") or new.get("clusterIP") == old.get("clusterIP"):
        if new.get("clusterIP") and not new.get("clusterIPs"):
            fields.put(new, "clusterIPs", [new["clusterIP"]], SPEC)
        return
    if not new.get("clusterIP"):
        new.pop("clusterIPs", None)
    else:
        fields.put(new, "clusterIPs", [new["clusterIP"]], SPEC)


def _drop_what_the_type_has_no_use_for(new: Object, old: Object) -> None:
    """Fields of the old type go with it, unless the same write changed them: then they are refused."""
    if needs_cluster_ip(old) and not needs_cluster_ip(new):
        if all((new.get(field) or None) == (old.get(field) or None) for field in _ADDRESS_FIELDS):
            _drop_unchanged(new, old, _ADDRESS_FIELDS)
        _drop_unchanged(new, old, _FAMILY_FIELDS)
    if needs_node_ports(old) and not needs_node_ports(new):
        numbers, before = ({port.get("nodePort", 0) for port in each.get("ports") or ()} for each in (new, old))
        if numbers <= before | {0}:
            for port in new.get("ports") or ():
                port.pop("nodePort", None)
    if service_rules.is_reached_from_outside(old) and not service_rules.is_reached_from_outside(new):
        _drop_unchanged(new, old, ("externalTrafficPolicy",))
    if needs_health_check_port(old) and not needs_health_check_port(new):
        _drop_unchanged(new, old, ("healthCheckNodePort",))
    if old.get("type") == "LoadBalancer" and new.get("type") != "LoadBalancer":
        _drop_unchanged(new, old, ("allocateLoadBalancerNodePorts", "loadBalancerClass"))


def _drop_unchanged(new: Object, old: Object, names: Sequence[str]) -> None:
    for name in names:
        if new.get(name) == old.get(name):
            new.pop(name, None)


def allocate(service: Object, old: Object | None, operation: Operation) -> None:
    """Take what the service needs and give back what it no longer has. Raises Invalid for what cannot be had."""
    before = old["spec"] if old else {}
    _Allocation(service, before, operation).run()
    if service["spec"].get("type") == "ExternalName":
        service["spec"].pop("internalTrafficPolicy", None)  # It is judged, and owned, but never shown.


class _Allocation:
    """One write's allocations."""

    def __init__(self, service: Object, before: Object, operation: Operation) -> None:
        self.service, self.spec, self.before = service, service["spec"], before
        self.operation = operation
        self.allocators, self.dry_run = operation.allocators, operation.dry_run
        self.tried: list[int] = []
        """Node ports of a dry run, which asks less and gives what is never given."""

    def run(self) -> None:
        if needs_cluster_ip(self.spec):
            self.addresses()
        elif needs_cluster_ip(self.before):
            for address in self.before.get("clusterIPs") or ():
                if address != HEADLESS:
                    self.allocators.cluster_ips.release(address)
        self.node_ports()

    def refuse(self, *errors: FieldError) -> None:
        raise _refusal(self.service, errors)

    def addresses(self) -> None:
        spec = self.spec
        if spec.get("clusterIP") == HEADLESS:
            fields.put(spec, "clusterIPs", [HEADLESS], SPEC)
            return
        wanted = spec.get("clusterIP", "")
        if needs_cluster_ip(self.before) and self.before.get("clusterIP"):
            return  # It stays, or the change is refused.
        pool = self.allocators.cluster_ips
        if not wanted and self.dry_run:
            wanted = self.allocators.network_address
        elif self.dry_run:
            if not pool.contains(wanted):
                valid = f"The range of valid IPs is {self.allocators.service_cidr}"
                detail = (
                    f"failed to allocate IP {wanted}: the provided IP ({wanted}) is not in the valid range. {valid}"
                )
                self.refuse(invalid("spec.clusterIPs", spec.get("clusterIPs") or [wanted], detail))
        elif not wanted:
            try:
                wanted = pool.allocate()
            except Full:
                detail = "failed to allocate a serviceIP: range is full"
                self.refuse(invalid("spec.clusterIPs", spec.get("clusterIPs") or [], detail))
        elif self.is_named(wanted) or not pool.take(wanted):
            why = "provided IP is already allocated"
            if not pool.contains(wanted):
                why = "the provided network does not match the current range"
            detail = f"failed to allocate IP {wanted}: {why}"
            self.refuse(invalid("spec.clusterIPs", spec.get("clusterIPs") or [wanted], detail))
        fields.put(spec, "clusterIP", wanted, SPEC)
        fields.put(spec, "clusterIPs", [wanted, *(spec.get("clusterIPs") or [])[1:]], SPEC)

    def is_named(self, address: str) -> bool:
        """Whether somebody has made an IPAddress of it."""
        return self.operation.get("networking.k8s.io", "ipaddresses", "", address) is not None

    def node_ports(self) -> None:
        """Ports of one number and different protocols may share a node port."""
        held = node_ports_of(self.before)
        kept: set[int] = set()
        by_number: dict[Any, tuple[int, set[str]]] = {}
        for i, port in enumerate(self.spec.get("ports") or ()):
            if not needs_node_ports(self.spec):
                break
            number, protocol, wanted = port.get("port"), port.get("protocol", ""), port.get("nodePort", 0)
            shared = by_number.get(number)
            if not wanted and gets_node_ports(self.spec):
                wanted = self.fitting_port(i, number, shared[0] if shared and self.may_share(protocol, shared) else 0)
                fields.put(port, "nodePort", wanted, PORT)
            elif wanted and wanted not in held and not self.is_shared(wanted, shared, kept):
                self.take_port(f"spec.ports[{i}].nodePort", wanted)
            if wanted:
                kept.add(wanted)
                by_number[number] = (wanted, {protocol} | (shared[1] if shared and shared[0] == wanted else set()))
        if needs_health_check_port(self.spec):
            wanted = self.spec.get("healthCheckNodePort", 0)
            if not wanted:
                wanted = self.any_port(None)
                fields.put(self.spec, "healthCheckNodePort", wanted, SPEC)
            elif not needs_health_check_port(self.before) and (why := self.untakable(wanted)):
                raise internal(f"failed to allocate requested HealthCheck NodePort {wanted}: {why}")
            kept.add(wanted)
        for port in held - kept:
            self.allocators.node_ports.release(port)

    def is_shared(self, wanted: int, shared: tuple[int, set[str]] | None, kept: set[int]) -> bool:
        """Whether another port has it: in a new service one of this number, in a changed one any."""
        return wanted in kept if self.before else shared is not None and shared[0] == wanted

    def may_share(self, protocol: str, shared: tuple[int, set[str]]) -> bool:
        """Ports of a new service always do, which is refused later where their protocol is the same."""
        return not self.before or protocol not in shared[1]

    def fitting_port(self, position: int, number: int | None, shared: int) -> int:
        """The node port that another port of this number has or, in a new service, asks for; else any."""
        if shared:
            return shared
        same = (port for port in self.spec["ports"] if port.get("port") == number and not self.before)
        if asked := next((port["nodePort"] for port in same if port.get("nodePort")), 0):
            self.take_port(f"spec.ports[{position}].nodePort", asked)
            return int(asked)
        return self.any_port(position)

    def any_port(self, position: int | None) -> int:
        if self.dry_run:
            self.tried.append(max(self.tried, default=NODE_PORTS.stop) + 1)
            return self.tried[-1]
        try:
            return self.allocators.node_ports.allocate()
        except Full:
            path = "spec.healthCheckNodePort" if position is None else f"spec.ports[{position}].nodePort"
            self.refuse(invalid(path, 0, "failed to allocate a nodePort: range is full"))
            raise

    def take_port(self, path: str, wanted: int) -> None:
        if why := self.untakable(wanted):
            self.refuse(invalid(path, wanted, why))

    def untakable(self, wanted: int) -> str:
        """Takes the port, or says why it cannot be had."""
        pool = self.allocators.node_ports
        if self.dry_run:
            if pool.is_taken(wanted) or wanted in self.tried:
                return "provided port is already allocated"
            self.tried.append(wanted)
            return ""
        if not pool.contains(wanted):
            valid = f"{NODE_PORTS.start}-{NODE_PORTS.stop - 1}"
            return f"provided port is not in the valid range. The range of valid ports is {valid}"
        return "" if pool.take(wanted) else "provided port is already allocated"


def keep_addresses(service: Object, old: Object | None, operation: Operation) -> None:
    """Each address of a service has an IPAddress, which says whose it is."""
    metadata = service["metadata"]
    held, had = addresses_of(service), addresses_of(old or {})
    for address in held:
        if address not in had:
            family = "IPv6" if ":" in address else "IPv4"
            labels = {_ADDRESS_LABEL + "ip-family": family, _ADDRESS_LABEL + "managed-by": "ipallocator.k8s.io"}
            owner = {"resource": "services", "namespace": metadata["namespace"], "name": metadata["name"]}
            made = {"metadata": {"name": address, "labels": labels}, "spec": {"parentRef": owner}}
            operation.put_beside(IP_ADDRESSES, made)
    for address in had:
        if address not in held:
            operation.drop_beside(IP_ADDRESSES, address)


def addresses_of(service: Object) -> list[str]:
    return [address for address in fields.at(service, "spec.clusterIPs") or () if address != HEADLESS]


def node_ports_of(spec: Object) -> set[int]:
    """Every node port the service holds."""
    ports = {port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")}
    if spec.get("healthCheckNodePort"):
        ports.add(spec["healthCheckNodePort"])
    return ports


def release(service: Object, operation: Operation) -> None:
    for address in addresses_of(service):
        operation.allocators.cluster_ips.release(address)
        operation.drop_beside(IP_ADDRESSES, address)
    for port in node_ports_of(service["spec"]):
        operation.allocators.node_ports.release(port)


STRATEGY = Strategy(
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    validate_create=service_rules.validate,
    validate_update=service_rules.validate_update,
    validate_status_update=service_rules.validate_status,
    allocate=allocate,
    stored=keep_addresses,
    release=release,
    warnings=service_rules.warnings,
    selectable_fields={
        "spec.clusterIP": lambda service: fields.text_at(service, "spec.clusterIP"),
        "spec.type": lambda service: fields.text_at(service, "spec.type"),
    },
    returns_deleted_object=True,
)
