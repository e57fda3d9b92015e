from __future__ import annotations

import json
import socket
import threading

import pytest

from fakekube import FakeCluster
from fakekube.in_pod.connection import Connection, ConnectionLost, masked
from fakekube.remote import RemoteError
from fakekube.server.certificates import Certificates
from fakekube.server.kubeconfig import Endpoint


def test_answers_come_as_objects_one_after_another(connection: Connection) -> None:
    assert connection.ask("GET", "/version")["major"] == "1"
    made = connection.ask(
        "POST",
        "/api/v1/namespaces/default/configmaps",
        body={"metadata": {"name": "large"}, "data": {"a": "b" * 200_000}},
    )
    assert len(made["data"]["a"]) == 200_000
    assert connection.ask(
        "GET", "/api/v1/namespaces/default/configmaps", query={"fieldSelector": "metadata.name=large"}
    )["items"]


def test_a_refusal_has_the_servers_words(connection: Connection) -> None:
    with pytest.raises(RemoteError, match='pods "none" not found') as raised:
        connection.ask("GET", "/api/v1/namespaces/default/pods/none")

    assert (raised.value.code, raised.value.reason) == (404, "NotFound")


def test_a_connection_that_the_server_has_closed_is_opened_again(kube: FakeCluster, connection: Connection) -> None:
    connection.ask("GET", "/version")
    assert connection._socket is not None
    connection._socket.shutdown(socket.SHUT_RDWR)

    assert connection.ask("GET", "/version")["major"] == "1"


def test_a_server_that_is_not_there_is_told_with_what_to_do() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"

        with pytest.raises(RemoteError, match=r"cannot be reached: .*Is `fakekube serve` running\?"):
            Connection(Endpoint(url)).ask("GET", "/version")


def test_a_certificate_of_somebody_else_is_not_trusted(kube: FakeCluster, tmp_path: object) -> None:
    from fakekube.server.certificates import create_ca

    with pytest.raises(RemoteError, match="shows a certificate that the kubeconfig does not trust"):
        Connection(Endpoint(kube.url, create_ca().certificate)).ask("GET", "/version")


def test_a_server_that_does_not_speak_http_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            other, _ = listener.accept()
            other.recv(1 << 16)
            other.sendall(b"SSH-2.0-OpenSSH\r\n\r\n")
            other.close()

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(RemoteError, match="does not speak HTTP"):
            Connection(Endpoint(f"http://127.0.0.1:{listener.getsockname()[1]}")).ask("GET", "/version")
        thread.join()


def test_a_watch_comes_line_by_line_until_somebody_closes_it(kube: FakeCluster, connection: Connection) -> None:
    lines = connection.lines("/api/v1/namespaces/default/configmaps", {"watch": "true"})
    assert json.loads(next(lines))["object"]["metadata"]["name"] == "kube-root-ca.crt"

    closing = threading.Timer(0, connection.close)
    closing.start()
    with pytest.raises(ConnectionLost):
        next(lines)
    closing.join()


def test_a_refused_watch_is_a_refusal(connection: Connection) -> None:
    with pytest.raises(RemoteError, match="sendInitialEvents"):
        next(connection.lines("/api/v1/pods", {"watch": "true", "sendInitialEvents": "true"}))


def test_a_path_that_is_no_websocket_is_told(connection: Connection) -> None:
    with pytest.raises(RemoteError) as raised:
        connection.websocket("/version")

    assert raised.value.code == 200


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 1000])
def test_masking_twice_gives_what_was_there(size: int) -> None:
    data, mask = bytes(range(256)) * 4, b"\x01\x02\x03\x04"

    once = masked(data[:size], mask)

    assert masked(once, mask) == data[:size]
    assert once[:4] == bytes(a ^ b for a, b in zip(data[: min(size, 4)], mask, strict=False))


def test_certificates_name_where_views_find_the_server() -> None:
    context = Endpoint("https://127.96.0.1", Certificates.in_memory().ca.certificate).context()

    assert context is not None
    assert context.check_hostname
