"""A container whose program is a kubectl proxy, played by fakekube's own: the pod's other containers ask it in plain HTTP.

https://kubernetes.io/docs/reference/kubectl/generated/kubectl_proxy/
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fakekube.in_pod.cluster_source import ClusterSource
from fakekube.kubelet import Object
from fakekube.kubelet.source import Token, TokenError, TokenRequest

if TYPE_CHECKING:
    import asyncio

    from fakekube.server.kubeconfig import Endpoint

IMAGES = ("luksa/kubectl-proxy",)
"""Images, without registry and tag, that do nothing but `kubectl proxy`."""

PORT = 8001
"""Where a kubectl proxy listens that was told nothing else."""

EXPIRATION_SECONDS = 3607
TRY_AGAIN_S = 10.0

_PROXY = re.compile(r"(?:^|[\s/;&])kubectl\s(?:.*\s)?proxy(?:\s|$)")
_PORT = re.compile(r"(?:--port|-p)[=\s]\s*(\d+)")


def port_of(container: Object, images: Sequence[str] = ()) -> int | None:
    """The port on localhost that the container's proxy listens on; None: it is no proxy. `images` are such as IMAGES."""
    words = " ".join([*(container.get("command") or ()), *(container.get("args") or ())])
    if not _PROXY.search(words) and not _is_one_of(container["image"], (*IMAGES, *images)):
        return None
    asked = _PORT.search(words)
    return int(asked[1]) if asked else PORT


def _is_one_of(image: str, names: Sequence[str]) -> bool:
    bare = image.partition("@")[0]
    folder, slash, last = bare.rpartition("/")
    bare = folder + slash + last.partition(":")[0]
    return any(bare == name or bare.endswith(f"/{name}") or image == name for name in names)


class Ambassador:
    """A proxy with the pod's service account, on a free port of this machine, in a thread of its own until `stop`."""

    def __init__(self, endpoint: Endpoint, source: ClusterSource, pod: Object) -> None:
        from fakekube.server.proxy import Proxy

        self._source = source
        self._pod = pod
        self._proxy = Proxy(replace(endpoint, client=None, token=self._token().text))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="ambassador", daemon=True)

    @property
    def port(self) -> int:
        return self._proxy.port

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._proxy.stop)
            self._thread.join()

    def _serve(self) -> None:
        import asyncio

        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            renewing = self._loop.create_task(self._renew())
            try:
                await self._proxy.serve(self._ready.set)
            finally:
                renewing.cancel()

        try:
            asyncio.run(serve())
        finally:
            self._ready.set()

    async def _renew(self) -> None:
        import asyncio

        from fakekube.kubelet.token_manager import renew_at

        pause_s = 0.0
        while True:
            await asyncio.sleep(pause_s)
            try:
                token = await asyncio.to_thread(self._token)
            except TokenError:
                pause_s = TRY_AGAIN_S
                continue
            self._proxy.endpoint = replace(self._proxy.endpoint, token=token.text)
            pause_s = (renew_at(token, EXPIRATION_SECONDS) - datetime.now(UTC)).total_seconds()
            pause_s = max(TRY_AGAIN_S, pause_s)

    def _token(self) -> Token:
        return self._source.token(TokenRequest.of_pod(self._pod, EXPIRATION_SECONDS))
