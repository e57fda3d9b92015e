"""How Go reads URLs and writes them anew."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakekube.objects.go_urls import URLError, parse, parse_of_request


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("HTTP://User:p%40ss@Example.com:80/a b?x=1#y z", "http://User:p%40ss@Example.com:80/a%20b?x=1#y%20z"),
        ("http://a", "http://a"),
        ("http://a?", "http://a?"),
        ("mailto:a@b?subject=x", "mailto:a@b?subject=x"),
        ("file:///a", "file:///a"),
        ("file:/a", "file:/a"),
        ("//host/path", "//host/path"),
        ("/a%2Fb", "/a%2Fb"),
        ("*", "*"),
        ("http://[fe80::1%25en0]/", "http://[fe80::1%25en0]/"),
        ("http://é/é", "http://%C3%A9/%C3%A9"),
    ],
)
def test_a_url_is_written_anew(text: str, written: str) -> None:
    assert str(parse(text)) == written


def test_a_request_has_no_fragment() -> None:
    assert parse_of_request("/a#b").path == b"/a#b"
    assert parse("/a#b").path == b"/a"


def test_a_path_that_looks_like_a_host_is_one_where_no_request_is_read() -> None:
    assert parse("//host/path").host == "host"
    assert parse_of_request("//host/path").host == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a:b:c/", None),
        ("1a:b", "first path segment in URL cannot contain colon"),
        ("/a#%zz", 'invalid URL escape "%zz"'),
        ("http://[fe80::1%25%41]/", None),
        ("http://[fe80::1%25%0a]/", 'invalid URL escape "%0a"'),
        ("http://a[::1]/", "invalid IP-literal"),
    ],
)
def test_what_cannot_be_read_is_said_in_the_words_of_go(text: str, reason: str | None) -> None:
    if reason is None:
        parse(text)
    else:
        with pytest.raises(URLError) as raised:
            parse(text)
        assert str(raised.value) == f'parse "{text}": {reason}'


@given(st.text("ab:/?#[]@!%25 é\\\x01", max_size=20))
def test_whatever_is_written_anew_is_read_as_the_same(text: str) -> None:
    with contextlib.suppress(URLError):
        written = str(parse(text))
        assert str(parse(written)) == written
