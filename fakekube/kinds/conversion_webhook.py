"""Versions of custom resources that a webhook converts: what it is asked, and what its answer may change.

https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#webhook-conversion
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from fakekube.errors import InternalError
from fakekube.objects.field_errors import go_quoted
from fakekube.objects.go_text import type_text
from fakekube.objects.metadata import validate_annotations, validate_labels
from fakekube.objects.patches import go_json_kind
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
            answer = _read(await ask(self.call, self.config, review, TIMEOUT_S), uid, self.version)
        except CallFailed as error:
            raise InternalError(f"{subject} failed: {error}", reason="") from None
        if len(answer) != len(objects):
            text = f"{subject} returned {len(answer)} objects, expected {len(objects)}"
            raise InternalError(text, reason="")
        return [_checked(subject, obj, result, api_version) for obj, result in zip(objects, answer, strict=True)]


def _sent(obj: Object) -> Object:
    metadata = obj.get("metadata") or {}
    return obj | {"metadata": {key: value for key, value in metadata.items() if key != "resourceVersion"}}


def _read(review: Object, uid: str, version: str) -> list[Any]:
    """The converted objects of an answer. Raises CallFailed."""
    head = review.get("apiVersion") or "/", review.get("kind") or ""
    if version == "v1" and head != (f"{GROUP}/v1", KIND):
        raise CallFailed(f"expected webhook response of {GROUP}/v1, Kind={KIND}, got {head[0]}, Kind={head[1]}")
    response = review.get("response")
    if not isinstance(response, dict) or not response:
        raise CallFailed("no response provided")
    sent = response.get("uid", "")
    if version == "v1" and sent != uid:
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


def _checked(subject: str, original: Object, result: Any, api_version: str) -> Object:
    """The converted object with the metadata of the original, labels and annotations apart. Raises InternalError.

    The server asks about one object at a time, so that the place of what is wrong is always the first.
    """
    if why := _no_object(result):
        raise InternalError(why, reason="")
    version, kind = result.get("apiVersion", ""), result["kind"]
    at = f"{subject} returned invalid object at index 0"
    if version != api_version:
        text = f"{at}: invalid groupVersion (expected {api_version}, received {version})"
        raise InternalError(text, reason="")
    if kind != original["kind"]:
        raise InternalError(f"{at}: invalid kind (expected {original['kind']}, received {kind})", reason="")
    before, after = original.get("metadata") or {}, result.get("metadata")
    named = after if isinstance(after, dict) else {}
    for key, name in _MUST_STAY:
        if before.get(key, "") != named.get(key, ""):
            text = f"must have the same {name}: {before.get(key, '')} != {named.get(key, '')}"
            raise InternalError(f"{subject} returned invalid object: {text}", reason="")
    metadata = {key: value for key, value in before.items() if key not in _MAY_CHANGE}
    for key in _MAY_CHANGE:
        if (changed := named.get(key)) is None:
            continue
        if why := _no_texts(changed, key) or _invalid_texts(changed, before.get(key) or {}, key):
            raise InternalError(f"{subject} returned invalid metadata: {why}", reason="")
        metadata[key] = changed
    head = {"kind": kind, "apiVersion": api_version, "metadata": put_in_order(metadata)}
    return head | {key: value for key, value in result.items() if key not in head}


def _no_object(result: Any) -> str:
    """Why a converted object is none; empty where it is one."""
    if result is None:
        return "unexpected end of JSON input"
    if not isinstance(result, dict):
        return f"json: cannot unmarshal {go_json_kind(result)} into Go value of type map[string]interface {{}}"
    if not result.get("kind"):
        return f"Object 'Kind' is missing in '{orjson.dumps(result).decode()}'"
    return ""


def _no_texts(value: Any, key: str) -> str:
    if not isinstance(value, dict):
        return f"invalid metadata.{key} of type {type_text(value)} in converted object"
    for name, each in value.items():
        if not isinstance(each, str):
            return f"metadata.{key}[{name}] must be a string, but is {type_text(each)} in converted object"
    return ""


def _invalid_texts(value: Object, before: Object, key: str) -> str:
    """What is wrong with labels or annotations that have changed."""
    if value == before:
        return ""
    errors = validate_labels(value, "metadata.labels")
    if key == "annotations":
        errors = validate_annotations(value, "metadata.annotation")
    told = list(dict.fromkeys(map(str, errors)))
    return told[0] if len(told) == 1 else f"[{', '.join(told)}]" if told else ""
