"""How the server asks a webhook: one review there, one back. Who carries it is nobody's affair here (server/webhook_client.py does).

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#contacting-the-webhook
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import orjson

from fakekube.registry.kind import Object

ClientConfig = Mapping[str, Any]
"""`clientConfig` of a configuration: `url` or `service`, and perhaps `caBundle`."""

SERVICE_PORT = 443


class CallFailed(Exception):
    """The webhook gave no answer that can be read; the message is what the API server says about it."""


class CallWebhook(Protocol):
    """Carries a review to where `config` points and returns the body of the answer. Raises CallFailed, after `timeout_s` at the latest."""

    async def __call__(self, config: ClientConfig, review: bytes, timeout_s: int) -> bytes: ...


async def nobody(config: ClientConfig, review: bytes, timeout_s: int) -> bytes:
    """The caller of a control plane without a network."""
    raise CallFailed(f"{posted(config, timeout_s)}: there is no way to webhooks from here")


def url_of(config: ClientConfig) -> str:
    """Where the webhook is: the URL, or the DNS name of its service."""
    service = config.get("service")
    if service is None:
        url: str = config["url"]
        return url if "/" in url.partition("://")[2] else f"{url}/"
    port = service.get("port") or SERVICE_PORT
    path = "/" + (service.get("path") or "").lstrip("/")
    return f"https://{service['name']}.{service['namespace']}.svc:{port}{path}"


def posted(config: ClientConfig, timeout_s: int) -> str:
    """How errors call the request: `Post "https://host/path?timeout=10s"`."""
    return f'Post "{url_of(config)}?timeout={timeout_s}s"'


def version_of(wanted: Sequence[str], known: Sequence[str] = ("v1", "v1beta1")) -> str:
    """The first version of reviews that the server speaks as well; validation has seen to it that there is one."""
    return next(version for version in wanted if version in known)


async def ask(call: CallWebhook, config: ClientConfig, review: Object, timeout_s: int) -> Object:
    """The review that comes back, of the same kind and version. Raises CallFailed."""
    answer = _read(await call(config, orjson.dumps(review), timeout_s))
    # What does not say what it is is taken for what was expected.
    version, kind = answer.get("apiVersion") or review["apiVersion"], answer.get("kind") or review["kind"]
    if (version, kind) != (review["apiVersion"], review["kind"]):
        raise CallFailed(_another(str(version), str(kind), review))
    return answer


HEAD = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'


def _read(text: bytes) -> Object:
    """The object in an answer: JSON, or YAML where it does not look like that. Raises CallFailed."""
    try:
        answer = orjson.loads(text)
    except orjson.JSONDecodeError:
        if text.lstrip().startswith(b"{"):
            raise CallFailed(f"couldn't get version/kind; json parse error: {why_no_json(text)}") from None
        answer = _read_yaml(text)
    if answer is None:
        return {}
    if not isinstance(answer, dict):
        from fakekube.objects.patches import go_json_kind

        what = f"json: cannot unmarshal {go_json_kind(answer)} into Go value of type {HEAD}"
        raise CallFailed(f"couldn't get version/kind; json parse error: {what}")
    return answer


def _read_yaml(text: bytes) -> Any:
    from fakekube.objects import yaml

    try:
        return yaml.load(text).value
    except yaml.YAMLError as error:
        raise CallFailed(f"couldn't get version/kind; json parse error: {error}") from None


def why_no_json(text: bytes) -> str:
    """What Go's reader says about a text that is no JSON."""
    from fakekube.objects import go_json

    try:
        go_json.read(text)
    except go_json.JSONError as error:
        return str(error)
    return "invalid value"


def _another(version: str, kind: str, review: Object) -> str:
    group, _, wanted = review["apiVersion"].partition("/")
    if kind == review["kind"] and version in (f"{group}/v1", f"{group}/v1beta1"):
        return f"converting ({version.partition('/')[2]}.{kind}) to ({wanted}.{kind}): unknown conversion"
    if version == "v1" and kind in _KNOWN_EVERYWHERE:
        return f"converting ({version}.{kind}) to ({wanted}.{review['kind']}): unknown conversion"
    return f'no kind "{kind}" is registered for version "{version}" in scheme "{_SCHEME}"'


_KNOWN_EVERYWHERE = frozenset({"APIGroup", "APIGroupList", "APIResourceList", "APIVersions", "Status"})
_SCHEME = "k8s.io/apiserver/pkg/util/webhook/client.go:71"
"""By what messages call the list of all that the caller of webhooks can read."""
