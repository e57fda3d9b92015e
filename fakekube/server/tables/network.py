"""The rows of services, endpoints, ingresses and what else is about the network."""

from __future__ import annotations

from typing import Any

from fakekube.registry.kind import Object
from fakekube.server.tables.cells import (
    AGE,
    NAME,
    NONE,
    UNKNOWN,
    UNSET,
    Rows,
    RowsOfKinds,
    field,
    first_three,
    get,
    items,
    joined,
    labels,
    selector,
    text,
    unique,
    with_name_and_age,
)


def _cluster_ip(service: Object) -> str:
    addresses = items(service, "spec", "clusterIPs")
    return addresses[0] if addresses else NONE


def _load_balancer_addresses(object: Object) -> list[str]:
    ingress = items(object, "status", "loadBalancer", "ingress")
    return unique(each.get("ip") or each.get("hostname") or "" for each in ingress)


def _external_ip(service: Object) -> str:
    external = list(items(service, "spec", "externalIPs"))
    match get(service, "spec", "type"):
        case "ClusterIP" | "NodePort":
            return ",".join(external) or NONE
        case "LoadBalancer":
            return ",".join(_load_balancer_addresses(service) + external) or "<pending>"
        case "ExternalName":
            return get(service, "spec", "externalName") or ""
    return UNKNOWN


def _service_port(port: dict[str, Any]) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port') or 0}{node_port}/{port.get('protocol') or ''}"


def _service_ports(service: Object) -> str:
    return ",".join(map(_service_port, items(service, "spec", "ports"))) or NONE


def _address_and_port(address: str, port: Any) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _ready_endpoints(endpoints: Object) -> str:
    subsets = items(endpoints, "subsets")
    shown: list[str] = []
    for subset in subsets:
        addresses = [each.get("ip") or "" for each in items(subset, "addresses")]
        ports = items(subset, "ports")
        shown += [_address_and_port(address, port.get("port") or 0) for port in ports for address in addresses]
        shown += [] if ports else addresses
    return first_three(shown) if subsets else NONE


def _slice_port(port: dict[str, Any]) -> str:
    number = port.get("port")
    if number is not None:
        return str(number)
    name = port.get("name")
    return "*" if name is None else str(name)


def _slice_ports(slice: Object) -> str:
    return first_three([_slice_port(port) for port in items(slice, "ports")]) or UNSET


def _slice_addresses(slice: Object) -> str:
    endpoints = items(slice, "endpoints")
    return first_three([address for endpoint in endpoints for address in items(endpoint, "addresses")]) or UNSET


def _hosts(ingress: Object) -> str:
    """At most three hosts; `N more` counts rules, those without a host too."""
    rules = items(ingress, "spec", "rules")
    hosts: list[str] = []
    for rule in rules:
        if len(hosts) == 3:
            return f"{','.join(hosts)} + {len(rules) - 3} more..."
        hosts += [rule["host"]] if rule.get("host") else []
    return ",".join(hosts) or "*"


def _ingress_ports(ingress: Object) -> str:
    return "80, 443" if items(ingress, "spec", "tls") else "80"


def _ingress_class_name(ingress_class: Object) -> str:
    name = get(ingress_class, "metadata", "name") or ""
    is_default = get(ingress_class, "metadata", "annotations", "ingressclass.kubernetes.io/is-default-class") == "true"
    return f"{name} (default)" if is_default else name


def _ingress_class_parameters(ingress_class: Object) -> str:
    parameters = get(ingress_class, "spec", "parameters")
    if not parameters:
        return NONE
    group = parameters.get("apiGroup")
    kind = parameters.get("kind") or ""
    return f"{kind}.{group}/{parameters.get('name')}" if group is not None else f"{kind}/{parameters.get('name')}"


def _parent(address: Object) -> str:
    parent = get(address, "spec", "parentRef")
    if not parent:
        return NONE
    group, namespace = parent.get("group"), parent.get("namespace")
    resource = f"{parent.get('resource')}.{group}" if group else parent.get("resource") or ""
    place = f"{namespace}/" if namespace else ""
    return f"{resource}/{place}{parent.get('name')}".lower()


ROWS: RowsOfKinds = {
    ("", "Service"): Rows(
        {
            "Name": NAME,
            "Type": field("spec.type"),
            "Cluster-IP": text(_cluster_ip, "spec.clusterIP"),
            "External-IP": text(_external_ip, "spec.externalIPs"),
            "Port(s)": text(_service_ports, "spec.ports"),
            "Age": AGE,
            "Selector": labels("spec.selector"),
        }
    ),
    ("", "Endpoints"): with_name_and_age({"Endpoints": text(_ready_endpoints, "subsets")}),
    ("discovery.k8s.io", "EndpointSlice"): with_name_and_age(
        {
            "AddressType": field("addressType"),
            "Ports": text(_slice_ports, "ports"),
            "Endpoints": text(_slice_addresses, "endpoints"),
        }
    ),
    ("networking.k8s.io", "Ingress"): with_name_and_age(
        {
            "Class": field("spec.ingressClassName", NONE, about=""),
            "Hosts": text(_hosts),
            "Address": text(lambda ingress: ",".join(_load_balancer_addresses(ingress))),
            "Ports": text(_ingress_ports),
        }
    ),
    ("networking.k8s.io", "IngressClass"): Rows(
        {
            "Name": text(_ingress_class_name, "metadata.name"),
            "Controller": field("spec.controller", about=""),
            "Parameters": text(_ingress_class_parameters),
            "Age": AGE,
        }
    ),
    ("networking.k8s.io", "NetworkPolicy"): with_name_and_age({"Pod-Selector": selector("spec.podSelector")}),
    ("networking.k8s.io", "ServiceCIDR"): with_name_and_age({"CIDRs": joined("spec.cidrs")}),
    # A real server sends the age of an IPAddress too, though it has no column.
    ("networking.k8s.io", "IPAddress"): with_name_and_age({"ParentRef": text(_parent, "spec.parentRef")}),
}
