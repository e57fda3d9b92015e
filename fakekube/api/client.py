"""A client in this process: the same verbs as everyone's, entered after authorisation. Controllers and the kubelet act through it.

Resources are named as kubectl names them: `pods`, `jobs.batch`.
"""

from __future__ import annotations

from typing import Any

import orjson

from fakekube.api import apply, create, delete, update
from fakekube.api import patch as patch_verb
from fakekube.api.binding import bind
from fakekube.api.body import Body, from_storage
from fakekube.api.call import Call, write_options
from fakekube.api.control_plane import ControlPlane
from fakekube.api.field_ownership import own_created
from fakekube.api.list_options import parse as parse_list_options
from fakekube.errors import MethodNotAllowed, not_found
from fakekube.objects.patches import MERGE_PATCH
from fakekube.registry.delete import DeleteOptions
from fakekube.registry.kind import Kind, Object
from fakekube.registry.user import User


class Client:
    """What one user does to the cluster. Lives on the event loop of the control plane; raises StatusError as the server would answer."""

    def __init__(self, plane: ControlPlane, user: User, field_manager: str = "fakekube") -> None:
        """`field_manager` is how metadata.managedFields calls it."""
        self.plane = plane
        self.user = user
        self.field_manager = field_manager

    def resources(self) -> list[Kind]:
        """All kinds served now."""
        return list(self.plane.kinds)

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        """The object, shared: not to be changed. None when it is not there."""
        kind = self._kind(resource)
        stored = self.plane.store.get(kind.collection, namespace, name)
        return None if stored is None else from_storage(kind, stored.value)

    def list(
        self, resource: str, namespace: str | None = None, *, label_selector: str = "", field_selector: str = ""
    ) -> list[Object]:
        """The objects in key order, shared: not to be changed. `namespace` None means all."""
        kind = self._kind(resource)
        stored = self.plane.store.list(kind.collection, namespace or "")
        if label_selector or field_selector:
            query = {"labelSelector": label_selector, "fieldSelector": field_selector}
            selection = parse_list_options(self._call(kind, namespace or "", query=query), watch=False).selection
            stored = [each for each in stored if selection.matches(each)]
        return [from_storage(kind, each.value) for each in stored]

    async def create(self, resource: str, obj: Object, *, dry_run: bool = False) -> Object:
        """The new object as stored. `obj` is not changed."""
        kind = self._kind(resource)
        call = self._call(kind, obj.get("metadata", {}).get("namespace", ""), query=_dry(dry_run))
        return from_storage(kind, (await create.create(self.plane, call, _body(kind, obj))).value)

    async def create_canonical(self, resource: str, obj: Object) -> None:
        """Create an object that is just as decoding and defaulting would make it, its keys in the order of its type.

        It is used up. For what is written all the time, by code that knows the form.
        """
        kind = self._kind(resource)
        call = self._call(kind, obj["metadata"].get("namespace", ""))
        options = write_options(call, "CreateOptions")
        own_created(self.plane, call, obj, options)
        await create.create_decoded(self.plane, call, obj, options)

    async def update(self, resource: str, obj: Object, subresource: str = "") -> Object:
        kind = self._kind(resource)
        metadata = obj["metadata"]
        call = self._call(kind, metadata.get("namespace", ""), metadata["name"], subresource)
        stored, _ = await update.update(self.plane, call, _body(kind, obj))
        return from_storage(kind, stored.value)

    async def patch(
        self,
        resource: str,
        namespace: str,
        name: str,
        patch: Any,
        subresource: str = "",
        *,
        media_type: str = MERGE_PATCH,
    ) -> Object:
        """A merge patch, unless its media type says otherwise."""
        kind = self._kind(resource)
        call = self._call(kind, namespace, name, subresource)
        body = patch if isinstance(patch, dict) else orjson.dumps(patch)
        stored = await patch_verb.patch(self.plane, call, body, media_type)
        return from_storage(kind, stored.value)

    async def apply(
        self, resource: str, configuration: Object, subresource: str = "", *, field_manager: str = ""
    ) -> Object:
        """Take what the configuration names, also from others who have it now. An object that is not there is made.

        `field_manager` is for those who apply under another name than they write by otherwise.
        """
        kind = self._kind(resource)
        metadata = configuration["metadata"]
        query = {"fieldManager": field_manager or self.field_manager, "force": "true"}
        call = self._call(kind, metadata.get("namespace", ""), metadata["name"], subresource, query)
        stored, _ = await apply.apply(self.plane, call, orjson.dumps(configuration))
        return from_storage(kind, stored.value)

    def get_scale(self, resource: str, namespace: str, name: str) -> Object | None:
        """The Scale of an object; None when the object is not there. Raises NotFound where the resource has no scale."""
        from fakekube.api.scale import scale_of

        kind = self._scaled_kind(resource, name)
        stored = self.plane.store.get(kind.collection, namespace, name)
        return None if stored is None else scale_of(kind, from_storage(kind, stored.value))

    async def set_scale(self, resource: str, namespace: str, name: str, replicas: int) -> Object:
        """The new Scale. Raises NotFound, Conflict."""
        from fakekube.api.scale import patch_scale

        kind = self._scaled_kind(resource, name)
        call = self._call(kind, namespace, name, "scale")
        body = orjson.dumps({"spec": {"replicas": replicas}})
        return await patch_scale(self.plane, call, kind.subresource_named["scale"], body, MERGE_PATCH)

    def _scaled_kind(self, resource: str, name: str) -> Kind:
        kind = self._kind(resource)
        if "scale" not in kind.subresource_named:
            raise not_found(kind.group, kind.resource, name)
        return kind

    async def bind(self, namespace: str, name: str, node: str, uid: str) -> None:
        """Place a pod on a node; Conflict when it is another pod by now."""
        binding = {
            "metadata": {"name": name, "namespace": namespace, "uid": uid},
            "target": {"kind": "Node", "name": node},
        }
        await bind(self.plane, self._call(self._kind("pods"), namespace, name, "binding"), binding)

    async def delete(
        self,
        resource: str,
        namespace: str,
        name: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        grace_period_seconds: int | None = None,
        propagation_policy: str | None = None,
    ) -> None:
        kind = self._kind(resource)
        options = DeleteOptions(grace_period_seconds, propagation_policy, None, uid, resource_version)
        call = self._call(kind, namespace, name)
        await delete.delete_with(self.plane, call, delete.Options(False, options))

    def _kind(self, resource: str) -> Kind:
        kind = self.plane.kinds.named(resource)
        if not kind.is_stored:
            raise MethodNotAllowed("the server does not allow this method on the requested resource", {})
        return kind

    def _call(
        self, kind: Kind, namespace: str, name: str = "", subresource: str = "", query: dict[str, str] | None = None
    ) -> Call:
        return Call(
            self.user, kind, namespace, name, subresource, query or {}, lambda parameter: ["All"], self.field_manager
        )


def _body(kind: Kind, obj: Object) -> Body:
    """The value itself where decoding makes a new one of it; the objects of custom resources are kept as they are sent."""
    return obj if kind.type_name else orjson.dumps(obj)


def _dry(dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}
