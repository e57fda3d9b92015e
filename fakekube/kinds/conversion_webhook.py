"""Versions of custom resources that a webhook converts: what it is asked, and what its answer may change.

https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#webhook-conversion
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fakekube.errors import InternalError
from fakekube.objects.field_errors import go_quoted
from fakekube.registry.create import put_in_order
from fakekube.registry.kind import Object
from fakekube.registry.webhook_calls import CallFailed, CallWebhook, ClientConfig, ask

GROUP, KIND = "apiextensions.k8s.io", "ConversionReview"
TIMEOUT_S = 30
_MAY_CHANGE = ("labels", "annotations")
_MUST_STAY = (("name", "name"), ("namespace", "namespace"), ("uid", "UID"))


@dataclass(frozen=True, slots=True)
class Converter:
    """The webhook of one definition."""

    config: ClientConfig
    version: str
    """Of the reviews: v1 or v1beta1."""
    call: CallWebhook
    new_uid: Callable[[], str]

    async def converted(self, objects: Sequence[Object], api_version: str) -> list[Object]:
        """Objects of one version in another; new dicts. Raises InternalError with what was wrong with the webhook or its answer."""
        if not objects:
            return []
        subject = f"conversion webhook for {objects[0]['apiVersion']}, Kind={objects[0]['kind']}"
        uid = self.new_uid()
        request = {"uid": uid, "desiredAPIVersion": api_version, "objects": [_sent(obj) for obj in objects]}
        review = {
            "kind": KIND,
            "apiVersion": f"{GROUP}/{self.version}",
            "request": request,
            "response": {"uid": "", "convertedObjects": None, "result": {"metadata": {}}},
        }
        try:
            answer = _read(await ask(self.call, self.config, review, TIMEOUT_S), uid)
        except CallFailed as error:
            raise InternalError(f"{subject} failed: {error}", reason="") from None
        if len(answer) != len(objects):
            text = f"{subject} returned {len(answer)} objects, expected {len(objects)}"
            raise InternalError(text, reason="")
        return [
            _checked(subject, index, obj, result, api_version)
            for index, (obj, result) in enumerate(zip(objects, answer, strict=True))
        ]


def _sent(obj: Object) -> Object:
    metadata = obj.get("metadata") or {}
    return obj | {"metadata": {key: value for key, value in metadata.items() if key != "resourceVersion"}}


def _read(review: Object, uid: str) -> list[Any]:
    """The converted objects of an answer. Raises CallFailed."""
    response = review.get("response")
    if not isinstance(response, dict) or not response:
        raise CallFailed("no response provided")
    sent = response.get("uid", "")
    if sent != uid:
        raise CallFailed(f"expected response.uid={go_quoted(uid)}, got {go_quoted(str(sent))}")
    result = response.get("result")
    result = result if isinstance(result, dict) else {}
    status = result.get("status", "")
    if status != "Success":
        raise CallFailed(result.get("message") or f"response.result.status was '{status}', not 'Success'")
    converted = response.get("convertedObjects") or []
    if not isinstance(converted, list):
        raise CallFailed("json: cannot unmarshal into Go struct field ConversionResponse.response.convertedObjects")
    return converted


def _checked(subject: str, index: int, original: Object, result: Any, api_version: str) -> Object:
    """The converted object with the metadata of the original, labels and annotations apart. Raises InternalError."""
    result = result if isinstance(result, dict) else {}
    version, kind = result.get("apiVersion", ""), result.get("kind", "")
    at = f"{subject} returned invalid object at index {index}"
    if version != api_version:
        text = f"{at}: invalid groupVersion (expected {api_version}, received {version})"
        raise InternalError(text, reason="")
    if kind != original["kind"]:
        raise InternalError(f"{at}: invalid kind (expected {original['kind']}, received {kind})", reason="")
    before, after = original.get("metadata") or {}, result.get("metadata")
    if not isinstance(after, dict):
        raise InternalError(
            f"{subject} returned invalid metadata in object at index {index}: missing metadata in converted object",
            reason="",
        )
    for key, name in _MUST_STAY:
        if before.get(key, "") != after.get(key, ""):
            text = f"must have the same {name}: {before.get(key, '')} != {after.get(key, '')}"
            raise InternalError(f"{subject} returned invalid object: {text}", reason="")
    metadata = {key: value for key, value in before.items() if key not in _MAY_CHANGE}
    for key in _MAY_CHANGE:
        if changed := after.get(key):
            metadata[key] = _texts(changed, f"{subject} returned invalid metadata in object at index {index}: {key}")
    head = {"kind": kind, "apiVersion": api_version, "metadata": put_in_order(metadata)}
    return head | {key: value for key, value in result.items() if key not in head}


def _texts(value: Any, where: str) -> Any:
    if isinstance(value, dict) and all(isinstance(each, str) for each in value.values()):
        return value
    raise InternalError(f"{where}: must be a map of strings", reason="")
