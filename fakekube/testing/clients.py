"""Clients of other libraries, ready to use. None of them is needed by fakekube: each is imported when it is asked for."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fakekube.testing.asgi_door import AsgiDoor, Exchange


class LibraryMissing(ImportError):
    """The library that was asked for is not installed; the message says what to install."""


def library(name: str) -> Any:
    """The module. Raises LibraryMissing."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name.partition(".")[0]:
            raise
        raise LibraryMissing(f"{error.name} is not installed: pip install {error.name.replace('_', '-')}") from None


def official_configuration(module: Any, kubeconfig: Path) -> Any:
    """A Configuration of `kubernetes` or `kubernetes_asyncio`, which say the same things; certificates as files beside `kubeconfig`."""
    import yaml

    configuration = type.__call__(module.client.Configuration)
    config = yaml.safe_load(kubeconfig.read_bytes())
    directory = kubeconfig.parent
    configuration.host = config["clusters"][0]["cluster"]["server"]
    configuration.ssl_ca_cert = str(directory / "ca.crt")
    configuration.cert_file = str(directory / "admin.crt")
    configuration.key_file = str(directory / "admin.key")
    configuration.verify_ssl = True
    configuration.proxy = None
    return configuration


def kubernetes(kubeconfig: Path) -> Any:
    """kubernetes.client.ApiClient"""
    module = library("kubernetes")
    return module.client.ApiClient(official_configuration(module, kubeconfig))


def kubernetes_asyncio(kubeconfig: Path) -> Any:
    """kubernetes_asyncio.client.ApiClient; to be made inside the event loop, and closed"""
    module = library("kubernetes_asyncio")
    return module.client.ApiClient(official_configuration(module, kubeconfig))


def kr8s(kubeconfig: Path) -> Any:
    """kr8s.Api"""
    with _any_version():
        return library("kr8s").api(kubeconfig=str(kubeconfig))


def close_kr8s(api: Any) -> None:
    """What kr8s itself leaves to the garbage collector: its connections belong to the loop of its own thread."""
    if api._session is not None:
        library("kr8s._async_utils").as_sync_func(api._session.aclose)()


async def kr8s_asyncio(kubeconfig: Path) -> Any:
    """kr8s.asyncio.Api"""
    with _any_version():
        return await library("kr8s.asyncio").api(kubeconfig=str(kubeconfig))


@contextmanager
def _any_version() -> Iterator[None]:
    """kr8s warns of versions of Kubernetes that are newer than itself, which a test can do nothing about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def lightkube(kubeconfig: Path, namespace: str) -> Any:
    """lightkube.Client"""
    return _lightkube("Client", kubeconfig, namespace)


def lightkube_async(kubeconfig: Path, namespace: str) -> Any:
    """lightkube.AsyncClient"""
    return _lightkube("AsyncClient", kubeconfig, namespace)


def _lightkube(name: str, kubeconfig: Path, namespace: str) -> Any:
    module = library("lightkube")
    # trust_env: httpx would otherwise read the proxies of the environment, and this one is here.
    config = module.KubeConfig.from_file(str(kubeconfig))
    return getattr(module, name)(config=config, namespace=namespace, trust_env=False)


def httpx(door: AsgiDoor, url: str) -> Any:
    """httpx.AsyncClient without a socket; unlike httpx.ASGITransport it gives a watch's events as they come."""
    module = library("httpx")

    class Stream(module.AsyncByteStream):  # type: ignore[misc, name-defined]
        def __init__(self, exchange: Exchange) -> None:
            self.exchange = exchange

        def __aiter__(self) -> Stream:
            return self

        async def __anext__(self) -> bytes:
            while (message := await self.exchange.next()) is not None:
                if message.get("body"):
                    body: bytes = message["body"]
                    return body
            raise StopAsyncIteration

        async def aclose(self) -> None:
            self.exchange.close()

    class Transport(module.AsyncBaseTransport):  # type: ignore[misc, name-defined]
        async def handle_async_request(self, request: Any) -> Any:
            body = await request.aread()
            target = request.url.raw_path.partition(b"?")[0]
            scope = {
                "type": "http",
                "asgi": {"version": "3.0"},
                "http_version": "1.1",
                "method": request.method,
                "headers": [(name.lower(), value) for name, value in request.headers.raw],
                "scheme": request.url.scheme,
                "path": request.url.path,
                "raw_path": target,
                "query_string": request.url.query,
                "server": (request.url.host, request.url.port),
                "client": ("127.0.0.1", 0),
                "root_path": "",
            }
            exchange = door.open(scope)
            exchange.feed({"type": "http.request", "body": body, "more_body": False})
            try:
                start = await exchange.next()
            except BaseException:
                exchange.close()
                raise
            if start is None:
                raise RuntimeError("the application returned without an answer")
            return module.Response(start["status"], headers=start["headers"], stream=Stream(exchange), request=request)

    return module.AsyncClient(transport=Transport(), base_url=url, timeout=None)
