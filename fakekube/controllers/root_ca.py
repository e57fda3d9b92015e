"""Each namespace has a ConfigMap `kube-root-ca.crt` with the certificate by which its pods know the server.

Deleted, it is made again; other data is put right, as is a missing description. What else others wrote to it stays.
"""

from __future__ import annotations

from fakekube.bootstrap import ROOT_CA_NAME, root_ca_config_map
from fakekube.controllers.loop import Context, Controller, Key, Object, Watch, own


def namespace_of(config_map: Object) -> tuple[Key, ...]:
    metadata = config_map["metadata"]
    return (("", metadata["namespace"]),) if metadata["name"] == ROOT_CA_NAME else ()


async def reconcile(context: Context, _: str, name: str) -> None:
    namespace = context.client.get("namespaces", "", name)
    if namespace is None or "deletionTimestamp" in namespace["metadata"]:
        return
    wanted = root_ca_config_map(name, context.settings.ca_pem)
    present = context.client.get("configmaps", name, ROOT_CA_NAME)
    if present is None:
        await context.client.create("configmaps", wanted)
        return
    annotations = present["metadata"].get("annotations", {})
    missing = wanted["metadata"]["annotations"].keys() - annotations.keys()
    if present.get("data") == wanted["data"] and not missing:
        return
    metadata = {**present["metadata"], "annotations": {**annotations, **wanted["metadata"]["annotations"]}}
    await context.client.update("configmaps", {**present, "metadata": metadata, "data": wanted["data"]})


CONTROLLER = Controller(
    name="root-ca-cert-publisher",
    watches=(Watch("namespaces", key=own), Watch("configmaps", key=namespace_of)),
    reconcile=reconcile,
)
