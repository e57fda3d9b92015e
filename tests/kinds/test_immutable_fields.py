"""What never changes of an object, and what is said to whoever tries; the facts are those of a server of the reference version."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., list[str]]
Json = dict[str, Any]

MAIN = {"containers": [{"name": "c", "image": "i:1"}]}
SELECTED: Json = {
    "selector": {"matchLabels": {"a": "b"}},
    "template": {"metadata": {"labels": {"a": "b", "c": "d"}}, "spec": MAIN},
}
NARROWER = {"spec": {"selector": {"matchLabels": {"a": "b", "c": "d"}}}}
SELECTOR = ['spec.selector: Invalid value: {"matchLabels":{"a":"b","c":"d"}}: field is immutable']
STATEFUL = [
    "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
    "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
]
POD = (
    "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
JOB = {
    "spec": {
        "manualSelector": True,
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {**MAIN, "restartPolicy": "Never"}},
        "completions": 2,
        "parallelism": 1,
    }
}
CLAIM = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
VOLUME = {"spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/a"}}}
STORAGE_CLASS = {"provisioner": "p", "reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"}
DRIVER = {"name": "a.example.com", "nodeID": "n", "topologyKeys": ["k"]}
SLICE = {
    "spec": {
        "driver": "x.example.com",
        "nodeName": "n",
        "pool": {"name": "p", "generation": 1, "resourceSliceCount": 1},
    }
}
ROLE = {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"}}

CHANGES: list[tuple[str, Json, Json, list[str]]] = [
    ("deployments.apps", {"spec": SELECTED}, NARROWER, SELECTOR),
    ("replicasets.apps", {"spec": SELECTED}, NARROWER, SELECTOR),
    ("daemonsets.apps", {"spec": SELECTED}, NARROWER, SELECTOR),
    ("statefulsets.apps", {"spec": SELECTED}, NARROWER, STATEFUL),
    ("statefulsets.apps", {"spec": SELECTED}, {"spec": {"serviceName": "s"}}, STATEFUL),
    ("statefulsets.apps", {"spec": SELECTED}, {"spec": {"podManagementPolicy": "Parallel"}}, STATEFUL),
    ("statefulsets.apps", {"spec": SELECTED}, {"spec": {"replicas": 5, "ordinals": {"start": 1}}}, []),
    (
        "controllerrevisions.apps",
        {"data": {"a": 1}},
        {"data": {"a": 2}},
        ['data: Invalid value: {"a":2}: field is immutable'],
    ),
    ("jobs.batch", JOB, {"spec": {"completions": 5}}, ["spec.completions: Invalid value: 5: field is immutable"]),
    (
        "jobs.batch",
        JOB,
        {"spec": {"completionMode": "Indexed"}},
        ['spec.completionMode: Invalid value: "Indexed": field is immutable'],
    ),
    (
        "jobs.batch",
        JOB,
        {"spec": {"managedBy": "example.com/x"}},
        ['spec.managedBy: Invalid value: "example.com/x": field is immutable'],
    ),
    ("jobs.batch", JOB, {"spec": {"parallelism": 3, "suspend": True, "backoffLimit": 1}}, []),
    ("pods", {"spec": MAIN}, {"spec": {"restartPolicy": "Never"}}, [POD]),
    ("pods", {"spec": MAIN}, {"spec": {"hostname": "h"}}, [POD]),
    (
        "pods",
        {"spec": MAIN},
        {"spec": {"containers": [{"name": "d", "image": "i"}]}},
        [POD],
    ),
    ("pods", {"spec": MAIN}, {"spec": {"containers": [{"name": "c", "image": "i:2"}]}}, []),
    (
        "persistentvolumeclaims",
        CLAIM,
        {"spec": {"accessModes": ["ReadOnlyMany"]}},
        [
            "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName "
            "for bound claims"
        ],
    ),
    (
        "persistentvolumes",
        VOLUME,
        {"spec": {"hostPath": {"path": "/b"}}},
        [
            "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation",
        ],
    ),
    (
        "persistentvolumes",
        VOLUME,
        {"spec": {"volumeMode": "Block"}},
        ['volumeMode: Invalid value: "Block": field is immutable'],
    ),
    (
        "secrets",
        {"data": {}},
        {"type": "example.com/x"},
        ['type: Invalid value: "example.com/x": field is immutable'],
    ),
    (
        "configmaps",
        {"immutable": True, "data": {"a": "b"}},
        {"immutable": False, "data": {"a": "c"}},
        [
            "immutable: Forbidden: field is immutable when `immutable` is set",
            "data: Forbidden: field is immutable when `immutable` is set",
        ],
    ),
    ("configmaps", {"immutable": True, "data": {"a": "b"}}, {"metadata": {"labels": {"a": "b"}}}, []),
    (
        "resourcequotas",
        {"spec": {"hard": {"pods": "1"}}},
        {"spec": {"scopes": ["Terminating"]}},
        ['spec.scopes: Invalid value: ["Terminating"]: field is immutable'],
    ),
    (
        "resourcequotas",
        {"spec": {"scopes": ["Terminating"]}},
        {"spec": {"scopes": []}},
        ["spec.scopes: Invalid value: []: field is immutable"],
    ),
    (
        "resourcequotas",
        {"spec": {"scopes": ["Terminating"]}},
        {"spec": {"scopes": None}},
        ["spec.scopes: Invalid value: null: field is immutable"],
    ),
    (
        "resourceclaims.resource.k8s.io",
        {"spec": {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "x"}}]}}},
        {"spec": {"devices": {"requests": []}}},
        ['spec: Invalid value: {"Devices":{"Requests":[],"Constraints":null,"Config":null}}: field is immutable'],
    ),
    (
        "services",
        {"spec": {"ports": [{"port": 80}], "clusterIP": "10.96.0.5"}},
        {"spec": {"clusterIP": "10.96.0.6"}},
        ['spec.clusterIPs[0]: Invalid value: ["10.96.0.6"]: may not change once set'],
    ),
    (
        "services",
        {"spec": {"ports": [{"port": 80}], "clusterIP": "10.96.0.5"}},
        {"spec": {"ipFamilies": ["IPv6"]}},
        ['spec.clusterIPs[0]: Invalid value: "10.96.0.5": expected an IPv6 value as indicated by `ipFamilies[0]`'],
    ),
    (
        "endpointslices.discovery.k8s.io",
        {"addressType": "IPv4"},
        {"addressType": "IPv6"},
        ['addressType: Invalid value: "IPv6": field is immutable'],
    ),
    (
        "ingressclasses.networking.k8s.io",
        {"spec": {"controller": "example.com/c"}},
        {"spec": {"controller": "example.com/d"}},
        ['spec.controller: Invalid value: "example.com/d": field is immutable'],
    ),
    (
        "ipaddresses.networking.k8s.io",
        {"spec": {"parentRef": {"resource": "services", "namespace": "shop", "name": "s"}}},
        {"spec": {"parentRef": {"name": "t"}}},
        [
            'spec.parentRef: Invalid value: {"Group":"","Resource":"services","Namespace":"shop","Name":"t"}: '
            "field is immutable"
        ],
    ),
    (
        "runtimeclasses.node.k8s.io",
        {"handler": "h"},
        {"handler": "i"},
        ['handler: Invalid value: "i": field is immutable'],
    ),
    (
        "clusterrolebindings.rbac.authorization.k8s.io",
        ROLE,
        {"roleRef": {"name": "other"}},
        [
            'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"ClusterRole","Name":"other"}: '
            "cannot change roleRef"
        ],
    ),
    (
        "rolebindings.rbac.authorization.k8s.io",
        ROLE,
        {"roleRef": {"kind": "Role"}},
        [
            'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"r"}: cannot change roleRef'
        ],
    ),
    (
        "resourceslices.resource.k8s.io",
        SLICE,
        {"spec": {"driver": "y.example.com"}},
        ['spec.driver: Invalid value: "y.example.com": field is immutable'],
    ),
    (
        "resourceslices.resource.k8s.io",
        SLICE,
        {"spec": {"nodeName": "m"}},
        ['spec.nodeName: Invalid value: "m": field is immutable'],
    ),
    (
        "resourceslices.resource.k8s.io",
        SLICE,
        {"spec": {"pool": {"name": "q"}}},
        ['spec.pool.name: Invalid value: "q": field is immutable'],
    ),
    (
        "priorityclasses.scheduling.k8s.io",
        {"value": 1},
        {"value": 2, "preemptionPolicy": "Never"},
        [
            "value: Forbidden: may not be changed in an update.",
            'preemptionPolicy: Invalid value: "Never": field is immutable',
        ],
    ),
    (
        "csidrivers.storage.k8s.io",
        {"spec": {}},
        {"spec": {"attachRequired": False, "volumeLifecycleModes": ["Ephemeral"]}},
        [
            "spec.attachedRequired: Invalid value: false: field is immutable",
            'spec.volumeLifecycleModes: Invalid value: ["Ephemeral"]: field is immutable',
        ],
    ),
    (
        "csinodes.storage.k8s.io",
        {"spec": {"drivers": [DRIVER]}},
        {"spec": {"drivers": [{**DRIVER, "nodeID": "m"}]}},
        [
            'spec.drivers: Invalid value: {"Name":"a.example.com","NodeID":"m","TopologyKeys":["k"],"Allocatable":null}: '
            "field is immutable"
        ],
    ),
    (
        "csistoragecapacities.storage.k8s.io",
        {"storageClassName": "x"},
        {"storageClassName": "y", "nodeTopology": {"matchLabels": {"a": "b"}}},
        [
            'nodeTopology: Invalid value: {"matchLabels":{"a":"b"}}: field is immutable',
            'storageClassName: Invalid value: "y": field is immutable',
        ],
    ),
    (
        "storageclasses.storage.k8s.io",
        STORAGE_CLASS,
        {
            "provisioner": "q",
            "reclaimPolicy": "Retain",
            "volumeBindingMode": "WaitForFirstConsumer",
            "parameters": {"a": "b"},
        },
        [
            'parameters: Invalid value: {"a":"b"}: field is immutable',
            'provisioner: Invalid value: "q": field is immutable',
            'reclaimPolicy: Invalid value: "Retain": field is immutable',
            'volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable',
        ],
    ),
    (
        "volumeattachments.storage.k8s.io",
        {"spec": {"attacher": "a.example.com", "nodeName": "n", "source": {"persistentVolumeName": "pv"}}},
        {"spec": {"nodeName": "m"}},
        [
            'spec: Invalid value: {"Attacher":"a.example.com","Source":{"PersistentVolumeName":"pv",'
            '"InlineVolumeSpec":null},"NodeName":"m"}: field is immutable'
        ],
    ),
    (
        "volumeattributesclasses.storage.k8s.io",
        {"driverName": "a.example.com", "parameters": {"a": "b"}},
        {"driverName": "b.example.com", "parameters": {"a": "c"}},
        [
            "driverName: Forbidden: updates to driverName are forbidden.",
            "parameters: Forbidden: updates to parameters are forbidden.",
        ],
    ),
    (
        "nodes",
        {"spec": {"podCIDR": "10.0.0.0/24", "providerID": "a"}},
        {"spec": {"podCIDR": "10.0.1.0/24", "podCIDRs": ["10.0.1.0/24"], "providerID": "b"}},
        [
            'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
            'spec.providerID: Forbidden: node updates may not change providerID except from "" to valid',
        ],
    ),
    (
        "apiservices.apiregistration.k8s.io",
        {
            "metadata": {"name": "v1.example.com"},
            "spec": {"group": "example.com", "version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1},
        },
        {"spec": {"version": "v2"}},
        ['metadata.name: Invalid value: "v1.example.com": must be `spec.version+"."+spec.group`: "v2.example.com"'],
    ),
    ("namespaces", {}, {"spec": {"finalizers": ["example.com/f"]}}, []),
    ("certificatesigningrequests.certificates.k8s.io", {}, {"spec": {"signerName": "a.example.com/b"}}, []),
]


def merged(old: Any, change: Any) -> Any:
    if not isinstance(old, dict) or not isinstance(change, dict):
        return copy.deepcopy(change)
    return {**old, **{key: merged(old.get(key), part) for key, part in change.items()}}


@pytest.mark.parametrize(("kind", "old", "change", "why"), CHANGES)
def test_what_never_changes_is_refused(
    refused_change: Refused, kind: str, old: Json, change: Json, why: list[str]
) -> None:
    told = refused_change(kind, old, merged(old, change))

    # Differences of whole structs follow on further lines.
    assert list(dict.fromkeys(text.partition("\n")[0] for text in told)) == why
