from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from fakekube.remote import Remote, RemoteError, Resource
from fakekube.server.certificates import Certificates
from fakekube.server.kubeconfig import Endpoint
from fakekube.server.responses import Receive, Scope, Send
from fakekube.server.run import RunningServer

CERTIFICATES = Certificates.in_memory()

ANSWERS = {
    "/page": (200, b"<html>"),
    "/empty": (200, b""),
    "/status": (409, b'{"kind":"Status","message":"it is there","reason":"AlreadyExists"}'),
    "/text": (404, b"404 page not found\n"),
    "/nothing": (500, b""),
}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    message = await receive()
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    echo = [scope["method"], scope["query_string"].decode(), headers.get("authorization"), headers.get("content-type"),
            message["body"].decode()]  # fmt: skip
    status, body = ANSWERS.get(scope["path"], (200, json.dumps(echo).encode()))
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = RunningServer(app, certificates=CERTIFICATES)
    server.start()
    yield server.url
    server.stop()


@pytest.fixture
def remote(url: str) -> Iterator[Remote]:
    with Remote(Endpoint(url, CERTIFICATES.ca.certificate, token="my-token")) as remote:
        yield remote


def test_what_is_asked_arrives(remote: Remote) -> None:
    assert remote.ask("POST", "/x", query={"labelSelector": "a=b,c"}, body={"a": 1}) == [
        "POST", "labelSelector=a%3Db%2Cc", "Bearer my-token", "application/json", '{"a": 1}'
    ]  # fmt: skip
    assert remote.ask("GET", "/x") == ["GET", "", "Bearer my-token", None, ""]
    assert remote.ask("GET", "/empty") is None


@pytest.mark.parametrize(
    ("path", "message", "reason", "code"),
    [
        ("/status", "it is there", "AlreadyExists", 409),
        ("/text", "404 page not found", "", 404),
        ("/nothing", "HTTP 500 without a text", "", 500),
        ("/page", "the server is not a Kubernetes API server: it does not answer in JSON", "", 0),
    ],
)
def test_a_refusal_is_the_servers_words(remote: Remote, path: str, message: str, reason: str, code: int) -> None:
    with pytest.raises(RemoteError) as caught:
        remote.ask("GET", path)

    assert (caught.value.message, caught.value.reason, caught.value.code) == (message, reason, code)


def test_a_server_that_is_not_trusted_is_told(url: str) -> None:
    with (
        Remote(Endpoint(url)) as remote,
        pytest.raises(RemoteError, match=r"shows a certificate that .* does not trust"),
    ):
        remote.ask("GET", "/x")


@pytest.mark.parametrize(
    ("resource", "namespace", "name", "path"),
    [
        (Resource("", "v1", "pods", "pod", "Pod", True, (), ()), "shop", "web", "/api/v1/namespaces/shop/pods/web"),
        (Resource("", "v1", "pods", "pod", "Pod", True, (), ()), None, None, "/api/v1/pods"),
        (Resource("", "v1", "nodes", "node", "Node", False, (), ()), "shop", "n1", "/api/v1/nodes/n1"),
        (
            Resource("batch", "v1", "jobs", "job", "Job", True, (), ()),
            "shop",
            None,
            "/apis/batch/v1/namespaces/shop/jobs",
        ),
    ],
)
def test_paths_are_those_of_the_api(resource: Resource, namespace: str | None, name: str | None, path: str) -> None:
    assert resource.path(namespace, name) == path
