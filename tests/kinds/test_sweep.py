"""No field of a built-in kind goes unasked: what the types say of a field (its choices, that it is needed, that it counts) is tried.

Which words a refusal has is the affair of the tests beside this one and of the recordings; here it is asked that there is one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from fakekube import facts
from fakekube.kinds import Kinds
from fakekube.registry.kind import Kind, Object, Strategy

from .conftest import WriteForTests, completed, why_not

Path = tuple[str | int, ...]

ANSWERED_AT_ONCE = {"Binding", "Eviction", "Scale"} | {
    kind.kind for kind in Kinds.builtin() if kind.group in ("authentication.k8s.io", "authorization.k8s.io")
}
"""They are never stored; `api/` judges them, and its tests say how."""
OTHER_VIEWS = {("autoscaling/v1", "HorizontalPodAutoscaler")}
"""What is written through them is judged in the form of another version."""
STORED = [
    kind
    for kind in Kinds.builtin()
    if "create" in kind.facts.verbs
    and kind.kind not in ANSWERED_AT_ONCE
    and (kind.api_version, kind.kind) not in OTHER_VIEWS
]
NOTHING_TO_ASK = {"ServiceAccount"}
NO_CHANGE_TO_ASK = {"ServiceAccount", "CertificateSigningRequest"}
"""Beside their metadata; what a client sends of the spec of the last is put back."""
NO_REPORT_TO_ASK = {"CronJob", "PersistentVolume", "APIService", "ServiceCIDR"}

FILLED: Mapping[str, Object] = {
    "endpoints": {"subsets": [{"addresses": [{"ip": "10.0.0.1"}]}]},
    "endpointslices.discovery.k8s.io": {"addressType": "IPv4"},
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": {
        "spec": {"type": "Limited", "limited": {"limitResponse": {"type": "Queue", "queuing": {}}}}
    },
    "services": {"spec": {"sessionAffinity": "ClientIP", "type": "NodePort"}},
}
"""What must be said before more is asked."""


def name_of(kind: Kind) -> str:
    return f"{kind.resource}.{kind.group}" if kind.group else kind.resource


def fields_of(type_name: str, path: Path = (), within: tuple[str, ...] = ()) -> Iterator[tuple[Path, facts.Field]]:
    """Every field below a type, with one element of each list and map; metadata and status are left out."""
    for name, field in facts.type_of(type_name).fields.items():
        if not path and name in ("metadata", "status"):
            continue
        step: Path = {"one": (name,), "list": (name, 0), "map": (name, "k")}.get(field.shape, (name, "k", 0))
        if field.type != "ref":
            yield (*path, *step), field
        elif field.ref not in within and facts.has_type(field.ref) and not field.ref.startswith("meta."):
            yield from fields_of(field.ref, (*path, *step), (*within, type_name))


def put(obj: Any, path: Path, value: Any) -> None:
    for step, following in itertools.pairwise(path):
        empty: Any = [] if isinstance(following, int) else {}
        if isinstance(step, int):
            if not obj:
                obj.append(empty)
            obj = obj[step]
        else:
            obj = obj.setdefault(step, empty)
    if isinstance(path[-1], int):
        obj.append(value)
    else:
        obj[path[-1]] = value


def refusals(kind: Kind, path: Path, value: Any) -> list[str]:
    """What an object is told that says nothing but this one thing, and what `FILLED` says."""
    sent = {key: _copy(part) for key, part in FILLED.get(name_of(kind), {}).items()}
    put(sent, path, value)
    obj = completed(name_of(kind), sent)
    if kind.facts.status_at_create is not None:
        obj["status"] = dict(kind.facts.status_at_create)
    return why_not(kind, obj, WriteForTests())


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(part) for key, part in value.items()}
    return [_copy(part) for part in value] if isinstance(value, list) else value


WITH_TEMPLATES = ("", "apps", "batch")


def swept(kind: Kind) -> Iterator[tuple[Path, facts.Field]]:
    """Templates are asked what pods are asked, so they are not gone through once for each kind that has one."""
    for path, field in fields_of(kind.type_name):
        in_template = kind.group in WITH_TEMPLATES and "template" in path
        if not in_template:
            yield path, field


def dotted(kind: Kind, path: Path) -> str:
    return f"{name_of(kind)} {'.'.join(map(str, path))}"


WITHOUT_ERROR_OF_THEIR_OWN = (
    "hostPath.type",  # a hostPath without a path is asked no more
    "stopSignal",  # off in the reference version
    "x-kubernetes-validations.0.reason",  # expressions in definitions are judged where they are compiled
    "volumeClaimTemplates.0.status.phase",  # what templates say of a status is kept and read by nobody
    "volumeClaimTemplates.0.status.accessModes.0",
    "volumeClaimTemplates.0.status.allocatedResourceStatuses.k",
    "volumeClaimTemplates.0.status.modifyVolumeStatus.status",
    "inlineVolumeSpec.persistentVolumeReclaimPolicy",  # told without the value
    "inlineVolumeSpec.volumeMode",
    "inlineVolumeSpec.nodeAffinity.required.nodeSelectorTerms.0.matchExpressions.0.operator",
    "inlineVolumeSpec.nodeAffinity.required.nodeSelectorTerms.0.matchFields.0.operator",
    "devices.0.nodeSelector.nodeSelectorTerms.0.matchExpressions.0.operator",
    "devices.0.nodeSelector.nodeSelectorTerms.0.matchFields.0.operator",
)
"""Fields with choices whose wrong value is not told, or told without the value, and why."""
ONLY_FOR_SIDECARS = ("Probe.", "lifecycle.")
"""Parts of containers that run to an end, which are refused as a whole."""


def told_as_a_whole(path: str) -> bool:
    passing = "initContainers" in path or "ephemeralContainers" in path
    return passing and any(part in path for part in ONLY_FOR_SIDECARS)


@pytest.mark.parametrize("kind", STORED, ids=lambda kind: f"{kind.api_version}/{kind.kind}")
def test_no_kind_is_left_unvalidated(kind: Kind) -> None:
    own, none = kind.strategy, Strategy()

    assert (own.validate_create == none.validate_create) == (kind.kind in NOTHING_TO_ASK)
    asks_nothing = (
        own.validate_update == none.validate_update and own.validate_update_first == none.validate_update_first
    )
    assert asks_nothing == (kind.kind in NO_CHANGE_TO_ASK)
    if any(each.name == "status" for each in kind.facts.subresources):
        assert (own.validate_status_update == none.validate_status_update) == (kind.kind in NO_REPORT_TO_ASK)


@pytest.mark.parametrize("kind", STORED, ids=lambda kind: f"{kind.api_version}/{kind.kind}")
def test_choices_are_kept_to(kind: Kind) -> None:
    unknown = "Wrong!"

    missing = [
        dotted(kind, path)
        for path, field in swept(kind)
        if field.enum
        and not dotted(kind, path).endswith(WITHOUT_ERROR_OF_THEIR_OWN)
        and not told_as_a_whole(dotted(kind, path))
        and not any(unknown in text for text in refusals(kind, path, unknown))
    ]

    assert missing == []


MAY_BE_NEGATIVE = (
    "additionalPrinterColumns.0.priority",
    *("spec.priority", "tolerationSeconds", "terminationGracePeriodSeconds", "exitCodes.values.0"),
    *("onExitCodes.values.0", "attributes.k.int", "attributes.k.ints.0", "priorityclasses.scheduling.k8s.io value"),
    "statefulsets.apps spec.revisionHistoryLimit",  # a warning
    *("events count", "events series.count", "deprecatedCount"),
)
ASKED_WITH_OTHERS = (
    "fc.lun",  # only with target names
    "podCertificate.maxExpirationSeconds",  # off in the reference version
    "backend.service.port.number",  # a path without a type is asked no more
    "webhook.clientConfig.service.port",  # only with the strategy Webhook
    "endpointslices.discovery.k8s.io ports.0.port",  # any number is taken
    *("inlineVolumeSpec.gcePersistentDisk.partition", "inlineVolumeSpec.awsElasticBlockStore.partition"),
    *("inlineVolumeSpec.iscsi.lun", "exempt.nominalConcurrencyShares", "exempt.lendablePercent"),
    "events.events.k8s.io series.count",  # told without the value
)


@pytest.mark.parametrize("kind", STORED, ids=lambda kind: f"{kind.api_version}/{kind.kind}")
def test_what_counts_is_not_negative(kind: Kind) -> None:
    missing = [
        dotted(kind, path)
        for path, field in swept(kind)
        if field.type == "integer"
        and "openAPIV3Schema" not in path
        and not dotted(kind, path).endswith((*MAY_BE_NEGATIVE, *ASKED_WITH_OTHERS))
        and not told_as_a_whole(dotted(kind, path))
        and not any("-7" in text for text in refusals(kind, path, -7))
    ]

    assert missing == []
