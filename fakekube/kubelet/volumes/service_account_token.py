"""A token of the pod's service account, as a file of a projected volume. After pkg/volume/projected.

https://kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken
"""

from __future__ import annotations

from fakekube.kubelet import Object
from fakekube.kubelet.source import Source, TokenError, TokenRequest
from fakekube.kubelet.token_manager import renew_at
from fakekube.kubelet.volumes import ownership
from fakekube.kubelet.volumes.atomic_writer import File
from fakekube.kubelet.volumes.content import Collected

DEFAULT_SECONDS = 3600
PRIVATE_MODE = 0o600
"""Where one user or one group owns the file; fsGroup then adds to it."""


def collect(collected: Collected, wanted: Object, pod: Object, source: Source, mode: int) -> None:
    """Add the file of one source `{"path": ..., "audience": ..., "expirationSeconds": ...}`, or what is wrong with it."""
    seconds = wanted.get("expirationSeconds") or DEFAULT_SECONDS
    try:
        token = source.token(TokenRequest.of_pod(pod, seconds, wanted.get("audience") or ""))
    except TokenError as error:
        collected.errors.append(str(error))
        return
    owner = common_user(pod)
    if owner is not None or ownership.group_of(pod) is not None:
        mode = PRIVATE_MODE
    collected.files[wanted["path"]] = File(token.text.encode(), mode, owner)
    collected.renew_by(renew_at(token, seconds))


def common_user(pod: Object) -> int | None:
    """The runAsUser that all containers of the pod share; None if one has none or another."""
    spec = pod["spec"]
    of_pod = (spec.get("securityContext") or {}).get("runAsUser")
    containers = [
        container
        for key in ("initContainers", "containers", "ephemeralContainers")
        for container in spec.get(key) or ()
    ]
    users = {(container.get("securityContext") or {}).get("runAsUser", of_pod) for container in containers}
    user: int | None = users.pop() if len(users) == 1 else None
    return user
