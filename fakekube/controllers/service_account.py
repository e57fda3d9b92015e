"""Each namespace has a ServiceAccount `default`, for pods that name none; deleted, it is made again."""

from __future__ import annotations

from fakekube.controllers.loop import Context, Controller, Key, Object, Watch, own
from fakekube.errors import AlreadyExists

NAME = "default"


def namespace_of(account: Object) -> tuple[Key, ...]:
    metadata = account["metadata"]
    return (("", metadata["namespace"]),) if metadata["name"] == NAME else ()


async def reconcile(context: Context, _: str, name: str) -> None:
    namespace = context.client.get("namespaces", "", name)
    if namespace is None or "deletionTimestamp" in namespace["metadata"]:
        return
    if context.client.get("serviceaccounts", name, NAME) is not None:
        return
    account = {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": NAME, "namespace": name}}
    try:
        await context.client.create("serviceaccounts", account)
    except AlreadyExists:
        return


CONTROLLER = Controller(
    name="service-account-controller",
    watches=(Watch("namespaces", key=own), Watch("serviceaccounts", key=namespace_of)),
    reconcile=reconcile,
)
