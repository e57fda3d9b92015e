"""Rules of core kinds that recordings do not show; each refusal word for word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., list[str]]

NO_FEATURE = (
    "must start with an UpperCamelCase segment, with subsequent segments separated by '/' "
    "(e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes"
)
AVOIDED, TAINTS = "scheduler.alpha.kubernetes.io/preferAvoidPods", "scheduler.alpha.kubernetes.io/taints"
HINTS, MODE = "service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"
CLASS = "volume.beta.kubernetes.io/storage-class"
OPTIONS = "volume.beta.kubernetes.io/mount-options"


def volume(**spec: Any) -> dict[str, Any]:
    return {"spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, **spec}}


REFUSALS: list[tuple[str, Any, list[str]]] = [
    (
        "nodes",
        {"status": {"declaredFeatures": ["B", "A", "A", "b"]}},
        [
            'status.declaredFeatures[1]: Invalid value: "A": list must be sorted alphabetically',
            'status.declaredFeatures[2]: Duplicate value: "A"',
            f'status.declaredFeatures[3]: Invalid value: "b": invalid feature name "b": {NO_FEATURE}',
        ],
    ),
    (
        "nodes",
        {"metadata": {"annotations": {AVOIDED: "B", TAINTS: "{}"}}},
        [
            f'metadata.annotations: Invalid value: "{TAINTS}": json: cannot unmarshal object into Go value of type '
            "[]core.Taint",
            f'metadata.annotations.AvoidPods: Invalid value: "{AVOIDED}": '
            "invalid character 'B' looking for beginning of value",
        ],
    ),
    (
        "nodes",
        {"metadata": {"annotations": {AVOIDED: '{"preferAvoidPods": [{}]}', TAINTS: '[{"Key": "a"}]'}}},
        [
            f"metadata.annotations.{TAINTS}[0].effect: Required value",
            f"metadata.annotations.{AVOIDED}[0].PodSignature: Required value",
        ],
    ),
    (
        "nodes",
        {"status": {"nodeInfo": {"swap": {"capacity": 0}}}},
        ["metadata.nodeSwapStatus.capacity: Invalid value: 0: must be greater than zero"],
    ),
    (
        "nodes",
        {"spec": {"podCIDRs": ["x", "10.0.0.0/24"]}},
        [
            'spec.podCIDRs[0]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
            "spec.podCIDRs: Internal error: invalid PodCIDRs. failed to check with dual stack with "
            "error:invalid CIDR[0]: <nil> (invalid CIDR address: x)",
            'spec.podCIDRs: Invalid value: ["x","10.0.0.0/24"]: may specify no more than one CIDR for each IP family',
        ],
    ),
    (
        "endpoints",
        {"subsets": [{"ports": [{}]}]},
        [
            "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`",
            "subsets[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        ],
    ),
    (
        "limitranges",
        {
            "spec": {
                "limits": [
                    {"type": "Pod", "min": {"cpu": "1"}, "max": {"cpu": "0"}, "maxLimitRequestRatio": {"cpu": "2"}}
                ]
            }
        },
        [
            'spec.limits[0].min[cpu]: Invalid value: "1": min value 1 is greater than max value 0',
            'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "2": ratio 2 is greater than max/min = 0.000000',
        ],
    ),
    (
        "limitranges",
        {"spec": {"limits": [{"type": "a.b/c", "default": {"d.e/f": "2"}, "defaultRequest": {"d.e/f": "1"}}]}},
        [
            'spec.limits[0].defaultRequest[d.e/f]: Invalid value: "1": '
            "default value 2 must equal to defaultRequest value 1 in d.e/f"
        ],
    ),
    (
        "resourcequotas",
        {
            "spec": {
                "scopeSelector": {
                    "matchExpressions": [{"scopeName": "Terminating", "operator": "Exists", "values": ["a"]}]
                }
            }
        },
        [
            'spec.scopeSelector.matchExpressions.values: Invalid value: ["a"]: must be no value when `operator` is '
            "'Exist' or 'DoesNotExist' for scope selector"
        ],
    ),
    (
        "persistentvolumes",
        volume(nfs={"server": "s", "path": "/"}, flexVolume={}),
        ["spec.flexVolume.driver: Required value"],
    ),
    (
        "persistentvolumes",
        volume(local={"path": "/a"}, hostPath={"path": "/b"}),
        ["spec.local: Forbidden: may not specify more than 1 volume type"],
    ),
    ("persistentvolumes", volume(gcePersistentDisk={}), ["spec.persistentDisk.pdName: Required value"]),
    (
        "persistentvolumes",
        {**volume(local={"path": "/a"}, nodeAffinity={}), "metadata": {"annotations": {OPTIONS: "ro"}}},
        [
            "spec.nodeAffinity.required: Required value: must specify required node constraints",
            f"metadata.annotations.{OPTIONS}: Forbidden: may not specify mount options for this volume type",
        ],
    ),
    (
        "persistentvolumes",
        volume(nfs={"server": "s", "path": "/"}, capacity={"storage": "-500m"}),
        [
            "spec.capacity[storage]: Invalid value: -1: must be a valid resource quantity",
            'spec.capacity[storage]: Invalid value: "-500m": must be greater than zero',
        ],
    ),
    (
        "persistentvolumes",
        volume(nfs={"server": "s", "path": "/"}, capacity={}),
        ["spec.capacity: Required value", 'spec.capacity: Unsupported value: {}: supported values: "storage"'],
    ),
    (
        "persistentvolumes",
        volume(flocker={"datasetName": "a/b", "datasetUUID": "c"}),
        [
            'spec.flocker: Invalid value: "resource": datasetName and datasetUUID can not be specified simultaneously',
            "spec.flocker.datasetName: Invalid value: \"a/b\": must not contain '/'",
        ],
    ),
    (
        "persistentvolumes",
        volume(iscsi={"targetPortal": "p", "iqn": "x", "secretRef": {}}),
        [
            'spec.iscsi.iqn: Invalid value: "x": must be valid format',
            "spec.iscsi.secretRef.name: Required value",
        ],
    ),
    (
        "services",
        {"metadata": {"annotations": {HINTS: "auto", MODE: "none"}}, "spec": {"ports": [{"port": 1}]}},
        [
            f'metadata.annotations[{MODE}]: Invalid value: "none": must match annotations[{HINTS}] when both are specified'
        ],
    ),
    (
        "services",
        {"spec": {"healthCheckNodePort": 1, "type": "NodePort", "ports": [{"port": 1}]}},
        [
            "spec.healthCheckNodePort: Invalid value: 1: may only be set when `type` is 'LoadBalancer' and "
            "`externalTrafficPolicy` is 'Local'"
        ],
    ),
    (
        "services",
        {"spec": {"loadBalancerClass": "a b", "ports": [{"port": 1}]}},
        ["spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'"],
    ),
    (
        "services",
        {"spec": {"clusterIP": "fd00::1", "clusterIPs": ["fd00::1"], "ports": [{"port": 1}]}},
        ['spec.clusterIPs[0]: Invalid value: ["fd00::1"]: IPv6 is not configured on this cluster'],
    ),
]


@pytest.mark.parametrize(("kind", "sent", "why"), REFUSALS)
def test_core_objects_are_refused_with_the_words_of_the_server(
    refused: Refused, kind: str, sent: Any, why: list[str]
) -> None:
    assert refused(kind, sent) == why


CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
EVENT = {
    "involvedObject": {"namespace": "shop"},
    "eventTime": "2026-01-01T00:00:00.000000Z",
    "reportingComponent": "a.b/c",
    "reportingInstance": "i",
    "action": "Act",
    "reason": "Why",
}
SET_ONCE = "may not change once set"
IMMUTABLE = "field is immutable"
CHANGES: list[tuple[str, Any, Any, list[str]]] = [
    (
        "nodes",
        {"spec": {"externalID": "a"}},
        {"status": {"addresses": 2 * [{"type": "Hostname", "address": "h"}]}},
        [
            'status.addresses[1]: Duplicate value: {"Type":"Hostname","Address":"h"}',
            "spec.externalID: Forbidden: may not be updated",
        ],
    ),
    (
        "persistentvolumeclaims",
        {"spec": CLAIM, "metadata": {"annotations": {CLASS: "a"}}},
        {"spec": CLAIM, "metadata": {"annotations": {CLASS: "b"}}},
        [f'metadata.annotations.{CLASS}: Invalid value: "b": {IMMUTABLE}'],
    ),
    (
        "persistentvolumeclaims",
        {"spec": CLAIM, "metadata": {"annotations": {CLASS: "a"}}},
        {"spec": {**CLAIM, "storageClassName": "a"}, "metadata": {"annotations": {CLASS: "a"}}},
        [],
    ),
    (
        "persistentvolumeclaims",
        {
            "spec": {**CLAIM, "volumeAttributesClassName": "a"},
            "status": {"phase": "Bound", "currentVolumeAttributesClassName": "a"},
        },
        {"spec": CLAIM},
        [
            "spec.volumeAttributesClassName: Forbidden: "
            "update to nil is forbidden when status.currentVolumeAttributesClassName is not nil"
        ],
    ),
    (
        "events",
        EVENT,
        {**EVENT, "reportingInstance": ""},
        ["reportingInstance: Required value"],
    ),
    (
        "services",
        {
            "spec": {
                "clusterIP": "10.96.0.7",
                "clusterIPs": ["10.96.0.7"],
                "ipFamilies": ["IPv4"],
                "ports": [{"port": 1}],
            }
        },
        {
            "spec": {
                "clusterIP": "10.96.0.8",
                "clusterIPs": ["10.96.0.7"],
                "ipFamilies": ["IPv4"],
                "ports": [{"port": 1}],
            }
        },
        [f'spec.clusterIPs[0]: Invalid value: ["10.96.0.8"]: {SET_ONCE}'],
    ),
]


@pytest.mark.parametrize(("kind", "old", "new", "why"), CHANGES)
def test_core_objects_keep_what_may_not_change(
    refused_change: Refused, kind: str, old: Any, new: Any, why: list[str]
) -> None:
    assert refused_change(kind, old, new) == why


STATUSES: list[tuple[Any, list[str]]] = [
    (
        {"allocatedResourceStatuses": {"cpu": "Odd"}},
        [
            'status.allocatedResourceStatuses: Unsupported value: "cpu": supported values: "storage"',
            'status.allocatedResourceStatuses: Unsupported value: "cpu": supported values: "ControllerResizeInProgress", '
            '"ControllerResizeInfeasible", "NodeResizeInProgress", "NodeResizeInfeasible", "NodeResizePending"',
        ],
    ),
    (
        {"capacity": {"storage": "-1"}, "allocatedResources": {"storage": "-2", "memory": "1"}},
        [
            "status.capacity[storage]: Invalid value: -1: must be a valid resource quantity",
            'status.allocatedResources: Unsupported value: "memory": supported values: "storage"',
            "status.allocatedResources[storage]: Invalid value: -2: must be a valid resource quantity",
        ],
    ),
]


@pytest.mark.parametrize(("status", "why"), STATUSES)
def test_the_status_of_a_claim_tells_only_of_what_grows(refused_status: Refused, status: Any, why: list[str]) -> None:
    assert refused_status("persistentvolumeclaims", {"spec": CLAIM, "status": status}) == why


def test_an_annotation_that_is_out_of_date_is_warned_of(warned: Refused) -> None:
    annotation = "kubernetes.io/enforce-mountable-secrets"

    told = warned("serviceaccounts", {"metadata": {"annotations": {annotation: "true"}}})

    assert told == [
        f"metadata.annotations[{annotation}]: deprecated in v1.32+; "
        "prefer separate namespaces to isolate access to mounted secrets"
    ]
