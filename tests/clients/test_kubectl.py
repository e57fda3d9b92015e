"""kubectl of the version that fakekube imitates."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest

from .conftest import Cluster

Kubectl = Callable[..., str]

MANIFEST = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {app: shop}}
data: {colour: red}
"""


@pytest.fixture
def kubectl(cluster: Cluster, namespace: str) -> Kubectl:
    """`kubectl("get", "pods")` is what it prints; `stdin` and `fails=True` as needed."""

    def run(*arguments: str, stdin: str = "", fails: bool = False) -> str:
        command = ["kubectl", "--namespace", namespace, *arguments]
        environment = cluster.environment()
        done = subprocess.run(
            command, env=environment, input=stdin, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stderr if fails else done.stdout

    return run


def test_kubectl_creates_reads_changes_and_deletes(kubectl: Kubectl) -> None:
    assert kubectl("create", "-f", "-", stdin=MANIFEST) == "configmap/settings created\n"
    assert kubectl("get", "configmaps", "-l", "app=shop", "-o", "name") == "configmap/settings\n"
    assert kubectl("patch", "configmap", "settings", "--type=merge", "-p", '{"data": {"colour": "blue"}}').endswith(
        "patched\n"
    )
    assert kubectl("get", "configmap", "settings", "-o", "jsonpath={.data.colour}") == "blue"
    assert kubectl("delete", "configmap", "settings").startswith('configmap "settings" deleted')
    assert "NotFound" in kubectl("get", "configmap", "settings", fails=True)


def test_kubectl_sends_protobuf_and_is_understood(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "made", "--from-literal=colour=green")
    kubectl("create", "deployment", "web", "--image=nginx", "--replicas=2")

    assert json.loads(kubectl("get", "configmap", "made", "-o", "json"))["data"] == {"colour": "green"}
    assert kubectl("get", "deployment", "web", "-o", "jsonpath={.spec.replicas}") == "2"


def test_kubectl_apply_creates_once(kubectl: Kubectl) -> None:
    assert kubectl("apply", "-f", "-", stdin=MANIFEST) == "configmap/settings created\n"
    assert kubectl("apply", "-f", "-", stdin=MANIFEST) == "configmap/settings unchanged\n"


def test_kubectl_refuses_what_the_server_does_not_know(kubectl: Kubectl) -> None:
    wrong = MANIFEST.replace("data:", "date:")

    assert 'unknown field "date"' in kubectl("create", "-f", "-", stdin=wrong, fails=True)


POLICIES = """\
apiVersion: admissionregistration.k8s.io/v1
kind: {kind}
metadata: {{name: {name}}}
spec:
  matchConstraints: {{resourceRules: [{{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}}]}}
  {content}
---
apiVersion: admissionregistration.k8s.io/v1
kind: {kind}Binding
metadata: {{name: {name}}}
spec:
  policyName: {name}
  matchResources: {{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {name}}}}}}}
  {actions}
"""
"""A policy and its binding for the namespace of the same name."""


def test_kubectl_shows_what_a_policy_refuses(kubectl: Kubectl, namespace: str) -> None:
    content = "validations: [{expression: \"object.metadata.name != 'wrong'\", message: wrong name, reason: Forbidden}]"
    actions = "validationActions: [Deny]"
    policies = POLICIES.format(kind="ValidatingAdmissionPolicy", name=namespace, content=content, actions=actions)
    kubectl("apply", "-f", "-", stdin=policies)

    kubectl("create", "configmap", "right")
    refusal = kubectl("create", "configmap", "wrong", fails=True)
    kubectl("delete", "-f", "-", stdin=policies)

    denied = f"ValidatingAdmissionPolicy '{namespace}' with binding '{namespace}' denied request: wrong name"
    assert refusal == f'error: failed to create configmap: configmaps "wrong" is forbidden: {denied}\n'


def test_kubectl_reads_what_a_policy_has_made(kubectl: Kubectl, namespace: str) -> None:
    expression = "\"Object{metadata: Object.metadata{labels: {'by': 'policy'}}}\""
    mutation = f"{{patchType: ApplyConfiguration, applyConfiguration: {{expression: {expression}}}}}"
    content = f"reinvocationPolicy: Never\n  mutations: [{mutation}]"
    policies = POLICIES.format(kind="MutatingAdmissionPolicy", name=namespace, content=content, actions="")
    kubectl("apply", "-f", "-", stdin=policies)

    kubectl("create", "configmap", "made")
    kubectl("delete", "-f", "-", stdin=policies)

    assert kubectl("get", "configmap", "made", "-o", "jsonpath={.metadata.labels}") == '{"by":"policy"}'


def test_kubectl_waits_until_a_pod_is_ready(kubectl: Kubectl) -> None:
    kubectl("run", "web", "--image=nginx")

    assert kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=20s") == "pod/web condition met\n"
    assert "Running" in kubectl("get", "pod", "web", "-o", "wide")


def test_kubectl_follows_a_watch(cluster: Cluster, namespace: str, kubectl: Kubectl) -> None:
    command = ["kubectl", "--namespace", namespace, "get", "configmaps", "--watch-only", "-o", "name"]

    with subprocess.Popen(command, env=cluster.environment(), stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        seen = ""
        for attempt in range(50):  # those made before the watch begins are not among its events
            kubectl("create", "configmap", f"made-{attempt}")
            if attempt >= 2:
                seen = watching.stdout.readline()
                break
        watching.kill()

    assert seen.startswith("configmap/made-")


@pytest.mark.parametrize("arguments", [("pods",), ("deployments.spec.template.spec", "--recursive")], ids=" ".join)
def test_kubectl_explains(kubectl: Kubectl, arguments: tuple[str, ...]) -> None:
    explained = kubectl("explain", *arguments)

    assert "FIELDS:" in explained
    assert "serviceAccountName" in explained or "spec\t<PodSpec>" in explained


def test_kubectl_lists_what_is_served(kubectl: Kubectl) -> None:
    assert "deployments" in kubectl("api-resources", "--api-group=apps", "--no-headers")
    assert "batch/v1\n" in kubectl("api-versions")
