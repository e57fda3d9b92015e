from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import pytest

from fakekube.server import swagger_ui
from fakekube.server.request import Request
from fakekube.server.responses import Response

Ask = Callable[..., Request]
installed = pytest.mark.skipif(find_spec("swagger_ui_bundle") is None, reason="needs the extra fakekube[ui]")


def answer(request: Request) -> Response:
    response = swagger_ui.handle(request)
    assert response is not None
    return response


@installed
def test_the_page_and_all_it_names_are_served(ask: Ask) -> None:
    page = answer(ask("/swagger-ui/"))

    assert page.content_type == b"text/html; charset=utf-8"
    for name in ("swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js", "documents.js"):
        assert f'"{name}"'.encode() in page.body
        assert answer(ask(f"/swagger-ui/{name}")).status == 200


@installed
def test_addresses_are_relative_so_that_a_proxy_may_stand_before(ask: Ask) -> None:
    assert b'fetch("../openapi/v3")' in answer(ask("/swagger-ui/documents.js")).body
    assert b'"/' not in answer(ask("/swagger-ui/")).body.replace(b"</", b"")
    assert dict(answer(ask("/swagger-ui")).headers)[b"location"] == b"swagger-ui/"


@installed
def test_what_is_tried_out_is_sent_as_json(ask: Ask) -> None:
    script = answer(ask("/swagger-ui/documents.js")).body

    assert b'request.headers["Content-Type"] = "application/json"' in script


@installed
@pytest.mark.parametrize(
    "name",
    ["../__init__.py", "..%2f__init__.py", "/etc/passwd", "index.j2", "x", "swagger-ui.css/", "%2e%2e/x", "\x00"],
)
def test_nothing_else_is_served(ask: Ask, name: str) -> None:
    assert answer(ask(f"/swagger-ui/{name}")).status == 404


def test_without_the_bundle_a_page_says_what_to_install(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swagger_ui, "_bundle", lambda: None)

    response = answer(ask("/swagger-ui/"))

    assert response.status == 404
    assert b"pip install 'fakekube[ui]'" in response.body


def test_other_paths_are_left_to_others(ask: Ask) -> None:
    assert swagger_ui.handle(ask("/swagger-uiz")) is None
