"""Rules of pods that recordings do not show; each refusal word for word."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.kinds.conftest import KINDS, completed

Refused = Callable[..., list[str]]

MAIN = {"name": "main", "image": "i"}
NEEDS_VALUE = "name part must be non-empty"
QUALIFIED = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with "
    "an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)

SPECS: list[tuple[Any, list[str]]] = [
    (
        {
            "initContainers": [
                {
                    **MAIN,
                    "name": "a",
                    "ports": [{"containerPort": 1, "hostPort": 9}, {"containerPort": 2, "hostPort": 9}],
                }
            ]
        },
        ['spec.initContainers[0].ports[1].hostPort: Duplicate value: "TCP//9"'],
    ),
    (
        {
            "initContainers": [
                {**MAIN, "name": "a", "ports": [{"containerPort": 1, "hostPort": 9}]},
                {**MAIN, "name": "b", "ports": [{"containerPort": 1, "hostPort": 9}]},
            ]
        },
        [],
    ),
    (
        {
            "containers": [
                {**MAIN, "resizePolicy": [{"resourceName": "cpu", "restartPolicy": "Often"}, {"resourceName": "cpu"}]}
            ]
        },
        [
            'spec.containers[0].resizePolicy: Unsupported value: "Often": supported values: "NotRequired", "RestartContainer"',
            'spec.containers[0].resizePolicy[1]: Duplicate value: "cpu"',
            "spec.containers[0].resizePolicy: Required value",
        ],
    ),
    (
        {
            "restartPolicy": "Never",
            "containers": [{**MAIN, "resizePolicy": [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]}],
        },
        [
            'spec.containers[0].resizePolicy: Invalid value: "RestartContainer": '
            "must be 'NotRequired' when pod `restartPolicy` is 'Never'"
        ],
    ),
    (
        {"containers": [{**MAIN, "securityContext": {"procMount": "Unmasked"}}]},
        [
            'spec.containers[0].securityContext.procMount: Invalid value: "Unmasked": '
            "`hostUsers` must be false to use `Unmasked`"
        ],
    ),
    ({"hostUsers": False, "containers": [{**MAIN, "securityContext": {"procMount": "Unmasked"}}]}, []),
    (
        {
            "containers": [
                {**MAIN, "env": [{"name": "A", "valueFrom": {"fileKeyRef": {"volumeName": "v", "path": "../x"}}}]}
            ]
        },
        [
            "spec.containers[0].env[0].valueFrom.fileKeyRef.key: Required value",
            "spec.containers[0].env[0].valueFrom.fileKeyRef.path: Invalid value: \"../x\": must not contain '..'",
            'spec.containers[0].env[0].valueFrom.fileKeyRef.volumeName: Not found: "v"',
        ],
    ),
    (
        {"readinessGates": [{"conditionType": ""}]},
        [
            f'spec.readinessGates[0].conditionType: Invalid value: "": {NEEDS_VALUE}',
            f'spec.readinessGates[0].conditionType: Invalid value: "": {QUALIFIED}',
        ],
    ),
    (
        {"priorityClassName": "Bad_", "runtimeClassName": "Bad_"},
        [
            f'spec.priorityClassName: Invalid value: "Bad_": {SUBDOMAIN}',
            f'spec.runtimeClassName: Invalid value: "Bad_": {SUBDOMAIN}',
        ],
    ),
    (
        {"securityContext": {"supplementalGroupsPolicy": "Mix", "seLinuxChangePolicy": "Never"}},
        [
            'spec.securityContext.supplementalGroupsPolicy: Unsupported value: "Mix": supported values: "Merge", "Strict"',
            'spec.securityContext.seLinuxChangePolicy: Unsupported value: "Never": supported values: "Recursive"',
        ],
    ),
    (
        {
            "hostNetwork": True,
            "hostIPC": True,
            "securityContext": {
                "sysctls": [{"name": "net.core.somaxconn", "value": "1"}, {"name": "kernel.sem", "value": "1"}]
            },
        },
        [
            'spec.securityContext.sysctls[0].name: Invalid value: "net.core.somaxconn": '
            "may not be specified when 'hostNetwork' is set to true",
            'spec.securityContext.sysctls[1].name: Invalid value: "kernel.sem": '
            "may not be specified when 'hostIPC' is set to true",
        ],
    ),
    (
        {
            "affinity": {
                "podAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": [
                        {"topologyKey": "z", "matchLabelKeys": ["a"]},
                        {
                            "topologyKey": "z",
                            "labelSelector": {},
                            "matchLabelKeys": ["a"],
                            "mismatchLabelKeys": ["a", "?"],
                        },
                    ]
                }
            }
        },
        [
            "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].matchLabelKeys: Forbidden: "
            "must not be specified when labelSelector is not set",
            "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[1].mismatchLabelKeys[1]: "
            f'Invalid value: "?": {QUALIFIED}',
            "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[1].matchLabelKeys[0]: "
            'Invalid value: "a": exists in both matchLabelKeys and mismatchLabelKeys',
        ],
    ),
    (
        {
            "topologySpreadConstraints": [
                {
                    "maxSkew": 1,
                    "topologyKey": "z",
                    "whenUnsatisfiable": "DoNotSchedule",
                    "matchLabelKeys": ["b", "a"],
                    "labelSelector": {
                        "matchLabels": {"a": "1"},
                        "matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}],
                    },
                }
            ]
        },
        ['spec.topologySpreadConstraints[0][1]: Invalid value: "a": exists in both matchLabelKeys and labelSelector'],
    ),
    (
        {
            "topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule", "matchLabelKeys": ["a"]}
            ]
        },
        [
            "spec.topologySpreadConstraints[0].matchLabelKeys: Forbidden: "
            "must not be specified when labelSelector is not set"
        ],
    ),
    ({"os": {"name": ""}}, ["spec.os.name: Required value"]),
    (
        {"os": {"name": "linux"}, "containers": [{**MAIN, "securityContext": {"windowsOptions": {}}}]},
        ["spec.containers[0].securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod"],
    ),
    (
        {
            "os": {"name": "windows"},
            "hostPID": True,
            "securityContext": {"runAsUser": 1},
            "containers": [{**MAIN, "securityContext": {"privileged": True}}],
        },
        [
            "spec.hostPID: Forbidden: cannot be set for a windows pod",
            "spec.securityContext.runAsUser: Forbidden: cannot be set for a windows pod",
            "spec.containers[0].securityContext.privileged: Forbidden: cannot be set for a windows pod",
        ],
    ),
    (
        {
            "securityContext": {
                "windowsOptions": {"hostProcess": True, "runAsUserName": "a\\b\\c", "gmsaCredentialSpec": ""}
            }
        },
        [
            'spec.securityContext.windowsOptions.gmsaCredentialSpec: Invalid value: "": '
            "gmsaCredentialSpec cannot be an empty string",
            'spec.securityContext.windowsOptions.runAsUserName: Invalid value: "a\\\\b\\\\c": '
            "runAsUserName cannot contain more than one backslash",
            "spec.hostNetwork: Invalid value: false: hostNetwork must be true if pod contains any hostProcess containers",
        ],
    ),
    (
        {
            "hostNetwork": True,
            "containers": [MAIN, {**MAIN, "name": "b", "securityContext": {"windowsOptions": {"hostProcess": True}}}],
        },
        [
            'spec: Invalid value: "": If pod contains any hostProcess containers then all containers must be HostProcess containers'
        ],
    ),
    (
        {"volumes": [{"name": "v", "image": {"reference": "", "pullPolicy": "Sometimes"}}]},
        [
            "spec.volumes[0].image.reference: Required value",
            'spec.volumes[0].image.pullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"',
        ],
    ),
    (
        {
            "volumes": [
                {
                    "name": "v",
                    "ephemeral": {
                        "volumeClaimTemplate": {
                            "metadata": {"name": "n", "finalizers": ["a/b"], "labels": {"a": "b"}},
                            "spec": {
                                "accessModes": ["ReadWriteOnce"],
                                "resources": {"requests": {"storage": "1"}},
                                "dataSource": {"kind": "Thing", "name": ""},
                                "volumeAttributesClassName": "Bad_",
                            },
                        }
                    },
                }
            ]
        },
        [
            "spec.volumes[0].ephemeral.volumeClaimTemplate.metadata.name: Forbidden: cannot be set",
            "spec.volumes[0].ephemeral.volumeClaimTemplate.metadata.finalizers: Forbidden: cannot be set",
            "spec.volumes[0].ephemeral.volumeClaimTemplate.spec.dataSource.name: Required value",
            'spec.volumes[0].ephemeral.volumeClaimTemplate.spec.dataSource: Invalid value: "Thing": '
            "must be 'PersistentVolumeClaim' when referencing the default apiGroup",
            f'spec.volumes[0].ephemeral.volumeClaimTemplate.spec.volumeAttributesClassName: Invalid value: "Bad_": {SUBDOMAIN}',
        ],
    ),
    (
        {
            "containers": [
                {
                    **MAIN,
                    "restartPolicy": "Always",
                    "restartPolicyRules": [{"action": "Restart", "exitCodes": {"operator": "Is"}}],
                }
            ]
        },
        [
            'spec.containers[0].restartPolicyRules[0].exitCodes.operator: Unsupported value: "Is": supported values: "In", "NotIn"'
        ],
    ),
]


@pytest.mark.parametrize(("spec", "why"), SPECS)
def test_pods_are_refused_with_the_words_of_the_server(refused: Refused, spec: Any, why: list[str]) -> None:
    assert refused("pods", {"spec": {"containers": [MAIN], **spec}}) == why


ANNOTATIONS: list[tuple[dict[str, str], list[str]]] = [
    (
        {"kubernetes.io/config.mirror": "x"},
        [
            'metadata.annotations[kubernetes.io/config.mirror]: Invalid value: "x": '
            "must set spec.nodeName if mirror pod annotation is set"
        ],
    ),
    (
        {"controller.kubernetes.io/pod-deletion-cost": "+1"},
        [
            'metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "+1": must be a 32bit integer'
        ],
    ),
    ({"controller.kubernetes.io/pod-deletion-cost": "-2147483648"}, []),
    (
        {"seccomp.security.alpha.kubernetes.io/pod": "mine"},
        [
            'metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: Invalid value: "mine": '
            "must be a valid seccomp profile"
        ],
    ),
    ({"container.seccomp.security.alpha.kubernetes.io/main": "localhost/a"}, []),
    (
        {"container.apparmor.security.beta.kubernetes.io/other": "mine"},
        [
            'metadata.annotations[container.apparmor.security.beta.kubernetes.io/other]: Invalid value: "other": '
            "container not found",
            'metadata.annotations[container.apparmor.security.beta.kubernetes.io/other]: Invalid value: "mine": '
            'invalid AppArmor profile name: "mine"',
        ],
    ),
]


@pytest.mark.parametrize(("annotations", "why"), ANNOTATIONS)
def test_annotations_that_mean_something_are_read(
    refused: Refused, annotations: dict[str, str], why: list[str]
) -> None:
    assert refused("pods", {"metadata": {"annotations": annotations}, "spec": {"containers": [MAIN]}}) == why


def test_templates_are_asked_the_same_of_their_annotations(refused: Refused) -> None:
    annotations = {"controller.kubernetes.io/pod-deletion-cost": "much"}

    why = refused(
        "podtemplates", {"template": {"metadata": {"annotations": annotations}, "spec": {"containers": [MAIN]}}}
    )

    assert why == [
        'template.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "much": must be a 32bit integer'
    ]


def test_templates_hold_no_ephemeral_containers(refused: Refused) -> None:
    spec = {"containers": [MAIN], "ephemeralContainers": [{"name": "e", "image": "i"}]}

    why = refused("podtemplates", {"template": {"spec": spec}})

    assert why == ["template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template"]


def test_mirrors_stay_mirrors(refused_change: Refused) -> None:
    mirror = {
        "metadata": {"annotations": {"kubernetes.io/config.mirror": "x"}},
        "spec": {"nodeName": "n", "containers": [MAIN]},
    }
    plain = {"spec": {"nodeName": "n", "containers": [MAIN]}}
    path = "metadata.annotations[kubernetes.io/config.mirror]"

    assert refused_change("pods", mirror, plain) == [
        f"{path}: Forbidden: may not remove or update mirror pod annotation"
    ]
    assert refused_change("pods", plain, mirror) == [f"{path}: Forbidden: may not add mirror pod annotation"]


def gated(**affinity: Any) -> Any:
    spec: Any = {"schedulingGates": [{"name": "example.com/g"}], "containers": [MAIN]}
    return {"spec": {**spec, "affinity": affinity} if affinity else spec}


def on_nodes(*terms: Any) -> Any:
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}}


ZONE, DISK = {"key": "zone", "operator": "Exists"}, {"key": "disk", "operator": "Exists"}
TERMS = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
SHOWN = '{"MatchExpressions":[{"Key":"disk","Operator":"Exists","Values":null}],"MatchFields":null}'
NARROWING: list[tuple[Any, Any, list[str]]] = [
    ({}, on_nodes({"matchExpressions": [ZONE]}), []),
    (on_nodes({"matchExpressions": [ZONE]}), on_nodes({"matchExpressions": [ZONE, DISK]}), []),
    (
        on_nodes({"matchExpressions": [ZONE]}),
        on_nodes({"matchExpressions": [DISK]}),
        [f"{TERMS}[0]: Invalid value: {SHOWN}: only additions are allowed (no mutations or deletions)"],
    ),
    (
        on_nodes({"matchExpressions": [ZONE]}),
        {},
        [f"{TERMS}: Invalid value: null: no additions/deletions to non-empty NodeSelectorTerms list are allowed"],
    ),
]


@pytest.mark.parametrize(("before", "after", "why"), NARROWING)
def test_nodes_of_a_gated_pod_only_become_fewer(
    refused_change: Refused, before: Any, after: Any, why: list[str]
) -> None:
    assert refused_change("pods", gated(**before), gated(**after)) == why


@pytest.mark.parametrize(("sent", "shown"), [({}, "null"), ({"nodeSelector": {}}, "{}")])
def test_a_selector_of_nodes_that_was_sent_empty_is_shown_so(refused_change: Refused, sent: Any, shown: str) -> None:
    before, after = gated(), gated()
    before["spec"]["nodeSelector"] = {"zone": "a"}
    after["spec"] |= sent

    (why,) = refused_change("pods", before, after)

    assert why.startswith(f"spec.nodeSelector: Invalid value: {shown}: only additions to spec.nodeSelector are allowed")


def test_gated_pods_keep_what_they_say_of_other_pods(refused_change: Refused) -> None:
    others = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]}}

    (why,) = refused_change("pods", gated(), gated(**others, **on_nodes({"matchExpressions": [ZONE]})))

    assert why.startswith("spec: Forbidden: pod updates may not change fields other than")


@pytest.mark.parametrize(
    ("door", "pod", "why"),
    [
        ("ephemeralcontainers", {"mirror": True}, "static pods do not support ephemeral containers"),
        ("resize", {"mirror": True}, "static pods cannot be resized"),
        ("resize", {"os": {"name": "windows"}}, "windows pods cannot be resized"),
    ],
)
def test_some_pods_are_not_changed_through_doors(door: str, pod: Any, why: str) -> None:
    annotations = {"kubernetes.io/config.mirror": "x"} if pod.pop("mirror", False) else {}
    old = completed("pods", {"metadata": {"annotations": annotations}, "spec": {"containers": [MAIN], **pod}})
    validate = KINDS.named("pods").strategy.doors[door].validate
    assert validate is not None

    assert [str(error) for error in validate(copy.deepcopy(old), old)] == [f"[]: Forbidden: {why}"]


def projected(*sources: Any) -> Any:
    return {"spec": {"containers": [MAIN], "volumes": [{"name": "v", "projected": {"sources": list(sources)}}]}}


def test_a_projection_is_judged_alike_however_often_it_comes(refused: Callable[[str, Any], list[str]]) -> None:
    token = {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}}
    short = {"serviceAccountToken": {"path": "token", "expirationSeconds": 599}}

    assert [refused("pods", projected(token)) for _ in range(4)] == [[]] * 4
    assert [refused("pods", projected(token, short)) for _ in range(4)] == [
        [
            "spec.volumes[0].projected.sources[1].serviceAccountToken.expirationSeconds: Invalid value: 599: "
            "may not specify a duration less than 10 minutes",
        ]
    ] * 4


def test_a_refused_change_shows_lists_of_containers_that_were_sent_empty(refused_change: Refused) -> None:
    container: dict[str, Any] = {"name": "a", "image": "i"}

    (why,) = refused_change(
        "pods",
        {"spec": {"containers": [container]}},
        {"spec": {"containers": [{**container, "args": [], "workingDir": "/w"}]}},
    )

    assert '-   "Args": null,\n-   "WorkingDir": "",\n+   "Args": [],\n+   "WorkingDir": "/w",\n' in why
