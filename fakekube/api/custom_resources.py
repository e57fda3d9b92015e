"""Which custom resources are served follows from the definitions in the store, in the same step in which these change."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fakekube.api import delete
from fakekube.api.call import Call
from fakekube.api.control_plane import ControlPlane
from fakekube.errors import Conflict, NotFound
from fakekube.kinds.custom import DEFINITIONS, Served, is_condition_true, served, storage_version
from fakekube.objects.structural_schemas import Object
from fakekube.registry.delete import DeleteOptions
from fakekube.registry.user import User
from fakekube.registry.webhook_calls import ClientConfig, version_of
from fakekube.storage.store import Event

if TYPE_CHECKING:
    from fakekube.kinds.conversion_webhook import Converter


def follow(plane: ControlPlane) -> Callable[[], None]:
    """Serve what is defined now, and from now on whatever is; returns how to stop it."""
    following = _Following(plane)
    for stored in plane.store.list(DEFINITIONS):
        following.serve(stored.value, schemas_changed=True)
    return plane.store.subscribe(DEFINITIONS, following.told)


async def delete_instances(plane: ControlPlane, user: User, definition: Object) -> int:
    """Delete every object of a defined kind, served or not; returns how many are left, waiting for their finalizers."""
    kind = served(definition, rereads=True).storage_kind
    if not plane.store.has_collection(kind.collection):
        return 0
    for stored in plane.store.list(kind.collection):
        if "deletionTimestamp" not in stored.value["metadata"]:
            call = Call(user, kind, stored.namespace, stored.name)
            options = DeleteOptions(uid=stored.value["metadata"]["uid"], propagation_policy="Background")
            try:
                await delete.delete_with(plane, call, delete.Options(False, options))
            except (NotFound, Conflict):
                continue
    return len(plane.store.list(kind.collection))


class _Following:
    """The definitions of one cluster, as far as they are served."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._served: dict[str, Served] = {}
        self._reread: set[str] = set()
        """Collections in which objects may lie that other schemas have written."""

    def told(self, event: Event) -> None:
        """The store's callback: runs within the write."""
        old = None if event.old is None else event.old.value
        new = None if event.new is None else event.new.value
        if new is None:
            self._forget(event.name)
        elif old is None or _looks(old) != _looks(new):
            changed = old is not None and _storage(old) != _storage(new)
            self.serve(new, schemas_changed=changed, ends_watches=old is not None and old["spec"] != new["spec"])

    def serve(self, definition: Object, *, schemas_changed: bool, ends_watches: bool = False) -> None:
        store, kinds, name = self._plane.store, self._plane.kinds, definition["metadata"]["name"]
        before = self._served.get(name)
        collection = name
        if not store.has_collection(collection) or not len(store.collection(collection)):
            self._reread.discard(name)
        elif schemas_changed:
            self._reread.add(name)
        converter = _converter(self._plane, definition)
        now = self._served[name] = served(definition, rereads=name in self._reread, converter=converter)
        if now.kinds or before is not None:
            store.declare(now.collection, now.kind, now.storage_api_version)
        for kind in before.kinds if before is not None else ():
            kinds.remove(kind)
        for kind in now.kinds:
            kinds.add(kind)
        if ends_watches and store.has_collection(now.collection):
            store.end_watches(now.collection)

    def _forget(self, name: str) -> None:
        gone = self._served.pop(name, None)
        self._reread.discard(name)
        if gone is not None:
            for kind in gone.kinds:
                self._plane.kinds.remove(kind)
            self._plane.store.remove_collection(gone.collection)


def _converter(plane: ControlPlane, definition: Object) -> Converter | None:
    conversion = definition["spec"].get("conversion") or {}
    if conversion.get("strategy") != "Webhook":
        return None
    from fakekube.kinds.conversion_webhook import Converter

    webhook = conversion["webhook"]

    async def call(config: ClientConfig, review: bytes, timeout_s: int) -> bytes:
        return await plane.webhooks.call(config, review, timeout_s)

    return Converter(webhook["clientConfig"], version_of(webhook["conversionReviewVersions"]), call, plane.chance.uid)


def _looks(definition: Object) -> tuple[Any, ...]:
    """What of a definition its kinds depend on."""
    return (
        definition["spec"],
        is_condition_true(definition, "Established"),
        "deletionTimestamp" in definition["metadata"],
        (definition.get("status") or {}).get("acceptedNames"),
    )


def _storage(definition: Object) -> tuple[Any, ...]:
    """What decides whether objects look otherwise than they lie in the store."""
    version = storage_version(definition)
    return version["name"], version.get("schema")
