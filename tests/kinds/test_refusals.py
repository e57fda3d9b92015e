"""Rules of further kinds that recordings do not show; each refusal word for word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., list[str]]

POD = {"containers": [{"name": "main", "image": "i"}], "restartPolicy": "Never"}
RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
NO_RANGE = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
NO_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
NO_NAME = (
    "name part must be non-empty",
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
)
INLINE = "spec.source.inlineVolumeSpec"
BALANCED = "may only be used when `type` is 'LoadBalancer'"

REFUSALS: list[tuple[str, Any, list[str]]] = [
    (
        "jobs.batch",
        {"spec": {"template": {"spec": POD}, "completionMode": "Indexed", "completions": 2, "maxFailedIndexes": 3}},
        [
            "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified",
            "spec.maxFailedIndexes: Invalid value: 3: must be less than or equal to completions",
        ],
    ),
    (
        "jobs.batch",
        {
            "spec": {
                "template": {"spec": POD},
                "completionMode": "Indexed",
                "completions": 100_001,
                "parallelism": 10_001,
                "backoffLimitPerIndex": 1,
            }
        },
        [
            "spec.maxFailedIndexes: Required value: must be specified when completions is above 100000",
            "spec.parallelism: Invalid value: 10001: must be less than or equal to 10000 when completions are above 100000 "
            "and used with backoff limit per index",
        ],
    ),
    (
        "jobs.batch",
        {"spec": {"template": {"spec": POD}, "managedBy": "example.com/" + 60 * "a"}},
        ["spec.managedBy: Too long: may not be more than 63 bytes"],
    ),
    (
        "jobs.batch",
        {
            "spec": {
                "template": {"spec": POD},
                "podFailurePolicy": {"rules": [{"action": "Count", "onExitCodes": {"values": list(range(1, 258))}}]},
            }
        },
        [
            'spec.podFailurePolicy.rules[0].onExitCodes.operator: Required value: valid values: ["In" "NotIn"]',
            "spec.podFailurePolicy.rules[0].onExitCodes.values: Too many: 257: must have at most 255 items",
        ],
    ),
    (
        "services",
        {"spec": {"type": "LoadBalancer", "ports": [{"port": 10250}]}},
        ["spec.ports[0]: Invalid value: 10250: may not expose port 10250 externally since it is used by kubelet"],
    ),
    ("services", {"spec": {"type": "ExternalName", "externalName": "example.com."}}, []),
    ("services", {"spec": {"type": "ExternalName", "externalName": "."}}, ["spec.externalName: Required value"]),
    (
        "services",
        {"spec": {"ports": [{"port": 1, "appProtocol": ""}]}},
        [f'spec.ports[0].appProtocol: Invalid value: "": {text}' for text in NO_NAME],
    ),
    (
        "services",
        {"metadata": {"annotations": {RANGES: " 10.0.0.0/8, x "}}, "spec": {"ports": [{"port": 1}]}},
        [
            f"metadata.annotations[{RANGES}]: Forbidden: {BALANCED}",
            f'metadata.annotations[{RANGES}]: Invalid value: "x": {NO_RANGE}',
        ],
    ),
    (
        "services",
        {"metadata": {"annotations": {RANGES: " "}}, "spec": {"type": "LoadBalancer", "ports": [{"port": 1}]}},
        [],
    ),
    (
        "services",
        {"spec": {"ports": [{"port": 1}], "clusterIPs": ["10.0.0.1", "10.0.0.2"]}},
        [
            'spec.clusterIPs: Invalid value: ["10.0.0.1","10.0.0.2"]: must be empty when `clusterIP` is not specified',
            'spec.clusterIPs: Invalid value: ["10.0.0.1","10.0.0.2"]: may specify no more than one IP for each IP family',
        ],
    ),
    (
        "services",
        {"spec": {"ports": [{"port": 1}], "clusterIP": "None", "clusterIPs": ["None", "10.0.0.2"]}},
        ['spec.clusterIPs: Invalid value: ["None","10.0.0.2"]: \'None\' must be the first and only value'],
    ),
    (
        "services",
        {"spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 80, "appProtocol": "a b"}]}},
        [
            "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. "
            "The range of valid ports is 30000-32767"
        ],
    ),
    (
        "services",
        {"spec": {"ipFamilies": ["IPv4", "IPv6"], "ports": [{"port": 80}]}},
        [
            "spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' "
            "when multiple IP families are specified"
        ],
    ),
    (
        "ingresses.networking.k8s.io",
        {"spec": {"defaultBackend": {"resource": {"apiGroup": "Bad_", "kind": "", "name": "n"}}}},
        [
            'spec.defaultBackend.resource.apiGroup: Invalid value: "Bad_": a lowercase RFC 1123 subdomain must consist of '
            "lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character "
            "(e.g. 'example.com', regex used for validation is "
            "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
            "spec.defaultBackend.resource.kind: Required value",
        ],
    ),
    ("controllerrevisions.apps", {"data": 5}, ["data: Required value: data must be a valid JSON object"]),
    (
        "daemonsets.apps",
        {"spec": {"template": {"spec": {"containers": POD["containers"]}}}},
        ["spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`"],
    ),
    (
        "daemonsets.apps",
        {"spec": {"template": {"metadata": {"labels": {}}, "spec": {"containers": POD["containers"]}}}},
        ["spec.template.metadata.labels: Invalid value: {}: `selector` does not match template `labels`"],
    ),
    (
        "events",
        {
            "eventTime": "2026-01-01T00:00:00.000000Z",
            "involvedObject": {"namespace": "other"},
            "action": "a",
            "reason": "r",
        },
        [
            "reportingComponent: Required value",
            *(f'reportingComponent: Invalid value: "": {text}' for text in NO_NAME),
            "reportingInstance: Required value",
        ],
    ),
    (
        "persistentvolumeclaims",
        {
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
                "dataSourceRef": {"apiGroup": "example.com", "kind": "", "name": ""},
            }
        },
        [
            "spec.dataSource.name: Required value",
            "spec.dataSource.kind: Required value",
            "spec.dataSourceRef.name: Required value",
            "spec.dataSourceRef.kind: Required value",
        ],
    ),
    *(
        (
            "persistentvolumes",
            {"spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, name: source}},
            [f"spec.{name}.{text}" for text in why],
        )
        for name, source, why in (
            (
                "cinder",
                {"volumeID": "v", "secretRef": {}},
                ["secretRef.name: Required value", "secretRef.namespace: Required value"],
            ),
            (
                "azureFile",
                {"secretName": "s", "shareName": "n", "secretNamespace": ""},
                ["secretNamespace: Required value"],
            ),
            ("storageos", {"volumeName": "a.b"}, ['volumeName: Invalid value: "a.b": must not contain dots']),
            (
                "glusterfs",
                {"endpoints": "e", "path": "p", "endpointsNamespace": "a.b"},
                ['endpointsNamespace: Invalid value: "a.b": must not contain dots'],
            ),
        )
    ),
    (
        "volumeattachments.storage.k8s.io",
        {
            "spec": {
                "attacher": "example.com",
                "nodeName": "n",
                "source": {
                    "inlineVolumeSpec": {
                        "capacity": {"storage": "1Gi"},
                        "storageClassName": "c",
                        "volumeMode": "Block",
                        "persistentVolumeReclaimPolicy": "Delete",
                        "hostPath": {"path": ""},
                    }
                },
            }
        },
        [
            f"{INLINE}.capacity: Forbidden: may not be specified in the context of inline volumes",
            f"{INLINE}.csi: Required value: has to be specified in the context of inline volumes",
            f"{INLINE}.accessModes: Required value",
            f"{INLINE}.persistentVolumeReclaimPolicy: Forbidden: may only be Retain in the context of inline volumes",
            f"{INLINE}.hostPath.path: Required value",
            f"{INLINE}.storageClassName: Forbidden: may not be specified in the context of inline volumes",
            f"{INLINE}.volumeMode: Forbidden: may not specify volumeMode other than Filesystem "
            "in the context of inline volumes",
        ],
    ),
]


@pytest.mark.parametrize(("kind", "sent", "why"), REFUSALS)
def test_objects_are_refused_with_the_words_of_the_server(
    refused: Refused, kind: str, sent: Any, why: list[str]
) -> None:
    assert refused(kind, sent) == why


def test_balancers_report_addresses_and_names(refused_status: Refused) -> None:
    ingress = [
        {"ip": "1.2.3"},
        {"hostname": "1.2.3.4"},
        {"hostname": "a.b", "ipMode": "VIP"},
        {"ip": "1.2.3.4", "ipMode": "Relay"},
    ]
    path = "status.loadBalancer.ingress"

    why = refused_status(
        "services",
        {"spec": {"type": "LoadBalancer", "ports": [{"port": 1}]}, "status": {"loadBalancer": {"ingress": ingress}}},
    )

    assert why == [
        f'{path}[0].ip: Invalid value: "1.2.3": {NO_ADDRESS}',
        f'{path}[1].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
        f"{path}[2].ipMode: Forbidden: may not be specified when `ip` is not set",
        f'{path}[3].ipMode: Unsupported value: "Relay": supported values: "Proxy", "VIP"',
    ]


@pytest.mark.parametrize(
    ("affinity", "free"),
    [
        (
            {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": {}}]}},
            True,
        ),
        ({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "z"}]}}, False),
    ],
)
def test_jobs_that_wait_may_change_where_their_pods_go(refused_change: Refused, affinity: Any, free: bool) -> None:
    def job(**pod: Any) -> Any:
        template = {"metadata": {"labels": {"a": "b"}}, "spec": {**POD, **pod}}
        return {
            "spec": {
                "suspend": True,
                "manualSelector": True,
                "selector": {"matchLabels": {"a": "b"}},
                "template": template,
            }
        }

    suspended = {"status": {"conditions": [{"type": "Suspended", "status": "True"}]}}
    why = refused_change("jobs.batch", {**job(), **suspended}, {**job(affinity=affinity), **suspended})

    assert (why == []) == free


def test_the_attributes_class_of_a_volume_is_not_taken_away(refused_change: Refused) -> None:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "1Gi"},
        "csi": {"driver": "example.com", "volumeHandle": "h"},
    }

    why = refused_change("persistentvolumes", {"spec": {**spec, "volumeAttributesClassName": "gold"}}, {"spec": spec})

    assert why == ["spec.volumeAttributesClassName: Forbidden: update from non-nil value to nil is forbidden"]


WARNINGS: list[tuple[str, Any, list[str]]] = [
    (
        "networkpolicies.networking.k8s.io",
        {
            "spec": {
                "egress": [{"to": [{"ipBlock": {"cidr": "2001:DB8::/32", "except": ["2001:db8:0::/48"]}}]}],
                "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}],
            }
        },
        [
            'spec.egress[0].to[0].ipBlock.cidr: IPv6 CIDR value "2001:DB8::/32" should be in RFC 5952 canonical format '
            '("2001:db8::/32")',
            'spec.egress[0].to[0].ipBlock.except[0]: IPv6 CIDR value "2001:db8:0::/48" should be in RFC 5952 '
            'canonical format ("2001:db8::/48")',
        ],
    ),
    (
        "endpoints",
        {"subsets": [{"addresses": [{"ip": "2001:DB8::1"}]}]},
        [
            'subsets[0].addresses[0].ip: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format '
            '("2001:db8::1")'
        ],
    ),
    (
        "endpointslices.discovery.k8s.io",
        {"addressType": "IPv6", "endpoints": [{"addresses": ["2001:DB8::1"]}]},
        [
            'endpoints[0].addresses[0]: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format '
            '("2001:db8::1")'
        ],
    ),
    (
        "endpointslices.discovery.k8s.io",
        {"addressType": "FQDN", "endpoints": [{"addresses": ["a.example.com"]}]},
        ["spec.addressType: FQDN endpoints are deprecated"],
    ),
    (
        "nodes",
        {"spec": {"externalID": "e", "podCIDR": "2001:DB8::/64", "podCIDRs": ["2001:DB8::/64"]}},
        [
            "spec.externalID: this field is deprecated, and is unused by Kubernetes",
            'spec.podCIDRs[0]: IPv6 CIDR value "2001:DB8::/64" should be in RFC 5952 canonical format ("2001:db8::/64")',
        ],
    ),
]


@pytest.mark.parametrize(("kind", "sent", "told"), WARNINGS)
def test_objects_are_warned_about_with_the_words_of_the_server(
    warned: Refused, kind: str, sent: Any, told: list[str]
) -> None:
    assert warned(kind, sent) == told
