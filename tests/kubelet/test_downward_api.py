"""What pods may know of themselves, as text."""

from __future__ import annotations

from typing import Any

import pytest

from fakekube.kubelet.downward_api import (
    DownwardAPIError,
    field_of_environment,
    field_of_volume,
    format_map,
    resource,
    resource_of_environment,
    resource_of_volume,
)
from tests.kubelet.sources import NODE, pod_of

ALLOCATABLE = NODE["status"]["allocatable"]


def annotated() -> dict[str, Any]:
    pod = pod_of()
    pod["metadata"]["annotations"] = {"b": "two\nlines", "a": 'say "hi"', "example.com/Upper": "x"}
    return pod


IN_BOTH = [
    ("metadata.name", "p"),
    ("metadata.namespace", "shop"),
    ("metadata.uid", "u-1"),
    ("metadata.labels", 'app="web"'),
    ("metadata.annotations", 'a="say \\"hi\\""\nb="two\\nlines"\nexample.com/Upper="x"'),
    ("metadata.labels['app']", "web"),
    ("metadata.labels['absent']", ""),
    ("metadata.annotations['b']", "two\nlines"),
    ("metadata.annotations['example.com/Upper']", "x"),
    ("metadata.annotations['Example.com/a']", ""),
]
ONLY_IN_ENVIRONMENT = [
    ("spec.nodeName", "node-1"),
    ("spec.host", "node-1"),
    ("spec.serviceAccountName", "default"),
    ("status.hostIP", "172.18.0.2"),
    ("status.hostIPs", "172.18.0.2"),
    ("status.podIP", "10.244.0.5"),
    ("status.podIPs", "10.244.0.5,fd00::5"),
]


@pytest.mark.parametrize(("path", "text"), IN_BOTH)
def test_a_field_in_a_file(path: str, text: str) -> None:
    assert field_of_volume(annotated(), path) == text


@pytest.mark.parametrize(("path", "text"), [*IN_BOTH, *ONLY_IN_ENVIRONMENT])
def test_a_field_in_a_variable(path: str, text: str) -> None:
    assert field_of_environment(annotated(), {"apiVersion": "v1", "fieldPath": path}) == text


@pytest.mark.parametrize(("path", "_"), ONLY_IN_ENVIRONMENT)
def test_files_show_nothing_of_spec_and_status(path: str, _: str) -> None:
    with pytest.raises(DownwardAPIError, match=f"^unsupported fieldPath: {path}$"):
        field_of_volume(pod_of(), path)


@pytest.mark.parametrize(
    ("reference", "error"),
    [
        ({"fieldPath": "spec.containers"}, "field label not supported: spec.containers"),
        ({"fieldPath": "spec.restartPolicy"}, "unsupported fieldPath: spec.restartPolicy"),
        ({"fieldPath": "metadata.name['a']"}, "field label does not support subscript: metadata.name['a']"),
        ({"fieldPath": "metadata.labels['a'"}, "field label not supported: metadata.labels['a'"),
        (
            {"fieldPath": "metadata.labels['']"},
            "invalid key subscript in metadata.labels['']: name part must be non-empty;",
        ),
        (
            {"fieldPath": "metadata.labels['a b']"},
            "invalid key subscript in metadata.labels['a b']: name part must consist",
        ),
        (
            {"fieldPath": "metadata.labels['Example.com/a']"},
            "invalid key subscript in metadata.labels['Example.com/a']: prefix part a lowercase RFC 1123 subdomain must",
        ),
        ({"fieldPath": "metadata.name", "apiVersion": "v2"}, "unsupported pod version: v2"),
    ],
)
def test_what_is_no_field_of_a_variable(reference: dict[str, str], error: str) -> None:
    with pytest.raises(DownwardAPIError) as refused:
        field_of_environment(pod_of(), reference)

    assert str(refused.value).startswith(error)


def test_a_subscript_of_another_field_in_a_file_is_refused() -> None:
    with pytest.raises(DownwardAPIError) as refused:
        field_of_volume(pod_of(), "metadata.name['a']")

    assert str(refused.value) == "fieldPath \"metadata.name['a']\" does not support subscript"


def test_addresses_that_no_status_tells_are_those_of_the_node() -> None:
    pod = pod_of()
    del pod["status"]

    assert field_of_environment(pod, {"fieldPath": "status.hostIP"}, NODE) == "172.18.0.2"
    assert field_of_environment(pod, {"fieldPath": "status.podIP"}, NODE) == ""


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("plain", "plain"),
        ("\a\b\f\n\r\t\v", r"\a\b\f\n\r\t\v"),
        ('\\ "', r"\\ \""),
        ("naïve ☃ 😀", "naïve ☃ 😀"),
        ("\x00\x1b\x7f", r"\x00\x1b\x7f"),
        ("\u00a0\u200b\ufeff", r"\u00a0\u200b\ufeff"),
        ("\U000e0001", r"\U000e0001"),
    ],
)
def test_values_in_lists_are_escaped_as_go_does(value: str, escaped: str) -> None:
    assert format_map({"k": value}) == f'k="{escaped}"'


