"""The object of a write and the old one, as webhooks and policies are shown them: in the version of the resource that their rules name."""

from __future__ import annotations

from typing import Any

import orjson

from fakekube.admission import webhook_reviews
from fakekube.admission.attributes import Attributes
from fakekube.errors import BadRequest, internal
from fakekube.objects.selectors import LabelSelector
from fakekube.registry.kind import Kind, Object, Subresource


class ShownObjects:
    """`obj` is None for a delete, `old` for a create; both are in the form in which admission is given them."""

    def __init__(self, obj: Object | None, old: Object | None, attributes: Attributes) -> None:
        self.obj, self.old, self.attributes = obj, old, attributes
        self._olds: dict[Kind, Object | None] = {}

    def fingerprint(self) -> bytes:
        """Tells whether the object has changed."""
        return b"" if self.obj is None else orjson.dumps(self.obj, option=orjson.OPT_SORT_KEYS)

    def are_in(self, selector: LabelSelector) -> bool:
        """Whether their namespace is selected; what is in none always is."""
        attributes = self.attributes
        if selector.everything:
            return True
        if webhook_reviews.is_namespace(attributes.kind):
            present = self.obj if attributes.operation in ("CREATE", "UPDATE") else self.old
        elif not attributes.namespace:
            return True
        else:
            present = attributes.get("", "namespaces", "", attributes.namespace)
        return selector.matches(_labels(present))

    def are_picked_by(self, selector: LabelSelector) -> bool:
        """Whether one of them is; what has no metadata (the options of a connection) never is, and a Scale has no labels."""
        if selector.everything:
            return True
        show = self.attributes.show or (lambda obj: obj)
        present = (show(each) for each in (self.obj, self.old) if each is not None and "metadata" in each)
        return any(selector.matches(_labels(each)) for each in present)

    async def in_version_of(self, kind: Kind) -> tuple[Object | None, Object | None]:
        """The object as it is now and the old one, whole. Nobody may change them."""
        if kind not in self._olds:
            self._olds[kind] = await self._shown(kind, self.old)
        return await self._shown(kind, self.obj), self._olds[kind]

    async def put(self, kind: Kind, after: Object) -> None:
        """Have the object be what has been made of it in the version of `kind`."""
        obj, attributes = self.obj, self.attributes
        assert obj is not None
        if attributes.put_shown is not None:
            attributes.put_shown(obj, after)
            return
        if attributes.kind.is_stored and webhook_reviews.body_kind(kind, attributes.subresource) is kind:
            after = await _converted_back(after, kind, attributes.kind)
        obj.clear()
        obj.update(after)

    async def _shown(self, kind: Kind, obj: Object | None) -> Object | None:
        if obj is None:
            return None
        attributes = self.attributes
        if attributes.show is not None:
            return webhook_reviews.whole(attributes.show(obj))
        if attributes.subresource and webhook_reviews.body_kind(kind, attributes.subresource) is not kind:
            body = webhook_reviews.body_kind(kind, attributes.subresource)
            return webhook_reviews.whole({"kind": body.kind, "apiVersion": body.api_version} | obj)
        return webhook_reviews.whole(await converted(obj, attributes.kind, kind))


def check_place(obj: Object, attributes: Attributes) -> None:
    """A webhook or a policy may give a new object another name, but not another namespace. Raises BadRequest."""
    metadata = obj.get("metadata")
    if not attributes.kind.namespaced or not isinstance(metadata, dict):
        return
    if not metadata.get("namespace"):
        metadata["namespace"] = attributes.namespace
    elif metadata["namespace"] != attributes.namespace:
        raise BadRequest("the namespace of the provided object does not match the namespace sent on the request")


def check_kind(after: Object, body: Kind | Subresource) -> None:
    """A patch may not make an object of another kind or version. Raises InternalError."""
    if (after["apiVersion"], after["kind"]) != (body.api_version, body.kind):
        made = f"{after['apiVersion']}, Kind={after['kind']}"
        raise internal(f"the patched object is {made}: expected {body.api_version}, Kind={body.kind}")


async def converted(obj: Object, kind: Kind, wanted: Kind) -> Object:
    """An object that is on its way through admission as a request of `kind`, in the version of `wanted`."""
    if not kind.is_stored or (kind.strategy.converts_last and obj.get("apiVersion") == wanted.api_version):
        return obj
    if wanted.strategy.read is not None:
        return (await wanted.strategy.read([obj]))[0]
    convert = wanted.strategy.from_storage
    is_right = wanted.is_stored_form and not kind.strategy.converts_last
    return obj if is_right or convert is None else convert(obj)


async def _converted_back(obj: Object, kind: Kind, wanted: Kind) -> Object:
    """The reverse of `converted`."""
    if kind.strategy.converts_last:
        return obj if kind is wanted else await converted(obj, kind, wanted)
    convert = kind.strategy.to_storage
    return obj if kind.is_stored_form or convert is None else convert(obj)


def _labels(obj: Object | None) -> Any:
    return ((obj or {}).get("metadata") or {}).get("labels")
