"""Webhooks that a test answers itself, in its own process: no certificate, no port.

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
"""

from __future__ import annotations

import asyncio
import base64
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from fakekube.registry.kind import Object
from fakekube.registry.webhook_calls import SERVICE_PORT, CallFailed, url_of

Answer = Callable[[Object], Object | Awaitable[Object]]
"""From an AdmissionReview or ConversionReview as it is sent to the review that is answered, or to its `response` alone."""


class WebhooksHandle:
    """`kube.webhooks`: who answers at which address, until the next reset."""

    def __init__(self) -> None:
        self.in_process: dict[str, Callable[[bytes], Awaitable[bytes]]] = {}

    def serve(self, address: str, answer: Answer, *, path: str = "", port: int = SERVICE_PORT) -> None:
        """Have `answer` asked instead of whatever is at `address`: a URL, or `NAMESPACE/NAME` of a Service, which need not be there.

        A response needs no uid; without `allowed` it allows; `patch` may be a list of JSON patch operations. `answer` may be a coroutine
        function, which runs in the server's loop; any other function runs in a thread, where it may use the cluster. What it raises is told
        as a failure of the webhook. Raises ValueError for an address that is none.
        """
        self.in_process[_url(address, path, port)] = _carried(answer)

    def clear(self) -> None:
        self.in_process.clear()


def _url(address: str, path: str, port: int) -> str:
    if address.startswith("https://"):
        return url_of({"url": address + path})
    namespace, slash, name = address.partition("/")
    if not slash or not namespace or not name or "/" in name:
        message = f"{address!r} is no address of a webhook: expected https://HOST[/PATH] or NAMESPACE/SERVICE"
        raise ValueError(message)
    return url_of({"service": {"namespace": namespace, "name": name, "path": path, "port": port}})


def _carried(answer: Answer) -> Callable[[bytes], Awaitable[bytes]]:
    async def carried(text: bytes) -> bytes:
        review = orjson.loads(text)
        try:
            if inspect.iscoroutinefunction(answer):
                answered = await answer(review)
            else:
                answered = await asyncio.to_thread(answer, review)
        except Exception as error:
            raise CallFailed(f"{type(error).__name__} in the test's webhook: {error}") from error
        return orjson.dumps(_whole(review, answered))

    return carried


def _whole(review: Object, answered: Any) -> Any:
    if not isinstance(answered, dict) or "response" in answered:
        return answered
    response: Object = {"uid": (review.get("request") or {}).get("uid", "")} | answered
    if review["kind"] == "AdmissionReview":
        response.setdefault("allowed", True)
        if isinstance(response.get("patch"), list):
            patch = base64.b64encode(orjson.dumps(response["patch"])).decode()
            response["patchType"], response["patch"] = "JSONPatch", patch
    elif "result" not in response:
        response["result"] = {"status": "Success"}
    return {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}