def test_lists_are_sorted_and_end_without_a_newline() -> None:
    assert format_map({"b": "2", "a": "1"}) == 'a="1"\nb="2"'
    assert format_map({}) == ""


TUTORIAL = {"requests": {"cpu": "15m", "memory": "100Ki"}, "limits": {"cpu": "100m", "memory": "4Mi"}}


@pytest.mark.parametrize(
    ("resources", "wanted", "divisor", "text"),
    [
        (TUTORIAL, "requests.cpu", "1m", "15"),
        (TUTORIAL, "limits.memory", "1Ki", "4096"),
        (TUTORIAL, "limits.memory", "1", "4194304"),
        ({"limits": {"cpu": "250m"}}, "limits.cpu", "1", "1"),
        ({"limits": {"cpu": "250m"}}, "limits.cpu", None, "1"),
        ({"limits": {"cpu": "250m"}}, "limits.cpu", "0", "1"),
        ({"limits": {"cpu": "250m"}}, "limits.cpu", "1m", "250"),
        ({"limits": {"memory": "100M"}}, "limits.memory", "1Mi", "96"),
        ({"limits": {"memory": "1Gi"}}, "limits.memory", "1E", "1"),
        ({"requests": {"ephemeral-storage": "1G"}}, "requests.ephemeral-storage", "1k", "1000000"),
        ({"limits": {"hugepages-2Mi": "4Mi"}}, "limits.hugepages-2Mi", "1Mi", "4"),
        ({"limits": {"memory": "9223372036854775807"}}, "limits.memory", "1", "9223372036854775807"),
        ({"limits": {"memory": "9007199254740993"}}, "limits.memory", "1", "9007199254740993"),
        ({"limits": {"cpu": "9223372036854775807"}}, "limits.cpu", "1m", "9223372036854775807"),
        ({"requests": {"cpu": "-1"}}, "requests.cpu", "1", "0"),
        ({}, "requests.cpu", "1m", "0"),
        ({}, "limits.hugepages-2Mi", "1", "0"),
        ({}, "limits.cpu", "1", "8"),
        ({"limits": {"cpu": "0"}}, "limits.cpu", "1m", "8000"),
        ({}, "limits.memory", "1Ki", "16271788"),
        ({}, "limits.ephemeral-storage", "1", "94101899518"),
    ],
)
def test_a_resource_by_a_divisor(resources: dict[str, Any], wanted: str, divisor: str | None, text: str) -> None:
    reference = {"resource": wanted} | ({"divisor": divisor} if divisor is not None else {})

    assert resource({"name": "c", "resources": resources}, reference, ALLOCATABLE) == text


@pytest.mark.parametrize("wanted", ["limits.gpu", "claims.cpu", "cpu", "requests."])
def test_what_is_no_resource(wanted: str) -> None:
    with pytest.raises(DownwardAPIError, match=f"^unsupported container resource : {wanted}$"):
        resource({"name": "c"}, {"resource": wanted}, ALLOCATABLE)


def test_a_variable_is_of_its_own_container_unless_it_names_another() -> None:
    container = {"name": "c", "resources": {"limits": {"cpu": "1"}}}
    pod = pod_of(initContainers=[{"name": "first", "resources": {"limits": {"cpu": "2"}}}, {"name": "bare"}])

    def value(**reference: str) -> str:
        return resource_of_environment(pod, container, {"resource": "limits.cpu", **reference}, ALLOCATABLE)

    assert value() == "1"
    assert value(containerName="first") == "2"
    assert value(containerName="c") == "8"  # what stands in the pod under this name
    assert value(containerName="bare") == "0"  # init containers are given no limit


def test_a_file_of_an_init_container_falls_back_on_the_node_too() -> None:
    pod = pod_of(initContainers=[{"name": "bare"}])

    assert resource_of_volume(pod, {"resource": "limits.cpu", "containerName": "bare"}, ALLOCATABLE) == "8"


@pytest.mark.parametrize("read", [resource_of_volume, lambda pod, *more: resource_of_environment(pod, {}, *more)])
def test_an_unknown_container_is_told(read: Any) -> None:
    with pytest.raises(DownwardAPIError, match=r"^container other not found$"):
        read(pod_of(), {"resource": "limits.cpu", "containerName": "other"}, ALLOCATABLE)
