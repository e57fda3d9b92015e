from __future__ import annotations

from collections.abc import Callable

import pytest

from fakekube.server.health import Health
from fakekube.server.request import Request
from fakekube.server.responses import Response

Ask = Callable[..., Request]
NOSNIFF = (b"x-content-type-options", b"nosniff")


def answer(request: Request, **failed: str) -> Response:
    health = Health()
    health.failed.update(failed)
    response = health.handle(request)
    assert response is not None
    return response


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/livez?exclude=etcd", "/livez?exclude=nothing"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_a_healthy_server_says_ok_to_any_method(ask: Ask, path: str, method: str) -> None:
    response = answer(ask(path, method=method))

    assert (response.status, response.body, response.content_type) == (200, b"ok", b"text/plain; charset=utf-8")
    assert NOSNIFF in response.headers


def test_single_checks_say_ok_without_nosniff(ask: Ask) -> None:
    for path in ("/livez/ping", "/livez/etcd", "/readyz/shutdown", "/livez/poststarthook/rbac/bootstrap-roles"):
        response = answer(ask(path))
        assert (response.body, response.headers) == (b"ok", [])


@pytest.mark.parametrize("path", ["/livez/", "/readyz/nothing", "/readyz/etcd", "/healthz/ping/"])
def test_unknown_checks_are_no_page(ask: Ask, path: str) -> None:
    assert answer(ask(path)).body == b"404 page not found\n"


def test_verbose_lists_the_checks_in_order(ask: Ask) -> None:
    lines = answer(ask("/readyz?verbose=0")).body.decode().split("\n")

    assert lines[:3] == ["[+]ping ok", "[+]log ok", "[+]informer-sync ok"]
    assert lines[-3:] == ["[+]shutdown ok", "readyz check passed", ""]


def test_excluded_checks_are_said_and_unknown_ones_warned_of(ask: Ask) -> None:
    body = answer(ask("/livez?verbose&exclude=ping&exclude=nope&exclude=gone")).body.decode()

    assert body.startswith("[+]ping excluded: ok\n")
    assert body.endswith(
        'warn: some health checks cannot be excluded: no matches for "gone","nope"\nlivez check passed\n'
    )


def test_a_failed_check_fails_its_path_and_only_itself_says_why(ask: Ask) -> None:
    whole = answer(ask("/readyz"), shutdown="process is shutting down")
    single = answer(ask("/readyz/shutdown"), shutdown="process is shutting down")

    assert whole.status == single.status == 500
    assert whole.body.endswith(b"[-]shutdown failed: reason withheld\nreadyz check failed\n")
    assert single.body == b"internal server error: process is shutting down\n"


def test_a_failed_check_that_is_excluded_does_not_matter(ask: Ask) -> None:
    assert answer(ask("/readyz?exclude=shutdown"), shutdown="going").status == 200


def test_other_paths_are_left_to_others(ask: Ask) -> None:
    assert Health().handle(ask("/api")) is None
