"""Asks the webhooks about a write: mutating ones one after another, each seeing what those before it made, validating ones all at once.

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import orjson

from fakekube.admission import webhook_reviews
from fakekube.admission.attributes import Attributes
from fakekube.admission.passes import Passes
from fakekube.admission.shown_objects import ShownObjects, check_kind, check_place
from fakekube.admission.webhook_configurations import Asked, Webhooks
from fakekube.admission.webhook_matching import Hook
from fakekube.admission.webhook_reviews import Answer, InvalidAnswer
from fakekube.errors import StatusError, internal
from fakekube.objects import schemas
from fakekube.objects.decode_messages import DecodeError
from fakekube.objects.patches import PatchError, go_json_kind, json_patched
from fakekube.registry.kind import Kind, Object, Subresource
from fakekube.registry.webhook_calls import HEAD, CallFailed, ask, why_no_json

logger = logging.getLogger(__name__)


class _IgnoredError(Exception):
    """A failure of a webhook that is not needed."""


async def mutate(
    webhooks: Webhooks, asked: Sequence[Asked], obj: Object | None, old: Object | None, attributes: Attributes
) -> None:
    """`obj` is changed in place. Raises StatusError: what a webhook refuses with, InternalError for its failures."""
    write = _Write(webhooks, obj, old, attributes)
    passes = attributes.passes = attributes.passes or Passes()
    turns = passes.webhooks
    if passes.is_second and turns.left != write.fingerprint():
        # Plugins of the server, or policies, have changed something since.
        turns.ask_again()
    for hook, shown in asked:
        if passes.is_second and hook.key not in turns.again:
            continue
        try:
            review = await write.review(hook, shown)
            answer = None if review is None else await write.send(hook, review, may_patch=True)
            if answer is not None and answer.patch and await write.patch(hook, shown, answer):
                turns.ask_again()
                passes.is_changed = True
        except _IgnoredError:
            continue
        if answer is not None and hook.is_asked_again:
            turns.asked.add(hook.key)
    turns.left = write.fingerprint()
    if obj is not None:
        check_place(obj, attributes)


async def validate(
    webhooks: Webhooks, asked: Sequence[Asked], obj: Object | None, old: Object | None, attributes: Attributes
) -> None:
    """Raises the first refusal or failure, in the order of the configurations; none is asked where the conditions of one are broken."""
    write = _Write(webhooks, obj, old, attributes)
    reviews = [(hook, await write.review(hook, shown)) for hook, shown in asked]
    told = await asyncio.gather(
        *(write.send(hook, review, may_patch=False) for hook, review in reviews if review is not None),
        return_exceptions=True,
    )
    for result in told:
        if isinstance(result, BaseException) and not isinstance(result, _IgnoredError):
            raise result


class _Write:
    """The objects of one write while webhooks are asked about them."""

    def __init__(self, webhooks: Webhooks, obj: Object | None, old: Object | None, attributes: Attributes) -> None:
        self._webhooks = webhooks
        self._objects = ShownObjects(obj, old, attributes)
        self.attributes = attributes

    def fingerprint(self) -> bytes:
        return self._objects.fingerprint()

    async def review(self, hook: Hook, shown: Kind) -> Object | None:
        """None: the webhook does not want to be asked about these objects. Raises StatusError."""
        attributes, objects = self.attributes, self._objects
        if not (objects.are_in(hook.namespace_selector) and objects.are_picked_by(hook.object_selector)):
            return None
        obj, old = await objects.in_version_of(shown)
        review = webhook_reviews.review(self._webhooks.new_uid(), hook.version, shown, attributes, obj, old)
        if hook.conditions and not self._do_conditions_hold(hook, review["request"]):
            return None
        return review

    async def send(self, hook: Hook, review: Object, *, may_patch: bool) -> Answer:
        """Raises StatusError, _IgnoredError."""
        uid = review["request"]["uid"]
        try:
            received = await ask(self._webhooks.call, hook.config, review, hook.timeout_s)
            answer = webhook_reviews.read(received, uid, hook.version, may_patch=may_patch)
        except CallFailed as error:
            raise _failure(hook, f"failed to call webhook: {error}") from None
        except InvalidAnswer as error:
            raise _failure(hook, f"received invalid webhook response: {error}") from None
        for text in answer.warnings:
            self.attributes.warn(text)
        if not answer.is_allowed:
            raise webhook_reviews.denial(hook.name, answer.status)
        return answer

    def _do_conditions_hold(self, hook: Hook, request: Object) -> bool:
        """Raises Forbidden where that cannot be told and the webhook is needed."""
        from fakekube.admission import match_conditions
        from fakekube.admission.expression_variables import Evaluation
        from fakekube.expressions.admission_environments import COST_OF_MATCH_CONDITIONS

        cost, attributes = COST_OF_MATCH_CONDITIONS, self.attributes
        evaluation = Evaluation(request, request["object"], request["oldObject"], attributes, cost=cost)
        try:
            return match_conditions.hold(hook.programs, evaluation)
        except match_conditions.ConditionsBroken as error:
            if hook.is_needed:
                raise attributes.forbidden(str(error)) from None
            return False

    async def patch(self, hook: Hook, shown: Kind, answer: Answer) -> bool:
        """Do the patch; whether it changed anything. What cannot be done refuses the write whatever the failure policy."""
        operations = _operations(hook, answer.patch)
        if not operations:
            return False
        before, _ = await self._objects.in_version_of(shown)
        if before is None:
            text = f'admission webhook "{hook.name}" attempted to modify the object, which is not supported for this operation'
            raise internal(text)
        if answer.patch_type != webhook_reviews.JSON_PATCH:
            raise _failure(hook, f"unsupported patch type {orjson.dumps(answer.patch_type).decode()}")
        body = webhook_reviews.body_kind(shown, self.attributes.subresource)
        try:
            patched = json_patched(before, operations)
            if why := _why_another(patched, body):
                raise DecodeError(why)
            after = self._webhooks.complete(body, patched)
        except (PatchError, DecodeError) as error:
            raise internal(str(error)) from None
        check_kind(after, body)
        if webhook_reviews.whole(after) == before:
            return False
        await self._objects.put(shown, after)
        return True


def _why_another(patched: Any, body: Kind | Subresource) -> str:
    """Why what a patch has made is not of the kind; empty where it is, or says nothing."""
    if not isinstance(patched, dict):
        return f"couldn't get version/kind; json parse error: json: cannot unmarshal {go_json_kind(patched)} into Go value of type {HEAD}"
    return schemas.why_another_kind(
        patched, group=body.group, version=body.version, kind=body.kind, type_name=body.type_name
    )


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
