from __future__ import annotations

import copy
from typing import Any

from fakekube.kinds.batch.job import STRATEGY, share_labels


def job(
    labels: dict[str, str] | None = None, template_labels: dict[str, str] | None = None, **spec: Any
) -> dict[str, Any]:
    pod = {"containers": [{"name": "main", "image": "x"}], "restartPolicy": "Never", "dnsPolicy": "ClusterFirst"}
    template: dict[str, Any] = {"spec": pod}
    if template_labels:
        template["metadata"] = {"labels": template_labels}
    metadata: dict[str, Any] = {"name": "j", "namespace": "shop", "uid": "u-1"}
    if labels:
        metadata["labels"] = labels
    base = {"parallelism": 1, "completions": 1, "completionMode": "NonIndexed", "template": template}
    return {"kind": "Job", "apiVersion": "batch/v1", "metadata": metadata, "spec": {**base, **spec}}


def prepared(operation: Any, **parts: Any) -> dict[str, Any]:
    new = job(**parts)
    STRATEGY.prepare_create(new, operation)
    return new


def texts(errors: Any) -> list[str]:
    return [str(error) for error in errors]


def test_job_ties_its_pods_to_itself(operation: Any) -> None:
    new = prepared(operation)

    assert new["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": "u-1"}}
    assert new["spec"]["template"]["metadata"]["labels"] == {
        "batch.kubernetes.io/controller-uid": "u-1",
        "batch.kubernetes.io/job-name": "j",
        "controller-uid": "u-1",
        "job-name": "j",
    }
    assert texts(STRATEGY.validate_create(new)) == []
    assert "labels" not in new["metadata"]
    share_labels(new, None, operation)
    assert new["metadata"]["labels"] == new["spec"]["template"]["metadata"]["labels"]


def test_job_with_labels_of_its_own_keeps_just_those(operation: Any) -> None:
    new = prepared(operation, labels={"own": "label"}, template_labels={"app": "x"})

    assert new["metadata"]["labels"] == {"own": "label"}


def test_selector_of_ones_own_needs_manual_selector(operation: Any) -> None:
    selector = {"matchLabels": {"app": "x"}}
    chosen = prepared(operation, template_labels={"app": "x"}, selector=selector)
    manual = prepared(operation, template_labels={"app": "x"}, selector=selector, manualSelector=True)

    assert texts(STRATEGY.validate_create(chosen)) == [
        'spec.selector: Invalid value: {"matchLabels":{"app":"x","batch.kubernetes.io/controller-uid":"u-1"}}: '
        "`selector` not auto-generated"
    ]
    assert texts(STRATEGY.validate_create(manual)) == []


def test_pods_of_a_job_must_end(operation: Any) -> None:
    new = prepared(operation)
    new["spec"]["template"]["spec"]["restartPolicy"] = "Always"

    assert texts(STRATEGY.validate_create(new)) == [
        'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'
    ]


def test_template_of_a_job_does_not_change(operation: Any) -> None:
    old = prepared(operation)
    new = copy.deepcopy(old)
    new["spec"]["template"]["spec"]["containers"][0]["image"] = "other"

    (error,) = STRATEGY.validate_update(new, old)

    assert error.field == "spec.template"
    assert error.message.startswith('Invalid value: {"labels":{"batch.kubernetes.io/controller-uid":"u-1",')
    assert error.message.endswith('"SchedulingGroup":null}}: field is immutable')


def test_completions_of_an_indexed_job_change_only_with_its_parallelism(operation: Any) -> None:
    old = prepared(operation, completionMode="Indexed", completions=2, parallelism=2)
    alone, together = copy.deepcopy(old), copy.deepcopy(old)
    alone["spec"]["completions"] = 3
    together["spec"] |= {"completions": 3, "parallelism": 3}

    assert texts(STRATEGY.validate_update(alone, old)) == [
        "spec.completions: Invalid value: 3: can only be modified in tandem with spec.parallelism"
    ]
    assert texts(STRATEGY.validate_update(together, old)) == []
