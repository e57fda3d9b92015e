"""Which service account a pod runs as, and how its token gets into the pod.

https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#serviceaccount
"""

from __future__ import annotations

from collections.abc import Iterator

from fakekube.admission.attributes import Attributes
from fakekube.kinds.pod_templates import TOKEN_VOLUME_PREFIX
from fakekube.objects import fields
from fakekube.objects.names import path_segment
from fakekube.registry.kind import Object

DEFAULT = "default"
MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
TOKEN_SECONDS = 3607
"""A little more than an hour, so that a token asked for an hour can be told from these."""
MIRROR_ANNOTATION = "kubernetes.io/config.mirror"
ENFORCE_ANNOTATION = "kubernetes.io/enforce-mountable-secrets"
POD_SPEC, CONTAINER = "core.v1.PodSpec", "core.v1.Container"


def mutate(obj: Object, old: Object | None, attributes: Attributes) -> None:
    """Raises Forbidden where the account is not there or does not let the pod have what it names."""
    kind = attributes.kind
    if (kind.group, kind.resource) != ("", "pods") or attributes.operation != "CREATE" or attributes.subresource:
        return
    spec = obj["spec"]
    if MIRROR_ANNOTATION in (obj["metadata"].get("annotations") or {}):
        _refuse_mirror_pod(spec, attributes)
        return
    name = spec.get("serviceAccountName") or DEFAULT
    fields.put(spec, "serviceAccountName", name, POD_SPEC)
    fields.put(spec, "serviceAccount", name, POD_SPEC)
    account = attributes.get("", "serviceaccounts", attributes.namespace, name)
    if account is None:
        why = f'serviceaccount "{name}" not found'
        if texts := path_segment(name):  # so the server may not even ask
            why = f'invalid resource name "{name}": [{" ".join(texts)}]'
        raise attributes.forbidden(f"error looking up service account {attributes.namespace}/{name}: {why}")
    if (account["metadata"].get("annotations") or {}).get(ENFORCE_ANNOTATION) == "true":
        _refuse_foreign_secrets(spec, account, name, attributes)
    if spec.get("automountServiceAccountToken", account.get("automountServiceAccountToken", True)):
        _mount_token(spec, attributes)
    if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
        secrets = [{"name": secret["name"]} if secret.get("name") else {} for secret in account["imagePullSecrets"]]
        fields.put(spec, "imagePullSecrets", secrets, POD_SPEC)


def _refuse_mirror_pod(spec: Object, attributes: Attributes) -> None:
    if spec.get("serviceAccountName"):
        raise attributes.forbidden("a mirror pod may not reference service accounts")
    if any(_secret_names(spec)):
        raise attributes.forbidden("a mirror pod may not reference secrets")
    for volume in spec.get("volumes") or ():
        if any("serviceAccountToken" in source for source in fields.at(volume, "projected.sources") or ()):
            raise attributes.forbidden("a mirror pod may not use ServiceAccountToken volume projections")


def _secret_names(spec: Object) -> Iterator[str]:
    """Every secret that the pod names in its volumes, variables and pull secrets."""
    for volume in spec.get("volumes") or ():
        if name := fields.at(volume, "secret.secretName"):
            yield name
    for _, container in _containers(spec):
        for variable in container.get("env") or ():
            if name := fields.at(variable, "valueFrom.secretKeyRef.name"):
                yield name
        for source in container.get("envFrom") or ():
            if name := fields.at(source, "secretRef.name"):
                yield name
    yield from (secret.get("name", "") for secret in spec.get("imagePullSecrets") or ())


def _containers(spec: Object) -> Iterator[tuple[str, Object]]:
    """(what it is called in texts, the container), init containers first."""
    yield from (("init container", container) for container in spec.get("initContainers") or ())
    yield from (("container", container) for container in spec.get("containers") or ())


def _refuse_foreign_secrets(spec: Object, account: Object, account_name: str, attributes: Attributes) -> None:
    allowed = {secret.get("name", "") for secret in account.get("secrets") or ()}
    why = f"is not allowed because service account {account_name} does not reference that"
    for volume in spec.get("volumes") or ():
        name = fields.at(volume, "secret.secretName")
        if name and name not in allowed:
            raise attributes.forbidden(f'volume with secret.secretName="{name}" {why} secret')
    for role, container in _containers(spec):
        for variable in container.get("env") or ():
            name = fields.at(variable, "valueFrom.secretKeyRef.name")
            if name and name not in allowed:
                where = f"{role} {container.get('name', '')} with envVar {variable.get('name', '')}"
                raise attributes.forbidden(f'{where} referencing secret.secretName="{name}" {why} secret')
        for source in container.get("envFrom") or ():
            name = fields.at(source, "secretRef.name")
            if name and name not in allowed:
                where = f"{role} {container.get('name', '')} with envFrom"
                raise attributes.forbidden(f'{where} referencing secret.secretName="{name}" {why} secret')
    pullable = {secret.get("name", "") for secret in account.get("imagePullSecrets") or ()}
    for i, secret in enumerate(spec.get("imagePullSecrets") or ()):
        if secret.get("name", "") not in pullable:
            raise attributes.forbidden(f'imagePullSecrets[{i}].name="{secret.get("name", "")}" {why} imagePullSecret')


def _mount_token(spec: Object, attributes: Attributes) -> None:
    volumes = spec.get("volumes") or []
    present = next((each["name"] for each in volumes if each.get("name", "").startswith(TOKEN_VOLUME_PREFIX)), "")
    volume_name = present or TOKEN_VOLUME_PREFIX + attributes.random_suffix(5)
    mounted = False
    for _, container in _containers(spec):
        mounts = container.get("volumeMounts") or []
        if any(mount.get("mountPath") == MOUNT_PATH for mount in mounts):
            continue
        mount = {"name": volume_name, "readOnly": True, "mountPath": MOUNT_PATH}
        fields.put(container, "volumeMounts", [*mounts, mount], CONTAINER)
        mounted = True
    if mounted and not present:
        fields.put(spec, "volumes", [*volumes, _token_volume(volume_name)], POD_SPEC)


def _token_volume(name: str) -> Object:
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [namespace]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": 0o644}}
