"""What `kubectl get` shows of the kinds, an example of each rule."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fakekube.kinds import Kinds
from fakekube.server import tables

NOW = datetime(2026, 1, 2, tzinfo=UTC)
KINDS = Kinds.builtin()


def cells(kind: str, object: dict[str, Any]) -> dict[str, Any]:
    """The cells of one row by the names of their columns."""
    metadata = {"name": "x", "creationTimestamp": "2026-01-01T23:59:18Z", **object.get("metadata", {})}
    answer = tables.table(
        KINDS.named(kind), [{**object, "metadata": metadata}], version="v1", include_object="None", metadata={}, now=NOW
    )
    names = [column["name"] for column in answer["columnDefinitions"]]
    return dict(zip(names, answer["rows"][0]["cells"], strict=False))


TEMPLATE = {
    "spec": {
        "initContainers": [{"name": "first", "image": "i"}],
        "containers": [{"name": "main", "image": "nginx:1.25"}, {"name": "side", "image": "busybox"}],
        "nodeSelector": {"disk": "ssd", "arch": "arm"},
    }
}
SELECTOR = {
    "matchLabels": {"new": "yes"},
    "matchExpressions": [
        {"key": "tier", "operator": "NotIn", "values": ["z", "a"]},
        {"key": "old", "operator": "DoesNotExist"},
        {"key": "app", "operator": "Exists"},
    ],
}
SELECTED = "app,new=yes,!old,tier notin (a,z)"
WORKLOAD = {"replicas": 3, "selector": SELECTOR, "template": TEMPLATE}


def job(status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    return {"spec": {"template": TEMPLATE, "selector": SELECTOR, **spec}, "status": status or {}}


def true(*types: str) -> list[dict[str, str]]:
    return [{"type": type, "status": "True"} for type in types]


def lasted(started: str, ended: str) -> dict[str, Any]:
    return {"status": {"startTime": f"2026-01-0{started}Z", "completionTime": f"2026-01-0{ended}Z"}}


def service(**spec: Any) -> dict[str, Any]:
    return {"spec": spec}


def metric(type: str, target: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": type, type[0].lower() + type[1:]: {"target": target, **more}}


CPU = metric("Resource", {"type": "Utilization", "averageUtilization": 80}, name="cpu")


def hosts(*names: str) -> dict[str, Any]:
    return {"spec": {"rules": [{"host": name} if name else {} for name in names]}}


def endpoints(*subsets: dict[str, Any]) -> dict[str, Any]:
    return {"subsets": list(subsets)}


EXAMPLES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "deployments.apps",
        {"spec": WORKLOAD, "status": {"readyReplicas": 1, "updatedReplicas": 2}},
        {"Ready": "1/3", "Up-to-date": 2, "Available": 0, "Containers": "main,side", "Images": "nginx:1.25,busybox"},
    ),
    ("deployments.apps", {"spec": {"selector": {}}}, {"Selector": ""}),
    (
        "replicasets.apps",
        {"spec": WORKLOAD, "status": {"replicas": 2}},
        {"Desired": 3, "Current": 2, "Ready": 0, "Selector": SELECTED},
    ),
    (
        "replicasets.apps",
        {"spec": {"selector": {"matchExpressions": [{"key": "a", "operator": "Near"}]}}},
        {"Selector": "<error>"},
    ),
    ("replicationcontrollers", {"spec": {"selector": {"b": "2", "a": "1"}}}, {"Desired": 0, "Selector": "a=1,b=2"}),
    ("statefulsets.apps", {"spec": WORKLOAD, "status": {"readyReplicas": 3}}, {"Ready": "3/3", "Age": "42s"}),
    (
        "daemonsets.apps",
        {"spec": WORKLOAD, "status": {"desiredNumberScheduled": 4, "numberReady": 1}},
        {"Desired": 4, "Current": 0, "Ready": 1, "Node Selector": "arch=arm,disk=ssd"},
    ),
    ("jobs.batch", job(), {"Status": "Running", "Completions": "0/1", "Duration": "", "Selector": SELECTED}),
    ("jobs.batch", job({"succeeded": 2}, parallelism=3), {"Completions": "2/1 of 3"}),
    ("jobs.batch", job({"succeeded": 2}, completions=5), {"Completions": "2/5"}),
    ("jobs.batch", job({"conditions": true("SuccessCriteriaMet", "Complete")}), {"Status": "Complete"}),
    ("jobs.batch", job({"conditions": true("FailureTarget")}), {"Status": "FailureTarget"}),
    ("jobs.batch", job({"conditions": true("Suspended")}), {"Status": "Suspended"}),
    ("jobs.batch", {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, {"Status": "Terminating"}),
    ("jobs.batch", lasted("1T00:00:00", "1T00:02:07"), {"Duration": "2m7s"}),
    ("jobs.batch", {"status": {"startTime": "2026-01-01T21:30:00Z"}}, {"Duration": "150m"}),
    (
        "cronjobs.batch",
        {
            "spec": {"schedule": "0 3 * * *", "suspend": True, "jobTemplate": {"spec": {"template": TEMPLATE}}},
            "status": {"active": [{}, {}], "lastScheduleTime": "2026-01-01T00:00:00Z"},
        },
        {
            "Timezone": "<none>",
            "Suspend": "True",
            "Active": 2,
            "Last Schedule": "24h",
            "Images": "nginx:1.25,busybox",
            "Selector": "<none>",
        },
    ),
    ("cronjobs.batch", {}, {"Suspend": "<unset>", "Active": 0, "Last Schedule": "<none>"}),
    (
        "controllerrevisions.apps",
        {
            "metadata": {
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "controller": True}]
            },
            "revision": 3,
        },
        {"Controller": "statefulset.apps/db", "Revision": 3},
    ),
    ("controllerrevisions.apps", {"revision": 1}, {"Controller": "<none>"}),
    (
        "podtemplates",
        {"template": {**TEMPLATE, "metadata": {"labels": {"b": "2", "a": "1"}}}},
        {"Containers": "main,side", "Pod Labels": "a=1,b=2"},
    ),
    (
        "poddisruptionbudgets.policy",
        {"spec": {"minAvailable": "50%"}},
        {"Min Available": "50%", "Max Unavailable": "N/A"},
    ),
    (
        "poddisruptionbudgets.policy",
        {"spec": {"maxUnavailable": 0}},
        {"Max Unavailable": "0", "Allowed Disruptions": 0},
    ),
    (
        "horizontalpodautoscalers.autoscaling",
        {
            "spec": {
                "scaleTargetRef": {"kind": "Deployment", "name": "web"},
                "minReplicas": 2,
                "maxReplicas": 9,
                "metrics": [CPU, metric("Resource", {"averageValue": "200Mi"}, name="memory")],
            },
            "status": {
                "currentReplicas": 3,
                "currentMetrics": [
                    {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 41}}},
                    {"type": "Resource", "resource": {"name": "memory", "current": {"averageValue": "1536Ki"}}},
                ],
            },
        },
        {
            "Reference": "Deployment/web",
            "Targets": "cpu: 41%/80%, memory: 1536Ki/200Mi",
            "MinPods": "2",
            "MaxPods": 9,
            "Replicas": 3,
        },
    ),
    (
        "horizontalpodautoscalers.autoscaling",
        {"spec": {"metrics": [metric("Pods", {"averageValue": "1500m"}), metric("External", {"value": "30"}), CPU]}},
        {"Targets": "<unknown>/1500m, <unknown>/30 + 1 more...", "MinPods": "<unset>"},
    ),
    (
        "horizontalpodautoscalers.autoscaling",
        {"spec": {"metrics": [metric("Object", {"averageValue": "5"}), {"type": "Odd"}]}},
        {"Targets": "<unknown>/5 (avg), <unknown type>"},
    ),
    ("horizontalpodautoscalers.autoscaling", {}, {"Targets": "<none>"}),
    (
        "services",
        service(
            type="ClusterIP",
            clusterIPs=["10.0.0.1"],
            externalIPs=["192.0.2.2", "192.0.2.1"],
            selector={"b": "2", "a": "1"},
        ),
        {"Cluster-IP": "10.0.0.1", "External-IP": "192.0.2.2,192.0.2.1", "Port(s)": "<none>", "Selector": "a=1,b=2"},
    ),
    (
        "services",
        service(
            type="NodePort", ports=[{"port": 80, "nodePort": 30080, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]
        ),
        {"External-IP": "<none>", "Port(s)": "80:30080/TCP,53/UDP"},
    ),
    ("services", service(type="LoadBalancer"), {"External-IP": "<pending>"}),
    (
        "services",
        {
            "spec": {"type": "LoadBalancer", "externalIPs": ["192.0.2.1"]},
            "status": {
                "loadBalancer": {"ingress": [{"ip": "203.0.113.20"}, {"hostname": "lb"}, {"ip": "203.0.113.10"}]}
            },
        },
        {"External-IP": "203.0.113.10,203.0.113.20,lb,192.0.2.1"},
    ),
    (
        "services",
        service(type="ExternalName", externalName="db.example.com"),
        {"Cluster-IP": "<none>", "External-IP": "db.example.com"},
    ),
    (
        "endpoints",
        endpoints(
            {"addresses": [{"ip": "192.0.2.1"}, {"ip": "2001:db8::1"}], "ports": [{"port": 80}, {"port": 443}]},
            {"addresses": [{"ip": "192.0.2.9"}]},
        ),
        {"Endpoints": "192.0.2.1:80,[2001:db8::1]:80,192.0.2.1:443 + 2 more..."},
    ),
    ("endpoints", {}, {"Endpoints": "<none>"}),
    ("endpoints", endpoints({"notReadyAddresses": [{"ip": "192.0.2.1"}]}), {"Endpoints": ""}),
    (
        "endpointslices.discovery.k8s.io",
        {
            "addressType": "IPv4",
            "ports": [{"port": 80}, {"name": "named"}, {}, {"port": 1}],
            "endpoints": [{"addresses": [f"192.0.2.{i}"]} for i in range(1, 6)],
        },
        {
            "AddressType": "IPv4",
            "Ports": "80,named,* + 1 more...",
            "Endpoints": "192.0.2.1,192.0.2.2,192.0.2.3 + 2 more...",
        },
    ),
    ("endpointslices.discovery.k8s.io", {}, {"Ports": "<unset>", "Endpoints": "<unset>"}),
    (
        "ingresses.networking.k8s.io",
        hosts("a", "b", "c"),
        {"Hosts": "a,b,c", "Class": "<none>", "Address": "", "Ports": "80"},
    ),
    ("ingresses.networking.k8s.io", hosts("a", "", "b", "c", "", "d"), {"Hosts": "a,b,c + 3 more..."}),
    (
        "ingresses.networking.k8s.io",
        {"spec": {"tls": [{}], "ingressClassName": "nginx"}},
        {"Hosts": "*", "Ports": "80, 443", "Class": "nginx"},
    ),
    (
        "ingressclasses.networking.k8s.io",
        {
            "metadata": {"annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}},
            "spec": {
                "controller": "example.com/in",
                "parameters": {"apiGroup": "k8s.example.com", "kind": "Params", "name": "p"},
            },
        },
        {"Name": "x (default)", "Controller": "example.com/in", "Parameters": "Params.k8s.example.com/p"},
    ),
    (
        "ingressclasses.networking.k8s.io",
        {"spec": {"parameters": {"kind": "ConfigMap", "name": "p"}}},
        {"Parameters": "ConfigMap/p"},
    ),
    ("networkpolicies.networking.k8s.io", {"spec": {"podSelector": {}}}, {"Pod-Selector": "<none>"}),
    (
        "servicecidrs.networking.k8s.io",
        {"spec": {"cidrs": ["10.0.0.0/16", "fd00::/64"]}},
        {"CIDRs": "10.0.0.0/16,fd00::/64"},
    ),
    (
        "ipaddresses.networking.k8s.io",
        {"spec": {"parentRef": {"resource": "services", "namespace": "default", "name": "kubernetes"}}},
        {"ParentRef": "services/default/kubernetes"},
    ),
    (
        "ipaddresses.networking.k8s.io",
        {"spec": {"parentRef": {"group": "G", "resource": "gates", "name": "n"}}},
        {"ParentRef": "gates.g/n"},
    ),
    ("configmaps", {"data": {"a": "1", "b": "2"}, "binaryData": {"c": "AA=="}}, {"Data": 3}),
    (
        "resourcequotas",
        {
            "status": {
                "hard": {"pods": "3", "limits.cpu": "2500m", "count/secrets": "9", "limits.memory": "4Gi"},
                "used": {"pods": "1", "limits.cpu": "200m"},
            }
        },
        {"Request": "count/secrets: 0/9, pods: 1/3", "Limit": "limits.cpu: 200m/2500m, limits.memory: 0/4Gi"},
    ),
    (
        "persistentvolumes",
        {
            "spec": {
                "capacity": {"storage": "5Gi"},
                "accessModes": ["ReadWriteMany", "ReadWriteOnce", "ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Retain",
                "claimRef": {"namespace": "shop", "name": "later"},
                "storageClassName": "slow",
                "volumeMode": "Block",
            },
            "status": {"phase": "Available"},
        },
        {
            "Capacity": "5Gi",
            "Access Modes": "RWO,RWX",
            "Reclaim Policy": "Retain",
            "Status": "Available",
            "Claim": "shop/later",
            "StorageClass": "slow",
            "VolumeAttributesClass": "<unset>",
            "Reason": "",
            "VolumeMode": "Block",
        },
    ),
    (
        "persistentvolumes",
        {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}},
        {"Status": "Terminating", "Claim": ""},
    ),
    (
        "persistentvolumeclaims",
        {
            "metadata": {"annotations": {"volume.beta.kubernetes.io/storage-class": "annotated"}},
            "spec": {"volumeName": "pv1", "storageClassName": "field"},
            "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]},
        },
        {"Volume": "pv1", "Capacity": "1Gi", "Access Modes": "RWO", "StorageClass": "annotated"},
    ),
    (
        "persistentvolumeclaims",
        {"status": {"phase": "Pending", "capacity": {"storage": "1Gi"}}},
        {"Capacity": "", "Access Modes": ""},
    ),
    (
        "storageclasses.storage.k8s.io",
        {"metadata": {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}, "provisioner": "p"},
        {"Name": "x (default)", "Provisioner": "p", "AllowVolumeExpansion": False},
    ),
    (
        "volumeattachments.storage.k8s.io",
        {"spec": {"source": {"persistentVolumeName": "pv1"}}},
        {"PV": "pv1", "Attached": False},
    ),
    (
        "csidrivers.storage.k8s.io",
        {
            "spec": {
                "attachRequired": False,
                "tokenRequests": [{"audience": "a"}, {}],
                "volumeLifecycleModes": ["Persistent", "Ephemeral"],
            }
        },
        {"AttachRequired": False, "PodInfoOnMount": False, "TokenRequests": "a,", "Modes": "Persistent,Ephemeral"},
    ),
    ("csidrivers.storage.k8s.io", {}, {"AttachRequired": True, "TokenRequests": "<unset>", "Modes": "<none>"}),
    ("csinodes.storage.k8s.io", {"spec": {"drivers": [{}, {}]}}, {"Drivers": 2}),
    (
        "nodes",
        {
            "metadata": {
                "labels": {
                    "node-role.kubernetes.io/worker": "",
                    "node-role.kubernetes.io/": "",
                    "kubernetes.io/role": "infra",
                }
            },
            "spec": {"unschedulable": True},
            "status": {
                "conditions": true("Ready"),
                "addresses": [
                    {"type": "InternalIP", "address": "192.0.2.10"},
                    {"type": "InternalIP", "address": "192.0.2.11"},
                ],
                "nodeInfo": {"kubeletVersion": "v1.36.0", "kernelVersion": "6.1.0", "architecture": "amd64"},
            },
        },
        {
            "Status": "Ready,SchedulingDisabled",
            "Roles": "infra,worker",
            "Version": "v1.36.0",
            "Internal-IP": "192.0.2.10",
            "External-IP": "<none>",
            "OS-Image": "<unknown>",
            "Kernel-Version": "6.1.0 (amd64)",
        },
    ),
    (
        "nodes",
        {"status": {"conditions": [{"type": "Ready", "status": "False"}]}},
        {"Status": "NotReady", "Roles": "<none>", "Version": ""},
    ),
    ("nodes", {}, {"Status": "Unknown", "Kernel-Version": "<unknown>"}),
    (
        "events",
        {
            "involvedObject": {"kind": "Pod", "name": "Web", "fieldPath": "spec.containers{a}"},
            "eventTime": "2026-01-01T00:00:00.000000Z",
            "series": {"count": 7, "lastObservedTime": "2026-01-01T23:59:00.000000Z"},
            "reportingComponent": "example.com/eye",
            "reportingInstance": "eye-1",
            "message": " two words \n",
        },
        {
            "Last Seen": "60s",
            "First Seen": "24h",
            "Count": 7,
            "Object": "pod/Web",
            "Subobject": "spec.containers{a}",
            "Source": "example.com/eye, eye-1",
            "Message": "two words",
        },
    ),
    (
        "events",
        {
            "involvedObject": {"kind": "Pod"},
            "source": {"component": "kubelet", "host": "n1"},
            "firstTimestamp": "2026-01-01T00:00:00Z",
        },
        {"Last Seen": "24h", "Count": 1, "Object": "pod", "Source": "kubelet, n1"},
    ),
    ("events", {}, {"Last Seen": "<unknown>", "First Seen": "<unknown>", "Count": 1, "Source": ""}),
    (
        "rolebindings.rbac.authorization.k8s.io",
        {
            "roleRef": {"kind": "ClusterRole", "name": "view"},
            "subjects": [
                {"kind": "Group", "name": "g1"},
                {"kind": "ServiceAccount", "name": "robot", "namespace": "other"},
                {"kind": "Group", "name": "g2"},
                {"kind": "ServiceAccount", "name": "s"},
            ],
        },
        {"Role": "ClusterRole/view", "Users": "", "Groups": "g1, g2", "ServiceAccounts": "other/robot, /s"},
    ),
    (
        "certificatesigningrequests.certificates.k8s.io",
        {
            "spec": {"signerName": "example.com/mine", "username": "jane", "expirationSeconds": 86400},
            "status": {"conditions": true("Approved", "Failed"), "certificate": "YQ=="},
        },
        {
            "SignerName": "example.com/mine",
            "Requestor": "jane",
            "RequestedDuration": "24h",
            "Condition": "Approved,Failed,Issued",
        },
    ),
    (
        "certificatesigningrequests.certificates.k8s.io",
        {"status": {"conditions": true("Denied")}},
        {"Condition": "Denied", "RequestedDuration": "<none>"},
    ),
    ("priorityclasses.scheduling.k8s.io", {"value": -10}, {"Value": -10, "Global-Default": False}),
    ("mutatingwebhookconfigurations.admissionregistration.k8s.io", {"webhooks": [{}, {}]}, {"Webhooks": 2}),
    (
        "validatingadmissionpolicies.admissionregistration.k8s.io",
        {"spec": {"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}, "validations": [{}]}},
        {"Validations": 1, "ParamKind": "v1/ConfigMap"},
    ),
    (
        "validatingadmissionpolicybindings.admissionregistration.k8s.io",
        {"spec": {"paramRef": {"name": "cm"}}},
        {"ParamRef": "*/cm"},
    ),
    (
        "validatingadmissionpolicybindings.admissionregistration.k8s.io",
        {"spec": {"paramRef": {"selector": {"matchLabels": {"a": "b"}}}}},
        {
            "ParamRef": "&LabelSelector{MatchLabels:map[string]string{a: b,},MatchExpressions:[]LabelSelectorRequirement{},}"
        },
    ),
    ("validatingadmissionpolicybindings.admissionregistration.k8s.io", {}, {"ParamRef": "<unset>"}),
    (
        "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
        {
            "spec": {
                "type": "Limited",
                "limited": {"nominalConcurrencyShares": 100, "limitResponse": {"type": "Reject"}},
            }
        },
        {"NominalConcurrencyShares": 100, "Queues": "<none>", "HandSize": "<none>"},
    ),
    (
        "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
        {"spec": {"type": "Exempt"}},
        {"NominalConcurrencyShares": "<none>"},
    ),
    (
        "flowschemas.flowcontrol.apiserver.k8s.io",
        {"status": {"conditions": [{"type": "Dangling", "status": "False"}]}},
        {"MissingPL": "False"},
    ),
    ("flowschemas.flowcontrol.apiserver.k8s.io", {}, {"DistinguisherMethod": "<none>", "MissingPL": "?"}),
    (
        "apiservices.apiregistration.k8s.io",
        {"status": {"conditions": true("Available")}},
        {"Service": "Local", "Available": "True"},
    ),
    (
        "apiservices.apiregistration.k8s.io",
        {
            "spec": {"service": {"namespace": "ns", "name": "api"}},
            "status": {"conditions": [{"type": "Available", "status": "False", "reason": "MissingEndpoints"}]},
        },
        {"Service": "ns/api", "Available": "False (MissingEndpoints)"},
    ),
    (
        "componentstatuses",
        {"conditions": [{"type": "Healthy", "status": "True", "message": "ok"}]},
        {"Status": "Healthy", "Message": "ok"},
    ),
    ("resourceclaims.resource.k8s.io", {}, {"State": "pending"}),
    (
        "resourceclaims.resource.k8s.io",
        {"status": {"allocation": {}, "reservedFor": [{}]}},
        {"State": "allocated,reserved"},
    ),
    (
        "resourceclaims.resource.k8s.io",
        {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}},
        {"State": "deleted"},
    ),
    (
        "resourceslices.resource.k8s.io",
        {"spec": {"driver": "d", "pool": {"name": "p"}}},
        {"Node": "", "Driver": "d", "Pool": "p"},
    ),
]


@pytest.mark.parametrize(
    ("kind", "object", "expected"), EXAMPLES, ids=[f"{i}-{each[0]}" for i, each in enumerate(EXAMPLES)]
)
def test_row_shows(kind: str, object: dict[str, Any], expected: dict[str, Any]) -> None:
    shown = cells(kind, object)

    assert {name: shown[name] for name in expected} == expected


def test_ip_address_has_an_age_that_no_column_announces() -> None:
    address = {"metadata": {"name": "10.96.0.1", "creationTimestamp": "2026-01-01T00:00:00Z"}}

    answer = tables.table(
        KINDS.named("ipaddresses.networking.k8s.io"),
        [address],
        version="v1",
        include_object="None",
        metadata={},
        now=NOW,
    )

    assert answer["rows"][0]["cells"] == ["10.96.0.1", "<none>", "24h"]


def test_columns_of_events_are_described_by_the_form_in_which_events_are_stored() -> None:
    assert [column.name for column in tables.columns_of(KINDS.named("events.events.k8s.io"))] == [
        column.name for column in tables.columns_of(KINDS.named("events"))
    ]
