"""Asks the webhooks about a write: mutating ones one after another, each seeing what those before it made, validating ones all at once.

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import orjson

from fakekube.admission import match_conditions, webhook_reviews
from fakekube.admission.attributes import Attributes
from fakekube.admission.webhook_configurations import Asked, Webhooks
from fakekube.admission.webhook_matching import Hook
from fakekube.admission.webhook_reviews import Answer, InvalidAnswer
from fakekube.errors import BadRequest, InternalError, StatusError
from fakekube.objects.decode_messages import DecodeError
from fakekube.objects.patches import PatchError, go_json_kind, json_patched
from fakekube.registry.kind import Kind, Object
from fakekube.registry.webhook_calls import CallFailed, ask, why_no_json

logger = logging.getLogger(__name__)


class _IgnoredError(Exception):
    """A failure of a webhook that is not needed."""


async def mutate(
    webhooks: Webhooks, asked: Sequence[Asked], obj: Object | None, old: Object | None, attributes: Attributes
) -> None:
    """`obj` is changed in place. Raises StatusError: what a webhook refuses with, InternalError for its failures."""
    write = _Write(webhooks, obj, old, attributes)
    passes = attributes.passes = attributes.passes or Passes()
    if passes.is_second and passes.left != write.fingerprint():
        # Plugins of the server have changed something since.
        passes.ask_again()
    for hook, shown in asked:
        if passes.is_second and hook.key not in passes.again:
            continue
        try:
            answer = await write.ask(hook, shown, may_patch=True)
            if answer is not None and answer.patch and await write.patch(hook, shown, answer):
                passes.ask_again()
                passes.is_changed = True
        except _IgnoredError:
            continue
        if answer is not None and hook.is_asked_again:
            passes.asked.add(hook.key)
    passes.left = write.fingerprint()
    if obj is not None:
        _check_place(obj, attributes)


async def validate(
    webhooks: Webhooks, asked: Sequence[Asked], obj: Object | None, old: Object | None, attributes: Attributes
) -> None:
    """Raises the first refusal or failure, in the order of the configurations."""
    write = _Write(webhooks, obj, old, attributes)
    told = await asyncio.gather(
        *(write.ask(hook, shown, may_patch=False) for hook, shown in asked), return_exceptions=True
    )
    for result in told:
        if isinstance(result, BaseException) and not isinstance(result, _IgnoredError):
            raise result


class Passes:
    """What the webhooks of one write have to know of each other: who is asked again in the second pass over the mutating plugins."""

    __slots__ = ("again", "asked", "is_changed", "is_second", "left")

    def __init__(self) -> None:
        self.is_second = False
        self.is_changed = False
        """A webhook has changed the object: then all mutating plugins see it a second time."""
        self.asked: set[tuple[str, str]] = set()
        """Those that want to be asked again (reinvocationPolicy) if something changes after them."""
        self.again: set[tuple[str, str]] = set()
        self.left = b""
        """The object as the webhooks left it."""

    def ask_again(self) -> None:
        self.again |= self.asked
        self.asked = set()


class _Write:
    """The object and the old one while webhooks are asked, in the versions that they want."""

    def __init__(self, webhooks: Webhooks, obj: Object | None, old: Object | None, attributes: Attributes) -> None:
        self._webhooks = webhooks
        self.attributes = attributes
        self._obj = obj
        self._old = old
        self._olds: dict[Kind, Object | None] = {}

    def fingerprint(self) -> bytes:
        return b"" if self._obj is None else orjson.dumps(self._obj, option=orjson.OPT_SORT_KEYS)

    async def ask(self, hook: Hook, shown: Kind, *, may_patch: bool) -> Answer | None:
        """None: the webhook does not want to be asked about these objects. Raises StatusError, _IgnoredError."""
        attributes = self.attributes
        if not (self._is_in(hook) and self._is_picked_by(hook)):
            return None
        obj, old = await self._shown(shown)
        uid = self._webhooks.new_uid()
        review = webhook_reviews.review(uid, hook.version, shown, attributes, obj, old)
        if not match_conditions.hold(hook.conditions, attributes, review["request"], is_needed=hook.is_needed):
            return None
        try:
            received = await ask(self._webhooks.call, hook.config, review, hook.timeout_s)
            answer = webhook_reviews.read(received, uid, hook.version, may_patch=may_patch)
        except CallFailed as error:
            raise _failure(hook, f"failed to call webhook: {error}") from None
        except InvalidAnswer as error:
            raise _failure(hook, f"received invalid webhook response: {error}") from None
        for text in answer.warnings:
            attributes.warn(text)
        if not answer.is_allowed:
            raise webhook_reviews.denial(hook.name, answer.status)
        return answer

    async def patch(self, hook: Hook, shown: Kind, answer: Answer) -> bool:
        """Do the patch; whether it changed anything. What cannot be done refuses the write whatever the failure policy."""
        operations = _operations(hook, answer.patch)
        if not operations:
            return False
        before, _ = await self._shown(shown)
        if before is None:
            text = f'admission webhook "{hook.name}" attempted to modify the object, which is not supported for this operation'
            raise internal(text)
        if answer.patch_type != webhook_reviews.JSON_PATCH:
            raise _failure(hook, f"unsupported patch type {orjson.dumps(answer.patch_type).decode()}")
        body = webhook_reviews.body_kind(shown, self.attributes.subresource)
        try:
            patched = json_patched(before, operations)
            if not isinstance(patched, dict):
                raise DecodeError(f"json: cannot unmarshal {go_json_kind(patched)} into Go value of type {body.kind}")
            after = self._webhooks.complete(body, patched)
        except (PatchError, DecodeError) as error:
            raise internal(str(error)) from None
        if (after["apiVersion"], after["kind"]) != (body.api_version, body.kind):
            made = f"{after['apiVersion']}, Kind={after['kind']}"
            raise internal(f"the patched object is {made}: expected {body.api_version}, Kind={body.kind}")
        if webhook_reviews.whole(after) == before:
            return False
        await self._put(shown, after)
        return True

    def _is_in(self, hook: Hook) -> bool:
        """Whether the namespace is selected; what is in none always is."""
        selector, attributes = hook.namespace_selector, self.attributes
        if selector.everything:
            return True
        if webhook_reviews.is_namespace(attributes.kind):
            present = self._obj if attributes.operation in ("CREATE", "UPDATE") else self._old
        elif not attributes.namespace:
            return True
        else:
            present = attributes.get("", "namespaces", "", attributes.namespace)
        return selector.matches(_labels(present))

    def _is_picked_by(self, hook: Hook) -> bool:
        selector = hook.object_selector
        if selector.everything:
            return True
        present = (each for each in (self._obj, self._old) if each is not None)
        return any(selector.matches(_labels(each)) for each in present)

    async def _shown(self, kind: Kind) -> tuple[Object | None, Object | None]:
        if kind not in self._olds:
            self._olds[kind] = await self._as(kind, self._old)
        return await self._as(kind, self._obj), self._olds[kind]

    async def _as(self, kind: Kind, obj: Object | None) -> Object | None:
        if obj is None:
            return None
        attributes = self.attributes
        if attributes.show is not None:
            return webhook_reviews.whole(attributes.show(obj))
        if attributes.subresource and webhook_reviews.body_kind(kind, attributes.subresource) is not kind:
            body = webhook_reviews.body_kind(kind, attributes.subresource)
            return webhook_reviews.whole({"kind": body.kind, "apiVersion": body.api_version} | obj)
        return webhook_reviews.whole(await _converted(obj, attributes.kind, kind))

    async def _put(self, kind: Kind, after: Object) -> None:
        obj, attributes = self._obj, self.attributes
        assert obj is not None
        if attributes.put_shown is not None:
            attributes.put_shown(obj, after)
            return
        if attributes.kind.is_stored and webhook_reviews.body_kind(kind, attributes.subresource) is kind:
            after = await _converted_back(after, kind, attributes.kind)
        obj.clear()
        obj.update(after)


async def _converted(obj: Object, kind: Kind, wanted: Kind) -> Object:
    """An object that is on its way through admission as a request of `kind`, in the version of `wanted`."""
    if not kind.is_stored or (kind.strategy.converts_last and obj.get("apiVersion") == wanted.api_version):
        return obj
    if wanted.strategy.read is not None:
        return (await wanted.strategy.read([obj]))[0]
    convert = wanted.strategy.from_storage
    return obj if wanted.is_stored_form or convert is None else convert(obj)


async def _converted_back(obj: Object, kind: Kind, wanted: Kind) -> Object:
    """The reverse of `_converted`."""
    if kind.strategy.converts_last:
        return obj if kind is wanted else await _converted(obj, kind, wanted)
    convert = kind.strategy.to_storage
    return obj if kind.is_stored_form or convert is None else convert(obj)


def _labels(obj: Object | None) -> Any:
    return ((obj or {}).get("metadata") or {}).get("labels")


def _operations(hook: Hook, patch: bytes) -> list[Any]:
    try:
        operations = orjson.loads(patch)
    except orjson.JSONDecodeError:
        raise _failure(hook, f"received undecodable patch in webhook response: {why_no_json(patch)}") from None
    if operations is None:
        return []
    if not isinstance(operations, list):
        what = f"json: cannot unmarshal {go_json_kind(operations)} into Go value of type jsonpatch.Patch"
        raise _failure(hook, f"received undecodable patch in webhook response: {what}")
    for each in operations:
        if each is not None and not isinstance(each, dict):
            what = f"json: cannot unmarshal {go_json_kind(each)} into Go value of type jsonpatch.Operation"
            raise _failure(hook, f"received undecodable patch in webhook response: {what}")
    return operations


def _failure(hook: Hook, text: str) -> StatusError | _IgnoredError:
    if not hook.is_needed:
        logger.warning('webhook "%s" is passed over (failurePolicy Ignore): %s', hook.name, text)
        return _IgnoredError()
    return internal(f'failed calling webhook "{hook.name}": {text}')


def internal(text: str) -> InternalError:
    """The 500 of what is the server's or a webhook's fault."""
    return InternalError(f"Internal error occurred: {text}", {"causes": [{"message": text}]})


def _check_place(obj: Object, attributes: Attributes) -> None:
    """A webhook may give a new object another name, but not another namespace. Raises BadRequest."""
    metadata = obj.get("metadata")
    if not attributes.kind.namespaced or not isinstance(metadata, dict):
        return
    if not metadata.get("namespace"):
        metadata["namespace"] = attributes.namespace
    elif metadata["namespace"] != attributes.namespace:
        raise BadRequest("the namespace of the provided object does not match the namespace sent on the request")
