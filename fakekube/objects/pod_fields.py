"""The fields of a pod that the API knows by a name: a selector, a variable or a file may ask for some of them.

After ConvertDownwardAPIFieldLabel of pkg/apis/core/pods. https://kubernetes.io/docs/concepts/workloads/pods/downward-api/
"""

from __future__ import annotations

KNOWN_TO_PODS = frozenset(
    {
        *("metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"),
        *("spec.host", "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName"),
        *("status.hostIP", "status.hostIPs", "status.phase", "status.podIP", "status.podIPs"),
    }
)
WITH_SUBSCRIPT = ("metadata.annotations", "metadata.labels")
"""Of these one entry can be asked for: `metadata.labels['app']`."""
