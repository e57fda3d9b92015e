"""Several sources in one directory; of two that give the same path the later one counts. After pkg/volume/projected.

https://kubernetes.io/docs/concepts/storage/projected-volumes/
"""

from __future__ import annotations

from fakekube.kubelet import Object
from fakekube.kubelet.source import Source
from fakekube.kubelet.volumes import config_map, downward_api, secret, service_account_token
from fakekube.kubelet.volumes.content import Collected, Files, Reference, VolumeError, default_mode

_UNKNOWN_TYPES = ("clusterTrustBundle", "podCertificate")


def files(volume: Object, pod: Object, source: Source) -> Files:
    """Of a volume. Raises VolumeError with what is wrong with any of its sources."""
    wanted = volume["projected"]
    mode, collected = default_mode(wanted), Collected()
    for each in wanted.get("sources") or ():
        try:
            if "secret" in each:
                collected.files |= secret.payload(each["secret"], pod, source, mode)
            elif "configMap" in each:
                collected.files |= config_map.payload(each["configMap"], pod, source, mode)
        except VolumeError as error:
            collected.errors.append(str(error))
        if "downwardAPI" in each:
            downward_api.collect(collected, each["downwardAPI"].get("items") or (), pod, source, mode)
        elif "serviceAccountToken" in each:
            service_account_token.collect(collected, each["serviceAccountToken"], pod, source, mode)
        for unknown in _UNKNOWN_TYPES:
            if unknown in each:
                collected.errors.append(
                    f"fakekube has no {unknown} for projected volumes: leave this source out, or put a ConfigMap or Secret in its place"
                )
    return collected.done(pod)


def references(volume: Object, pod: Object) -> set[Reference]:
    found: set[Reference] = set()
    for each in volume["projected"].get("sources") or ():
        if "secret" in each:
            found.add(("secrets", each["secret"].get("name", "")))
        elif "configMap" in each:
            found.add(("configmaps", each["configMap"].get("name", "")))
        elif "downwardAPI" in each:
            found.add(("pods", pod["metadata"]["name"]))
    return found
