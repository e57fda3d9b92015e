"""A test's own requests: through the front door like anyone's, but in this process, and refusals become exceptions that teach."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson

from fakekube import errors
from fakekube.errors import NotFound, StatusError

if TYPE_CHECKING:
    from fakekube.kinds import Kinds
    from fakekube.registry.kind import Kind
    from fakekube.server.app import App
    from fakekube.server.responses import Header

Object = dict[str, Any]

SENT_CHARACTERS = 2000
"""So much of what was sent is shown beside a refusal."""
NAMES_SHOWN = 20


async def ask(
    app: App,
    headers: Sequence[Header],
    method: str,
    path: str,
    query: Mapping[str, str],
    body: Any,
    content_type: str,
) -> Any:
    """The JSON of the answer. Runs in the server's loop. Raises StatusError as the server words it."""
    status = 0
    parts: list[bytes] = []
    sent: list[Any] = [] if body is None else [{"type": "http.request", "body": orjson.dumps(body), "more_body": False}]

    async def receive() -> Any:
        if sent:
            return sent.pop()
        if body is None:
            return {"type": "http.request", "body": b"", "more_body": False}
        # A caller in this process does not leave.
        return await asyncio.get_running_loop().create_future()

    async def send(message: Any) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            parts.append(message.get("body", b""))

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": urlencode(query).encode(),
        "headers": [*headers, *([(b"content-type", content_type.encode())] if body is not None else ())],
    }
    await app(scope, receive, send)
    text = b"".join(parts)
    try:
        answer = orjson.loads(text) if text else None
    except ValueError:
        answer = None
    if status < 300:
        return answer
    raise refusal(status, answer, text)


def refusal(code: int, answer: Any, text: bytes) -> StatusError:
    """The exception of a Status."""
    if not isinstance(answer, dict) or answer.get("kind") != "Status":
        return StatusError(text.decode("utf-8", "replace").strip(), code=code)
    reason = answer.get("reason", "")
    return _BY_REASON.get(reason, StatusError)(
        answer.get("message", ""),
        answer.get("details"),
        code=answer.get("code", code),
        reason=reason,
        list_metadata=answer.get("metadata"),
    )


_BY_REASON: dict[str, type[StatusError]] = {
    each.reason: each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, StatusError) and each.reason
}


def note_what_was_sent(error: StatusError, method: str, path: str, body: Any) -> None:
    text = json.dumps(body, indent=2, ensure_ascii=False, default=str)
    if len(text) > SENT_CHARACTERS:
        text = f"{text[:SENT_CHARACTERS]}\n... ({len(text)} characters in all)"
    error.add_note(f"{method} {path} was sent:\n{text}")


def listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more


def kind_named(kinds: Kinds, name: str) -> Kind:
    """By kind, plural, singular or short name, in any case, with `.group` or `.version.group` after it as kubectl takes it: `Pod`,
    `deploy`, `jobs.batch`, `horizontalpodautoscalers.v2.autoscaling`.

    Raises NotFound, with what is near.
    """
    wanted, _, rest = name.lower().partition(".")
    for kind in kinds:
        if rest and rest not in (kind.group, f"{kind.version}.{kind.group}" if kind.group else kind.version):
            continue
        if wanted in (kind.resource, kind.singular, kind.kind.lower(), *kind.short_names):
            return kind
    error = NotFound("the server could not find the requested resource", {})
    known = sorted({each for kind in kinds for each in (kind.resource, kind.kind.lower())})
    near = get_close_matches(wanted, known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "is its CustomResourceDefinition missing?"
    error.add_note(f"no resource {name!r} is served: {hint}")
    raise error


def kind_of(kinds: Kinds, obj: Mapping[str, Any]) -> Kind:
    """By `apiVersion` and `kind` of a manifest. Raises NotFound, with what is near."""
    api_version, name = obj["apiVersion"], obj["kind"]
    group, _, version = api_version.rpartition("/")
    kind = kinds.of_kind(group, version, name)
    if kind is not None:
        return kind
    error = NotFound(f'no matches for kind "{name}" in version "{api_version}"', {})
    versions = [each.api_version for each in kinds if each.kind == name]
    near = get_close_matches(name, sorted({each.kind for each in kinds}), n=3)
    if versions:
        error.add_note(f"{name} is served as {' and '.join(versions)}")
    elif near:
        error.add_note(f"did you mean {' or '.join(near)}? If not, is its CustomResourceDefinition missing?")
    else:
        error.add_note("is its CustomResourceDefinition missing?")
    raise error
